#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Volumes: named, bound, anonymous.
. "$(dirname "$0")/../lib.sh"
import_busybox

project vo <<'E'
services:
  a:
    image: bb
    stop_signal: SIGKILL
    volumes:
      - named:/named
      - seeded:/data
      - ./bound:/bound
      - ./bound:/ro:ro
      - ./made/by/us:/made
      - type: bind
        source: ./bound
        target: /long
        read_only: true
      - type: volume
        source: seeded
        target: /fresh
        volume: {nocopy: true}
      - /anonymous
  b:
    image: bb
    stop_signal: SIGKILL
    volumes: [named:/elsewhere]
volumes:
  named:
    labels: {purpose: testing}
  seeded:
E
mkdir bound; echo from-the-host >bound/f

it 'a named volume is shared' <<'E'
cmp up -d
cmp exec -T a sh -c 'echo shared >/named/f'
eq "$(cmp exec -T b cat /elsewhere/f)" shared
E
it 'a new volume takes what the image has there' <<'E'
eq "$(cmp exec -T a cat /data/seed)" from-the-image
E
it 'a bound directory is the host'\''s, both ways' <<'E'
eq "$(cmp exec -T a cat /bound/f)" from-the-host
cmp exec -T a sh -c 'echo back >/bound/g'
eq "$(cat bound/g)" back
E
it 'read-only means it' <<'E'
fails cmp exec -T a sh -c 'echo x >/ro/x'
fails cmp exec -T a sh -c 'echo x >/long/x'
fails cmp exec -T a mount -o remount,rw /ro
E
it 'a missing source of a short bind is made' <<'E'
[ -d made/by/us ]
E
it 'a missing source is an error when it is not to be made' <<'E'
mkdir -p ../vm; cd ../vm
printf 'services: {a: {image: bb, volumes: [{type: bind, source: ./nosuch, target: /x, bind: {create_host_path: false}}]}}\n' >compose.yaml
exits 1 cmp up -d 2>err
has "$(cat err)" nosuch
[ ! -e nosuch ]
cmp down -t 0
E
it 'volume ls, inspect and labels' <<'E'
has "$(cmp volume ls)" vo_named
eq "$(api GET volumes/vo_named | jq -r '.labels.purpose // .Labels.purpose')" testing
eq "$(api GET volumes/vo_named | jq -r '(.labels // .Labels)."com.docker.compose.project"')" vo
has "$(cmp volume inspect vo_named)" vo_named
E
it 'a volume in use cannot be removed' <<'E'
fails cmp volume rm vo_named 2>err
has "$(cat err)" vo_named
E
it 'content stays when the container is recreated' <<'E'
cmp exec -T a sh -c 'echo anon >/anonymous/f'
cmp up -d --force-recreate a
eq "$(cmp exec -T a cat /named/f)" shared
eq "$(cmp exec -T a cat /anonymous/f)" anon
cmp up -d --force-recreate -V a
fails cmp exec -T a cat /anonymous/f
E
it 'an anonymous volume that the service has no more does not come along' <<'E'
mkdir -p ../an; cd ../an
printf 'services:\n  a: {image: bb, stop_signal: SIGKILL, volumes: [/gone, /kept]}\n' >compose.yaml
cmp up -d
cmp exec -T a sh -c 'echo anon >/gone/f; echo anon >/kept/f'
printf 'services:\n  a: {image: bb, stop_signal: SIGKILL, volumes: [/kept]}\n' >compose.yaml
cmp up -d
fails cmp exec -T a ls /gone
eq "$(cmp exec -T a cat /kept/f)" anon
cmp down -v
cmp volume prune -f
E
it 'prune removes what nobody uses, and only that' <<'E'
cmp volume create lonely
cmp volume prune -a -f >out
has "$(cat out)" lonely
api GET volumes/vo_named
E
it 'an external volume is used and kept; a missing one is an error' <<'E'
mkdir -p ../ve; cd ../ve
printf 'services: {a: {image: bb, stop_signal: SIGKILL, volumes: ["ext:/x"]}}\nvolumes: {ext: {external: true, name: outside}}\n' >compose.yaml
exits 1 cmp up -d 2>err
has "$(cat err)" outside
cmp volume create outside
cmp up -d
cmp down -v
api GET volumes/outside
cmp volume rm outside
E
it 'a link in the image does not lead a mount out of the container' <<'E'
mkdir -p ../vl; cd ../vl
mkdir -p r/bin; cp "$(command -v busybox)" r/bin/busybox; ln -s busybox r/bin/sh; ln -s busybox r/bin/sleep; ln -s busybox r/bin/cat
ln -s "$WORK/vl/outside" r/link
mkdir outside
cmp import -c 'CMD ["sleep","100"]' r evil
printf 'services: {a: {image: evil, stop_signal: SIGKILL, volumes: ["vol:/link/y"]}}\nvolumes: {vol: }\n' >compose.yaml
cmp up -d || true
[ ! -e outside/y ]
cmp down -v
cmp rmi evil
E
it 'down -v removes the project'\''s volumes' <<'E'
cmp down -v
eq "$(api GET volumes | jq length)" 0
E
finish

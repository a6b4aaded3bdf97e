#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# tmpfs, secrets and configs, read-only roots.
. "$(dirname "$0")/../lib.sh"
import_busybox

project ts <<'E'
services:
  a:
    image: bb
    stop_signal: SIGKILL
    read_only: true
    tmpfs:
      - /scratch
      - /small:size=64k,mode=700
    secrets:
      - plain
      - source: from_env
        target: renamed
        mode: 0440
    configs:
      - source: conf
        target: /etc/app.conf
      - source: inline
secrets:
  plain: {file: ./secret.txt}
  from_env: {environment: THE_SECRET}
configs:
  conf: {file: ./app.conf}
  inline: {content: "written here\n"}
E
echo s3cret >secret.txt
echo 'key = value' >app.conf
THE_SECRET=env-value
export THE_SECRET

it 'a read-only root refuses, a tmpfs takes' <<'E'
cmp up -d
fails cmp exec -T a touch /x
cmp exec -T a touch /scratch/x
eq "$(cmp exec -T a stat -f -c %T /scratch)" tmpfs
E
it 'size and mode of a tmpfs are kept' <<'E'
eq "$(cmp exec -T a stat -c %a /small)" 700
fails cmp exec -T a dd if=/dev/zero of=/small/f bs=1k count=200
E
it 'secrets are files under /run/secrets' <<'E'
eq "$(cmp exec -T a cat /run/secrets/plain)" s3cret
eq "$(cmp exec -T a cat /run/secrets/renamed)" env-value
eq "$(cmp exec -T a stat -c %a /run/secrets/renamed)" 440
E
it 'a secret from the environment is not on disk' <<'E'
fails grep -rql env-value "$CMP_STATE_DIR" --exclude='*.db*'
E
it 'secrets are not in the environment, inspect or the model' <<'E'
fails grep -q env-value /proc/"$(pid_of ts-a-1)"/environ
hasnt "$(api GET projects/ts)" env-value
E
it 'configs are files' <<'E'
eq "$(cmp exec -T a cat /etc/app.conf)" 'key = value'
eq "$(cmp exec -T a cat /inline)" 'written here'
E
it 'they are there again after a restart' <<'E'
cmp restart -t 0
eq "$(cmp exec -T a cat /run/secrets/renamed)" env-value
E
it 'the values are needed by what makes containers only' <<'E'
unset THE_SECRET
cmp plan || [ $? = 10 ]
exits 1 cmp up -d --force-recreate 2>err
has "$(cat err)" 'compose.yaml:20:27: error: secrets.from_env: environment variable "THE_SECRET" is not set'
exits 1 cmp run --rm a true 2>err
has "$(cat err)" THE_SECRET
eq "$(running ts)" 1
cmp restart -t 0
cmp down -t 0
eq "$(running ts)" 0
E
it 'a missing secret file is an error before anything starts' <<'E'
rm secret.txt
cmp down -t 0
exits 1 cmp up -d 2>err
has "$(cat err)" secret.txt
eq "$(running ts)" 0
E
finish

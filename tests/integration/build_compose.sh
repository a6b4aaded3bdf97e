#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# `build:` of Compose files: cmp build, up, run.
. "$(dirname "$0")/../lib.sh"
import_busybox

project bc <<'E'
services:
  web:
    build: {context: ./web, args: {WHO: file}, labels: {l: "1"}, tags: ["extra:1"]}
    image: made:v1
    command: ["sleep", "1000"]
    stop_signal: SIGKILL
  worker:
    build:
      context: .
      dockerfile_inline: |
        FROM bb AS base
        RUN echo inline >/i
        FROM base AS last
        RUN false
      target: base
      secrets: [s]
    command: ["sh", "-c", "cat /i; sleep 1000"]
    stop_signal: SIGKILL
  plain: {image: bb, stop_signal: SIGKILL}
secrets:
  s: {file: ./s.txt}
E
mkdir web; echo sec >s.txt
printf 'FROM bb\nARG WHO\nARG MORE=none\nRUN echo $WHO $MORE >/who\n' >web/Dockerfile
it 'up builds what is missing' <<'E'
cmp up -d 2>err || { cat err; false; }
eq "$(running bc)" 3
eq "$(cmp exec -T web cat /who)" 'file none'
eq "$(cmp exec -T worker cat /i)" inline
has "$(cat err)" 'web [2/2] RUN'
eq "$(api GET images/extra:1 | jq -r .id)" "$(api GET images/made:v1 | jq -r .id)"
eq "$(api GET images/made:v1 | jq -r '.document.config.Labels."com.docker.compose.service"')" web
api GET images/bc-worker >/dev/null
E
it 'a second up builds nothing; --build looks again and recreates what changed' <<'E'
cmp up -d 2>err
hasnt "$(cat err)" '[2/2]'
id=$(id_of bc-worker-1)
printf 'FROM bb\nARG WHO\nRUN echo new $WHO >/who\n' >web/Dockerfile
cmp up -d --build 2>err
eq "$(cmp exec -T web cat /who)" 'new file'
eq "$(id_of bc-worker-1)" "$id"
E
it 'build: services, arguments, quiet' <<'E'
cmp build --build-arg WHO=cli web 2>err
hasnt "$(cat err)" worker
cmp build -q worker >out 2>err
eq "$(cat out err)" ''
cmp up -d
eq "$(cmp exec -T web cat /who)" 'new cli'
fails cmp build nosuch 2>err
has "$(cat err)" 'no such service: nosuch'
E
it 'run and create build, too' <<'E'
cmp down
cmp rmi -f made:v1 extra:1 >/dev/null
eq "$(cmp run --rm -T web cat /who 2>/dev/null)" 'new file'
cmp rmi -f made:v1 extra:1 >/dev/null
cmp create 2>err
has "$(cat err)" 'RUN'
cmp down
cmp rmi -f made:v1 >/dev/null
fails cmp up -d --no-build 2>err
E
it 'a build that fails stops up' <<'E'
printf 'FROM bb\nRUN exit 3\n' >web/Dockerfile
fails cmp up -d --build 2>err
has "$(cat err)" 'web: '
has "$(cat err)" 'exit code 3'
eq "$(running bc)" 0
E
it 'what means the other form is told so' <<'E'
fails cmp build . 2>err
has "$(cat err)" 'cmp image build'
fails cmp build -t x . 2>err
has "$(cat err)" 'cmp image build'
E
it 'keys that are not supported are refused' <<'E'
mkdir ../no; cd ../no
printf 'services: {a: {build: {context: ., ssh: [default]}}}\n' >compose.yaml
printf 'FROM bb\n' >Dockerfile
fails cmp build 2>err
has "$(cat err)" 'build.ssh is not supported'
E
finish

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Lifecycle hooks: post_start and pre_stop.
. "$(dirname "$0")/../lib.sh"
import_busybox

mkdir "$WORK/hk" && cd "$WORK/hk" || exit 2
mkdir out
cat >compose.yaml <<'Y'
name: hk
services:
  web:
    image: bb
    stop_signal: SIGKILL
    volumes: [./out:/out]
    post_start:
      - command: ["sh", "-c", "echo one $$A $$(id -u) $$PWD >>/out/log"]
        user: app
        working_dir: /home/app
        environment: {A: first}
      - command: sh -c 'echo two >>/out/log'
    pre_stop:
      - command: sh -c 'echo bye >>/out/log'
  after:
    image: bb
    stop_signal: SIGKILL
    volumes: [./out:/out]
    command: ["sh", "-c", "echo after >>/out/log; sleep 1000"]
    depends_on: [web]
Y
chmod 777 out

it 'run in order after the start, as they say, before what depends on it' <<'E'
cmp up -d
eq "$(cat out/log)" "one first 1000 /home/app
two
after"
E
it 'a container that runs already has none run' <<'E'
cmp up -d
eq "$(wc -l <out/log)" 3
E
it 'one that is started or restarted has' <<'E'
: >out/log
cmp restart --no-deps web
eq "$(cat out/log)" "bye
one first 1000 /home/app
two"
: >out/log
cmp stop web
eq "$(cat out/log)" bye
cmp stop web
eq "$(cat out/log)" bye
cmp start web
eq "$(wc -l <out/log)" 3
E
it 'down runs those before the stop' <<'E'
: >out/log
cmp down
eq "$(cat out/log)" bye
E
it 'one that fails is shown with its last words, and the container stays' <<'E'
sed -i "s/echo two .*/echo fine; echo no such table >\&2; exit 3'/" compose.yaml
fails cmp up -d 2>err
has "$(cat err)" 'service web: post_start hook 2: exited with status 3'
has "$(cat err)" 'no such table'
hasnt "$(cat err)" fine
eq "$(state_of hk-web-1)" running
eq "$(state_of hk-after-1)" created
E
it 'one that cannot be run is told apart' <<'E'
cmp down
sed -i "s/command: sh -c 'echo fine.*/command: nosuch/" compose.yaml
fails cmp up -d 2>err
has "$(cat err)" 'service web: post_start hook 2'
has "$(cat err)" nosuch
E
it 'a pre_stop hook that fails keeps the container running' <<'E'
sed -i "s/command: nosuch/command: 'true'/; s/echo bye .*/exit 4'/" compose.yaml
cmp up -d
fails cmp stop web 2>err
has "$(cat err)" 'service web: pre_stop hook 1: exited with status 4'
eq "$(state_of hk-web-1)" running
sed -i "s/exit 4/exit 0/" compose.yaml
cmp down
E
finish

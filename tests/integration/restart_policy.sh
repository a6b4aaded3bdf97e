#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What happens when a container ends by itself.
. "$(dirname "$0")/../lib.sh"
import_busybox

project rs <<'E'
services:
  no:
    image: bb
    command: ["sh", "-c", "exit 3"]
  always:
    image: bb
    command: ["sh", "-c", "echo run >>/state/always; sleep 0.2"]
    restart: always
    stop_signal: SIGKILL
    volumes: ["./state:/state"]
  failing:
    image: bb
    command: ["sh", "-c", "echo run >>/state/failing; exit 1"]
    restart: on-failure:2
    volumes: ["./state:/state"]
  fine:
    image: bb
    command: ["sh", "-c", "echo run >>/state/fine; exit 0"]
    restart: on-failure
    volumes: ["./state:/state"]
  unless:
    image: bb
    restart: unless-stopped
    stop_signal: SIGKILL
E

it 'without a policy it stays down, with its status' <<'E'
mkdir -p state
cmp up -d
within 5 holds '[ "$(state_of rs-no-1)" = exited ]'
eq "$(api GET containers/rs-no-1 | jq .exit_code)" 3
eq "$(restarts_of rs-no-1)" 0
E

it 'always: it comes back again and again' <<'E'
within 10 holds '[ "$(wc -l <state/always)" -ge 3 ]'
less 1 "$(restarts_of rs-always-1)"
E

it 'on-failure:2 is tried three times' <<'E'
within 10 holds '[ "$(wc -l <state/failing)" = 3 ] && [ "$(state_of rs-failing-1)" = exited ]'
eq "$(restarts_of rs-failing-1)" 2
E

it 'on-failure leaves a success alone' <<'E'
eq "$(wc -l <state/fine)" 1
eq "$(state_of rs-fine-1)" exited
E

it 'a killed container with a policy comes back; one stopped by the user does not' <<'E'
before=$(pid_of rs-unless-1)
kill -9 "$before"
within 5 holds '[ "$(state_of rs-unless-1)" = running ] && [ "$(pid_of rs-unless-1)" != '"$before"' ]'
cmp stop -t 0 unless always
eq "$(state_of rs-unless-1)" exited
eq "$(state_of rs-always-1)" exited
E

it 'the pauses between restarts grow' <<'E'
cat >compose.yaml <<'Y'
services:
  crash:
    image: bb
    command: ["sh", "-c", "date +%s%N >>/state/crash 2>/dev/null || cat /proc/uptime >>/state/crash; exit 1"]
    restart: always
    volumes: ["./state:/state"]
Y
cmp up -d --remove-orphans
within 12 holds '[ "$(wc -l <state/crash)" -ge 4 ]'
cmp stop -t 0
less "$(wc -l <state/crash)" 9
E

finish

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# depends_on: order and conditions.
. "$(dirname "$0")/../lib.sh"
import_busybox

project dp <<'E'
services:
  web:
    image: bb
    command: ["sh", "-c", "cat /share/job >/share/web; exec sleep 1000"]
    stop_signal: SIGKILL
    volumes: [share:/share]
    depends_on:
      job: {condition: service_completed_successfully}
      db: {condition: service_healthy}
  db:
    image: bb
    command: ["sh", "-c", "sleep 0.5; touch /tmp/up; exec sleep 1000"]
    stop_signal: SIGKILL
    healthcheck: {test: ["CMD", "test", "-e", "/tmp/up"], interval: 100ms, retries: 50}
  job:
    image: bb
    command: ["sh", "-c", "sleep 0.3; echo from-job >/share/job"]
    volumes: [share:/share]
volumes: {share: }
E

it 'a service waits for the end of one and the health of another' <<'E'
cmp up -d
eq "$(cmp exec -T web cat /share/web)" from-job
eq "$(health_of dp-db-1)" healthy
eq "$(state_of dp-job-1)" exited
started() { api GET containers/"$1" | jq .started_ns; }
less "$(started dp-db-1)" "$(started dp-web-1)"
E

it 'up SERVICE brings up what it needs' <<'E'
cmp down -v
cmp up -d web
eq "$(running dp)" 2
cmp down -v
cmp up -d db
eq "$(running dp)" 1
cmp down -v
E

it '--no-deps does not' <<'E'
cmp up -d --no-deps db
cmp down -v
cmp run --rm --no-deps -T web true
eq "$(running dp)" 0
cmp down -v
E

it 'a failing job stops what depends on it, and says why' <<'E'
sed -i 's/echo from-job.*"/echo last-words; exit 5"/' compose.yaml
exits 1 cmp up -d 2>err
has "$(cat err)" job
has "$(cat err)" 5
eq "$(state_of dp-web-1)" created
eq "$(state_of dp-db-1)" running
cmp down -v
E

it 'an unhealthy dependency stops what depends on it, with the last output' <<'E'
cat >compose.yaml <<'Y'
services:
  web: {image: bb, depends_on: {db: {condition: service_healthy}}}
  db:
    image: bb
    stop_signal: SIGKILL
    healthcheck: {test: ["CMD-SHELL", "echo not-yet-ready; exit 1"], interval: 100ms, retries: 2}
Y
exits 1 cmp up -d 2>err
has "$(cat err)" 'unhealthy'
has "$(cat err)" 'not-yet-ready'
eq "$(state_of dp-db-1)" running
cmp down -v
E

it 'down stops in the opposite order' <<'E'
cat >compose.yaml <<'Y'
services:
  front: {image: bb, command: ["sh", "-c", "trap 'date +%s%N >/share/front; exit' TERM; while :; do sleep 0.02; done"], volumes: ["./share:/share"], depends_on: [back]}
  back: {image: bb, command: ["sh", "-c", "trap 'cat /share/front >/share/back; exit' TERM; while :; do sleep 0.02; done"], volumes: ["./share:/share"]}
Y
mkdir share
cmp up -d
within 5 cmp exec -T back true
cmp down
[ -e share/front ]
[ -s share/back ]
E

finish

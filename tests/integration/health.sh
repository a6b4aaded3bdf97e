#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Health checks, and what waits for them.
. "$(dirname "$0")/../lib.sh"
import_busybox

project he <<'E'
services:
  good:
    image: bb
    stop_signal: SIGKILL
    healthcheck:
      test: ["CMD-SHELL", "test -e /tmp/ready"]
      interval: 200ms
      timeout: 2s
      retries: 12
  bad:
    image: bb
    stop_signal: SIGKILL
    healthcheck:
      test: ["CMD", "sh", "-c", "echo the-reason; exit 1"]
      interval: 100ms
      timeout: 2s
      retries: 2
  slow:
    image: bb
    stop_signal: SIGKILL
    healthcheck:
      test: sleep 30
      interval: 100ms
      timeout: 300ms
      retries: 1
  none:
    image: bb
    stop_signal: SIGKILL
    healthcheck:
      disable: true
E

it 'begins with starting' <<'E'
cmp up -d
eq "$(health_of he-good-1)" starting
eq "$(health_of he-none-1)" ''
has "$(cmp ps good)" 'health: starting'
E

it 'becomes healthy when the probe succeeds' <<'E'
cmp exec -T good touch /tmp/ready
within 5 holds '[ "$(health_of he-good-1)" = healthy ]'
has "$(cmp ps good)" '(healthy)'
E

it 'becomes unhealthy after the retries' <<'E'
within 5 holds '[ "$(health_of he-bad-1)" = unhealthy ]'
eq "$(state_of he-bad-1)" running
E

it 'a probe that takes too long fails, and is killed' <<'E'
within 5 holds '[ "$(health_of he-slow-1)" = unhealthy ]'
within 5 holds '[ "$(cmp top slow | grep -c "sleep 30")" -le 1 ]'
E

it 'goes back and forth with the service' <<'E'
cmp exec -T good rm /tmp/ready
within 15 holds '[ "$(health_of he-good-1)" = unhealthy ]'
cmp exec -T good touch /tmp/ready
within 5 holds '[ "$(health_of he-good-1)" = healthy ]'
E

it 'begins anew with every start' <<'E'
cmp stop -t 0 bad
eq "$(health_of he-bad-1)" ''  || eq "$(health_of he-bad-1)" unhealthy
cmp start bad
[ "$(health_of he-bad-1)" = starting ] || within 5 holds '[ "$(health_of he-bad-1)" = unhealthy ]'
E

it 'up --wait waits for health, and fails with the reason' <<'E'
fails cmp up -d --wait bad 2>err
has "$(cat err)" unhealthy
has "$(cat err)" the-reason
cmp exec -T good touch /tmp/ready
cmp up -d --wait good
eq "$(health_of he-good-1)" healthy
E

finish

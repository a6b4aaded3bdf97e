#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Several commands on one project at once.
. "$(dirname "$0")/../lib.sh"
import_busybox

project tw <<'E'
services:
  web: {image: bb, stop_signal: SIGKILL, deploy: {replicas: 3}, volumes: ["vol:/v"]}
  db: {image: bb, stop_signal: SIGKILL}
volumes: {vol: }
E
it 'two ups of one project: both succeed, everything is there once' <<'E'
for i in 1 2 3; do
	cmp up -d >one 2>&1 & one=$!
	cmp up -d >two 2>&1 & two=$!
	wait $one
	wait $two
	eq "$(running tw)" 4
	eq "$(api GET 'containers?project=tw&all=1' | jq length)" 4
	cmp down -v -t 0
done
E
it 'an up and a down: one of the two states, nothing between' <<'E'
for i in 1 2 3; do
	cmp up -d >one 2>&1 & one=$!
	cmp down -t 0 >two 2>&1 & two=$!
	wait $one || true
	wait $two || true
	n=$(api GET 'containers?project=tw&all=1' | jq length)
	[ "$n" = 0 ] || [ "$n" = 4 ]
done
cmp down -v -t 0
eq "$(api GET 'containers?project=tw&all=1' | jq length)" 0
E
it 'scales at once: the last word counts' <<'E'
cmp up -d
for n in 5 2 6; do cmp scale web=$n >scale.$n 2>&1 & done
wait
cmp scale web=2
eq "$(running tw)" 3
E
it 'kill does not wait for a stop' <<'E'
mkdir -p "$WORK/stubborn" && cd "$WORK/stubborn"
cat >compose.yaml <<'Y'
services:
  s: {image: bb, command: ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"]}
Y
cmp up -d
sleep 0.3
began=$(now_ms)
cmp stop -t 30 >stop.out 2>&1 & stop=$!
within 5 grep Stopping stop.out
cmp kill
wait $stop
less $(($(now_ms) - began)) 10000
eq "$(state_of stubborn-s-1)" exited
E
it 'Ctrl+C again kills at once' <<'E'
cd "$WORK/stubborn"
sed -i 's/^  s: {/&stop_grace_period: 30s, /' compose.yaml
"$CMP_BUILD/cmp" up >up.out 2>&1 & up=$!
within 5 holds '[ "$(running stubborn)" = 1 ]'
sleep 0.3
began=$(now_ms)
kill -INT $up
within 5 grep 'again to force' up.out
kill -INT $up
exits 130 wait $up
less $(($(now_ms) - began)) 10000
within 5 holds '[ "$(running stubborn)" = 0 ]'
cmp down -t 0
E
it 'kill, down and stop do not wait for a wait' <<'E'
mkdir -p "$WORK/waits" && cd "$WORK/waits"
cat >compose.yaml <<'Y'
services:
  a:
    image: bb
    stop_signal: SIGKILL
    healthcheck: {test: "false", interval: 1s, retries: 100, start_period: 100s}
  b: {image: bb, stop_signal: SIGKILL, depends_on: {a: {condition: service_healthy}}}
Y
began=$(now_ms)
cmp up -d >up.out 2>&1 & up=$!
within 5 grep Waiting up.out
cmp kill a
exits 1 wait $up
has "$(cat up.out)" 'exited (137)'
cmp up -d >up.out 2>&1 & up=$!
within 5 grep Waiting up.out
cmp up -d >second.out 2>&1 & second=$!
sleep 0.3
cmp stop -t 0
exits 1 wait $up
exits 1 wait $second
has "$(tail -n 1 up.out)" 'up of project waits was ended by cmp stop'
has "$(tail -n 1 second.out)" 'up of project waits was ended by cmp stop'
eq "$(running waits)" 0
cmp up -d >up.out 2>&1 & up=$!
within 5 grep Waiting up.out
cmp down -t 0
exits 1 wait $up
has "$(tail -n 1 up.out)" 'up of project waits was ended by cmp down'
eq "$(api GET 'containers?project=waits&all=1' | jq length)" 0
less $(($(now_ms) - began)) 30000
E
it 'different projects at once' <<'E'
for p in a b c d; do cmp -p $p up -d >up.$p 2>&1 & done
wait
for p in a b c d; do eq "$(running $p)" 4; done
for p in a b c d; do cmp -p $p down -v -t 0 >down.$p 2>&1 & done
wait
for p in a b c d; do eq "$(running $p)" 0; done
E
it 'two first commands start one supervisor' <<'E'
cmp down -v -t 0
cmp shutdown
within 5 holds '! cmpd_pid'
cmp ls >one 2>&1 & one=$!
cmp ls >two 2>&1 & two=$!
cmp ls
wait $one
wait $two
eq "$(for p in /proc/[0-9]*; do [ "$(readlink $p/exe)" = "$CMP_BUILD/cmpd" ] && tr '\0' '\n' <$p/environ 2>/dev/null | grep -x "CMP_STATE_DIR=$CMP_STATE_DIR"; done | wc -l)" 1
E
finish

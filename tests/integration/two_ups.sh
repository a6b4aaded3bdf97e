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

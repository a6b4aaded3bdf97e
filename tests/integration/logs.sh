#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Logs: everything, in order, from the right places.
. "$(dirname "$0")/../lib.sh"
import_busybox

project lg <<'E'
services:
  talk:
    image: bb
    command: ["sh", "-c", "for i in 1 2 3 4 5; do echo line $$i; done; echo to-stderr >&2; exec sleep 1000"]
    stop_signal: SIGKILL
  many:
    image: bb
    command: ["sh", "-c", "i=0; while [ $$i -lt 20000 ]; do echo $$i; i=$$((i+1)); done; echo done; exec sleep 1000"]
    stop_signal: SIGKILL
  part:
    image: bb
    command: ["sh", "-c", "printf no-newline; exec sleep 1000"]
    stop_signal: SIGKILL
E

it 'logs shows both streams with the prefix' <<'E'
cmp up -d
within 5 holds 'cmp logs talk 2>&1 | grep -q to-stderr'
cmp logs talk >out 2>&1
eq "$(grep -c 'talk-1.*|.*line' out)" 5
E

it '--no-log-prefix gives the bare lines in order' <<'E'
eq "$(cmp logs --no-log-prefix talk 2>/dev/null | grep line | tr '\n' ,)" 'line 1,line 2,line 3,line 4,line 5,'
E

it '--tail counts from the end' <<'E'
within 20 holds 'cmp logs --no-log-prefix --tail 1 many | grep -qx done'
eq "$(cmp logs --no-log-prefix --tail 3 many | tr '\n' ,)" '19998,19999,done,'
eq "$(cmp logs --no-log-prefix --tail 0 many | wc -l)" 0
E

it 'twenty thousand lines are complete and in order' <<'E'
cmp logs --no-log-prefix many | grep -v done >out
seq 0 19999 >wanted
diff -q out wanted
E

it '-t begins every line with its time' <<'E'
cmp logs --no-log-prefix -t talk | grep line | head -n 1 | grep -E '^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z line 1'
E

it '--since and --until choose by time' <<'E'
eq "$(cmp logs --no-log-prefix --until 1h talk 2>&1 | grep -c line)" 0
eq "$(cmp logs --no-log-prefix --since 1h talk 2>&1 | grep -c line)" 5
eq "$(cmp logs --no-log-prefix --since 2035-01-01T00:00:00Z talk 2>&1 | grep -c line)" 0
E

it 'a line without end is shown' <<'E'
has "$(cmp logs part)" no-newline
E

it 'logs -f follows until the container ends, and over a restart of it' <<'E'
cmp logs -f --no-log-prefix talk >follow 2>&1 &
pid=$!
within 5 holds '[ "$(grep -c line follow)" = 5 ]'
cmp stop -t 0 talk
within 10 holds "! kill -0 $pid"
E

it 'logs of a stopped container are still there' <<'E'
eq "$(cmp logs --no-log-prefix talk 2>/dev/null | grep -c line)" 5
E

it 'an unknown service is an error' <<'E'
fails cmp logs nosuch 2>err
has "$(cat err)" nosuch
E

finish

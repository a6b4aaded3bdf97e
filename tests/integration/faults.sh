#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What the machine refuses: a full disk, no descriptors, rules and links that somebody took away.
. "$(dirname "$0")/../lib.sh"
# The state lies on a small file system of its own.
mkdir -p "$CMP_STATE_DIR"
mount -t tmpfs -o size=24m,mode=700 cmp-test "$CMP_STATE_DIR" || exit 2
import_busybox
project fa <<'E'
services:
  web:
    image: bb
    command: ["sh", "-c", "hostname >/www/index.html; exec httpd -f -p 80 -h /www"]
    stop_signal: SIGKILL
    ports: ["127.0.0.1:28280:80"]
    volumes: ["data:/data"]
  other: {image: bb, stop_signal: SIGKILL}
volumes: {data: }
E
veths() { links_of "$WORK" | grep "^${TAG}v"; }
nothing_left() { [ "$(running fa)" = 0 ] && ! veths; }

it 'a full disk is said to be full, and nothing is left half-made' <<'E'
dd if=/dev/zero of="$CMP_STATE_DIR/fill" bs=64k 2>/dev/null || true
fails cmp up -d 2>err
cat err
grep -qi 'no space left' err || grep -qi 'disk is full' err || grep -qi 'database or disk is full' err
rm "$CMP_STATE_DIR/fill"
cmp down -v -t 0
within 3 nothing_left
E

it 'with space again it works, and the supervisor is still the same' <<'E'
before=$(cmpd_pid)
cmp up -d
eq "$(running fa)" 2
eq "$(cmpd_pid)" "$before"
curl -sS --max-time 5 http://127.0.0.1:28280/
E

it 'a disk that fills up under running containers stops none of them' <<'E'
dd if=/dev/zero of="$CMP_STATE_DIR/fill" bs=64k 2>/dev/null || true
fails cmp scale other=3
eq "$(state_of fa-web-1)" running
curl -sS --max-time 5 http://127.0.0.1:28280/
cmp ps
rm "$CMP_STATE_DIR/fill"
cmp scale other=2
eq "$(running fa)" 3
E

it 'without descriptors there is a sentence, and afterwards everything works' <<'E'
command -v prlimit >/dev/null || skip 'no prlimit(1)'
pid=$(cmpd_pid)
used=$(ls /proc/"$pid"/fd | wc -l)
prlimit --pid "$pid" --nofile=$((used + 6)):
fails cmp scale other=12 2>err
[ -s err ]
prlimit --pid "$pid" --nofile=1024:
eq "$(cmpd_pid)" "$pid"
cmp scale other=4
eq "$(running fa)" 5
E

it 'rules that somebody flushed come back with the next up' <<'E'
nft_of "$WORK" | while read -r _ family table; do nft delete table "$family" "$table"; done
cmp up -d --force-recreate
eq "$(running fa)" 2
curl -sS --max-time 5 http://127.0.0.1:28280/
E

it 'a bridge that somebody deleted is an error or comes back, and down still works' <<'E'
for l in $(links_of "$WORK" | grep -v "^${TAG}v"); do ip link del "$l"; done
cmp up -d --force-recreate 2>err || [ -s err ]
cmp down -v -t 0
within 3 nothing_left
cmp up -d
curl -sS --max-time 5 http://127.0.0.1:28280/
cmp down -v -t 0
E

it 'a supervisor whose socket file is gone is named; when it is ended, the next one takes over' <<'E'
cmp up -d
pid=$(cmpd_pid)
rm "$SOCK"
fails cmp ps 2>err
has "$(cat err)" 'another cmpd runs'
kill -9 "$pid"
within 5 cmp ps
eq "$(running fa)" 2
curl -sS --max-time 5 http://127.0.0.1:28280/
cmp down -v -t 0
E

it 'the state can be unmounted when the supervisor has ended' <<'E'
cmp rmi bb
cmp shutdown
within 5 holds '[ -z "$(pids_of "$WORK")" ]'
within 5 umount "$CMP_STATE_DIR"
E

finish

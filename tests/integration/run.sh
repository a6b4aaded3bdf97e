#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# run: one-off containers.
. "$(dirname "$0")/../lib.sh"
import_busybox

project rn <<'E'
services:
  db:
    image: bb
    stop_signal: SIGKILL
  tool:
    image: bb
    command: ["echo", "default command"]
    entrypoint: []
    depends_on: [db]
    environment: {A: file}
    ports: ["127.0.0.1::80"]
E
it 'starts the dependencies and runs the command' <<'E'
eq "$(cmp run --rm -T tool 2>/dev/null)" 'default command'
eq "$(running rn)" 1
eq "$(state_of rn-db-1)" running
E
it 'takes a command, an environment and an entrypoint' <<'E'
eq "$(cmp run --rm -T -e A=cli tool sh -c 'echo $A' 2>/dev/null)" cli
eq "$(cmp run --rm -T --entrypoint 'echo from' tool x 2>/dev/null)" 'from x'
E
it 'gives the exit status' <<'E'
exits 9 cmp run --rm -T tool sh -c 'exit 9'
E
it 'passes standard input' <<'E'
eq "$(seq 1000 | cmp run --rm -T tool wc -l 2>/dev/null | tr -d ' ')" 1000
E
it '--rm leaves nothing, without it the container stays' <<'E'
before=$(api GET 'containers?project=rn&all=1' | jq length)
cmp run --rm -T tool true
eq "$(api GET 'containers?project=rn&all=1' | jq length)" "$before"
cmp run -T tool true
eq "$(api GET 'containers?project=rn&all=1' | jq length)" $((before + 1))
cmp rm -f
E
it '-d prints the name and goes on' <<'E'
name=$(cmp run -d --name rn-off tool sleep 500 2>/dev/null)
eq "$(state_of rn-off)" running
eq "$(api GET containers/rn-off | jq -r '.labels."com.docker.compose.oneoff"')" True
api DELETE 'containers/rn-off?force=1'
E
it 'does not take the ports of the service unless asked' <<'E'
cmp run -d --name rn-p1 tool sleep 500
eq "$(api GET containers/rn-p1 | jq '.ports | length')" 0
cmp run -d --service-ports --name rn-p2 tool sleep 500
eq "$(api GET containers/rn-p2 | jq '.ports | length')" 1
api DELETE 'containers/rn-p1?force=1'
api DELETE 'containers/rn-p2?force=1'
E
it 'resolves the other services' <<'E'
cmp run --rm -T tool ping -c 1 -W 2 db
E
it 'down --remove-orphans removes one-off containers too' <<'E'
cmp run -d tool sleep 500
cmp down -t 0 --remove-orphans
eq "$(api GET 'containers?project=rn&all=1' | jq length)" 0
E
finish

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What ps, events and images print, which scripts read.
. "$(dirname "$0")/../lib.sh"
import_busybox

project ls <<'E'
services:
  web:
    image: bb
    stop_signal: SIGKILL
    labels: {who: me}
    ports: ["127.0.0.1:28790-28792:80-82"]
E

it 'ps --format "table …" has heads and columns, and an unknown field is an error' <<'E'
cmp up -d
cmp ps --format 'table {{.Name}}\t{{.Service}}\t{{.RunningFor}}' >out
eq "$(head -n 1 out)" 'NAME       SERVICE   CREATED'
has "$(sed -n 2p out)" 'ls-web-1   web       '
exits 1 cmp ps --format '{{.Nonsense}}' 2>err
has "$(cat err)" '".Nonsense"'
exits 1 cmp image ls --format '{{.Nonsense}}' 2>err
has "$(cat err)" '".Nonsense"'
has "$(cmp image ls --format 'table {{.Repository}}\t{{.CreatedSince}}' | head -n 1)" 'REPOSITORY   CREATED'
eq "$(cmp network ls --format '{{.Name}}' | grep -c ls_default)" 1
E
it 'ps --format json is what Compose prints' <<'E'
cmp ps --format json >out
eq "$(jq -r .Labels out | tr ',' '\n' | grep who)" who=me
eq "$(jq -r .Networks out)" ls_default
jq -r .CreatedAt out | grep -qE '^20[0-9]{2}-[0-9]{2}-[0-9]{2} [0-9:]{8} [+-][0-9]{4} [A-Z]+$'
eq "$(jq -r .Ports out)" '127.0.0.1:28790-28792->80-82/tcp'
eq "$(jq '.Publishers | length' out)" 3
E
it 'images lists those of the containers of the project' <<'E'
cmp image tag bb other:1
cmp images >out
eq "$(head -n 1 out | tr -s ' ')" 'CONTAINER REPOSITORY TAG PLATFORM IMAGE ID SIZE CREATED'
eq "$(sed -n 2p out | tr -s ' ' | cut -d' ' -f1-3)" 'ls-web-1 bb latest'
eq "$(wc -l <out)" 2
eq "$(cmp images -q web)" "$(cmp image ls -q --no-trunc bb | sed 's/sha256://')"
eq "$(cmp images --format json | jq -r '.[0].ContainerName + .[0].Repository')" ls-web-1bb
fails cmp images nosuch
eq "$(cmp -p another images -q)" ''
E
it 'events reads like that of Compose' <<'E'
since=$(($(date +%s) - 1))
cmp restart -t 0
cmp events --since "$since" --until "$(($(date +%s) + 1))" >out
grep -qE '^20[0-9-]{8} [0-9:]{8}\.[0-9]{6} container start [0-9a-f]{64} \(.*name=ls-web-1' out
hasnt "$(cat out)" com.docker.compose
E
finish

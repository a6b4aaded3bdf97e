#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A project comes up, is left alone, changes, and goes away.
. "$(dirname "$0")/../lib.sh"
import_busybox

project app <<'E'
services:
  web:
    image: bb
    command: ["sleep", "1000"]
    stop_signal: SIGKILL
    environment:
      LEVEL: ${LEVEL:-one}
  db:
    image: bb
    command: ["sleep", "1000"]
    stop_signal: SIGKILL
    volumes: [data:/var/data]
volumes:
  data:
E

it 'up -d starts every service and returns' <<'E'
cmp up -d
eq "$(running app)" 2
eq "$(state_of app-web-1)" running
eq "$(state_of app-db-1)" running
E

it 'ps shows names, services and states' <<'E'
cmp ps --format '{{.Name}} {{.Service}} {{.State}}' >out
has "$(cat out)" 'app-web-1 web running'
has "$(cat out)" 'app-db-1 db running'
eq "$(cmp ps -q | wc -l)" 2
has "$(cmp ps)" NAME
E

it 'the labels are those of compose' <<'E'
api GET containers/app-web-1 | jq -r '.labels' >labels
eq "$(jq -r '."com.docker.compose.project"' labels)" app
eq "$(jq -r '."com.docker.compose.service"' labels)" web
eq "$(jq -r '."com.docker.compose.container-number"' labels)" 1
eq "$(jq -r '."com.docker.compose.oneoff"' labels)" False
E

it 'a second up changes nothing' <<'E'
before=$(pid_of app-web-1)
cmp up -d
eq "$(pid_of app-web-1)" "$before"
eq "$(running app)" 2
E

it 'a changed service is recreated, the others are not' <<'E'
web=$(id_of app-web-1) db=$(id_of app-db-1)
LEVEL=two cmp up -d
[ "$(id_of app-web-1)" != "$web" ]
eq "$(id_of app-db-1)" "$db"
eq "$(cmp exec -T web sh -c 'echo $LEVEL')" two
E

it '--no-recreate leaves a changed service, --force-recreate an unchanged one not' <<'E'
web=$(id_of app-web-1)
LEVEL=three cmp up -d --no-recreate
eq "$(id_of app-web-1)" "$web"
LEVEL=two cmp up -d --force-recreate
[ "$(id_of app-web-1)" != "$web" ]
eq "$(running app)" 2
E

it 'plan says what would be done and does nothing' <<'E'
cmp down -t 0
cmp plan >out || [ $? = 10 ]
has "$(cat out)" web
eq "$(running app)" 0
eq "$(cmp ps -aq | wc -l)" 0
LEVEL=two cmp up -d
E

it 'stop, start, restart, pause, unpause and kill do what they say' <<'E'
cmp stop -t 0 web
eq "$(state_of app-web-1)" exited
cmp start web
eq "$(state_of app-web-1)" running
before=$(pid_of app-web-1)
cmp restart -t 0 web
[ "$(pid_of app-web-1)" != "$before" ]
eq "$(state_of app-web-1)" running
cmp pause web
eq "$(state_of app-web-1)" paused
cmp unpause web
eq "$(state_of app-web-1)" running
cmp kill web
within 5 holds '[ "$(state_of app-web-1)" = exited ]'
eq "$(api GET containers/app-web-1 | jq .exit_code)" 137
cmp rm -f web
fails api GET containers/app-web-1
cmp create web
eq "$(state_of app-web-1)" created
cmp up -d
E

it 'orphans are removed with --remove-orphans only' <<'E'
cp compose.yaml full.yaml
sed -i '/^  web:/,/LEVEL/d' compose.yaml
cmp up -d 2>err
has "$(cat err)" orphan
eq "$(running app)" 2
cmp up -d --remove-orphans
eq "$(running app)" 1
mv full.yaml compose.yaml
cmp up -d
E

it 'ls knows the project' <<'E'
cmp ls >out
has "$(cat out)" app
has "$(cat out)" 'running(2)'
E

it 'a name given with -p makes a project of its own' <<'E'
cmp -p other up -d
eq "$(running other)" 2
eq "$(running app)" 2
cmp -p other down -v -t 0
eq "$(running other)" 0
eq "$(running app)" 2
E

it 'down removes containers and networks and keeps volumes' <<'E'
cmp exec -T db sh -c 'echo kept >/var/data/f'
cmp down
eq "$(api GET 'containers?project=app&all=1' | jq length)" 0
eq "$(api GET networks | jq '[.[] | select(.name == "app_default")] | length')" 0
api GET volumes/app_data
cmp up -d
eq "$(cmp exec -T db cat /var/data/f)" kept
E

it 'down -v removes volumes' <<'E'
cmp down -v
fails api GET volumes/app_data
E

it 'down of what is not there is no error' <<'E'
cmp down
E

it 'an attached up shows output and ends with its services' <<'E'
mkdir -p ../short; cd ../short
printf 'services:\n  a:\n    image: bb\n    command: ["sh", "-c", "echo hello-a; exit 0"]\n' >compose.yaml
cmp up >out 2>err
has "$(cat out)" 'hello-a'
has "$(cat out)" 'a-1'
cmp down
E

it 'an attached up stops its services on SIGINT' <<'E'
mkdir -p ../long; cd ../long
printf 'services:\n  a:\n    image: bb\n    command: ["sh", "-c", "echo ready; exec sleep 1000"]\n    stop_signal: SIGKILL\n' >compose.yaml
"$CMP_BUILD/cmp" up >out 2>err &
pid=$!
within 10 grep -q ready out
# A background job of a shell ignores SIGINT; SIGTERM means the same to cmp.
kill -TERM $pid
status=0; wait $pid || status=$?
less "$status" 144
within 5 holds '[ "$(state_of long-a-1)" = exited ]'
cmp down
E

it '--exit-code-from gives the status of that service' <<'E'
mkdir -p ../code; cd ../code
printf 'services:\n  a:\n    image: bb\n    command: ["sh", "-c", "exit 7"]\n  b:\n    image: bb\n    stop_signal: SIGKILL\n' >compose.yaml
exits 7 cmp up --exit-code-from a
cmp down -t 0
E

finish

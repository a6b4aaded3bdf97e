#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# kill -9 of the supervisor: nothing stops, nothing is lost.
. "$(dirname "$0")/../lib.sh"
import_busybox

PEER=$CMP_BUILD/tests/peer
project sd <<'E'
services:
  web:
    image: bb
    command: ["sh", "-c", "hostname >/www/index.html; exec httpd -f -p 80 -h /www"]
    stop_signal: SIGKILL
    ports: ["127.0.0.1:28180:80"]
    deploy: {replicas: 2}
    restart: always
  talk:
    image: bb
    command: ["sh", "-c", "i=0; while [ $$i -lt 3000 ]; do echo $$i; i=$$((i+1)); [ $$((i % 50)) = 0 ] && sleep 0.02; done; echo done; exec sleep 1000"]
    stop_signal: SIGKILL
  cli:
    image: bb
    stop_signal: SIGKILL
E
crash() { pid=$(cmpd_pid); kill -9 "$pid"; echo "$pid" >"$WORK/killed"; }
# A supervisor answers again, and it is another one.
back() { new=$(cmpd_pid 2>/dev/null) && [ -n "$new" ] && [ "$new" != "$(cat "$WORK/killed")" ]; }
adopted() { back && [ "$(running sd)" = "$1" ]; }

it 'containers go on and are found again, without anybody asking' <<'E'
cmp up -d
for s in web-1 web-2 talk-1 cli-1; do pid_of sd-$s; done >pids
start=$(now_ms)
crash
within 5 adopted 4
took=$(($(now_ms) - start))
note "killed cmpd was back with 4 containers adopted after $took ms (includes the polling; budget 100 ms)"
for s in web-1 web-2 talk-1 cli-1; do pid_of sd-$s; done >pids2
diff pids pids2
E

it 'names resolve and published ports answer again' <<'E'
crash
curl -sS --max-time 5 http://127.0.0.1:28180/
within 3 cmp exec -T cli ping -c 1 -W 2 web
cmp exec -T cli nslookup web 127.0.0.11
E

it 'a connection made while there is no supervisor waits and is served' <<'E'
ok=0
for i in 1 2 3 4 5; do
	crash
	[ "$(curl -sS --max-time 5 -o /dev/null -w '%{http_code}' http://127.0.0.1:28180/)" = 200 ] && ok=$((ok + 1))
	within 5 back
done
eq "$ok" 5
E

it 'logs are complete over the crashes' <<'E'
within 30 holds 'cmp logs --no-log-prefix talk | grep -qx done'
cmp logs --no-log-prefix talk | grep -v done >out
seq 0 2999 >wanted
diff -q out wanted
E

it 'commands that come at once work: exec, ps, scale' <<'E'
crash
eq "$(cmp exec -T cli echo hi)" hi
crash
eq "$(cmp ps -q | wc -l)" 4
crash
cmp scale web=3
eq "$(running sd)" 5
cmp scale web=2
E

it 'a container that ends meanwhile is seen, and its policy obeyed' <<'E'
cmp stop -t 0 talk; cmp start talk
web=$(pid_of sd-web-1) talk=$(pid_of sd-talk-1)
crash
kill -9 "$web" "$talk"
within 5 holds 'back && [ "$(state_of sd-talk-1)" = exited ]'
eq "$(api GET containers/sd-talk-1 | jq .exit_code)" 137
within 5 holds '[ "$(state_of sd-web-1)" = running ] && [ "$(pid_of sd-web-1)" != '"$web"' ]'
curl -sS --max-time 5 http://127.0.0.1:28180/
E

it 'a crash in the middle of up: the next up completes it' <<'E'
for delay in 0.005 0.02 0.05 0.1 0.2; do
	cmp down -t 0
	"$CMP_BUILD/cmp" up -d >up.out 2>&1 &
	up=$!
	sleep $delay
	crash || true
	wait $up || true
	cmp up -d
	eq "$(running sd)" 4
	curl -sS --max-time 5 -o /dev/null http://127.0.0.1:28180/
done
E

it 'a crash in the middle of down: the next down completes it' <<'E'
for delay in 0.005 0.02 0.05; do
	cmp up -d
	"$CMP_BUILD/cmp" down -t 0 >down.out 2>&1 &
	down=$!
	sleep $delay
	crash || true
	wait $down || true
	cmp down -t 0
	eq "$(api GET 'containers?project=sd&all=1' | jq length)" 0
	within 3 holds '! links_of "$WORK" | grep -q "^${TAG}v"'
done
E

it 'health checks go on' <<'E'
mkdir -p ../sh; cd ../sh
cat >compose.yaml <<'Y'
services:
  a:
    image: bb
    stop_signal: SIGKILL
    healthcheck: {test: ["CMD", "test", "-e", "/tmp/ok"], interval: 100ms, retries: 2}
Y
cmp up -d
cmp exec -T a touch /tmp/ok
within 5 holds '[ "$(health_of sh-a-1)" = healthy ]'
crash
within 5 back
within 5 holds '[ "$(health_of sh-a-1)" = healthy ]'
cmp exec -T a rm /tmp/ok
within 5 holds '[ "$(health_of sh-a-1)" = unhealthy ]'
cmp down
E

it 'without containers it stays away until it is needed' <<'E'
within 5 cmpd_pid
crash
fails within 1 back
cmp ls
cmpd_pid
E

it 'what it said is still in the log of the next one; a long log becomes the old one' <<'E'
cmp ls
echo its-last-words >>"$CMP_RUN_DIR/cmpd.log"
crash
within 5 holds '! cmpd_pid' || true
cmp ls
grep -qx its-last-words "$CMP_RUN_DIR/cmpd.log"
cmp shutdown
within 5 holds '! cmpd_pid'
head -c 1100000 /dev/zero | tr '\0' '\n' >>"$CMP_RUN_DIR/cmpd.log"
cmp ls
grep -qx its-last-words "$CMP_RUN_DIR/cmpd.log.1"
less "$(stat -c %s "$CMP_RUN_DIR/cmpd.log")" 100000
E

it 'a supervisor that is told to end says goodbye, and containers go on' <<'E'
cmp up -d cli
pid=$(pid_of sd-cli-1)
cmp shutdown
within 5 holds '! cmpd_pid'
kill -0 "$pid"
fails within 1 cmpd_pid
eq "$(cmp exec -T cli echo hi)" hi
eq "$(pid_of sd-cli-1)" "$pid"
E

it 'a killed shim: the container is gone, and said to be' <<'E'
shim=$(awk '/^PPid/{print $2}' /proc/"$(pid_of sd-cli-1)"/status)
kill -9 "$shim"
within 5 holds '[ "$(state_of sd-cli-1)" != running ]'
cmp up -d cli
eq "$(state_of sd-cli-1)" running
E

# stopped_shim NAME: the shim of a container that is stopped, and a new supervisor that meets it so.
stopped_shim() {
	shim=$(cat "$CMP_RUN_DIR/containers/$(id_of "$1")/shim.pid")
	kill -STOP "$shim"
	crash
	within 20 back
}
# ended PID: gone, or waiting for whoever inherited it to notice.
ended() { case $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) in '' | Z*) ;; *) return 1 ;; esac; }

it 'a container whose shim does not answer keeps its network, and is found when it does' <<'E'
mkdir -p "$WORK/deaf" && cd "$WORK/deaf"
cat >compose.yaml <<'Y'
services:
  a: {image: bb, stop_signal: SIGKILL, ports: ["127.0.0.1:28181:80"]}
  b: {image: bb, stop_signal: SIGKILL}
Y
cmp up -d
stopped_shim deaf-a-1
has "$(cmp ps)" 'its shim does not answer'
fails cmp exec -T a true 2>said
has "$(cat said)" 'cannot exec in container deaf-a-1: its shim does not answer'
fails cmp kill -s HUP a 2>said
has "$(cat said)" 'its shim does not answer'
# What is in the queue of a shim is bounded: then it is tried again later.
for i in 1 2 3 4 5 6 7 8 9 10; do crash; within 20 back; done
has "$(cmp ps)" 'its shim does not answer'
kill -CONT "$shim"
within 20 cmp exec -T a true
hasnt "$(cmp ps)" 'its shim does not answer'
cmp exec -T a ping -c 1 -W 2 b
cmp exec -T b ping -c 1 -W 2 a
cmp exec -d a sh -c 'echo deaf >/www/index.html; httpd -p 80 -h /www'
within 5 curl -sS --max-time 2 http://127.0.0.1:28181/
E

it 'a container whose shim does not answer can be killed, and started again' <<'E'
cd "$WORK/deaf"
stopped_shim deaf-a-1
cmp kill a
within 5 holds '[ "$(state_of deaf-a-1)" = exited ]'
within 5 ended "$shim"
cmp up -d
cmp exec -T a ping -c 1 -W 2 b
stopped_shim deaf-a-1
cmp down -t 0
within 5 ended "$shim"
E

finish

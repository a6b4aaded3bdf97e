#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Published ports.
. "$(dirname "$0")/../lib.sh"
import_busybox

PEER=$CMP_BUILD/tests/peer
[ -x "$PEER" ] || PEER=
project pt <<'E'
services:
  web:
    image: bb
    command: ["sh", "-c", "hostname >/www/index.html; exec httpd -f -p 80 -h /www"]
    stop_signal: SIGKILL
    ports:
      - "127.0.0.1:28080:80"
      - "28081:80"
      - "[::1]:28082:80"
      - "80"
E
get() { curl -sS --max-time 5 "$@"; }

it 'answers on 127.0.0.1, on every address, on ::1 and on a free port' <<'E'
cmp up -d
within 5 get http://127.0.0.1:28080/
host=$(api GET containers/pt-web-1 | jq -r '.id[0:12]')
eq "$(get http://127.0.0.1:28080/)" "$host"
eq "$(get http://127.0.0.1:28081/)" "$host"
eq "$(get 'http://[::1]:28082/')" "$host"
free=$(cmp port web 80 | grep -v -e 28080 -e 28081 -e 28082 | sed 's/.*://' | head -n 1)
[ -n "$free" ] || free=$(api GET containers/pt-web-1 | jq '[.ports[].host_port] | map(select(. != 28080 and . != 28081 and . != 28082))[0]')
eq "$(get "http://127.0.0.1:$free/")" "$host"
E

it 'a port on 127.0.0.1 is closed on the other addresses, one on all is open' <<'E'
ip netns add "$TAG-out"
trap 'ip netns del "$TAG-out"; ip link del "${TAG}out" 2>/dev/null || :' EXIT
ip link add "${TAG}out" type veth peer name eth0 netns "$TAG-out"
ip addr add 10.213.77.1/24 dev "${TAG}out"
ip link set "${TAG}out" up
ip -n "$TAG-out" addr add 10.213.77.2/24 dev eth0
ip -n "$TAG-out" link set eth0 up
ip -n "$TAG-out" link set lo up
ip -n "$TAG-out" route add default via 10.213.77.1
host=$(api GET containers/pt-web-1 | jq -r '.id[0:12]')
within 5 ip netns exec "$TAG-out" curl -sS --max-time 3 http://10.213.77.1:28081/
eq "$(ip netns exec "$TAG-out" curl -sS --max-time 3 http://10.213.77.1:28081/)" "$host"
fails ip netns exec "$TAG-out" curl -sS --max-time 2 http://10.213.77.1:28080/
E

it 'containers reach a published port through the host' <<'E'
gw=$(cmp exec -T web ip route | awk '/^default/{print $3}')
has "$(cmp exec -T web wget -qO- "http://$gw:28081/")" "$(api GET containers/pt-web-1 | jq -r '.id[0:12]')"
E

it 'ps and port show them' <<'E'
has "$(cmp ps)" '127.0.0.1:28080->80/tcp'
has "$(cmp port web 80)" 28080
E

it 'a taken port is named with its holder, and the rest goes on' <<'E'
mkdir -p ../tk; cd ../tk
printf 'services:\n  a: {image: bb, stop_signal: SIGKILL, ports: ["127.0.0.1:28080:80"]}\n  b: {image: bb, stop_signal: SIGKILL}\n' >compose.yaml
exits 1 cmp up -d 2>err
has "$(cat err)" 28080
has "$(cat err)" pt-web-1
eq "$(running pt)" 1
get http://127.0.0.1:28080/
cmp down -t 0
get http://127.0.0.1:28080/
E

it 'a port taken by a stranger is named with its process' <<'E'
[ -n "$PEER" ] || skip 'no tests/peer in the build'
"$PEER" tcp-hello 28090 &
stranger=$!
trap 'kill $stranger' EXIT
mkdir -p ../tk; cd ../tk
printf 'services:\n  a: {image: bb, stop_signal: SIGKILL, ports: ["28090:80"]}\n' >compose.yaml
within 3 "$PEER" tcp-rate 127.0.0.1 28090 0.1
exits 1 cmp up -d 2>err
has "$(cat err)" 28090
has "$(cat err)" peer
cmp down -t 0
E

it 'one fixed port is spread over all replicas and follows scale' <<'E'
cat >compose.yaml <<'Y'
services:
  web:
    image: bb
    command: ["sh", "-c", "hostname >/www/index.html; exec httpd -f -p 80 -h /www"]
    stop_signal: SIGKILL
    ports: ["127.0.0.1:28080:80"]
    deploy: {replicas: 3}
Y
cmp up -d
seen() { for i in $(seq 40); do get http://127.0.0.1:28080/; done | sort -u | wc -l; }
within 10 holds '[ "$(seen)" = 3 ]'
cmp scale web=5
within 10 holds '[ "$(seen)" = 5 ]'
cmp scale web=1
eq "$(seen)" 1
E

it 'no request fails while the service grows' <<'E'
(
	n=0
	while [ ! -e stop ]; do get -o /dev/null http://127.0.0.1:28080/ || echo failed >>failures; n=$((n + 1)); echo $n >count; done
) 2>>failures &
loop=$!
for n in 2 4 7; do cmp scale web=$n; done
touch stop
wait $loop
cat failures 2>/dev/null || true
fails test -s failures
less 0 "$(cat count)"
E

it 'UDP' <<'E'
[ -n "$PEER" ] || skip 'no tests/peer in the build'
cp "$PEER" ./peer
cat >compose.yaml <<'Y'
services:
  echo:
    image: bb
    command: ["/peer", "udp-echo", "5000"]
    volumes: ["./peer:/peer:ro"]
    stop_signal: SIGKILL
    ports: ["127.0.0.1:28053:5000/udp"]
Y
cmp up -d --remove-orphans
within 5 "$PEER" udp-ask 127.0.0.1 28053 hello
has "$("$PEER" udp-ask 127.0.0.1 28053 question)" 'question '
E

# The shim's copies of the sockets must be gone before anybody binds anew, however slowly it runs: here
# on one processor with the supervisor, which always goes first.
it 'a port outlives restarts, and its container being made anew' <<'E'
mkdir -p "$WORK/again" && cd "$WORK/again"
cat >compose.yaml <<'Y'
services:
  s:
    image: bb
    init: true
    ports: ["127.0.0.1:28054:80", "127.0.0.1:28054:53/udp"]
Y
cpus=$(taskset -cp $$ | sed 's/.*: //') supervisor=$(cmpd_pid)
chrt -R -f -p 1 "$supervisor" || skip 'no real-time scheduling'
taskset -cp "${cpus%%[,-]*}" "$supervisor"
trap 'chrt -o -p 0 "$supervisor"; taskset -cp "$cpus" "$supervisor"' EXIT
cmp up -d
for i in 1 2 3 4 5 6 7 8; do
	cmp restart -t 0 s
	cmp up -d --force-recreate -t 0
done
cmp down -t 0
E

it 'ports are free again after down' <<'E'
cmp down
fails get http://127.0.0.1:28080/
fails get http://127.0.0.1:28081/
E

finish

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Networks, addresses and names.
. "$(dirname "$0")/../lib.sh"
import_busybox

cp "$CMP_BUILD/tests/peer" "$WORK/peer" 2>/dev/null
project nw <<'E'
services:
  web:
    image: bb
    command: ["sh", "-c", "hostname >/www/index.html; exec httpd -f -p 80 -h /www"]
    stop_signal: SIGKILL
    deploy: {replicas: 3}
    networks: {front: {aliases: [www, site.example]}}
  cli:
    image: bb
    stop_signal: SIGKILL
    networks: [front, back]
    extra_hosts: ["fixed.example:10.9.8.7"]
    hostname: my-host
    dns_search: [corp.example]
  db:
    image: bb
    stop_signal: SIGKILL
    networks:
      back: {ipv4_address: 172.29.77.10}
  alone:
    image: bb
    stop_signal: SIGKILL
    network_mode: none
  same:
    image: bb
    stop_signal: SIGKILL
    network_mode: "service:cli"
networks:
  front:
  back:
    internal: true
    ipam: {config: [{subnet: 172.29.77.0/24, gateway: 172.29.77.1}]}
E

it 'comes up with two networks' <<'E'
cmp up -d
eq "$(api GET networks | jq '[.[] | select(.name | startswith("nw_"))] | length')" 2
E

it 'a service name gives all replicas' <<'E'
cmp exec -T cli nslookup web 127.0.0.11 | awk '/^Name/{n=1} n && /^Address/{print $NF}' | sort -u >got
eq "$(wc -l <got)" 3
for i in 1 2 3; do grep -qx "$(addr_of nw-web-$i)" got; done
E

it 'aliases, container names and ids resolve' <<'E'
for n in www site.example nw-web-2 "$(id_of nw-web-1 | cut -c1-12)"; do
	cmp exec -T cli ping -c 1 -W 2 "$n"
done
E

it 'an address resolves to a name' <<'E'
has "$(cmp exec -T cli nslookup "$(addr_of nw-web-1)" 127.0.0.11)" nw-web-1
E

it 'what is not there is not found, quickly' <<'E'
start=$(now_ms)
fails cmp exec -T cli nslookup nosuch.invalid 127.0.0.11
less $(($(now_ms) - start)) 8000
E

it 'containers reach each other over names' <<'E'
cmp exec -T cli wget -qO- http://web/ | grep -qE '^[0-9a-f]{12}$'
cmp exec -T cli wget -qO- http://www/ >/dev/null
E

it 'there is no IPv6 where no network has it' <<'E'
eq "$(cmp exec -T cli sh -c 'cat /proc/net/if_inet6 2>/dev/null || true')" ''
E

it 'a fixed address is used' <<'E'
eq "$(cmp exec -T db ip -4 -o addr show eth0 | awk '{print $4}')" 172.29.77.10/24
eq "$(cmp exec -T cli ping -c 1 -W 2 db | grep -c '1 packets received')" 1
E

it 'networks are apart' <<'E'
fails cmp exec -T db nslookup web 127.0.0.11
fails cmp exec -T db ping -c 1 -W 1 "$(addr_of nw-web-1)"
E

it 'an internal network has no way out' <<'E'
fails cmp exec -T db sh -c 'ip route | grep -q ^default'
cmp exec -T cli sh -c 'ip route | grep -q ^default'
E

it 'network_mode none has loopback only' <<'E'
eq "$(cmp exec -T alone ls /sys/class/net)" lo
E

it 'network_mode service: shares the namespace' <<'E'
eq "$(readlink /proc/"$(pid_of nw-same-1)"/ns/net)" "$(readlink /proc/"$(pid_of nw-cli-1)"/ns/net)"
E

it 'hosts, hostname and resolv.conf say so' <<'E'
eq "$(cmp exec -T cli hostname)" my-host
has "$(cmp exec -T cli cat /etc/hosts)" 'fixed.example'
cmp exec -T cli ping -c 1 -W 1 my-host
has "$(cmp exec -T cli cat /etc/resolv.conf)" 'nameserver 127.0.0.11'
has "$(cmp exec -T cli cat /etc/resolv.conf)" 'corp.example'
E

it 'names follow scale' <<'E'
cmp scale web=1
within 5 holds '[ "$(cmp exec -T cli nslookup web 127.0.0.11 | awk "/^Name/{n=1} n && /^Address/{print \$NF}" | sort -u | wc -l)" = 1 ]'
E

it 'a container that listens on port 53 itself works' <<'E'
[ -x "$WORK/peer" ] || skip 'no tests/peer in the build'
cat "$WORK/peer" | cmp exec -T web sh -c 'cat >/peer; chmod 755 /peer'
cat "$WORK/peer" | cmp exec -T cli sh -c 'cat >/peer; chmod 755 /peer'
cmp exec -d web /peer udp-echo 53
within 5 cmp exec -T cli /peer udp-ask "$(addr_of nw-web-1)" 53 hello
cmp exec -T web nslookup nw-web-1 127.0.0.11
E

it 'an external network is used and kept; a missing one is an error' <<'E'
mkdir -p ../nx; cd ../nx
printf 'services: {a: {image: bb, networks: [x]}}\nnetworks: {x: {external: true, name: nosuch}}\n' >compose.yaml
exits 1 cmp up -d 2>err
has "$(cat err)" nosuch
sed 's/nosuch/nw_front/' -i compose.yaml
cmp up -d
cmp down -t 0
api GET networks/nw_front
E

it 'two stacks do not see each other' <<'E'
mkdir -p ../ny; cd ../ny
printf 'services: {a: {image: bb, stop_signal: SIGKILL}}\n' >compose.yaml
cmp up -d
fails cmp exec -T a nslookup web 127.0.0.11
fails cmp exec -T a ping -c 1 -W 1 "$(addr_of nw-web-1)"
cmp down
E

finish

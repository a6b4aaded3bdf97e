#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The edges of Docker's API over HTTP: versions, statuses, texts, malformed and hostile requests.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/docker.sh"
import_busybox
# talk: sends standard input as it is, prints what comes until the end (or for a while).
cat >"$WORK/talk.py" <<'P'
import socket, sys
s = socket.socket(socket.AF_UNIX); s.settimeout(float(sys.argv[2]) if len(sys.argv) > 2 else 3); s.connect(sys.argv[1])
try: s.sendall(sys.stdin.buffer.read())
except OSError: pass
try:
    while True:
        d = s.recv(65536)
        if not d: break
        sys.stdout.buffer.write(d)
except OSError: pass
P
talk() { /usr/bin/python3 "$WORK/talk.py" "$SOCK" "$@"; }
fds() { ls "/proc/$(cmpd_pid)/fd" | wc -l; }

it 'ping says what is spoken' <<'E'
head=$(curl -sI --unix-socket "$SOCK" http://d/_ping | tr -d '\r')
has "$head" 'HTTP/1.1 200 OK'
has "$head" 'Api-Version: 1.51'
has "$head" 'Ostype: linux'
eq "$(curl -s --unix-socket "$SOCK" http://d/v1.30/_ping)" OK
E
it 'versions' <<'E'
answers 400 'client version 1.20 is too old. Minimum supported API version is 1.24' GET /v1.20/version
answers 400 'client version 1.99 is too new. Maximum supported API version is 1.51' GET /v1.99/version
answers 400 'client version 1.9 is too old' GET /v1.9/version
answers 200 '"ApiVersion":"1.51"' GET /v1.24/version
answers 200 '"Volumes"' GET /volumes
E
it 'what is not there' <<'E'
answers 404 'page not found' GET /nosuch
answers 404 'page not found' PUT /containers/json
answers 404 'No such container: nosuch' GET /containers/nosuch/json
answers 404 'No such image: nosuch:latest' GET /images/nosuch/json
answers 404 'network nosuch not found' GET /networks/nosuch
answers 404 'get nosuch: no such volume' GET /volumes/nosuch
answers 404 'No such exec instance: nosuch' GET /exec/nosuch/json
answers 404 'No such image: nosuch:latest' POST /containers/create '{"Image":"nosuch"}'
answers 503 'This node is not a swarm manager' GET /services
answers 404 'plugin \"x\" not found' GET /plugins/x/json
answers 200 '[]' GET /plugins
E
it 'bodies that are wrong' <<'E'
answers 400 'invalid JSON' POST /containers/create '{bad'
answers 400 'config cannot be empty in order to create a container' POST /containers/create '{}'
answers 400 'Hostname must be a string' POST /containers/create '{"Image":"bb","Hostname":5}'
answers 400 'Env must be a list of strings' POST /containers/create '{"Image":"bb","Env":[1]}'
answers 400 'Labels must be an object of strings' POST /containers/create '{"Image":"bb","Labels":{"a":1}}'
answers 400 'must be an object' POST /containers/create '[]'
answers 400 'must be an object' POST /containers/create '{"Image":"bb","HostConfig":[]}'
eq "$(curl -s --unix-socket "$SOCK" -H 'Content-Type: text/plain' -d '{}' http://d/containers/create)" \
	"{\"message\":\"unsupported Content-Type header (text/plain): must be 'application/json'\"}"
E
it 'what a container cannot be is refused when it is made' <<'E'
create() { answers "$1" "$2" POST '/containers/create?name=nope' "{\"Image\":\"bb\",\"HostConfig\":$3}"; }
create 400 'invalid CapAdd: unknown capability: \"CAP_FOO\"' '{"CapAdd":["foo"]}'
create 400 "invalid restart policy: unknown policy 'bogus'" '{"RestartPolicy":{"Name":"bogus"}}'
create 400 "can't create 'AutoRemove' container with restart policy" '{"AutoRemove":true,"RestartPolicy":{"Name":"always"}}'
create 400 'Minimum memory limit allowed is 6MB' '{"Memory":1000}'
create 500 "invalid volume specification: 'x:y': invalid mount config for type" '{"Binds":["x:y"]}'
create 500 "invalid mode: nomode" '{"Binds":["/x:/y:nomode"]}'
create 400 'bind source path does not exist: /no/such' '{"Mounts":[{"Type":"bind","Source":"/no/such","Target":"/x"}]}'
create 500 'Duplicate mount point: /x' '{"Binds":["/tmp:/x","/var:/x"]}'
create 400 'invalid port specification' '{"PortBindings":{"x/tcp":[{}]}}'
create 400 'unknown or invalid runtime name: x' '{"Runtime":"x"}'
create 400 "no log driver named 'gelf'" '{"LogConfig":{"Type":"gelf"}}'
create 501 'DeviceRequests is not supported' '{"DeviceRequests":[{"Count":-1}]}'
create 400 'network nosuchnet not found' '{"NetworkMode":"nosuchnet"}'
answers 400 'Invalid container name (a b)' POST '/containers/create?name=a%20b' '{"Image":"bb"}'
answers 201 'BlkioWeight is not supported' POST '/containers/create?name=warned' '{"Image":"bb","HostConfig":{"BlkioWeight":10}}'
answers 409 'Conflict. The container name \"/warned\" is already in use by container' POST '/containers/create?name=warned' '{"Image":"bb"}'
answers 204 '' DELETE /containers/warned
eq "$(rest GET '/containers/json?all=1')" '[]'
E
it 'parameters that are wrong' <<'E'
answers 201 Id POST '/containers/create?name=pp' '{"Image":"bb"}'
answers 400 'you must choose at least one stream' GET /containers/pp/logs
answers 500 'invalid syntax' GET '/containers/pp/logs?stdout=1&since=xx'
answers 200 '' GET '/containers/pp/logs?stdout=1&tail=abc'
answers 400 'invalid condition: \"x\"' POST '/containers/pp/wait?condition=x'
answers 409 'is not running' GET /containers/pp/top
answers 409 'is not running' POST /containers/pp/pause
answers 409 'is not running' POST '/containers/pp/resize?h=1&w=1'
answers 409 'is not running' POST /containers/pp/exec '{"Cmd":["true"]}'
answers 304 '' POST /containers/pp/stop
answers 400 'Neither old nor new names may be empty' POST '/containers/pp/rename?name='
answers 400 'same name as its current name' POST '/containers/pp/rename?name=pp'
answers 400 "invalid filter 'bogus'" GET '/containers/json?filters={"bogus":["1"]}'
answers 400 'invalid filter' GET '/containers/json?filters={bad'
answers 400 'invalid value for state (bogus)' GET '/containers/json?filters={"status":["bogus"]}'
answers 500 'invalid syntax' GET '/containers/json?limit=x'
answers 400 'unknown object type: bogus' GET '/system/df?type=bogus'
eq "$(rest GET '/system/df?type=volume&type=container' | jq -c keys)" '["BuilderSize","Containers","Volumes"]'
answers 400 'cannot be after' GET '/events?since=5&until=1'
answers 204 '' POST /containers/pp/start
answers 304 '' POST /containers/pp/start
answers 400 'invalid signal: FOO' POST '/containers/pp/kill?signal=FOO'
answers 400 'invalid resize height \"x\"' POST '/containers/pp/resize?h=x&w=1'
answers 400 'No exec command specified' POST /containers/pp/exec '{"Cmd":[]}'
answers 500 'is not paused' POST /containers/pp/unpause
answers 409 'container is running: stop the container before removing or force remove' DELETE /containers/pp
answers 204 '' DELETE '/containers/pp?force=1'
E
it 'networks and volumes: statuses' <<'E'
answers 400 'name is empty' POST /networks/create '{"Name":""}'
answers 403 'not permitted on predefined bridge network' POST /networks/create '{"Name":"bridge"}'
answers 400 'invalid network config' POST /networks/create '{"Name":"n1","IPAM":{"Config":[{"Subnet":"bad"}]}}'
answers 201 '"Warning":""' POST /networks/create '{"Name":"nn","IPAM":{"Config":[{"Subnet":"10.197.0.0/24"}]}}'
answers 403 'Pool overlaps' POST /networks/create '{"Name":"n2","IPAM":{"Config":[{"Subnet":"10.197.0.0/25"}]}}'
answers 409 'network with name nn already exists' POST /networks/create '{"Name":"nn"}'
answers 404 'No such container: nosuch' POST /networks/nn/connect '{"Container":"nosuch"}'
answers 400 'must be created in host network mode' POST /networks/host/connect '{"Container":"x"}'
answers 204 '' DELETE /networks/nn
answers 403 'is a pre-defined network and cannot be removed' DELETE /networks/bridge
answers 400 'includes invalid characters for a local volume name' POST /volumes/create '{"Name":"a/b"}'
answers 201 '"Driver":"local"' POST /volumes/create '{"Name":"vv"}'
answers 201 '"Name":"vv"' POST /volumes/create '{"Name":"vv"}'
answers 204 '' DELETE /volumes/vv
answers 404 'no such volume' DELETE /volumes/vv
answers 204 '' DELETE '/volumes/vv?force=1'
E
it 'filters in both forms' <<'E'
answers 201 Id POST '/containers/create?name=ff' '{"Image":"bb","Labels":{"a":"1","b":"2"}}'
answers 200 '"/ff"' GET '/containers/json?all=1&filters={"label":["a","b=2"]}'
answers 200 '"/ff"' GET '/containers/json?all=1&filters={"label":{"a=1":true}}'
eq "$(rest GET '/containers/json?all=1&filters={"label":["a","b=3"]}')" '[]'
eq "$(rest GET '/containers/json?filters={"label":["a"]}')" '[]'
answers 200 '"/ff"' GET '/containers/json?all=True'
answers 204 '' DELETE /containers/ff
E
it 'a hijacked stream: 101, frames, half-close' <<'E'
answers 201 Id POST '/containers/create?name=hj' '{"Image":"bb","Cmd":["sh","-c","cat; echo end >&2"],"OpenStdin":true,"StdinOnce":true,"AttachStdin":true}'
cat >hj.py <<'P'
import socket, struct, sys
def conn():
    s = socket.socket(socket.AF_UNIX); s.settimeout(10); s.connect(sys.argv[1]); return s
s = conn()
s.sendall(b"POST /containers/hj/attach?stream=1&stdin=1&stdout=1&stderr=1 HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
head = b""
while not head.endswith(b"\r\n\r\n"): head += s.recv(1)
assert head.startswith(b"HTTP/1.1 101 "), head
assert b"application/vnd.docker.multiplexed-stream" in head, head
t = conn(); t.sendall(b"POST /containers/hj/start HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n"); assert b" 204 " in t.recv(4096)
s.sendall(b"hello"); s.shutdown(socket.SHUT_WR)
data = b""
while True:
    d = s.recv(4096)
    if not d: break
    data += d
out = {1: b"", 2: b""}
while data:
    kind, size = struct.unpack(">BxxxL", data[:8]); out[kind] += data[8:8+size]; data = data[8+size:]
assert out == {1: b"hello", 2: b"end\n"}, out
P
/usr/bin/python3 hj.py "$SOCK"
answers 204 '' DELETE '/containers/hj?force=1'
E
it 'the same without an upgrade: 200, and the bytes until the end' <<'E'
answers 201 Id POST '/containers/create?name=nu' '{"Image":"bb"}'
answers 204 '' POST /containers/nu/start
id=$(rest POST /containers/nu/exec '{"Cmd":["echo","raw"],"AttachStdout":true}' | jq -r .Id)
printf 'POST /exec/%s/start HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}' "$id" | talk >out
has "$(head -c 200 out | tr -d '\0\r')" 'HTTP/1.1 200 OK'
has "$(tr -d '\0' <out)" raw
answers 200 '"ExitCode":0' GET "/exec/$id/json"
answers 409 'has already run' POST "/exec/$id/start" '{}'
answers 204 '' DELETE '/containers/nu?force=1'
E
it 'malformed HTTP' <<'E'
has "$(printf 'GARBAGE\r\n\r\n' | talk)" ' 400 '
has "$(printf 'GET /_ping HTTP/1.1\r\nHost: d\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n' | talk)" ' 400 '
has "$(printf 'POST /volumes/create HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n' | talk)" ' 400 '
has "$(printf 'GET /_ping HTTP/1.1\r\nHost: d\r\nX: a\r\n b\r\n\r\n' | talk)" ' 400 '
has "$(printf 'GET /_ping%%00 HTTP/1.1\r\nHost: d\r\n\r\n' | talk)" ' 400 '
has "$({ printf 'GET /_ping HTTP/1.1\r\nHost: d\r\n'; yes 'X-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' | head -n 5000 | sed 's/$/\r/'; printf '\r\n'; } | talk)" ' 413 '
has "$({ printf 'GET /'; head -c 30000 /dev/zero | tr '\0' a; printf ' HTTP/1.1\r\n\r\n'; } | talk)" ' 413 '
has "$(printf 'POST /volumes/create HTTP/1.1\r\nHost: d\r\nContent-Length: 99999999999\r\n\r\n' | talk)" ' 413 '
eq "$(curl -s --unix-socket "$SOCK" http://d/_ping)" OK
E
it 'JSON that is deep, huge, or no UTF-8' <<'E'
/usr/bin/python3 -c 'print("{\"Image\":" + "["*100000 + "]"*100000 + "}")' >deep
has "$(curl -s --unix-socket "$SOCK" -H 'Content-Type: application/json' -d @deep http://d/containers/create)" 'invalid JSON'
/usr/bin/python3 -c 'print("{\"Image\":\"bb\",\"Labels\":{" + ",".join("\"k%d\":\"%s\"" % (i, "v"*100) for i in range(100000)) + "}}")' >huge
code=$(curl -s -o /dev/null -w '%{http_code}' --unix-socket "$SOCK" -H 'Content-Type: application/json' -d @huge http://d/containers/create?name=huge)
eq "$code" 201
answers 204 '' DELETE /containers/huge
printf '{"Image":"bb\377"}' >bytes
has "$(curl -s --unix-socket "$SOCK" -H 'Content-Type: application/json' --data-binary @bytes http://d/containers/create)" 'invalid JSON'
E
it 'lists that are too long' <<'E'
for what in '"Binds":[%s]' '"Mounts":[%s]' '"Ulimits":[%s]' '"Devices":[%s]'; do
	/usr/bin/python3 -c "import sys; print('{\"Image\":\"bb\",\"HostConfig\":{' + sys.argv[1] % ','.join(['\"/a:/b\"'] * 5000) + '}}')" "$what" >long
	has "$(curl -s --unix-socket "$SOCK" -H 'Content-Type: application/json' -d @long http://d/containers/create)" 'more than 4096 entries'
done
E
it 'pipelined requests, and an answer before the body' <<'E'
eq "$(printf 'GET /_ping HTTP/1.1\r\nHost: d\r\n\r\nGET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n' | talk | grep -c ' 200 OK')" 2
# An import that is refused at once, its body still on the way; then another request.
printf 'POST /cmp/v1/images/import?name=BAD%%20NAME HTTP/1.1\r\nHost: d\r\nContent-Length: 20\r\n\r\n01234567890123456789GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n' | talk >out
has "$(cat out)" ' 400 '
has "$(cat out)" ' 200 OK'
E
it 'Expect: 100-continue is answered' <<'E'
head -c 2000000 /dev/zero | tr '\0' ' ' >big; printf '{"Name":"expected"}' >>big
curl -sS --expect100-timeout 20 --max-time 15 --unix-socket "$SOCK" -H 'Content-Type: application/json' -H 'Expect: 100-continue' -d @big http://d/volumes/create
answers 204 '' DELETE /volumes/expected
E
it 'clients that hang up leave nothing behind' <<'E'
answers 201 Id POST '/containers/create?name=hu' '{"Image":"bb","Tty":false,"OpenStdin":true}'
answers 204 '' POST /containers/hu/start
curl -s --unix-socket "$SOCK" http://d/_ping >/dev/null
before=$(fds)
cat >hang.py <<'P'
import socket, sys
paths = [b"GET /events", b"GET /containers/hu/logs?follow=1&stdout=1", b"POST /containers/hu/wait", b"POST /containers/hu/attach?stream=1&stdout=1&stdin=1", b"GET /containers/hu/stats"]
for round in range(30):
    socks = []
    for p in paths:
        s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
        s.sendall(p + b" HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n"); socks.append(s)
    if round % 2: [s.recv(4096) for s in socks]
    [s.close() for s in socks]
for cut in range(1, 60, 7):
    s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall((b"POST /containers/create HTTP/1.1\r\nContent-Length: 90\r\n\r\n{")[:cut]); s.close()
P
/usr/bin/python3 hang.py "$SOCK"
within 5 holds '[ "$(fds)" -le $((before + 2)) ] || { fds; false; }'
answers 204 '' DELETE '/containers/hu?force=1'
E
it 'a thousand idle streams' <<'E'
cat >idle.py <<'P'
import resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (2000, 2000))
def rss(): return int([l for l in open("/proc/%s/status" % sys.argv[2]) if l.startswith("VmRSS")][0].split()[1])
before, socks = rss(), []
for i in range(900):
    s = socket.socket(socket.AF_UNIX); s.settimeout(10); s.connect(sys.argv[1]); s.sendall(b"GET /events HTTP/1.1\r\nHost: d\r\n\r\n"); socks.append(s)
for s in socks: assert b" 200 " in s.recv(4096)
print((rss() - before) * 1024 // 900)
P
note "bytes of an idle stream: $(/usr/bin/python3 idle.py "$SOCK" "$(cmpd_pid)" | tee per)"
grep -qa __asan_init "$CMP_BUILD/cmpd" || less "$(cat per)" 16384
eq "$(curl -s --unix-socket "$SOCK" http://d/_ping)" OK
E
docker_finish

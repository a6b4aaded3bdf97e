#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Mistakes: one sentence with the cause, nothing started, nothing left.
. "$(dirname "$0")/../lib.sh"
import_busybox

# bad TEXT...: what `up -d` of the compose file on standard input says; nothing may have been started.
bad() {
	mkdir -p "$WORK/bad"; cd "$WORK/bad"
	cat >compose.yaml
	exits 1 cmp up -d 2>err
	cat err
	for text; do has "$(cat err)" "$text"; done
	hasnt "$(cat err)" 'Segmentation'
	eq "$(api GET 'containers?project=bad&all=1' | jq length)" 0
	eq "$(api GET networks | jq '[.[] | select(.name == "bad_default")] | length')" 0
}

it 'an unknown key: place, name and suggestion' <<'E'
bad 'compose.yaml:3:5: error: services.web' 'imge' 'did you mean "image"' '^' <<'Y'
services:
  web:
    imge: bb
Y
E
it 'all problems at once' <<'E'
bad 'imge' 'compose.yaml:5' 'nosuch' <<'Y'
services:
  web:
    image: bb
    imge: bb
    ports: 8080
    depends_on: [nosuch]
Y
E
it 'broken YAML' <<'E'
bad 'compose.yaml:3:' <<'Y'
services:
  web:
	image: bb
Y
E
it 'a cycle is shown with its path' <<'E'
bad 'a' 'b' '->' <<'Y'
services:
  a: {image: bb, depends_on: [b]}
  b: {image: bb, depends_on: [a]}
Y
E
it 'a variable that must be set' <<'E'
bad 'compose.yaml:2:' 'say which' <<'Y'
services:
  a: {image: "${NO_SUCH_VARIABLE:?say which}"}
Y
E
it 'an undefined volume, network, secret' <<'E'
bad 'data' 'back' 'key' <<'Y'
services:
  a: {image: bb, volumes: ["data:/x"], networks: [back], secrets: [key]}
Y
E
it 'bad values' <<'E'
bad '70000' '10sec' <<'Y'
services:
  a:
    image: bb
    ports: ["70000:80"]
    stop_grace_period: 10sec
Y
E
it 'neither image nor build' <<'E'
bad 'image' <<'Y'
services:
  a: {command: ["true"]}
Y
E
it 'no compose file' <<'E'
mkdir -p "$WORK/empty"; cd "$WORK/empty"
exits 1 cmp up -d 2>err
has "$(cat err)" compose.yaml
exits 1 cmp -f nosuch.yaml up -d 2>err
has "$(cat err)" nosuch.yaml
E
it 'an empty file and a file that is no mapping' <<'E'
bad compose.yaml </dev/null
echo '- a' | bad compose.yaml
E
it 'a missing image: named, and what it does not need is started' <<'E'
mkdir -p "$WORK/mi"; cd "$WORK/mi"
printf 'services:\n  a: {image: bb, stop_signal: SIGKILL}\n  b: {image: "no-such-image:1"}\n' >compose.yaml
exits 1 cmp up -d 2>err
has "$(cat err)" no-such-image:1
cmp down -t 0
E
it 'a command that does not exist' <<'E'
mkdir -p "$WORK/nc"; cd "$WORK/nc"
printf 'services:\n  a: {image: bb, command: ["no-such-program"]}\n' >compose.yaml
fails cmp up -d 2>err
has "$(cat err)" no-such-program
eq "$(state_of nc-a-1)" created || eq "$(state_of nc-a-1)" exited
cmp down
E
it 'a working directory that is a file' <<'E'
mkdir -p "$WORK/nw"; cd "$WORK/nw"
printf 'services:\n  a: {image: bb, working_dir: /etc/passwd}\n' >compose.yaml
fails cmp up -d 2>err
has "$(cat err)" /etc/passwd
cmp down
E
it 'a mount over a file where a directory belongs' <<'E'
mkdir -p "$WORK/mf"; cd "$WORK/mf"
mkdir d
printf 'services:\n  a: {image: bb, volumes: ["./d:/etc/passwd"]}\n' >compose.yaml
fails cmp up -d 2>err
has "$(cat err)" /etc/passwd
within 3 holds '! links_of "$WORK" | grep -q "^${TAG}v"'
cmp down
E
it 'what cannot be launched does not replace what runs' <<'E'
mkdir -p "$WORK/rp"; cd "$WORK/rp"
for wrong in 'cap_add: [FOO]' 'sysctls: {kernel.nosuch: 1}' 'security_opt: ["seccomp:./none.json"]' 'volumes: [{type: tmpfs, target: relative}]'; do
	printf 'services:\n  a: {image: bb, stop_signal: SIGKILL}\n' >compose.yaml
	cmp up -d
	before=$(api GET containers/rp-a-1 | jq -r .id)
	printf 'services:\n  a: {image: bb, stop_signal: SIGKILL, %s}\n' "$wrong" >compose.yaml
	fails cmp up -d 2>err
	has "$(cat err)" 'service a'
	eq "$(state_of rp-a-1)" running
	eq "$(api GET containers/rp-a-1 | jq -r .id)" "$before"
	eq "$(cmp ps -aq | wc -l)" 1
done
cmp down
E
it 'an address outside of its network, and one that is taken' <<'E'
mkdir -p "$WORK/ad"; cd "$WORK/ad"
printf 'services:\n  a: {image: bb, networks: {n: {ipv4_address: 10.1.1.1}}}\nnetworks: {n: {ipam: {config: [{subnet: 172.29.78.0/24}]}}}\n' >compose.yaml
fails cmp up -d 2>err
has "$(cat err)" 10.1.1.1
cmp down
printf 'services:\n  a: {image: bb, stop_signal: SIGKILL, networks: {n: {ipv4_address: 172.29.78.5}}}\n  b: {image: bb, stop_signal: SIGKILL, networks: {n: {ipv4_address: 172.29.78.5}}}\nnetworks: {n: {ipam: {config: [{subnet: 172.29.78.0/24}]}}}\n' >compose.yaml
fails cmp up -d 2>err
has "$(cat err)" 172.29.78.5
cmp down
E
it 'a container name that is taken' <<'E'
mkdir -p "$WORK/n1" "$WORK/n2"; cd "$WORK/n1"
printf 'services:\n  a: {image: bb, stop_signal: SIGKILL, container_name: the-one}\n' >compose.yaml
cp compose.yaml ../n2/
cmp up -d
cd ../n2
fails cmp up -d 2>err
has "$(cat err)" the-one
eq "$(state_of the-one)" running
cmp down; cd ../n1; cmp down
E
it 'an unknown service' <<'E'
cd "$WORK/n1"
fails cmp up -d nosuch 2>err
has "$(cat err)" nosuch
E
it 'an unknown service in an option' <<'E'
cd "$WORK/n1"
for options in '-d --scale nope=3' '--exit-code-from nope' '--attach nope' '--no-attach nope'; do
	exits 1 timeout 20 "$CMP_BUILD/cmp" up $options 2>err
	has "$(cat err)" 'no such service: nope'
	eq "$(api GET 'containers?project=n1&all=1' | jq length)" 0
done
E
it 'no service at all' <<'E'
bad 'no service selected' <<'Y'
services: {}
Y
bad 'no service selected' <<'Y'
services:
  a: {image: bb, profiles: [other]}
Y
E
it 'a project without a file' <<'E'
mkdir -p "$WORK/empty"; cd "$WORK/empty"
exits 1 cmp -p foo up -d 2>err
has "$(cat err)" 'no compose file found'
E
it 'no supervisor is started for a socket elsewhere' <<'E'
cmp ls
echo before >>"$CMP_RUN_DIR/cmpd.log"
exits 1 env CMP_HOST=unix:///nonexistent/x.sock timeout 20 "$CMP_BUILD/cmp" ls 2>err
has "$(cat err)" '/nonexistent/x.sock: No such file or directory'
exits 1 env CMP_HOST="unix://$WORK/x.sock" timeout 20 "$CMP_BUILD/cmp" ls 2>err
has "$(cat err)" 'No such file or directory'
[ ! -e "$WORK/x.sock" ]
grep -qx before "$CMP_RUN_DIR/cmpd.log"
CMP_HOST="unix://$SOCK" cmp ls
E
it 'bad values of options' <<'E'
cd "$WORK/n1"
for line in '--ansi sometimes ps' 'ps --filter status=nope' 'ps --status nope' 'ps --filter name=a' 'stop -t -5' 'down -t -1' 'up -d -t -1'; do
	exits 1 cmp $line 2>err
	has "$(cat err)" '"' || has "$(cat err)" 'unknown filter'
done
cd "$WORK/empty"
exits 1 cmp -p 'Foo Bar' ps 2>err
has "$(cat err)" 'invalid project name "Foo Bar"'
exits 1 cmp -p 'Foo Bar' down 2>err
has "$(cat err)" 'invalid project name "Foo Bar"'
E
it 'unknown verbs and options' <<'E'
fails cmp upp 2>err
has "$(cat err)" 'did you mean "up"'
fails cmp up --nosuch 2>err
has "$(cat err)" nosuch
E
it 'a supervisor that cannot work says why' <<'E'
: >"$WORK/a-file"
CMP_STATE_DIR=$WORK/a-file/state CMP_RUN_DIR=$WORK/run2 fails cmp ls 2>err
has "$(cat err)" a-file
rm -rf "$WORK/run2"
E
it 'a supervisor that goes away is not said to have died of an old line' <<'E'
mkdir -p "$WORK/run3"
echo '2026-01-01T00:00:00.000Z error job: something else' >"$WORK/run3/cmpd.log"
python3 - "$WORK/run3/cmp.sock" <<'Y' &
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(1)
for text in ('warning job: no reason', 'error loop: the reason'):
    c = s.accept()[0]
    c.recv(65536)
    with open(sys.argv[1].replace('cmp.sock', 'cmpd.log'), 'a') as log:
        log.write('2026-01-01T00:00:01.000Z %s\n' % text)
    c.close()
Y
server=$!
within 5 test -S "$WORK/run3/cmp.sock"
export CMP_RUN_DIR="$WORK/run3"
exits 1 cmp ls 2>err
eq "$(cat err)" 'the supervisor went away'
exits 1 cmp ls 2>err
eq "$(cat err)" 'the supervisor died: 2026-01-01T00:00:01.000Z error loop: the reason'
wait $server
rm -rf "$WORK/run3"
E
it 'requests that are nonsense' <<'E'
for path in containers/nosuch projects/nosuch images/nosuch volumes/nosuch networks/nosuch nosuch 'containers/..%2f..' ; do
	code=$(curl -sS -o body -w '%{http_code}' --unix-socket "$SOCK" "http://cmp/cmp/v1/$path")
	eq "$code" 404
	jq -e .message body
done
code=$(curl -sS -o body -w '%{http_code}' --unix-socket "$SOCK" -X POST -d '{"model":' http://cmp/cmp/v1/projects/x/up)
eq "$code" 400
code=$(curl -sS -o body -w '%{http_code}' --unix-socket "$SOCK" -X POST -d '{"model":{"services":[]}}' http://cmp/cmp/v1/projects/x/up) || true
printf 'GET / HTTP/1.1\r\n%s\r\n\r\n' "$(head -c 200000 /dev/zero | tr '\0' x)" | timeout 5 curl -sS --unix-socket "$SOCK" telnet://x >/dev/null 2>&1 || true
api GET version
E
finish

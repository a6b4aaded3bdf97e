#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# exec: further processes in a running container.
. "$(dirname "$0")/../lib.sh"
import_busybox

project ex <<'E'
services:
  web:
    image: bb
    stop_signal: SIGKILL
    environment: {FROM_FILE: "yes"}
    working_dir: /www
    deploy: {replicas: 2}
E
it 'is in the namespaces of the container' <<'E'
cmp up -d
eq "$(cmp exec -T web hostname)" "$(api GET containers/ex-web-1 | jq -r '.id[0:12]')"
for ns in mnt pid ipc uts net cgroup; do
	eq "$(cmp exec -T web readlink /proc/self/ns/$ns)" "$(readlink /proc/"$(pid_of ex-web-1)"/ns/$ns)"
	[ "$(cmp exec -T web readlink /proc/self/ns/$ns)" != "$(readlink /proc/self/ns/$ns)" ]
done
E
it 'gives the exit status' <<'E'
exits 0 cmp exec -T web true
exits 3 cmp exec -T web sh -c 'exit 3'
exits 137 cmp exec -T web sh -c 'kill -9 $$'
E
it 'says what is not there, with the statuses of a shell' <<'E'
exits 127 cmp exec -T web nosuch 2>err
has "$(cat err)" nosuch
exits 126 cmp exec -T web /etc/passwd
E
it 'keeps the streams apart' <<'E'
cmp exec -T web sh -c 'echo out; echo err >&2' >o 2>e
eq "$(cat o)" out
eq "$(cat e)" err
E
it 'passes standard input to its end' <<'E'
eq "$(seq 1 50000 | cmp exec -T web wc -l | tr -d ' ')" 50000
eq "$(echo hi | cmp exec -T web cat)" hi
E
it 'passes a megabyte unchanged' <<'E'
head -c 1048576 /dev/urandom >blob
cmp exec -T web cat <blob >back
eq "$(sha256sum <back)" "$(sha256sum <blob)"
E
it 'has the environment of the container and -e' <<'E'
eq "$(cmp exec -T web sh -c 'echo $FROM_FILE')" yes
eq "$(cmp exec -T -e A=1 -e B='two words' web sh -c 'echo $A-$B')" '1-two words'
E
it '-w, -u and --index' <<'E'
eq "$(cmp exec -T web pwd)" /www
eq "$(cmp exec -T -w /tmp web pwd)" /tmp
eq "$(cmp exec -T -u app web id)" 'uid=1000(app) gid=1000(app) groups=1000(app),2000(extra)'
eq "$(cmp exec -T -u 7:8 web sh -c 'id -u; id -g' | tr '\n' ' ')" '7 8 '
[ "$(cmp exec -T --index 2 web hostname)" != "$(cmp exec -T web hostname)" ]
E
it 'input that nobody reads is no error, and much of it both ways does not lock up' <<'E'
r=0; head -c 3000000 /dev/zero | cmp exec -T web sh -c 'exit 5' 2>err || r=$?
eq "$r-$(cat err)" 5-
eq "$(head -c 12000000 /dev/zero | timeout -s KILL 20 "$CMP_BUILD/cmp" exec -T web cat | wc -c)" 12000000
E
it '-d returns at once and the process goes on' <<'E'
cmp exec -d web sleep 987
within 5 holds 'cmp top | grep -q "sleep 987"'
E
it 'a terminal is one' <<'E'
command -v script >/dev/null || skip 'no script(1)'
script -qec "$CMP_BUILD/cmp exec web tty" /dev/null >out </dev/null
has "$(cat out)" /dev/pts
cmp exec -T web tty && exit 1 || true
E
it 'has no more rights than the container' <<'E'
eq "$(cmp exec -T web grep CapEff /proc/self/status)" "$(grep CapEff /proc/"$(pid_of ex-web-1)"/status)"
eq "$(cmp exec -T web grep Seccomp: /proc/self/status)" "$(grep Seccomp: /proc/"$(pid_of ex-web-1)"/status)"
E
it 'a service that does not run is an error' <<'E'
cmp stop -t 0
fails cmp exec -T web true 2>err
has "$(cat err)" 'not running'
E
finish

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What a container cannot do.
. "$(dirname "$0")/../lib.sh"
import_busybox

PEER=$CMP_BUILD/tests/peer
[ -x "$PEER" ] && cp "$PEER" "$WORK/peer" || : >"$WORK/peer"
project is <<'E'
services:
  plain: &base
    image: bb
    stop_signal: SIGKILL
    volumes: ["../peer:/peer:ro"]
  bare:
    <<: *base
    cap_drop: [ALL]
    cap_add: [NET_BIND_SERVICE]
    security_opt: ["no-new-privileges:true"]
  wide:
    <<: *base
    privileged: true
  open:
    <<: *base
    security_opt: ["seccomp=unconfined"]
    cap_add: [SYS_ADMIN]
  user:
    <<: *base
    user: app
  numeric:
    <<: *base
    user: "5000:6000"
    group_add: ["7000"]
  limited:
    <<: *base
    init: true # reaps what the fork bomb leaves
    mem_limit: 64m
    cpus: 0.5
    pids_limit: 20
    ulimits: {nofile: {soft: 100, hard: 200}, core: 0}
    sysctls: {net.core.somaxconn: "77"}
  init:
    <<: *base
    init: true
E
status() { cmp exec -T "$1" grep "^$2:" /proc/1/status | awk '{print $2}'; }

it 'comes up' <<'E'
cmp up -d
eq "$(running is)" 8
E
it 'capabilities are the default set, none, some, all' <<'E'
eq "$(status plain CapEff)" 00000000a80425fb
eq "$(status plain CapBnd)" 00000000a80425fb
eq "$(status bare CapEff)" 0000000000000400
eq "$(status wide CapBnd)" "$(grep CapBnd /proc/self/status | awk '{print $2}')"
eq "$(status user CapEff)" 0000000000000000
eq "$(status plain CapAmb)" 0000000000000000
E
it 'no_new_privs where asked' <<'E'
eq "$(status bare NoNewPrivs)" 1
eq "$(status plain NoNewPrivs)" 0
E
it 'seccomp filters, unless unconfined or privileged' <<'E'
eq "$(status plain Seccomp)" 2
eq "$(status open Seccomp)" 0
eq "$(status wide Seccomp)" 0
E
it 'dangerous system calls are refused' <<'E'
[ -s ../peer ] || skip 'no tests/peer in the build'
cmp exec -T plain /peer refused all
E
it 'the same ones work where seccomp is off' <<'E'
[ -s ../peer ] || skip 'no tests/peer in the build'
fails cmp exec -T open /peer refused keyctl
E
it 'a seccomp profile is found from the directory of the project' <<'E'
mkdir -p "$WORK/sp"; cd "$WORK/sp"
printf '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["chmod", "fchmodat", "fchmodat2"], "action": "SCMP_ACT_ERRNO"}]}\n' >none.json
printf 'services:\n  a: {image: bb, stop_signal: SIGKILL, security_opt: ["seccomp:./none.json"]}\n' >compose.yaml
cmp up -d
fails cmp exec -T a chmod 700 /tmp
cmp down
E
it 'namespaces are its own' <<'E'
for ns in mnt pid ipc uts net cgroup; do
	[ "$(readlink /proc/"$(pid_of is-plain-1)"/ns/$ns)" != "$(readlink /proc/self/ns/$ns)" ]
	[ "$(readlink /proc/"$(pid_of is-plain-1)"/ns/$ns)" != "$(readlink /proc/"$(pid_of is-bare-1)"/ns/$ns)" ]
done
eq "$(cmp exec -T plain ps -o pid,args | awk '$1 == 1 { print $2 }')" sleep
E
it 'sensitive files of /proc are masked or read-only' <<'E'
for f in /proc/kcore /proc/keys /proc/timer_list; do
	eq "$(cmp exec -T plain sh -c "head -c 1 $f 2>/dev/null | wc -c")" 0
done
eq "$(cmp exec -T plain sh -c 'ls -A /proc/scsi /sys/firmware 2>/dev/null | grep -v : | grep -c .' || true)" 0
fails cmp exec -T plain sh -c 'echo 1 >/proc/sys/kernel/panic'
fails cmp exec -T plain sh -c 'echo b >/proc/sysrq-trigger'
fails cmp exec -T plain touch /sys/x
fails cmp exec -T plain sh -c 'mount -o remount,rw /proc/sys'
E
it '/dev has what belongs there and nothing else' <<'E'
cmp exec -T plain sh -c 'echo x >/dev/null; head -c 1 /dev/zero >/dev/null; head -c 1 /dev/urandom >/dev/null'
eq "$(cmp exec -T plain sh -c 'find /dev -type b | wc -l')" 0
eq "$(cmp exec -T plain sh -c 'ls /dev | tr "\n" " "')" 'fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero '
fails cmp exec -T plain sh -c 'mknod /tmp/m b 8 0 && head -c 1 /tmp/m'
E
it 'nothing of the host is open or mounted' <<'E'
eq "$(cmp exec -T plain sh -c 'ls /proc/1/fd | tr "\n" " "')" '0 1 2 '
hasnt "$(cmp exec -T plain cat /proc/1/mountinfo | awk '$5 != "/peer" { print $5 }')" "$WORK"
fails cmp exec -T plain ls /proc/1/root/var/lib/cmp
hasnt "$(cmp exec -T plain readlink /proc/self/exe)" cmp-shim
E
it 'users come from the image, with their groups' <<'E'
eq "$(cmp exec -T user id)" 'uid=1000(app) gid=1000(app) groups=1000(app),2000(extra)'
eq "$(cmp exec -T user sh -c 'echo $HOME')" /home/app
eq "$(cmp exec -T numeric sh -c 'id -u; id -g; id -G' | tr '\n' ' ')" '5000 6000 6000 7000 '
E
it 'an unknown user is an error' <<'E'
mkdir -p ../iu; cd ../iu
printf 'services: {a: {image: bb, user: nobody-here}}\n' >compose.yaml
exits 1 cmp up -d 2>err
has "$(cat err)" 'the image has no user nobody-here'
hasnt "$(cat err)" 'No such file'
cmp down
E
it 'limits are in the cgroup' <<'E'
pid=$(pid_of is-limited-1)
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
	cg=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/"$pid"/cgroup)
	eq "$(cat "$cg/memory.max")" 67108864
	eq "$(cat "$cg/pids.max")" 20
	eq "$(cat "$cg/cpu.max")" '50000 100000'
else
	cg() { echo "/sys/fs/cgroup/$1$(sed -n "s/^[0-9]*:$1://p" /proc/"$pid"/cgroup)"; }
	eq "$(cat "$(cg memory)/memory.limit_in_bytes")" 67108864
	eq "$(cat "$(cg pids)/pids.max")" 20
	eq "$(cat "$(cg cpu)/cpu.cfs_quota_us")" 50000
fi
E
it 'a fork bomb ends at the limit of processes' <<'E'
cmp exec -T limited sh -c 'i=0; while [ $i -lt 60 ]; do sleep 3 & i=$((i+1)); done; wait' || true
eq "$(state_of is-limited-1)" running
E
it 'too much memory kills the one that took it' <<'E'
fails cmp exec -T limited sh -c 'dd if=/dev/zero of=/dev/shm/x bs=1M count=1; tail -c 200m </dev/zero'
eq "$(state_of is-limited-1)" running
E
it 'ulimits and sysctls' <<'E'
within 10 cmp exec -T limited true # the fork bomb has gone
eq "$(cmp exec -T limited sh -c 'ulimit -Sn; ulimit -Hn' | tr '\n' ' ')" '100 200 '
eq "$(cmp exec -T limited cat /proc/sys/net/core/somaxconn)" 77
E
it 'init: true reaps orphans and passes signals' <<'E'
hasnt "$(cmp exec -T init ps -o pid,args | awk '$1 == 1 { print $2 }')" sleep
cmp exec -d init sh -c '(sleep 0.1 &) ; exit'
within 5 holds '! cmp exec -T init ps -o stat,args | grep -q "^Z"'
start=$(now_ms)
cmp kill -s TERM init
within 3 holds '[ "$(state_of is-init-1)" = exited ]'
E
it 'what it writes to /etc/hosts is not in the run directory' <<'E'
mkdir -p "$WORK/etc" && cd "$WORK/etc"
cat >compose.yaml <<'Y'
services:
  a: {image: bb, hostname: first, stop_signal: SIGKILL}
  b: {image: bb, network_mode: "service:a", stop_signal: SIGKILL}
Y
cmp up -d
id=$(id_of etc-a-1)
for f in hosts hostname resolv.conf; do cmp exec -T a dd if=/dev/zero of=/etc/$f bs=1M count=3; done
less "$(du -sk "$CMP_RUN_DIR/containers/$id" | cut -f 1)" 1024
less 9000 "$(du -sk "$CMP_STATE_DIR/containers/$id" | cut -f 1)"
eq "$(cmp exec -T b cat /etc/hosts | wc -c)" 3145728
# Another start writes them anew; one that runs since they were in the run directory is still shown.
cmp restart -t 0
eq "$(cmp exec -T b cat /etc/hostname)" first
has "$(cmp exec -T a cat /etc/hosts)" first
mv "$CMP_STATE_DIR/containers/$id/hosts" "$CMP_RUN_DIR/containers/$id/hosts"
cmp restart -t 0 --no-deps b
has "$(cmp exec -T b cat /etc/hosts)" first
cmp down -t 0
fails test -e "$CMP_RUN_DIR/containers/$id"
E
it 'privileged sees the devices' <<'E'
cmp exec -T wide sh -c 'test $(ls /dev | wc -l) -gt 14'
cmp exec -T wide mount -t tmpfs none /mnt 2>/dev/null || cmp exec -T wide mount -t tmpfs none /tmp
E
finish

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# RUN --mount, COPY with its flags, networks, permissions.
. "$(dirname "$0")/../lib.sh"
import_busybox

in_image() {
	image=$1
	shift
	mkdir -p "$WORK/in" && printf 'services: {a: {image: "%s"}}\n' "$image" >"$WORK/in/compose.yaml"
	(cd "$WORK/in" && cmp run --rm -T --no-deps a "$@" 2>/dev/null)
}
mkdir -p "$WORK/b/src/d" && cd "$WORK/b"
echo one >src/a.txt
echo two >src/d/b.md
it 'bind mounts: from the context, from a stage, written to in vain' <<'E'
cat >Dockerfile <<'D'
FROM bb AS other
RUN mkdir -p /o/p && echo of-other >/o/p/f
FROM bb
RUN --mount=target=/ctx cat /ctx/src/a.txt >/r1 && ! touch /ctx/no 2>/dev/null
RUN --mount=type=bind,source=src/a.txt,target=/single cat /single >/r2
RUN --mount=from=other,source=/o,target=/o cat /o/p/f >/r3
RUN --mount=target=/rw,source=src,rw echo gone >/rw/new && cat /rw/new >/r4
RUN --mount=from=bb,target=/img ls /img/bin/busybox >/r5
RUN ls -d /ctx /single /o /rw /img 2>/dev/null >/left; true
D
cmp image build -t binds . 2>err || { cat err; false; }
eq "$(in_image binds cat /r1 /r2 /r3 /r4 /r5 | tr '\n' ' ')" 'one one of-other gone /img/bin/busybox '
eq "$(in_image binds cat /left)" ''
[ ! -e src/new ]
E
it 'a changed file of a bind mount makes the step anew' <<'E'
cmp image build . 2>err
hasnt "$(cat err)" Working
echo changed >src/a.txt
cmp image build -t binds . 2>err
eq "$(in_image binds cat /r2)" changed
E
it 'cache mounts keep what steps write, and are no part of the image' <<'E'
cat >D2 <<'D'
FROM bb
ARG N
RUN --mount=type=cache,target=/cache,id=c1,mode=0700,uid=1000 echo $N >>/cache/log; cp /cache/log /seen; stat -c '%a %u' /cache >/mode
D
cmp image build -f D2 -q --build-arg N=1 . >/dev/null
cmp image build -f D2 -q --build-arg N=2 -t cached . >/dev/null
eq "$(in_image cached cat /seen /mode | tr '\n' ' ')" '1 2 700 1000 '
eq "$(in_image cached sh -c 'ls /cache 2>/dev/null; ls -d /cache 2>/dev/null')" ''
E
it 'a locked cache mount is used by one step at a time' <<'E'
{
	echo 'FROM bb AS base'
	for i in 1 2 3; do
		echo "FROM base AS s$i"
		echo "RUN --mount=type=cache,target=/c,id=lock,sharing=locked mkdir /c/busy && sleep 0.2 && rmdir /c/busy && echo ok >/s$i"
	done
	echo 'FROM base'
	for i in 1 2 3; do echo "COPY --from=s$i /s$i /"; done
} >D3
cmp image build -f D3 -t locked . 2>err || { cat err; false; }
eq "$(in_image locked cat /s1 /s2 /s3 | tr '\n' ' ')" 'ok ok ok '
E
it 'prune takes cache mounts, too' <<'E'
[ "$(ls "$CMP_STATE_DIR/cache-mounts" | wc -l)" = 2 ]
cmp builder prune -f
[ "$(ls "$CMP_STATE_DIR/cache-mounts" | wc -l)" = 0 ]
E
it 'secrets are seen by their step and by nothing else' <<'E'
printf 'the-secret-value' >sec
cat >D4 <<'D'
FROM bb
RUN --mount=type=secret,id=s1 wc -c </run/secrets/s1 >/n && stat -c %a /run/secrets/s1 >>/n
RUN --mount=type=secret,id=s2,target=/etc/s2,mode=0444 tr a-z A-Z </etc/s2 >/up && rm -f /up
RUN --mount=type=secret,id=absent [ ! -e /run/secrets/absent ]
D
S2=other-secret-value cmp image build -f D4 -t secret --secret id=s1,src=sec --secret id=s2,env=S2 . 2>err || { cat err; false; }
eq "$(in_image secret cat /n | tr '\n' ' ')" '16 400 '
eq "$(in_image secret sh -c 'ls -a /run/secrets /etc/s2 2>/dev/null')" ''
grep -rlF -e the-secret-value -e other-secret-value "$CMP_STATE_DIR" "$CMP_RUN_DIR" err && false
api GET images/secret | grep -F secret-value && false
printf 'FROM bb\nRUN --mount=type=secret,id=need,required true\n' >D5
fails cmp image build -f D5 . 2>err
has "$(cat err)" 'D5:2:1: error: the secret need is required'
E
it 'tmpfs' <<'E'
printf 'FROM bb\nRUN --mount=type=tmpfs,target=/t,size=1m grep " /t " /proc/mounts >/m && touch /t/x\n' >D6
cmp image build -f D6 -t tm -q . >/dev/null
has "$(in_image tm cat /m)" tmpfs
eq "$(in_image tm sh -c 'ls -d /t 2>/dev/null')" ''
E
it 'COPY --exclude, --parents, wildcards, links' <<'E'
mkdir -p w/x/y; for f in w/1.c w/2.c w/3.h w/x/y/4.c; do echo $f >$f; done; ln -s 1.c w/link; ln -s nowhere w/dangling
cat >D7 <<'D'
FROM bb
COPY w/*.c /c/
COPY --exclude=**/*.c w /noc/
COPY --parents w/x/./y /p/
COPY --parents w/x/y/4.c /q/
COPY w/link /followed
COPY w /all
D
cmp image build -f D7 -t cp . 2>err || { cat err; false; }
eq "$(in_image cp sh -c 'ls /c; ls /noc; cat /p/y/4.c /q/w/x/y/4.c; [ -L /followed ] || cat /followed; readlink /all/link; readlink /all/dangling' | tr '\n' ' ')" '1.c 2.c 3.h dangling link x w/x/y/4.c w/x/y/4.c w/1.c 1.c nowhere '
E
it 'links in the image are resolved within it' <<'E'
cat >D10 <<'D'
FROM bb
RUN mkdir -p /real/deep && ln -s /real /abs && ln -s ../../../../../real/deep /up && ln -s /nowhere/at/all /broken
COPY src/a.txt /abs/
COPY src/a.txt /up/b.txt
WORKDIR /abs/made
RUN --mount=type=tmpfs,target=/abs/made/t true
D
cmp image build -f D10 -t links . 2>err || { cat err; false; }
eq "$(in_image links sh -c 'cat /real/a.txt /real/deep/b.txt; ls -d /real/made; readlink /abs' | tr '\n' ' ')" 'changed changed /real/made /real '
printf 'FROM links\nCOPY src/a.txt /broken/x\n' >D11
cmp image build -f D11 . >out 2>&1 || has "$(cat out)" 'D11:2:1'
[ ! -e /nowhere ]
E
it 'networks: a bridge by default, none, and host with a permission only' <<'E'
printf 'FROM bb\nRUN ip -o link | grep -c eth0 >/n\nRUN --network=none ip -o link | grep -c eth0 >>/n; true\n' >D8
cmp image build -f D8 -t net -q . >/dev/null
eq "$(in_image net cat /n | tr '\n' ' ')" '1 0 '
printf 'FROM bb\nRUN --network=host true\n' >D9
fails cmp image build -f D9 . 2>err
has "$(cat err)" '--allow network.host'
cmp image build -f D9 --allow network.host -q . >/dev/null
E
it 'what is not supported is said, with its place' <<'E'
try() { printf 'FROM bb\n%s\n' "$1" >D; fails cmp image build -f D . 2>err; has "$(cat err)" "$2"; has "$(cat err)" 'D:2:1: error: '; }
try 'ADD https://example.com/x /' 'ADD from https://example.com/x is not supported'
try 'RUN --mount=type=ssh true' '--mount=type=ssh is not supported'
try 'COPY --chmod=u+x src /' '--chmod=u+x is not supported'
try 'RUN --security=insecure true' '--allow security.insecure'
fails cmp image build -o type=local,dest=x . 2>err
has "$(cat err)" '--output is not supported'
fails cmp image build https://example.com/x.git 2>err
has "$(cat err)" 'is not supported'
E
finish

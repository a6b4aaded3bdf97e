#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Builds that fail or are interrupted: what is said, and that nothing is left.
. "$(dirname "$0")/../lib.sh"
import_busybox

mkdir -p "$WORK/b" && cd "$WORK/b"
clean() { # nothing of a build runs or lies about
	[ "$(api GET 'containers?all=1' | jq length)" = 0 ] && [ -z "$(ls "$CMP_STATE_DIR/images/tmp" "$CMP_RUN_DIR/build" 2>/dev/null | grep -v :)" ]
}
it 'a command that fails: its place, its exit code, its last output' <<'E'
printf 'FROM bb\nRUN echo fine\n  RUN echo before; echo reason >&2; exit 7\n' >Dockerfile
fails cmp image build --progress quiet . 2>err
eq "$(head -n 3 err)" "$(printf 'Dockerfile:3:3: error: the command ended with exit code 7\n   3 |   RUN echo before; echo reason >&2; exit 7\n     |   ^~~')"
has "$(cat err)" 'reason'
within 5 clean
E
it 'after it is mended, what was done is not done again' <<'E'
printf 'FROM bb\nRUN echo fine\nRUN true\n' >Dockerfile
cmp image build . 2>err
has "$(cat err)" 'RUN echo fine Cached'
E
it 'a command that is not there' <<'E'
printf 'FROM bb\nRUN ["/no/such", "x"]\n' >Dockerfile
fails cmp image build --progress quiet . 2>err
has "$(cat err)" '/no/such'
has "$(cat err)" 'No such file'
within 5 clean
E
it 'mistakes in the file, all at once' <<'E'
printf 'FROM bb\nRUNN x\nCOPY --chwon=1 a b\n' >Dockerfile
fails cmp image build . 2>err
has "$(cat err)" 'Dockerfile:2:1: error: unknown instruction RUNN (did you mean RUN?)'
has "$(cat err)" 'Dockerfile:3:6: error: COPY has no flag --chwon (did you mean --chown?)'
within 5 clean
E
it 'files, stages, users and images that are not there' <<'E'
try() { printf '%s\n' "$1" >Dockerfile; shift; fails cmp image build "$@" . 2>err; cat err; }
echo x >present.txt
has "$(try "$(printf 'FROM bb\nCOPY presnt.txt /')")" 'presnt.txt is not in the build context (after .dockerignore) (did you mean present.txt?)'
has "$(try "$(printf 'FROM bb\nCOPY ../../etc/passwd /')")" 'is not in the build context'
has "$(try "$(printf 'FROM bb AS one')" --target oen)" 'has no stage "oen" (did you mean "one"?)'
has "$(try "$(printf 'FROM bb\nCOPY --chown=nobody1 present.txt /')")" 'there is no user nobody1'
has "$(try "$(printf 'FROM localhost:1/no/such')")" 'Dockerfile:1:1: error: '
fails cmp image build nowhere 2>err
has "$(cat err)" 'nowhere'
fails cmp image build -f nofile . 2>err
has "$(cat err)" 'nofile'
within 5 clean
E
it 'what a layer cannot hold' <<'E'
printf 'FROM bb\nRUN touch /.wh.x\n' >Dockerfile
fails cmp image build . 2>err
has "$(cat err)" 'Dockerfile:2:1: error: .wh.x: a file whose name begins with .wh. cannot be in a layer'
printf 'FROM bb\nCOPY present.txt /bin\nCOPY present.txt /bin/sh/x\n' >Dockerfile
fails cmp image build . 2>err
has "$(cat err)" 'Dockerfile:3:1: error: '
within 5 clean
E
it 'links in the context lead nowhere outside' <<'E'
ln -s /etc/passwd abs; ln -s ../../../../../../etc/passwd rel; ln -s / top
printf 'FROM bb\nCOPY abs /\n' >Dockerfile
fails cmp image build . 2>err
has "$(cat err)" 'No such file'
printf 'FROM bb\nCOPY top/etc/passwd /\n' >Dockerfile
fails cmp image build . 2>err
printf 'FROM bb\nRUN --mount=source=rel,target=/m cat /m\n' >Dockerfile
fails cmp image build . 2>err
within 5 clean
rm abs rel top
E
it 'a hostile context writes nothing outside' <<'E'
echo bad >escaped
tar -cf h.tar --transform 's,^escaped,../../../../../../../../..'"$WORK"'/escaped-1,' -P escaped
printf 'FROM scratch\n' >Dockerfile
tar -rf h.tar Dockerfile
fails cmp image build - <h.tar 2>err
has "$(cat err)" 'build context'
[ ! -e "$WORK/escaped-1" ]
within 5 clean
rm h.tar
E
it 'interrupted while a command runs' <<'E'
printf 'FROM bb\nRUN touch /started; sleep 100\n' >Dockerfile
"$CMP_BUILD/cmp" image build . 2>err &
pid=$!
within 10 holds '[ "$(api GET containers | jq length)" = 1 ]'
kill -TERM $pid
wait $pid || true
within 10 clean
E
it 'interrupted while the context is sent' <<'E'
mkfifo pipe
"$CMP_BUILD/cmp" image build - <pipe 2>err &
pid=$!
{
	tar -cf - Dockerfile | head -c 700
	within 10 holds '[ -n "$(ls "$CMP_STATE_DIR/images/tmp")" ]'
	kill -TERM $pid
} >pipe
wait $pid || true
within 10 clean
rm pipe
E
it 'the supervisor dies while a command runs' <<'E'
"$CMP_BUILD/cmp" image build . 2>err &
pid=$!
within 10 holds '[ "$(api GET containers | jq length)" = 1 ]'
killed=$(cmpd_pid)
kill -9 "$killed"
wait $pid && false
within 10 holds '[ "$(cmpd_pid)" != "$killed" ]'
within 10 clean
E
it 'the supervisor ends while a command runs' <<'E'
printf 'FROM bb\nRUN touch /started; sleep 100\n' >Dockerfile
"$CMP_BUILD/cmp" image build . 2>err &
pid=$!
within 10 holds '[ "$(api GET containers | jq length)" = 1 ]'
cmp shutdown
wait $pid && false
within 5 holds "[ -z \"\$(pids_of $WORK)\" ]"
cmp image ls >/dev/null
within 10 clean
E
it 'two builds at once share what they make' <<'E'
printf 'FROM bb\nRUN sleep 0.3; echo x >/x\nCOPY present.txt /\n' >Dockerfile
"$CMP_BUILD/cmp" image build -q . >one 2>err &
pid=$!
cmp image build -q . >two
wait $pid
[ -s one ] && [ -s two ]
within 5 clean
E
finish

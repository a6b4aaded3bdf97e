#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Images: import, list, remove.
. "$(dirname "$0")/../lib.sh"
import_busybox

project im <<'E'
services:
  a: {image: bb, stop_signal: SIGKILL}
E
it 'images lists it' <<'E'
has "$(cmp image ls)" bb
eq "$(cmp image ls --format '{{.Repository}}:{{.Tag}}')" bb:latest
E
it 'the configuration of --change is used' <<'E'
mkdir r
cp -r /proc/self/environ r/x 2>/dev/null || true
mkdir -p r/bin; cp "$(command -v busybox)" r/bin/busybox; for a in sh sleep echo id pwd; do ln -s busybox r/bin/$a; done
cmp import -c 'ENV A=1 B="two words"' -c 'WORKDIR /w' -c 'USER 5:6' -c 'ENTRYPOINT ["/bin/sh","-c"]' -c 'CMD ["echo $A $B; pwd; id -u"]' -c 'LABEL x=y' r conf:v1
mkdir ../ic; cd ../ic
printf 'services: {a: {image: "conf:v1"}}\n' >compose.yaml
eq "$(cmp run --rm -T a 2>/dev/null | tr '\n' ,)" '1 two words,/w,5,'
api GET images/conf:v1 | grep -q '"x"'
E
it 'a tar and standard input serve as well, compressed too' <<'E'
tar -C r -cf r.tar .
cmp import r.tar t1
gzip -k r.tar
cmp import r.tar.gz t2
cat r.tar | cmp import - t3
eq "$(cmp image ls --format '{{.Repository}}' | grep -c '^t[123]$')" 3
E
it 'the same content is stored once' <<'E'
n=$(find "$CMP_STATE_DIR" -path '*layers*' -name busybox | wc -l)
cmp import r.tar again
eq "$(find "$CMP_STATE_DIR" -path '*layers*' -name busybox | wc -l)" "$n"
E
it 'modes, owners, links and times come through' <<'E'
mkdir -p m/bin m/d; cp "$(command -v busybox)" m/bin/busybox; ln -s busybox m/bin/sh; ln -s busybox m/bin/stat; ln -s busybox m/bin/cat
echo x >m/d/f; chmod 4751 m/d/f; chown 12:34 m/d/f; chmod 4751 m/d/f; ln m/d/f m/d/hard; ln -s ../d/f m/d/soft; touch -d '2001-02-03 04:05:06 UTC' m/d/f
cmp import m modes
cd ../ic; printf 'services: {a: {image: modes}}\n' >compose.yaml
eq "$(cmp run --rm -T a stat -c '%a %u:%g %h %Y' /d/f 2>/dev/null)" '4751 12:34 2 981173106'
eq "$(cmp run --rm -T a cat /d/soft 2>/dev/null)" x
E
it 'a hostile archive writes nothing outside' <<'E'
mkdir h; cd h; ln -s "$WORK" link
echo bad >escaped
tar -cf ../h.tar --transform 's,^escaped,../../../../../../../../..'"$WORK"'/escaped-1,' -P escaped link
tar -rf ../h.tar --transform 's,^escaped,link/escaped-2,' escaped
cd ..
cmp import h.tar hostile || true
[ ! -e "$WORK/escaped-1" ]
[ ! -e "$WORK/escaped-2" ]
cmp rmi hostile || true
E
it 'what is no archive is refused, and leaves nothing' <<'E'
n=$(cmp image ls -q | wc -l)
head -c 100000 /dev/urandom >junk
fails cmp import junk junk 2>err
[ -s err ]
head -c 20000 r.tar >half.tar
fails cmp import half.tar half
eq "$(cmp image ls -q | wc -l)" "$n"
fails cmp import nosuch x
fails cmp import r 'BAD NAME'
E
it 'an image in use is kept, then removed with its layers' <<'E'
cd "$WORK/im"
cmp up -d
fails cmp rmi bb 2>err
has "$(cat err)" im-a-1
cmp down
cmp rmi t1 t2 t3 again conf:v1 modes
cmp rmi bb
eq "$(cmp image ls -q | wc -l)" 0
within 5 holds '[ "$(find "$CMP_STATE_DIR" -name busybox | wc -l)" = 0 ]'
E
it 'an image that is not there' <<'E'
fails cmp rmi nosuch 2>err
has "$(cat err)" nosuch
E
finish

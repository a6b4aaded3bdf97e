#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# diffutils also has a cmp: scripts that mean the other one get it.  No supervisor is needed.
. "$(dirname "$0")/../lib.sh"

mkdir -p first second
ln -s "$CMP_BUILD/cmp" first/cmp
cat >second/cmp <<'E'
#!/bin/sh
echo "other: $*"
exit 1
E
chmod +x second/cmp
echo one >a; echo one >b; echo two >c
OTHER=$WORK/first:$WORK/second:/usr/bin:/bin
ours() { PATH=$OTHER "$WORK/first/cmp" "$@"; }

it 'two files go to the next cmp on PATH' <<'E'
eq "$(ours a c || true)" 'other: a c'
exits 1 ours a c
eq "$(ours -s a b || true)" 'other: -s a b'
eq "$(ours --bytes=3 a b || true)" 'other: --bytes=3 a b'
eq "$(ours -n 10 a b || true)" 'other: -n 10 a b'
eq "$(ours - b </dev/null || true)" 'other: - b'
eq "$(ours a b 1 2 || true)" 'other: a b 1 2'
eq "$(ours -l "$WORK/a" /dev/null || true)" "other: -l $WORK/a /dev/null"
E
it 'the real one compares' <<'E'
[ -x /usr/bin/cmp ] || skip 'no diffutils'
PATH=$WORK/first:/usr/bin:/bin "$WORK/first/cmp" a b
fails env PATH="$WORK/first:/usr/bin:/bin" "$WORK/first/cmp" -s a c
E
it 'verbs and options of ours stay ours, even when files are called so' <<'E'
: >up; : >ps
has "$(ours --help)" Usage
hasnt "$(ours version --client 2>&1)" other:
hasnt "$(ours up --help 2>&1)" other:
hasnt "$(ours -f a config 2>&1 || true)" other:
E
it 'verbs of Compose and Docker that cmp has not are not files' <<'E'
for line in 'attach web' 'cp web:/x .' 'watch web' 'stats a' 'commit web image' 'export web' 'publish x y' 'buildx build .' 'search a'; do
	exits 1 ours $line 2>said
	eq "$(cat said)" "cmp does not do \"${line%% *}\" yet"
done
exits 1 ours -p x attach web 2>said
eq "$(cat said)" 'cmp does not do "attach" yet'
exits 1 ours compose up 2>said
has "$(cat said)" 'cmp up'
exits 1 ours tag a b 2>said
has "$(cat said)" 'cmp image tag'
E
it 'a file that is called like such a verb is compared by its path' <<'E'
: >watch
exits 1 ours watch a 2>said
has "$(cat said)" 'write ./watch'
eq "$(ours ./watch a || true)" 'other: ./watch a'
E
it 'a slip of the finger is not a file' <<'E'
hasnt "$(ours upp 2>&1 || true)" other:
has "$(ours upp 2>&1 || true)" 'did you mean'
E
it 'without another cmp there is a message, and not a loop' <<'E'
exits 2 env PATH="$WORK/first" "$WORK/first/cmp" -s a b
E
it 'links to ourselves are not the other one' <<'E'
mkdir third; ln "$CMP_BUILD/cmp" third/cmp 2>/dev/null || cp -l "$CMP_BUILD/cmp" third/cmp 2>/dev/null || ln -s "$CMP_BUILD/cmp" third/cmp
exits 2 timeout 5 env PATH="$WORK/first:$WORK/third" "$WORK/first/cmp" -s a b
E
finish

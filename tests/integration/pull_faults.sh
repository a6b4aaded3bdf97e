#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Pulling from a registry that misbehaves (tests/registry.py): what can be got is got, what cannot is one sentence,
# and nothing half-done stays.
. "$(dirname "$0")/../lib.sh"

python3 "$TESTS/registry.py" "$(command -v busybox)" "$WORK/requests" "$WORK/ports" &
registry=$!
trap 'kill $registry 2>/dev/null; on_exit' EXIT
within 10 [ -s "$WORK/ports" ] || exit 2
read -r port other <"$WORK/ports"
R=127.0.0.1:$port
DOCKER_CONFIG=$WORK/docker
export DOCKER_CONFIG
mkdir "$DOCKER_CONFIG"

pull() { cmp image pull "$R/$1" 2>&1; }
ids() { cmp image ls -q | wc -l; }
# refused NAME WORD...: fails with one sentence that has the words, the image and the registry; leaves no image.
refused() {
	name=$1
	shift
	n=$(ids)
	said=$(pull "$name") && { echo "did not fail"; return 1; }
	last=$(echo "$said" | tail -n 1)
	for word in "$R/$name" "$@"; do has "$last" "$word" || return 1; done
	eq "$(ids)" "$n" || return 1
	eq "$(echo "$last" | tr -d '\40-\176')" "" || return 1
	within 5 holds '[ -z "$(ls "$CMP_STATE_DIR/images/tmp")" ]'
}
requests() { jq -r "select(.path | test(\"$1\")) | $2" "$WORK/requests"; }
forget() { cmp rmi "$R/$1" >/dev/null && clean; }
# What is not referred to any more goes, so that the next pull begins anew.
clean() { api POST images/prune >/dev/null; }

it 'the kinds of images' <<'E2'
for tag in oci docker tar index list; do
	pull a/img:$tag
	eq "$(cmp image ls --format '{{.Tag}}' "$R/a/img")" $tag
	mkdir -p "../kind-$tag"; cd "../kind-$tag"
	printf 'services: {a: {image: "%s", command: [sh, -c, "echo $$A; cat /noise | busybox wc -c"]}}\n' "$R/a/img:$tag" >compose.yaml
	eq "$(cmp run --rm -T a 2>/dev/null | tr '\n' ,)" "1,3145728,"
	cmp rmi "$R/a/img:$tag"
	clean
done
eq "$(ls "$CMP_STATE_DIR/images/blobs/sha256" | wc -l)" 0
E2
it 'by digest, of an image and of an index' <<'E2'
pull a/img:index
d=$(api GET "images/$R%2fa%2fimg:index" | jq -r '.digests[0]')
cmp rmi "$R/a/img:index"
cmp image pull "$d"
api GET "images/$(echo "$d" | sed 's,/,%2f,g')" | jq -e '.tags == []'
printf 'services: {a: {image: "%s", command: [cat, /kind]}}\n' "$d" >compose.yaml
cmp run --rm a
id=$(cmp image ls -q --no-trunc)
cmp rmi "$id"
E2
it 'the platform that is asked for' <<'E2'
cmp image pull --platform linux/arm64 "$R/a/img:index"
eq "$(api GET "images/$R%2fa%2fimg:index" | jq -r .architecture)" arm64
forget a/img:index
refused a/img:arm linux/amd64 linux/arm64
exits 1 cmp image pull --platform linux/amd64 "$R/a/img:arm"
exits 1 cmp image pull --platform linux/arm64 "$R/a/img:oci"
exits 1 cmp image pull --platform windows/amd64 "$R/a/img:oci"
E2
it 'a transfer that breaks off is resumed' <<'E2'
pull cut/img:oci >out
grep -q 'trying again' out
eq "$(requests '^/v2/cut/.*blobs' .range | grep -c '^bytes=')" 3
requests '^/v2/cut/.*blobs' .range | grep -q '^bytes=700000-$'
forget cut/img:oci
E2
it 'also when the registry knows no ranges' <<'E2'
pull norange/img:oci
forget norange/img:oci
E2
it 'a busy registry is asked again' <<'E2'
pull busy/img:index
forget busy/img:index
refused broken/img:oci 500 'out of order' 'gave up after 5 attempts'
E2
it 'what comes is what was named' <<'E2'
refused corrupt/img:oci sha256:
refused other/img:index digest
refused a/img:diff digest
refused short/img:oci bytes
refused long/img:oci 'more than the'
refused endless/img:oci 'more than the'
E2
it 'a second try begins where the first ended' <<'E2'
clean
refused gone/img:oci 404 'blob unknown'
n=$(grep -c '"/v2/a/img/blobs' "$WORK/requests")
pull a/img:oci >out
grep -q 'Already exists' out
eq "$(($(grep -c '"/v2/a/img/blobs' "$WORK/requests") - n))" 2
forget a/img:oci
E2
it 'what is not understood is refused' <<'E2'
refused a/img:schema1 'schema 1'
refused a/img:foreign foreign
refused a/img:artifact application/vnd.example.chart+json
refused a/img:deep nested
refused a/img:both neither
refused a/img:junk JSON
refused a/img:huge bytes
refused a/img:many layers
refused a/img:windows windows
refused a/img:none 404 'manifest unknown'
E2
it 'a name that is none' <<'E2'
fails cmp image pull 'BAD NAME' 2>err
has "$(cat err)" 'BAD NAME'
fails cmp image pull "$R/a/img@sha256:12" 2>err
has "$(cat err)" digest
fails cmp image pull
E2
it 'a redirect to another host gets no credentials' <<'E2'
printf '{"auths":{"%s":{"auth":"%s"}}}' "$R" "$(printf user:secret | base64)" >"$DOCKER_CONFIG/config.json"
pull redirect/img:oci
eq "$(jq -r "select(.port == $other) | .authorization" "$WORK/requests" | sort -u)" null
forget redirect/img:oci
refused redirect/img:oci 404
hasnt "$said" hidden
E2
it 'basic and bearer authentication' <<'E2'
pull basic/img:oci
forget basic/img:oci
pull token/img:oci
forget token/img:oci
eq "$(requests '^/v2/token/.*manifests' .authorization | sort -u | tr '\n' ,)" 'Bearer t0,null,'
requests '^/token' .authorization | grep -q '^Basic'
pull expiring/img:index
forget expiring/img:index
E2
it 'credentials that are wrong, or missing' <<'E2'
printf '{"auths":{"%s":{"auth":"%s"}}}' "$R" "$(printf user:wrong | base64)" >"$DOCKER_CONFIG/config.json"
refused basic/img:oci 401
refused token/img:oci 401 incorrect
echo '{}' >"$DOCKER_CONFIG/config.json"
refused basic/img:oci 401 'credentials are needed'
pull token/img:oci
forget token/img:oci
E2
it 'a token server without TLS elsewhere gets nothing' <<'E2'
printf '{"auths":{"%s":{"auth":"%s"}}}' "$R" "$(printf user:secret | base64)" >"$DOCKER_CONFIG/config.json"
refused realm/img:oci 'no TLS' registry.invalid
E2
it 'credential helpers' <<'E2'
mkdir bin
cat >bin/docker-credential-test <<'H'
#!/bin/sh
read -r server
echo "$1 $server" >>"$WORK/helper"
echo '{"ServerURL":"x","Username":"user","Secret":"secret"}'
H
chmod +x bin/docker-credential-test
printf '{"credHelpers":{"%s":"test"}}' "$R" >"$DOCKER_CONFIG/config.json"
PATH=$PWD/bin:$PATH
export PATH WORK
printf 'services: {a: {image: "%s", command: [sleep, "1"], stop_signal: SIGKILL}}\n' "$R/basic/img:oci" >compose.yaml
cmp up -d
eq "$(cat "$WORK/helper")" "get $R"
cmp up -d
eq "$(wc -l <"$WORK/helper")" 1
cmp down
forget basic/img:oci
printf '{"credsStore":"none"}' >"$DOCKER_CONFIG/config.json"
pull a/img:oci
forget a/img:oci
E2
it 'a registry that is not there' <<'E2'
t=$(now_ms)
fails cmp image pull 127.0.0.1:1/x 2>err
has "$(tail -n 1 err)" 127.0.0.1:1
less $(($(now_ms) - t)) 3000
E2
it 'a layer that would fill the disk is stopped before it does' <<'E2'
mkdir small
mount -t tmpfs -o size=64m tmpfs small
small() { CMP_STATE_DIR=$PWD/small CMP_RUN_DIR=$WORK/small-run "$CMP_BUILD/cmp" "$@"; }
fails small image pull "$R/a/img:bomb" 2>err
has "$(tail -n 1 err)" 'limit'
eq "$(ls small/images/tmp)" ''
small image pull "$R/a/img:oci"
small shutdown
within 5 umount small
E2
it 'a client that goes away ends the pull' <<'E2'
clean
timeout 1 "$CMP_BUILD/cmp" image pull "$R/slow/img:oci" >/dev/null 2>&1 || true
within 5 holds '[ -z "$(ls "$CMP_STATE_DIR/images/tmp")" ]'
eq "$(cmp image ls -q | wc -l)" 0
E2
it 'a supervisor that is killed leaves nothing half-done' <<'E2'
for ms in 0.1 0.3 0.5 0.8 1.2; do
	"$CMP_BUILD/cmp" image pull "$R/slow/img:oci" >/dev/null 2>&1 &
	sleep $ms
	pid=$(cmpd_pid)
	kill -9 "$pid"
	wait $! || true
	within 5 holds '! kill -0 $pid 2>/dev/null'
	eq "$(cmp image ls -q | wc -l)" 0
	eq "$(ls "$CMP_STATE_DIR/images/tmp")" ''
	eq "$(find "$CMP_STATE_DIR/images/layers" -mindepth 1 -maxdepth 1 | while read -r l; do [ -e "$l/done" ] || echo "$l"; done)" ''
done
pull a/img:oci
printf 'services: {a: {image: "%s", command: [cat, /kind]}}\n' "$R/a/img:oci" >compose.yaml
cmp run --rm a
forget a/img:oci
E2
it 'a supervisor that is killed at any moment leaves the old state or the new one' <<'E2'
whole() { # the store is whole: its layers have their markers, its blobs their digests
	for l in "$CMP_STATE_DIR"/images/layers/*; do [ ! -e "$l" ] || [ -e "$l/done" ] || { echo "half a layer: $l"; return 1; }; done
	for b in "$CMP_STATE_DIR"/images/blobs/sha256/*; do
		[ ! -e "$b" ] || eq "$(sha256sum <"$b" | cut -d' ' -f1)" "$(basename "$b")" || return 1
	done
	eq "$(ls "$CMP_STATE_DIR/images/tmp")" '' || return 1
}
for i in $(seq 1 24); do
	pid=$(cmpd_pid)
	case $((i % 3)) in
	0) "$CMP_BUILD/cmp" rmi "$R/a/img:oci" >/dev/null 2>&1 & ;;
	1) "$CMP_BUILD/cmp" image pull "$R/a/img:oci" >/dev/null 2>&1 & ;;
	2) "$CMP_BUILD/cmp" image prune -f >/dev/null 2>&1 & ;;
	esac
	sleep "$(awk -v i="$i" 'BEGIN { srand(i); printf "%.3f", rand() * (i % 3 == 1 ? 0.25 : 0.03) }')"
	kill -9 "$pid"
	wait $! || true
	n=$(cmp image ls -q | wc -l)
	less "$n" 2 || { cmp image ls; exit 1; }
	whole
	[ "$n" = 0 ] || cmp image inspect "$R/a/img:oci" >/dev/null
done
pull a/img:oci
cmp run --rm a
forget a/img:oci
E2
it 'several pulls at a time fetch a layer once' <<'E2'
clean
n=$(grep -c '/blobs/' "$WORK/requests")
for t in 1 2 3 4 5 6; do cmp image pull "$R/p$t/img:oci" >/dev/null 2>&1 & pids="${pids:-} $!"; done
for p in $pids; do wait "$p"; done
# six configurations, two layers
eq "$(($(grep -c '/blobs/' "$WORK/requests") - n))" 8
eq "$(cmp image ls -q | sort -u | wc -l)" 1
E2
finish

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Pulling from the distribution's own registry, what skopeo and umoci have put there: over plain HTTP, with TLS under a CA of
# our own, with passwords.  In a network namespace of its own, where an address that is none of loopback's is free.
if [ -z "${CMP_TEST_NETNS:-}" ]; then
	CMP_TEST_NETNS=1 exec unshare -n sh "$0"
fi
ip link set lo up && ip addr add 10.99.77.1/32 dev lo || exit 2
. "$(dirname "$0")/../lib.sh"

for tool in docker-registry skopeo umoci openssl; do
	command -v $tool >/dev/null && continue
	[ -z "${CMP_TEST_STRICT:-}" ] || { echo "not ok 1 - $SCRIPT: $tool is not installed"; exit 1; }
	echo "ok 1 - $SCRIPT # SKIP $tool is not installed"
	echo "1..1"
	finished=1
	exit 0
done
CMP_CONFIG_DIR=$WORK/etc
DOCKER_CONFIG=$WORK/docker
export CMP_CONFIG_DIR DOCKER_CONFIG
mkdir -p "$CMP_CONFIG_DIR" "$DOCKER_CONFIG"

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
# registry NAME PORT MORE-HTTP MORE: starts one; its images are shared.
registry() {
	printf 'version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: "127.0.0.1:%s"%s}\n%s\n' \
		"$WORK/registry" "$2" "$3" "$4" >"$WORK/$1.yml"
	docker-registry serve "$WORK/$1.yml" >"$WORK/$1.log" 2>&1 &
	registries="${registries:-} $!"
}
trap 'kill $registries 2>/dev/null; on_exit' EXIT

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -keyout ca.key -out ca.crt -subj '/CN=test CA' 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout tls.key -out tls.csr -subj '/CN=registry.test' 2>/dev/null
printf 'subjectAltName=DNS:registry.test,DNS:localhost,IP:127.0.0.1,IP:10.99.77.1' >san
openssl x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile san -out tls.crt 2>/dev/null
python3 -W ignore -c 'import crypt; print("user:" + crypt.crypt("secret", crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16)))' >htpasswd

plain=$(free_port) tls=$(free_port) auth=$(free_port)
registry plain "$plain" '' ''
registry tls "$tls" ", tls: {certificate: $WORK/tls.crt, key: $WORK/tls.key}" ''
registry auth "$auth" '' "auth: {htpasswd: {realm: here, path: $WORK/htpasswd}}"
far=$(free_port)
sed "s/127.0.0.1:$tls/10.99.77.1:$far/" tls.yml >far.yml
docker-registry serve far.yml >far.log 2>&1 &
registries="$registries $!"
open=$(free_port)
sed "s/127.0.0.1:$plain/10.99.77.1:$open/" plain.yml >open.yml
docker-registry serve open.yml >open.log 2>&1 &
registries="$registries $!"
R=127.0.0.1:$plain
within 20 curl -fs "http://$R/v2/" || { echo "Bail out! docker-registry does not answer"; exit 2; }
within 20 curl -fsk "https://127.0.0.1:$tls/v2/"
within 20 curl -fsk "https://10.99.77.1:$far/v2/"
within 20 curl -fs "http://10.99.77.1:$open/v2/"

# An image of four layers: programs, files, a whiteout and an opaque directory, capabilities of a program.
make_image() {
	mkdir -p base/bin one/data/d two/etc && cp "$(command -v busybox)" base/bin/busybox
	for a in sh cat ls echo stat sleep; do ln -s busybox base/bin/$a; done
	echo 1 >one/data/d/kept; echo 1 >one/data/gone; echo 2 >two/etc/two; chmod 4755 two/etc/two
	umoci init --layout oci
	umoci new --image oci:a
	umoci insert --image oci:a base/bin /bin
	umoci insert --image oci:a one/data /data
	umoci insert --image oci:a two/etc /etc
	umoci insert --image oci:a --whiteout /data/gone
	umoci config --image oci:a --config.cmd /bin/sh --config.env GREETING=hello --config.workingdir /data
}
make_image >make.log 2>&1 || { sed 's/^/# /' make.log; echo "Bail out! umoci does not work"; exit 2; }
put() { skopeo copy -q --dest-tls-verify=false "$@" >>put.log 2>&1 || { sed 's/^/# /' put.log; return 1; }; }
look() { # look IMAGE: what a container of it sees
	mkdir -p "$WORK/look" && cd "$WORK/look" || return 1
	printf 'services: {a: {image: "%s", command: [sh, -c, "echo $$GREETING; pwd; ls; cat /etc/two; stat -c %%a /etc/two"]}}\n' "$1" >compose.yaml
	cmp -p look up -d >look.log 2>&1
	within 10 holds '[ "$(state_of look-a-1)" = exited ]'
	cmp -p look logs --no-log-prefix a | tr "\n" ,
	cmp -p look down -t 0 >>look.log 2>&1
}
seen='hello,/data,d,2,4755,'
drop() { cmp rmi "$@" >/dev/null && api POST images/prune >/dev/null; }
store() { find "$CMP_STATE_DIR/images" -type f | wc -l; }

it 'gzip, zstd and uncompressed layers, OCI and Docker' <<'E2'
cd "$WORK"
put oci:oci:a "docker://$R/x/gzip:1"
put --dest-compress-format zstd --dest-compress oci:oci:a dir:zstd
put --format oci dir:zstd "docker://$R/x/zstd:1"
put --dest-decompress oci:oci:a dir:plain
put dir:plain "docker://$R/x/tar:1"
put --format v2s2 oci:oci:a "docker://$R/x/docker:1"
for n in gzip zstd tar docker; do
	cmp image pull "$R/x/$n:1"
	eq "$(look "$R/x/$n:1")" "$seen"
done
E2
it 'documents are kept byte for byte, and so are blobs' <<'E2'
for n in gzip zstd tar docker; do
	d=$(api GET "images/$R%2fx%2f$n:1" | jq -r '.digests[]' | grep "/x/$n@" | sed 's/.*@//')
	eq "$(skopeo inspect --raw --tls-verify=false "docker://$R/x/$n:1" | sha256sum | cut -d' ' -f1)" "${d#sha256:}"
	eq "$(sha256sum <"$CMP_STATE_DIR/images/blobs/sha256/${d#sha256:}" | cut -d' ' -f1)" "${d#sha256:}"
done
for b in "$CMP_STATE_DIR"/images/blobs/sha256/*; do
	eq "$(sha256sum <"$b" | cut -d' ' -f1)" "$(basename "$b")"
done
E2
it 'an image that has not changed is not fetched again' <<'E2'
cmp image pull "$R/x/gzip:1" >out 2>&1
eq "$(grep -c 'Already exists' out)" 4
hasnt "$(cat out)" Downloading
E2
it 'the last removal leaves nothing' <<'E2'
for n in gzip zstd tar docker; do cmp rmi "$R/x/$n:1"; done
api POST images/prune
eq "$(store)" 0
E2
it 'on loopback any certificate will do' <<'E2'
cmp image pull "localhost:$tls/x/gzip:1"
drop "localhost:$tls/x/gzip:1"
E2
it 'elsewhere an unknown CA is refused, one of certs.d is not' <<'E2'
F=10.99.77.1:$far
fails cmp image pull "$F/x/gzip:1" 2>err
has "$(tail -n 1 err)" certificate
has "$(tail -n 1 err)" certs.d
mkdir -p "$CMP_CONFIG_DIR/certs.d/$F"
cp "$WORK/ca.crt" "$CMP_CONFIG_DIR/certs.d/$F/"
cmp image pull "$F/x/gzip:1"
eq "$(look "$F/x/gzip:1")" "$seen"
drop "$F/x/gzip:1"
E2
it 'a registry without TLS elsewhere must be listed' <<'E2'
fails cmp image pull "10.99.77.1:$open/x/gzip:1" 2>err
has "$(tail -n 1 err)" insecure-registries
printf '{"insecure-registries": ["10.99.77.0/24"]}' >"$CMP_CONFIG_DIR/daemon.json"
cmp image pull "10.99.77.1:$open/x/gzip:1"
rm "$CMP_CONFIG_DIR/daemon.json"
drop "10.99.77.1:$open/x/gzip:1"
E2
it 'htpasswd' <<'E2'
A=127.0.0.1:$auth
fails cmp image pull "$A/x/gzip:1" 2>err
has "$(tail -n 1 err)" 401
printf '{"auths":{"http://%s/v1/":{"auth":"%s"}}}' "$A" "$(printf user:secret | base64)" >"$DOCKER_CONFIG/config.json"
cmp image pull "$A/x/gzip:1"
eq "$(look "$A/x/gzip:1")" "$seen"
drop "$A/x/gzip:1"
E2
it 'login and logout' <<'E2'
A=127.0.0.1:$auth
echo '{"credHelpers":{"elsewhere":"x"},"auths":{"other":{"auth":"eDp5"}}}' >"$DOCKER_CONFIG/config.json"
echo wrong | { fails cmp login -u user --password-stdin "$A" 2>err; }
has "$(cat err)" "login to $A" 
has "$(cat err)" 401
fails cmp image pull "$A/x/gzip:1"
eq "$(echo secret | cmp login -u user --password-stdin "$A" 2>/dev/null)" 'Login Succeeded'
eq "$(jq -r ".auths.\"$A\".auth" "$DOCKER_CONFIG/config.json" | base64 -d)" user:secret
eq "$(jq -r '.auths.other.auth, .credHelpers.elsewhere' "$DOCKER_CONFIG/config.json" | tr '\n' ,)" 'eDp5,x,'
eq "$(stat -c %a "$DOCKER_CONFIG/config.json")" 600
cmp image pull "$A/x/gzip:1"
drop "$A/x/gzip:1"
eq "$(cmp logout "$A")" "Removing login credentials for $A"
eq "$(jq -c '.auths | keys' "$DOCKER_CONFIG/config.json")" '["other"]'
eq "$(cmp logout "$A")" "Not logged in to $A"
fails cmp image pull "$A/x/gzip:1"
fails cmp login -u user </dev/null
fails cmp login -u user -p x 'BAD NAME' 2>err
has "$(cat err)" 'bad name'
fails cmp login -u user -p x 127.0.0.1:1 2>err
has "$(cat err)" '127.0.0.1:1'
eq "$(ls "$CMP_STATE_DIR/images/tmp")" ''
E2
it 'login with a credential helper' <<'E2'
A=127.0.0.1:$auth
mkdir bin
cat >bin/docker-credential-test <<'H'
#!/bin/sh
f=$WORK/secret
case $1 in
store) cat >"$f" ;;
get) [ -s "$f" ] && cat "$f" || { echo "credentials not found in native keychain"; exit 1; } ;;
erase) rm -f "$f" ;;
esac
H
chmod +x bin/docker-credential-test
PATH=$PWD/bin:$PATH
export PATH WORK
echo '{"credsStore":"test"}' >"$DOCKER_CONFIG/config.json"
fails cmp image pull "$A/x/gzip:1" 2>err
hasnt "$(cat err)" 'could not be asked'
cmp login -u user -p secret "$A"
eq "$(jq -c ".auths.\"$A\"" "$DOCKER_CONFIG/config.json")" '{}'
cmp image pull "$A/x/gzip:1"
drop "$A/x/gzip:1"
cmp logout "$A"
[ ! -e "$WORK/secret" ]
echo '{}' >"$DOCKER_CONFIG/config.json"
E2
it 'up pulls what its services need, and no more' <<'E2'
cat >compose.yaml <<Y
services:
  a: {image: "$R/x/gzip:1", command: [sleep, "1000"], stop_signal: SIGKILL, depends_on: [b]}
  b: {image: "$R/x/zstd:1", command: [sleep, "1000"], stop_signal: SIGKILL}
  c: {image: "$R/x/docker:1", command: [sleep, "1000"], stop_signal: SIGKILL}
Y
cmp -p up up -d a
eq "$(cmp -p up ps -q | wc -l)" 2
eq "$(cmp image ls --format '{{.Repository}}' | sort | tr '\n' ' ')" "$R/x/gzip $R/x/zstd "
cmp -p up up -d
eq "$(cmp -p up ps -q | wc -l)" 3
cmp -p up down
E2
it 'pull of a project; a new version recreates' <<'E2'
cmp -p up pull 2>out
eq "$(grep -c ' Pulled' out)" 3
eq "$(cmp -p up pull b 2>&1 | grep -c ' Pulled')" 1
eq "$(cmp -p up pull --include-deps a 2>&1 | grep -c ' Pulled')" 2
cmp -p up up -d a
first=$(cmp -p up ps -q a)
umoci config --image "$WORK/oci:a" --tag b --config.env GREETING=again
put oci:"$WORK/oci":b "docker://$R/x/gzip:1"
cmp -p up up -d a
eq "$(cmp -p up ps -q a)" "$first"
cmp -p up up -d --pull always a
[ "$(cmp -p up ps -q a)" != "$first" ]
eq "$(cmp -p up exec -T a sh -c 'echo $GREETING')" again
cmp -p up down
E2
it 'what can be seen of an image, and changed' <<'E2'
d=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$R/x/zstd:1")
cmp image pull "$R/x/zstd:1"
cmp image ls --digests | grep -F "$R/x/zstd" | grep -qF "$d"
eq "$(cmp image inspect "$R/x/zstd:1" | jq -r '.[0].document.config.Env[]' | grep GREETING)" GREETING=hello
fails cmp image inspect nosuch
eq "$(cmp image history --format '{{.CreatedBy}}' "$R/x/zstd:1" | grep -c 'umoci insert')" 4
cmp image history "$R/x/zstd:1" | grep -q 'MB'
cmp image tag "$R/x/zstd:1" other:name
eq "$(cmp image inspect other:name | jq -r '.[0].id')" "$(cmp image inspect "$R/x/zstd:1" | jq -r '.[0].id')"
cmp image rm "$R/x/zstd:1"
fails cmp image prune </dev/null
cmp image prune -f
cmp image inspect other:name >/dev/null
cmp image prune -a -f >out
grep -q 'Untagged: other:name' out
grep -q 'Total reclaimed space' out
eq "$(cmp image ls -q | wc -l)" 0
eq "$(store)" 0
E2
it 'push: what the registry lacks, and byte for byte' <<'E2'
mkdir -p own/bin && cp "$(command -v busybox)" own/bin/busybox && ln -s busybox own/bin/sh
head -c 3000000 /dev/urandom >own/noise
cmp import own "$R/own/new:1"
id=$(cmp image ls -q --no-trunc "$R/own/new")
cmp image push "$R/own/new:1" >out 2>&1
eq "$(grep -c ' Pushed' out)" 3
d=$(tail -n 1 out)
eq "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$R/own/new:1")" "$d"
skopeo copy -q --src-tls-verify=false "docker://$R/own/new:1" dir:judged
cmp image ls --digests | grep -F "$R/own/new" | grep -qF "$d"
cmp image push "$R/own/new:1" >out 2>&1
eq "$(grep -c 'Layer already exists' out)" 2
eq "$(cmp image push -q "$R/own/new:1" 2>&1)" "$d"
drop "$R/own/new:1"
cmp image pull -q "$R/own/new:1"
eq "$(cmp image ls -q --no-trunc "$R/own/new")" "$id"
E2
it 'push: blobs that another repository has are mounted' <<'E2'
cmp image tag "$R/own/new:1" "$R/other/place:2"
cmp image push "$R/other/place:2" >out 2>&1
eq "$(grep -c 'Mounted from own/new' out)" 2
eq "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$R/other/place:2")" "$(tail -n 1 out)"
drop "$R/other/place:2"
E2
it 'push: with TLS, with a password, and without' <<'E2'
for to in "10.99.77.1:$far" "127.0.0.1:$auth"; do cmp image tag "$R/own/new:1" "$to/pushed/x:1"; done
cmp image push "10.99.77.1:$far/pushed/x:1"
fails cmp image push "127.0.0.1:$auth/pushed/x:1" 2>err
has "$(tail -n 1 err)" 401
has "$(tail -n 1 err)" "127.0.0.1:$auth/pushed/x:1"
printf '{"auths":{"%s":{"auth":"%s"}}}' "127.0.0.1:$auth" "$(printf user:secret | base64)" >"$DOCKER_CONFIG/config.json"
cmp image push "127.0.0.1:$auth/pushed/y:1" 2>err && exit 1
has "$(tail -n 1 err)" 'no such image'
cmp image push "127.0.0.1:$auth/pushed/x:1"
skopeo inspect --tls-verify=false --creds user:secret "docker://127.0.0.1:$auth/pushed/x:1" >/dev/null
echo '{}' >"$DOCKER_CONFIG/config.json"
fails cmp image push "127.0.0.1:1/own/new:1" 2>err
cmp image tag "$R/own/new:1" 127.0.0.1:1/x
fails cmp image push 127.0.0.1:1/x 2>err
has "$(tail -n 1 err)" 127.0.0.1:1
fails cmp image push
within 5 holds '[ -z "$(ls "$CMP_STATE_DIR/images/tmp")" ]'
cmp image prune -a -f
E2
it 'progress as JSON, and quiet' <<'E2'
cmp --progress json -p up pull a 2>out
jq -es 'map(select(.parent == "a")) | length >= 4' out
eq "$(cmp -p up pull -q 2>&1)" ''
eq "$(cmp image pull -q "$R/x/zstd:1" 2>&1)" "$(cmp image ls -q --no-trunc "$R/x/zstd")"
E2
it 'config pins images to the digests that their registries have' <<'E2'
mkdir -p "$WORK/pin"; cd "$WORK/pin"
printf 'services:\n  a: {image: "%s", ports: ["80"]}\n  b: {image: "%s@sha256:%064d"}\n' "$R/x/docker:1" "$R/x/tar" 0 >compose.yaml
digest=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$R/x/docker:1")
eq "$(cmp config --format json --resolve-image-digests | jq -r .services.a.image)" "$R/x/docker:1@$digest"
eq "$(cmp config --lock-image-digests)" "services:
  a:
    image: $R/x/docker:1@$digest
  b:
    image: $R/x/tar@sha256:$(printf %064d 0)"
cmp config --lock-image-digests -o lock.yaml
eq "$(cmp -f compose.yaml -f lock.yaml config --images | head -n 1)" "$R/x/docker:1@$digest"
printf 'services:\n  a: {image: "%s"}\n' "$R/x/nosuch:1" >compose.yaml
fails cmp config --resolve-image-digests 2>err
has "$(cat err)" "service a: resolve image $R/x/nosuch:1"
within 5 holds '[ -z "$(ls "$CMP_STATE_DIR/images/tmp")" ]'
E2
finish

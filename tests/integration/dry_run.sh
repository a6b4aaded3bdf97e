#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# --dry-run: every verb says what it would do, in Compose's words, and nothing is done.
. "$(dirname "$0")/../lib.sh"
import_busybox

project dry <<'E'
services:
  a:
    image: bb
    stop_signal: SIGKILL
  b:
    image: bb
    stop_signal: SIGKILL
    depends_on: [a]
E
dry() { cmp --dry-run "$@" 2>&1; }
# What the supervisor knows, but for the clock.
world() { for l in 'containers?all=1' networks volumes images projects; do api GET "$l" | jq -S 'map(del(.state, .used_at_ns))'; done; }

it 'up and create print lines and make nothing' <<'E'
world >before
out=$(dry up -d)
has "$out" ' DRY-RUN MODE -  Network dry_default Created'
has "$out" ' DRY-RUN MODE -  Container dry-a-1 Creating'
has "$out" ' DRY-RUN MODE -  Container dry-b-1 Started'
has "$(dry up)" ' DRY-RUN MODE -  Container dry-b-1 Started'
out=$(dry create)
has "$out" ' DRY-RUN MODE -  Container dry-b-1 Created'
hasnt "$out" Started
has "$(dry run --rm a true)" 'Container dry-a-run-'
world >after
diff before after
E
it 'what runs is not touched by any verb with a plan' <<'E'
cmp up -d
world >before
for verb in 'down -t 0 -v' 'stop -t 0' 'restart -t 0' 'pause' 'kill' 'rm -sf' 'up -d --force-recreate' 'run a true' 'run -d a true' \
	'scale b=2' 'create --scale b=3' 'up --scale a=2'; do
	out=$(dry $verb)
	has "$out" ' DRY-RUN MODE - '
	hasnt "$(printf '%s\n' "$out" | grep -v 'DRY-RUN MODE')" Container
	world >after
	diff before after
done
has "$(dry down -t 0)" ' DRY-RUN MODE -  Container dry-a-1 Stopped'
has "$(dry down -t 0)" ' DRY-RUN MODE -  Network dry_default Removed'
has "$(dry scale b=2)" ' DRY-RUN MODE -  Container dry-b-2 Started'
E
it 'what has no plan is refused before anything happens' <<'E'
world >before
: >there
for verb in 'exec a touch /there' 'pull' 'rmi bb' 'volume create v' 'volume prune -f' 'network rm dry_default' 'image rm bb' 'image prune -af' \
	'image tag bb cc' 'image pull 127.0.0.1:1/x' 'import . x' 'shutdown' 'image load -i there' 'image save -o saved bb'; do
	fails dry $verb
	has "$(dry $verb || true)" 'has no dry run'
	world >after
	diff before after
done
[ ! -e saved ]
fails cmp exec -T a test -e /there
fails dry config -o written
[ ! -e written ]
E
it 'start and unpause say what they would do, too' <<'E'
cmp stop -t 0
world >before
has "$(dry start)" ' DRY-RUN MODE -  Container dry-a-1 Started'
has "$(dry rm)" ' DRY-RUN MODE -  Container dry-a-1 Removed'
world >after
diff before after
cmp start; cmp pause
world >before
has "$(dry unpause)" ' DRY-RUN MODE -  Container dry-a-1 Unpaused'
world >after
diff before after
cmp unpause
E
it 'nothing is built' <<'E'
mkdir -p ../built; cd ../built
printf 'services: {a: {build: .}}\n' >compose.yaml
printf 'FROM bb\nRUN touch /x\n' >Dockerfile
world >before
has "$(dry up -d --build)" 'DRY-RUN MODE -  Service a Building'
has "$(dry create)" 'Service a Building'
has "$(dry run a true)" 'Service a Building'
fails dry build
world >after
diff before after
E
it 'verbs that only look do so' <<'E'
has "$(dry ps)" dry-a-1
has "$(dry config)" 'image: bb'
E
finish

# SPDX-License-Identifier: GPL-2.0-or-later
# Docker's own clients against the supervisor of a test: sourced after lib.sh.
#
# The client is that of Debian's package docker.io, unpacked below CMP_TEST_CACHE: the package itself
# would start a daemon.  Compose is taken from CMP_TEST_COMPOSE (the program docker-compose, version 2)
# or the usual places of the plugin; Debian 12 has none.
# shellcheck shell=sh
cache=${CMP_TEST_CACHE:-/var/cache/cmp-tests}
DOCKER_CLI=$cache/docker-cli/usr/bin/docker

get_docker() {
	[ ! -x "$DOCKER_CLI" ] || return 0
	mkdir -p "$cache/docker-cli.new" && (
		cd "$cache/docker-cli.new" && apt-get download -q docker.io && dpkg -x docker.io_*.deb . && rm -f docker.io_*.deb
	) >"$WORK/apt.log" 2>&1 && mv "$cache/docker-cli.new" "$cache/docker-cli"
}
get_docker || {
	sed 's/^/# /' "$WORK/apt.log"
	[ -z "${CMP_TEST_STRICT:-}" ] || { echo "Bail out! no docker client"; exit 1; }
	echo "1..0 # SKIP no docker client"
	finished=1
	exit 0
}
DOCKER_CONFIG=$WORK/docker-config
HOME=$WORK
export DOCKER_CONFIG HOME
docker() { timeout -k 5 "${CMP_TEST_LIMIT:-60}" "$DOCKER_CLI" -H "unix://$SOCK" "$@"; }
# terminal 'COMMAND' <input: under a terminal, as a user has it.
terminal() { timeout -k 5 60 script -qec "$1" /dev/null; }

find_compose() {
	for c in "${CMP_TEST_COMPOSE:-}" /usr/libexec/docker/cli-plugins/docker-compose /usr/local/lib/docker/cli-plugins/docker-compose; do
		if [ -n "$c" ] && [ -x "$c" ] && "$c" version --short 2>/dev/null | grep -q '^2'; then
			echo "$c"
			return
		fi
	done
}
COMPOSE_CLI=$(find_compose)
compose() { DOCKER_HOST=unix://$SOCK timeout -k 5 120 "$COMPOSE_CLI" --progress plain "$@"; }
need_compose() { [ -n "$COMPOSE_CLI" ] || skip "docker compose version 2 is not here"; }

# rest METHOD PATH [BODY]: one request; prints the status and the body.
rest() {
	curl -sS -g --max-time 30 --unix-socket "$SOCK" -X "$1" -H 'Content-Type: application/json' ${3:+-d "$3"} \
		-w '%{stderr}%{http_code}\n' "http://docker$2" 2>"$WORK/status" || return
	tail -n 1 "$WORK/status" >"$WORK/code"
}
# answers STATUS TEXT METHOD PATH [BODY]
answers() {
	want=$1 text=$2
	shift 2
	got=$(rest "$@")
	eq "$(cat "$WORK/code")" "$want"
	has "$got" "$text"
}

# docker_finish: takes away what the clients have made, then as `finish`.
docker_finish() {
	for c in $(curl -s --unix-socket "$SOCK" 'http://docker/containers/json?all=1' | jq -r '.[].Id'); do
		curl -s --unix-socket "$SOCK" -X DELETE "http://docker/containers/$c?force=1&v=1"
	done
	curl -s -g --unix-socket "$SOCK" -X POST 'http://docker/networks/prune' >/dev/null
	finish
}

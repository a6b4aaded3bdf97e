# SPDX-License-Identifier: GPL-2.0-or-later
# What the integration tests share: POSIX sh, TAP on standard output.
#
# A test script sources this file, says `import_busybox` when it needs an image, writes projects with
# `project`, tests with `it`, and ends with `finish`.  It has a supervisor of its own: state and run
# directory lie below $WORK, and everything in the kernel carries the tag $TAG.  `finish` stops it and
# fails when a link, mount, cgroup, nft table, process or file of it is left.
#
#   CMP_BUILD=$PWD/build sh tests/integration/up_down.sh      one script
#   CMP_TEST_KEEP=1                                           keeps $WORK
#   CMP_TEST_SLOW=N                                           waits N times as long
#   CMP_TEST_STRICT=1                                         what would be skipped fails
# shellcheck shell=sh disable=SC2034
set -u
TESTS=$(cd "$(dirname "$0")" && while [ ! -e lib.sh ] && [ "$PWD" != / ]; do cd ..; done && pwd)
: "${CMP_BUILD:=$TESTS/../build}"
CMP_BUILD=$(cd "$CMP_BUILD" && pwd) || exit 2
[ -x "$CMP_BUILD/cmp" ] && [ -x "$CMP_BUILD/cmpd" ] || { echo "Bail out! no cmp and cmpd in $CMP_BUILD"; exit 2; }
[ "$(id -u)" = 0 ] || { echo "Bail out! root is needed"; exit 2; }
SCRIPT=$(basename "$0" .sh)
test_number=0 test_failed=0
LC_ALL=C
NO_COLOR=1
export LC_ALL NO_COLOR
unset COMPOSE_FILE COMPOSE_PROJECT_NAME COMPOSE_PROFILES COMPOSE_ENV_FILES CMP_HOST

# ---- what belongs to a work directory, and making it go away

# tag_of WORK: what the kernel objects of its supervisor are called (tag in engine/daemon.h).
tag_of() { printf 'c%s' "$(printf %s "$1/state" | sha256sum | cut -c1-5)"; }

# pids_of WORK: processes started with its directories, or in its cgroups.
pids_of() {
	tag=$(tag_of "$1")
	for p in /proc/[0-9]*; do
		pid=${p#/proc/}
		[ "$pid" != $$ ] || continue
		if grep -qE ":/([^/]+/)*$tag(/|\$)" "$p/cgroup" 2>/dev/null; then
			echo "$pid"
		elif case $(readlink "$p/exe" 2>/dev/null) in */cmpd* | */cmp-shim* | *cmp-layer* | *cmp-registry* | *cmp-archive* | /memfd:*) true ;; *) false ;; esac &&
			{ tr '\0' '\n' <"$p/environ" | grep -qF "$1/" || tr '\0' '\n' <"$p/cmdline" | grep -qF "$1/" ||
				find "$p/fd" "$p/cwd" -maxdepth 1 -lname "$1/*" 2>/dev/null | grep -q .; } 2>/dev/null; then
			echo "$pid"
		fi
	done
}
links_of() { ip -o link 2>/dev/null | awk -F': ' '{ sub(/@.*/, "", $2); print $2 }' | grep "^$(tag_of "$1")"; }
mounts_of() { awk -v w="$1/" 'index($5, w) == 1 { print $5 }' /proc/self/mountinfo; }
cgroup_roots_of() { find /sys/fs/cgroup -maxdepth 2 -type d -name "$(tag_of "$1")" 2>/dev/null; }
cgroups_of() { for g in $(cgroup_roots_of "$1"); do find "$g" -mindepth 1 -type d; done; }
nft_of() { nft list tables 2>/dev/null | grep -E " $(tag_of "$1")[a-z_]*\$"; }
files_of() {
	for d in "$1/state/containers" "$1/run/containers" "$1/state/volumes" "$1/state/trash"; do
		[ ! -d "$d" ] || find "$d" -mindepth 1 -maxdepth 1 ! -name '*.db*'
	done
}

# sweep WORK: removes all of it, after a failure or a crash.
sweep() {
	for i in 1 2 3 4 5 6 7 8 9 10; do
		pids=$(pids_of "$1")
		[ -n "$pids" ] || break
		# shellcheck disable=SC2086
		kill -9 $pids 2>/dev/null
		sleep 0.05
	done
	for l in $(links_of "$1"); do ip link del "$l" 2>/dev/null; done
	mounts_of "$1" | sort -r | while read -r m; do umount -l "$m" 2>/dev/null; done
	nft_of "$1" | while read -r _ family table; do nft delete table "$family" "$table"; done
	for g in $(cgroup_roots_of "$1"); do find "$g" -depth -type d -exec rmdir {} \; 2>/dev/null; done
	[ -n "${CMP_TEST_KEEP:-}" ] || rm -rf "$1"
}

# sweep_stale: the work directories of test scripts that are no more.
sweep_stale() {
	for d in "${TMPDIR:-/tmp}"/cmp-test.*; do
		[ -d "$d" ] || continue
		owner=$(cat "$d/owner" 2>/dev/null)
		if [ -z "$owner" ] || ! kill -0 "$owner" 2>/dev/null; then sweep "$d"; fi
	done
}

if [ "${CMP_TEST_SWEEP_ONLY:-}" ]; then
	sweep_stale
	exit 0
fi

WORK=$(mktemp -d "${TMPDIR:-/tmp}/cmp-test.XXXXXX") || exit 2
echo $$ >"$WORK/owner"
CMP_STATE_DIR=$WORK/state
CMP_RUN_DIR=$WORK/run
TAG=$(tag_of "$WORK")
# Where programs built with sanitizers report; `finish` looks for it.
ASAN_OPTIONS=log_path=$WORK/sanitizer:print_stacktrace=1
UBSAN_OPTIONS=log_path=$WORK/sanitizer:print_stacktrace=1
export CMP_STATE_DIR CMP_RUN_DIR ASAN_OPTIONS UBSAN_OPTIONS
SOCK=$CMP_RUN_DIR/cmp.sock
finished=
on_exit() {
	[ -n "$finished" ] || echo "not ok $((test_number + 1)) - $SCRIPT ended before finish"
	sweep "$WORK"
}
trap on_exit EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
cd "$WORK" || exit 2

# ---- the programs

cmp() { timeout -k 5 "${CMP_TEST_LIMIT:-60}" "$CMP_BUILD/cmp" "$@"; }

# api METHOD PATH [BODY]: a request to the supervisor; fails when the status is not 2xx.
api() {
	curl -sS -f --max-time 60 --unix-socket "$SOCK" -X "$1" ${3:+-d "$3"} "http://cmp/cmp/v1/$2"
}
cmpd_pid() { api GET version | jq .pid | grep .; } # fails without a supervisor

# project NAME <compose.yaml: makes the project's directory and goes there.  The project is called
# NAME, too.
project() {
	mkdir -p "$WORK/$1" && cd "$WORK/$1" && cat >compose.yaml
}

# import_busybox: the image "bb" with busybox and a few users.  Its own command is sleep.
import_busybox() {
	root=$WORK/bb
	mkdir -p "$root/bin" "$root/etc" "$root/tmp" "$root/root" "$root/home/app" "$root/www" "$root/data" "$root/proc" "$root/sys" "$root/dev"
	cp "$(command -v busybox)" "$root/bin/busybox"
	busybox --list | while read -r a; do [ "$a" = busybox ] || ln -s busybox "$root/bin/$a"; done
	printf 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/home/app:/bin/sh\n' >"$root/etc/passwd"
	printf 'root:x:0:\napp:x:1000:\nextra:x:2000:app\n' >"$root/etc/group"
	chmod 1777 "$root/tmp"
	chown 1000:1000 "$root/home/app"
	echo from-the-image >"$root/data/seed"
	cmp import -c 'ENV PATH=/bin' -c 'CMD ["sleep","1000"]' "$root" bb >"$WORK/import.log" 2>&1 || {
		sed 's/^/# /' "$WORK/import.log" "$CMP_RUN_DIR/cmpd.log" 2>/dev/null
		echo "Bail out! cmp import failed"
		exit 1
	}
	rm -rf "$root"
}

# ---- tests

# it DESCRIPTION <script: one test.  The script runs in a subshell under set -e; when it fails, it is
# shown as far as it came.  (Not by set -x: that would end up in what `2>file` collects.)
it() {
	test_number=$((test_number + 1))
	cat >"$WORK/script"
	(
		set -euv
		. "$WORK/script"
	) >"$WORK/output" 2>&1 </dev/null
	status=$?
	if [ $status = 0 ]; then
		echo "ok $test_number - $SCRIPT: $1"
	elif [ $status = 77 ] && [ -z "${CMP_TEST_STRICT:-}" ]; then
		echo "ok $test_number - $SCRIPT: $1 # SKIP $(sed -n 's/^skip: //p' "$WORK/output" | tail -n 1)"
	else
		test_failed=$((test_failed + 1))
		tail -n 60 "$WORK/output" | sed 's/^/# /'
		[ ! -s "$CMP_RUN_DIR/cmpd.log" ] || tail -n 10 "$CMP_RUN_DIR/cmpd.log" | sed 's/^/# cmpd: /'
		echo "not ok $test_number - $SCRIPT: $1"
	fi
}
skip() { echo "skip: $*"; exit 77; }

# Assertions, for use under set -e.
eq() { [ "$1" = "$2" ] || { echo "expected: $2"; echo "got:      $1"; return 1; }; }
has() { case $1 in *"$2"*) ;; *) echo "no \"$2\" in: $1"; return 1 ;; esac; }
hasnt() { case $1 in *"$2"*) echo "\"$2\" in: $1"; return 1 ;; esac; }
less() { [ "$1" -lt "$2" ] || { echo "$1 is not less than $2"; return 1; }; }
fails() { if "$@"; then echo "did not fail: $*"; return 1; fi; }
exits() { # exits STATUS COMMAND...
	wanted=$1
	shift
	got=0
	"$@" || got=$?
	[ "$got" = "$wanted" ] || { echo "exit $got, not $wanted: $*"; return 1; }
}
# within SECONDS COMMAND...: until it succeeds.  CMP_TEST_SLOW multiplies, for emulated machines.
within() {
	end=$(($(date +%s) + $1 * ${CMP_TEST_SLOW:-1} + 1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt "$end" ] || { echo "not in time: $*"; "$@"; return 1; }
		sleep 0.03
	done
}
holds() { eval "$1"; } # for within: holds 'shell text'
now_ms() { echo $(($(date +%s%N) / 1000000)); }
note() { printf '# %s\n' "$*" >>"$WORK/notes"; }

# What containers are like.
state_of() { api GET "containers/$1" | jq -r '.status // .state.status // .state'; }
running() { api GET "containers?project=$1" | jq '[.[] | select(.status == "running")] | length'; }
pid_of() { api GET "containers?all=1" | jq --arg n "$1" '.[] | select(.name == $n) | .pid'; }
id_of() { api GET "containers?all=1" | jq -r --arg n "$1" '.[] | select(.name == $n) | .id'; }
addr_of() { api GET "containers?all=1" | jq -r --arg n "$1" '[.[] | select(.name == $n) | .networks[] | .ipv4][0] | split("/")[0]'; }
health_of() { api GET "containers?all=1" | jq -r --arg n "$1" '.[] | select(.name == $n) | .health // ""'; }
restarts_of() { api GET "containers/$1" | jq -r '.restart_count // .state.restart_count // 0'; }

# ---- the end

left() { # left WHAT LIST
	test_number=$((test_number + 1))
	if [ -z "$2" ]; then
		echo "ok $test_number - $SCRIPT: leaves no $1"
	else
		printf '%s\n' "$2" | sed 's/^/# /'
		echo "not ok $test_number - $SCRIPT: leaves no $1"
		test_failed=$((test_failed + 1))
	fi
}
stop_supervisor() {
	[ -S "$SOCK" ] || return 0
	pid=$(cmpd_pid 2>/dev/null)
	api POST shutdown >/dev/null 2>&1
	for i in $(seq 100); do
		{ [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; } || return 0
		sleep 0.05
	done
	echo "# the supervisor did not end"
}
finish() {
	cd "$WORK" || exit 2
	# Networks and volumes may be all that a project still has.
	for p in $({
		api GET projects | jq -r '.[].name'
		for list in networks volumes; do api GET $list | jq -r '.[].labels."com.docker.compose.project" // empty'; done
	} 2>/dev/null | sort -u); do
		cmp -p "$p" down -v --remove-orphans -t 0 >"$WORK/down.log" 2>&1 || sed 's/^/# down: /' "$WORK/down.log"
	done
	for v in $(api GET volumes 2>/dev/null | jq -r '.[].name'); do api DELETE "volumes/$v" >/dev/null 2>&1; done
	left "networks of its own" "$(api GET networks 2>/dev/null | jq -r '.[] | select(.project // "" != "") | .name')"
	stop_supervisor
	# What the supervisor does in the background (removal of trees) has a moment.
	for i in $(seq 60); do
		[ -n "$(pids_of "$WORK")$(files_of "$WORK")" ] || break
		sleep 0.05
	done
	left processes "$(for p in $(pids_of "$WORK"); do echo "$p $(tr '\0' ' ' <"/proc/$p/cmdline")"; done)"
	left links "$(links_of "$WORK")"
	left mounts "$(mounts_of "$WORK")"
	left cgroups "$(cgroups_of "$WORK")"
	left "nft table" "$(nft_of "$WORK" | while read -r _ f t; do nft list table "$f" "$t" | grep -E 'elements|dnat|masquerade|redirect'; done)"
	left files "$(files_of "$WORK")"
	left "sanitizer reports" "$(cat "$WORK"/sanitizer.* 2>/dev/null | head -n 60)"
	[ ! -e "$WORK/notes" ] || cat "$WORK/notes"
	if [ $test_failed != 0 ] && [ -s "$CMP_RUN_DIR/cmpd.log" ]; then
		tail -n 40 "$CMP_RUN_DIR/cmpd.log" | sed 's/^/# cmpd: /'
	fi
	echo "1..$test_number"
	finished=1
	[ $test_failed = 0 ]
	exit $?
}

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Goldens of the compose room.  A case is a directory with the files of a project and `expected`:
# what compose-config prints about it (compose-errors/: the problems; compose-models/: the model;
# compose-lint/: the findings).
# `args` holds its arguments (default: config -q, config --format json, or
# lint), `environment` NAME=VALUE lines.  The case's directory reads @DIR@.  UPDATE=1 rewrites `expected`.
set -u
here=$(cd "$(dirname "$0")" && pwd)
: "${CMP_BUILD:=${top_builddir:-build}}"
program=$(cd "$CMP_BUILD" && pwd)/tests/compose-config
[ -x "$program" ] || { echo "Bail out! no tests/compose-config in $CMP_BUILD"; exit 1; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
number=0 failed=0

# run DIR DEFAULT-ARGUMENTS: prints both outputs and the exit status, with the place taken out.
run() {
	args=$2
	[ ! -e "$1/args" ] || args=$(cat "$1/args")
	set --
	[ ! -e environment ] || while IFS= read -r line; do set -- "$@" "$line"; done <environment
	# shellcheck disable=SC2086
	env -i PATH="$PATH" HOME=/home/user ${ASAN_OPTIONS+ASAN_OPTIONS="$ASAN_OPTIONS"} "$@" \
		timeout 20 "$program" $args </dev/null >"$work/out" 2>"$work/err"
	echo "exit $?" >"$work/status"
	cat "$work/err" "$work/out" "$work/status" | sed "s|$PWD|@DIR@|g"
}

for case in "$here"/compose-errors/*/ "$here"/compose-models/*/ "$here"/compose-lint/*/; do
	case=${case%/} arguments="config -q"
	[ -d "$case" ] || continue
	name=$(basename "$(dirname "$case")")/$(basename "$case")
	case $name in
	compose-models/*) arguments="config --format json" ;;
	compose-lint/*) arguments=lint ;;
	esac
	number=$((number + 1))
	(cd "$case" && run "$case" "$arguments") >"$work/actual"
	if [ -n "${UPDATE:-}" ]; then
		cp "$work/actual" "$case/expected"
	elif ! diff -u "$case/expected" "$work/actual" >"$work/diff" 2>&1; then
		failed=$((failed + 1))
		sed 's/^/# /' "$work/diff"
		echo "not ok $number - $name"
		continue
	fi
	echo "ok $number - $name"
done
echo "1..$number"
[ "$failed" = 0 ]

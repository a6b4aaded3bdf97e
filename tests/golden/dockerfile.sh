#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Goldens of Dockerfiles.  A case is a directory with a Dockerfile, perhaps `args` (arguments of
# dockerfile-show), and `expected`: problems, tree, stages, exit status.  UPDATE=1 rewrites it.
set -u
here=$(cd "$(dirname "$0")" && pwd)
: "${CMP_BUILD:=${top_builddir:-build}}"
program=$(cd "$CMP_BUILD" && pwd)/tests/dockerfile-show
[ -x "$program" ] || { echo "Bail out! no tests/dockerfile-show in $CMP_BUILD"; exit 1; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
number=0 failed=0
for case in "$here"/dockerfile/*/; do
	case=${case%/}
	name=$(basename "$case")
	number=$((number + 1))
	(
		cd "$case" || exit
		args=$(cat args 2>/dev/null)
		# shellcheck disable=SC2086
		timeout 20 "$program" $args Dockerfile >"$work/out" 2>"$work/err"
		echo "exit $?" >"$work/status"
		cat "$work/err" "$work/out" "$work/status"
	) >"$work/actual"
	if [ -n "${UPDATE:-}" ]; then
		cp "$work/actual" "$case/expected"
	elif ! diff -u "$case/expected" "$work/actual" >"$work/diff" 2>&1; then
		failed=$((failed + 1))
		sed 's/^/# /' "$work/diff"
		echo "not ok $number - dockerfile/$name"
		continue
	fi
	echo "ok $number - dockerfile/$name"
done
echo "1..$number"
[ "$failed" = 0 ]

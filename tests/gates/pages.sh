#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Gate: docs/compose.md is what the tables give (UPDATE=1 rewrites it), and every key has its text.
echo 1..2
page=$top_srcdir/docs/compose.md pages=${top_builddir:-build}/tools/pages
made=$(mktemp) || exit 1
trap 'rm -f "$made"' EXIT
"$pages" compose.md >"$made" || { echo "Bail out! tools/pages has failed"; exit 1; }
[ -z "${UPDATE:-}" ] || cp "$made" "$page"
if out=$(diff -u "$page" "$made" 2>&1); then
	echo "ok 1 - docs/compose.md"
else
	printf '%s\n' "$out" | sed 's/^/# /'
	echo "not ok 1 - docs/compose.md: UPDATE=1 tests/gates/pages.sh writes it anew"
fi
if out=$(grep -n '^\* \*\*[a-z_]*\*\* .\?\\$\|(null)' "$made"); then
	printf '%s\n' "$out" | sed 's/^/# /'
	echo "not ok 2 - every key has a text"
else
	echo "ok 2 - every key has a text"
fi

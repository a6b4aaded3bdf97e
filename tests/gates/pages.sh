#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Gate: docs/compose.md is what the tables give (UPDATE=1 rewrites it), every key has its text, and no quote ends an
# argument in the manual page.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}" "${top_builddir:=$top_srcdir/build}"
echo 1..3
page=$top_srcdir/docs/compose.md pages=$top_builddir/tools/pages
made=$(mktemp) || exit 1
trap 'rm -f "$made"' EXIT
"$pages" compose.md >"$made" || { echo "Bail out! tools/pages has failed"; exit 1; }
[ -z "${UPDATE:-}" ] || cp "$made" "$page"
if out=$(diff -u "$page" "$made" 2>&1); then
	echo "ok 1 - docs/compose.md"
else
	printf '%s\n' "$out" | sed 's/^/# /'
	echo "not ok 1 - docs/compose.md: UPDATE=1 sh tests/gates/pages.sh writes it anew"
fi
if out=$(grep -n '^\* \*\*[a-z_]*\*\* .\?\\$\|(null)' "$made"); then
	printf '%s\n' "$out" | sed 's/^/# /'
	echo "not ok 2 - every key has a text"
else
	echo "ok 2 - every key has a text"
fi
if out=$("$pages" cmp-compose.5 | sed -n 's/""//g; /^\.[A-Z]* ".*".*"$/p') && [ -z "$out" ]; then
	echo "ok 3 - quotes in cmp-compose.5"
else
	printf '%s\n' "$out" | sed 's/^/# /'
	echo "not ok 3 - quotes in cmp-compose.5"
fi

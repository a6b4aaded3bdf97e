#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Gate: tools/check-format as one TAP test.
echo 1..1
if out=$("$top_srcdir/tools/check-format" 2>&1); then
	echo "ok 1 - check-format"
else
	printf '%s\n' "$out" | sed 's/^/# /'
	echo "not ok 1 - check-format"
fi

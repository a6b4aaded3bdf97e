#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Gate: docs/docker-api.md is what the router says.
echo 1..1
if out=$("$top_builddir/cmpd" --routes | diff "$top_srcdir/docs/docker-api.md" - 2>&1); then
	echo "ok 1 - docs/docker-api.md"
else
	printf '%s\n' "$out" | sed 's/^/# /'
	echo "not ok 1 - docs/docker-api.md: build/cmpd --routes >docs/docker-api.md"
fi

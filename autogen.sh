#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Makes configure and the Makefile templates from configure.ac and the Makemodule.am files.
set -e
cd "$(dirname "$0")"
exec autoreconf --install --force

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Make ./configure from configure.ac. Needed in a git checkout only.
set -e
cd "$(dirname "$0")"
for tool in autoreconf pkg-config; do
	command -v "$tool" >/dev/null || {
		echo "autogen.sh: $tool is missing;" \
			"as root, contrib/setup installs what the build needs" >&2
		exit 1
	}
done
autoreconf --install --force --warnings=all
# What root has made belongs to the owner of the tree, who runs this later without sudo.
[ "$(id -u)" -ne 0 ] || chown -Rh --reference=configure.ac configure aclocal.m4 autom4te.cache \
	build-aux config.h.in Makefile.in

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# contrib/setup where there is no apt: it lists what to install, and says so. And autogen.sh, which
# sudo runs by way of contrib/demo: what it makes belongs to the owner of the tree.
set -uo pipefail
src=$(cd "${top_srcdir:-.}" && pwd)
status=0
bad() { echo "FAIL: $*"; status=1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir "$work/bin"
for tool in bash dirname head id sed; do
	ln -s "$(command -v $tool)" "$work/bin"
done
setup() { PATH=$work/bin bash "$src/contrib/setup" "$@" >"$work/out" 2>&1; }
setup --print build || bad "contrib/setup --print build: exit status $?: $(cat "$work/out")"
for package in bpftool clang libibverbs-dev libmsgpack-c-dev; do
	grep -qx "$package" "$work/out" || bad "contrib/setup --print build: no $package"
done
grep -vxE '[a-z0-9.+-]*[a-z0-9]' "$work/out" && bad "contrib/setup --print build: see above"
setup build
[ $? -eq 1 ] || bad "contrib/setup without apt is not exit status 1"
grep -q 'this is not Debian; contrib/setup --print lists' "$work/out" || bad "$(cat "$work/out")"

# autoreconf is a stand-in that makes what it makes.
mkdir "$work/tree"
cp "$src/autogen.sh" "$src/configure.ac" "$work/tree"
rm "$work/bin"/*
printf '#!/bin/sh\nmkdir -p autom4te.cache build-aux\ntouch %s\n' \
	'build-aux/missing configure aclocal.m4 config.h.in Makefile.in' >"$work/bin/autoreconf"
chmod +x "$work/bin/autoreconf"
if [ "$(id -u)" -eq 0 ]; then
	chown -R 65534:65534 "$work/tree"
fi
PATH=$work/bin:$PATH "$work/tree/autogen.sh" >"$work/out" 2>&1 ||
	bad "autogen.sh: $(cat "$work/out")"
[ -e "$work/tree/configure" ] || bad "autogen.sh: no configure"
find "$work/tree" ! -user "$(stat -c %u "$work/tree/configure.ac")" | grep . &&
	bad "autogen.sh: that belongs to another"
exit $status

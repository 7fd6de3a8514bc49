#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# make install puts the default configuration where there is none, and never overwrites one; make
# uninstall removes only what nobody has edited.
set -eu
src=$(cd "${top_srcdir:-.}" && pwd)
# Where programs are emulated, that directory has a link to the Makefile.
build=$(dirname "$(readlink -f "${top_builddir:-.}/Makefile")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
bad() { echo "$*"; status=1; }

configdir=$(sed -n 's/^configdir = //p' "$build/Makefile")
[ -n "$configdir" ] || { echo "no configdir in $build/Makefile"; exit 1; }
run() {
	MAKEFLAGS='' make -s --no-print-directory -C "$build" "$1" DESTDIR="$work" sysconfdir=/etc
}
conf=$work/etc/rpingmesh/rpingmeshd.conf

run install-data-local >"$work/said"
cmp "$src/etc/rpingmeshd.conf" "$conf" || bad "not the default configuration"
[ ! -s "$work/said" ] || bad "said at the first installation: $(cat "$work/said")"
run install-data-local >"$work/said"
[ ! -s "$work/said" ] || bad "said though nothing was edited: $(cat "$work/said")"
echo 'timeout_ms = 700;' >"$conf"
run install-data-local >"$work/said"
[ "$(cat "$conf")" = 'timeout_ms = 700;' ] || bad "an edited configuration was overwritten"
grep -q 'has been edited and stays' "$work/said" || bad "not said: $(cat "$work/said")"
run uninstall-local
[ -e "$conf" ] || bad "an edited configuration was removed"
rm "$conf"
run install-data-local
run uninstall-local
[ ! -e "$conf" ] || bad "the default configuration was left behind"
exit $status

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The lists of contrib/rpm/rpingmesh.spec, as rpm(8) reads them, are what `make install` installs:
# each file is in one package. make rpm builds the packages.
set -eu
src=$(cd "${top_srcdir:-.}" && pwd)
# Where programs are emulated, that directory has a link to the Makefile.
build=$(dirname "$(readlink -f "${top_builddir:-.}/Makefile")")
spec=$src/contrib/rpm/rpingmesh.spec
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
bad() { echo "$*"; status=1; }

command -v rpmspec >/dev/null || { echo "rpm is not installed: skipped"; exit 77; }
units=/usr/lib/systemd/system
rpmspec --define "_unitdir $units" --define "_sysusersdir /usr/lib/sysusers.d" \
	--define "_sysconfdir /etc" -P "$spec" >"$work/spec"
version=$(sed -nE 's/^Version: +//p' "$work/spec")
made=$(sed -nE "s/^AC_INIT\(\[[^]]*\], \[([^]]*)\].*/\1/p" "$src/configure.ac")
[ "$version" = "$made" ] || bad "the version is $version there, and $made in configure.ac"
sed -n '/^%files/,$p' "$work/spec" | sed -nE 's/^(%config\(noreplace\) |%doc )?(\/.*)$/\2/p' |
	sort >"$work/lists"
[ "$(uniq -d <"$work/lists" | wc -l)" = 0 ] || bad "twice: $(uniq -d <"$work/lists")"

# Two of the paths do not follow the others.
MAKEFLAGS="" make -C "$build" -s install DESTDIR="$work/root" prefix=/usr sysconfdir=/etc \
	systemdsystemunitdir=$units >"$work/make" 2>&1 || { cat "$work/make"; exit 1; }
(cd "$work/root" && find . -type f | sed 's/^\.//' | sort) >"$work/installed"
while read -r file; do
	n=0
	while read -r entry; do
		# shellcheck disable=SC2254
		case $file in
		$entry | "$entry"/*) n=$((n + 1)) ;; # as a pattern, and as a directory
		esac
	done <"$work/lists"
	[ $n = 1 ] || bad "$file is in $n packages"
done <"$work/installed"
while read -r entry; do
	found=no
	while read -r file; do
		# shellcheck disable=SC2254
		case $file in
		$entry | "$entry"/*) found=yes && break ;;
		esac
	done <"$work/installed"
	[ $found = yes ] || bad "nothing installs $entry"
done <"$work/lists"
grep -c . "$work/installed" | sed 's/$/ files, each in one package/'
exit $status

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# README.Debian of each package: its lines of files and commands are those of rpingmesh-cluster(7),
# which tests/doc/cluster_page.sh runs. And what its text names exists.
set -uo pipefail
src=${top_srcdir:-.}
status=0
bad() { echo "FAIL: $*"; status=1; }
# one_line FILE...: without roff's escapes and repeated spaces.
one_line() { cat "$@" | sed 's/\\e$//; s/\\//g' | tr -s '[:space:]' ' '; }

page=$(one_line "$src/man/rpingmesh-cluster.7")
# These are not on that page.
others='man rpingmesh-cluster
openssl x509 -noout -subject -in /etc/rpingmesh/host.crt
cp /usr/share/doc/rpingmesh/examples/60-rpingmesh.conf /etc/sysctl.d/
sysctl --system
usermod -aG rpingmesh USER'
lines=0
for package in rpingmesh rpingmesh-central rpingmesh-ctl; do
	grep -qx "Package: $package" "$src/contrib/debian/control" || bad "no package $package"
	readme=$src/contrib/debian/$package.README.Debian
	[ $package != rpingmesh ] || readme=$src/contrib/debian/README.Debian
	# Lists begin with "- ", and their next lines with two spaces and a word of a sentence.
	while IFS= read -r line; do
		lines=$((lines + 1))
		line=$(one_line <<<"$line")
		line=${line# } line=${line% }
		grep -qxF -- "$line" <<<"$others" || [[ $page == *"$line"* ]] ||
			bad "${readme##*/}: not in rpingmesh-cluster(7): $line"
	done < <(awk '/^- / { list = 1 } /^$/ { list = 0 } /^  / && !list' "$readme")
	awk 'length > 79 { exit 1 }' "$readme" || bad "${readme##*/}: a line over 79 columns"
	while read -r name; do
		grep -qx "Package: $name" "$src/contrib/debian/control" || bad "no package $name"
	done < <(grep -oE '/usr/share/doc/[a-z-]+/README' "$readme" | cut -d/ -f5)
done
[ $lines -gt 20 ] || bad "only $lines lines of files and commands"
# No address that was made up: .example is reserved, and said to be a placeholder.
maintainer=$(sed -nE 's/^Maintainer: (.*)/\1/p' "$src/contrib/debian/control")
if [[ $maintainer == *.example\> ]]; then
	for name in contrib/debian/README.Debian contrib/debian/rpingmesh-ctl.README.Debian \
		README.md; do
		one_line "$src/$name" | grep -q 'Maintainer is a placeholder' ||
			bad "$name: $maintainer is not said to be a placeholder"
	done
fi
grep -q "^ -- ${maintainer} " "$src/contrib/debian/changelog" || bad "the changelog's maintainer"
echo "$lines lines of files and commands"
exit $status

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The templates and the page of contrib/lima (tests/doc/lima_doc.py), and the command lines of its
# scripts. What they do is run in the test VM: tests/vm/test_lima.py.
set -uo pipefail
export top_srcdir=${top_srcdir:-.}
status=0
bad() { echo "FAIL: $*"; status=1; }

/usr/bin/python3 -c 'import yaml' 2>/dev/null || {
	echo "python3-yaml is missing: contrib/setup installs it"; exit 77
}
/usr/bin/python3 -B "$top_srcdir/tests/doc/lima_doc.py" || status=1
for script in provision.sh try; do
	"$top_srcdir/contrib/lima/$script" --help | grep -q "^Usage: contrib/lima/$script" ||
		bad "$script --help"
	"$top_srcdir/contrib/lima/$script" --bogus >/dev/null 2>&1
	[ $? -eq 2 ] || bad "$script --bogus is not exit status 2"
done
# What would be installed elsewhere; the names for Debian are contrib/setup's.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# printed OS-RELEASE-TEXT PATTERN...: each is in the commands, which nobody has run.
printed() {
	printf '%b' "$1" >"$work/os-release"
	"$top_srcdir/contrib/lima/provision.sh" --print "$work/os-release" >"$work/out" 2>&1 ||
		bad "provision.sh --print for $1: $(cat "$work/out")"
	shift
	for pattern in "$@"; do
		grep -Eq "$pattern" "$work/out" || bad "no $pattern in: $(cat "$work/out")"
	done
}
printed 'ID=debian\nVERSION_ID="12"\n' '/contrib/setup build check$' 'apt-get .* ibverbs-utils'
printed 'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="22.04"\n' '/contrib/setup build$' \
	'apt-get .* libcmocka-dev' 'linux-modules-extra-'
printed 'ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="8.9"\n' 'install .*epel-release' \
	'set-enabled powertools$' 'dnf .* rdma-core-devel' 'kernel-modules-extra-'
printed 'ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\n' 'set-enabled crb$'
printed 'ID=fedora\n' 'dnf .* libbpf-devel'
printed 'ID=arch\n' 'pacman -Syu' 'pacman -S .* rdma-core .*uthash'
printf 'ID=plan9\nPRETTY_NAME="Plan 9"\n' >"$work/os-release"
"$top_srcdir/contrib/lima/provision.sh" --print "$work/os-release" >"$work/out" 2>&1 &&
	bad "provision.sh --print knows Plan 9"
grep -q 'Plan 9: neither apt, dnf nor pacman' "$work/out" || bad "Plan 9: $(cat "$work/out")"
# Of dnf's names, those that the spec has, too, are the same.
mapfile -t spec < <(sed -nE 's/^BuildRequires: +(clang|gcc|make|uthash-devel|bpftool)$/ \1( |$)/p' \
	"$top_srcdir/contrib/rpm/rpingmesh.spec")
[ ${#spec[@]} -eq 5 ] || bad "the spec: ${spec[*]}"
printed 'ID=fedora\n' "${spec[@]}"
exit $status

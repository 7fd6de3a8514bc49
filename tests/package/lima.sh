#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The templates and the page of contrib/lima (tests/doc/lima_doc.py), and the command lines of its
# scripts. What they do is run in the test VM: tests/vm/test_lima.py. `try --all` and what `try
# --fields` prints are run here, with stand-ins for limactl, sudo, the fabric and features.py.
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
stand_in() { printf '#!/bin/bash\n%s\n' "$2" >"$work/$1" && chmod +x "$work/$1"; }
# The mirrors of Rocky Linux no longer have the modules of the kernel that runs: what helps is said.
mkdir -p "$work/bin" "$work/home" "$work/rocky"
printf 'ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\n' >"$work/os-release"
sed "s|^os_release=.*|os_release='$work/os-release'|" "$top_srcdir/contrib/lima/provision.sh" \
	>"$work/provision.sh"
stand_in rocky/id 'echo 0'
# shellcheck disable=SC2016 # what the stand-in expands
stand_in rocky/dnf 'case $* in *kernel-modules-extra*) echo "No match"; exit 1 ;; esac'
stand_in rocky/modinfo 'exit 1'
stand_in rocky/modprobe 'exit 1'
PATH=$work/rocky:$PATH bash "$work/provision.sh" >"$work/out" 2>&1 &&
	bad "provision.sh without a module: $(cat "$work/out")"
grep -q 'has no module ib_uverbs: dnf install kernel-modules-extra-.* then reboot$' "$work/out" ||
	bad "provision.sh without a package of modules: $(cat "$work/out")"
# try --all: this machine stands in for all of Lima's; sudo says what each would answer.
stand_in bin/limactl "case \$1 in
list) [ \"\$*\" = 'list --format {{.Name}} {{.Status}}' ] && cat '$work/machines' ;;
shell) export MACHINE=\$2 HOME='$work/home'; shift 2; exec \"\$@\" ;;
esac"
# shellcheck disable=SC2016 # what the stand-ins expand
stand_in bin/sudo '
[ "$1" = "$TRY" ] && [ "$2" = --fields ] && [ "$3" = "${BUILD_THERE:-$HOME/build}" ] || exit 3
case $MACHINE in
deb12) echo "fields 6.1.0-42-arm64 yes yes yes" ;;
rocky) echo "fields 4.18.0-553.el8 no no no"; echo "why loads: built without BPF" ;;
empty) echo "try: error: there is no rpingmeshd in $3: build it first" >&2; exit 1 ;;
esac'
TRY=$(cd "$top_srcdir" && pwd)/contrib/lima/try
export TRY
all() { PATH=$work/bin:$PATH "$TRY" --all "$@" >"$work/out" 2>&1; }
# table STATUS LINE...: what it prints, with single spaces.
table() {
	[ "$1" = "$2" ] || bad "try --all: exit status $2 in place of $1"
	shift 2
	diff <(printf '%s\n' 'MACHINE STATE KERNEL LOADS ATTACHES ALL FIELDS' "$@") \
		<(sed 's/  */ /g' "$work/out") || bad "try --all"
}
printf '%s\n' 'deb12 Running' 'rocky Running' >"$work/machines"
all; table 0 $? 'deb12 Running 6.1.0-42-arm64 yes yes yes' \
	'rocky Running 4.18.0-553.el8 no no no' 'rocky: loads: built without BPF'
BUILD_THERE=/b all /b; table 0 $? 'deb12 Running 6.1.0-42-arm64 yes yes yes' \
	'rocky Running 4.18.0-553.el8 no no no' 'rocky: loads: built without BPF'
printf '%s\n' 'empty Running' 'old Stopped' 'deb12 Running' >"$work/machines"
all; table 1 $? 'empty Running ? ? ? ?' 'old Stopped - - - -' \
	'deb12 Running 6.1.0-42-arm64 yes yes yes' \
	"empty: try: error: there is no rpingmeshd in $work/home/build: build it first" \
	'old: it does not run: limactl start old'
echo 'old Stopped' >"$work/machines"
all; table 1 $? 'old Stopped - - - -' 'old: it does not run: limactl start old'
: >"$work/machines"
all && bad "try --all without a machine"
grep -q 'Lima has no machine: see contrib/lima/README.md' "$work/out" || bad "$(cat "$work/out")"
rm "$work/bin/limactl"
if ! command -v limactl >/dev/null; then
	all && bad "try --all without limactl"
	grep -q 'there is no limactl: install Lima' "$work/out" || bad "$(cat "$work/out")"
fi
# try --fields: what features.py prints becomes the lines that --all reads.
mkdir -p "$work/tree/contrib/lima" "$work/tree/tests/vm" "$work/tree/build"
cp "$TRY" "$work/tree/contrib/lima"
stand_in tree/build/rpingmeshd true
# shellcheck disable=SC2016
stand_in tree/tests/vm/fabric 'echo "fabric $*" >>"${0%/*}/log"'
# shellcheck disable=SC2016
stand_in tree/tests/vm/features.py '
[ "$*" = "trace_loads trace_attaches trace_fields" ] || exit 3
[ -x "$RPINGMESH_BUILD/rpingmeshd" ] || exit 3
echo "{\"release\": \"5.15.0-1\", \"version\": \"x\", \"machine\": \"aarch64\", \"cells\":
{\"trace_loads\": {\"is\": \"yes\"}, \"trace_attaches\": {\"is\": \"yes\", \"by\": \"perf kprobe\"},
\"trace_fields\": {\"is\": \"no\", \"why\": \"a port\"}}}"'
stand_in bin/id 'echo 0'
PATH=$work/bin:$PATH "$work/tree/contrib/lima/try" --fields >"$work/out" 2>&1 ||
	bad "try --fields: exit status $?"
diff "$work/out" - <<<$'fields 5.15.0-1 yes yes no\nwhy fields: a port' || bad "try --fields"
diff "$work/tree/tests/vm/log" - <<<$'fabric up 2\nfabric teardown' || bad "the fabric is left"
exit $status

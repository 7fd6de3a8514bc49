# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Sourced by tests/vm/selftest: --kernel PATH, --modules.

# make_tree MODULES VMLINUX: a build tree as make leaves it: the kernel, modules.order and the
# modules where they were built.
make_tree() {
	local installed=$1
	mkdir -p "$work/tree"
	ln -s "$2" "$work/tree/vmlinux"
	cp "$installed"/modules.{order,builtin,builtin.modinfo} "$work/tree/"
	cp -rs "$installed/kernel/." "$work/tree/"
}

# shellcheck disable=SC2016 # dollars that must not expand here
test_own_kernel() {
	local dir release
	dir=$("$here/kernel" "$kernel" | head -n 1)
	release=$(cat "$dir/release")
	make_tree "$dir/lib/modules/$release" "$dir/vmlinux"
	"$here/run" --sudo --kernel "$work/tree" --out "$work/vm-out" -- sh \
		-c 'uname -r; modprobe rdma_rxe && echo loaded' >"$work/stdout" 2>&1
	equal "--kernel BUILD-TREE" "$release"$'\nloaded' "$(cat "$work/stdout")"
	cp "$dir/vmlinux" "$work/image"
	"$here/run" --sudo --kernel "$work/image" --modules "$dir/lib/modules" \
		--out "$work/vm-out" -- sh \
		-c 'uname -r; modprobe rdma_rxe && echo loaded' >"$work/stdout" 2>&1
	equal "--kernel vmlinux --modules DIR" "$release"$'\nloaded' "$(cat "$work/stdout")"
	"$here/run" --sudo --kernel "$work/image" --modules "$work/tmp" --out "$work/vm-out" \
		-- uname -r 2>"$work/stderr"
	equal "--modules without modules" 125 $?
	"$here/run" --sudo --kernel /etc/passwd --out "$work/vm-out" -- uname -r 2>"$work/stderr"
	equal "--kernel that is none" 125 $?
	check "is explained" contains "$work/stderr" "neither an ELF file nor a bzImage"
}

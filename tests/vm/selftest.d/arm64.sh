# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Sourced by tests/vm/selftest: --arch arm64.

# The names of the directories hold what means something to overlay and qemu.
# shellcheck disable=SC2016 # dollars that must not expand here
test_arm64() {
	command -v qemu-system-aarch64 >/dev/null || {
		skip arm64 "no qemu-system-aarch64 (contrib/setup cross)" && return
	}
	local -a arguments=('two words' 'quote"s' '' '*' '$HOME' $'new\nline')
	mkdir -p "$work/a: b, c" "$work/out, of: it"
	cd "$work/a: b, c" || return
	echo original >file
	vm --arch arm64 --out "$work/out, of: it" -- bash -c 'uname -m; pwd; cat file
		echo changed >file; cat file
		cat "/host$PWD/file"; test -d "$TMPDIR" && echo TMPDIR
		printf "%s\0" "$@" >"$RPINGMESH_VM_OUT/arguments"; exit 7' name "${arguments[@]}"
	equal "arm64: exit status" 7 "$status"
	equal "arm64: machine, directory, a file of the host" \
		$'aarch64\n'"$PWD"$'\noriginal\nchanged\noriginal\nTMPDIR' \
		"$(cat "$work/stdout")"
	equal "arm64: what is written there is lost" original "$(cat file)"
	printf '%s\0' "${arguments[@]}" >"$work/arguments"
	check "arm64: arguments, and vm-out comes back" cmp "$work/arguments" \
		"$work/out, of: it/arguments"
	vm --arch arm64 -- sh -c 'echo c >/proc/sysrq-trigger; sleep 100'
	equal "arm64: a kernel panic is a failure" 125 "$status"
	check "arm64: a kernel panic is shown" contains "$work/stderr" "sysrq triggered crash"
	cd /usr/share || return
	vm --arch arm64 -- true
	equal "arm64: no directory that its own root has" 2 "$status"
	cd "$here" || return
}

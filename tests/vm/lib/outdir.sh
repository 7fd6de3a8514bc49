# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Directories of the host that a run uses: the output directory, those of --rw, its own temporary
# one. Sourced by tests/vm/run.

# lock_out: one run at a time in an output directory. qemu inherits the lock, so it lasts as long as
# anything writes there.
lock_out() {
	mkdir -p -- "$out" || die "cannot create $out"
	out=$(cd -- "$out" && pwd) || die "cannot enter $out"
	exec {out_lock}<"$out" || die "cannot read $out"
	flock -n "$out_lock" && return
	exec {out_lock}<&-
	return 1
}

# claim_out: several runs in one directory get vm-out, vm-out.2, vm-out.3 and so on, unless --out
# names theirs.
claim_out() {
	local n=1 default=$PWD/vm-out
	if [ -n "$out" ]; then
		lock_out || die "$out is in use by another run; name another directory with --out"
	else
		out=$default
		until lock_out; do n=$((n + 1)) && out=$default.$n; done
		[ $n -eq 1 ] || say "vm-out is in use by another run, the output goes to vm-out.$n"
	fi
	rm -f -- "$out/dmesg" "$out/console"
}

# check_writable: makes the paths of --rw absolute.
check_writable() {
	local i path
	for i in "${!writable[@]}"; do
		path=$(cd -- "${writable[i]}" 2>/dev/null && pwd -P) ||
			bad_call "--rw: ${writable[i]} is no directory"
		case $path/ in
		// | /proc/* | /sys/* | /dev/* | /run/)
			bad_call "--rw: not $path, which the VM has of its own" ;;
		esac
		writable[i]=$path
	done
}

# make_run: the temporary directory. A helper removes it when this script and all that it has
# started are gone, even by SIGKILL: it waits for the end of a pipe that they hold open.
make_run() {
	run=$(mktemp -d "${TMPDIR:-/tmp}/rpingmesh-vm.XXXXXX") ||
		die "cannot create a temporary directory"
	# shellcheck disable=SC2016 # dollars for the inner shell
	exec {alive}> >({ [ -z "${out_lock:-}" ] || exec {out_lock}<&-; } &&
		exec setsid sh -c 'cat; rm -rf "$1"' cleaner "$run" >/dev/null 2>&1)
}

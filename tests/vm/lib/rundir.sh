# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The run directory: how tests/vm/run and the guest script talk. Sourced by tests/vm/run.

# write_run_directory: all that the guest script reads, see there.
write_run_directory() {
	cp "$here/guest" "$here/core" "$run/"
	# The environment as this script got it, before the shell changed anything.
	cat "/proc/$$/environ" >"$run/environ"
	if [ -n "$shell" ]; then
		printf 'hosts=%q\nfabric=%q\n' "$hosts" "$here/fabric" |
			cat - "$here/shellrc" >"$run/shellrc"
	fi
	printf '%s\0' "${command[@]}" >"$run/command"
	: >"$run/stdout"
	: >"$run/stderr"
	{
		printf 'cwd=%q\n' "$PWD"
		printf 'out=%q\n' "$out"
		printf 'modules=%q\n' "${shared:+/host}$kernel_dir/lib/modules"
		printf 'shared=(%s)\n' "${shared[*]@Q}"
		printf 'fabric=%q\n' "$here/fabric"
		printf 'hosts=%q\n' "$hosts"
		printf 'writable=(%s)\n' "${writable[*]@Q}"
		printf 'as=(%s)\n' "${as[*]@Q}"
		printf 'capabilities=%q\n' "$capabilities"
		if [ -n "$systemd" ]; then printf 'systemd=yes\n'; fi
		if [ -n "$copier" ]; then printf 'stdin=yes\n'; fi
		if [ -n "$interactive" ]; then
			printf 'terminal=%q\n' /dev/hvc0
			printf 'window=%q\n' "$(stty size)"
		fi
		if [ -n "$member" ]; then machine_settings; fi
	} >"$run/settings"
}

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Sourced by tests/vm/selftest: the command, its environment, its output and its exit status.

# shellcheck disable=SC2016 # dollars that must not expand here
test_command() {
	local -a arguments=('two words' 'quote"s' "apostrophe's" $'new\nline' '' '*' '$HOME' 'a=b'
		'--' $'tab\tbytes\xff')
	export ODD=$'first line\nsecond "line" $x \\ \xfe' EMPTY=''
	mkdir -p "$work/a directory"
	cd "$work/a directory" || return
	vm -- bash -c 'printf "%s\0" "$@" >"$RPINGMESH_VM_OUT/arguments"
		env -0 | grep -azv "^RPINGMESH_VM\(_OUT\)\?=\|^_=\|^SHLVL=" |
			sort -z >"$RPINGMESH_VM_OUT/environment"
		pwd; id -u; wc -c; echo to-stderr >&2; echo again >/dev/stderr
		echo end >/dev/stdout
		mkdir "$RPINGMESH_VM_OUT/new"; echo written >"$RPINGMESH_VM_OUT/new/file"
		touch left-behind; exit 7' \
		name "${arguments[@]}" </dev/null
	cd "$here" || return
	equal "exit status" 7 "$status"
	printf '%s\0' "${arguments[@]}" >"$work/arguments"
	check "arguments" cmp "$work/arguments" "$work/vm-out/arguments"
	env -0 | grep -azv '^_=\|^SHLVL=\|^PWD=\|^OLDPWD=' | sort -z >"$work/environment"
	grep -azv '^PWD=\|^OLDPWD=' "$work/vm-out/environment" >"$work/environment.vm"
	check "environment" cmp "$work/environment" "$work/environment.vm"
	equal "working directory, root, empty input of /dev/null, stdout" \
		"$work/a directory"$'\n0\n0\nend' "$(cat "$work/stdout")"
	equal "stderr apart from stdout" $'to-stderr\nagain' "$(cat "$work/stderr")"
	equal "vm-out comes back" written "$(cat "$work/vm-out/new/file")"
	check "other files do not" test ! -e "$work/a directory/left-behind"
	check "nothing left in TMPDIR" no_trace
}

test_status() {
	vm -- "$work/no-such-command"
	equal "missing command" 127 "$status"
	vm -- sh -c 'kill -SEGV $$'
	equal "command killed by a signal" 139 "$status"
	"$here/run" --sudo --kernel 1.0 -- true 2>"$work/stderr"
	equal "unknown kernel" 125 $?
	check "unknown kernel: the known ones are listed" contains "$work/stderr" "6.1"
	local call
	for call in "--frobnicate -- true" "--kernel" "" "--memory lots -- true" \
		"--as no-such-user -- true" \
		"--as root:no-such-group -- true" "--caps net_raw,no_such -- true" \
		"--rw /no/such/directory -- true" "--rw / -- true"; do
		# shellcheck disable=SC2086 # words
		"$here/run" --sudo $call 2>"$work/stderr"
		equal "wrong call: $call" 2 $?
	done
	QEMU=no-such-qemu "$here/run" --sudo -- true 2>"$work/stderr"
	equal "no qemu" 125 $?
	check "no qemu: says what to do" contains "$work/stderr" contrib/setup
}

test_output() {
	vm -- sh -c 'seq 100000; sleep 1000 & echo last'
	equal "a long output is complete, and a left-over process does not hold it up" \
		"$(seq 100000; echo last)" \
		"$(cat "$work/stdout")"
}

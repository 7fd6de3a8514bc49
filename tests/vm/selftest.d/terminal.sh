# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Sourced by tests/vm/selftest: --interactive, --shell.

# in_terminal COMMAND FILE: a shell starts what is in the background with SIGINT and SIGQUIT
# ignored, which would stay so.
in_terminal() { timeout 300 env --default-signal=INT,QUIT script -qefc "$@"; }

# await TEXT: in what the terminal shows.
await() {
	local try
	for try in {1..600}; do
		if grep -qF "$1" "$work/terminal" 2>/dev/null; then return; fi
		sleep 0.1
	done
	echo "#   no \"$1\" after $((try / 10)) s" >&2
}

# shellcheck disable=SC2016 # dollars that must not expand here
test_interactive() {
	"$here/run" --sudo --interactive -- true </dev/null 2>"$work/stderr"
	equal "--interactive without a terminal" 2 $?
	export RUN=$here/run KERNEL=$kernel OUT=$work/vm-out
	export INSIDE='trap "echo caught" INT; stty size; test -t 2 && echo ready
		read -r line; echo "<$line>"; sleep 300; exit 3'
	{
		await ready && echo "a line" && await "<a line>" && sleep 1 && printf '\3' &&
			await "status 3"
	} |
		in_terminal 'stty rows 33 cols 101; before=$(stty -g)
			"$RUN" --kernel "$KERNEL" --out "$OUT" --interactive -- sh -c "$INSIDE"
			echo "status $?"; test "$before" = "$(stty -g)" && echo restored' \
			/dev/null >"$work/terminal"
	check "the window's size arrives" contains "$work/terminal" "33 101"
	check "a typed line arrives" contains "$work/terminal" "<a line>"
	check "Ctrl-C is for the guest" contains "$work/terminal" caught
	check "exit status of an interactive command" contains "$work/terminal" "status 3"
	check "the terminal is as it was" contains "$work/terminal" restored
	check "nothing left in TMPDIR" no_trace
}

# A run that is not interactive leaves the terminal alone: in the background it does not stop, in
# the foreground it does not eat what is typed, and Ctrl-C ends it.
# shellcheck disable=SC2016 # dollars that must not expand here
test_terminal_left_alone() {
	export RUN=$here/run KERNEL=$kernel OUT=$work/vm-out
	{
		await ready && echo "typed ahead" && await "<typed ahead>" && await running &&
			sleep 0.3 && printf '\3' && await "status 130"
	} |
		in_terminal 'bash -mc "
			\$RUN --kernel \$KERNEL --out \$OUT \
				-- sh -c \"echo ready; wc -c; sleep 3\" &
			wait \$!; echo status \$?
			read -r line; echo \"<\$line>\"
			\$RUN --kernel \$KERNEL --out \$OUT -- sh -c \"echo running; sleep 100\"
			echo status \$?"' /dev/null >"$work/terminal"
	check "a run in the background goes on" contains "$work/terminal" "status 0"
	check "what is typed stays" contains "$work/terminal" "<typed ahead>"
	check "Ctrl-C ends the VM" contains "$work/terminal" "ended by SIGINT"
	check "and is the exit status" contains "$work/terminal" "status 130"
	check "nothing left in TMPDIR" no_trace
}

# shellcheck disable=SC2016 # dollars that must not expand here
test_shell() {
	export RUN=$here/run KERNEL=$kernel OUT=$work/vm-out
	{ await '] ' && echo 'echo "in $((40 + 2))"; type fabric; exit 6' && await "status 6"; } |
		SHELL=/bin/bash in_terminal '
			"$RUN" --kernel "$KERNEL" --out "$OUT" --hosts 2 --shell
			echo "status $?"' \
			/dev/null >"$work/terminal"
	check "--shell: a prompt that names the VM's kernel" contains "$work/terminal" \
		"[VM $kernel."
	check "--shell: the hosts of the fabric" contains "$work/terminal" \
		"host 1: rxe1, 10.0.1.1, fd00:0:0:1::1"
	check "--shell: commands" contains "$work/terminal" "in 42"
	check "--shell: fabric is a command" contains "$work/terminal" "fabric is aliased"
	check "--shell: exit status" contains "$work/terminal" "status 6"
}

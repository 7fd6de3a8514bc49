#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The completion of rpingmesh-ctl offers what --help names, command by command and option by option,
# and the reverse; in a bash as a user has it, with a daemon that answers and without one. Runs in
# the build directory.
set -uo pipefail
# A misspelt check is no passed one.
# shellcheck disable=SC2317 # bash calls it
command_not_found_handle() { echo "FAIL: no command $1"; kill -TERM $$; }
src=${top_srcdir:-.}
build=$(cd "${top_builddir:-.}" && pwd)
dir=$(mktemp -d)
fake=
status=0
trap '[ -z "$fake" ] || kill "$fake" 2>/dev/null; rm -rf "$dir"' EXIT
export PATH=$build:$PATH
unset RPINGMESH_SOCKET

bad() {
	echo "FAIL: $*"
	status=1
}

# complete_line LINE: what a bash with the completion offers at its end, a word a line
complete_line() {
	bash --norc -c '
		. "$1"
		COMP_LINE=$2 COMP_POINT=${#2}
		# As readline does it: words at blanks and, as usual, colons and equals signs; an
		# empty one after a blank.
		line=${COMP_LINE//:/ : }
		read -ra COMP_WORDS <<<"${line//=/ = }"
		[[ $COMP_LINE != *" " ]] || COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_rpingmesh_ctl rpingmesh-ctl
		((${#COMPREPLY[@]} == 0)) || printf "%s\n" "${COMPREPLY[@]}"' \
		- "$src/contrib/completion/rpingmesh-ctl" "$1" | sort
}

# same WHAT HELP COMPLETION: two lists, a word a line
same() {
	[ -n "$2" ] || bad "$1: --help names nothing"
	diff <(sort -u <<<"$2") <(sort -u <<<"$3") >"$dir/diff" ||
		bad "$1: < only in --help, > only in the completion:" \
			"$(grep '^[<>]' "$dir/diff" | tr '\n' ' ')"
}

commands=$(rpingmesh-ctl --help | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z-]*\)  *.*/\1/p')
same commands "$commands" "$(complete_line "rpingmesh-ctl ")"
options() {
	grep -E '^ +-' | sed 's/   *[^ -].*//' |
		grep -oE -- '(^|[ ,])-(-[a-z][a-z-]+|[A-Za-z0-9])' | tr -d ' ,' | sort -u
}
common=$(printf '%s\n' --json --color -S --socket -h --help)
same "options" "$(rpingmesh-ctl --help | options)" "$(complete_line "rpingmesh-ctl -")"
for command in $commands; do
	same "options of $command" \
		"$({ rpingmesh-ctl "$command" --help | options; echo "$common"; } | sort -u)" \
		"$(complete_line "rpingmesh-ctl $command -")"
done

# offers LINE WORD...: exactly these
offers() {
	local line=$1 got want
	shift
	got=$(complete_line "$line")
	want=$(printf '%s\n' "$@" | sort)
	[ "$got" = "$want" ] || bad "'$line': $(tr '\n' ' ' <<<"$got"), expected $*"
}
offers "rpingmesh-ctl wi" windows
offers "rpingmesh-ctl --json re" record replay
offers "rpingmesh-ctl --color=always wi" windows
offers "rpingmesh-ctl --color=a" auto always
offers "rpingmesh-ctl flows --by=" job process device remote
offers "rpingmesh-ctl --socket=/x top --sort=p" p99 prober
offers "rpingmesh-ctl config " show reload
offers "rpingmesh-ctl config r" reload
offers "rpingmesh-ctl log-level d" debug
offers "rpingmesh-ctl log-level debug c" cluster cm config control
offers "rpingmesh-ctl flows --by " job process device remote
offers "rpingmesh-ctl windows --by f" flow
offers "rpingmesh-ctl record -k ev" event
offers "rpingmesh-ctl ping -c " ""
offers "rpingmesh-ctl matrix -m l" loss
offers "rpingmesh-ctl top --sort p" p99 prober
offers "rpingmesh-ctl -S $dir/none ping " ""
touch "$dir/one.rec"
offers "rpingmesh-ctl replay $dir/o" "$dir/one.rec"
time=$(date +%s)
offers "rpingmesh-ctl -S $dir/none explain 10" ""
[ $(($(date +%s) - time)) -le 30 ] || bad "slow without a daemon"

if /usr/bin/python3 -c 'import msgpack' 2>/dev/null; then
	/usr/bin/python3 "$src/tests/cli/ctl_fake.py" "$dir/sock" good 2>"$dir/fake" &
	fake=$!
	n=0
	until [ -S "$dir/sock" ] || [ $n -ge 100 ]; do sleep 0.05; n=$((n + 1)); done
	# Under emulation, on a busy machine, an answer takes longer than a user would wait.
	export RPINGMESH_COMPLETION_S=60
	offers "rpingmesh-ctl -S $dir/sock ping 10" 10.0.0.1 10.0.0.2 10.0.0.3
	offers "rpingmesh-ctl -S $dir/sock explain h" host-b host-b/mlx5_0
	offers "rpingmesh-ctl -S $dir/sock path h" host-b host-b/mlx5_0
	offers "rpingmesh-ctl -S $dir/sock acknowledge " rxe0
	offers "rpingmesh-ctl -S $dir/sock flows --job " slurm:12
	kill "$fake"
	wait "$fake" 2>/dev/null
	rm -f "$dir/sock"
	unset RPINGMESH_COMPLETION_S
	# One that does not answer: quiet, and soon.
	/usr/bin/python3 "$src/tests/cli/ctl_fake.py" "$dir/sock" hangs 2>"$dir/fake" &
	fake=$!
	n=0
	until [ -S "$dir/sock" ] || [ $n -ge 100 ]; do sleep 0.05; n=$((n + 1)); done
	time=$(date +%s)
	offers "rpingmesh-ctl -S $dir/sock ping " ""
	[ $(($(date +%s) - time)) -le 30 ] || bad "waits for a daemon that does not answer"
fi
exit $status

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Sourced by tests/vm/selftest: --as and --caps.

# capability_mask NAME...: as /proc/PID/status prints it, from the kernel's header.
capability_mask() {
	local name mask=0
	for name in "$@"; do
		mask=$((mask | 1 << $(sed -n \
			"s/^#define CAP_${name^^}[[:space:]]*\([0-9]*\)$/\1/p" \
			/usr/include/linux/capability.h)))
	done
	printf '%016x\n' $mask
}

# as_caller: a caller who is not root, with a cache of its own.
# shellcheck disable=SC2016 # dollars that must not expand here
as_caller() {
	local expected release=6.1
	local -a games=(setpriv --reuid games --regid games --init-groups
		env "TMPDIR=$work/games" "RPINGMESH_CACHE=$work/games" HOME=/usr/games
		"$here/run" --kernel "$kernel" --out "$work/games/out" --timeout 400)
	[ "$(id -u)" -eq 0 ] || return 0
	release=$("$here/kernel" "$kernel" | head -n 1)
	mkdir -p "$work/games/kernel"
	ln -s "$release" "$work/games/kernel/$kernel"
	chmod a+rx "${work%/*}" "$work"
	chown -R games: "$work/games"
	expected="$(id -u games) $(id -g games) /usr/games"
	equal "a caller who is not root: the command is that user's" "$expected" \
		"$("${games[@]}" -- sh -c 'echo $(id -u) $(id -g) $HOME' 2>"$work/stderr")"
	equal "--sudo: it is root's, with the caller's environment" "0 0 /usr/games" \
		"$("${games[@]}" --sudo -- sh -c 'echo $(id -u) $(id -g) $HOME' 2>"$work/stderr")"
}

# shellcheck disable=SC2016 # dollars that must not expand here
test_user() {
	local expected
	rm -rf "$work/vm-out"
	mkdir -p "$work/vm-out" && echo old >"$work/vm-out/old"
	vm --as games --caps net_raw,CAP_BPF -- sh -c 'id -u; id -g; id -G
		echo "$USER $LOGNAME $HOME $SHELL"
		for set in Inh Prm Eff Bnd Amb; do sed -n "s/^Cap$set:.//p" /proc/self/status; done
		cat /dev/stdin; echo err >/dev/stderr
		cd "$RPINGMESH_VM_OUT" && echo new >>old && mkdir -p d/e && echo new >d/e/f
		exit 5' < <(echo input)
	expected=$(id -u games; id -g games; id -G games
		echo "games games $(getent passwd games | cut -d: -f6,7 | tr : ' ')"
		for _ in 1 2 3 4 5; do capability_mask net_raw bpf; done; echo input)
	equal "--as: ids, environment, capabilities, stdin opened anew" "$expected" \
		"$(cat "$work/stdout")"
	equal "--as: exit status, stderr" "5 err" "$status $(cat "$work/stderr")"
	equal "--as: the output directory can be written to" $'old\nnew\nnew' \
		"$(cat "$work/vm-out/old" "$work/vm-out/d/e/f")"
	vm --as 12345:nogroup -- sh -c 'id -u; id -g; id -G; echo $HOME
		grep -c "Cap\(Prm\|Eff\|Amb\):.0*$" /proc/self/status
		echo x >"$RPINGMESH_VM_OUT/number"'
	expected=$(getent group nogroup | cut -d: -f3)
	equal "--as UID:GROUP" "12345"$'\n'"$expected"$'\n'"$expected"$'\n/\n3' \
		"$(cat "$work/stdout")"
	as_caller
	vm --caps none -- sh -c 'id -u
		grep -c "Cap\(Inh\|Prm\|Eff\|Bnd\|Amb\):.0*$" /proc/self/status
		ip link set lo down'
	equal "--caps none: root without rights" $'0\n5 2' "$(cat "$work/stdout") $status"
}

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# --as and --caps: who runs the command, with which rights. Sourced by tests/vm/run.

# account DATABASE NAME: a line of passwd or group, as the VM has them.
account() {
	if [ "$root" = / ]; then
		getent "$1" -- "$2"
	else
		awk -F: -v name="$2" \
			'$1 == name || $3 == name { print; found = 1; exit } END { exit !found }' \
			"$root/etc/$1"
	fi
}

# groups_of USER GID: all of a user's groups, with commas between them.
groups_of() {
	if [ "$root" = / ]; then
		id -G -- "$1" | tr ' ' ,
	else
		{
			echo "$2" &&
				awk -F: -v name="$1" '("," $4 ",") ~ ("," name ",") { print $3 }' \
					"$root/etc/group"
		} | paste -sd,
	fi
}

# check_user SPECIFICATION: sets the array as: uid, gid, supplementary groups, name, home, shell. A
# number needs no entry in the user database.
check_user() {
	local user=${1%%:*} group="" entry name uid gid home shell groups=""
	if [[ $1 == *:* ]]; then group=${1#*:} && : "${group:=-}"; fi
	entry=$(account passwd "$user") || entry=
	if [ -n "$user" ] && [ -n "$entry" ]; then
		IFS=: read -r name _ uid gid _ home shell <<<"$entry"
		[ -n "$group" ] || groups=$(groups_of "$name" "$gid")
	elif is_number "$user"; then
		name=$user uid=$user gid=$user home=/ shell=/bin/sh
	else
		bad_call "--as $1: there is no user '$user'"
	fi
	if is_number "$group"; then
		gid=$group
	elif [ -n "$group" ]; then
		gid=$(account group "$group" | cut -d: -f3)
		[ -n "$gid" ] || bad_call "--as $1: there is no group '$group'"
	fi
	as=("$uid" "$gid" "$groups" "$name" "${home:-/}" "${shell:-/bin/sh}")
}

# choose_user: who runs the command: root, the one of --as, or the caller, whom another root file
# system need not know.
choose_user() {
	if [ -n "${user+given}" ]; then
		check_user "$user"
	elif [ -z "$sudo" ] && [ "$(id -u)" -ne 0 ]; then
		as=("$(id -u)" "$(id -g)" "$(id -G | tr ' ' ,)" "$(id -un 2>/dev/null || id -u)"
			"${HOME:-/}" "${SHELL:-/bin/sh}")
	fi
}

# check_capabilities LIST: sets capabilities as setpriv(1) writes them, or to none.
check_capabilities() {
	local name known
	local -a names=()
	known=" $(setpriv --list-caps | tr '\n' ' ') "
	IFS=, read -ra names <<<"${1,,}"
	names=("${names[@]#cap_}")
	[ ${#names[@]} -gt 0 ] || bad_call "--caps: an empty list; say none"
	capabilities=none
	if [ "${names[*]}" = none ]; then return; fi
	for name in "${names[@]}"; do
		[[ -n $name && $known == *" $name "* ]] ||
			bad_call "--caps: there is no capability '$name';" \
				"setpriv --list-caps has them"
	done
	capabilities=$(IFS=, && echo "${names[*]}")
}

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# rooms.sh SOURCE-DIRECTORY: makes rooms/ROOM here, the include path of each room of src/rooms. In
# it are links to the rooms that it may use and to the contracts in include/; a header of a library
# that it may not use is an #error with the reason.
#
# They are made aside, because two of these may run at once: make runs config.status whenever it
# must. A link is never made through one that is there already; it would end in the source tree.
set -eu
top=$(cd "$1" && pwd)
new=rooms.$$
trap 'rm -rf "$new"' EXIT
sed -e ':a' -e '/\\$/N; s/\\\n//; ta' "$top/src/rooms" | awk '
	/^library / {
		name = $2; sub(/:$/, "", name); sub(/^library [^:]*: */, ""); headers[name] = $0
	}
	/^room / {
		name = $2; sub(/:$/, "", name); sub(/^room [^:]*: */, "")
		n = split($0, part, /\|/)
		print "room", name, part[1]
		for (library in headers)
			if (!index(" " (n > 1 ? part[2] : "") " ", " " library " "))
				print "wall", name, library, headers[library]
	}' |
while read -r what room rest; do
	case $what in
	room)
		set +f
		mkdir -p "$new/$room"
		ln -sn "$top/include/rpingmesh" "$new/$room/rpingmesh"
		for used in $rest "$room"; do
			mkdir -p "$new/$room/$(dirname "$used")"
			# Of a room with rooms in it, its own headers only.
			if grep -q "^room $used/" "$top/src/rooms"; then
				mkdir -p "$new/$room/$used"
				ln -sn "$top/src/$used"/*.h "$new/$room/$used"
			else
				ln -sn "$top/src/$used" "$new/$room/$used"
			fi
		done
		;;
	wall)
		set -f
		# shellcheck disable=SC2086 # the first word is the library
		set -- $rest
		library=$1
		shift
		for header; do
			case $header in
			*/)
				files=$(cd /usr/include && ls "$header" 2>/dev/null |
					grep '\.h$' | sed "s|^|$header|") || files= ;;
			*) files=$header ;;
			esac
			for file in $files; do
				# rdma is a room as well: <rdma/rdma_cma.h> fails by what it
				# includes.
				[ ! -L "$new/$room/${file%%/*}" ] || continue
				mkdir -p "$new/$room/$(dirname "$file")"
				echo "#error \"src/$room may not use $library: see src/rooms\"" \
					>"$new/$room/$file"
			done
		done
		;;
	esac
done
rm -rf rooms 2>/dev/null || :
mv -T "$new" rooms 2>/dev/null || [ -d rooms ]

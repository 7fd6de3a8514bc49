#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The sources keep to src/rooms, modules include each other in no circle, no line is too wide
# (rooms.py); and the check, as well as the include path that configure makes, refuses each of these
# when it is planted.
set -eu
top=$(cd "${top_srcdir:-${srcdir:-.}}" && pwd)
build=$(cd "${top_builddir:-.}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
bad() { echo "$*"; status=1; }

/usr/bin/python3 -B "$top/tests/tree/rooms.py" "$top" || status=1

# planted FAULT FILE LINE: what rooms.py says when LINE is added to FILE in a copy of the tree.
mkdir -p "$work/tree"
planted() {
	rm -rf "$work/tree/src"
	cp -r "$top/src" "$work/tree/src"
	printf '%s\n' "$3" >>"$work/tree/src/$2"
	if /usr/bin/python3 -B "$top/tests/tree/rooms.py" "$work/tree" >"$work/said"; then
		bad "rooms.py takes $3 in src/$2"
	elif ! grep -q "$1" "$work/said"; then
		bad "rooms.py does not say \"$1\" of $3 in src/$2:"
		cat "$work/said"
	fi
}
planted 'src/probe may not include infiniband/verbs.h, of verbs' probe/wire.c \
	'#include <infiniband/verbs.h>'
planted 'src/probe may not include rdma/device.h, of src/rdma' probe/wire.c \
	'#include "rdma/device.h"'
planted 'src/agent/nic may not include agent/peer/peer.h, of src/agent/peer' agent/nic/nic.h \
	'#include "agent/peer/peer.h"'
planted 'src/agent/nic may not include infiniband/verbs.h, of verbs' agent/nic/nic.c \
	'#include <infiniband/verbs.h>'
planted 'may not include ../rdma/device.h: it is in no room' probe/wire.c \
	'#include "../rdma/device.h"'
planted 'circle: core/clock, core/log_limit, core/loop' core/clock.h '#include "core/loop.h"'
planted 'core/addr.c:[0-9]*: 101 columns' core/addr.c "/*$(printf '%97s' '')*/"
planted 'cellar uses attic, which does not stand above it' rooms 'room cellar: attic'

# The compiler's view, in a build.
if [ -d "$build/rooms/probe" ] && command -v cc >/dev/null; then
	while read -r room header; do
		printf '#include %s\n' "$header" >"$work/fault.c"
		if cc -fsyntax-only -I "$build/rooms/$room" "$work/fault.c" 2>"$work/said"; then
			bad "$header compiles in src/$room"
		fi
	done <<-'end'
		probe <infiniband/verbs.h>
		probe "rdma/device.h"
		probe <msgpack.h>
		probe "record/record.h"
		agent/nic <infiniband/verbs.h>
		agent/nic "agent/peer/peer.h"
		agent/peer "agent/tell/tell.h"
		agent/peer "serve/control.h"
	end
	printf '#include "stat/histogram.h"\n#include "core/clock.h"\n' >"$work/sound.c"
	cc -fsyntax-only -I "$build/rooms/probe" "$work/sound.c" ||
		bad "what src/probe may use does not compile there"
fi
exit $status

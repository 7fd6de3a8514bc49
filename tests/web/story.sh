#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The story of an incident in Debian's Chromium: what proves it, and what an operator says. Broker
# and central are real, hosts and fabric are those of tests/cli/culprit.py.
[ -x /usr/bin/python3 ] || { echo "python3 is missing: contrib/setup installs it"; exit 77; }
/usr/bin/python3 -c 'import msgpack' 2>/dev/null || {
	echo "python3-msgpack is missing: contrib/setup installs it"; exit 77
}
PATH=$PATH:/usr/sbin
for program in mosquitto mosquitto_pub chromium chromedriver; do
	command -v "$program" >/dev/null || {
		echo "$program is missing: contrib/setup installs it"; exit 77
	}
done
src=${top_srcdir:-.}
PYTHONPATH=$src/tests/cli:$src/tests/web exec /usr/bin/python3 -B "$src/tests/web/story.py" \
	"${top_builddir:-.}"

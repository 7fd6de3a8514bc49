#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The page of rpingmesh-central in Debian's Chromium, with a real broker, and hosts that this test
# makes up.
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
# Looks for what hinders people who use a screen reader or a keyboard. Without it, less is checked.
axe="axe-core@4.10.3"
[ -e "${top_builddir:-.}/tests/web/node_modules/axe-core/axe.min.js" ] ||
	! command -v npm >/dev/null ||
	timeout 60 npm install --prefix "${top_builddir:-.}/tests/web" --no-audit --no-fund \
		--no-save --fetch-retries=0 --ignore-scripts "$axe" >/dev/null 2>&1
PYTHONPATH=$src/tests/cli:$src/tests/web exec /usr/bin/python3 -B "$src/tests/web/page.py" \
	"${top_builddir:-.}"

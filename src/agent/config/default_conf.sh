#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# default_conf.sh FILE: writes the text of FILE to stdout as C source, one literal a line.
set -eu
[ -r "$1" ] || { echo "default_conf.sh: $1: cannot be read" >&2; exit 1; }
printf '/* Made by default_conf.sh from rpingmeshd.conf. Do not edit. */\n'
printf '#include "agent/config/config_default.h"\n\nconst char config_default_conf[] =\n'
# "?" is written \? lest two of them make a trigraph.
sed -e 's/[\\"?]/\\&/g' -e 's/	/\\t/g' -e 's/^/	"/' -e 's/$/\\n"/' "$1"
printf '	"";\n'

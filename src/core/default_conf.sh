#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# default_conf.sh FILE HEADER NAME: writes the text of FILE to stdout as C source that defines the
# string NAME, which HEADER declares, one literal a line.
set -eu
[ -r "$1" ] || { echo "default_conf.sh: $1: cannot be read" >&2; exit 1; }
printf '/* Made by default_conf.sh from %s. Do not edit. */\n' "${1##*/}"
printf '#include "%s"\n\nconst char %s[] =\n' "$2" "$3"
# "?" is written \? lest two of them make a trigraph.
sed -e 's/[\\"?]/\\&/g' -e 's/	/\\t/g' -e 's/^/	"/' -e 's/$/\\n"/' "$1"
printf '	"";\n'

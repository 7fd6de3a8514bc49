#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# embed.sh FILE...: writes the files to stdout as C source that defines web_files and web_files_n
# (web.h). index.html is the page of "/".
set -eu
printf '/* Made by embed.sh. Do not edit. */\n#include "web/web.h"\n\n'
n=0
for file; do
	[ -r "$file" ] || { echo "embed.sh: $file: cannot be read" >&2; exit 1; }
	printf 'static const unsigned char web_file_%d[] = {\n' "$n"
	od -An -v -tu1 "$file" | sed -e 's/^ */	/' -e 's/  */,/g' -e 's/$/,/'
	printf '};\n\n'
	n=$((n + 1))
done
printf 'const struct web_file web_files[] = {\n'
n=0
for file; do
	name=/${file##*/}
	case $name in
	*.html) type='text/html; charset=utf-8' ;;
	*.css) type='text/css; charset=utf-8' ;;
	*.svg) type=image/svg+xml ;;
	*.js) type='text/javascript; charset=utf-8' ;;
	*) echo "embed.sh: $file: of no type that is known" >&2; exit 1 ;;
	esac
	[ "$name" != /index.html ] || name=/
	printf '	{"%s", "%s", web_file_%d, sizeof(web_file_%d)},\n' "$name" "$type" "$n" "$n"
	n=$((n + 1))
done
printf '};\n\nconst size_t web_files_n = sizeof(web_files) / sizeof(web_files[0]);\n'

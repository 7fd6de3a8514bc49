/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/cmd/explain_lines.h"

#include <stdio.h>
#include <string.h>

#include "ctl/view/view.h"
#include "record/read.h"

#define EXPLAIN_WIDTH 80
#define EXPLAIN_INDENT 15 /* width of explain_label() */

void
explain_label(const char *label)
{
	printf("  %-12s ", label);
}

void
explain_wrap(const char *label, const char *text)
{
	explain_label(label);
	for (;;) {
		size_t len = strlen(text), room = EXPLAIN_WIDTH - EXPLAIN_INDENT;

		if (len > room) {
			len = room;
			while (len > 0 && text[len] != ' ')
				len--;
			if (len == 0)
				len = strcspn(text, " "); /* the word is longer than a line */
		}
		printf("%.*s\n", (int)len, text);
		text += len;
		text += strspn(text, " ");
		if (!*text)
			return;
		explain_label("");
	}
}

const char *
explain_text(const msgpack_object *map, const char *key, char buf[EXPLAIN_TEXT])
{
	view_text(map, key, buf, EXPLAIN_TEXT);
	return buf;
}

const char *
explain_ago(const msgpack_object *map, const char *key, uint64_t now_ns, char buf[FORMAT_TEXT])
{
	uint64_t when;

	if (!read_u64(map, key, &when))
		return NULL;
	return format_age(now_ns > when ? now_ns - when : 0, buf);
}

void
explain_when(const char *before, const msgpack_object *map, const char *key, uint64_t now_ns,
	     const char *after)
{
	char text[FORMAT_TEXT];
	const char *ago = explain_ago(map, key, now_ns, text);

	if (ago)
		printf("%s%s%s", before, ago, after);
}

void
explain_count(const char *before, const msgpack_object *map, const char *key, const char *one,
	      const char *after)
{
	char text[FORMAT_TEXT];
	uint64_t n;

	if (read_u64(map, key, &n))
		printf("%s%s%s", before, format_count(n, one, text), after);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/view/view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/utf8.h"
#include "record/read.h"

static void
view_clean_str(const char *s, size_t len, char *buf, size_t size)
{
	size_t at = 0;

	while (len > 0) {
		uint32_t code = 0;
		size_t n = utf8_next(s, len, &code), take = n ? n : 1;
		bool bad = n == 0 || utf8_is_control(code);

		if (at + (bad ? 1 : n) >= size)
			break;
		if (bad)
			buf[at++] = '?';
		else
			memcpy(buf + at, s, n), at += n;
		s += take;
		len -= take;
	}
	buf[at] = '\0';
}

void
view_clean_text(const char *text, char *buf, size_t size)
{
	view_clean_str(text, strlen(text), buf, size);
}

void
view_clean(const msgpack_object *o, char *buf, size_t size)
{
	if (o && o->type == MSGPACK_OBJECT_STR)
		view_clean_str(o->via.str.ptr, o->via.str.size, buf, size);
	else if (o && o->type == MSGPACK_OBJECT_POSITIVE_INTEGER)
		snprintf(buf, size, "%" PRIu64, o->via.u64);
	else
		snprintf(buf, size, "-");
}

bool
view_text(const msgpack_object *map, const char *key, char *buf, size_t size)
{
	const msgpack_object *o = read_find(map, key);

	view_clean(o, buf, size);
	return o && (o->type == MSGPACK_OBJECT_STR || o->type == MSGPACK_OBJECT_POSITIVE_INTEGER);
}

void
view_owner(const msgpack_object *map, char *buf, size_t size)
{
	char comm[64], pid[32];
	bool kernel = false;

	if (!view_text(map, "comm", comm, sizeof(comm)) || !comm[0])
		strcpy(comm, "?");
	read_bool(map, "kernel", &kernel);
	if (kernel)
		snprintf(buf, size, "[%s]", comm);
	else
		snprintf(buf, size, "%s(%s)", comm,
			 view_text(map, "pid", pid, sizeof(pid)) ? pid : "?");
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/view/view.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ctl/term/utf8.h"

bool
view_str_is(const msgpack_object *o, const char *text)
{
	return o->type == MSGPACK_OBJECT_STR && o->via.str.size == strlen(text) &&
	       memcmp(o->via.str.ptr, text, o->via.str.size) == 0;
}

const msgpack_object *
view_find(const msgpack_object *map, const char *key)
{
	if (!map || map->type != MSGPACK_OBJECT_MAP)
		return NULL;
	for (uint32_t i = 0; i < map->via.map.size; i++) {
		const msgpack_object_kv *kv = &map->via.map.ptr[i];

		if (view_str_is(&kv->key, key))
			return kv->val.type == MSGPACK_OBJECT_NIL ? NULL : &kv->val;
	}
	return NULL;
}

const msgpack_object *
view_map(const msgpack_object *map, const char *key)
{
	const msgpack_object *o = view_find(map, key);

	return o && o->type == MSGPACK_OBJECT_MAP ? o : NULL;
}

const msgpack_object *
view_array(const msgpack_object *map, const char *key)
{
	const msgpack_object *o = view_find(map, key);

	return o && o->type == MSGPACK_OBJECT_ARRAY ? o : NULL;
}

bool
view_u64(const msgpack_object *map, const char *key, uint64_t *out)
{
	const msgpack_object *o = view_find(map, key);

	if (!o || o->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
		return false;
	*out = o->via.u64;
	return true;
}

bool
view_double(const msgpack_object *map, const char *key, double *out)
{
	const msgpack_object *o = view_find(map, key);
	double d;

	if (o && o->type == MSGPACK_OBJECT_POSITIVE_INTEGER)
		d = (double)o->via.u64;
	else if (o && (o->type == MSGPACK_OBJECT_FLOAT64 || o->type == MSGPACK_OBJECT_FLOAT32))
		d = o->via.f64;
	else
		return false;
	if (isnan(d))
		return false;
	*out = d;
	return true;
}

bool
view_bool(const msgpack_object *map, const char *key, bool *out)
{
	const msgpack_object *o = view_find(map, key);

	if (!o || o->type != MSGPACK_OBJECT_BOOLEAN)
		return false;
	*out = o->via.boolean;
	return true;
}

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
	const msgpack_object *o = view_find(map, key);

	view_clean(o, buf, size);
	return o && (o->type == MSGPACK_OBJECT_STR || o->type == MSGPACK_OBJECT_POSITIVE_INTEGER);
}

bool
view_is(const msgpack_object *map, const char *key, const char *text)
{
	const msgpack_object *o = view_find(map, key);

	return o && view_str_is(o, text);
}

void
view_owner(const msgpack_object *map, char *buf, size_t size)
{
	char comm[64], pid[32];
	bool kernel = false;

	if (!view_text(map, "comm", comm, sizeof(comm)) || !comm[0])
		strcpy(comm, "?");
	view_bool(map, "kernel", &kernel);
	if (kernel)
		snprintf(buf, size, "[%s]", comm);
	else
		snprintf(buf, size, "%s(%s)", comm,
			 view_text(map, "pid", pid, sizeof(pid)) ? pid : "?");
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/param.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int
param_bad(struct control_error *error, const char *key, const char *expected)
{
	error->code = EINVAL;
	snprintf(error->message, sizeof(error->message), "%s: expected %s", key, expected);
	return -EINVAL;
}

int
param_map(const msgpack_object *params, const msgpack_object_map **out,
	   struct control_error *error)
{
	*out = NULL;
	if (params->type != MSGPACK_OBJECT_ARRAY || params->via.array.size > 1)
		return param_bad(error, "params", "an array with one map at most");
	if (params->via.array.size == 0)
		return 0;
	if (params->via.array.ptr[0].type != MSGPACK_OBJECT_MAP)
		return param_bad(error, "params", "an array with one map at most");
	*out = &params->via.array.ptr[0].via.map;
	return 0;
}

bool
param_is(const msgpack_object *o, const char *text)
{
	return o->type == MSGPACK_OBJECT_STR && o->via.str.size == strlen(text) &&
	       memcmp(o->via.str.ptr, text, o->via.str.size) == 0;
}

const msgpack_object *
param_find(const msgpack_object_map *map, const char *key)
{
	for (uint32_t i = 0; map && i < map->size; i++)
		if (param_is(&map->ptr[i].key, key))
			return map->ptr[i].val.type == MSGPACK_OBJECT_NIL ? NULL : &map->ptr[i].val;
	return NULL;
}

int
param_text(const msgpack_object_map *map, const char *key, char *buf, size_t size,
	    struct control_error *error)
{
	const msgpack_object *o = param_find(map, key);

	buf[0] = '\0';
	if (!o)
		return 0;
	if (o->type != MSGPACK_OBJECT_STR || o->via.str.size == 0 || o->via.str.size >= size ||
	    memchr(o->via.str.ptr, '\0', o->via.str.size))
		return param_bad(error, key, "a string that is neither empty nor that long");
	memcpy(buf, o->via.str.ptr, o->via.str.size);
	buf[o->via.str.size] = '\0';
	return 0;
}

int
param_number(const msgpack_object_map *map, const struct param_range *range, uint64_t *out,
	      struct control_error *error)
{
	const msgpack_object *o = param_find(map, range->key);

	*out = range->fallback;
	if (!o)
		return 0;
	if (o->type != MSGPACK_OBJECT_POSITIVE_INTEGER || o->via.u64 < range->min ||
	    o->via.u64 > range->max)
		return param_bad(error, range->key, range->expected);
	*out = o->via.u64;
	return 0;
}

int
param_page(const msgpack_object *params, struct param_page *out, struct control_error *error)
{
	const struct param_range after = {"after", 0, 0, UINT64_MAX,
					   "the next of the previous page"};
	const struct param_range limit = {"limit", 64, 1, PARAM_PAGE_MAX, "1 to 256"};
	const msgpack_object_map *map;
	uint64_t n;
	int rc = param_map(params, &map, error);

	if (rc == 0)
		rc = param_number(map, &after, &out->after, error);
	if (rc == 0)
		rc = param_number(map, &limit, &n, error);
	if (rc == 0) {
		out->limit = (uint32_t)n;
		out->asked = param_find(map, after.key) || param_find(map, limit.key);
	}
	return rc;
}

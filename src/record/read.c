/* SPDX-License-Identifier: Apache-2.0 */
#include "record/read.h"

#include <math.h>
#include <string.h>

bool
read_str_is(const msgpack_object *o, const char *text)
{
	return o->type == MSGPACK_OBJECT_STR && o->via.str.size == strlen(text) &&
	       memcmp(o->via.str.ptr, text, o->via.str.size) == 0;
}

const msgpack_object *
read_find(const msgpack_object *map, const char *key)
{
	if (!map || map->type != MSGPACK_OBJECT_MAP)
		return NULL;
	for (uint32_t i = 0; i < map->via.map.size; i++) {
		const msgpack_object_kv *kv = &map->via.map.ptr[i];

		if (read_str_is(&kv->key, key))
			return kv->val.type == MSGPACK_OBJECT_NIL ? NULL : &kv->val;
	}
	return NULL;
}

const msgpack_object *
read_map(const msgpack_object *map, const char *key)
{
	const msgpack_object *o = read_find(map, key);

	return o && o->type == MSGPACK_OBJECT_MAP ? o : NULL;
}

const msgpack_object *
read_array(const msgpack_object *map, const char *key)
{
	const msgpack_object *o = read_find(map, key);

	return o && o->type == MSGPACK_OBJECT_ARRAY ? o : NULL;
}

bool
read_u64(const msgpack_object *map, const char *key, uint64_t *out)
{
	const msgpack_object *o = read_find(map, key);

	if (!o || o->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
		return false;
	*out = o->via.u64;
	return true;
}

bool
read_double(const msgpack_object *map, const char *key, double *out)
{
	const msgpack_object *o = read_find(map, key);
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
read_bool(const msgpack_object *map, const char *key, bool *out)
{
	const msgpack_object *o = read_find(map, key);

	if (!o || o->type != MSGPACK_OBJECT_BOOLEAN)
		return false;
	*out = o->via.boolean;
	return true;
}

bool
read_is(const msgpack_object *map, const char *key, const char *text)
{
	const msgpack_object *o = read_find(map, key);

	return o && read_str_is(o, text);
}

unsigned int
read_word(const msgpack_object *map, const char *key, const char *const *words, unsigned int n)
{
	unsigned int i = 0;

	while (i < n && !read_is(map, key, words[i]))
		i++;
	return i;
}

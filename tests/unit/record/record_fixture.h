/* SPDX-License-Identifier: Apache-2.0 */
/* One record, packed and read again. */
#ifndef RPINGMESH_TESTS_RECORD_FIXTURE_H
#define RPINGMESH_TESTS_RECORD_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <msgpack.h>

#include "record/record.h"

struct fixture {
	msgpack_sbuffer out;
	msgpack_packer pk;
	msgpack_unpacked msg;
};

static inline void
fixture_begin(struct fixture *f)
{
	msgpack_sbuffer_init(&f->out);
	msgpack_packer_init(&f->pk, &f->out, msgpack_sbuffer_write);
	msgpack_unpacked_init(&f->msg);
	record_checked = true;
}

/* What was packed, as one map that fills the buffer exactly. */
static inline const msgpack_object_map *
fixture_map(struct fixture *f)
{
	size_t at = 0;

	assert_int_equal(msgpack_unpack_next(&f->msg, f->out.data, f->out.size, &at),
			 MSGPACK_UNPACK_SUCCESS);
	assert_int_equal(at, f->out.size);
	assert_int_equal(f->msg.data.type, MSGPACK_OBJECT_MAP);
	return &f->msg.data.via.map;
}

static inline void
fixture_end(struct fixture *f)
{
	msgpack_unpacked_destroy(&f->msg);
	msgpack_sbuffer_destroy(&f->out);
}

static inline const msgpack_object *
find(const msgpack_object_map *map, const char *key)
{
	static const msgpack_object none = {.type = MSGPACK_OBJECT_NIL};

	for (uint32_t i = 0; i < map->size; i++) {
		const msgpack_object_str *k = &map->ptr[i].key.via.str;

		if (k->size == strlen(key) && memcmp(k->ptr, key, k->size) == 0)
			return &map->ptr[i].val;
	}
	fail_msg("no key %s", key);
	return &none; /* not reached, which the compiler cannot know */
}

static inline void
expect_str(const msgpack_object_map *map, const char *key, const char *text)
{
	const msgpack_object *o = find(map, key);

	assert_int_equal(o->type, MSGPACK_OBJECT_STR);
	assert_int_equal(o->via.str.size, strlen(text));
	assert_memory_equal(o->via.str.ptr, text, strlen(text));
}

static inline void
expect_u64(const msgpack_object_map *map, const char *key, uint64_t value)
{
	const msgpack_object *o = find(map, key);

	assert_int_equal(o->type, MSGPACK_OBJECT_POSITIVE_INTEGER);
	assert_int_equal(o->via.u64, value);
}

static inline void
expect_nil(const msgpack_object_map *map, const char *key)
{
	assert_int_equal(find(map, key)->type, MSGPACK_OBJECT_NIL);
}

static inline void
expect_double(const msgpack_object_map *map, const char *key, double value, double tolerance)
{
	const msgpack_object *o = find(map, key);
	double is = o->type == MSGPACK_OBJECT_POSITIVE_INTEGER ? (double)o->via.u64 : o->via.f64;

	assert_true(o->type == MSGPACK_OBJECT_FLOAT64 ||
		    o->type == MSGPACK_OBJECT_POSITIVE_INTEGER);
	assert_true(is >= value - tolerance && is <= value + tolerance);
}

static inline void
expect_bool(const msgpack_object_map *map, const char *key, bool value)
{
	const msgpack_object *o = find(map, key);

	assert_int_equal(o->type, MSGPACK_OBJECT_BOOLEAN);
	assert_int_equal(o->via.boolean, value);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading records. A daemon of another version may leave keys out or mean something else by them,
 * so every look-up can fail: what is missing, nil or of the wrong type is not known, and nothing
 * worse.
 */
#ifndef RPINGMESH_RECORD_READ_H
#define RPINGMESH_RECORD_READ_H

#include <msgpack.h>
#include <stdbool.h>
#include <stdint.h>

/* map may be NULL or no map. NULL: no such key, or nil. */
const msgpack_object *read_find(const msgpack_object *map, const char *key);
const msgpack_object *read_map(const msgpack_object *map, const char *key);
const msgpack_object *read_array(const msgpack_object *map, const char *key);

/* False and *out untouched: not known. */
bool read_u64(const msgpack_object *map, const char *key, uint64_t *out);
bool read_double(const msgpack_object *map, const char *key, double *out); /* integers too */
bool read_bool(const msgpack_object *map, const char *key, bool *out);

bool read_is(const msgpack_object *map, const char *key, const char *text);

/* Which of the n words stands there; n: none of them, or it is not known. */
unsigned int read_word(const msgpack_object *map, const char *key, const char *const *words,
		       unsigned int n);

/* Notifications: whether a method's name is this one. */
bool read_str_is(const msgpack_object *o, const char *text);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads records (rpingmesh-records(5)). A daemon of another version may leave keys out or give them
 * another type. So every look-up may fail: a key that is missing, nil or of the wrong type is
 * unknown. Pointers are borrowed from the map. `map` may be NULL, or no map at all.
 */
#ifndef RPINGMESH_RECORD_READ_H
#define RPINGMESH_RECORD_READ_H

#include <msgpack.h>
#include <stdbool.h>
#include <stdint.h>

/* These return NULL if the key is unknown. read_find() accepts a value of any type. */
const msgpack_object *read_find(const msgpack_object *map, const char *key);
const msgpack_object *read_map(const msgpack_object *map, const char *key);
const msgpack_object *read_array(const msgpack_object *map, const char *key);

/* These set *out and return true, or return false if the key is unknown. */
bool read_u64(const msgpack_object *map, const char *key, uint64_t *out);
bool read_double(const msgpack_object *map, const char *key, double *out); /* integers too */
bool read_bool(const msgpack_object *map, const char *key, bool *out);

/* Whether the key contains this string. */
bool read_is(const msgpack_object *map, const char *key, const char *text);

/* The index of the key's string among the n words; n: it is none of them, or unknown. */
unsigned int read_word(const msgpack_object *map, const char *key, const char *const *words,
		       unsigned int n);

/* Whether the object is this string. */
bool read_str_is(const msgpack_object *o, const char *text);

#endif

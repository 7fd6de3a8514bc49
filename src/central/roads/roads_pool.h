/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elements of one size, found by an id from 1 or by a key of fixed length. Only for this folder.
 * The table grows by one bucket at a time (W. Litwin, "Linear hashing", 1980), and elements never
 * move, so that no call takes long, however many there are.
 *
 * An element is a struct that begins with a uint32_t, which belongs to the pool, and has the key
 * next.
 */
#ifndef RPINGMESH_CENTRAL_ROADS_ROADS_POOL_H
#define RPINGMESH_CENTRAL_ROADS_ROADS_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/siphash.h"

struct roads_pool {
	size_t size, key_at, key_len; /* of an element */
	uint32_t max;             /* elements */
	uint8_t seed[SIPHASH_KEY];
	uint8_t **chunks;
	uint32_t n;               /* elements */
	uint32_t end;             /* ids that have been given */
	uint32_t n_chunks;
	uint32_t free;            /* the first id that is free again; 0: none */
	uint32_t *buckets, n_buckets, room_buckets;
};

/* `element` is a struct as described above with the member `key`. */
#define ROADS_POOL(element, max_) ((struct roads_pool){ \
	.size = sizeof(element), .key_at = offsetof(element, key), \
	.key_len = sizeof(((element *)0)->key), .max = (max_)})

void roads_pool_clear(struct roads_pool *pool);
/* The id must be one that there is, or was. */
void *roads_pool_at(const struct roads_pool *pool, uint32_t id);
/* 0: there is none. */
uint32_t roads_pool_find(const struct roads_pool *pool, const void *key);
/* Whether there is an element of this id, which may be any number. */
bool roads_pool_has(const struct roads_pool *pool, uint32_t id);
/* There must be none of this key. Returns the id of an element of zeros, or 0: no room. */
uint32_t roads_pool_add(struct roads_pool *pool, const void *key);
void roads_pool_remove(struct roads_pool *pool, uint32_t id);
/* The first id after this one; 0: there is none. */
uint32_t roads_pool_after(const struct roads_pool *pool, uint32_t id);
size_t roads_pool_bytes(const struct roads_pool *pool);

#endif

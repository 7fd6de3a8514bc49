/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of things by their keys, which are bytes. Only for this folder. */
#ifndef RPINGMESH_CENTRAL_JUDGE_JUDGE_INDEX_H
#define RPINGMESH_CENTRAL_JUDGE_JUDGE_INDEX_H

#include <stddef.h>
#include <stdint.h>

#define JUDGE_NONE UINT32_MAX

struct judge_index_entry;
struct judge_index_chunk;

/* All zero is empty. Keys are shorter than 1 KB. */
struct judge_index {
	struct judge_index_entry **buckets;
	size_t n_buckets, room;
	uint32_t below;                   /* a power of two; up to twice as many buckets */
	size_t n, used;                   /* entries; bytes of the first chunk */
	struct judge_index_chunk *chunks; /* owned */
};

/* Before the first one: chooses the key of the hash. Returns 0 or -EIO. */
int judge_index_seed(void);

/* The number of a key, or JUDGE_NONE. */
uint32_t judge_index_get(const struct judge_index *index, const void *key, size_t size);
/* Sets the number of a key that has none. Returns 0 or -ENOMEM. */
int judge_index_put(struct judge_index *index, const void *key, size_t size, uint32_t number);
void judge_index_clear(struct judge_index *index);
/* The hash of the bytes that all this uses. */
uint32_t judge_index_hash(const void *key, size_t size);

/*
 * Makes room for one more element behind the n that there are: grows the array *at, whose room is
 * *room elements. Returns 0 or -ENOMEM.
 */
int judge_room(void **at, size_t *room, size_t n, size_t size);

#endif

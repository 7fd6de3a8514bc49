/* SPDX-License-Identifier: Apache-2.0 */
#include "central/roads/roads_pool.h"

#include <stdlib.h>
#include <string.h>

#define ROADS_POOL_CHUNK 1024u /* elements */
#define ROADS_POOL_GONE 0x80000000u /* in `next` of an element that is free */

static uint32_t *
roads_pool_next(const struct roads_pool *p, uint32_t id)
{
	return roads_pool_at(p, id);
}

static const uint8_t *
roads_pool_key(const struct roads_pool *p, uint32_t id)
{
	return (const uint8_t *)roads_pool_at(p, id) + p->key_at;
}

void *
roads_pool_at(const struct roads_pool *p, uint32_t id)
{
	return p->chunks[(id - 1) / ROADS_POOL_CHUNK] + (id - 1) % ROADS_POOL_CHUNK * p->size;
}

void
roads_pool_clear(struct roads_pool *p)
{
	for (uint32_t i = 0; i < p->n_chunks; i++)
		free(p->chunks[i]);
	free(p->chunks);
	free(p->buckets);
	p->chunks = NULL;
	p->buckets = NULL;
	p->n = p->end = p->n_chunks = p->free = p->n_buckets = p->room_buckets = 0;
}

/* ---- buckets ---- */

/* The bucket of a key: the hash modulo the power of two above, or below, the number of buckets. */
static uint32_t
roads_pool_bucket(const struct roads_pool *p, const void *key)
{
	uint64_t hash = siphash(p->seed, key, p->key_len);
	/* p->n_buckets is not 0 */
	uint32_t above = p->n_buckets == 1 ? 1 : 2u << (31 - __builtin_clz(p->n_buckets - 1));

	return (hash & (above - 1)) < p->n_buckets ? (uint32_t)(hash & (above - 1)) :
						     (uint32_t)(hash & (above / 2 - 1));
}

static bool
roads_pool_more_buckets(struct roads_pool *p)
{
	uint32_t room = p->room_buckets ? 2 * p->room_buckets : 64;
	uint32_t *buckets;

	if (p->n_buckets < p->room_buckets)
		return true;
	buckets = reallocarray(p->buckets, room, sizeof(*buckets));
	if (!buckets)
		return false;
	p->buckets = buckets;
	p->room_buckets = room;
	return true;
}

/* Adds a bucket, which takes what belongs to it from one other. */
static bool
roads_pool_split(struct roads_pool *p)
{
	uint32_t below = 1, id, next;

	if (!roads_pool_more_buckets(p))
		return false;
	p->buckets[p->n_buckets++] = 0;
	if (p->n_buckets == 1)
		return true;
	while (2 * below < p->n_buckets)
		below *= 2;
	id = p->buckets[p->n_buckets - 1 - below];
	p->buckets[p->n_buckets - 1 - below] = 0;
	for (; id; id = next) {
		uint32_t *head = &p->buckets[roads_pool_bucket(p, roads_pool_key(p, id))];

		next = *roads_pool_next(p, id);
		*roads_pool_next(p, id) = *head;
		*head = id;
	}
	return true;
}

uint32_t
roads_pool_find(const struct roads_pool *p, const void *key)
{
	uint32_t id = p->n_buckets ? p->buckets[roads_pool_bucket(p, key)] : 0;

	while (id && memcmp(roads_pool_key(p, id), key, p->key_len) != 0)
		id = *roads_pool_next(p, id);
	return id;
}

/* ---- elements ---- */

bool
roads_pool_has(const struct roads_pool *p, uint32_t id)
{
	return id && id <= p->end && !(*roads_pool_next(p, id) & ROADS_POOL_GONE);
}

static bool
roads_pool_more(struct roads_pool *p)
{
	uint8_t **chunks, *chunk;

	if (p->end < p->n_chunks * ROADS_POOL_CHUNK)
		return true;
	chunks = reallocarray(p->chunks, p->n_chunks + 1, sizeof(*chunks));
	if (!chunks)
		return false;
	p->chunks = chunks;
	chunk = malloc(ROADS_POOL_CHUNK * p->size);
	if (!chunk)
		return false;
	p->chunks[p->n_chunks++] = chunk;
	return true;
}

uint32_t
roads_pool_add(struct roads_pool *p, const void *key)
{
	uint32_t id = p->free, *head;

	if (p->n == p->max || (!id && !roads_pool_more(p)))
		return 0;
	if (p->n >= p->n_buckets && !roads_pool_split(p))
		return 0;
	if (id)
		p->free = *roads_pool_next(p, id) & ~ROADS_POOL_GONE;
	else
		id = ++p->end;
	memset(roads_pool_at(p, id), 0, p->size);
	memcpy((uint8_t *)roads_pool_at(p, id) + p->key_at, key, p->key_len);
	head = &p->buckets[roads_pool_bucket(p, key)];
	*roads_pool_next(p, id) = *head;
	*head = id;
	p->n++;
	return id;
}

void
roads_pool_remove(struct roads_pool *p, uint32_t id)
{
	uint32_t *at = &p->buckets[roads_pool_bucket(p, roads_pool_key(p, id))];

	while (*at != id)
		at = roads_pool_next(p, *at);
	*at = *roads_pool_next(p, id);
	*roads_pool_next(p, id) = p->free | ROADS_POOL_GONE;
	p->free = id;
	p->n--;
}

uint32_t
roads_pool_after(const struct roads_pool *p, uint32_t id)
{
	while (++id <= p->end)
		if (!(*roads_pool_next(p, id) & ROADS_POOL_GONE))
			return id;
	return 0;
}

size_t
roads_pool_bytes(const struct roads_pool *p)
{
	return p->n_chunks * (ROADS_POOL_CHUNK * p->size + sizeof(*p->chunks)) +
	       p->room_buckets * sizeof(*p->buckets);
}

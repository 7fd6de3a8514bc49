/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: index
 *
 * Entries lie in chunks one behind the other, and never move. The table grows by one bucket at a
 * time (W. Litwin, "Linear hashing", 1980). So no call takes long, however many entries there are,
 * and the end frees a few large pieces: a case of a large cluster has hundreds of thousands.
 */
#include "central/judge/judge_index.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/siphash.h"

#define JUDGE_CHUNK 65536u /* bytes */

/* Whoever may publish chooses keys. */
static uint8_t judge_index_key[SIPHASH_KEY];

struct judge_index_entry {
	struct judge_index_entry *next;
	uint32_t hash, number, size;
	unsigned char key[];
};

struct judge_index_chunk {
	struct judge_index_chunk *next;
	unsigned char bytes[JUDGE_CHUNK - sizeof(void *)];
};

int
judge_index_seed(void)
{
	ssize_t n = getrandom(judge_index_key, sizeof(judge_index_key), 0);

	return n == (ssize_t)sizeof(judge_index_key) ? 0 : -EIO;
}

uint32_t
judge_index_hash(const void *key, size_t size)
{
	return (uint32_t)siphash(judge_index_key, key, size);
}

/* The bucket of a hash: modulo the power of two above, or below, the number of buckets. */
static uint32_t
judge_index_bucket(const struct judge_index *index, uint32_t hash)
{
	uint32_t number = hash & (2 * index->below - 1);

	return number < index->n_buckets ? number : hash & (index->below - 1);
}

uint32_t
judge_index_get(const struct judge_index *index, const void *key, size_t size)
{
	uint32_t hash = judge_index_hash(key, size);
	const struct judge_index_entry *e =
		index->n_buckets ? index->buckets[judge_index_bucket(index, hash)] : NULL;

	while (e && (e->hash != hash || e->size != size || memcmp(e->key, key, size) != 0))
		e = e->next;
	return e ? e->number : JUDGE_NONE;
}

/* Adds a bucket, which takes what belongs to it from one other. */
static int
judge_index_split(struct judge_index *index)
{
	struct judge_index_entry *e, *next, **head;
	int rc = judge_room((void **)&index->buckets, &index->room, index->n_buckets,
			    sizeof(struct judge_index_entry *));

	if (rc < 0)
		return rc;
	index->buckets[index->n_buckets++] = NULL;
	if (index->n_buckets == 1) {
		index->below = 1;
		return 0;
	}
	if (index->n_buckets > 2 * index->below)
		index->below *= 2;
	head = &index->buckets[index->n_buckets - 1 - index->below];
	e = *head;
	for (*head = NULL; e; e = next) {
		next = e->next;
		head = &index->buckets[judge_index_bucket(index, e->hash)];
		e->next = *head;
		*head = e;
	}
	return 0;
}

static struct judge_index_entry *
judge_index_new(struct judge_index *index, size_t size)
{
	const size_t align = _Alignof(struct judge_index_entry);
	size_t need = (sizeof(struct judge_index_entry) + size + align - 1) / align * align;
	struct judge_index_chunk *chunk = index->chunks;
	struct judge_index_entry *e;

	if (!chunk || sizeof(chunk->bytes) - index->used < need) {
		chunk = malloc(sizeof(*chunk));
		if (!chunk)
			return NULL;
		chunk->next = index->chunks;
		index->chunks = chunk;
		index->used = 0;
	}
	e = (void *)(chunk->bytes + index->used);
	index->used += need;
	return e;
}

int
judge_index_put(struct judge_index *index, const void *key, size_t size, uint32_t number)
{
	uint32_t hash = judge_index_hash(key, size);
	struct judge_index_entry *e, **head;

	if (index->n >= index->n_buckets && judge_index_split(index) < 0)
		return -ENOMEM;
	e = judge_index_new(index, size);
	if (!e)
		return -ENOMEM;
	head = &index->buckets[judge_index_bucket(index, hash)];
	*e = (struct judge_index_entry){.next = *head, .hash = hash, .number = number,
					.size = (uint32_t)size};
	memcpy(e->key, key, size);
	*head = e;
	index->n++;
	return 0;
}

void
judge_index_clear(struct judge_index *index)
{
	struct judge_index_chunk *chunk;

	while ((chunk = index->chunks)) {
		index->chunks = chunk->next;
		free(chunk);
	}
	free(index->buckets);
	*index = (struct judge_index){.n = 0};
}

int
judge_room(void **at, size_t *room, size_t n, size_t size)
{
	size_t more = *room ? 2 * *room : 16;
	void *grown;

	if (n < *room)
		return 0;
	grown = reallocarray(*at, more, size);
	if (!grown)
		return -ENOMEM;
	*at = grown;
	*room = more;
	return 0;
}

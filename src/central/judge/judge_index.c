/* SPDX-License-Identifier: Apache-2.0 */
#include "central/judge/judge_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/siphash.h"

/* Without memory, uthash does not keep the entry. */
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(entry) judge_index_failed(entry)
/* Whoever may publish chooses keys. */
#define HASH_FUNCTION(text, len, hash) \
	((hash) = (unsigned int)siphash(judge_index_key, (text), (len)))
#include <uthash.h>

static uint8_t judge_index_key[SIPHASH_KEY];

struct judge_index_entry {
	UT_hash_handle hh;
	uint32_t number;
	unsigned char key[];
};

static void
judge_index_failed(struct judge_index_entry *entry)
{
	entry->number = JUDGE_NONE;
}

int
judge_index_seed(void)
{
	ssize_t n = getrandom(judge_index_key, sizeof(judge_index_key), 0);

	return n == (ssize_t)sizeof(judge_index_key) ? 0 : -EIO;
}

uint32_t
judge_index_get(const struct judge_index *index, const void *key, size_t size)
{
	struct judge_index_entry *entry;

	HASH_FIND(hh, index->entries, key, size, entry);
	return entry ? entry->number : JUDGE_NONE;
}

int
judge_index_put(struct judge_index *index, const void *key, size_t size, uint32_t number)
{
	struct judge_index_entry *entry = malloc(sizeof(*entry) + size);

	if (!entry)
		return -ENOMEM;
	memcpy(entry->key, key, size);
	entry->number = number;
	HASH_ADD_KEYPTR(hh, index->entries, entry->key, size, entry);
	if (entry->number != JUDGE_NONE)
		return 0;
	free(entry);
	return -ENOMEM;
}

void
judge_index_clear(struct judge_index *index)
{
	struct judge_index_entry *entry = index->entries, *next;

	HASH_CLEAR(hh, index->entries);
	for (; entry; entry = next) {
		next = entry->hh.next;
		free(entry);
	}
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

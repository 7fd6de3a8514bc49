/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: last probes
 *
 * A stream keeps its newest result unchanged. Each older one is kept as its difference from the one
 * after it, because two results of a stream differ in few bytes. A difference consists of a bit for
 * each byte of the result, and of the bytes that differ, XORed. The differences are in a block that
 * grows, the newest first.
 */
#include "agent/peer/last_probes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define LAST_PROBES_BITS ((sizeof(struct probe_result) + 7) / 8)
#define LAST_PROBES_DELTA_MAX (LAST_PROBES_BITS + sizeof(struct probe_result))

struct last_probes {
	struct probe_result newest;
	bool asked;                  /* counted in the pool's asked */
	uint8_t n;                   /* results, including the newest */
	uint8_t len[LAST_PROBES_N];  /* of the n - 1 differences, in their order */
	uint16_t used, room;         /* bytes of the block */
	uint8_t *delta;              /* the block, owned */
};

static_assert(LAST_PROBES_DELTA_MAX <= UINT8_MAX, "a length fits");
static_assert((LAST_PROBES_N + 1) * LAST_PROBES_DELTA_MAX <= UINT16_MAX, "so does their sum");

static void
last_probes_new(struct last_probes_pool *pool, struct last_probes **last, bool asked)
{
	*last = calloc(1, sizeof(**last));
	if (!*last)
		return;
	(*last)->asked = asked;
	pool->rings++;
	pool->asked += asked;
	pool->bytes += sizeof(**last);
}

/* Writes the difference between two results, and returns its length. */
static size_t
last_probes_diff(const struct probe_result *a, const struct probe_result *b, uint8_t *delta)
{
	const uint8_t *x = (const void *)a, *y = (const void *)b;
	size_t len = LAST_PROBES_BITS;

	memset(delta, 0, LAST_PROBES_BITS);
	for (size_t i = 0; i < sizeof(*a); i++) {
		if (x[i] == y[i])
			continue;
		delta[i / 8] |= (uint8_t)(1u << i % 8);
		delta[len++] = x[i] ^ y[i];
	}
	return len;
}

/* Applies a difference: converts one of its two results to the other. */
static void
last_probes_apply(struct probe_result *r, const uint8_t *delta)
{
	uint8_t *bytes = (void *)r;
	const uint8_t *next = delta + LAST_PROBES_BITS;

	for (size_t i = 0; i < sizeof(*r); i++)
		if (delta[i / 8] & (1u << i % 8))
			bytes[i] ^= *next++;
}

static void
last_probes_drop_oldest(struct last_probes *last)
{
	last->n--;
	last->used -= last->len[last->n - 1];
}

/*
 * Makes room for len more bytes; if there is no memory, drops the oldest results. Returns false if
 * that is not enough.
 */
static bool
last_probes_reserve(struct last_probes_pool *pool, struct last_probes *last, size_t len)
{
	size_t room = last->used + len;
	uint8_t *delta;

	if (last->used + len <= last->room)
		return true;
	delta = realloc(last->delta, room);
	if (delta) {
		pool->bytes += room - last->room;
		last->delta = delta;
		last->room = (uint16_t)room;
		return true;
	}
	while (last->n > 1 && last->used + len > last->room)
		last_probes_drop_oldest(last);
	return last->used + len <= last->room;
}

/* Replaces the newest result by its difference from r. */
static void
last_probes_push(struct last_probes_pool *pool, struct last_probes *last,
		 const struct probe_result *r)
{
	uint8_t delta[LAST_PROBES_DELTA_MAX];
	size_t len = last_probes_diff(&last->newest, r, delta);

	if (last->n == LAST_PROBES_N)
		last_probes_drop_oldest(last);
	if (!last_probes_reserve(pool, last, len)) {
		last->n = 0;
		return;
	}
	memmove(last->delta + len, last->delta, last->used);
	memcpy(last->delta, delta, len);
	last->used += (uint16_t)len;
	memmove(last->len + 1, last->len, last->n - 1u);
	last->len[0] = (uint8_t)len;
}

void
last_probes_add(struct last_probes_pool *pool, struct last_probes **last,
		const struct probe_result *r)
{
	if (!*last && pool->rings - pool->asked < LAST_PROBES_RINGS_MAX)
		last_probes_new(pool, last, false);
	if (!*last) {
		pool->not_kept++;
		return;
	}
	if ((*last)->n > 0)
		last_probes_push(pool, *last, r);
	(*last)->newest = *r;
	(*last)->n++;
}

void
last_probes_want(struct last_probes_pool *pool, struct last_probes **last)
{
	if (!*last && pool->rings - pool->asked >= LAST_PROBES_RINGS_MAX &&
	    pool->asked < LAST_PROBES_ASKED_MAX)
		last_probes_new(pool, last, true);
}

size_t
last_probes_get(const struct last_probes *last, struct probe_result out[LAST_PROBES_N])
{
	const uint8_t *delta = last ? last->delta : NULL;

	if (!last || last->n == 0)
		return 0;
	out[0] = last->newest;
	for (size_t i = 1; i < last->n; i++) {
		out[i] = out[i - 1];
		last_probes_apply(&out[i], delta);
		delta += last->len[i - 1];
	}
	return last->n;
}

void
last_probes_free(struct last_probes_pool *pool, struct last_probes **last)
{
	if (!*last)
		return;
	pool->rings--;
	pool->asked -= (*last)->asked;
	pool->bytes -= sizeof(**last) + (*last)->room;
	free((*last)->delta);
	free(*last);
	*last = NULL;
}

uint64_t
last_probes_bytes(const struct last_probes_pool *pool)
{
	return pool->bytes;
}

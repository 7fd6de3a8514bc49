/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/peer/last_probes.h"

#include <stdlib.h>

struct last_probes {
	bool asked;         /* counted in the pool's asked */
	uint8_t n, next;    /* kept; where the next one goes */
	struct probe_result result[LAST_PROBES_N];
};

static void
last_probes_new(struct last_probes_pool *pool, struct last_probes **last, bool asked)
{
	*last = calloc(1, sizeof(**last));
	if (!*last)
		return;
	(*last)->asked = asked;
	pool->rings++;
	pool->asked += asked;
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
	(*last)->result[(*last)->next] = *r;
	(*last)->next = (uint8_t)(((*last)->next + 1u) % LAST_PROBES_N);
	if ((*last)->n < LAST_PROBES_N)
		(*last)->n++;
}

void
last_probes_want(struct last_probes_pool *pool, struct last_probes **last)
{
	if (!*last && pool->rings - pool->asked >= LAST_PROBES_RINGS_MAX &&
	    pool->asked < LAST_PROBES_ASKED_MAX)
		last_probes_new(pool, last, true);
}

const struct probe_result *
last_probes_get(const struct last_probes *last, size_t i)
{
	return last && i < last->n ?
		       &last->result[(last->next + LAST_PROBES_N - 1 - i) % LAST_PROBES_N] :
		       NULL;
}

void
last_probes_free(struct last_probes_pool *pool, struct last_probes **last)
{
	if (!*last)
		return;
	pool->rings--;
	pool->asked -= (*last)->asked;
	free(*last);
	*last = NULL;
}

uint64_t
last_probes_bytes(const struct last_probes_pool *pool)
{
	return (uint64_t)pool->rings * sizeof(struct last_probes);
}

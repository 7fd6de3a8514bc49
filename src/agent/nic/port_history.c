/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/nic/port_history.h"

#include <string.h>

#define PORT_HISTORY_MINUTE_NS 60000000000ULL

static bool
port_history_is_step(enum port_state s)
{
	return s == PORT_OPENING || s == PORT_BUILDING;
}

/* Empties the minutes that have begun since the last flap. */
static void
port_history_turn(struct port_history *h, uint64_t now_ns)
{
	uint64_t minute = now_ns / PORT_HISTORY_MINUTE_NS;

	if (minute - h->minute >= PORT_HISTORY_FLAPS_MIN)
		memset(h->flaps, 0, sizeof(h->flaps));
	else
		for (uint64_t m = h->minute + 1; m <= minute; m++)
			h->flaps[m % PORT_HISTORY_FLAPS_MIN] = 0;
	h->minute = minute;
}

static void
port_history_flap(struct port_history *h, uint64_t now_ns, uint64_t wall_ns)
{
	port_history_turn(h, now_ns);
	h->flaps[h->minute % PORT_HISTORY_FLAPS_MIN]++;
	h->flaps_total++;
	h->last_flap_wall_ns = wall_ns;
}

void
port_history_add(struct port_history *h, const struct port_transition *t, uint64_t wall_ns)
{
	if (t->from == PORT_UP && !port_event_is_wanted(t->event))
		port_history_flap(h, t->at_ns, wall_ns);
	/*
	 * Keep the last settled state and the cause of leaving it. Intermediate steps do not count.
	 */
	if (!port_history_is_step(t->from))
		h->begun = (struct port_history_entry){
			.at_ns = t->at_ns,
			.wall_ns = wall_ns,
			.lasted_ns = h->settled_ns ? t->at_ns - h->settled_ns : t->lasted_ns,
			.from = t->from,
			.event = t->event,
			.error = t->error,
		};
	if (port_history_is_step(t->to))
		return;
	h->begun.to = t->to;
	if (h->begun.from == h->begun.to && h->begun.to != PORT_UP)
		return;
	/* A failed step says more than the first event. */
	if (t->error) {
		h->begun.event = t->event;
		h->begun.error = t->error;
	}
	h->ring[h->n++ % PORT_HISTORY_MAX] = h->begun;
	h->settled_ns = t->at_ns;
}

const struct port_history_entry *
port_history_get(const struct port_history *h, size_t i, uint64_t now_ns)
{
	const struct port_history_entry *e;

	if (i >= h->n || i >= PORT_HISTORY_MAX)
		return NULL;
	e = &h->ring[(h->n - 1 - i) % PORT_HISTORY_MAX];
	return now_ns - e->at_ns <= PORT_HISTORY_KEEP_NS ? e : NULL;
}

uint32_t
port_history_flaps(const struct port_history *h, uint64_t now_ns)
{
	uint64_t minute = now_ns / PORT_HISTORY_MINUTE_NS;
	uint32_t sum = 0;

	for (uint64_t back = 0; back < PORT_HISTORY_FLAPS_MIN && back <= h->minute; back++)
		if (minute - (h->minute - back) < PORT_HISTORY_FLAPS_MIN)
			sum += h->flaps[(h->minute - back) % PORT_HISTORY_FLAPS_MIN];
	return sum;
}

uint32_t
port_history_acknowledge(struct port_history *h, uint64_t now_ns)
{
	uint32_t flaps = port_history_flaps(h, now_ns);

	for (size_t i = 0; i < PORT_HISTORY_MAX; i++)
		h->ring[i].acknowledged = true;
	memset(h->flaps, 0, sizeof(h->flaps));
	return flaps;
}

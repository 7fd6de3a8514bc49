/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens next: a heap of events by time and, at the same time, by the order in which they
 * were put. And random numbers.
 */
#include "sim.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[] = {
	[SIM_WAKE] = "wake",
	[SIM_RESUME] = "resume",
	[SIM_MESSAGE] = "message",
	[SIM_SENT] = "sent",
	[SIM_SIDR_REQUEST] = "sidr_request",
	[SIM_SIDR_REPLY] = "sidr_reply",
	[SIM_SIDR_RETRY] = "sidr_retry",
	[SIM_SIDR_TIMEOUT] = "sidr_timeout",
	[SIM_PATH] = "path",
	[SIM_RETURN_PATH] = "return_path",
	[SIM_PORT_ANSWER] = "port_answer",
	[SIM_PORT_TIMER] = "port_timer",
	[SIM_BOOT] = "boot",
	[SIM_HEAL] = "heal",
	[SIM_FAULT] = "fault",
	[SIM_SWEEP] = "sweep",
	[SIM_ATTACK] = "attack",
};
static_assert(sizeof(kind_names) / sizeof(kind_names[0]) == SIM_KIND_N, "a name for each kind");

const char *
sim_kind_name(enum sim_kind kind)
{
	return (unsigned int)kind < SIM_KIND_N ? kind_names[kind] : "?";
}

uint64_t
sim_hash(uint64_t a, uint64_t b)
{
	uint64_t z = a + 0x9e3779b97f4a7c15ULL * (b + 1);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

uint64_t
sim_random_u64(struct sim_random *random)
{
	/* splitmix64 (Steele, Lea and Flood, OOPSLA 2014) */
	return sim_hash(random->state += 0x9e3779b97f4a7c15ULL, 0);
}

uint64_t
sim_random_below(struct sim_random *random, uint64_t n)
{
	return (uint64_t)(((unsigned __int128)sim_random_u64(random) * n) >> 64);
}

bool
sim_random_chance(struct sim_random *random, uint32_t millionths)
{
	return millionths && sim_random_below(random, SIM_CHANCE) < millionths;
}

uint64_t
sim_random_log(struct sim_random *random, uint64_t min, uint64_t max)
{
	uint32_t octaves = 0;
	uint64_t low;

	while ((min << octaves) < max)
		octaves++;
	low = min << (octaves ? sim_random_below(random, octaves) : 0);
	low += sim_random_below(random, low);
	return low < max ? low : max;
}

static bool
queue_before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at_ns < b->at_ns || (a->at_ns == b->at_ns && a->order < b->order);
}

struct sim_event *
sim_event_new(struct sim *sim, enum sim_kind kind, uint32_t host, uint32_t port)
{
	struct sim_event *event = TAILQ_FIRST(&sim->free_events);

	if (event)
		TAILQ_REMOVE(&sim->free_events, event, in_queue);
	else
		event = sim_alloc(1, sizeof(*event));
	memset(event, 0, sizeof(*event));
	event->kind = kind;
	event->host = host;
	event->port = port;
	event->boot = sim->host[host].boot;
	return event;
}

void
sim_event_free(struct sim *sim, struct sim_event *event)
{
	TAILQ_INSERT_HEAD(&sim->free_events, event, in_queue);
}

void
sim_event_put(struct sim *sim, struct sim_event *event, uint64_t at_ns)
{
	uint32_t i;

	event->at_ns = at_ns > sim->now_ns ? at_ns : sim->now_ns;
	event->order = sim->order++;
	if (sim->n_heap == sim->heap_room) {
		uint32_t room = sim->heap_room ? 2 * sim->heap_room : 1024;
		struct sim_event **heap = sim_alloc(room, sizeof(struct sim_event *));

		if (sim->n_heap)
			memcpy(heap, sim->heap, sim->n_heap * sizeof(struct sim_event *));
		sim_free(sim->heap);
		sim->heap = heap;
		sim->heap_room = room;
	}
	for (i = sim->n_heap++; i > 0 && queue_before(event, sim->heap[(i - 1) / 2]);
	     i = (i - 1) / 2)
		sim->heap[i] = sim->heap[(i - 1) / 2];
	sim->heap[i] = event;
}

struct sim_event *
sim_event_next(struct sim *sim)
{
	struct sim_event *first, *last;
	uint32_t i = 0, child;

	if (sim->n_heap == 0)
		return NULL;
	first = sim->heap[0];
	last = sim->heap[--sim->n_heap];
	for (;;) {
		child = 2 * i + 1;
		if (child + 1 < sim->n_heap && queue_before(sim->heap[child + 1], sim->heap[child]))
			child++;
		if (child >= sim->n_heap || !queue_before(sim->heap[child], last))
			break;
		sim->heap[i] = sim->heap[child];
		i = child;
	}
	sim->heap[i] = last;
	return first;
}

void
sim_events_clear(struct sim *sim)
{
	struct sim_event *event;

	while ((event = sim_event_next(sim)))
		sim_event_free(sim, event);
	while ((event = TAILQ_FIRST(&sim->free_events))) {
		TAILQ_REMOVE(&sim->free_events, event, in_queue);
		sim_free(event);
	}
	sim_free(sim->heap);
	sim->heap = NULL;
	sim->heap_room = 0;
}

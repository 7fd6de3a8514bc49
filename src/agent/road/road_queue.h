/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is traced next: what central asks for, then what is new, then what begins to lose, then what
 * has waited longest for its time to be traced again. Pure; all times are CLOCK_MONOTONIC.
 */
#ifndef RPINGMESH_AGENT_ROAD_ROAD_QUEUE_H
#define RPINGMESH_AGENT_ROAD_ROAD_QUEUE_H

#include "core/heap.h"

enum road_why {
	ROAD_WHY_ASKED,
	ROAD_WHY_NEW,
	ROAD_WHY_LOSING,
	ROAD_WHY_AGAIN,
	ROAD_WHY_N
};

/* A place in the queue, part of what waits. All zeros: it does not wait. */
struct road_turn {
	struct heap_node node; /* by the time from which on it may begin */
	enum road_why why;
};

/* All zeros: an empty queue. */
struct road_queue {
	struct heap heap[ROAD_WHY_N];
};

/* Makes room for n turns in all, so that road_queue_put() cannot fail. Returns 0, or -ENOMEM. */
int road_queue_reserve(struct road_queue *queue, uint32_t n);
void road_queue_clear(struct road_queue *queue);

/*
 * Lets it wait, and begin at at_ns. If it waits already, it waits for this from now on, unless it
 * waits for something that comes first.
 */
void road_queue_put(struct road_queue *queue, struct road_turn *turn, enum road_why why,
		    uint64_t at_ns);
/* Does nothing if it does not wait. */
void road_queue_remove(struct road_queue *queue, struct road_turn *turn);

/* Takes the next one whose time has come, for `last` or what comes before it; or NULL. */
struct road_turn *road_queue_take(struct road_queue *queue, enum road_why last, uint64_t now_ns);
/* When road_queue_take() has one for `last` or what comes before it. UINT64_MAX: none waits. */
uint64_t road_queue_next_ns(const struct road_queue *queue, enum road_why last);

#endif

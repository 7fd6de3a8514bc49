/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The history of a port: its last transitions, and the number of flaps that are recent and not
 * acknowledged. Pure. Opening and building are intermediate steps without entries. A port that is
 * removed and added again makes two entries, up -> closed and closed -> up. A port that is rebuilt
 * makes one, up -> up, with the cause. A return to the same state, such as another back-off, makes
 * none.
 */
#ifndef RPINGMESH_AGENT_NIC_PORT_HISTORY_H
#define RPINGMESH_AGENT_NIC_PORT_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/nic/port_fsm.h"

#define PORT_HISTORY_MAX 32                        /* entries; a new one replaces the oldest */
#define PORT_HISTORY_KEEP_NS (24 * 3600 * 1000000000ULL) /* older ones are not shown */
#define PORT_HISTORY_FLAPS_MIN 60 /* flaps are counted over so many minutes */

struct port_history_entry {
	uint64_t at_ns;        /* CLOCK_MONOTONIC, when `from` was left */
	uint64_t wall_ns;      /* the same by the wall clock of that time */
	uint64_t lasted_ns;    /* the time in `from` */
	enum port_state from, to;
	enum port_event event;
	int error;             /* -errno, or 0 */
	bool acknowledged;
};

/* All zero is an empty history. */
struct port_history {
	struct port_history_entry ring[PORT_HISTORY_MAX];
	uint64_t n;                   /* entries since the start */
	struct port_history_entry begun; /* the present intermediate steps; at_ns 0: none */
	uint64_t settled_ns;          /* when it came to its state; 0: it has always been closed */
	uint32_t flaps[PORT_HISTORY_FLAPS_MIN]; /* of each minute, a ring */
	uint64_t minute;              /* of the last flap, CLOCK_MONOTONIC */
	uint64_t last_flap_wall_ns;   /* 0: none */
	uint64_t flaps_total;         /* since the start, acknowledged or not */
};

/*
 * Adds a transition of port_fsm_ops.moved. wall_ns: the same time by the wall clock. A flap is a
 * departure from `up` that no user has caused.
 */
void port_history_add(struct port_history *h, const struct port_transition *t, uint64_t wall_ns);

/*
 * The entries that are not too old, the newest first: i = 0, 1, …; NULL: there are no more.
 * Borrowed until the next port_history_add().
 */
const struct port_history_entry *port_history_get(const struct port_history *h, size_t i,
						  uint64_t now_ns);

/* The flaps of the last PORT_HISTORY_FLAPS_MIN minutes that are not acknowledged. */
uint32_t port_history_flaps(const struct port_history *h, uint64_t now_ns);

/* Acknowledges all entries. Returns the number of flaps in the last hour. */
uint32_t port_history_acknowledge(struct port_history *h, uint64_t now_ns);

#endif

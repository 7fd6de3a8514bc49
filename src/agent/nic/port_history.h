/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a port went through: its last transitions, and how often it flapped, until somebody
 * acknowledges it or it is old. Pure. Opening and building are steps on the way and make no entry:
 * a port that is removed and added again leaves two, up -> closed and closed -> up. One that was
 * rebuilt leaves up -> up with the event that made it necessary. What leads back to where it was (a
 * back-off after the next) makes none.
 */
#ifndef RPINGMESH_AGENT_NIC_PORT_HISTORY_H
#define RPINGMESH_AGENT_NIC_PORT_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/nic/port_fsm.h"

#define PORT_HISTORY_MAX 32                        /* the oldest make room */
#define PORT_HISTORY_KEEP_NS (24 * 3600 * 1000000000ULL) /* older ones are not shown */
#define PORT_HISTORY_FLAPS_MIN 60 /* flaps are counted over this many minutes, to the minute */

struct port_history_entry {
	uint64_t at_ns;        /* CLOCK_MONOTONIC, when `from` was left */
	uint64_t wall_ns;      /* the same since the Unix epoch, as the clock stood then */
	uint64_t lasted_ns;    /* how long it had been in `from` */
	enum port_state from, to;
	enum port_event event;
	int error;             /* -errno; 0 */
	bool acknowledged;
};

/* All zero to begin with. */
struct port_history {
	struct port_history_entry ring[PORT_HISTORY_MAX];
	uint64_t n;                   /* entries ever made */
	struct port_history_entry begun; /* a departure that has not arrived yet; at_ns 0: none */
	uint64_t settled_ns;          /* since when it is where it is; 0: never left closed */
	uint32_t flaps[PORT_HISTORY_FLAPS_MIN]; /* per minute, a ring */
	uint64_t minute;              /* of the last flap, CLOCK_MONOTONIC */
	uint64_t last_flap_wall_ns;   /* 0: none */
	uint64_t flaps_total;         /* since the start, acknowledged or not */
};

/*
 * Takes in what port_fsm_ops.moved said. wall_ns: the same moment since the Unix epoch. A flap is a
 * departure from up that nobody wanted.
 */
void port_history_add(struct port_history *h, const struct port_transition *t, uint64_t wall_ns);

/*
 * Entries that are not too old, the newest first: i = 0, 1, … NULL: no more. Borrowed until the
 * next port_history_add().
 */
const struct port_history_entry *port_history_get(const struct port_history *h, size_t i,
						  uint64_t now_ns);

/* Flaps of the last PORT_HISTORY_FLAPS_MIN minutes that nobody has acknowledged. */
uint32_t port_history_flaps(const struct port_history *h, uint64_t now_ns);

/* Marks all as seen; how many flaps of the last hour that were. */
uint32_t port_history_acknowledge(struct port_history *h, uint64_t now_ns);

#endif

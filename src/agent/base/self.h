/* SPDX-License-Identifier: Apache-2.0 */
/* Who this daemon is, to its peers and in its records. */
#ifndef RPINGMESH_AGENT_BASE_SELF_H
#define RPINGMESH_AGENT_BASE_SELF_H

#include <stdbool.h>
#include <stdint.h>

struct config;

struct self {
	char hostname[65], tor[33]; /* by configuration; tor: "" if it names none */
	uint64_t incarnation;       /* of this process, as prober */
	uint32_t qkey;              /* of all our QPs */
	uint64_t started_ns;        /* CLOCK_MONOTONIC */
	bool filtered;              /* the kernel filters our system calls */
	char user[33];              /* whom it runs as: a name, or a number */
};

/* Draws the numbers. */
void self_init(struct self *self, const struct config *config);
/* Names may change with the configuration. */
void self_name(struct self *self, const struct config *config);

/* Notes who runs us. Looks the name up: may block. */
void self_user(struct self *self);

/* Random bytes by getrandom(2): does not block once the kernel is up. */
uint64_t self_random(void);

#endif

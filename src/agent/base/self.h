/* SPDX-License-Identifier: Apache-2.0 */
/* The identity of this daemon for its peers and in its records. */
#ifndef RPINGMESH_AGENT_BASE_SELF_H
#define RPINGMESH_AGENT_BASE_SELF_H

#include <stdbool.h>
#include <stdint.h>

#include "core/siphash.h"

struct addr;
struct config;

struct self {
	char hostname[65], tor[33]; /* from the configuration; tor: "" if it has none. Host names
				       on Linux have at most 64 characters */
	uint64_t incarnation;       /* of this process, as prober */
	uint8_t secret[SIPHASH_KEY];
	uint32_t qkey;              /* of all our QPs */
	uint64_t started_ns;        /* CLOCK_MONOTONIC */
	bool filtered;              /* the kernel filters our system calls */
	char user[33];              /* the user of this process: a name, or a number */
};

/* Sets the names, and draws random numbers. */
void self_init(struct self *self, const struct config *config);
/* Sets the names, which may change with the configuration. */
void self_name(struct self *self, const struct config *config);

/* Sets the user of this process. Looks up the name, so it may block. */
void self_user(struct self *self);

/* Call this from time to time. If the host's name has changed, uses the new one and logs it. */
void self_look(struct self *self, const struct config *config);

/* Random bytes from getrandom(2), which does not block once the kernel has started. */
uint64_t self_random(void);
/*
 * The incarnation that one peer is told: another for each, so that nobody can use what he is told
 * with a third host.
 */
uint64_t self_incarnation_for(const struct self *self, const struct addr *peer);

#endif

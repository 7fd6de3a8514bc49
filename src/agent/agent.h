/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent: makes the rooms' objects, wires them together, and ends them in the reverse order. Who
 * owns whom stands in HACKING.md, "Who owns whom".
 */
#ifndef RPINGMESH_AGENT_AGENT_H
#define RPINGMESH_AGENT_AGENT_H

#include <stdbool.h>

#include "agent/config/config.h"

struct agent;
struct loop;
struct tell;

struct agent_start {
	struct config *config;   /* is taken */
	const char *config_path; /* NULL: built-in defaults */
	bool give_up;            /* rights that are not needed; not in a test's own process */
	bool filter;             /* system calls that are never made, by seccomp(2) */
};

/* 0 and *out, or -errno, logged. */
int agent_new(struct loop *loop, const struct agent_start *start, struct agent **out);
/* NULL is allowed. */
void agent_free(struct agent *agent);

/*
 * Reads the configuration file again, with the service manager told before and after; a bad one
 * changes nothing. 0 or -errno, *error set then.
 */
int agent_reload(struct agent *agent, char error[CONF_ERROR]);

/* What it tells. Borrowed. For tests. */
const struct tell *agent_tell(const struct agent *agent);

#endif

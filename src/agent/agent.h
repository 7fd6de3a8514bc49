/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent: makes the rooms' objects, wires them together, and ends them in the reverse order. Who
 * owns whom stands in HACKING.md, "Who owns whom".
 */
#ifndef RPINGMESH_AGENT_AGENT_H
#define RPINGMESH_AGENT_AGENT_H

#include "agent/config/config.h"

struct agent;
struct loop;
struct tell;

/* 0 and *out, or -errno, logged. Takes config. */
int agent_new(struct loop *loop, struct config *config, const char *config_path,
	      struct agent **out);
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

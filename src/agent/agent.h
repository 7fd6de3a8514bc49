/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent makes the objects of the rooms, connects them, and ends them in the reverse order. See
 * HACKING.md, "Who owns whom".
 */
#ifndef RPINGMESH_AGENT_AGENT_H
#define RPINGMESH_AGENT_AGENT_H

#include <stdbool.h>

#include "agent/config/config.h"

struct agent;
struct loop;
struct tell;

struct agent_start {
	struct config *config;   /* is taken over */
	const char *config_path; /* NULL: built-in defaults */
	bool give_up;            /* give up unneeded rights; not in the process of a test */
	bool filter;             /* filter unneeded system calls by seccomp(2) */
};

/* Returns 0 and sets *out, which the caller owns, or logs the error and returns -errno. */
int agent_new(struct loop *loop, const struct agent_start *start, struct agent **out);
/* NULL is allowed. */
void agent_free(struct agent *agent);

/*
 * Reads the configuration file again, and informs the service manager before and after. A file with
 * a mistake changes nothing. Returns 0, or -errno with *error.
 */
int agent_reload(struct agent *agent, char error[CONF_ERROR]);

/* The environment of the methods, borrowed, for tests. */
const struct tell *agent_tell(const struct agent *agent);

#endif

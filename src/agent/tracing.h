/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the process of the tracing helper (helper.h of src/trace), and takes its rights away. */
#ifndef RPINGMESH_AGENT_TRACING_H
#define RPINGMESH_AGENT_TRACING_H

#include <stdbool.h>

struct config;
struct helper;
struct loop;

/*
 * Call it while the daemon still has the capabilities that tracing needs, and before there are
 * threads. Returns the helper, which the caller owns; or NULL if the configuration switches tracing
 * off, if this program was built without BPF, or if the system refuses, which is logged.
 */
struct tracing_config {
	const struct config *config;
	bool give_up, filter; /* the same as in struct agent_start */
};
struct helper *tracing_start(struct loop *loop, const struct tracing_config *config);

#endif

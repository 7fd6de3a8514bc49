/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the prober and the responder when they are due, with one timer for the earlier of the two.
 * If another module may have changed when they are due, it calls pump_soon().
 */
#ifndef RPINGMESH_AGENT_BASE_PUMP_H
#define RPINGMESH_AGENT_BASE_PUMP_H

#include <stdint.h>

struct guard;
struct host_noise;
struct loop;
struct prober;
struct pump;
struct responder;

/* All borrowed. */
struct pump_env {
	struct loop *loop;
	struct prober *prober;
	struct responder *responder;
	struct guard *guard;
	struct host_noise *noise;
	/* Called after the prober has run and may have posted probes. */
	void (*posted)(void *arg);
	void *arg;
};

/* Returns 0 and sets *out, which the caller owns, or -errno. Gives the prober the wall clock. */
int pump_new(const struct pump_env *env, struct pump **out);
/* NULL is allowed. */
void pump_free(struct pump *pump);

/* The prober or the responder may be due earlier than before. */
void pump_soon(struct pump *pump);

/*
 * A message was read at now_ns. Checks whether this host has delayed it. Call it before the message
 * is handled.
 */
void pump_look(struct pump *pump, uint64_t now_ns);

#endif

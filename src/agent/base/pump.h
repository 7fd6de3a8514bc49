/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lets the prober and the responder run when they want to: one timer, armed for the earlier of the
 * two. Whatever may change what they want says so with pump_soon().
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
	/* After the prober has run: probes may have been posted. */
	void (*posted)(void *arg);
	void *arg;
};

/* 0 and *out, or -errno. The prober is told the wall clock at once. */
int pump_new(const struct pump_env *env, struct pump **out);
/* NULL is allowed. */
void pump_free(struct pump *pump);

/* The prober or the responder may want to be called earlier than they said before. */
void pump_soon(struct pump *pump);

/*
 * Something has arrived, at now_ns: whether this host has kept it waiting. To be called before it
 * is looked at.
 */
void pump_look(struct pump *pump, uint64_t now_ns);

#endif

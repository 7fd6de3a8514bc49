/* SPDX-License-Identifier: Apache-2.0 */
/* Only for agent*.c. */
#ifndef RPINGMESH_AGENT_AGENT_IMPL_H
#define RPINGMESH_AGENT_AGENT_IMPL_H

#include "agent/agent.h"
#include "agent/base/guard.h"
#include "agent/base/self.h"
#include "agent/peer/last_probes.h"
#include "agent/tell/tell.h"

struct host_noise;
struct names;
struct pump;
struct results;

struct agent {
	struct tell tell;          /* contains the objects that it owns and others may read */
	struct self self;
	struct names *names;
	struct host_noise *noise;  /* the times at which this host did not run us */
	struct pump *pump;
	struct results *results;   /* receives all measurements */
	struct last_probes_pool last_probes;
};

/* agent.c */
struct throttle_limits agent_own_limits(const struct config *config);

/* agent_rooms.c */
/* Makes all rooms, without what the configuration says of them. Returns 0, or -errno. */
int agent_start_rooms(struct agent *a);

#endif

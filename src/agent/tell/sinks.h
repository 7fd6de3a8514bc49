/* SPDX-License-Identifier: Apache-2.0 */
/* The sinks of all measurements, and their order. */
#ifndef RPINGMESH_AGENT_TELL_SINKS_H
#define RPINGMESH_AGENT_TELL_SINKS_H

#include "agent/tell/results.h"

struct last_probes_pool;
struct metrics;
struct record_origin;
struct subscriptions;

/* Borrowed. */
struct sinks_env {
	struct last_probes_pool *last_probes;
	struct metrics *metrics;
	const struct record_origin *origin; /* for records */
};

/* Makes both. Returns 0, or -ENOMEM; then there may be *results without *subs. */
int sinks_new(const struct sinks_env *env, struct results **results, struct subscriptions **subs);

#endif

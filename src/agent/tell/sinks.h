/* SPDX-License-Identifier: Apache-2.0 */
/* Which sinks hear what is measured, and in which order. */
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

/* 0 and both, or -ENOMEM: then there may be the former without the latter. */
int sinks_new(const struct sinks_env *env, struct results **results, struct subscriptions **subs);

#endif

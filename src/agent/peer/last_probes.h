/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last results of a stream of probes with all that was measured, for who wants to look at
 * single probes after the fact. What they take is bounded: LAST_PROBES_RINGS_MAX streams keep some,
 * and those that somebody asks for besides. That is 6 MiB if results have nothing in common, and
 * less than half of it in practice.
 */
#ifndef RPINGMESH_AGENT_PEER_LAST_PROBES_H
#define RPINGMESH_AGENT_PEER_LAST_PROBES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stat/result.h"

#define LAST_PROBES_N 16
#define LAST_PROBES_RINGS_MAX 2048u
#define LAST_PROBES_ASKED_MAX 64u

struct last_probes;

/* Of all streams of a daemon. All zero: none. */
struct last_probes_pool {
	uint32_t rings, asked; /* streams that keep results; of these, those that were asked for
				  beyond the limit */
	uint64_t not_kept;     /* results of streams that keep none */
	uint64_t bytes;        /* that all take */
};

/* *last is the stream's, NULL at first; it is made when there is room for it. */
void last_probes_add(struct last_probes_pool *pool, struct last_probes **last,
		     const struct probe_result *r);
/* Somebody looks at this stream: from now on it keeps its results if at all possible. */
void last_probes_want(struct last_probes_pool *pool, struct last_probes **last);
/* The last results, the newest first; returns how many. last may be NULL. */
size_t last_probes_get(const struct last_probes *last, struct probe_result out[LAST_PROBES_N]);
/* Frees and sets to NULL. */
void last_probes_free(struct last_probes_pool *pool, struct last_probes **last);
/* Bytes that all take. */
uint64_t last_probes_bytes(const struct last_probes_pool *pool);

#endif

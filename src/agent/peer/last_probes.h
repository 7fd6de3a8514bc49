/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last results of a stream of probes with all measurements, to look at single probes later.
 * LAST_PROBES_RINGS_MAX streams keep results, and in addition LAST_PROBES_ASKED_MAX streams that a
 * user has asked for. That takes at most 6 MiB, and in practice less than half.
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

/* The pool of all streams of a daemon. All zero is an empty pool. */
struct last_probes_pool {
	uint32_t rings, asked; /* streams that keep results; those of them above the limit, which
				  a user has asked for */
	uint64_t not_kept;     /* results of streams that keep none */
	uint64_t bytes;        /* memory of all streams */
};

/* Adds a result. *last belongs to the stream; it is NULL at first, and is made if there is room. */
void last_probes_add(struct last_probes_pool *pool, struct last_probes **last,
		     const struct probe_result *r);
/* A user looks at this stream. From now on it keeps its results, if possible. */
void last_probes_want(struct last_probes_pool *pool, struct last_probes **last);
/* Copies the last results, the newest first, and returns their number. last may be NULL. */
size_t last_probes_get(const struct last_probes *last, struct probe_result out[LAST_PROBES_N]);
/* Frees *last and sets it to NULL. */
void last_probes_free(struct last_probes_pool *pool, struct last_probes **last);
/* The memory of all streams in bytes. */
uint64_t last_probes_bytes(const struct last_probes_pool *pool);

#endif

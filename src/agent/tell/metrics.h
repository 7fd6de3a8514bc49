/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The metrics of the daemon for Prometheus and similar programs: the page "/metrics" over HTTP on
 * `metrics.listen`. rpingmeshd(8) lists all families.
 */
#ifndef RPINGMESH_AGENT_TELL_METRICS_H
#define RPINGMESH_AGENT_TELL_METRICS_H

#include <stdbool.h>
#include <stddef.h>

#include "stat/result.h"

struct tell;
struct metrics;
struct peer;
struct trace;

/* Returns 0 and sets *out, which the caller owns, or -ENOMEM. metrics_sync() begins to serve. */
int metrics_new(const struct tell *t, struct metrics **out);
/* NULL is allowed. */
void metrics_free(struct metrics *metrics);

/*
 * Makes the endpoint match the configuration. If it cannot listen, it logs this, the daemon is
 * degraded, and metrics_retry() tries again.
 */
void metrics_sync(struct metrics *metrics);
void metrics_retry(struct metrics *metrics);

/* Counts the result of a probe, if there is an endpoint. */
void metrics_result(struct metrics *metrics, const struct peer *peer, const struct probe_result *r);
/* Counts a result again that has been counted as unreachable: it is of the class in r. */
void metrics_corrected(struct metrics *metrics, const struct peer *peer,
		       const struct probe_result *r);

/* Tracing ends. Keeps its counts. */
void metrics_trace_ends(struct metrics *metrics, const struct trace *trace);

/*
 * Writes a sentence about why there is no endpoint although the configuration has one. Returns
 * false if there is no such problem.
 */
bool metrics_sentence(const struct metrics *metrics, char *text, size_t room);

#endif

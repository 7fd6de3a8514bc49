/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the daemon knows, as metrics for Prometheus and its like: the page "/metrics" over HTTP on
 * `metrics.listen`. rpingmeshd(8) lists every family.
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

/* 0 and *out, or -ENOMEM. It does not serve anything before metrics_sync(). */
int metrics_new(const struct tell *t, struct metrics **out);
/* NULL is allowed. */
void metrics_free(struct metrics *metrics);

/*
 * Makes the endpoint match the configuration. What cannot be listened on is logged, tried again by
 * metrics_retry(), and degraded.
 */
void metrics_sync(struct metrics *metrics);
void metrics_retry(struct metrics *metrics);

/* A probe's result: counted if there is an endpoint. */
void metrics_result(struct metrics *metrics, const struct peer *peer, const struct probe_result *r);

/* Tracing ends; what it has counted is kept. */
void metrics_trace_ends(struct metrics *metrics, const struct trace *trace);

/*
 * Why there is no endpoint though one is wanted, as a sentence. False: there is, or none is wanted.
 */
bool metrics_sentence(const struct metrics *metrics, char *text, size_t room);

#endif

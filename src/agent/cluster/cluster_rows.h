/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the probes of this host have met since its last report, by stream: one 5-tuple, traffic
 * class and size. A stream is there from its first result until it has had none for
 * CLUSTER_ROWS_KEEP_NS. Pure.
 */
#ifndef RPINGMESH_AGENT_CLUSTER_CLUSTER_ROWS_H
#define RPINGMESH_AGENT_CLUSTER_CLUSTER_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/report.h"
#include "stat/result.h"

#define CLUSTER_ROWS_KEEP_NS 120000000000ULL
/* So many answers in a row, without a loss, and a stream no longer loses. */
#define CLUSTER_ROWS_GOOD 20u
#define CLUSTER_ROWS_EIGHTH_NS 125000000u /* a bit of report_row.lost_when */
/* An answer is slow if its RTT is above three times the usual one, and so much above it. */
#define CLUSTER_ROWS_SLOW_NS 20000u
#define CLUSTER_ROWS_LEARN 20u /* the usual RTT is known after so many answers */
/* If all answers have been slow for so long, that is usual: what is usual is learned anew. */
#define CLUSTER_ROWS_USUAL_NS 3600000000000ULL

struct cluster_rows;

/* The job of a stream that is new, into *job; "" if it has none. */
typedef void cluster_rows_job(void *arg, const void *of, char job[REPORT_JOB_MAX + 1]);

int cluster_rows_new(cluster_rows_job *job, void *arg, struct cluster_rows **out);
void cluster_rows_free(struct cluster_rows *rows); /* NULL is allowed */

/*
 * Whether this host has stalled so long that the probe may have been lost because of it. Shorter
 * stalls, which a busy host has all the time, lose nothing.
 */
bool cluster_rows_stalled(const struct probe_result *r);

/*
 * Counts a result of the stream `key`, whose back_port and job are not used; `of` is for
 * cluster_rows_job(). Returns whether the stream has begun to lose probes, or has stopped.
 */
bool cluster_rows_add(struct cluster_rows *rows, const struct report_stream *key, const void *of,
		      const struct probe_result *r);
/* The same of the correction of a result. */
void cluster_rows_correct(struct cluster_rows *rows, const struct report_stream *key,
			  const void *of, const struct probe_result *r);

/*
 * Fills in the streams, their counts, the times if `timed`, and report->dropped; forgets those
 * without results. Returns 0 or -ENOMEM. Borrowed until the next call of any function. *changed:
 * the streams are not those of the call before.
 */
int cluster_rows_fill(struct cluster_rows *rows, uint64_t now_ns, bool timed,
		      struct report *report, bool *changed);
/* What was filled in has been reported: counts begin anew, and the times if `timed`. */
void cluster_rows_reported(struct cluster_rows *rows, bool timed);

#endif

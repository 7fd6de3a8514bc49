/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The metrics that have a series for each of some things: the incidents that are open, and pairs of
 * ToR switches. How many series there are has a limit, and what it leaves out is a series, too.
 */
#ifndef RPINGMESH_CENTRAL_TELL_CENTRAL_METRICS_LISTS_H
#define RPINGMESH_CENTRAL_TELL_CENTRAL_METRICS_LISTS_H

struct central_tell;
struct exposition;

#define CENTRAL_METRICS_INCIDENTS 100u

void central_metrics_lists(struct exposition *e, const struct central_tell *t);

#endif

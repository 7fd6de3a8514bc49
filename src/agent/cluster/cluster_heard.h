/* SPDX-License-Identifier: Apache-2.0 */
/* What this host has received of whom since its last report that said so. Pure. */
#ifndef RPINGMESH_AGENT_CLUSTER_CLUSTER_HEARD_H
#define RPINGMESH_AGENT_CLUSTER_CLUSTER_HEARD_H

#include <stdint.h>

#include "probe/responder.h"
#include "record/report.h"

/* All zero at the start. */
struct cluster_heard {
	struct report_heard *of;  /* owned */
	size_t n, room;
};

/*
 * Adds n probes, if the prober has said their port and a report may name their addresses; without
 * memory, and beyond REPORT_STREAMS_MAX, nothing.
 */
void cluster_heard_add(struct cluster_heard *heard, const struct responder_way_info *way,
		       uint64_t n);
/* Fills in report->heard, which remains until the next call. */
void cluster_heard_fill(struct cluster_heard *heard, struct report *report);
/* It has been reported, or is not to be. */
void cluster_heard_clear(struct cluster_heard *heard);

#endif

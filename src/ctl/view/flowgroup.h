/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flows summed up by what they have in common. A flow with several owners counts in the group of
 * each of them, with the QPs that this owner has; owners that its record has no room for are in the
 * group "?".
 */
#ifndef RPINGMESH_CTL_VIEW_FLOWGROUP_H
#define RPINGMESH_CTL_VIEW_FLOWGROUP_H

#include <stdio.h>

#include "ctl/view/flowlist.h"
#include "ctl/view/table.h"

enum flowgroup_by {
	FLOWGROUP_JOB,
	FLOWGROUP_PROCESS,
	FLOWGROUP_DEVICE,
	FLOWGROUP_REMOTE,
	FLOWGROUP_N
};

extern const char *const flowgroup_names[FLOWGROUP_N];

#define FLOWGROUP_NAME 192

struct flowgroup {
	char name[FLOWGROUP_NAME];
	const msgpack_object *flow;   /* one of them */
	uint64_t flows, qps, probing;
	uint64_t answered, lost;      /* of the last seconds */
	struct flowlist_badness worst;/* loss over all of them; the highest RTT P99 of one */
	uint64_t p50_ns;              /* the highest RTT P50 of one; 0: unknown */
};

/* The worst group first. 0 and *out (to be freed) and *n, or -ENOMEM. */
int flowgroup_make(const struct flowlist *list, enum flowgroup_by by, struct flowgroup **out,
		   size_t *n);

/* NULL: no memory. */
struct table *flowgroup_table(const struct flowgroup *groups, size_t n, enum flowgroup_by by);

/* A line of JSON per group, records of type "flow_group". */
void flowgroup_json(const struct flowgroup *groups, size_t n, enum flowgroup_by by, FILE *out);

#endif

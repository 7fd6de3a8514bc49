/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums up flows in groups, such as jobs. A flow with several owners counts in the group of each
 * owner, with the QPs of this owner. Owners that are not in its record are in the group "?".
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
	const msgpack_object *flow;   /* one of its flows */
	uint64_t flows, qps, probing;
	uint64_t answered, lost;      /* of the last seconds */
	struct flowlist_badness worst;/* loss of all flows; the highest RTT P99 of any */
	uint64_t p50_ns;              /* the highest RTT P50 of any flow; 0: unknown */
};

/*
 * Makes the groups, the worst first. Returns 0 and sets *n and *out, which the caller frees, or
 * -ENOMEM.
 */
int flowgroup_make(const struct flowlist *list, enum flowgroup_by by, struct flowgroup **out,
		   size_t *n);

/* Returns NULL if there is no memory. */
struct table *flowgroup_table(const struct flowgroup *groups, size_t n, enum flowgroup_by by);

/* Writes a line of JSON for each group, as records of type "flow_group". */
void flowgroup_json(const struct flowgroup *groups, size_t n, enum flowgroup_by by, FILE *out);

#endif

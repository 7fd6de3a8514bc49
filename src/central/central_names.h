/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks the resolver of the host for the names of the routers on all paths, some at a time, and
 * again every hour, or when hosts(5), resolv.conf(5) or nsswitch.conf(5) changes. The loop never
 * waits for it.
 */
#ifndef RPINGMESH_CENTRAL_CENTRAL_NAMES_H
#define RPINGMESH_CENTRAL_CENTRAL_NAMES_H

struct central_name_counts;
struct central_names;
struct loop;
struct names;
struct roads;

/* All borrowed; counts in *counts. Returns 0 and sets *out, or -errno. */
int central_names_new(struct loop *loop, struct names *names, struct roads *roads,
		      struct central_name_counts *counts, struct central_names **out);
/* NULL is allowed. */
void central_names_free(struct central_names *names);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flow records of all pages that were asked for, the worst first.
 */
#ifndef RPINGMESH_CTL_VIEW_FLOWLIST_H
#define RPINGMESH_CTL_VIEW_FLOWLIST_H

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is not set lets all flows through. */
struct flowlist_filter {
	const char *device;
	const char *job;    /* of any of its owners */
	const char *remote; /* destination address, in any spelling, or host name */
	unsigned long long pid;
	bool has_pid;
};

struct flowlist {
	const struct flowlist_filter *filter; /* borrowed */
	const msgpack_object **flows;         /* n of them; borrowed from the answers */
	size_t n, room;
	size_t all;                           /* before the filter */
};

/*
 * Adds the flow records of an array that the filter lets through; arg is the list, which is empty
 * with all but the filter zero. 0 or -ENOMEM.
 */
int flowlist_add(void *arg, const msgpack_object *flows);
/* The worst first. 0 or -ENOMEM. */
int flowlist_sort(struct flowlist *list);
void flowlist_free(struct flowlist *list);

/*
 * How bad a flow or a group is: by loss first (unknown: -1), then by RTT (unknown: 0). As qsort(3)
 * wants it, the worst first; 0: equally bad.
 */
struct flowlist_badness {
	double loss;
	uint64_t rtt_ns;
};
struct flowlist_badness flowlist_badness(const msgpack_object *flow);
int flowlist_compare(const struct flowlist_badness *a, const struct flowlist_badness *b);

#endif

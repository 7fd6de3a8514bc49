/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flow records of all pages, filtered and sorted.
 */
#ifndef RPINGMESH_CTL_VIEW_FLOWLIST_H
#define RPINGMESH_CTL_VIEW_FLOWLIST_H

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A member that is not set matches all flows. */
struct flowlist_filter {
	const char *device;
	const char *job;    /* of any of its owners */
	const char *remote; /* destination address in any notation, or host name */
	unsigned long long pid;
	bool has_pid;
};

struct flowlist {
	const struct flowlist_filter *filter; /* borrowed */
	const msgpack_object **flows;         /* n records, borrowed from the answers */
	size_t n, room;
	size_t all;                           /* number of flows before the filter */
};

/*
 * Adds the flow records of an array that match the filter. arg is the list; all zero except the
 * filter is an empty list. Returns 0 or -ENOMEM.
 */
int flowlist_add(void *arg, const msgpack_object *flows);
/* Sorts the list, the worst first. Returns 0 or -ENOMEM. */
int flowlist_sort(struct flowlist *list);
void flowlist_free(struct flowlist *list);

/*
 * How bad a flow or a group is: first by its loss (unknown: -1), then by its RTT (unknown: 0).
 * flowlist_compare() is for qsort(3): the worst comes first, and 0 means equally bad.
 */
struct flowlist_badness {
	double loss;
	uint64_t rtt_ns;
};
struct flowlist_badness flowlist_badness(const msgpack_object *flow);
int flowlist_compare(const struct flowlist_badness *a, const struct flowlist_badness *b);

#endif

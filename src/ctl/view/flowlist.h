/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All flow records of the daemon, gathered page by page, the ones that were asked for, the worst
 * first.
 */
#ifndef RPINGMESH_CTL_VIEW_FLOWLIST_H
#define RPINGMESH_CTL_VIEW_FLOWLIST_H

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctl/wire/pages.h"

struct client;

/* What is not set lets all flows through. */
struct flowlist_filter {
	const char *device;
	const char *job;    /* of any of its owners */
	const char *remote; /* destination address, in any spelling, or host name */
	unsigned long long pid;
	bool has_pid;
};

struct flowlist {
	const msgpack_object **flows; /* n of them; owned by the pages */
	size_t n, room;
	size_t all;                   /* before the filter */
	struct pages pages;
};

/*
 * CTL_OK and *out, to be given to flowlist_free(); or what to exit with, told, and *out is empty.
 */
int flowlist_fetch(struct client *client, const struct flowlist_filter *filter,
		   struct flowlist *out);
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

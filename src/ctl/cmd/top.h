/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the two parts of `top`: top.c asks the daemon, toplive.c uses the screen.
 */
#ifndef RPINGMESH_CTL_CMD_TOP_H
#define RPINGMESH_CTL_CMD_TOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "ctl/view/toptable.h"

#define TOP_FILTER 64

struct client;
struct copy;
struct ctl;
struct toplive;

struct top {
	const struct ctl *ctl;
	struct client *client;                /* NULL: not connected now */
	unsigned long long interval_ns, updates; /* updates 0: no end */
	uint64_t seen;
	bool targets,
		list_targets; /* targets instead of peers: to be shown; in `list` now */
	struct toptable_query query;
	char filter[TOP_FILTER];
	struct trends *trends;                /* NULL: not shown */
	void (*woken)(struct top *top); /* called if a signal or a key comes while a call waits;
					   may be NULL */
	struct toplive *live;                 /* for woken() */
	bool stopped;                         /* do not ask the daemon any more */
	struct copy *list;                    /* the last answer; NULL: none yet */
	uint64_t list_wall_ns;                /* when it came */
	int failed;
};

/*
 * Connects, subscribes to windows and asks for the existing ones. Returns CMD_OK, or the exit code
 * after a complaint.
 */
int top_connect(struct top *top);
void top_disconnect(struct top *top);

/* Fetches the list. Returns the same as top_connect(). */
int top_fetch(struct top *top);

/* Writes "3 peers, 2 up, 1 not; sorted by loss, reverse; filter "x": 1 of 3". */
void top_describe(const struct top *top, size_t shown, char *buf, size_t size);

/* Writes the time span of the figures: "LOSS and times: last 10 s", or "" without figures. */
void top_describe_span(const struct top *top, char *buf, size_t size);

/*
 * Shows `top` on the screen until the user leaves it. The caller has fetched the first list and
 * called screen_start(). Calls screen_stop(). Returns the exit code.
 */
int toplive_run(struct top *top);

#endif

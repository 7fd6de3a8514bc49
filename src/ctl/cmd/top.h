/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the halves of `top` share: top.c asks the daemon, toplive.c owns the screen.
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
	struct client *client;                /* NULL: none at present */
	unsigned long long interval_ns, updates; /* updates 0: no end */
	uint64_t seen;
	bool targets,
		list_targets; /* streams of probes instead of peers: wanted, and what list has */
	struct toptable_query query;
	char filter[TOP_FILTER];
	struct trends *trends;                /* NULL: not shown */
	void (*woken)(struct top *top); /* a signal or a key has come while the daemon is asked;
					   NULL: never mind */
	struct toplive *live;                 /* whose that is */
	bool stopped;                         /* it is not to be asked any more */
	struct copy *list;                    /* the last answer; NULL: none yet */
	uint64_t list_wall_ns;                /* when it came */
	int failed;
};

/*
 * Opens the client, asks for the windows and what is there of them already. CMD_OK, or what to exit
 * with, told.
 */
int top_connect(struct top *top);
void top_disconnect(struct top *top);

/* Gets the list anew. As above. */
int top_fetch(struct top *top);

/* "3 peers, 2 up, 1 not; sorted by loss, reverse; filter "x": 1 of 3". */
void top_describe(const struct top *top, size_t shown, char *buf, size_t size);

/* Which seconds the figures are of: "LOSS and times: last 10 s". "" if no row has any. */
void top_describe_span(const struct top *top, char *buf, size_t size);

/*
 * On the screen, until it is left, with the first list at hand. screen_start() has been called;
 * calls screen_stop(). What to exit with.
 */
int toplive_run(struct top *top);

#endif

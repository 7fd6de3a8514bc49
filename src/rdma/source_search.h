/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sources.c is looking for, and where it stands: pure, so that it can be tested without a
 * device. QPs whose number decides their UDP source port (SPORT_RULE_QP) get their numbers in
 * order, most of the time: a cheap QP tells where the numbering stands, and when the next number
 * has a wanted port, the next QP is made as an endpoint.
 */
#ifndef RPINGMESH_RDMA_SOURCE_SEARCH_H
#define RPINGMESH_RDMA_SOURCE_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

struct endpoint;

#define SOURCES_MAX 64       /* endpoints kept */
#define SOURCES_SHARE 0.02   /* of the loop's time */
#define SOURCES_TRIES 131072 /* rxe has that many QPNs */

struct source_port {
	uint16_t port;
	uint32_t wants;            /* > 0 */
	uint32_t tries;            /* since it was wanted last; SOURCES_TRIES: given up */
	struct endpoint *endpoint; /* NULL: not found */
};

struct source_search {
	uint32_t max, n;
	struct source_port port[SOURCES_MAX];
	bool numbered; /* last_qpn is valid */
	uint32_t last_qpn;
	uint64_t tries, given_up;
	uint64_t took_ns; /* by the last try; 0: there was none */
};

struct sources_stats {
	uint32_t wanted, found; /* ports */
	uint64_t tries;         /* QPs made in search */
	uint64_t given_up;      /* times that a port was given up */
};

/* What to make next. */
enum source_step {
	SOURCE_STEP_NONE,     /* nothing: all that is wanted has been found or given up */
	SOURCE_STEP_BARE,     /* a QP that only tells its number */
	SOURCE_STEP_ENDPOINT, /* an endpoint: its number should be a wanted one */
};

void source_search_init(struct source_search *search, uint32_t max);

/* As sources_want(). */
int source_search_want(struct source_search *search, uint16_t port);
/* Returns the endpoint that nobody wants any more, for the caller to free, or NULL. */
struct endpoint *source_search_unwant(struct source_search *search, uint16_t port);
struct endpoint *source_search_get(const struct source_search *search, uint16_t port);

enum source_step source_search_next(const struct source_search *search);
/*
 * A QP with this number was made. endpoint: if it was made as one. Returns whether that was taken
 * (it is given back by source_search_unwant()); otherwise it is still the caller's.
 */
bool source_search_made(struct source_search *search, uint32_t qpn, struct endpoint *endpoint);
/* The numbering may have gone on without us. */
void source_search_pause(struct source_search *search);

/*
 * How long to do nothing after a try that took took_ns. One long try between short ones counts as a
 * short one: the host was busy with something else, and fifty times as long without a search would
 * help nobody.
 */
uint64_t source_search_pause_ns(struct source_search *search, uint64_t took_ns);

void source_search_stats(const struct source_search *search, struct sources_stats *out);

#endif

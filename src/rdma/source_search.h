/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of the search of sources.c. It is pure, so that tests need no device. The number of a
 * QP decides its UDP source port (SPORT_RULE_QP), and QPs mostly get their numbers in order. So
 * cheap QPs show the present number. When the next number has a wanted port, the next QP is made as
 * an endpoint.
 */
#ifndef RPINGMESH_RDMA_SOURCE_SEARCH_H
#define RPINGMESH_RDMA_SOURCE_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

struct endpoint;

#define SOURCES_MAX 64       /* endpoints */
#define SOURCES_SHARE 0.02   /* share of the loop's time */
#define SOURCES_TRIES 131072 /* rxe has that many QPNs */

/* Who wants a port. */
enum source_user { SOURCE_SERVICE, SOURCE_MESH, SOURCE_USER_N };

struct source_port {
	uint16_t port;
	uint32_t wants[SOURCE_USER_N]; /* > 0 in all */
	uint32_t tries;            /* since the last want; SOURCES_TRIES: given up */
	struct endpoint *endpoint; /* NULL: not found yet */
};

struct source_search {
	uint32_t max, max_mesh, n;
	struct source_port port[SOURCES_MAX];
	bool numbered; /* last_qpn is valid */
	uint32_t last_qpn;
	uint64_t tries, given_up;
	uint64_t took_ns; /* duration of the last try; 0: there was none */
};

struct sources_stats {
	uint32_t wanted, found; /* ports */
	uint64_t tries;         /* QPs that the search has made */
	uint64_t given_up;      /* how often a port was given up */
};

/* The next step. */
enum source_step {
	SOURCE_STEP_NONE,     /* all wanted ports have been found or given up */
	SOURCE_STEP_BARE,     /* make a QP only to get its number */
	SOURCE_STEP_ENDPOINT, /* make an endpoint, whose number should have a wanted port */
};

void source_search_init(struct source_search *search, uint32_t max, uint32_t max_mesh);

/* Like sources_want(). */
int source_search_want(struct source_search *search, uint16_t port, enum source_user user);
/* Removes a want. If it was the last, returns the endpoint, which the caller frees; else NULL. */
struct endpoint *source_search_unwant(struct source_search *search, uint16_t port,
				      enum source_user user);
struct endpoint *source_search_get(const struct source_search *search, uint16_t port);

enum source_step source_search_next(const struct source_search *search);
/*
 * A QP with this number was made. endpoint: NULL unless it was made as an endpoint. Returns true if
 * the search has taken over the endpoint until source_search_unwant(); otherwise the caller still
 * owns it.
 */
bool source_search_made(struct source_search *search, uint32_t qpn, struct endpoint *endpoint);
/* The search has paused, so other QPs may have got numbers meanwhile. */
void source_search_pause(struct source_search *search);

/*
 * The time to wait after a try that took took_ns. A single long try between short ones counts as a
 * short one, because the host was only busy with something else.
 */
uint64_t source_search_pause_ns(struct source_search *search, uint64_t took_ns);

void source_search_stats(const struct source_search *search, struct sources_stats *out);

#endif

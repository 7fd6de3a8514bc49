/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pool of source endpoints on a device that binds the UDP source port to the QP (SPORT_RULE_QP:
 * rxe): for each port that a probe wants, UD QPs are made and dropped until one has it. QPNs go up
 * by one in rxe, so a cheap bare QP tells where the numbering stands, and the endpoint itself is
 * made when its number is the next one (source_search.h). 8 of 131072 QPNs have a given port.
 *
 * The search runs from a timer, one try a callback, and spends at most SOURCES_SHARE of the time: a
 * try that took t is followed by a pause of t / SOURCES_SHARE at least, except that a single try
 * much longer than the one before it pays as that one did. A port is given up after SOURCES_TRIES
 * tries and tried again when it is wanted anew.
 */
#ifndef RPINGMESH_RDMA_SOURCES_H
#define RPINGMESH_RDMA_SOURCES_H

#include <stdint.h>

#include "rdma/endpoint.h"
#include "rdma/source_search.h"

struct sources;

/*
 * endpoint: how to make one; its ops and arg serve for all. The device is borrowed and outlives the
 * pool. max: how many to keep, at most SOURCES_MAX. 0 and *out, or -errno. Makes no QP as long as
 * nothing is wanted.
 */
int sources_new(const struct endpoint_config *endpoint, uint32_t max, struct sources **out);
/* Frees all endpoints; sends in flight end without a word. NULL is allowed. */
void sources_free(struct sources *sources);

/*
 * Somebody wants this port: counted; the search goes on while there are wants that are not met. 0;
 * -ENOSPC: `max` other ports are wanted; -ERANGE: no QP can have it. In an error it is not counted.
 */
int sources_want(struct sources *sources, uint16_t port);
/*
 * … and no longer does; the last one frees its endpoint, from the loop: it may be called from the
 * endpoint's callbacks.
 */
void sources_unwant(struct sources *sources, uint16_t port);
/* The endpoint whose QP has the port, borrowed until the last want goes; NULL: not (yet). */
struct endpoint *sources_get(const struct sources *sources, uint16_t port);

void sources_stats(const struct sources *sources, struct sources_stats *out);

#endif

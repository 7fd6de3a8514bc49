/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pool of source endpoints, for a device whose QPs each have one UDP source port (SPORT_RULE_QP:
 * rxe). For each port that a probe needs, UD QPs are made and destroyed until one has this port.
 * rxe increments its QPNs by one. So a bare QP, which is cheap, shows the present number, and the
 * endpoint is made when its number is the next one (source_search.h). 8 of 131072 QPNs have a given
 * port.
 *
 * A timer runs the search, with one try for each callback. It takes at most SOURCES_SHARE of the
 * time: after a try that took t, it pauses for at least t / SOURCES_SHARE. If a single try is much
 * longer than the one before, the pause is that of the one before. After SOURCES_TRIES tries a port
 * is given up, until it is wanted again.
 */
#ifndef RPINGMESH_RDMA_SOURCES_H
#define RPINGMESH_RDMA_SOURCES_H

#include <stdint.h>

#include "rdma/endpoint.h"
#include "rdma/source_search.h"

struct sources;

/*
 * endpoint: the configuration of each endpoint, with the same ops and arg for all. The device is
 * borrowed and must outlive the pool. max: the number of endpoints, at most SOURCES_MAX. max_mesh:
 * of these, for SOURCE_MESH. Returns 0 and sets *out, which the caller owns, or -errno. Makes no QP
 * while no port is wanted.
 */
int sources_new(const struct endpoint_config *endpoint, uint32_t max, uint32_t max_mesh,
		struct sources **out);
/* Frees all endpoints; sends in flight end without a call of sent(). NULL is allowed. */
void sources_free(struct sources *sources);

/*
 * Adds a want for this port. The search runs while wanted ports have no endpoint. Returns 0,
 * -ENOSPC if `max` other ports are wanted, or `max_mesh` by the mesh, or -ERANGE if no QP can have
 * this port. After an error there is no want.
 */
int sources_want(struct sources *sources, uint16_t port, enum source_user user);
/*
 * Removes a want. After the last one, the loop frees the endpoint, so its own callbacks may call
 * this.
 */
void sources_unwant(struct sources *sources, uint16_t port, enum source_user user);
/* The endpoint with this port, borrowed until the last want is removed; NULL: there is none yet. */
struct endpoint *sources_get(const struct sources *sources, uint16_t port);

void sources_stats(const struct sources *sources, struct sources_stats *out);

#endif

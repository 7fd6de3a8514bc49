/* SPDX-License-Identifier: Apache-2.0 */
/* Publishes incidents: retained while they are open. Only for this folder. */
#ifndef RPINGMESH_CENTRAL_JUDGE_JUDGE_PUBLISH_H
#define RPINGMESH_CENTRAL_JUDGE_JUDGE_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>

struct incident;
struct mesh;

/*
 * Publishes an incident that has changed. What there is no connection or room for is lost; the
 * caller publishes all open ones again from time to time.
 */
void judge_publish(struct mesh *mesh, const struct incident *incident, bool muted,
		   uint64_t incarnation);

#endif

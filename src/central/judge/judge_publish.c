/* SPDX-License-Identifier: Apache-2.0 */
#include "central/judge/judge_publish.h"

#include <msgpack.h>

#include "central/mesh/mesh.h"
#include "core/log.h"
#include "record/incident.h"
#include "rpingmesh/log_subsystems.h"

void
judge_publish(struct mesh *mesh, const struct incident *incident, bool muted,
	      uint64_t incarnation)
{
	struct incident told = *incident;
	msgpack_sbuffer body;
	msgpack_packer pk;

	msgpack_sbuffer_init(&body);
	msgpack_packer_init(&pk, &body, msgpack_sbuffer_write);
	told.incarnation = incarnation;
	if (incident->state == INCIDENT_OPEN)
		incident_pack(&pk, &told, muted, false);
	if (mesh_set(mesh, "incident", incident->id, body.data, body.size) < 0)
		log_error(CLUSTER, "no memory to publish incident %s", incident->id);
	msgpack_sbuffer_destroy(&body);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was lost because there was no memory is found again: the next run looks at all hosts, and
 * all lists are published.
 */
#include "central/mesh/mesh_impl.h"
#include "core/log_limit.h"
#include "rpingmesh/log_subsystems.h"

void
mesh_no_memory(struct mesh *m)
{
	m->lost = true;
	m->stats.out_of_memory++;
	if (!m->stats.incomplete_ns)
		m->stats.incomplete_ns = clock_wall_ns();
	log_some(1, CLUSTER, ERROR, "no memory for the plan: some hosts have an old pinglist");
	mesh_plan_in(m, MESH_BEAT_NS);
}

void
mesh_find_lost(struct mesh *m)
{
	const struct registry_host *host = m->lost ? registry_next(m->registry, 0) : NULL;
	struct registry_host_info info;

	m->again = m->again || m->lost;
	m->lost = false;
	for (; host; host = registry_after(host)) {
		registry_host_info(host, &info);
		if (mesh_names_add(&m->touched, info.name) < 0) {
			mesh_no_memory(m);
			return;
		}
	}
}

void
mesh_found_lost(struct mesh *m)
{
	if (!m->lost)
		m->stats.incomplete_ns = 0;
}

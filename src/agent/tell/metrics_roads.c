/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/road/road.h"
#include "agent/tell/metrics_impl.h"
#include "agent/tell/tell.h"

void
metrics_roads(struct exposition *e, const struct metrics *m)
{
	struct roads_stats s;

	roads_stats(m->t->roads, &s);
	for (int state = 0; state < ROAD_STATE_N; state++)
		exposition_u64(e,
			       (struct exposition_label[]){
				       {"state", road_state_name((enum road_state)state)}, {0}},
			       s.by_state[state]);
}

void
metrics_road_changes(struct exposition *e, const struct metrics *m)
{
	struct roads_stats s;

	roads_stats(m->t->roads, &s);
	exposition_u64(e, NULL, s.changes);
}

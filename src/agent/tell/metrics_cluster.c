/* SPDX-License-Identifier: Apache-2.0 */
/* The part of this host in the cluster. Without a broker, none of these has a sample. */
#include "agent/cluster/cluster.h"
#include "agent/tell/metrics_impl.h"
#include "agent/tell/tell.h"

void
metrics_cluster_connected(struct exposition *e, const struct metrics *m)
{
	struct cluster_status s;

	if (cluster_status(m->t->cluster, &s))
		exposition_u64(e, NULL, s.bus.state == BUS_CONNECTED);
}

void
metrics_cluster_lost(struct exposition *e, const struct metrics *m)
{
	struct cluster_status s;

	if (cluster_status(m->t->cluster, &s))
		exposition_u64(e, NULL, s.bus.lost);
}

void
metrics_cluster_dropped(struct exposition *e, const struct metrics *m)
{
	struct cluster_status s;

	if (cluster_status(m->t->cluster, &s))
		exposition_u64(e, NULL, s.bus.dropped);
}

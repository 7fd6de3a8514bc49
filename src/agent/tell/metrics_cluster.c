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

void
metrics_cluster_silent(struct exposition *e, const struct metrics *m)
{
	struct cluster_status s;

	if (cluster_status(m->t->cluster, &s) && s.list.heard)
		exposition_ns(e, NULL, s.list.silent_ns);
}

void
metrics_cluster_slow(struct exposition *e, const struct metrics *m)
{
	struct cluster_status s;

	if (cluster_status(m->t->cluster, &s))
		exposition_u64(e, NULL, s.list.slow);
}

void
metrics_cluster_targets(struct exposition *e, const struct metrics *m)
{
	struct cluster_status s;

	if (!cluster_status(m->t->cluster, &s))
		return;
	exposition_u64(e, (struct exposition_label[]){{"result", "taken"}, {0}},
		       s.list.counts.taken);
	exposition_u64(e, (struct exposition_label[]){{"result", "refused"}, {0}},
		       cluster_counts_refused(&s.list.counts));
}

void
metrics_cluster_lists_refused(struct exposition *e, const struct metrics *m)
{
	struct cluster_status s;

	if (!cluster_status(m->t->cluster, &s))
		return;
	exposition_u64(e, (struct exposition_label[]){{"reason", "malformed"}, {0}},
		       s.list.malformed);
	exposition_u64(e, (struct exposition_label[]){{"reason", "foreign"}, {0}},
		       s.list.foreign);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "central/tell/central_metrics_lists.h"

#include <stdio.h>
#include <stdlib.h>

#include "central/incident/incidents.h"
#include "central/tell/central_incidents.h"
#include "central/tell/central_live.h"
#include "central/tell/central_pairs.h"
#include "central/tell/central_tell.h"
#include "serve/exposition.h"

/* ---- incidents ---- */

/* Those that are open and not muted. */
struct central_open {
	const struct incident *at[INCIDENTS_OPEN_MAX];
	size_t n;
	uint64_t left_out;
};

/* What there is, when a page is made. */
struct central_lists {
	struct central_open open;
	const struct central_pairs *pairs;
	struct central_pairs_info info;
};

static int
central_open_order(const void *a, const void *b)
{
	const struct incident *x = *(const struct incident *const *)a;
	const struct incident *y = *(const struct incident *const *)b;

	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	return (x->since_ns > y->since_ns) - (x->since_ns < y->since_ns);
}

/* The most urgent first, and of these those that are open for longest. */
static void
central_open_collect(struct central_open *open, const struct central_tell *t)
{
	const struct incident *i;
	uint64_t number = 0;

	while ((i = incidents_next(t->incidents, number, &number)))
		if (i->state == INCIDENT_OPEN && !central_incident_muted(t, i) &&
		    open->n < INCIDENTS_OPEN_MAX)
			open->at[open->n++] = i;
	qsort(open->at, open->n, sizeof(open->at[0]), central_open_order);
	if (open->n <= CENTRAL_METRICS_INCIDENTS)
		return;
	open->left_out = open->n - CENTRAL_METRICS_INCIDENTS;
	open->n = CENTRAL_METRICS_INCIDENTS;
}

static void
central_metrics_incident(struct exposition *e, const struct central_lists *lists)
{
	char candidates[16];

	for (size_t k = 0; k < lists->open.n; k++) {
		const struct incident *i = lists->open.at[k];
		const struct exposition_label labels[] = {
			{"id", i->id},
			{"kind", incident_kind_names[i->kind]},
			{"priority", incident_priority_names[i->priority]},
			{"effect", incident_effect_names[i->effect]},
			{"culprit", i->culprits[0].name},
			{"candidates", candidates},
		};

		static_assert(sizeof(labels) / sizeof(labels[0]) == EXPOSITION_LABELS_MAX,
			      "all of them fit");
		snprintf(candidates, sizeof(candidates), "%zu", i->n_culprits);
		exposition_u64(e, labels, 1);
	}
}

static void
central_metrics_incident_loss(struct exposition *e, const struct central_lists *lists)
{
	for (size_t k = 0; k < lists->open.n; k++) {
		const struct exposition_label labels[] = {{"id", lists->open.at[k]->id}, {0}};

		exposition_double(e, labels, lists->open.at[k]->loss_ratio);
	}
}

static void
central_metrics_incidents_left_out(struct exposition *e, const struct central_lists *lists)
{
	exposition_u64(e, NULL, lists->open.left_out);
}

/* ---- pairs of switches ---- */

static const struct picture_cell *
central_metrics_pair(const struct central_lists *lists, uint32_t i,
		     struct exposition_label labels[3])
{
	const char *from, *to;
	const struct picture_cell *cell = central_pairs_at(lists->pairs, i, &from, &to);

	labels[0] = (struct exposition_label){"from", from};
	labels[1] = (struct exposition_label){"to", to};
	labels[2] = (struct exposition_label){0};
	return cell;
}

static void
central_metrics_pair_probes(struct exposition *e, const struct central_lists *lists)
{
	struct exposition_label labels[3];

	for (uint32_t i = 0; i < lists->info.n; i++) {
		const struct picture_cell *cell = central_metrics_pair(lists, i, labels);

		exposition_u64(e, labels, cell->answered + cell->lost);
	}
}

static void
central_metrics_pair_loss(struct exposition *e, const struct central_lists *lists)
{
	struct exposition_label labels[3];

	for (uint32_t i = 0; i < lists->info.n; i++) {
		double loss = central_pairs_loss(central_metrics_pair(lists, i, labels));

		if (loss >= 0)
			exposition_double(e, labels, loss);
	}
}

static void
central_metrics_pair_rtt(struct exposition *e, const struct central_lists *lists)
{
	struct exposition_label labels[3];

	for (uint32_t i = 0; i < lists->info.n; i++) {
		uint32_t ns = central_metrics_pair(lists, i, labels)->rtt_p50_ns;

		if (ns)
			exposition_ns(e, labels, ns);
	}
}

static void
central_metrics_pair_rtt_p99(struct exposition *e, const struct central_lists *lists)
{
	struct exposition_label labels[3];

	for (uint32_t i = 0; i < lists->info.n; i++) {
		uint32_t ns = central_metrics_pair(lists, i, labels)->rtt_p99_ns;

		if (ns)
			exposition_ns(e, labels, ns);
	}
}

static void
central_metrics_pairs_left_out(struct exposition *e, const struct central_lists *lists)
{
	exposition_u64(e, NULL, lists->info.left_out);
}

/* ---- all ---- */

#define GAUGE EXPOSITION_GAUGE

/* In the order of the page; rpingmesh-central(8) lists them: tests/doc/metrics_doc.sh. */
static const struct central_list {
	struct exposition_family head;
	void (*write)(struct exposition *e, const struct central_lists *lists);
} central_lists[] = {
	{{"rpingmesh_central_incident", GAUGE, NULL,
	  "1 for each of the 100 most urgent open incidents that are not muted; culprit is its "
	  "likeliest candidate."}, central_metrics_incident},
	{{"rpingmesh_central_incident_loss_ratio", GAUGE, "ratio",
	  "Share of the messages that the culprit loses; 0 if it delays them."},
	 central_metrics_incident_loss},
	{{"rpingmesh_central_incidents_left_out", GAUGE, NULL,
	  "Open incidents beyond these 100."}, central_metrics_incidents_left_out},
	{{"rpingmesh_central_pair_probes", GAUGE, NULL,
	  "Probes of the last 20 s from one top-of-rack switch to another that were answered or "
	  "lost, of metrics_pairs pairs at most."}, central_metrics_pair_probes},
	{{"rpingmesh_central_pair_loss_ratio", GAUGE, "ratio", "Share of these that was lost."},
	 central_metrics_pair_loss},
	{{"rpingmesh_central_pair_rtt_seconds", GAUGE, "seconds", "Median RTT between the two."},
	 central_metrics_pair_rtt},
	{{"rpingmesh_central_pair_rtt_p99_seconds", GAUGE, "seconds",
	  "99th percentile of the RTT between the two."}, central_metrics_pair_rtt_p99},
	{{"rpingmesh_central_pairs_left_out", GAUGE, NULL,
	  "Pairs of top-of-rack switches beyond metrics_pairs, which have no series."},
	 central_metrics_pairs_left_out},
};

void
central_metrics_lists(struct exposition *e, const struct central_tell *t)
{
	struct central_lists *lists = calloc(1, sizeof(*lists));

	if (!lists) {
		e->failed = true;
		return;
	}
	central_open_collect(&lists->open, t);
	lists->pairs = central_live_pairs(t->live);
	central_pairs_info(lists->pairs, &lists->info);
	for (size_t i = 0; i < sizeof(central_lists) / sizeof(central_lists[0]); i++) {
		exposition_family(e, &central_lists[i].head);
		central_lists[i].write(e, lists);
	}
	free(lists);
}

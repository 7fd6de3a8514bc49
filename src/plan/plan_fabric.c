/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which ToRs probe each other, and with how many tuples.
 *
 * A pair takes part in PLAN_TURN hours of each period. The period is a multiple of PLAN_TURN that
 * leaves a ToR with at most about PLAN_PARTNERS_MAX partners, or as many as it has tuples; it
 * doubles with the number of ToRs, so that it seldom changes. When in its period a pair has its
 * turn follows from its names alone: from the sum of two numbers of hours, one of each ToR. So the
 * partners of a ToR are all those of PLAN_TURN such numbers, and nobody looks at all pairs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plan/coupon.h"
#include "plan/plan_impl.h"

/*
 * Partners at a time. With fewer than 32 wanted, 16 on average, a ToR might have none by chance.
 * With more than 256, a port that joins would be probed by too many hosts.
 */
#define PLAN_PARTNERS_MIN 32
#define PLAN_PARTNERS_MAX 256

static unsigned int
plan_tuples(struct plan *plan, unsigned int paths)
{
	if (!plan->tuples[paths])
		plan->tuples[paths] = coupon_tuples(paths, PLAN_PROBABILITY);
	return plan->tuples[paths];
}

static bool
plan_same_plane(const struct plan_group *a, const struct plan_group *b)
{
	return a->v6 == b->v6 && strcmp(a->rail, b->rail) == 0;
}

/* The plane that begins with this group. */
struct plan_plane
plan_fabric_plane(const struct plan *plan, size_t first)
{
	unsigned int partners = plan->tuples[plan->options.paths];
	struct plan_plane plane = {first, 1, PLAN_TURN};

	if (partners < PLAN_PARTNERS_MIN)
		partners = PLAN_PARTNERS_MIN;
	if (partners > PLAN_PARTNERS_MAX)
		partners = PLAN_PARTNERS_MAX;
	while (first + plane.n < plan->n_groups &&
	       plan_same_plane(plan->groups[first], plan->groups[first + plane.n]))
		plane.n++;
	while ((plane.n - 1) * PLAN_TURN > (size_t)partners * plane.period)
		plane.period *= 2;
	return plane;
}

/* When in its period a ToR has its turn with one whose phase is 0. */
static unsigned int
plan_group_phase(const struct plan_group *group, unsigned int period)
{
	return (unsigned int)(plan_mix(group->hash) % period);
}

/*
 * The key of a slot changes once in PLAN_TURN hours: of a pair that always takes part, one slot
 * after the other, of others when their turn ends.
 */
uint64_t
plan_slot_key(const struct plan *plan, const struct plan_edge *edge, unsigned int slot)
{
	uint64_t turn = (plan->hour + edge->phase + (edge->always ? slot : 0)) / PLAN_TURN;

	return plan_mix(edge->key + slot * 0x9e3779b97f4a7c15u + turn * 0xd6e8feb86659fd93u);
}

unsigned int
plan_edge_slot_labels(const struct plan_edge *edge, unsigned int slot)
{
	return edge->labels / edge->n_slots + (slot < edge->labels % edge->n_slots);
}

uint64_t
plan_edge_interval_us(const struct plan_group *from, const struct plan_edge *edge)
{
	unsigned int shift = from->shift > edge->to->shift ? from->shift : edge->to->shift;
	uint64_t interval = edge->interval_us << shift;

	return interval < PLAN_INTERVAL_MAX_US ? interval : PLAN_INTERVAL_MAX_US;
}

uint64_t
plan_slot_rate(const struct plan_group *from, const struct plan_edge *edge, unsigned int slot)
{
	uint64_t interval = plan_edge_interval_us(from, edge);
	uint64_t probes = (uint64_t)plan_edge_slot_labels(edge, slot) * 1000000u * PLAN_MILLI;

	return (probes + interval - 1) / interval;
}

unsigned int
plan_slot_tuples(const struct plan_edge *edge, unsigned int slot)
{
	unsigned int labels = plan_edge_slot_labels(edge, slot);
	uint32_t ports = edge->slots[slot].from->address->nic->source_ports;

	return ports && ports < labels ? ports : labels;
}

/* Building. */

static void
plan_fabric_clear(struct plan *plan)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->n_groups; i++) {
		struct plan_group *group = plan->groups[i];

		free(group->edges);
		free(group->slots);
		group->edges = NULL;
		group->slots = NULL;
		group->n_edges = group->n_slots = 0;
		for (size_t k = 0; k < group->n; k++)
			group->members[k]->first_slot = 0;
		if (group->n)
			plan->groups[n++] = group;
		else
			plan_group_free(group);
	}
	plan->n_groups = n;
}

static void
plan_fabric_connect(struct plan_group *a, struct plan_group *b, unsigned int period)
{
	struct plan_edge *there = &a->edges[a->n_edges++], *back = &b->edges[b->n_edges++];
	uint64_t phase = (plan_group_phase(a, period) + plan_group_phase(b, period)) % period;

	*there = (struct plan_edge){.to = b, .back = back, .phase = phase,
				    .always = period == PLAN_TURN,
				    .key = plan_mix(a->hash * 3 + b->hash)};
	*back = (struct plan_edge){.to = a, .back = there, .phase = phase,
				   .always = period == PLAN_TURN,
				   .key = plan_mix(b->hash * 3 + a->hash)};
}

/* The groups of a plane by their phase, and those that one of them is to be paired with. */
struct plan_turns {
	const struct plan *plan;
	const struct plan_plane *plane;
	size_t *groups;  /* in the order of phases, then of groups */
	size_t *first;   /* for each phase, where it begins; one more for the end */
	size_t *partners;
	size_t n;
};

static int
plan_turns_begin(struct plan_turns *t, const struct plan *plan, const struct plan_plane *plane)
{
	size_t *first = calloc((size_t)plane->period + 2, sizeof(*first));

	*t = (struct plan_turns){.plan = plan, .plane = plane, .first = first};
	t->groups = calloc(plane->n, sizeof(*t->groups));
	t->partners = calloc(plane->n, sizeof(*t->partners));
	if (!t->groups || !t->partners || !first)
		return -ENOMEM;
	/* first[p + 1] is moved on to the begin of p + 1 while groups of phase p come. */
	for (size_t i = 0; i < plane->n; i++)
		first[plan_group_phase(plan->groups[plane->first + i], plane->period) + 2]++;
	for (unsigned int p = 2; p < plane->period + 2; p++)
		first[p] += first[p - 1];
	for (size_t i = 0; i < plane->n; i++) {
		size_t g = plane->first + i;

		t->groups[first[plan_group_phase(plan->groups[g], plane->period) + 1]++] = g;
	}
	return 0;
}

static void
plan_turns_end(struct plan_turns *t)
{
	free(t->groups);
	free(t->first);
	free(t->partners);
}

static int
plan_turns_compare(const void *a, const void *b)
{
	const size_t x = *(const size_t *)a, y = *(const size_t *)b;

	return (x > y) - (x < y);
}

/* Looks for the partners of a group behind it, in the order of groups. */
static void
plan_turns_find(struct plan_turns *t, size_t group)
{
	unsigned int period = t->plane->period;
	uint64_t now = t->plan->hour + plan_group_phase(t->plan->groups[group], period);

	t->n = 0;
	for (unsigned int turn = 0; turn < PLAN_TURN; turn++) {
		size_t phase = (turn + period - now % period) % period;

		for (size_t i = t->first[phase]; i < t->first[phase + 1]; i++)
			if (t->groups[i] > group)
				t->partners[t->n++] = t->groups[i];
	}
	qsort(t->partners, t->n, sizeof(*t->partners), plan_turns_compare);
}

static int
plan_fabric_connect_all(struct plan *plan, struct plan_turns *t)
{
	size_t end = t->plane->first + t->plane->n;

	for (size_t a = t->plane->first; a < end; a++) {
		plan_turns_find(t, a);
		plan->groups[a]->n_edges += t->n;
		for (size_t i = 0; i < t->n; i++)
			plan->groups[t->partners[i]]->n_edges++;
	}
	for (size_t a = t->plane->first; a < end; a++) {
		struct plan_group *group = plan->groups[a];

		group->edges = calloc(group->n_edges + 1, sizeof(*group->edges));
		group->n_edges = 0;
		if (!group->edges)
			return -ENOMEM;
	}
	for (size_t a = t->plane->first; a < end; a++) {
		plan_turns_find(t, a);
		for (size_t i = 0; i < t->n; i++)
			plan_fabric_connect(plan->groups[a], plan->groups[t->partners[i]],
					    t->plane->period);
	}
	return 0;
}

static int
plan_fabric_edges(struct plan *plan, const struct plan_plane *plane)
{
	struct plan_turns turns;
	int err = plan_turns_begin(&turns, plan, plane);

	err = err ? err : plan_fabric_connect_all(plan, &turns);
	plan_turns_end(&turns);
	return err;
}

static int
plan_group_tor_compare(const void *a, const void *b)
{
	return strcmp((*(struct plan_group *const *)a)->tor, (*(struct plan_group *const *)b)->tor);
}

/* The groups of one ToR share its links, and so the rate. */
static int
plan_fabric_tors(struct plan *plan)
{
	struct plan_group **by_tor = calloc(plan->n_groups + 1, sizeof(*by_tor));
	size_t first = 0;

	if (!by_tor)
		return -ENOMEM;
	for (size_t i = 0; i < plan->n_groups; i++)
		by_tor[i] = plan->groups[i];
	qsort(by_tor, plan->n_groups, sizeof(*by_tor), plan_group_tor_compare);
	for (size_t i = 1; i <= plan->n_groups; i++) {
		if (i < plan->n_groups && strcmp(by_tor[first]->tor, by_tor[i]->tor) == 0)
			continue;
		for (size_t k = first; k < i; k++)
			by_tor[k]->n_tor = (unsigned int)(i - first);
		first = i;
	}
	free(by_tor);
	return 0;
}

/* N of a ToR: the most that has been seen to any of its partners. */
static void
plan_group_paths(struct plan *plan, struct plan_group *group)
{
	const struct plan_options *options = &plan->options;
	unsigned int most = 0;

	for (size_t i = 0; options->paths_seen && i < group->n_edges; i++) {
		unsigned int seen = options->paths_seen(options->arg, group->tor,
							group->edges[i].to->tor);

		most = seen > most ? seen : most;
	}
	group->paths = most ? most : options->paths;
	if (group->paths > COUPON_MAX)
		group->paths = COUPON_MAX;
	group->tuples = plan_tuples(plan, group->paths);
}

/* Tuples to each partner, so that all together are enough. */
static unsigned int
plan_group_each(const struct plan_group *group)
{
	return (unsigned int)((group->tuples + group->n_edges - 1) / group->n_edges);
}

/* The interval of a tuple, so that all together give the rate. */
static uint64_t
plan_group_interval_us(const struct plan_group *group)
{
	uint64_t tuples = plan_group_each(group) * group->n_edges;

	return tuples * 1000000u * group->n_tor / ((uint64_t)PLAN_LINK_RATE * group->paths);
}

static unsigned int
plan_edge_size(const struct plan_group *group, struct plan_edge *edge)
{
	unsigned int here = plan_group_each(group), there = plan_group_each(edge->to);
	uint64_t own = plan_group_interval_us(group), its = plan_group_interval_us(edge->to);

	edge->labels = here > there ? here : there;
	edge->n_slots = (edge->labels + PLAN_LABELS - 1) / PLAN_LABELS;
	edge->interval_us = own < its ? own : its;
	return edge->n_slots;
}

static int
plan_group_slots(struct plan_group *group)
{
	size_t n = 0;

	for (size_t i = 0; i < group->n_edges; i++)
		n += plan_edge_size(group, &group->edges[i]);
	group->slots = calloc(n + 1, sizeof(*group->slots));
	if (!group->slots)
		return -ENOMEM;
	for (size_t i = 0; i < group->n_edges; i++) {
		group->edges[i].slots = group->slots + group->n_slots;
		for (unsigned int k = 0; k < group->edges[i].n_slots; k++)
			group->slots[group->n_slots++].edge = (uint32_t)i;
	}
	return 0;
}

static int
plan_fabric_size(struct plan *plan)
{
	if (plan_fabric_tors(plan))
		return -ENOMEM;
	for (size_t i = 0; i < plan->n_groups; i++)
		plan_group_paths(plan, plan->groups[i]);
	for (size_t i = 0; i < plan->n_groups; i++)
		if (plan_group_slots(plan->groups[i]))
			return -ENOMEM;
	return 0;
}

/* Returns 0, or -ENOMEM; then there are no edges. */
int
plan_fabric_build(struct plan *plan)
{
	int err = 0;

	(void)plan_tuples(plan, plan->options.paths);
	plan_fabric_clear(plan);
	for (size_t i = 0; i < plan->n_groups && !err;) {
		struct plan_plane plane = plan_fabric_plane(plan, i);

		err = plan_fabric_edges(plan, &plane);
		i += plane.n;
	}
	err = err ? err : plan_fabric_size(plan);
	if (err)
		plan_fabric_clear(plan);
	for (size_t i = 0; i < plan->n_groups; i++)
		plan_group_dirty(plan->groups[i]);
	return err;
}

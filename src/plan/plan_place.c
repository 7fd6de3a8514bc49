/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which ports are at the ends of each slot. Slots choose in their order, each the member with the
 * highest hash among those that have room. Room is twice an even share, so that nearly all take
 * part, and a member that comes or goes moves few slots. If nobody has so much room, a slot may go
 * to anyone whose budget allows it.
 *
 * The source does not depend on the destination, except that there must be one on another host.
 */
#include <string.h>

#include "plan/plan_impl.h"

/* What a slot needs. */
struct plan_want {
	uint64_t key, rate, even;
};

/* The best member so far: among those below the even share, and among all. */
struct plan_choice {
	struct plan_member *even, *any;
	uint64_t even_score, any_score;
	uint8_t capped;
};

static void
plan_choose(struct plan_choice *choice, struct plan_member *member, uint64_t score, bool even)
{
	if (!choice->any || score > choice->any_score) {
		choice->any = member;
		choice->any_score = score;
	}
	if (even && (!choice->even || score > choice->even_score)) {
		choice->even = member;
		choice->even_score = score;
	}
}

/* Rates. */

/* What the slots of a group send, and receive, if no budget is too small. */
static uint64_t
plan_group_demand(const struct plan_group *group)
{
	uint64_t total = 0;

	for (size_t i = 0; i < group->n_edges; i++)
		total += group->edges[i].labels * 1000000ull * PLAN_MILLI /
			 group->edges[i].interval_us;
	return total;
}

/* What its members may send, or receive, whichever is less; notes it for each of them. */
static uint64_t
plan_group_supply(struct plan_group *group)
{
	uint64_t out = 0, in = 0;

	for (size_t i = 0; i < group->n; i++) {
		struct plan_member *m = group->members[i];

		m->most_out = plan_member_out(m);
		m->most_in = plan_member_in(m);
		out += m->most_out;
		in += m->most_in;
	}
	return out < in ? out : in;
}

/* Probes become rarer until an eighth of the budgets is left, because slots do not fit exactly. */
static void
plan_place_shift(struct plan_group *group)
{
	uint64_t demand = plan_group_demand(group), supply = plan_group_supply(group);
	unsigned int shift = 0;

	while (shift < PLAN_SHIFT_MAX && demand >> shift > supply / 8 * 7)
		shift++;
	if (shift == group->shift)
		return;
	group->shift = shift;
	group->place_from = group->place_to = true;
	plan_group_stale(group);
	for (size_t i = 0; i < group->n_edges; i++) {
		struct plan_group *to = group->edges[i].to;

		to->place_from = to->place_to = true;
		plan_group_stale(to);
	}
}

/* The rate up to which a member has no more than its even share of the slots at these edges. */
static uint64_t
plan_place_even(const struct plan_group *group)
{
	uint64_t total = 0;

	for (size_t i = 0; i < group->n_edges; i++)
		for (unsigned int k = 0; k < group->edges[i].n_slots; k++)
			total += plan_slot_rate(group, &group->edges[i], k);
	return group->n ? total * 2 / group->n : 0;
}

static struct plan_want
plan_place_want(const struct plan *plan, const struct plan_edge *edge, unsigned int slot,
		uint64_t even)
{
	struct plan_want want = {.key = plan_slot_key(plan, edge, slot),
				 .rate = plan_slot_rate(edge->back->to, edge, slot)};

	want.even = even > want.rate ? even : want.rate;
	return want;
}

/* Sources. */

static struct plan_choice
plan_choose_from(const struct plan_group *group, const struct plan_edge *edge,
		 const struct plan_want *want)
{
	struct plan_choice choice = {.capped = PLAN_CAP_NO_PORT};

	for (size_t i = 0; i < group->n; i++) {
		struct plan_member *m = group->members[i];
		uint64_t load = m->out + want->rate, score = plan_mix(want->key ^ m->hash);

		if (choice.even && score <= choice.even_score)
			continue;
		if (edge->to->sole == m->address->nic->host)
			continue;
		choice.capped = PLAN_CAP_BUDGET_OUT;
		if (load <= m->most_out)
			plan_choose(&choice, m, score, load <= want->even);
	}
	return choice;
}

static bool
plan_nic_under(const struct plan_nic *nic, const char *tor)
{
	for (size_t i = 0; i < nic->n_tors; i++)
		if (strcmp(nic->tors[i], tor) == 0)
			return true;
	return false;
}

/* Whether it makes a difference to the choice of destinations in a group who the source is. */
static bool
plan_place_matters(const struct plan_group *group, const struct plan_member *from)
{
	const struct plan_node *host = from->address->nic->host;

	if (group->several_tors || from->address->nic->n_tors > 1)
		return true;
	for (size_t i = 0; i < host->n_nics; i++)
		if (plan_nic_under(&host->nics[i], group->tor))
			return true;
	return false;
}

static void
plan_slot_from(struct plan_slot *slot, const struct plan_edge *edge,
	       const struct plan_choice *choice, uint64_t rate)
{
	struct plan_member *m = choice->even ? choice->even : choice->any;

	if (m)
		m->out += rate;
	/* Else it is for the choice of the destination to say, now or the last time. */
	if (!m)
		slot->capped = choice->capped;
	if (m == slot->from)
		return;
	if (!m || !slot->from || plan_place_matters(edge->to, m) ||
	    plan_place_matters(edge->to, slot->from))
		edge->to->place_to = true;
	if (slot->from)
		slot->from->address->nic->host->stale = true;
	if (m)
		m->address->nic->host->stale = true;
	slot->from = m;
}

/* Notes for each member which slots it sends, in their order. */
static void
plan_place_chain(struct plan_group *group)
{
	for (size_t i = 0; i < group->n; i++)
		group->members[i]->first_slot = 0;
	for (size_t i = group->n_slots; i > 0; i--) {
		struct plan_slot *slot = &group->slots[i - 1];

		if (!slot->from)
			continue;
		slot->next = slot->from->first_slot;
		slot->from->first_slot = (uint32_t)i;
	}
}

static void
plan_place_from(const struct plan *plan, struct plan_group *group)
{
	uint64_t even = plan_place_even(group);

	for (size_t i = 0; i < group->n; i++)
		group->members[i]->out = 0;
	for (size_t i = 0; i < group->n_edges; i++)
		for (unsigned int k = 0; k < group->edges[i].n_slots; k++) {
			const struct plan_edge *edge = &group->edges[i];
			struct plan_want want = plan_place_want(plan, edge, k, even);
			struct plan_choice choice = plan_choose_from(group, edge, &want);

			plan_slot_from(&edge->slots[k], edge, &choice, want.rate);
		}
	plan_place_chain(group);
}

/* Destinations. */

/* Between ports of one host, or under one switch, nothing crosses the fabric. */
static bool
plan_place_crosses(const struct plan_nic *a, const struct plan_nic *b)
{
	if (a->host == b->host)
		return false;
	for (size_t i = 0; i < a->n_tors; i++)
		if (plan_nic_under(b, a->tors[i]))
			return false;
	return true;
}

static struct plan_choice
plan_choose_to(const struct plan_group *group, const struct plan_member *from,
	       const struct plan_want *want)
{
	struct plan_choice choice = {.capped = PLAN_CAP_NO_PORT};

	if (plan_nic_under(from->address->nic, group->tor))
		return choice;
	for (size_t i = 0; i < group->n; i++) {
		struct plan_member *m = group->members[i];
		uint64_t load = m->in + want->rate, score = plan_mix(want->key ^ m->hash);

		if (choice.even && score <= choice.even_score)
			continue;
		if (!plan_place_crosses(from->address->nic, m->address->nic))
			continue;
		choice.capped = PLAN_CAP_BUDGET_IN;
		if (load <= m->most_in)
			plan_choose(&choice, m, score, load <= want->even);
	}
	return choice;
}

static void
plan_slot_to(const struct plan_group *group, struct plan_slot *slot, const struct plan_want *want)
{
	struct plan_choice choice = plan_choose_to(group, slot->from, want);
	struct plan_member *m = choice.even ? choice.even : choice.any;

	if (m)
		m->in += want->rate;
	slot->capped = m ? 0 : choice.capped;
	if (m != slot->to)
		slot->from->address->nic->host->stale = true;
	slot->to = m;
}

static void
plan_place_to(const struct plan *plan, struct plan_group *group)
{
	uint64_t even = plan_place_even(group);

	for (size_t i = 0; i < group->n; i++)
		group->members[i]->in = 0;
	for (size_t i = 0; i < group->n_edges; i++) {
		const struct plan_edge *edge = group->edges[i].back;

		for (unsigned int k = 0; k < edge->n_slots; k++) {
			struct plan_want want = plan_place_want(plan, edge, k, even);

			if (edge->slots[k].from)
				plan_slot_to(group, &edge->slots[k], &want);
			else
				edge->slots[k].to = NULL;
		}
	}
}

void
plan_place(struct plan *plan)
{
	for (size_t i = 0; i < plan->n_groups; i++) {
		if (plan->groups[i]->dirty)
			plan_place_shift(plan->groups[i]);
		plan->groups[i]->dirty = false;
	}
	for (size_t i = 0; i < plan->n_groups; i++) {
		if (plan->groups[i]->place_from)
			plan_place_from(plan, plan->groups[i]);
		plan->groups[i]->place_from = false;
	}
	for (size_t i = 0; i < plan->n_groups; i++) {
		if (plan->groups[i]->place_to)
			plan_place_to(plan, plan->groups[i]);
		plan->groups[i]->place_to = false;
	}
}

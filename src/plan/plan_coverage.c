/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the lists reach, counted from the slots as they were placed, and what is wrong with what
 * hosts have registered.
 */
#include <string.h>

#include "plan/coupon.h"
#include "plan/plan_impl.h"

/* Tuples of one edge, and their rate in thousandths of a probe a second. */
struct plan_sum {
	unsigned int tuples, capped;
	double rate;
};

static void
plan_sum_edge(struct plan_sum *sum, const struct plan_edge *edge)
{
	const struct plan_group *from = edge->back->to;
	uint64_t interval = plan_edge_interval_us(from, edge);

	if (interval != edge->interval_us)
		sum->capped |= PLAN_CAP_RATE;
	for (unsigned int k = 0; k < edge->n_slots; k++) {
		const struct plan_slot *slot = &edge->slots[k];
		unsigned int tuples = 0;

		sum->capped |= slot->capped;
		if (slot->from && slot->to)
			tuples = plan_slot_tuples(edge, k);
		if (tuples && tuples < plan_edge_slot_labels(edge, k))
			sum->capped |= PLAN_CAP_SOURCE_PORTS;
		sum->tuples += tuples;
		sum->rate += tuples * 1e6 / (double)interval;
	}
}

static uint64_t
plan_coverage_mesh_us(const struct plan_group *group)
{
	uint64_t most = 0;

	for (size_t i = 0; i < group->n; i++) {
		const struct plan_nic *nic = group->members[i]->address->nic;
		uint64_t interval = nic->n_mesh ? plan_mesh_interval_us(nic, nic) : 0;

		most = interval > most ? interval : most;
	}
	return most;
}

static void
plan_coverage_fabric(const struct plan_group *group, struct plan_coverage *c)
{
	struct plan_sum out = {0}, in = {0};

	for (size_t i = 0; i < group->n_edges; i++) {
		plan_sum_edge(&out, &group->edges[i]);
		plan_sum_edge(&in, group->edges[i].back);
	}
	c->capped = out.capped | in.capped;
	c->out = out.tuples;
	c->in = in.tuples;
	c->all_out = coupon_all(group->paths, out.tuples);
	c->all_in = coupon_all(group->paths, in.tuples);
	c->share_out = coupon_share(group->paths, out.tuples);
	c->share_in = coupon_share(group->paths, in.tuples);
	c->rate_out = out.rate / group->paths;
	c->rate_in = in.rate / group->paths;
}

static struct plan_coverage
plan_coverage_group(const struct plan_group *group, const struct plan_plane *plane)
{
	struct plan_coverage c = {.tor = group->tor, .rail = group->rail, .v6 = group->v6,
				  .ports = group->n, .paths = group->paths,
				  .wanted = plane->n > 1 ? group->tuples : 0,
				  .partners = (unsigned int)group->n_edges,
				  .others = (unsigned int)(plane->n - 1),
				  .hours = plane->period == PLAN_TURN ? 0 : plane->period};

	plan_coverage_fabric(group, &c);
	c.mesh_interval_us = plan_coverage_mesh_us(group);
	if (group->mesh_mask)
		c.capped |= PLAN_CAP_MESH;
	return c;
}

void
plan_coverage(const struct plan *plan,
	      void (*each)(void *arg, const struct plan_coverage *coverage), void *arg)
{
	for (size_t i = 0; i < plan->n_groups;) {
		struct plan_plane plane = plan_fabric_plane(plan, i);

		for (; i < plane.first + plane.n; i++) {
			struct plan_coverage c = plan_coverage_group(plan->groups[i], &plane);

			each(arg, &c);
		}
	}
}

void
plan_coverage_pairs(const struct plan *plan,
		    void (*each)(void *arg, const struct plan_coverage_pair *pair), void *arg)
{
	for (size_t i = 0; i < plan->n_groups; i++)
		for (size_t k = 0; k < plan->groups[i]->n_edges; k++) {
			const struct plan_group *group = plan->groups[i];
			const struct plan_edge *edge = &group->edges[k];
			struct plan_sum sum = {0};
			struct plan_coverage_pair pair = {.tor = group->tor, .rail = group->rail,
							  .other = edge->to->tor, .v6 = group->v6,
							  .paths = group->paths};

			plan_sum_edge(&sum, edge);
			pair.tuples = sum.tuples;
			pair.capped = sum.capped;
			pair.rate = sum.rate;
			pair.share = coupon_share(pair.paths, sum.tuples);
			each(arg, &pair);
		}
}

/* Problems. */

struct plan_problems {
	const struct plan *plan;
	void (*each)(void *arg, const struct plan_problem *problem);
	void *arg;
};

static void
plan_problem_say(const struct plan_problems *p, enum plan_problem_kind kind,
		 const struct plan_nic *nic, const struct plan_address *address)
{
	struct plan_problem problem = {.kind = kind, .host = nic->host->name,
				       .device = nic->device, .port = nic->port};

	if (address)
		problem.address = &address->addr;
	if (kind == PLAN_DUPLICATE) {
		const struct plan_address *holder = plan_holder(p->plan, &address->addr);

		problem.holder = holder->nic->host->name;
		problem.holder_device = holder->nic->device;
	}
	p->each(p->arg, &problem);
}

static void
plan_problems_nic(const struct plan_problems *p, const struct plan_nic *nic)
{
	if (!nic->n_tors)
		plan_problem_say(p, PLAN_NO_TOR, nic, NULL);
	if (!nic->n_addresses)
		plan_problem_say(p, PLAN_NO_ADDRESS, nic, NULL);
	for (size_t i = 0; i < nic->n_addresses; i++) {
		const struct plan_address *a = &nic->addresses[i];

		if (!a->used)
			plan_problem_say(p, plan_holder(p->plan, &a->addr) ? PLAN_DUPLICATE
									   : PLAN_UNUSABLE,
					 nic, a);
	}
}

void
plan_problems(const struct plan *plan,
	      void (*each)(void *arg, const struct plan_problem *problem), void *arg)
{
	struct plan_problems p = {plan, each, arg};

	for (size_t i = 0; i < plan->n_nodes; i++)
		for (size_t k = 0; k < plan->nodes[i]->n_nics; k++)
			plan_problems_nic(&p, &plan->nodes[i]->nics[k]);
}

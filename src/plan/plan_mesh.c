/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ToR mesh. It is nowhere stored: a pair probes each other under the first ToR at which they
 * are near each other, if they belong to two hosts. Kept is only how many targets a port has.
 */
#include <errno.h>
#include <stdlib.h>

#include "plan/plan_impl.h"

/* Thousandths of a probe a second that a port sends into its mesh, and answers there. */
static uint64_t
plan_mesh_out(const struct plan_nic *nic)
{
	uint64_t half = (uint64_t)nic->budget_out * PLAN_MILLI / 2;

	return half < PLAN_TOR_RATE * PLAN_MILLI ? half : PLAN_TOR_RATE * PLAN_MILLI;
}

static uint64_t
plan_mesh_in(const struct plan_nic *nic)
{
	uint64_t half = (uint64_t)nic->budget_in * PLAN_MILLI / 2;
	uint64_t most = (uint64_t)2 * PLAN_TOR_RATE * PLAN_MILLI;

	return half < most ? half : most;
}

uint64_t
plan_member_out(const struct plan_member *member)
{
	const struct plan_nic *nic = member->address->nic;

	return ((uint64_t)nic->budget_out * PLAN_MILLI - plan_mesh_out(nic)) / nic->n_on;
}

uint64_t
plan_member_in(const struct plan_member *member)
{
	const struct plan_nic *nic = member->address->nic;

	return ((uint64_t)nic->budget_in * PLAN_MILLI - plan_mesh_in(nic)) / nic->n_on;
}

struct plan_near
plan_mesh_near_to(const struct plan_member *m)
{
	const struct plan_group *group = m->group;
	size_t mesh = group ? m->hash & group->mesh_mask : 0;

	if (!group || !group->near || !group->near_first)
		return (struct plan_near){.n = 0};
	return (struct plan_near){group->near + group->near_first[mesh],
				  group->near_first[mesh + 1] - group->near_first[mesh]};
}

bool
plan_mesh_pair(const struct plan_member *from, const struct plan_close *to, uint64_t pass)
{
	const struct plan_nic *nic = from->address->nic;
	struct plan_address *address;

	/* Its own host first: of a host with many ports, that spares most of the time. */
	if (to->host == nic->host || to->member->group != from->group)
		return false;
	address = to->member->address;
	if (nic->n_tors > 1 && address->counted == pass)
		return false;
	if (nic->n_tors > 1)
		address->counted = pass;
	return true;
}

uint64_t
plan_mesh_pass(const struct plan *plan)
{
	return ++*plan->passes;
}

/* Between two probes to, or from, one of its targets; PLAN_INTERVAL_MAX_US + 1: too rare. */
static uint64_t
plan_mesh_every_us(const struct plan_nic *nic, uint64_t rate)
{
	uint64_t us = rate ? (nic->n_mesh * 1000000u * PLAN_MILLI + rate - 1) / rate : UINT64_MAX;

	return us > PLAN_INTERVAL_MAX_US ? PLAN_INTERVAL_MAX_US + 1 : us;
}

/*
 * Between two probes to one target; 0: none at all, because they would be too rare. Neither does
 * the source send more than its share, nor the target answer more than its.
 */
uint64_t
plan_mesh_interval_us(const struct plan_nic *from, const struct plan_nic *to)
{
	uint64_t us = from->mesh_out_us > to->mesh_in_us ? from->mesh_out_us : to->mesh_in_us;

	return us > PLAN_INTERVAL_MAX_US ? 0 : us;
}

/*
 * How many pairs there are for the members of the port: each address counts once for each of ours,
 * however many ToRs they share.
 */
static uint64_t
plan_mesh_count(const struct plan *plan, const struct plan_nic *nic)
{
	uint64_t n = 0, pass = 0;

	for (size_t i = 0; i < nic->n_members; i++) {
		struct plan_near near = plan_mesh_near_to(&nic->members[i]);

		if (i % nic->n_tors == 0) /* our next address */
			pass = plan_mesh_pass(plan);
		for (size_t k = 0; k < near.n; k++)
			n += plan_mesh_pair(&nic->members[i], &near.members[k], pass);
	}
	return n;
}

/* If the port has more or fewer targets, all that share any ToR with it may probe it rarer. */
static void
plan_mesh_recount(struct plan *plan, struct plan_nic *nic)
{
	uint64_t n;

	if (nic->counted == plan->runs)
		return;
	nic->counted = plan->runs;
	n = plan_mesh_count(plan, nic);
	if (n == nic->n_mesh)
		return;
	nic->n_mesh = n;
	nic->mesh_out_us = plan_mesh_every_us(nic, plan_mesh_out(nic));
	nic->mesh_in_us = plan_mesh_every_us(nic, plan_mesh_in(nic));
	for (size_t i = 0; i < nic->n_members; i++)
		if (nic->members[i].group)
			nic->members[i].group->stale = true;
}

static void
plan_mesh_group(struct plan_group *group)
{
	group->sole = group->n ? group->members[0]->address->nic->host : NULL;
	group->several_tors = false;
	for (size_t i = 0; i < group->n; i++) {
		const struct plan_nic *nic = group->members[i]->address->nic;

		group->several_tors = group->several_tors || nic->n_tors > 1;
		if (nic->host != group->sole)
			group->sole = NULL;
	}
	group->stale = true;
}

/* Divides the members: those that are near each other come together, in the order of members. */
static int
plan_mesh_divide(struct plan_group *group)
{
	uint32_t mask = 0;
	size_t *first;

	while (group->n / (mask + 1) > PLAN_MESH)
		mask = mask * 2 + 1;
	free(group->near);
	free(group->near_first);
	group->mesh_mask = mask;
	group->near = calloc(group->n + 1, sizeof(*group->near));
	group->near_first = first = calloc((size_t)mask + 3, sizeof(*first));
	if (!group->near || !first)
		return -ENOMEM;
	/* first[b + 1] is moved on to the begin of b + 1 while members of b come. */
	for (size_t i = 0; i < group->n; i++)
		first[(group->members[i]->hash & mask) + 2]++;
	for (size_t b = 2; b < (size_t)mask + 3; b++)
		first[b] += first[b - 1];
	for (size_t i = 0; i < group->n; i++) {
		struct plan_member *m = group->members[i];

		group->near[first[(m->hash & mask) + 1]++] =
			(struct plan_close){m, m->address->nic->host};
	}
	return 0;
}

int
plan_mesh_update(struct plan *plan)
{
	plan->runs++;
	for (size_t i = 0; i < plan->n_groups; i++) {
		struct plan_group *group = plan->groups[i];
		const struct plan_node *sole = group->sole;

		if (!group->dirty)
			continue;
		plan_mesh_group(group);
		if (plan_mesh_divide(group))
			return -ENOMEM;
		/* Whether a source has somebody to probe there depends on it. */
		for (size_t k = 0; group->sole != sole && k < group->n_edges; k++)
			group->edges[k].to->place_from = true;
	}
	for (size_t i = 0; i < plan->n_groups; i++)
		for (size_t k = 0; plan->groups[i]->dirty && k < plan->groups[i]->n; k++)
			plan_mesh_recount(plan, plan->groups[i]->members[k]->address->nic);
	for (size_t i = 0; i < plan->n_groups; i++) {
		if (plan->groups[i]->stale)
			plan_group_stale(plan->groups[i]);
		plan->groups[i]->stale = false;
	}
	return 0;
}

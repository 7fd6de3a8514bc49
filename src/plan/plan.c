/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The planner. Its objects:
 *
 * plan ==> nodes (hosts) ==> nics (ports) ==> addresses, members
 *      ==> groups ==> edges ==> slots
 *
 * A member is an address of a port under one of its ToRs. A group has the members of one ToR, one
 * address family and, if rails are isolated, one rail. It is the ToR mesh; groups of a plane, which
 * is all ToRs of one family and rail, are connected by edges in both directions. An edge consists
 * of slots of a few tuples each. A slot gets a member at either end: "placing".
 *
 * A run repeats only what depends on something that has changed: the edges, if a group has come or
 * gone or another hour begun; the sources of the slots of a group, if its members have changed; the
 * destinations in a group, if its members or the sources of slots towards it have. Each step is a
 * pure function of what it depends on, so a run after any history gives what a new planner gives.
 *
 * A host that leaves is freed at the end of the next run, because slots point at it until then.
 */
#include "plan/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/siphash.h"
#include "plan/coupon.h"
#include "plan/plan_impl.h"

uint64_t
plan_hash(const void *data, size_t n)
{
	static const uint8_t key[SIPHASH_KEY] = "rpingmesh plan 1";

	return siphash(key, data, n);
}

uint64_t
plan_hash_text(uint64_t seed, const char *text)
{
	return plan_mix(plan_hash(text, strlen(text)) + seed * 0x9e3779b97f4a7c15u);
}

int
plan_new(const struct plan_options *options, struct plan **out)
{
	struct plan *plan;

	if (options->paths < 1 || options->paths > COUPON_MAX || options->n_classes > PLAN_CLASSES)
		return -EINVAL;
	plan = calloc(1, sizeof(*plan));
	if (!plan)
		return -ENOMEM;
	plan->passes = calloc(1, sizeof(*plan->passes));
	if (!plan->passes) {
		free(plan);
		return -ENOMEM;
	}
	plan->options = *options;
	*out = plan;
	return 0;
}

static void
plan_free_gone(struct plan *plan)
{
	while (plan->gone) {
		struct plan_node *node = plan->gone;

		plan->gone = node->next_gone;
		plan_node_free(node);
	}
}

void
plan_free(struct plan *plan)
{
	if (!plan)
		return;
	plan_free_gone(plan);
	for (size_t i = 0; i < plan->n_nodes; i++)
		plan_node_free(plan->nodes[i]);
	for (size_t i = 0; i < plan->n_groups; i++)
		plan_group_free(plan->groups[i]);
	free(plan->nodes);
	free(plan->groups);
	free(plan->index);
	free(plan->passes);
	free(plan);
}

static void
plan_take_out(struct plan *plan, size_t at)
{
	struct plan_node *node = plan->nodes[at];

	memmove(plan->nodes + at, plan->nodes + at + 1,
		(--plan->n_nodes - at) * sizeof(*plan->nodes));
	plan_node_leave(plan, node);
}

int
plan_put(struct plan *plan, const struct plan_host *host)
{
	struct plan_node *node, *old;
	size_t at;
	int err = plan_node_new(host, &node);

	if (err)
		return err;
	old = plan_find(plan, node->name, &at);
	if (old && plan_node_same(old, node)) {
		plan_node_free(node);
		return 0;
	}
	if (old) {
		node->generation = old->generation;
		plan_take_out(plan, at);
	}
	node->stale = true;
	err = plan_insert((void ***)&plan->nodes, &plan->n_nodes, &plan->nodes_room, at, node);
	if (err) {
		plan_node_free(node);
		return err;
	}
	err = plan_node_enter(plan, node);
	if (err)
		plan_take_out(plan, at);
	return err;
}

void
plan_remove(struct plan *plan, const char *host)
{
	size_t at;

	if (plan_find(plan, host, &at))
		plan_take_out(plan, at);
}

void
plan_paths_changed(struct plan *plan)
{
	plan->rebuild = true;
}

/* Hosts whose maintenance has begun or ended. */
static int
plan_drain(struct plan *plan, uint64_t now_s)
{
	for (size_t i = 0; i < plan->n_nodes; i++) {
		struct plan_node *node = plan->nodes[i];
		bool on = now_s >= node->drained_until_s;

		if (on == node->on)
			continue;
		if (plan_node_on(plan, node, on)) {
			(void)plan_node_on(plan, node, false);
			return -ENOMEM;
		}
	}
	return 0;
}

bool
plan_next(struct plan *plan, void (*changed)(void *arg, const char *host), void *arg)
{
	struct plan_node *node;
	uint64_t generation;

	while (plan->next < plan->n_nodes && !plan->nodes[plan->next]->stale)
		plan->next++;
	if (plan->next >= plan->n_nodes)
		return false;
	node = plan->nodes[plan->next++];
	node->stale = false;
	generation = plan_node_list(plan, node, NULL, NULL);
	if (generation == node->generation)
		return true;
	node->generation = generation;
	changed(arg, node->name);
	return true;
}

int
plan_begin(struct plan *plan, uint64_t now_s)
{
	int err = plan_drain(plan, now_s);

	plan->next = plan->n_nodes;
	if (err)
		return err;
	plan->rebuild = plan->rebuild || plan->hour != now_s / 3600;
	plan->hour = now_s / 3600;
	if (plan->rebuild) {
		err = plan_fabric_build(plan);
		if (err)
			return err;
		plan->rebuild = false;
	}
	err = plan_mesh_update(plan);
	if (err)
		return err;
	plan_place(plan);
	plan_free_gone(plan);
	plan->next = 0;
	return 0;
}

int
plan_run(struct plan *plan, uint64_t now_s, void (*changed)(void *arg, const char *host),
	 void *arg)
{
	int err = plan_begin(plan, now_s);

	while (!err && plan_next(plan, changed, arg))
		;
	return err;
}

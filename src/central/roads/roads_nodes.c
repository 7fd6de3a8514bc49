/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, links, and lists of routers. */
#include <stdlib.h>

#include "central/roads/roads_impl.h"

/* ---- nodes ---- */

struct roads_node *
roads_node_at(const struct roads *r, uint32_t node)
{
	return roads_pool_at(&r->nodes, node);
}

uint32_t
roads_node_get(struct roads *r, const struct addr *a)
{
	uint32_t id = roads_pool_find(&r->nodes, a);

	if (!id)
		id = roads_pool_add(&r->nodes, a);
	if (id)
		roads_node_at(r, id)->refs++;
	return id;
}

void
roads_node_put(struct roads *r, uint32_t node)
{
	struct roads_node *n;

	if (!node)
		return;
	n = roads_node_at(r, node);
	if (--n->refs)
		return;
	roads_name_put(r, n->claim.name);
	roads_name_put(r, n->dns);
	roads_pool_remove(&r->nodes, node);
}

/* Its first step makes a node a router. */
static int
roads_node_step(struct roads *r, uint32_t node, int steps)
{
	struct roads_node *n = roads_node_at(r, node);
	bool was = n->steps;

	n->steps += (uint32_t)steps;
	if (was == (n->steps != 0))
		return 0;
	r->hops += (uint32_t)steps;
	return roads_name_node(r, node);
}

/* ---- links ---- */

struct roads_edge *
roads_edge_at(const struct roads *r, uint32_t edge)
{
	return roads_pool_at(&r->edges, edge);
}

uint32_t
roads_edge_get(struct roads *r, uint32_t from, uint32_t to)
{
	const struct roads_edge_key key = {from, to};
	uint32_t id = roads_pool_find(&r->edges, &key);

	if (!id) {
		id = roads_pool_add(&r->edges, &key);
		if (!id)
			return 0;
		roads_node_at(r, from)->refs++;
		roads_node_at(r, to)->refs++;
	}
	roads_edge_at(r, id)->refs++;
	return id;
}

void
roads_edge_put(struct roads *r, uint32_t edge)
{
	struct roads_edge_key key;

	if (!edge || --roads_edge_at(r, edge)->refs)
		return;
	key = roads_edge_at(r, edge)->key;
	roads_pool_remove(&r->edges, edge);
	r->forgotten++;
	roads_node_put(r, key.from);
	roads_node_put(r, key.to);
}

/* ---- steps ---- */

struct roads_step *
roads_step_at(const struct roads *r, uint32_t step)
{
	return roads_pool_at(&r->steps, step);
}

/* Gives up what a step refers to, but not the step before it. */
static void
roads_step_clear(struct roads *r, uint32_t step)
{
	const struct roads_step s = *roads_step_at(r, step);

	roads_edge_put(r, s.link);
	if (s.key.node) {
		roads_node_step(r, s.key.node, -1);
		roads_node_put(r, s.key.node);
	}
	roads_pool_remove(&r->steps, step);
}

/* Ends steps that nobody refers to. */
static void
roads_step_drop(struct roads *r, uint32_t step)
{
	while (step && !roads_step_at(r, step)->refs) {
		uint32_t before = roads_step_at(r, step)->key.before;

		roads_step_clear(r, step);
		if (before)
			roads_step_at(r, before)->refs--;
		step = before;
	}
}

void
roads_step_put(struct roads *r, uint32_t step)
{
	if (!step)
		return;
	roads_step_at(r, step)->refs--;
	roads_step_drop(r, step);
}

/* A new step; it takes over the reference to its node. Returns 0 if there is no memory. */
static uint32_t
roads_step_new(struct roads *r, const struct roads_step_key *key)
{
	uint32_t id = roads_pool_add(&r->steps, key);
	uint32_t from = key->before ? roads_step_at(r, key->before)->key.node : 0;

	if (!id) {
		roads_node_put(r, key->node);
		return 0;
	}
	if (key->before)
		roads_step_at(r, key->before)->refs++;
	if (from && key->node)
		roads_step_at(r, id)->link = roads_edge_get(r, from, key->node);
	if ((!key->node || roads_node_step(r, key->node, 1) == 0) &&
	    (!from || !key->node || roads_step_at(r, id)->link))
		return id;
	roads_step_clear(r, id);
	if (key->before) /* it is the caller's to drop */
		roads_step_at(r, key->before)->refs--;
	return 0;
}

/* The step that leads from `before` to this address. Returns 0 if there is no memory. */
static uint32_t
roads_step_to(struct roads *r, uint32_t before, const struct addr *a)
{
	struct roads_step_key key = {.before = before};
	uint32_t id;

	if (!addr_is_zero(a)) {
		key.node = roads_node_get(r, a);
		if (!key.node)
			return 0;
	}
	id = roads_pool_find(&r->steps, &key);
	if (!id)
		return roads_step_new(r, &key);
	roads_node_put(r, key.node);
	return id;
}

uint32_t
roads_step_get(struct roads *r, const struct paths_path *path)
{
	uint32_t id = 0, next;

	for (size_t i = 0; i < path->n_hops; i++, id = next) {
		next = roads_step_to(r, id, &path->hops[i]);
		if (next)
			continue;
		roads_step_drop(r, id);
		return 0;
	}
	if (id)
		roads_step_at(r, id)->refs++;
	return id;
}

uint32_t
roads_steps(const struct roads *r, uint32_t step, uint32_t out[PATHS_HOPS_MAX])
{
	uint32_t n = 0, at;

	for (at = step; at; at = roads_step_at(r, at)->key.before)
		n++;
	for (at = step; at; at = roads_step_at(r, at)->key.before)
		out[--n] = at;
	for (at = step; at; at = roads_step_at(r, at)->key.before)
		n++;
	return n;
}

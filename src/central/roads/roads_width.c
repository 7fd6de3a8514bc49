/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: widths
 *
 * Of each ToR, the distinct routers that good paths from it cross in their upward half: those
 * behind the first router, up to the middle. In a Clos, the number of the uppermost ones is the
 * number of paths; parallel cables count if the routers answer from the address of the cable.
 *
 * Rounds look at all paths, some in each tick. At the end of a round it is known how many tuples
 * have been traced from each ToR, and routers that no path has crossed for an hour are forgotten.
 * If there were one router more, that many tuples would have found it with the probability that
 * the plan promises; otherwise the width is not known.
 */
#include <stdlib.h>

#include "central/roads/roads_impl.h"

#define ROADS_WIDTH_PATHS 20000u  /* of a tick */
#define ROADS_WIDTH_ROUND_S 10u
#define ROADS_WIDTH_KEEP_S 3600u
#define ROADS_WIDTH_PROBABILITY 0.99

static struct roads_tor *
roads_tor_at(const struct roads *r, uint32_t tor)
{
	return roads_pool_at(&r->tors, tor);
}

/* Returns 0 if there is no memory. */
static uint32_t
roads_tor_get(struct roads *r, uint32_t name)
{
	const struct roads_tor_key key = {name};
	uint32_t id = roads_pool_find(&r->tors, &key);

	if (id)
		return id;
	id = roads_pool_add(&r->tors, &key);
	if (id)
		roads_name_at(r, name)->refs++;
	return id;
}

static uint32_t
roads_widest(const struct roads_tor *tor, int family)
{
	uint32_t most = 0;

	for (size_t i = 0; i < ROADS_UP; i++)
		if (tor->routers[family][i] > most)
			most = tor->routers[family][i];
	return most < COUPON_MAX ? most : COUPON_MAX;
}

/* Whether so many tuples would have shown a path more. */
static bool
roads_enough(struct roads *r, uint32_t width, uint32_t tuples)
{
	uint32_t n = width < COUPON_MAX ? width + 1 : COUPON_MAX;

	if (!r->need[n])
		r->need[n] = coupon_tuples(n, ROADS_WIDTH_PROBABILITY);
	return width && tuples >= r->need[n];
}

static void
roads_set_width(struct roads *r, struct roads_tor *tor, uint32_t width)
{
	uint32_t was = tor->width ? tor->width : r->default_width;

	tor->width = width;
	if ((width ? width : r->default_width) != was && r->ops.width)
		r->ops.width(r->ops.arg);
}

/* The width grows at once. */
static void
roads_grow(struct roads *r, struct roads_tor *tor)
{
	uint32_t v4 = roads_widest(tor, 0), v6 = roads_widest(tor, 1);
	uint32_t seen = v4 > v6 ? v4 : v6;

	if (seen > (tor->width ? tor->width : r->default_width))
		roads_set_width(r, tor, seen);
}

static void
roads_saw(struct roads *r, uint32_t tor, uint32_t node, uint32_t at)
{
	struct roads_tor *t = roads_tor_at(r, tor);
	struct roads_seen_key key = {t->key.tor, node, at};
	uint32_t id = roads_pool_find(&r->seen, &key);
	struct roads_node *n = roads_node_at(r, node);

	if (!id) {
		id = roads_pool_add(&r->seen, &key);
		if (!id)
			return;
		n->refs++;
		t->routers[!addr_is_v4(&n->key)][at]++;
	}
	((struct roads_seen *)roads_pool_at(&r->seen, id))->time_s = r->now_s;
}

/*
 * Notes the routers of a good path. Returns the ToR, or 0. If the number of routers was wrong, then
 * the last one is no ToR; but then several ToRs claim it, so it gets the name of none.
 */
static uint32_t
roads_look(struct roads *r, const struct roads_way *w)
{
	const struct roads_node *source = roads_node_at(r, w->key.source);
	uint32_t steps[PATHS_HOPS_MAX], tor, n;

	if ((w->flags & ROADS_GOOD) != ROADS_GOOD)
		return 0;
	n = roads_steps(r, w->step, steps);
	roads_name_claim(r, roads_step_at(r, steps[0])->key.node, source);
	roads_name_claim(r, roads_step_at(r, steps[n - 1])->key.node,
			 roads_node_at(r, w->key.destination));
	if (n < 3 || !source->tor)
		return 0;
	tor = roads_tor_get(r, source->tor);
	for (uint32_t i = 1; tor && i <= (n - 1) / 2; i++)
		roads_saw(r, tor, roads_step_at(r, steps[i])->key.node, i);
	return tor;
}

void
roads_width_saw(struct roads *r, const struct roads_way *w)
{
	uint32_t tor = roads_look(r, w);

	if (tor)
		roads_grow(r, roads_tor_at(r, tor));
}

/* ---- the end of a round ---- */

static void
roads_seen_end(struct roads *r, uint32_t id)
{
	const struct roads_seen s = *(struct roads_seen *)roads_pool_at(&r->seen, id);
	const struct roads_tor_key key = {s.key.tor};
	uint32_t tor = roads_pool_find(&r->tors, &key);

	roads_tor_at(r, tor)->routers[!addr_is_v4(&roads_node_at(r, s.key.node)->key)][s.key.at]--;
	roads_pool_remove(&r->seen, id);
	roads_node_put(r, s.key.node);
}

static void
roads_forget_seen(struct roads *r)
{
	for (uint32_t id = 0; (id = roads_pool_after(&r->seen, id));)
		if (r->now_s - ((struct roads_seen *)roads_pool_at(&r->seen, id))->time_s >
		    ROADS_WIDTH_KEEP_S)
			roads_seen_end(r, id);
}

static void
roads_round_tor(struct roads *r, uint32_t id)
{
	struct roads_tor *tor = roads_tor_at(r, id);
	uint32_t width = 0;

	for (int i = 0; i < 2; i++) {
		uint32_t seen = roads_widest(tor, i);

		tor->tuples[i] = tor->counting[i];
		tor->counting[i] = 0;
		if (seen > width && roads_enough(r, seen, tor->tuples[i]))
			width = seen;
	}
	if (width)
		roads_set_width(r, tor, width);
	roads_grow(r, tor);
}

/* Whether nothing is known of it any more. */
static bool
roads_tor_is_empty(const struct roads_tor *tor)
{
	return !tor->tuples[0] && !tor->tuples[1] && !roads_widest(tor, 0) && !roads_widest(tor, 1);
}

static void
roads_tor_end(struct roads *r, uint32_t id)
{
	roads_name_put(r, roads_tor_at(r, id)->key.tor);
	roads_pool_remove(&r->tors, id);
}

static void
roads_round_end(struct roads *r)
{
	roads_forget_seen(r);
	for (uint32_t id = 0; (id = roads_pool_after(&r->tors, id));) {
		roads_round_tor(r, id);
		if (roads_tor_is_empty(roads_tor_at(r, id)))
			roads_tor_end(r, id);
	}
}

void
roads_width_tick(struct roads *r)
{
	if (!r->cursor && r->now_s - r->round_s < ROADS_WIDTH_ROUND_S)
		return;
	if (!r->cursor)
		r->round_s = r->now_s;
	for (uint32_t i = 0; i < ROADS_WIDTH_PATHS; i++) {
		const struct roads_way *w;
		uint32_t tor;

		r->cursor = roads_pool_after(&r->ways, r->cursor);
		if (!r->cursor) {
			roads_round_end(r);
			return;
		}
		w = roads_way_at(r, r->cursor);
		tor = roads_look(r, w);
		if (tor)
			roads_tor_at(r, tor)
				->counting[!addr_is_v4(&roads_node_at(r, w->key.source)->key)]++;
	}
}

void
roads_width_free(struct roads *r)
{
	for (uint32_t id; (id = roads_pool_after(&r->seen, 0));)
		roads_seen_end(r, id);
	for (uint32_t id; (id = roads_pool_after(&r->tors, 0));)
		roads_tor_end(r, id);
}

uint32_t
roads_width(const struct roads *r, const char *tor)
{
	const struct roads_name_key name = roads_key(tor);
	const struct roads_tor_key key = {roads_pool_find(&r->names, &name)};
	uint32_t id = key.tor ? roads_pool_find(&r->tors, &key) : 0;

	return id ? roads_tor_at(r, id)->width : 0;
}

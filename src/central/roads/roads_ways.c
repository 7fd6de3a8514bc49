/* SPDX-License-Identifier: Apache-2.0 */
/* The paths. */
#include <errno.h>
#include <string.h>

#include "central/roads/roads_impl.h"
#include "core/clock.h"

struct roads_way *
roads_way_at(const struct roads *r, uint32_t way)
{
	return roads_pool_at(&r->ways, way);
}

/* ---- what a path refers to ---- */

/*
 * So long after its last trace a good path may stand in for one of which not all is known. Agents
 * trace again after five minutes, and publish what has not changed as often.
 */
#define ROADS_BEFORE_S 1800

/* The path as it is, or the last one that was good, which had reached its end. */
enum roads_which { ROADS_NOW, ROADS_BEFORE };

/* Its links to the first router, and from the last one; NULL: it has no such link. */
struct roads_ends {
	uint32_t first[2], last[2];
};

static uint32_t
roads_step_of(const struct roads_way *w, enum roads_which which)
{
	return which == ROADS_BEFORE ? w->before : w->step;
}

static void
roads_ends_of(const struct roads *r, const struct roads_way *w, enum roads_which which,
	      struct roads_ends *out)
{
	uint32_t steps[PATHS_HOPS_MAX];
	uint32_t n = roads_steps(r, roads_step_of(w, which), steps);
	bool reached = which == ROADS_BEFORE || (w->flags & ROADS_REACHED);

	out->first[0] = w->key.source;
	out->first[1] = roads_step_at(r, steps[0])->key.node;
	out->last[0] = reached ? roads_step_at(r, steps[n - 1])->key.node : 0;
	out->last[1] = w->key.destination;
}

/* *edge becomes 0 if one of the ends is not known. Returns false: no memory. */
static bool
roads_hold_edge(struct roads *r, const uint32_t ends[2], uint32_t *edge)
{
	*edge = ends[0] && ends[1] ? roads_edge_get(r, ends[0], ends[1]) : 0;
	return *edge || !ends[0] || !ends[1];
}

static void
roads_release_edge(struct roads *r, const uint32_t ends[2])
{
	const struct roads_edge_key key = {ends[0], ends[1]};

	roads_edge_put(r, ends[0] && ends[1] ? roads_pool_find(&r->edges, &key) : 0);
}

/* Takes references to the links at both ends of a list of routers. */
static int
roads_hold(struct roads *r, struct roads_way *w)
{
	struct roads_ends ends;

	roads_ends_of(r, w, ROADS_NOW, &ends);
	if (!roads_hold_edge(r, ends.first, &w->first))
		return -ENOMEM;
	if (roads_hold_edge(r, ends.last, &w->last))
		return 0;
	roads_release_edge(r, ends.first);
	return -ENOMEM;
}

/* Gives them up, and the list. */
static void
roads_release(struct roads *r, const struct roads_way *w, enum roads_which which)
{
	struct roads_ends ends;

	if (!roads_step_of(w, which))
		return;
	roads_ends_of(r, w, which, &ends);
	roads_release_edge(r, ends.first);
	roads_release_edge(r, ends.last);
	roads_step_put(r, roads_step_of(w, which));
}

/* ---- counting ---- */

static uint32_t
roads_find_edge(const struct roads *r, const uint32_t ends[2])
{
	return roads_pool_find(&r->edges, &(struct roads_edge_key){ends[0], ends[1]});
}

/* The links at both ends of the last good list of routers. */
static void
roads_find_ends(const struct roads *r, const struct roads_way *w, uint32_t out[2])
{
	struct roads_ends ends;

	roads_ends_of(r, w, ROADS_BEFORE, &ends);
	out[0] = roads_find_edge(r, ends.first);
	out[1] = roads_find_edge(r, ends.last);
}

/* The links of a list of routers that are known, in their order. */
static uint8_t
roads_links_of(const struct roads *r, const struct roads_way *w, enum roads_which which,
	       uint32_t out[ROADS_LINKS_MAX])
{
	uint32_t steps[PATHS_HOPS_MAX], ends[2] = {w->first, w->last};
	uint8_t n = 0;

	if (!roads_step_of(w, which))
		return 0;
	if (which == ROADS_BEFORE)
		roads_find_ends(r, w, ends);
	out[n] = ends[0];
	n += out[n] != 0;
	for (uint32_t i = 0, k = roads_steps(r, roads_step_of(w, which), steps); i < k; i++) {
		out[n] = roads_step_at(r, steps[i])->link;
		n += out[n] != 0;
	}
	out[n] = ends[1];
	n += out[n] != 0;
	return n;
}

/* Counts the path in, or out, wherever it leads. */
static void
roads_count(struct roads *r, const struct roads_way *w, int tuples)
{
	uint32_t links[ROADS_LINKS_MAX], steps[PATHS_HOPS_MAX];
	uint32_t n = roads_links_of(r, w, ROADS_NOW, links);
	uint32_t n_steps = roads_steps(r, w->step, steps);

	for (uint32_t i = 0; i < n; i++) {
		roads_edge_at(r, links[i])->tuples += (uint32_t)tuples;
		roads_edge_at(r, links[i])->seen_s = r->now_s;
	}
	for (uint32_t i = 0; i < n_steps; i++) {
		uint32_t node = roads_step_at(r, steps[i])->key.node;

		if (node)
			roads_name_count(r, node, tuples);
	}
	if (!(w->flags & ROADS_COMPLETE))
		r->stats.incomplete += (uint32_t)tuples;
	if (!(w->flags & ROADS_STABLE))
		r->stats.unstable += (uint32_t)tuples;
}

/* ---- changes ---- */

/* Where the path leads is to be looked up again, by those who look at hosts at its ends. */
static void
roads_way_changes(struct roads *r, const struct roads_way *w)
{
	const uint32_t ends[] = {w->key.source, w->key.destination};

	r->changes++;
	for (int i = 0; i < 2; i++) {
		uint32_t host = roads_node_at(r, ends[i])->host;

		if (host)
			roads_host_at(r, host)->changed = r->changes;
	}
}

static uint8_t
roads_flags(const struct paths_path *p)
{
	uint8_t flags = (uint8_t)((p->reached ? ROADS_REACHED : 0) |
				  (p->stable ? ROADS_STABLE : 0));

	for (size_t i = 0; i < p->n_hops; i++)
		if (addr_is_zero(&p->hops[i]))
			return flags;
	return p->reached ? flags | ROADS_COMPLETE : flags;
}

/*
 * Whether a trace says that packets go elsewhere than along a list of routers, which the path had.
 * A trace that ends early, or does not know a router, does not say so.
 */
static bool
roads_contradicts(const struct roads *r, uint32_t step, bool reached, const struct paths_path *p)
{
	uint32_t steps[PATHS_HOPS_MAX];
	uint32_t n = roads_steps(r, step, steps);

	if (!p->stable || p->n_hops > n || (p->reached && reached && p->n_hops != n))
		return true;
	for (uint32_t i = 0; i < p->n_hops; i++) {
		uint32_t node = roads_step_at(r, steps[i])->key.node;

		if (node && !addr_is_zero(&p->hops[i]) &&
		    !addr_equal(&roads_node_at(r, node)->key, &p->hops[i]))
			return true;
	}
	return false;
}

/* The same, against what is known of the path so far: the last good one, if there was one. */
static bool
roads_agrees(const struct roads *r, const struct roads_way *w, const struct paths_path *p)
{
	bool good = (w->flags & ROADS_GOOD) == ROADS_GOOD;

	if (!w->step || (!good && w->before && !(w->flags & ROADS_AGREES)))
		return false;
	if (!good && w->before)
		return !roads_contradicts(r, w->before, true, p);
	return good && !roads_contradicts(r, w->step, true, p);
}

/* When it was traced by our clock: the host's own clock says how long before the message. */
static void
roads_date(const struct roads *r, struct roads_way *w, const struct paths_path *p,
	   uint64_t made_ns, bool agrees)
{
	uint64_t age_ns = p->time_ns < made_ns ? made_ns - p->time_ns : 0;
	uint64_t age_s = (age_ns + NSEC_PER_SEC - 1) / NSEC_PER_SEC;

	w->time_s = (uint32_t)(p->time_ns / NSEC_PER_SEC);
	/* A clock that was set back, or an age beyond all reason, tells nothing. */
	w->here_s = 0;
	if (p->time_ns <= made_ns + NSEC_PER_SEC && age_s < r->now_s)
		w->here_s = r->now_s - (uint32_t)age_s;
	if (!agrees || !w->since_s)
		w->since_s = w->here_s;
	if ((w->flags & ROADS_GOOD) == ROADS_GOOD)
		w->good_s = w->here_s ? w->here_s : r->now_s;
}

static bool
roads_has_link(const uint32_t *links, uint8_t n, uint32_t link)
{
	for (uint8_t i = 0; i < n; i++)
		if (links[i] == link)
			return true;
	return false;
}

/* Notes which links of the last good path are not on this one, which is good. */
static void
roads_leave(struct roads *r, const struct roads_way *old, const struct roads_way *w)
{
	uint32_t links[ROADS_LINKS_MAX], was[ROADS_LINKS_MAX];
	uint8_t n = roads_links_of(r, w, ROADS_NOW, links);
	uint8_t n_was = roads_links_of(r, old, old->before ? ROADS_BEFORE : ROADS_NOW, was);

	for (uint8_t i = 0; i < n_was; i++)
		if (!roads_has_link(links, n, was[i]))
			roads_edge_at(r, was[i])->left_s = r->now_s;
}

/* The path becomes this one, whose list of routers it takes over. */
static int
roads_set(struct roads *r, struct roads_way *w, const struct paths_path *p, uint32_t step)
{
	struct roads_way old = *w;

	roads_way_changes(r, w);
	w->step = step;
	w->flags = roads_flags(p);
	w->before = 0;
	if (roads_hold(r, w) < 0) {
		*w = old;
		roads_step_put(r, step);
		return -ENOMEM;
	}
	if (old.step)
		roads_count(r, &old, -1);
	w->flow_label = p->flow_label;
	if ((w->flags & ROADS_GOOD) == ROADS_GOOD) {
		roads_leave(r, &old, w);
		roads_release(r, &old, ROADS_BEFORE);
		roads_release(r, &old, ROADS_NOW);
	} else if ((old.flags & ROADS_GOOD) == ROADS_GOOD) {
		w->before = old.step;
	} else {
		w->before = old.before;
		roads_release(r, &old, ROADS_NOW);
	}
	roads_count(r, w, 1);
	return 0;
}

static int
roads_update(struct roads *r, uint32_t way, const struct paths_path *p, uint64_t made_ns)
{
	struct roads_way *w = roads_way_at(r, way);
	uint32_t step = roads_step_get(r, p);
	bool agrees = roads_agrees(r, w, p);
	int rc = 0;

	if (!step)
		return -ENOMEM;
	if (step == w->step && roads_flags(p) == (w->flags & ROADS_GOOD)) {
		roads_count(r, w, -1);
		w->flow_label = p->flow_label;
		roads_count(r, w, 1);
		roads_step_put(r, step);
		/* What is not good, but never changes, is as it was, too. */
		agrees |= p->stable;
	} else {
		rc = roads_set(r, w, p, step);
		if (rc == 0 && agrees && w->before)
			w->flags |= ROADS_AGREES;
	}
	if (rc == 0)
		roads_date(r, w, p, made_ns, agrees);
	return rc;
}

/* Ends a path, which is in no host's list any more. */
static void
roads_end(struct roads *r, uint32_t way)
{
	const struct roads_way w = *roads_way_at(r, way);

	roads_way_changes(r, &w);
	if (w.step) {
		roads_count(r, &w, -1);
		roads_release(r, &w, ROADS_BEFORE);
		roads_release(r, &w, ROADS_NOW);
	}
	roads_pool_remove(&r->ways, way);
	roads_node_put(r, w.key.source);
	roads_node_put(r, w.key.destination);
}

/* The path becomes one of the host. */
static void
roads_give(struct roads *r, uint32_t way, uint32_t host)
{
	struct roads_way *w = roads_way_at(r, way);

	w->host = host;
	w->next_of_host = roads_host_at(r, host)->ways;
	roads_host_at(r, host)->ways = way;
	roads_host_at(r, host)->n_ways++;
}

/* Takes the path away from the host that has it. */
static void
roads_take_away(struct roads *r, uint32_t way)
{
	struct roads_host *h = roads_host_at(r, roads_way_at(r, way)->host);
	uint32_t *at = &h->ways;

	while (*at != way)
		at = &roads_way_at(r, *at)->next_of_host;
	*at = roads_way_at(r, way)->next_of_host;
	h->n_ways--;
}

/* Adds a path without routers. It takes over the references to source and destination. */
static uint32_t
roads_new_way(struct roads *r, const struct roads_way_key *key, uint32_t host)
{
	uint32_t way = 0;

	if (roads_host_at(r, host)->n_ways < ROADS_HOST_PATHS)
		way = roads_pool_add(&r->ways, key);
	if (way) {
		roads_give(r, way, host);
		return way;
	}
	roads_node_put(r, key->source);
	roads_node_put(r, key->destination);
	return 0;
}

static int
roads_take_new(struct roads *r, uint32_t host, const struct roads_way_key *key,
	       const struct paths_path *p, uint64_t made_ns)
{
	uint32_t way = roads_new_way(r, key, host);
	int rc;

	if (!way)
		return -ENOSPC;
	rc = roads_update(r, way, p, made_ns);
	if (rc == 0)
		return 0;
	roads_take_away(r, way);
	roads_end(r, way);
	return rc;
}

int
roads_take_path(struct roads *r, uint32_t host, const struct paths_path *p, uint64_t made_ns)
{
	struct roads_way_key key = {.source = roads_pool_find(&r->nodes, &p->source),
				    .src_port = p->src_port,
				    .traffic_class = p->traffic_class};
	uint32_t way;
	int rc = 0;

	if (!key.source || roads_node_at(r, key.source)->host != host)
		return -EINVAL;
	key.destination = roads_node_get(r, &p->destination);
	if (!key.destination)
		return -ENOMEM;
	way = roads_pool_find(&r->ways, &key);
	if (way) {
		roads_node_put(r, key.destination);
		if (roads_way_at(r, way)->host != host) {
			roads_take_away(r, way);
			roads_give(r, way, host);
		}
		rc = roads_update(r, way, p, made_ns);
	} else {
		roads_node_at(r, key.source)->refs++;
		rc = roads_take_new(r, host, &key, p, made_ns);
		way = rc == 0 ? roads_pool_find(&r->ways, &key) : 0;
	}
	if (way)
		roads_way_at(r, way)->set = roads_host_at(r, host)->set;
	if (rc == 0)
		roads_width_saw(r, roads_way_at(r, way));
	return rc;
}

/* Whether a sweep takes this path. */
static bool
roads_sweeps(const struct roads *r, const struct roads_way *w, enum roads_sweep which)
{
	if (which == ROADS_SWEEP_OLD)
		return w->set != roads_host_at(r, w->host)->set;
	return which == ROADS_SWEEP_ALL || roads_node_at(r, w->key.source)->host != w->host;
}

void
roads_sweep(struct roads *r, uint32_t host, enum roads_sweep which)
{
	struct roads_host *h = roads_host_at(r, host);
	uint32_t *at = &h->ways;

	while (*at) {
		uint32_t way = *at;
		const struct roads_way *w = roads_way_at(r, way);

		if (!roads_sweeps(r, w, which)) {
			at = &roads_way_at(r, way)->next_of_host;
			continue;
		}
		*at = w->next_of_host;
		h->n_ways--;
		roads_end(r, way);
	}
}

/* ---- to look at ---- */

/* Whether it may be that the path before holds; if not, it does not as long as the path stays. */
static bool
roads_before_may_hold(const struct roads *r, const struct roads_way *w)
{
	return w->before && (w->flags & ROADS_AGREES) &&
	       (int32_t)(r->now_s - w->good_s) <= ROADS_BEFORE_S;
}

/*
 * Whether packets may still take the last good path: not too long ago they did, no trace since says
 * that they do not, and no link of it is out. A link is out if no path crosses it any more and one
 * has left it for another since. If all that crossed it have gaps now, it may be what is broken.
 */
static bool
roads_before_holds(const struct roads *r, const struct roads_way *w)
{
	uint32_t links[ROADS_LINKS_MAX];
	uint8_t n = roads_links_of(r, w, ROADS_BEFORE, links);

	if (n == 0 || !roads_before_may_hold(r, w))
		return false;
	for (uint8_t i = 0; i < n; i++) {
		const struct roads_edge *edge = roads_edge_at(r, links[i]);

		if (!edge->tuples && edge->left_s && edge->left_s >= w->good_s)
			return false;
	}
	return true;
}

static void
roads_fill(const struct roads *r, const struct roads_way *w, struct roads_path *out)
{
	uint32_t steps[PATHS_HOPS_MAX];

	memset(out, 0, sizeof(*out));
	out->tuple = (struct roads_tuple){roads_node_at(r, w->key.source)->key,
					  roads_node_at(r, w->key.destination)->key,
					  w->key.src_port, w->key.traffic_class};
	out->flow_label = w->flow_label;
	out->host = roads_host_at(r, w->host)->key.text;
	out->traced_ns = w->time_s * NSEC_PER_SEC;
	out->here_ns = w->here_s * NSEC_PER_SEC;
	out->since_ns = w->since_s * NSEC_PER_SEC;
	out->agrees = roads_before_holds(r, w);
	out->complete = w->flags & ROADS_COMPLETE;
	out->stable = w->flags & ROADS_STABLE;
	out->reached = w->flags & ROADS_REACHED;
	out->n_hops = (uint8_t)roads_steps(r, w->step, steps);
	for (uint32_t i = 0; i < out->n_hops; i++) {
		uint32_t node = roads_step_at(r, steps[i])->key.node;

		if (!node)
			continue;
		out->hops[i] = roads_node_at(r, node)->key;
		out->switches[i] = roads_node_at(r, node)->sw;
	}
	out->n_links = roads_links_of(r, w, ROADS_NOW, out->links);
	out->n_before = roads_links_of(r, w, ROADS_BEFORE, out->before);
}

bool
roads_find(const struct roads *r, const struct roads_tuple *tuple, struct roads_path *out)
{
	const struct roads_way_key key = {
		.source = roads_pool_find(&r->nodes, &tuple->source),
		.destination = roads_pool_find(&r->nodes, &tuple->destination),
		.src_port = tuple->src_port,
		.traffic_class = tuple->traffic_class,
	};
	uint32_t way = key.source && key.destination ? roads_pool_find(&r->ways, &key) : 0;

	if (way)
		roads_fill(r, roads_way_at(r, way), out);
	return way;
}

/*
 * What loses probes loses traces, too. If not all routers have answered now, but what is known is
 * on the path before, it is that one.
 */
static void
roads_fill_gaps(const struct roads *r, const struct roads_way *w, struct roads_way_links *out)
{
	if (out->complete || !out->stable || !roads_before_holds(r, w))
		return;
	out->n_links = roads_links_of(r, w, ROADS_BEFORE, out->links);
	out->complete = true;
}

/* Whether the path of this id is that of the 5-tuple. */
static bool
roads_way_is(const struct roads *r, uint32_t id, const struct roads_tuple *tuple)
{
	const struct roads_way *w = roads_pool_has(&r->ways, id) ? roads_way_at(r, id) : NULL;

	return w && w->key.src_port == tuple->src_port &&
	       w->key.traffic_class == tuple->traffic_class &&
	       addr_equal(&roads_node_at(r, w->key.destination)->key, &tuple->destination) &&
	       addr_equal(&roads_node_at(r, w->key.source)->key, &tuple->source);
}

static void
roads_fill_links(const struct roads *r, struct roads_way_links *out)
{
	const struct roads_way *w;

	out->known = out->id;
	out->lasts = !out->id;
	if (!out->id)
		return;
	w = roads_way_at(r, out->id);
	out->complete = w->flags & ROADS_COMPLETE;
	out->stable = w->flags & ROADS_STABLE;
	out->lasts = out->complete || !out->stable || !roads_before_may_hold(r, w);
	out->n_links = roads_links_of(r, w, ROADS_NOW, out->links);
	roads_fill_gaps(r, w, out);
}

static uint32_t
roads_way_of(const struct roads *r, const struct roads_way_key *key)
{
	return key->source && key->destination && key->src_port ?
		       roads_pool_find(&r->ways, key) : 0;
}

static void
roads_look_up(const struct roads *r, const struct roads_tuple *there, uint16_t back_port,
	      struct roads_way_links out[2])
{
	const uint32_t source = roads_pool_find(&r->nodes, &there->source);
	const uint32_t destination = roads_pool_find(&r->nodes, &there->destination);

	out[0].id = roads_way_of(r, &(struct roads_way_key){
		.source = source, .destination = destination, .src_port = there->src_port,
		.traffic_class = there->traffic_class});
	out[1].id = roads_way_of(r, &(struct roads_way_key){
		.source = destination, .destination = source, .src_port = back_port,
		.traffic_class = there->traffic_class});
}

void
roads_find_both(const struct roads *r, const struct roads_tuple *there, uint16_t back_port,
		struct roads_way_links out[2])
{
	const struct roads_tuple back = {there->destination, there->source, back_port,
					 there->traffic_class};

	if (!roads_way_is(r, out[0].id, there) || !back_port || !roads_way_is(r, out[1].id, &back))
		roads_look_up(r, there, back_port, out);
	roads_fill_links(r, &out[0]);
	roads_fill_links(r, &out[1]);
}

uint64_t
roads_changed(const struct roads *r, const char *host)
{
	const struct roads_name_key key = roads_key(host);
	uint32_t id = roads_pool_find(&r->hosts, &key);

	return id ? roads_host_at(r, id)->changed : 0;
}

uint64_t
roads_renamed(const struct roads *r)
{
	return r->renamed;
}

uint64_t
roads_links_forgotten(const struct roads *r)
{
	return r->forgotten;
}

uint32_t
roads_path_after(const struct roads *r, uint32_t id, struct roads_path *out)
{
	id = roads_pool_after(&r->ways, id);
	if (id)
		roads_fill(r, roads_way_at(r, id), out);
	return id;
}

void
roads_path(const struct roads *r, uint32_t id, struct roads_path *out)
{
	roads_fill(r, roads_way_at(r, id), out);
}

static struct roads_between
roads_between_of(const struct roads *r, uint32_t id)
{
	const struct roads_way *w = roads_way_at(r, id);
	struct roads_between out = {
		.id = id, .src_port = w->key.src_port,
		.source = &roads_node_at(r, w->key.source)->key,
		.destination = &roads_node_at(r, w->key.destination)->key};

	roads_node_owner(r, w->key.source, &out.source_host, &out.source_device);
	roads_node_owner(r, w->key.destination, &out.destination_host, &out.destination_device);
	return out;
}

void
roads_each_of_host(const struct roads *r, const char *host,
		   void (*fn)(void *arg, const struct roads_between *path), void *arg)
{
	const struct roads_name_key key = roads_key(host);
	uint32_t id = roads_pool_find(&r->hosts, &key), way;
	struct roads_between path;

	for (way = id ? roads_host_at(r, id)->ways : 0; way;
	     way = roads_way_at(r, way)->next_of_host) {
		path = roads_between_of(r, way);
		fn(arg, &path);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts, and the messages that they send. roads_impl.h explains the objects. */
#include "central/roads/roads.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "central/roads/roads_impl.h"
#include "core/clock.h"

struct roads_host *
roads_host_at(const struct roads *r, uint32_t host)
{
	return roads_pool_at(&r->hosts, host);
}

static uint32_t
roads_find_host(const struct roads *r, const char *name)
{
	const struct roads_name_key key = roads_key(name);

	return roads_pool_find(&r->hosts, &key);
}

/* ---- hosts ---- */

/* The host no longer has its addresses. */
static void
roads_leave_nodes(struct roads *r, uint32_t host)
{
	struct roads_host *h = roads_host_at(r, host);

	for (uint32_t i = 0; i < h->n_nodes; i++) {
		struct roads_node *node = roads_node_at(r, h->nodes[i]);

		if (node->host == host) {
			roads_name_put(r, node->tor);
			free(node->device);
			node->host = node->tor = 0;
			node->device = NULL;
		}
		roads_node_put(r, h->nodes[i]);
	}
	free(h->nodes);
	h->nodes = NULL;
	h->n_nodes = 0;
}

/* How the name of a ToR is known that may be one of a switch. */
static uint8_t
roads_tor_by(enum registration_tor_by by)
{
	if (by == REGISTRATION_TOR_LLDP)
		return ROADS_BY_LLDP;
	return by == REGISTRATION_TOR_CONFIG ? ROADS_BY_CONFIG : ROADS_BY_ADDRESS;
}

static int
roads_own(struct roads *r, uint32_t host, const struct registration_port *port,
	  const struct addr *a)
{
	struct roads_host *h = roads_host_at(r, host);
	uint32_t id = roads_node_get(r, a), tor = 0;
	char *device = strdup(port->device);
	struct roads_node *node;

	if (id && device && port->n_tors == 1)
		tor = roads_name_get(r, port->tors[0]);
	if (!id || !device || (port->n_tors == 1 && !tor)) {
		roads_node_put(r, id);
		free(device);
		return -ENOMEM;
	}
	node = roads_node_at(r, id);
	roads_name_put(r, node->tor);
	free(node->device);
	node->host = host;
	node->tor = tor;
	node->tor_by = roads_tor_by(port->tor_by);
	node->device = device;
	h->nodes[h->n_nodes++] = id;
	return 0;
}

static int
roads_own_all(struct roads *r, uint32_t host, const struct registration *reg)
{
	struct roads_host *h = roads_host_at(r, host);
	int rc = 0;

	h->nodes = calloc(reg->n_ports * REGISTRATION_ADDRS_MAX + 1, sizeof(*h->nodes));
	if (!h->nodes)
		return -ENOMEM;
	for (size_t i = 0; rc == 0 && i < reg->n_ports; i++)
		for (size_t k = 0; rc == 0 && k < reg->ports[i].n_addrs; k++)
			rc = roads_own(r, host, &reg->ports[i], &reg->ports[i].addrs[k]);
	return rc;
}

int
roads_put_host(struct roads *r, const struct registration *reg)
{
	uint32_t host = roads_find_host(r, reg->host);
	const struct roads_name_key key = roads_key(reg->host);
	int rc;

	if (!host)
		host = roads_pool_add(&r->hosts, &key);
	if (!host)
		return -ENOMEM;
	roads_host_at(r, host)->changed = ++r->changes;
	roads_leave_nodes(r, host);
	rc = roads_own_all(r, host, reg);
	roads_sweep(r, host, ROADS_SWEEP_FOREIGN);
	return rc;
}

void
roads_forget_leaves(struct roads *r)
{
	uint32_t id = 0;

	while ((id = roads_pool_after(&r->hosts, id))) {
		roads_name_put(r, roads_host_at(r, id)->leaf);
		roads_host_at(r, id)->leaf = 0;
	}
	while ((id = roads_pool_after(&r->nodes, id))) {
		struct roads_claim *c = &roads_node_at(r, id)->claim;

		if (!c->name || c->by != ROADS_BY_TOPOLOGY)
			continue;
		roads_name_put(r, c->name);
		*c = (struct roads_claim){.name = 0};
		roads_name_node(r, id);
	}
}

int
roads_put_leaf(struct roads *r, const char *name, const char *leaf)
{
	uint32_t host = roads_find_host(r, name), id = leaf ? roads_name_get(r, leaf) : 0;
	struct roads_host *h;

	if (!host || (leaf && !id)) {
		roads_name_put(r, id);
		return host ? -ENOMEM : -ENOENT;
	}
	h = roads_host_at(r, host);
	roads_name_put(r, h->leaf);
	h->leaf = id;
	return 0;
}

static void
roads_end_host(struct roads *r, uint32_t host)
{
	roads_sweep(r, host, ROADS_SWEEP_ALL);
	roads_leave_nodes(r, host);
	roads_name_put(r, roads_host_at(r, host)->leaf);
	roads_pool_remove(&r->hosts, host);
}

void
roads_drop_host(struct roads *r, const char *name)
{
	uint32_t host = roads_find_host(r, name);

	if (host)
		roads_end_host(r, host);
}

/* ---- messages ---- */

static void roads_complain(struct roads *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void
roads_complain(struct roads *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->stats.refused_why, sizeof(r->stats.refused_why), fmt, ap);
	va_end(ap);
	r->stats.refused++;
}

void
roads_refuse(struct roads *r, const char *host, const char *why)
{
	r->stats.messages++;
	roads_complain(r, "the paths of %s are wrong: %.100s", host, why);
}

#define ROADS_BEHIND 3u     /* messages with ascending numbers that are too low begin anew */
#define ROADS_GAP_MAX 1000u /* more are not missing, somebody lies */

/*
 * Notes the number of a message, and whether it is part of a whole set. Returns false if it has
 * come before.
 */
static bool
roads_count_message(struct roads *r, struct roads_host *h, const struct paths *p)
{
	bool first = !h->heard || h->incarnation != p->incarnation;

	if (!first && p->sequence <= h->sequence) {
		/* A number that somebody has forged must not stop a host for ever. */
		h->n_behind = p->sequence == h->behind + 1 ? h->n_behind + 1 : 1;
		h->behind = p->sequence;
		if (h->n_behind < ROADS_BEHIND) {
			r->stats.old++;
			return false;
		}
		first = true;
	}
	if (first || p->sequence != h->sequence + 1)
		h->part = 0;
	if (!first)
		r->stats.gaps += p->sequence - h->sequence - 1 < ROADS_GAP_MAX ?
					 p->sequence - h->sequence - 1 : ROADS_GAP_MAX;
	h->heard = true;
	h->incarnation = p->incarnation;
	h->sequence = p->sequence;
	if (!p->whole)
		return true;
	if (p->part == 0)
		h->set++;
	h->part = p->part == 0 || (h->part && h->part == p->part) ? p->part + 1 : 0;
	return true;
}

static int
roads_take_all(struct roads *r, uint32_t host, const struct paths *p)
{
	char source[ADDR_TEXT];
	int worst = 0;

	for (size_t i = 0; i < p->n_paths; i++) {
		int rc = roads_take_path(r, host, &p->paths[i], p->time_ns);

		if (rc == -EINVAL && worst != rc)
			roads_complain(r, "%s has sent a path from %s, which is not its address",
				       p->host, addr_text(&p->paths[i].source, source));
		r->stats.too_many += rc == -ENOSPC;
		worst = rc < 0 ? rc : worst;
	}
	return worst;
}

int
roads_take(struct roads *r, const struct paths *p, uint64_t now_ns)
{
	uint32_t host = roads_find_host(r, p->host);
	struct roads_host *h;
	int rc;

	r->now_s = (uint32_t)(now_ns / NSEC_PER_SEC);
	r->stats.messages++;
	if (!host) {
		roads_complain(r, "%s has sent paths, but is not registered", p->host);
		return -ENOENT;
	}
	h = roads_host_at(r, host);
	if (!roads_count_message(r, h, p))
		return 0;
	r->taking++;
	rc = roads_take_all(r, host, p);
	r->taking++;
	if (p->whole && h->part == p->parts) {
		h->part = 0;
		roads_sweep(r, host, ROADS_SWEEP_OLD);
	}
	return rc;
}

/* ---- life ---- */

#define ROADS_POOLS 9

/* All pools, from the one that refers to others to those that are referred to. */
static void
roads_pools(struct roads *r, struct roads_pool *out[ROADS_POOLS])
{
	struct roads_pool *const all[] = {&r->ways, &r->steps, &r->edges, &r->seen, &r->tors,
					  &r->hosts, &r->files, &r->nodes, &r->names};

	memcpy(out, all, sizeof(all));
}

int
roads_new(const struct roads_ops *ops, uint32_t paths, struct roads **out)
{
	struct roads *r = calloc(1, sizeof(*r));
	struct roads_pool *pools[ROADS_POOLS];
	int rc = 0;

	if (!r)
		return -ENOMEM;
	if (ops)
		r->ops = *ops;
	r->default_width = paths;
	r->dns_round = 1;
	r->names = ROADS_POOL(struct roads_name, ROADS_NAMES);
	r->nodes = ROADS_POOL(struct roads_node, ROADS_NODES);
	r->files = ROADS_POOL(struct roads_file, ROADS_NODES);
	r->edges = ROADS_POOL(struct roads_edge, ROADS_LINKS);
	r->steps = ROADS_POOL(struct roads_step, ROADS_STEPS);
	r->ways = ROADS_POOL(struct roads_way, ROADS_PATHS);
	r->hosts = ROADS_POOL(struct roads_host, ROADS_HOSTS);
	r->seen = ROADS_POOL(struct roads_seen, ROADS_NODES);
	r->tors = ROADS_POOL(struct roads_tor, ROADS_HOSTS);
	roads_pools(r, pools);
	for (size_t i = 0; rc == 0 && i < ROADS_POOLS; i++)
		if (getrandom(pools[i]->seed, SIPHASH_KEY, 0) < 0)
			rc = -errno;
	if (rc < 0)
		free(r);
	else
		*out = r;
	return rc;
}

void
roads_free(struct roads *r)
{
	struct roads_pool *pools[ROADS_POOLS];

	if (!r)
		return;
	for (uint32_t id; (id = roads_pool_after(&r->hosts, 0));)
		roads_end_host(r, id);
	roads_width_free(r);
	roads_forget_file(r);
	roads_pools(r, pools);
	for (size_t i = 0; i < ROADS_POOLS; i++)
		roads_pool_clear(pools[i]);
	free(r);
}

void
roads_tick(struct roads *r, uint64_t now_ns)
{
	r->now_s = (uint32_t)(now_ns / NSEC_PER_SEC);
	roads_width_tick(r);
}

/* ---- to look at ---- */

void
roads_node_owner(const struct roads *r, uint32_t node, const char **host, const char **device)
{
	const struct roads_node *n = roads_node_at(r, node);

	*host = n->host ? roads_host_at(r, n->host)->key.text : NULL;
	*device = n->device;
}

bool
roads_knows(const struct roads *r, const char *host)
{
	return roads_find_host(r, host) != 0;
}

const char *
roads_owner(const struct roads *r, const struct addr *a, const char **device)
{
	uint32_t node = roads_pool_find(&r->nodes, a);
	const char *host = NULL;

	*device = NULL;
	if (node)
		roads_node_owner(r, node, &host, device);
	return host;
}

static void
roads_link_fill(const struct roads *r, uint32_t id, struct roads_link *out)
{
	const struct roads_edge *edge = roads_edge_at(r, id);
	const struct roads_node *from = roads_node_at(r, edge->key.from);
	const struct roads_node *to = roads_node_at(r, edge->key.to);

	*out = (struct roads_link){.from = from->key, .to = to->key, .from_switch = from->sw,
				   .to_switch = to->sw, .tuples = edge->tuples,
				   .seen_ns = edge->seen_s * NSEC_PER_SEC};
	roads_node_owner(r, edge->key.from, &out->from_host, &out->from_device);
	roads_node_owner(r, edge->key.to, &out->to_host, &out->to_device);
}

bool
roads_link(const struct roads *r, uint32_t id, struct roads_link *out)
{
	if (id)
		roads_link_fill(r, id, out);
	return id;
}

uint32_t
roads_link_after(const struct roads *r, uint32_t id, struct roads_link *out)
{
	id = roads_pool_after(&r->edges, id);
	if (id)
		roads_link_fill(r, id, out);
	return id;
}

void
roads_stats(const struct roads *r, struct roads_stats *out)
{
	const struct roads_pool *const pools[] = {&r->ways, &r->steps, &r->edges, &r->seen,
						  &r->tors, &r->hosts, &r->files, &r->nodes,
						  &r->names};

	*out = r->stats;
	out->paths = r->ways.n;
	out->links = r->edges.n;
	out->switches = r->switches;
	out->hops = r->hops;
	out->bytes = sizeof(*r);
	for (size_t i = 0; i < sizeof(pools) / sizeof(pools[0]); i++)
		out->bytes += roads_pool_bytes(pools[i]);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Which address belongs to which switch. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "central/roads/roads_impl.h"

/* After two switches have claimed an address, neither is believed for this long. */
#define ROADS_DOUBT_S 3600u

const char *const roads_by_names[] = {"address", "dns", "topology", "config", "lldp", "file",
				       NULL};

/* ---- names ---- */

struct roads_name *
roads_name_at(const struct roads *r, uint32_t name)
{
	return roads_pool_at(&r->names, name);
}

struct roads_name_key
roads_key(const char *text)
{
	struct roads_name_key key = {{0}};

	memcpy(key.text, text, strnlen(text, ROADS_NAME - 1));
	return key;
}

uint32_t
roads_name_get(struct roads *r, const char *text)
{
	const struct roads_name_key key = roads_key(text);
	uint32_t id = roads_pool_find(&r->names, &key);

	if (!id)
		id = roads_pool_add(&r->names, &key);
	if (id)
		roads_name_at(r, id)->refs++;
	return id;
}

void
roads_name_put(struct roads *r, uint32_t name)
{
	if (name && --roads_name_at(r, name)->refs == 0)
		roads_pool_remove(&r->names, name);
}

/* ---- the switch of a node ---- */

void
roads_name_count(struct roads *r, uint32_t node, int tuples)
{
	struct roads_node *n = roads_node_at(r, node);

	n->tuples += (uint32_t)tuples;
	if (n->sw)
		roads_name_at(r, n->sw)->tuples += (uint32_t)tuples;
}

static void
roads_leave_switch(struct roads *r, uint32_t node)
{
	struct roads_node *n = roads_node_at(r, node);
	struct roads_name *sw = roads_name_at(r, n->sw);
	uint32_t *at = &sw->first;

	while (*at != node)
		at = &roads_node_at(r, *at)->next_of_switch;
	*at = n->next_of_switch;
	sw->tuples -= n->tuples;
	sw->by[n->by]--;
	r->switches -= --sw->nodes == 0;
	roads_name_put(r, n->sw);
	n->sw = 0;
}

/* Takes over a reference to the name. */
static void
roads_join_switch(struct roads *r, uint32_t node, uint32_t name, enum roads_by by)
{
	struct roads_node *n = roads_node_at(r, node);
	struct roads_name *sw = roads_name_at(r, name);

	n->sw = name;
	n->by = (uint8_t)by;
	n->next_of_switch = sw->first;
	sw->first = node;
	sw->tuples += n->tuples;
	sw->by[by]++;
	r->switches += sw->nodes++ == 0;
}

/* The name that counts, and by what; 0: only its address. */
static uint32_t
roads_best_name(const struct roads *r, const struct roads_node *n, enum roads_by *by)
{
	uint32_t file = roads_pool_find(&r->files, &n->key);

	*by = ROADS_BY_FILE;
	if (file)
		return ((const struct roads_file *)roads_pool_at(&r->files, file))->name;
	*by = n->claim.by;
	if (n->claim.name && (!n->claim.doubt_s || r->now_s - n->claim.doubt_s >= ROADS_DOUBT_S))
		return n->claim.name;
	*by = n->dns ? ROADS_BY_DNS : ROADS_BY_ADDRESS;
	return n->dns;
}

int
roads_name_node(struct roads *r, uint32_t node)
{
	struct roads_node *n = roads_node_at(r, node);
	enum roads_by by;
	uint32_t name = roads_best_name(r, n, &by);
	char text[ADDR_TEXT];

	if (!n->steps) {
		if (n->sw)
			roads_leave_switch(r, node);
		return 0;
	}
	name = roads_name_get(r, name ? roads_name_at(r, name)->key.text :
					addr_text(&n->key, text));
	if (!name)
		return -ENOMEM;
	if (n->sw) {
		/* Nobody has seen yet what it was called within the same message. */
		r->renamed += n->named != r->taking &&
			      (n->sw != name ||
			       (n->by == ROADS_BY_ADDRESS) != (by == ROADS_BY_ADDRESS));
		roads_leave_switch(r, node);
	} else {
		n->named = r->taking;
	}
	roads_join_switch(r, node, name, by);
	return 0;
}

/* ---- who names it ---- */

/* Keeps the newest conflicts, one of each address. */
static void
roads_name_conflict(struct roads *r, const struct roads_node *n, uint32_t other)
{
	size_t at = 0;

	for (size_t i = 0; i < ROADS_CONFLICTS; i++) {
		if (r->conflict_s[i] && addr_equal(&r->conflicts[i].addr, &n->key)) {
			at = i;
			break;
		}
		if (r->conflict_s[i] < r->conflict_s[at])
			at = i;
	}
	r->conflict_s[at] = r->now_s;
	r->conflicts[at].addr = n->key;
	memcpy(r->conflicts[at].names[0], roads_name_at(r, n->claim.name)->key.text, ROADS_NAME);
	memcpy(r->conflicts[at].names[1], roads_name_at(r, other)->key.text, ROADS_NAME);
}

size_t
roads_conflicts(const struct roads *r, struct roads_conflict *out)
{
	size_t n = 0;

	for (size_t i = 0; i < ROADS_CONFLICTS; i++) {
		if (!r->conflict_s[i] || r->now_s - r->conflict_s[i] >= ROADS_DOUBT_S ||
		    roads_pool_find(&r->files, &r->conflicts[i].addr))
			continue;
		if (n++ == 0)
			*out = r->conflicts[i];
	}
	return n;
}

/* The switch claims the node once more. */
static void
roads_claim_again(struct roads *r, uint32_t node, uint8_t by)
{
	struct roads_claim *c = &roads_node_at(r, node)->claim;
	bool ends = c->doubt_s && r->now_s - c->doubt_s >= ROADS_DOUBT_S;
	bool better = by > c->by;

	c->seen_s = r->now_s;
	if (ends)
		c->doubt_s = 0;
	if (better)
		c->by = by;
	if (ends || better)
		roads_name_node(r, node);
}

/* The switch that a port claims for the routers next to it, and how it is known; 0: none. */
static uint32_t
roads_claimed(const struct roads *r, const struct roads_node *port, uint8_t *by)
{
	*by = port->tor ? port->tor_by : ROADS_BY_ADDRESS;
	if (*by != ROADS_BY_ADDRESS)
		return port->tor;
	*by = ROADS_BY_TOPOLOGY;
	return port->host ? roads_host_at(r, port->host)->leaf : 0;
}

/* Whether the claim that is there counts no more against one that is known by `by`. */
static bool
roads_claim_yields(const struct roads *r, const struct roads_claim *c, uint8_t by)
{
	return !c->name || r->now_s - c->seen_s >= ROADS_DOUBT_S ||
	       (c->by == ROADS_BY_TOPOLOGY && by > ROADS_BY_TOPOLOGY);
}

void
roads_name_claim(struct roads *r, uint32_t node, const struct roads_node *port)
{
	struct roads_node *n = roads_node_at(r, node);
	struct roads_claim *c = &n->claim;
	bool doubted = false;
	uint8_t by;
	uint32_t name = roads_claimed(r, port, &by);

	if (!name)
		return;
	if (c->name == name) {
		roads_claim_again(r, node, by);
		return;
	}
	if (roads_claim_yields(r, c, by)) {
		roads_name_at(r, name)->refs++;
		roads_name_put(r, c->name);
		*c = (struct roads_claim){.name = name, .seen_s = r->now_s, .by = by};
	} else if (by == ROADS_BY_TOPOLOGY && c->by > by) {
		return;
	} else {
		roads_name_conflict(r, n, name);
		doubted = c->doubt_s && r->now_s - c->doubt_s < ROADS_DOUBT_S;
		c->doubt_s = r->now_s;
	}
	if (!doubted)
		roads_name_node(r, node);
}

static void
roads_name_again(struct roads *r, const struct addr *a)
{
	uint32_t node = roads_pool_find(&r->nodes, a);

	if (node)
		roads_name_node(r, node);
}

void
roads_forget_file(struct roads *r)
{
	uint32_t id = 0;

	while ((id = roads_pool_after(&r->files, id))) {
		struct roads_file *file = roads_pool_at(&r->files, id);
		struct addr a = file->key;

		roads_name_put(r, file->name);
		free(file->port);
		roads_pool_remove(&r->files, id);
		roads_name_again(r, &a);
	}
	roads_pool_clear(&r->files);
}

int
roads_name_file(struct roads *r, const struct addr *a, const char *name, const char *port)
{
	uint32_t id = roads_pool_find(&r->files, a);
	struct roads_file *file;

	if (!id)
		id = roads_pool_add(&r->files, a);
	if (!id)
		return -ENOMEM;
	file = roads_pool_at(&r->files, id);
	roads_name_put(r, file->name);
	free(file->port);
	file->port = port ? strdup(port) : NULL;
	file->name = roads_name_get(r, name);
	if (!file->name) {
		free(file->port);
		roads_pool_remove(&r->files, id);
		roads_name_again(r, a);
		return -ENOMEM;
	}
	roads_name_again(r, a);
	return 0;
}

/* ---- to look at ---- */

static bool
roads_switch_fill(const struct roads *r, uint32_t id, struct roads_switch *out)
{
	const struct roads_name *name = roads_name_at(r, id);
	int by = ROADS_BY_N - 1;

	if (!name->nodes)
		return false;
	while (by > 0 && !name->by[by])
		by--;
	*out = (struct roads_switch){.name = name->key.text, .by = (enum roads_by)by,
				     .addresses = name->nodes, .tuples = name->tuples};
	return true;
}

bool
roads_switch(const struct roads *r, uint32_t id, struct roads_switch *out)
{
	return id && roads_switch_fill(r, id, out);
}

uint32_t
roads_switch_after(const struct roads *r, uint32_t id, struct roads_switch *out)
{
	do
		id = roads_pool_after(&r->names, id);
	while (id && !roads_switch_fill(r, id, out));
	return id;
}

size_t
roads_switch_addresses(const struct roads *r, uint32_t id, struct addr *out, size_t max)
{
	uint32_t node = id ? roads_name_at(r, id)->first : 0;
	size_t n = 0;

	for (; node && n < max; node = roads_node_at(r, node)->next_of_switch)
		out[n++] = roads_node_at(r, node)->key;
	return n;
}

const char *
roads_switch_name(const struct roads *r, const struct addr *a)
{
	uint32_t file = roads_pool_find(&r->files, a), node = roads_pool_find(&r->nodes, a);
	uint32_t name = file ? ((const struct roads_file *)roads_pool_at(&r->files, file))->name :
			node && roads_node_at(r, node)->by != ROADS_BY_ADDRESS ?
			       roads_node_at(r, node)->sw : 0;

	return name ? roads_name_at(r, name)->key.text : NULL;
}

const char *
roads_port_name(const struct roads *r, const struct addr *a)
{
	uint32_t id = roads_pool_find(&r->files, a);

	return id ? ((const struct roads_file *)roads_pool_at(&r->files, id))->port : NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold when all is quiet, from what is at the broker: the registrations say which lists
 * there must be, and the lists are counted anew. Of central only the names of hosts that it leaves
 * out are asked.
 */
#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/topic.h"
#include "central/mesh/mesh.h"
#include "central/registry/registry.h"
#include "fleet.h"
#include "plan/plan.h"

/* ---- what is at the broker ---- */

static void
view_host(void *arg, const char *topic, const void *payload, size_t size)
{
	char name[REGISTRATION_HOST], error[REGISTRATION_ERROR];
	struct fleet_view *view = arg;
	struct registration *r;

	if (topic_name(topic, FLEET_PREFIX, "host", name, sizeof(name)) < 0 ||
	    registration_unpack(payload, size, &r, error) < 0)
		return;
	if (strcmp(r->host, name) == 0)
		view->hosts[view->n_hosts++] = r;
	else
		registration_free(r);
}

static void
view_count(void *arg, const char *topic, const void *payload, size_t size)
{
	(void)topic;
	(void)payload;
	(void)size;
	++*(size_t *)arg;
}

static int
view_compare(const void *a, const void *b)
{
	return strcmp((*(struct registration *const *)a)->host,
		      (*(struct registration *const *)b)->host);
}

/* Hosts come in the order of names, and their ports in that of devices. */
static void
view_own(const struct fleet_view *view, struct fleet_node *node)
{
	for (size_t i = 0; i < node->port->n_addrs; i++) {
		node->owns[i] = true;
		for (const struct fleet_node *other = view->nodes; other < node; other++)
			for (size_t k = 0; k < other->port->n_addrs; k++)
				if (addr_equal(&other->port->addrs[k], &node->port->addrs[i]))
					node->owns[i] = false;
	}
}

static void
view_nodes(struct fleet_view *view, const struct mesh *mesh)
{
	for (size_t i = 0; i < view->n_hosts; i++)
		view->n_nodes += view->hosts[i]->n_ports;
	view->nodes = fleet_alloc((view->n_nodes + 1) * sizeof(*view->nodes));
	view->n_nodes = 0;
	for (size_t i = 0; i < view->n_hosts; i++)
		for (size_t k = 0; k < view->hosts[i]->n_ports; k++) {
			struct fleet_node *node = &view->nodes[view->n_nodes++];

			node->host = view->hosts[i]->host;
			node->port = &view->hosts[i]->ports[k];
			node->on = !mesh_drained(mesh, node->host);
			view_own(view, node);
		}
}

static void
view_begin(struct fleet_view *view, const struct mesh *mesh)
{
	size_t n = 0;

	fleet_broker_each(view_count, &n);
	*view = (struct fleet_view){.hosts = fleet_alloc((n + 1) * sizeof(*view->hosts))};
	fleet_broker_each(view_host, view);
	qsort(view->hosts, view->n_hosts, sizeof(*view->hosts), view_compare);
	view_nodes(view, mesh);
}

static void
view_end(struct fleet_view *view)
{
	for (size_t i = 0; i < view->n_hosts; i++)
		registration_free(view->hosts[i]);
	fleet_free(view->hosts);
	fleet_free(view->nodes);
	fleet_free(view->entries);
}

/* Who has this address, and takes part with it. */
static struct fleet_node *
view_owner(const struct fleet_view *view, const struct addr *addr)
{
	for (size_t i = 0; i < view->n_nodes; i++)
		for (size_t k = 0; k < view->nodes[i].port->n_addrs; k++)
			if (view->nodes[i].owns[k] &&
			    addr_equal(&view->nodes[i].port->addrs[k], addr))
				return &view->nodes[i];
	return NULL;
}

/* ---- the rules ---- */

static bool
check_tors(const struct fleet_node *a, const struct fleet_node *b)
{
	for (size_t i = 0; i < a->port->n_tors; i++)
		for (size_t k = 0; k < b->port->n_tors; k++)
			if (strcmp(a->port->tors[i], b->port->tors[k]) == 0)
				return true;
	return false;
}

static bool
check_rails(const struct fleet_node *a, const struct fleet_node *b)
{
	return !fleet_rules.rails_isolated || strcmp(a->port->rail, b->port->rail) == 0;
}

/* The kernel's rdma_flow_label_to_udp_sport(): labels whose ports are the same are one tuple. */
static unsigned int
check_source_port(uint32_t label)
{
	return ((label & 0x3fff) ^ ((label & 0xfc000) >> 14)) | 0xc000;
}

static void
check_labels(const struct pinglist_target *target)
{
	for (size_t i = 0; i < target->n_labels; i++)
		for (size_t k = 0; k < i; k++)
			if (check_source_port(target->labels[i]) ==
			    check_source_port(target->labels[k]))
				fleet_broken("two tuples of one source port to %s", target->host);
}

static void
check_pair(const struct fleet_node *from, const struct fleet_node *to, bool fabric)
{
	const char *why = NULL;

	if (from->host == to->host)
		why = "within a host";
	else if (!from->on || !to->on)
		why = "of a drained host";
	else if (!check_rails(from, to))
		why = "across isolated rails";
	else if (check_tors(from, to) == fabric)
		why = "of the wrong kind";
	if (why)
		fleet_broken("a pair %s: %s to %s", why, from->host, to->host);
}

static void
view_add(struct fleet_view *view, const struct fleet_entry *entry)
{
	struct fleet_entry *more;

	if (view->n_entries == view->room) {
		more = fleet_alloc((2 * view->room + 64) * sizeof(*more));
		if (view->room)
			memcpy(more, view->entries, view->room * sizeof(*more));
		fleet_free(view->entries);
		view->entries = more;
		view->room = 2 * view->room + 64;
	}
	view->entries[view->n_entries++] = *entry;
}

static void
check_target(struct fleet_view *view, struct fleet_node *from, const struct pinglist_port *port,
	     const struct pinglist_target *target)
{
	struct fleet_entry entry = {.from = from, .to = view_owner(view, &target->address),
				    .fabric = target->fabric, .tuples = target->tuples,
				    .v6 = !addr_is_v4(&target->address)};

	if (!entry.to) {
		fleet_broken("%s is to probe somebody who is gone: %s", from->host, target->host);
		return;
	}
	if (strcmp(entry.to->host, target->host) || strcmp(entry.to->port->device, target->device))
		fleet_broken("%s is to probe %s/%s under the address of %s/%s", from->host,
			     target->host, target->device, entry.to->host,
			     entry.to->port->device);
	if (addr_is_v4(&port->source) == entry.v6)
		fleet_broken("a pair of two address families: %s to %s", from->host, target->host);
	check_pair(from, entry.to, target->fabric);
	check_labels(target);
	entry.rate = target->tuples * 1e9 / (double)target->interval_ns;
	from->out += entry.rate;
	from->mesh += target->fabric ? 0 : entry.rate;
	entry.to->in += entry.rate;
	view_add(view, &entry);
}

static void
check_list(struct fleet_view *view, const struct registration *r, const struct pinglist *list)
{
	for (size_t i = 0; i < list->n_ports; i++) {
		const struct pinglist_port *port = &list->ports[i];
		struct fleet_node *from = view_owner(view, &port->source);

		if (!from || strcmp(from->host, r->host) ||
		    strcmp(from->port->device, port->device)) {
			fleet_broken("%s is to probe from an address of others", r->host);
			return;
		}
		for (size_t k = 0; k < port->n_targets; k++)
			check_target(view, from, port, &port->targets[k]);
	}
}

static void
check_host(struct fleet_view *view, const struct registration *r)
{
	char topic[TOPIC_SIZE], error[PINGLIST_ERROR];
	struct pinglist *list;
	const void *payload;
	size_t size;

	if (topic_make(topic, sizeof(topic), FLEET_PREFIX, "pinglist", r->host) < 0)
		abort();
	payload = fleet_broker_retained(topic, &size);
	if (!payload) {
		fleet_broken("%s has no list", r->host);
		return;
	}
	if (pinglist_unpack(payload, size, &list, error) < 0) {
		fleet_broken("the list of %s is wrong: %s", r->host, error);
		return;
	}
	check_list(view, r, list);
	pinglist_free(list);
}

/* How many address families both have for themselves. */
static unsigned int
check_families(const struct fleet_node *a, const struct fleet_node *b)
{
	bool family[2][2] = {{false, false}, {false, false}};

	for (size_t i = 0; i < a->port->n_addrs; i++)
		family[0][addr_is_v4(&a->port->addrs[i])] |= a->owns[i];
	for (size_t i = 0; i < b->port->n_addrs; i++)
		family[1][addr_is_v4(&b->port->addrs[i])] |= b->owns[i];
	return (family[0][0] && family[1][0]) + (family[0][1] && family[1][1]);
}

static unsigned int
check_share(uint32_t per_s)
{
	return (unsigned int)((uint64_t)per_s * fleet_rules.budget_percent / 100);
}

/* Under a ToR with more than 256 ports, each probes those of its group only. */
static bool
check_divided(const struct fleet_view *view)
{
	unsigned int most = 0;

	for (size_t i = 0; i < view->n_nodes; i++) {
		unsigned int n = 0;

		for (size_t k = 0; k < view->n_nodes; k++)
			n += check_tors(&view->nodes[i], &view->nodes[k]);
		most = n > most ? n : most;
	}
	return most > 256;
}

/* All pairs under a ToR are there, each once. */
static void
check_mesh(const struct fleet_view *view)
{
	unsigned int *n;

	if (check_divided(view))
		return;
	n = fleet_alloc((view->n_nodes * view->n_nodes + 1) * sizeof(*n));

	for (size_t i = 0; i < view->n_entries; i++)
		if (!view->entries[i].fabric)
			n[(view->entries[i].from - view->nodes) * (ptrdiff_t)view->n_nodes +
			  (view->entries[i].to - view->nodes)]++;
	for (size_t i = 0; i < view->n_nodes * view->n_nodes; i++) {
		const struct fleet_node *from = &view->nodes[i / view->n_nodes];
		const struct fleet_node *to = &view->nodes[i % view->n_nodes];
		bool pair = from->host != to->host && from->on && to->on &&
			    check_tors(from, to) && check_rails(from, to) &&
			    check_share(from->port->out_per_s) && check_share(to->port->in_per_s);

		if (n[i] != (pair ? check_families(from, to) : 0))
			fleet_broken("%s probes %s under its ToR %u times", from->host, to->host,
				     n[i]);
	}
	fleet_free(n);
}

static void
check_budgets(const struct fleet_view *view)
{
	for (size_t i = 0; i < view->n_nodes; i++) {
		const struct fleet_node *node = &view->nodes[i];

		if (node->out > check_share(node->port->out_per_s) + 1e-6)
			fleet_broken("%s is to send %.3f probes/s, more than its budget",
				     node->host, node->out);
		if (node->in > check_share(node->port->in_per_s) + 1e-6)
			fleet_broken("%s is to answer %.3f probes/s, more than its budget",
				     node->host, node->in);
		/* PLAN: ten a second of a port in its ToR mesh. */
		if (node->mesh > 10.001)
			fleet_broken("%s sends %.3f probes/s under its ToR", node->host,
				     node->mesh);
	}
}

/* ---- all know the same ---- */

/* Each central would publish the list that is there, byte for byte. */
static void
check_same(const struct fleet_central *c, const char *host, const void *payload, size_t size)
{
	msgpack_sbuffer body;
	msgpack_packer pk;

	msgpack_sbuffer_init(&body);
	msgpack_packer_init(&pk, &body, msgpack_sbuffer_write);
	if (mesh_pack_list(c->mesh, host, &pk) < 0)
		abort();
	if (body.size == 0 || body.size != size || memcmp(body.data, payload, size) != 0)
		fleet_broken("%s has another list of %s than the broker", c->loop.name, host);
	msgpack_sbuffer_destroy(&body);
}

struct check_lists {
	const struct fleet_central *centrals;
	size_t n, lists;
	const struct fleet_view *view;
};

/*
 * A central clears the lists of those of whom it has seen that they are gone. Nobody clears the
 * list of a host that went while no central was there.
 */
static void
check_gone(const struct check_lists *check, const char *host)
{
	for (size_t i = 0; i < check->n; i++)
		if (registry_find(mesh_registry(check->centrals[i].mesh), host))
			fleet_broken("there is a list of %s, who is gone", host);
}

static void
check_retained(void *arg, const char *topic, const void *payload, size_t size)
{
	struct check_lists *check = arg;
	char name[REGISTRATION_HOST];
	bool known = false;

	if (topic_name(topic, FLEET_PREFIX, "pinglist", name, sizeof(name)) < 0)
		return;
	for (size_t i = 0; i < check->view->n_hosts && !known; i++)
		known = strcmp(check->view->hosts[i]->host, name) == 0;
	if (!known) {
		check_gone(check, name);
		return;
	}
	check->lists++;
	for (size_t i = 0; i < check->n; i++)
		check_same(&check->centrals[i], name, payload, size);
}

static void
check_received(const struct fleet_host *hosts, size_t n)
{
	char topic[TOPIC_SIZE];
	const void *payload;
	size_t size;

	for (size_t i = 0; i < n; i++) {
		if (!hosts[i].bus)
			continue;
		if (topic_make(topic, sizeof(topic), FLEET_PREFIX, "pinglist", hosts[i].name) < 0)
			abort();
		payload = fleet_broker_retained(topic, &size);
		if (payload && (size != hosts[i].list_size ||
				memcmp(payload, hosts[i].list, size) != 0))
			fleet_broken("%s has another list than the broker", hosts[i].name);
	}
}

/* Each running host is registered with what it has. */
static void
check_registered(const struct fleet_host *hosts, size_t n)
{
	char topic[TOPIC_SIZE];
	const void *payload;
	size_t size;

	for (size_t i = 0; i < n; i++) {
		if (topic_make(topic, sizeof(topic), FLEET_PREFIX, "host", hosts[i].name) < 0)
			abort();
		payload = fleet_broker_retained(topic, &size);
		if (hosts[i].bus && (size != hosts[i].packed_size ||
				     memcmp(payload, hosts[i].packed, size) != 0))
			fleet_broken("%s is not registered as it is", hosts[i].name);
	}
}

/* Says whom each central has in its plan. */
static void
check_say(const struct fleet_central *c)
{
	const struct registry_host *host;
	struct registry_host_info info;

	fleet_say("%s knows:", c->loop.name);
	for (host = registry_next(mesh_registry(c->mesh), 0); host; host = registry_after(host)) {
		registry_host_info(host, &info);
		fleet_say("    %-12s %s (%s)%s", info.name, registry_state_names[info.state],
			  registry_left_names[info.left],
			  mesh_drained(c->mesh, info.name) ? " drained" : "");
	}
}

/* What is drained, and until when, is the same everywhere. */
static void
check_drains(const struct fleet_central *centrals, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct mesh *here = centrals[i].mesh, *there = centrals[(i + 1) % n].mesh;
		const struct drain *drain = NULL, *other;

		while ((drain = mesh_drain_next(here, drain))) {
			other = mesh_drained(there, drain->host);
			if (!other || other->until_ns != drain->until_ns)
				fleet_broken("%s has another drain of %s than %s",
					     centrals[i].loop.name, drain->host,
					     centrals[(i + 1) % n].loop.name);
		}
	}
}

void
fleet_check(struct fleet_central *centrals, size_t n, struct fleet_host *hosts, size_t n_hosts)
{
	struct check_lists check = {.centrals = centrals, .n = n};
	struct fleet_view view;

	check_drains(centrals, n);
	view_begin(&view, centrals[0].mesh);
	check.view = &view;
	for (size_t i = 0; i < view.n_hosts && !fleet_failed[0]; i++)
		check_host(&view, view.hosts[i]);
	check_registered(hosts, n_hosts);
	fleet_broker_each(check_retained, &check);
	if (n > 1 &&
	    plan_digest(mesh_plan(centrals[0].mesh)) != plan_digest(mesh_plan(centrals[1].mesh)))
		fleet_broken("two centrals have different plans");
	check_received(hosts, n_hosts);
	if (!fleet_failed[0]) {
		check_mesh(&view);
		check_budgets(&view);
		fleet_check_cover(&view, &centrals[0]);
	}
	fleet_say("quiet: %zu hosts, %zu lists, %zu entries", view.n_hosts, check.lists,
		  view.n_entries);
	for (size_t i = 0; i < n && fleet_failed[0]; i++)
		check_say(&centrals[i]);
	view_end(&view);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "central/mesh/mesh_list.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "plan/plan.h"
#include "record/pinglist.h"
#include "record/registration.h"

/* A list in the making. The plan gives all targets of a port one after the other. */
struct mesh_list {
	struct pinglist list;
	struct pinglist_port *ports;
	struct pinglist_target *targets; /* of all ports */
	size_t n_ports, max_ports, n_targets, max_targets;
	size_t *firsts;                  /* the first target of each port */
	bool failed;
};

/* Makes room for one more element. */
static void *
mesh_list_grow(struct mesh_list *l, void *array, size_t n, size_t *max, size_t size)
{
	size_t more = *max ? 2 * *max : 16;
	void *grown;

	if (n < *max)
		return array;
	grown = reallocarray(array, more, size);
	if (!grown) {
		l->failed = true;
		return array;
	}
	*max = more;
	return grown;
}

static bool
mesh_list_same_port(const struct pinglist_port *port, const struct plan_source *from)
{
	return port->port == from->port && strcmp(port->device, from->device) == 0 &&
	       addr_equal(&port->source, from->address);
}

static void
mesh_list_port(struct mesh_list *l, const struct plan_source *from)
{
	size_t max = l->max_ports;

	if (l->n_ports && mesh_list_same_port(&l->ports[l->n_ports - 1], from))
		return;
	l->firsts = mesh_list_grow(l, l->firsts, l->n_ports, &max, sizeof(*l->firsts));
	l->ports = mesh_list_grow(l, l->ports, l->n_ports, &l->max_ports, sizeof(*l->ports));
	if (l->failed)
		return;
	l->firsts[l->n_ports] = l->n_targets;
	l->ports[l->n_ports++] = (struct pinglist_port){
		.device = from->device, .port = (uint8_t)from->port, .source = *from->address};
}

static void
mesh_list_target(void *arg, const struct plan_source *from, const struct plan_target *to)
{
	struct mesh_list *l = arg;
	struct pinglist_target *target;

	mesh_list_port(l, from);
	l->targets = mesh_list_grow(l, l->targets, l->n_targets, &l->max_targets,
				    sizeof(*l->targets));
	if (l->failed)
		return;
	target = &l->targets[l->n_targets++];
	*target = (struct pinglist_target){
		.address = *to->address,
		.host = to->host,
		.device = to->device,
		.tor = to->tor ? to->tor : "",
		.port = (uint8_t)to->port,
		.fabric = to->kind == PLAN_FABRIC,
		.traffic_class = to->traffic_class,
		.interval_ns = to->interval_us * NSEC_PER_USEC,
		.tuples = to->tuples,
		.n_labels = to->n_labels,
	};
	for (unsigned int i = 0; i < to->n_labels; i++)
		target->labels[i] = to->labels[i];
}

int
mesh_list_pack(const struct plan *plan, const char *host, msgpack_packer *out)
{
	struct mesh_list l = {.list = {.host = host}};
	int rc;

	static_assert(PINGLIST_LABELS_MAX >= PLAN_LABELS, "room for the labels of a target");
	static_assert(PINGLIST_PORTS_MAX >= REGISTRATION_PORTS_MAX * REGISTRATION_ADDRS_MAX,
		      "room for all addresses of a host");
	l.list.generation = plan_list(plan, host, mesh_list_target, &l);
	for (size_t i = 0; i < l.n_ports; i++) {
		size_t end = i + 1 < l.n_ports ? l.firsts[i + 1] : l.n_targets;

		l.ports[i].targets = l.targets + l.firsts[i];
		l.ports[i].n_targets = end - l.firsts[i];
	}
	l.list.ports = l.ports;
	l.list.n_ports = l.n_ports;
	rc = l.n_targets > PINGLIST_TARGETS_MAX;
	if (l.failed)
		rc = -ENOMEM;
	else
		pinglist_pack(out, &l.list);
	free(l.ports);
	free(l.targets);
	free(l.firsts);
	return rc;
}

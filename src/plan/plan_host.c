/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of what a host says of itself, in the order that the plan needs: ports by name, addresses
 * and ToRs sorted and without repetition.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plan/plan_impl.h"

static int
plan_text_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
plan_host_addr_compare(const void *a, const void *b)
{
	return memcmp(&((const struct plan_address *)a)->addr,
		      &((const struct plan_address *)b)->addr, sizeof(struct addr));
}

static int
plan_host_nic_compare(const void *a, const void *b)
{
	const struct plan_nic *x = a, *y = b;
	int order = strcmp(x->device, y->device);

	return order ? order : (x->port > y->port) - (x->port < y->port);
}

static int
plan_nic_tors(struct plan_nic *nic, const struct plan_port *port)
{
	size_t n = 0;

	nic->tors = calloc(port->n_tors + 1, sizeof(*nic->tors));
	if (!nic->tors)
		return -ENOMEM;
	for (; nic->n_tors < port->n_tors; nic->n_tors++) {
		nic->tors[nic->n_tors] = strdup(port->tors[nic->n_tors]);
		if (!nic->tors[nic->n_tors])
			return -ENOMEM;
	}
	qsort(nic->tors, nic->n_tors, sizeof(*nic->tors), plan_text_compare);
	for (size_t i = 0; i < nic->n_tors; i++)
		if (!*nic->tors[i] || (n && strcmp(nic->tors[n - 1], nic->tors[i]) == 0))
			free(nic->tors[i]);
		else
			nic->tors[n++] = nic->tors[i];
	nic->n_tors = n;
	return 0;
}

static int
plan_nic_addresses(struct plan_nic *nic, const struct plan_port *port)
{
	size_t n = 0;

	nic->addresses = calloc(port->n_addresses + 1, sizeof(*nic->addresses));
	if (!nic->addresses)
		return -ENOMEM;
	for (size_t i = 0; i < port->n_addresses; i++)
		nic->addresses[i].addr = port->addresses[i];
	qsort(nic->addresses, port->n_addresses, sizeof(*nic->addresses), plan_host_addr_compare);
	for (size_t i = 0; i < port->n_addresses; i++)
		if (!n || !addr_equal(&nic->addresses[n - 1].addr, &nic->addresses[i].addr))
			nic->addresses[n++].addr = nic->addresses[i].addr;
	nic->n_addresses = n;
	return 0;
}

/* All that lists say of a target, as one number. */
static uint64_t
plan_nic_hash(const struct plan_nic *nic, const struct addr *addr)
{
	uint64_t hash = plan_hash(addr, sizeof(*addr));

	hash = plan_hash_text(hash, nic->host->name);
	hash = plan_hash_text(hash, nic->device);
	hash = plan_hash_text(hash, nic->rail);
	return plan_mix(hash + nic->port);
}

static int
plan_nic_members(struct plan_nic *nic)
{
	nic->n_members = nic->n_addresses * nic->n_tors;
	nic->members = calloc(nic->n_members + 1, sizeof(*nic->members));
	if (!nic->members)
		return -ENOMEM;
	for (size_t i = 0; i < nic->n_addresses; i++)
		nic->addresses[i].nic = nic;
	for (size_t i = 0; i < nic->n_members; i++) {
		struct plan_address *address = &nic->addresses[i / nic->n_tors];
		uint64_t hash = plan_nic_hash(nic, &address->addr);

		nic->members[i].address = address;
		nic->members[i].hash = plan_hash_text(hash, nic->tors[i % nic->n_tors]);
	}
	return 0;
}

static int
plan_nic_copy(struct plan_nic *nic, const struct plan_port *port)
{
	nic->device = strdup(port->device);
	nic->rail = strdup(port->rail);
	nic->port = port->port;
	nic->budget_out = port->budget_out;
	nic->budget_in = port->budget_in;
	nic->source_ports = port->source_ports;
	if (!nic->device || !nic->rail || plan_nic_tors(nic, port))
		return -ENOMEM;
	return plan_nic_addresses(nic, port);
}

static bool
plan_host_valid(const struct plan_host *host)
{
	if (!host->name || !*host->name || host->n_ports > PLAN_PORTS)
		return false;
	for (size_t i = 0; i < host->n_ports; i++) {
		const struct plan_port *port = &host->ports[i];

		if (!port->device || !port->rail || port->n_addresses > PLAN_ADDRESSES ||
		    port->n_tors > PLAN_TORS)
			return false;
	}
	return true;
}

static int
plan_host_ports(struct plan_node *node, const struct plan_host *host)
{
	size_t places = 0;

	for (; node->n_nics < host->n_ports; node->n_nics++)
		if (plan_nic_copy(&node->nics[node->n_nics], &host->ports[node->n_nics])) {
			node->n_nics++;
			return -ENOMEM;
		}
	qsort(node->nics, node->n_nics, sizeof(*node->nics), plan_host_nic_compare);
	for (size_t i = 0; i < node->n_nics; i++) {
		node->nics[i].host = node;
		if (i && plan_host_nic_compare(&node->nics[i - 1], &node->nics[i]) == 0)
			return -EINVAL;
	}
	for (size_t i = 0; i < node->n_nics; i++)
		places += node->nics[i].n_addresses * node->nics[i].n_tors;
	if (places > PLAN_PLACES)
		return -E2BIG;
	for (size_t i = 0; i < node->n_nics; i++)
		if (plan_nic_members(&node->nics[i]))
			return -ENOMEM;
	return 0;
}

int
plan_node_new(const struct plan_host *host, struct plan_node **out)
{
	struct plan_node *node;
	int err;

	if (!plan_host_valid(host))
		return -EINVAL;
	node = calloc(1, sizeof(*node));
	if (!node)
		return -ENOMEM;
	node->drained_until_s = host->drained_until_s;
	node->name = strdup(host->name);
	node->nics = calloc(host->n_ports + 1, sizeof(*node->nics));
	err = node->name && node->nics ? plan_host_ports(node, host) : -ENOMEM;
	if (err)
		plan_node_free(node);
	else
		*out = node;
	return err;
}

static void
plan_nic_clear(struct plan_nic *nic)
{
	for (size_t i = 0; i < nic->n_tors; i++)
		free(nic->tors[i]);
	for (size_t i = 0; i < nic->n_addresses; i++)
		free(nic->addresses[i].rivals.at);
	free(nic->tors);
	free(nic->device);
	free(nic->rail);
	free(nic->addresses);
	free(nic->members);
}

void
plan_node_free(struct plan_node *node)
{
	for (size_t i = 0; i < node->n_nics; i++)
		plan_nic_clear(&node->nics[i]);
	free(node->nics);
	free(node->name);
	free(node);
}

static bool
plan_nic_same(const struct plan_nic *a, const struct plan_nic *b)
{
	if (plan_host_nic_compare(a, b) != 0 || strcmp(a->rail, b->rail) != 0 ||
	    a->budget_out != b->budget_out || a->budget_in != b->budget_in ||
	    a->source_ports != b->source_ports || a->n_addresses != b->n_addresses ||
	    a->n_tors != b->n_tors)
		return false;
	for (size_t i = 0; i < a->n_addresses; i++)
		if (!addr_equal(&a->addresses[i].addr, &b->addresses[i].addr))
			return false;
	for (size_t i = 0; i < a->n_tors; i++)
		if (strcmp(a->tors[i], b->tors[i]) != 0)
			return false;
	return true;
}

bool
plan_node_same(const struct plan_node *a, const struct plan_node *b)
{
	if (a->drained_until_s != b->drained_until_s || a->n_nics != b->n_nics)
		return false;
	for (size_t i = 0; i < a->n_nics; i++)
		if (!plan_nic_same(&a->nics[i], &b->nics[i]))
			return false;
	return true;
}

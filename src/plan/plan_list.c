/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lists. They are nowhere stored but made when asked for, in the order of ports, addresses and
 * ToRs; for each of these the ToR mesh, then the fabric.
 */
#include <string.h>

#include "plan/plan_impl.h"

/* A list in the making. */
struct plan_lister {
	const struct plan *plan;
	plan_target_fn *each;
	void *arg;
	uint64_t hash;
};

static void
plan_list_fold(struct plan_lister *l, uint64_t word)
{
	l->hash = plan_mix(l->hash * 0x9e3779b97f4a7c15u + word);
}

static uint8_t
plan_list_class(const struct plan *plan, uint64_t hash)
{
	const struct plan_options *o = &plan->options;

	return o->n_classes ? o->classes[hash % o->n_classes] : 0;
}

/* `to->hash` stands for all that the target says of the member. */
static void
plan_list_target(struct plan_lister *l, const struct plan_member *from,
		 const struct plan_member *to, struct plan_target *t)
{
	const struct plan_nic *nic = to->address->nic;
	struct plan_source source = {from->address->nic->device, from->address->nic->port,
				     &from->address->addr};

	plan_list_fold(l, from->hash);
	plan_list_fold(l, to->hash);
	plan_list_fold(l, (uint64_t)t->kind << 32 | t->traffic_class << 16 | t->tuples << 8 |
				  t->n_labels);
	plan_list_fold(l, t->interval_us);
	for (unsigned int i = 0; i < t->n_labels; i++)
		plan_list_fold(l, t->labels[i]);
	if (!l->each)
		return;
	t->address = &to->address->addr;
	t->host = nic->host->name;
	t->device = nic->device;
	t->port = nic->port;
	t->tor = to->group->tor;
	t->rail = nic->rail;
	l->each(l->arg, &source, t);
}

static void
plan_list_mesh(struct plan_lister *l, const struct plan_member *m, uint64_t pass)
{
	struct plan_near near = plan_mesh_near_to(m);

	for (size_t i = 0; i < near.n; i++) {
		const struct plan_member *to = near.members[i].member;
		struct plan_target t = {.kind = PLAN_TOR, .tuples = 1};

		if (!plan_mesh_pair(m, &near.members[i], pass))
			continue;
		t.interval_us = plan_mesh_interval_us(m->address->nic, to->address->nic);
		t.traffic_class = plan_list_class(l->plan, plan_mix(m->hash ^ to->hash));
		if (t.interval_us)
			plan_list_target(l, m, to, &t);
	}
}

/*
 * Flow labels whose UDP source ports differ: the port is 0xc000 plus 14 bits, the label's upper 6
 * bits XORed into its lower 14 (rdma_flow_label_to_udp_sport() of the kernel). A label of 0 means
 * none, so port 0xc000 takes one whose two parts are equal.
 */
static void
plan_list_labels(struct plan_target *t, uint64_t key)
{
	uint32_t first = (uint32_t)plan_mix(key), step = (uint32_t)(plan_mix(key) >> 32) | 1;

	t->n_labels = t->tuples;
	for (unsigned int i = 0; i < t->n_labels; i++) {
		uint32_t port = (first + i * step) & 0x3fff;

		t->labels[i] = port ? port : 0x4001;
	}
}

static void
plan_list_slot(struct plan_lister *l, const struct plan_group *group,
	       const struct plan_edge *edge, unsigned int k)
{
	const struct plan_slot *slot = &edge->slots[k];
	uint64_t key = plan_slot_key(l->plan, edge, k);
	struct plan_target t = {.kind = PLAN_FABRIC,
				.tuples = plan_slot_tuples(edge, k),
				.interval_us = plan_edge_interval_us(group, edge)};

	t.traffic_class = plan_list_class(l->plan, plan_mix(key + 1));
	if (!slot->from->address->nic->source_ports)
		plan_list_labels(&t, key);
	plan_list_target(l, slot->from, slot->to, &t);
}

static void
plan_list_fabric(struct plan_lister *l, const struct plan_member *m)
{
	const struct plan_group *group = m->group;
	const struct plan_slot *slot;

	for (uint32_t i = m->first_slot; i; i = slot->next) {
		const struct plan_edge *edge = &group->edges[group->slots[i - 1].edge];

		slot = &group->slots[i - 1];
		/* Until the next run, a slot may have a member that has gone since. */
		if (slot->to && slot->to->group)
			plan_list_slot(l, group, edge, (unsigned int)(slot - edge->slots));
	}
}

uint64_t
plan_node_list(const struct plan *plan, const struct plan_node *node, plan_target_fn *each,
	       void *arg)
{
	struct plan_lister l = {.plan = plan, .each = each, .arg = arg, .hash = 1};
	uint64_t pass = 0;

	for (size_t i = 0; i < node->n_nics; i++)
		for (size_t k = 0; k < node->nics[i].n_members; k++) {
			const struct plan_member *m = &node->nics[i].members[k];

			if (k % node->nics[i].n_tors == 0)
				pass = plan_mesh_pass(plan);
			if (!m->group)
				continue;
			plan_list_mesh(&l, m, pass);
			plan_list_fabric(&l, m);
		}
	return l.hash;
}

uint64_t
plan_list(const struct plan *plan, const char *host, plan_target_fn *each, void *arg)
{
	size_t at;
	const struct plan_node *node = plan_find(plan, host, &at);

	return node ? plan_node_list(plan, node, each, arg) : 1;
}

uint64_t
plan_digest(const struct plan *plan)
{
	struct plan_lister l = {.plan = plan};

	for (size_t i = 0; i < plan->n_nodes; i++) {
		plan_list_fold(&l, plan_hash_text(0, plan->nodes[i]->name));
		plan_list_fold(&l, plan->nodes[i]->generation);
	}
	return l.hash;
}

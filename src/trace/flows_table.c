/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of QPs and flows: two hash tables (uthash), and the flows in the order of their ids.
 *
 * Ids only grow, so a new flow is appended to an array, which is searched by bisection. A flow that
 * ends leaves a gap. A walk jumps over gaps by `skip`, and shortens the jumps for the next walk
 * (path halving, as in disjoint sets). If the array is full and half of it is gaps, the gaps are
 * removed; otherwise the array grows. So it has at most twice as many slots as there were flows at
 * the same time.
 */
#include "trace/flows_impl.h"

#include <stdlib.h>
#include <string.h>

#define FLOWS_SLOTS_MIN 64

struct flow_qp_ref *
flows_table_qp(const struct flows *flows, uint32_t device_index, uint32_t qpn)
{
	struct flows_qp_key key = {device_index, qpn};
	struct flow_qp_ref *ref;

	HASH_FIND(hh, flows->by_qpn, &key, sizeof(key), ref);
	return ref;
}

struct flow_qp_ref *
flows_table_add_qp(struct flows *flows, uint32_t device_index, uint32_t qpn)
{
	struct flow_qp_ref *ref = calloc(1, sizeof(*ref));

	if (!ref)
		return NULL;
	ref->key = (struct flows_qp_key){device_index, qpn};
	ref->qp.device_index = device_index;
	ref->qp.qpn = qpn;
	HASH_ADD(hh, flows->by_qpn, key, sizeof(ref->key), ref);
	if (!ref->hh.tbl) { /* out of memory */
		free(ref);
		return NULL;
	}
	/* The present dump has not seen it, so it goes before those that the dump has seen. */
	TAILQ_INSERT_HEAD(&flows->all, ref, in_all);
	flows->stats.qps++;
	return ref;
}

void
flows_table_remove_qp(struct flows *flows, struct flow_qp_ref *ref)
{
	TAILQ_REMOVE(&flows->all, ref, in_all);
	HASH_DELETE(hh, flows->by_qpn, ref);
	flows->stats.qps--;
	free(ref);
}

struct flow *
flows_table_flow(const struct flows *flows, const struct flow_key *key)
{
	struct flow *flow;

	HASH_FIND(hh, flows->by_key, key, sizeof(*key), flow);
	return flow;
}

static void
flows_table_close_gaps(struct flows *flows)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < flows->n_slots; i++) {
		if (!flows->slot[i].flow)
			continue;
		flows->slot[n] = flows->slot[i];
		flows->slot[n].flow->slot = n;
		n++;
	}
	flows->n_slots = n;
}

static bool
flows_table_room(struct flows *flows)
{
	if (flows->n_slots < flows->slot_room)
		return true;
	if (flows->slot_room && flows->stats.flows <= flows->slot_room / 2) {
		flows_table_close_gaps(flows);
		return true;
	}
	uint32_t room = flows->slot_room ? 2 * flows->slot_room : FLOWS_SLOTS_MIN;
	struct flows_slot *slot = reallocarray(flows->slot, room, sizeof(*slot));

	if (!slot)
		return false;
	flows->slot = slot;
	flows->slot_room = room;
	return true;
}

struct flow *
flows_table_add_flow(struct flows *flows, const struct flow_key *key)
{
	struct flow *flow = flows_table_room(flows) ? calloc(1, sizeof(*flow)) : NULL;

	if (!flow)
		return NULL;
	flow->info.key = *key;
	HASH_ADD(hh, flows->by_key, info.key, sizeof(flow->info.key), flow);
	if (!flow->hh.tbl) { /* out of memory */
		free(flow);
		return NULL;
	}
	TAILQ_INIT(&flow->qps);
	flow->info.id = ++flows->last_id;
	flow->slot = flows->n_slots++;
	flows->slot[flow->slot] = (struct flows_slot){.id = flow->info.id, .flow = flow};
	flows->stats.flows++;
	return flow;
}

void
flows_table_remove_flow(struct flows *flows, struct flow *flow)
{
	flows->slot[flow->slot].flow = NULL;
	flows->slot[flow->slot].skip = flow->slot + 1;
	HASH_DELETE(hh, flows->by_key, flow);
	flows->stats.flows--;
	free(flow);
}

/* The index of the first slot with an id > after, or n_slots. */
static uint32_t
flows_table_search(const struct flows *flows, uint64_t after)
{
	uint32_t low = 0, high = flows->n_slots;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (flows->slot[middle].id > after)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

struct flow *
flows_next(const struct flows *flows, uint64_t after)
{
	struct flows_slot *slot = flows->slot;
	uint32_t i = flows_table_search(flows, after), n = flows->n_slots;

	while (i < n && !slot[i].flow) {
		uint32_t next = slot[i].skip;

		if (next < n && !slot[next].flow)
			next = slot[i].skip = slot[next].skip;
		i = next;
	}
	return i < n ? slot[i].flow : NULL;
}

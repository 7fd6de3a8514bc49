/* SPDX-License-Identifier: Apache-2.0 */
/* What flows.c and flows_table.c share. No other file includes this. */
#ifndef RPINGMESH_TRACE_FLOWS_IMPL_H
#define RPINGMESH_TRACE_FLOWS_IMPL_H

#include <sys/queue.h>

/*
 * Without memory, uthash refuses a new element. Its default hash function falls through the cases
 * of a switch, and clang warns about that. Only flows_table.c uses its macros.
 */
#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION(key, len, hash) HASH_OAT(key, len, hash)
#include <uthash.h>

#include "trace/flows.h"

struct flows_qp_key {
	uint32_t device_index, qpn;
};
_Static_assert(sizeof(struct flows_qp_key) == 8, "hashed as bytes: no padding");
_Static_assert(sizeof(struct flow_key) == 40, "hashed as bytes: no padding");

/* A known QP. The table owns it. */
struct flow_qp_ref {
	struct flows_qp_key key;
	struct flow_qp qp;
	struct flow *flow;      /* the same as qp.flow */
	bool over;              /* it has been counted in over_flows */
	uint64_t seen;          /* the last dump that it has certainly outlived */
	UT_hash_handle hh;
	TAILQ_ENTRY(flow_qp_ref) in_all, in_flow;
};
TAILQ_HEAD(flows_qp_list, flow_qp_ref);

/* The table owns it, from its first QP to its last. */
struct flow {
	struct flow_info info;
	struct flows_qp_list qps;
	uint32_t slot;
	UT_hash_handle hh;
};

/* A place in the order of ids. */
struct flows_slot {
	uint64_t id;
	struct flow *flow;      /* NULL: it has ended */
	uint32_t skip; /* if it has ended: all slots from here to this index have ended, too */
};

struct flows {
	struct flows_config config;
	struct flow_qp_ref *by_qpn;     /* uthash */
	struct flow *by_key;            /* uthash */
	struct flows_qp_list all; /* first the QPs that the present dump has not seen yet */
	struct flows_slot *slot;        /* by id; may have gaps */
	uint32_t n_slots, slot_room;
	uint64_t last_id;
	uint64_t dump;                  /* number of dumps */
	uint64_t dump_began_ns;
	bool dumping;
	struct flows_stats stats;
};

struct flow_qp_ref *flows_table_qp(const struct flows *flows, uint32_t device_index, uint32_t qpn);
/* Returns NULL if there is no memory. */
struct flow_qp_ref *flows_table_add_qp(struct flows *flows, uint32_t device_index, uint32_t qpn);
void flows_table_remove_qp(struct flows *flows, struct flow_qp_ref *ref);

struct flow *flows_table_flow(const struct flows *flows, const struct flow_key *key);
/* Makes a flow with the next id. Returns NULL if there is no memory. */
struct flow *flows_table_add_flow(struct flows *flows, const struct flow_key *key);
void flows_table_remove_flow(struct flows *flows, struct flow *flow);

#endif

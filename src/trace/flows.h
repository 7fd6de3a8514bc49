/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QPs and flows. QP events come in, in any order and with gaps; out come flows: all connected QPs
 * that share (device, source GID, destination GID, UDP source port, traffic class, service level).
 * Pure: time comes in as now_ns (CLOCK_MONOTONIC).
 *
 * A QP is known by (device index, QPN) from its first event until its destruction, or until a dump
 * no longer lists it. It belongs to a flow while it is of a connected type (RC, UC, XRC), has a
 * RoCE v2 or unknown GID type with both GIDs, and is in RTR, RTS, SQD or SQE. A change of path
 * moves it to another flow. A flow begins with its first QP and ends with its last; while it lives
 * its struct stays where it is.
 *
 * Memory is bounded by max_qps and max_flows (about 350 bytes a QP): what does not fit, or finds no
 * memory, is counted, never silent, and is taken in by a later dump when there is room again.
 */
#ifndef RPINGMESH_TRACE_FLOWS_H
#define RPINGMESH_TRACE_FLOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "rpingmesh/qp_event.h"
#include "trace/flow_port.h"

struct flows;
struct flow;

/* One QP, for reading. Borrowed: valid until the next event or dump. */
struct flow_qp {
	uint32_t device_index, driver_id;
	char device[QP_EVENT_DEVICE_NAME];
	uint32_t qpn, remote_qpn, port, flow_label;
	uint32_t owner_tgid;
	uint64_t cgroup_id;
	char owner[QP_EVENT_OWNER_NAME];
	bool user, has_state, has_remote, has_sgid;
	bool has_av;            /* dgid, flow_label, traffic_class, hop_limit, service_level */
	uint8_t qp_type, state, path_mtu, service_level, traffic_class, hop_limit, gid_type;
	struct addr sgid, dgid;
	uint16_t src_port;      /* UDP_PORT_UNKNOWN */
	uint64_t since_ns;      /* first event; for one found by a dump: that of the dump */
	bool found; /* its creation was not seen: it was there before, or events were lost */
	const struct flow *flow;/* NULL: in none */
};

struct flow_key {
	uint32_t device_index;
	struct addr sgid, dgid;
	uint16_t src_port;
	uint8_t traffic_class, service_level;
};

struct flow_info {
	uint64_t id;            /* from 1, never used again */
	struct flow_key key;
	char device[QP_EVENT_DEVICE_NAME];
	uint32_t port, driver_id;
	uint8_t gid_type, path_mtu; /* of its first QP */
	uint32_t n_qps;
	uint64_t since_ns;
	void *user;             /* the caller's */
};

struct flows_ops {
	/*
	 * A flow begins (it has its first QP) or ends (it has none any more, and goes right after).
	 * Must not call back into flows_ but to read.
	 */
	void (*began)(void *arg, struct flow *flow);
	void (*ended)(void *arg, struct flow *flow);
	/*
	 * Something happened to a QP; called after the table has taken it in. e: as it came. A
	 * destroyed QP is shown as it was, still in its flow; then it goes. Not for QUERY events
	 * that say nothing new, nor for events that were bad, had no room, or destroyed a QP that
	 * was not known (there is nothing to show). May be NULL.
	 */
	void (*event)(void *arg, const struct qp_event *e, const struct flow_qp *qp);
};

struct flows_config {
	uint32_t max_qps, max_flows;
	struct flow_port_kernel kernel;
	const struct flows_ops *ops;
	void *arg;
};

/* 0 and *out, or -ENOMEM. */
int flows_new(const struct flows_config *config, struct flows **out);
/* Ends all flows. NULL is allowed. */
void flows_free(struct flows *flows);

/*
 * Takes in one event. Nothing in it is trusted: names may lack their '\0', numbers may be out of
 * range. An event is bad, and left out, whose type, QPNs, state, flow label or GID type cannot be;
 * QP types, drivers and MTUs that have no name here are taken as they are.
 *
 * Every event is in exactly one of bad, over_qps, destroyed_unknown and what was taken in. CREATE
 * of a QP that is known, or any event by another owner or of another QP type, replaces it: it has
 * vanished. What QUERY does not say stays as it was. e->time_ns is believed to be CLOCK_MONOTONIC,
 * for since_ns and for dumps.
 */
void flows_event(struct flows *flows, const struct qp_event *e, uint64_t now_ns);

/*
 * A dump: begin, before the kernel is asked; then each QP of it as it is received, while events go
 * on coming; then end once the events of the dump are in. Ended with complete, it removes the QPs
 * that it did not list, but for those of which an event tells that happened (e->time_ns) after it
 * began; with complete false nothing is removed. A QP that is listed and not known is left to its
 * QUERY event. begin without end begins anew; end without begin does nothing.
 */
void flows_dump_begin(struct flows *flows, uint64_t now_ns);
void flows_dump_qp(struct flows *flows, uint32_t device_index, uint32_t qpn);
void flows_dump_end(struct flows *flows, bool complete, uint64_t now_ns);
/* Whether flows_dump_end(complete) would remove something now. */
bool flows_dump_misses(const struct flows *flows);

/* Everything is forgotten, as vanished: the RDMA stack has gone. */
void flows_clear(struct flows *flows);

void flow_info(const struct flow *flow, struct flow_info *out);
void flow_set_user(struct flow *flow, void *user);
/*
 * Walks flows by id: the first with an id > after, which may have ended. NULL ends. O(log n),
 * amortised.
 */
struct flow *flows_next(const struct flows *flows, uint64_t after);
/* Walks the QPs of a flow: NULL begins, NULL ends. The view is filled into *out. */
struct flow_qp_ref;
const struct flow_qp_ref *flow_next_qp(const struct flow *flow, const struct flow_qp_ref *after,
				       struct flow_qp *out);

/* created + found = destroyed + vanished + qps; flows_began = flows_ended + flows. */
struct flows_stats {
	uint32_t qps, flows;        /* now */
	uint64_t created, destroyed, flows_began, flows_ended;
	uint64_t found;	   /* QPs whose creation was not seen: there before, or lost events */
	uint64_t vanished; /* QPs whose end was not seen: no dump lists them, or another has their
			      number */
	uint64_t destroyed_unknown; /* ends of QPs that were not known */
	uint64_t over_qps;          /* events of QPs that had no room */
	uint64_t over_flows;        /* QPs whose flow had no room: once each, until they find it */
	uint64_t bad;               /* events that cannot be */
	uint64_t events;
};
void flows_stats(const struct flows *flows, struct flows_stats *out);

/*
 * "RC", "UD", … of enum ib_qp_type; "RTS", … of enum ib_qp_state; "rxe", "mlx5", … of enum
 * rdma_driver_id. NULL if unknown.
 */
const char *flow_qp_type_name(uint8_t qp_type);
const char *flow_qp_state_name(uint8_t state);
const char *flow_driver_name(uint32_t driver_id);
/* Bytes of enum ib_mtu; 0 if unknown. */
uint32_t flow_mtu_bytes(uint8_t mtu);

#endif

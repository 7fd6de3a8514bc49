/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QPs and flows. The input is QP events, in any order and with gaps. The output is flows: a flow
 * consists of all connected QPs with the same device, source GID, destination GID, UDP source port,
 * traffic class and service level. Pure: now_ns is the time (CLOCK_MONOTONIC).
 *
 * The key of a QP is (device index, QPN). The table contains it from its first event until its
 * destruction, or until a dump no longer lists it. It is part of a flow while three conditions
 * hold: its type is connected (RC, UC, XRC); it has both GIDs, and their type is RoCE v2 or
 * unknown; its state is RTR, RTS, SQD or SQE. If its path changes, it moves to another flow. A flow
 * begins with its first QP and ends with its last. Its struct does not move.
 *
 * max_qps and max_flows limit the memory (about 350 bytes for each QP). If there is no room or no
 * memory for a QP or flow, it is counted, and a later dump adds it when there is room again.
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

/* One QP. Borrowed, read only, valid until the next event or dump. */
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
	uint64_t since_ns;      /* first event; if a dump found it, the time of the dump */
	bool found; /* there was no event of its creation: it is older, or events were lost */
	const struct flow *flow;/* NULL: in no flow */
};

struct flow_key {
	uint32_t device_index;
	struct addr sgid, dgid;
	uint16_t src_port;
	uint8_t traffic_class, service_level;
};

struct flow_info {
	uint64_t id;            /* from 1; never used twice */
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
	 * A flow has got its first QP, or has lost its last one and is freed right after this call.
	 * These may call only those functions of this module that read.
	 */
	void (*began)(void *arg, struct flow *flow);
	void (*ended)(void *arg, struct flow *flow);
	/*
	 * An event has updated a QP. e is the event as it came. If the QP was destroyed, qp shows
	 * its last state, still in its flow; it is freed after this call. Not called for QUERY
	 * events without news, for bad events, if there was no room, and if an unknown QP was
	 * destroyed. May be NULL.
	 */
	void (*event)(void *arg, const struct qp_event *e, const struct flow_qp *qp);
};

struct flows_config {
	uint32_t max_qps, max_flows;
	struct flow_port_kernel kernel;
	const struct flows_ops *ops;
	void *arg;
};

/* Returns 0 and sets *out, which the caller owns, or -ENOMEM. */
int flows_new(const struct flows_config *config, struct flows **out);
/* Ends all flows. NULL is allowed. */
void flows_free(struct flows *flows);

/*
 * Adds one event. It need not be valid: names may lack their '\0', numbers may be out of range. An
 * event with an impossible type, QPN, state, flow label or GID type is bad and is dropped. Unknown
 * QP types, drivers and MTUs are accepted.
 *
 * Each event counts as bad, as over_qps, as destroyed_unknown, or updates the table. A CREATE of a
 * known QP, or an event with another owner or another QP type, replaces the QP; the old one has
 * vanished. A QUERY changes only what it contains. e->time_ns must be CLOCK_MONOTONIC; it is used
 * for since_ns and for dumps.
 */
void flows_event(struct flows *flows, const struct qp_event *e, uint64_t now_ns);

/*
 * A dump of all QPs. Call begin before asking the kernel; qp for each QP of the dump, while events
 * continue to come; and end when all events of the dump have been added. If it is complete, end
 * removes the QPs that the dump did not list, except those with an event (e->time_ns) since the
 * dump began. If it is not complete, end removes nothing. A listed but unknown QP is added by its
 * QUERY event, not here. begin without end starts again; end without begin does nothing.
 */
void flows_dump_begin(struct flows *flows, uint64_t now_ns);
void flows_dump_qp(struct flows *flows, uint32_t device_index, uint32_t qpn);
void flows_dump_end(struct flows *flows, bool complete, uint64_t now_ns);
/* Whether flows_dump_end(complete) would remove something now. */
bool flows_dump_misses(const struct flows *flows);

/* Removes all QPs; they count as vanished. For when the RDMA stack has gone. */
void flows_clear(struct flows *flows);

/* Copies the flow's data. */
void flow_info(const struct flow *flow, struct flow_info *out);
void flow_set_user(struct flow *flow, void *user);
/*
 * Walks the flows by id: returns the first with an id > after, or NULL. The flow `after` may have
 * ended. O(log n), amortised.
 */
struct flow *flows_next(const struct flows *flows, uint64_t after);
/* Walks the QPs of a flow, and copies each to *out. Begins with after = NULL and ends with NULL. */
struct flow_qp_ref;
const struct flow_qp_ref *flow_next_qp(const struct flow *flow, const struct flow_qp_ref *after,
				       struct flow_qp *out);

/* created + found = destroyed + vanished + qps; flows_began = flows_ended + flows. */
struct flows_stats {
	uint32_t qps, flows;        /* now */
	uint64_t created, destroyed, flows_began, flows_ended;
	uint64_t found;	   /* QPs without an event of their creation: older, or it was lost */
	uint64_t vanished; /* QPs without an event of their end: a dump does not list them, or
			      another QP has their number */
	uint64_t destroyed_unknown; /* ends of unknown QPs */
	uint64_t over_qps;          /* events of QPs for which there was no room */
	uint64_t over_flows;        /* QPs for whose flow there was no room; each counts once */
	uint64_t bad;               /* impossible events */
	uint64_t events;
};
void flows_stats(const struct flows *flows, struct flows_stats *out);

/*
 * The names of enum ib_qp_type ("RC", "UD", …), enum ib_qp_state ("RTS", …) and enum rdma_driver_id
 * ("rxe", "mlx5", …). NULL if the value is unknown.
 */
const char *flow_qp_type_name(uint8_t qp_type);
const char *flow_qp_state_name(uint8_t state);
const char *flow_driver_name(uint32_t driver_id);
/* The size in bytes of an enum ib_mtu; 0 if unknown. */
uint32_t flow_mtu_bytes(uint8_t mtu);

#endif

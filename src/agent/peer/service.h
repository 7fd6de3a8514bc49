/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Services: the flows that tracing has found, each probed along its own path while its remote end
 * has a daemon. R-Pingmesh (SIGCOMM 2024) section 4.3, service tracing.
 */
#ifndef RPINGMESH_AGENT_PEER_SERVICE_H
#define RPINGMESH_AGENT_PEER_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/peer/peer.h"
#include "probe/prober.h"
#include "rpingmesh/states.h"
#include "trace/flows.h"

struct owners;
struct service;
struct services;
struct trace;

const char *service_state_name(enum service_state s);

struct services_ops {
	/* Something has happened to a QP. */
	void (*event)(void *arg, const struct qp_event *e, const struct flow_qp *qp);
	/* Tracing ends: what it has counted is about to be forgotten. */
	void (*trace_ends)(void *arg, const struct trace *trace);
};

/* All borrowed. */
struct services_env {
	struct loop *loop;
	struct pump *pump;
	struct nics *nics;
	struct peers *peers;
	struct last_probes_pool *last_probes;
	const struct services_ops *ops;
	void *arg;
};

/* 0 and *out, not tracing, or -ENOMEM. */
int services_new(const struct services_env *env, struct services **out);
/* NULL is allowed. */
void services_free(struct services *services);
/*
 * Makes tracing match the configuration, which is borrowed until the next call: starts it, stops
 * it, sets each flow's probing anew. 0 or -ENOMEM.
 */
int services_configure(struct services *services, const struct config *config);

/* NULL while tracing is switched off. */
struct trace *services_trace(const struct services *services);
/* All flows; NULL: likewise. */
const struct flows *services_flows(const struct services *services);
/* NULL before tracing was ever switched on. */
struct owners *services_owners(const struct services *services);

/* How probing of a flow stands, and what it brought. Borrowed strings. */
struct service_info {
	enum service_state state;
	const char *reason;           /* NULL: nothing to say */
	const struct peer *peer;      /* NULL: none */
	const struct prober_target *target; /* NULL: none */
	struct probe_totals totals;
};
/* flow: one of services_flows(). */
void service_info(const struct flow *flow, struct service_info *out);
uint64_t service_flow_id(const struct service *service);
/* Flows that are being probed now. */
uint32_t services_probed(const struct services *services);

/* What the peers and the nics say. */
void services_peer_event(struct peer *peer, enum peer_event event);
void services_nic_event(struct services *services, const struct nic *nic, enum nic_event event);

/* The flows that hold this peer, at most max of them into *out. Returns how many there are. */
size_t service_flows(const struct peer *peer, const struct flow **out, size_t max);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Services: the flows that tracing has found. Each is probed on its own path while its remote end
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

struct helper;
struct owners;
struct service;
struct services;
struct trace;

const char *service_state_name(enum service_state s);

struct services_ops {
	/* There is an event of a QP. */
	void (*event)(void *arg, const struct qp_event *e, const struct flow_qp *qp);
	/* Tracing ends, and its counts are about to be lost. */
	void (*trace_ends)(void *arg, const struct trace *trace);
};

/* All borrowed. */
struct services_env {
	struct loop *loop;
	struct pump *pump;
	struct nics *nics;
	struct peers *peers;
	struct helper *helper; /* the same as in struct trace_config */
	struct last_probes_pool *last_probes;
	const struct services_ops *ops;
	void *arg;
};

/* Returns 0 and sets *out, which does not trace yet, or -ENOMEM. */
int services_new(const struct services_env *env, struct services **out);
/* NULL is allowed. */
void services_free(struct services *services);
/*
 * Makes tracing match the configuration, which is borrowed until the next call: starts or stops it,
 * and updates the probing of each flow. Returns 0 or -ENOMEM.
 */
int services_configure(struct services *services, const struct config *config);

/* NULL while tracing is switched off. */
struct trace *services_trace(const struct services *services);
/* All flows; NULL while tracing is switched off. */
const struct flows *services_flows(const struct services *services);
/* NULL until tracing is switched on for the first time. */
struct owners *services_owners(const struct services *services);

/* The state of probing for a flow, and its results. Strings are borrowed. */
struct service_info {
	enum service_state state;
	const char *reason;           /* NULL: none */
	const struct peer *peer;      /* NULL: none */
	const struct prober_target *target; /* NULL: none */
	struct probe_totals totals;
};
/* flow: one of services_flows(). */
void service_info(const struct flow *flow, struct service_info *out);
uint64_t service_flow_id(const struct service *service);
/* The number of flows that are being probed. */
uint32_t services_probed(const struct services *services);

/* For peers_ops.event and nics_ops.event. */
void services_peer_event(struct peer *peer, enum peer_event event);
void services_nic_event(struct services *services, const struct nic *nic, enum nic_event event);

/* Puts at most max of the flows that hold this peer into *out. Returns the number of all. */
size_t service_flows(const struct peer *peer, const struct flow **out, size_t max);

#endif

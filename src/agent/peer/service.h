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

#include "agent/nic/nic.h"
#include "probe/prober.h"
#include "trace/flows.h"

struct daemon;
struct nic;
struct peer;
struct service;

/* Where probing of a flow stands. */
enum service_state {
	SERVICE_UNPROBED,  /* it is not to be, or cannot be */
	SERVICE_WAITING,   /* the remote end has not been asked yet, has not answered yet, or cannot
			      be asked: the local port is down */
	SERVICE_NO_DAEMON, /* the remote end has no daemon, or its daemon is not heard; asked again
			      with back-off */
	SERVICE_PROBING,
	SERVICE_STATE_N
};
const char *service_state_name(enum service_state s);

/* Back-off for a remote end that only a flow wants to be asked: up to this. */
#define SERVICE_BACKOFF_MAX_NS (60ULL * 1000000000)

/*
 * Makes tracing match the configuration: starts it, stops it, sets each flow's probing anew. 0 or
 * -ENOMEM.
 */
int service_sync(struct daemon *d);
void service_free_all(struct daemon *d);

/* How probing of a flow stands, and what it brought. Borrowed strings. */
struct service_info {
	enum service_state state;
	const char *reason;           /* NULL: nothing to say */
	const struct peer *peer;      /* NULL: none */
	const struct prober_target *target; /* NULL: none */
	struct probe_totals totals;
};
/* flow: one of trace_flows(d->trace). */
void service_info(const struct daemon *d, const struct flow *flow, struct service_info *out);
uint64_t service_flow_id(const struct service *service);
/* Flows that are being probed now. */
uint32_t service_probed(const struct daemon *d);

/* From the peers. Binding or state has changed: looked at from the loop. */
void service_peer_changed(struct peer *peer);
/* The prober's peer is about to go. */
void service_peer_unbound(struct peer *peer);
bool service_uses_peer(const struct peer *peer);

/* What the nics say. */
void service_nic_event(struct daemon *d, const struct nic *nic, enum nic_event event);
/*
 * What may let flows be probed has changed, as the addresses of a nic: all are looked at from the
 * loop.
 */
void service_look_again(struct daemon *d);

/* The flows that hold this peer, at most max of them into *out. Returns how many there are. */
size_t service_flows(const struct peer *peer, const struct flow **out, size_t max);

#endif

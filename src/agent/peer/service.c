/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: service
 *
 * Each flow owns a struct service (its user pointer), from flow_began to flow_ended. The service
 * holds a peer, found or made for the remote address of the flow, and has a target on it while the
 * peer is up. So a peer that does not answer costs one SIDR request now and then, not a result
 * every few milliseconds.
 *
 *   unprobed   never held a peer: switched off, or no path to probe      (config, nics)
 *   waiting    holds a peer that is being named, bound, resolved         (peer's state)
 *   no_daemon  holds a peer that does not answer                         (peer's state)
 *   probing    has a target                                              (peer's state)
 *
 * Only service_update() decides the state of a service. A change of a peer calls
 * service_peer_changed(), which defers the update, because the prober or the peers may still use
 * their objects further up the stack.
 */
#include "agent/peer/service.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/udp_port.h"
#include "agent/peer/peer_impl.h"
#include "rpingmesh/log_subsystems.h"
#include "trace/owners.h"
#include "trace/trace.h"

struct services {
	struct services_env env;
	const struct config *config; /* the present one, borrowed; NULL: none yet */
	struct trace *trace;         /* NULL while tracing is switched off */
	struct owners *owners;
	uint32_t n_probed;           /* flows with a target */
	bool dirty;                  /* an update of all flows is deferred */
	bool sources_short;          /* there was no room for the source port of a flow */
};

struct service {
	LIST_ENTRY(service) in_peer;
	struct services *services;
	struct flow *flow;
	uint64_t flow_id;
	struct flow_key key;
	const char *reason;           /* why it is unprobed, static */
	struct peer_stream stream;    /* its peer is held, or NULL */
	struct prober_target *target; /* NULL: it is not probed */
	struct probe_totals past;     /* the sum of earlier targets */
	struct nic *source_nic;       /* the nic that has our want of source_port; NULL: none */
};

static const char *const service_state_names[] = SERVICE_STATE_NAMES;
static_assert(sizeof(service_state_names) / sizeof(service_state_names[0]) == SERVICE_STATE_N,
	      "a name for each state");

const char *
service_state_name(enum service_state s)
{
	return service_state_names[s];
}

static struct service *
service_of(const struct flow *flow)
{
	struct flow_info info;

	flow_info(flow, &info);
	return info.user;
}

uint64_t
service_flow_id(const struct service *service)
{
	return service->flow_id;
}

size_t
service_flows(const struct peer *peer, const struct flow **out, size_t max)
{
	const struct service *s;
	size_t n = 0;

	LIST_FOREACH(s, &peer->services, in_peer) {
		if (n < max)
			out[n] = s->flow;
		n++;
	}
	return n;
}

uint32_t
services_probed(const struct services *services)
{
	return services->n_probed;
}

struct trace *
services_trace(const struct services *services)
{
	return services->trace;
}

const struct flows *
services_flows(const struct services *services)
{
	return services->trace ? trace_flows(services->trace) : NULL;
}

struct owners *
services_owners(const struct services *services)
{
	return services->owners;
}

static void
services_update_deferred(void *arg);

/* A condition for probing flows has changed. The loop updates all services. */
static void
services_look_again(struct services *services)
{
	if (!services->dirty && services->trace &&
	    loop_defer(services->env.loop, services_update_deferred, services) == 0)
		services->dirty = true;
}

/* ---- the target ---- */

static void
service_unwant_source(struct service *s)
{
	if (!s->source_nic)
		return;
	nic_unwant_port(s->source_nic, s->key.src_port, SOURCE_SERVICE);
	s->source_nic = NULL;
}

/*
 * If each QP has one port, wants a QP with the flow's port. Until it is found, the path is
 * approximate.
 */
static void
service_want_source(struct service *s)
{
	struct nic *nic = s->stream.peer->nic;
	int rc;

	if (s->source_nic || s->key.src_port == UDP_PORT_UNKNOWN)
		return;
	rc = nic_want_port(nic, s->key.src_port, SOURCE_SERVICE);
	if (rc == 0)
		s->source_nic = nic;
	else if (rc == -ENOSPC)
		s->services->sources_short = true;
}

static void
service_drop_target(struct service *s)
{
	struct prober_target_info info;

	service_unwant_source(s);
	if (!s->target)
		return;
	prober_target_info(s->target, &info);
	/* Probes in flight have no result, so do not count them. */
	info.totals.due -= info.in_flight;
	info.totals.posted -= info.in_flight;
	probe_totals_add(&s->past, &info.totals);
	prober_target_remove(s->target);
	s->target = NULL;
	s->services->n_probed--;
}

static void
service_make_target(struct service *s)
{
	struct prober_target_config config = {
		.kind = PROBE_KIND_SERVICE,
		.interval_ns = s->services->config->trace_interval_ms * NSEC_PER_MSEC,
		.phase_ns = PROBER_PHASE_RANDOM,
		.fit = true,
		.flow_label = udp_port_label(s->key.src_port),
		.traffic_class = s->key.traffic_class,
		.service_level = s->key.service_level,
	};
	const struct config *c = s->services->config;

	config.n_sizes = c->n_sizes < PROBER_SIZES_MAX ? (uint32_t)c->n_sizes : PROBER_SIZES_MAX;
	for (uint32_t i = 0; i < config.n_sizes; i++)
		config.sizes[i] = c->sizes[i] == CONFIG_SIZE_MTU ? PROBER_SIZE_MTU : c->sizes[i];
	if (prober_target_add(s->stream.peer->prober, &config, &s->stream, clock_mono_ns(),
			      &s->target) < 0) {
		log_error(TRACE, "flow %llu: no memory to probe it",
			  (unsigned long long)s->flow_id);
		return;
	}
	s->services->n_probed++;
	pump_soon(s->services->env.pump);
}

/* ---- the peer ---- */

static void
service_drop_peer(struct service *s)
{
	struct peer *peer = s->stream.peer;

	service_drop_target(s);
	if (!peer)
		return;
	LIST_REMOVE(s, in_peer);
	s->stream.peer = NULL;
	peer_release(peer, PEER_ORIGIN_FLOW);
}

/* The nic of the flow, or NULL with *reason. */
static struct nic *
service_nic(const struct service *s, const struct flow_info *info, const char **reason)
{
	struct nic *nic = nics_find(s->services->env.nics, info->device, info->port);

	if (!nic)
		*reason = "the daemon does not probe from its device";
	else if (!nic_device(nic))
		*reason = "device is gone";
	else if (!device_find_gid(nic_device(nic), &s->key.sgid))
		*reason = "its source address is not one of the device's RoCE v2 addresses";
	else
		return nic;
	return NULL;
}

/* The nic to probe from, or NULL with the reason why the flow cannot be probed. */
static struct nic *
service_fit(const struct service *s, const char **reason)
{
	struct flow_info info;

	flow_info(s->flow, &info);
	*reason = NULL;
	if (!s->services->config->trace_probe)
		*reason = "switched off by tracing.probe";
	else if (info.gid_type != QP_EVENT_GID_ROCE_V2)
		*reason = "it is not RoCE v2";
	else if (nics_find_local(s->services->env.nics, &s->key.dgid))
		*reason = "both ends are on this host";
	return *reason ? NULL : service_nic(s, &info, reason);
}

static void
service_take_peer(struct service *s, struct nic *nic)
{
	struct peer *peer = peers_for_flow(s->services->env.peers, nic, &s->key.sgid,
					  &s->key.dgid);

	if (!peer) {
		s->reason = "out of memory";
		return;
	}
	s->stream.peer = peer;
	LIST_INSERT_HEAD(&peer->services, s, in_peer);
	peer_hold(peer, PEER_ORIGIN_FLOW);
}

/* A peer that others also hold may have moved to another nic, or to another address. */
static bool
service_peer_fits(const struct service *s, const struct nic *nic)
{
	const struct peer *peer = s->stream.peer;

	return !peer->nic || (peer->nic == nic && addr_equal(&peer->local, &s->key.sgid));
}

static void
service_update(struct service *s)
{
	struct nic *nic = service_fit(s, &s->reason);

	if (s->stream.peer && (!nic || !service_peer_fits(s, nic)))
		service_drop_peer(s);
	if (nic && !s->stream.peer)
		service_take_peer(s, nic);
	if (!s->stream.peer)
		return;
	if (!peer_is_up(s->stream.peer)) {
		service_drop_target(s);
		return;
	}
	if (!s->target)
		service_make_target(s);
	if (s->target)
		service_want_source(s);
}

static void
services_update_all(struct services *services)
{
	struct flow_info info;

	if (!services->trace)
		return;
	for (struct flow *flow = flows_next(trace_flows(services->trace), 0); flow;
	     flow = flows_next(trace_flows(services->trace), info.id)) {
		flow_info(flow, &info);
		if (info.user)
			service_update(info.user);
	}
}

static void
service_peer_update(void *arg)
{
	struct peer *peer = arg;
	struct service *s, *next;

	peer->services_dirty = false;
	/* When the last service leaves, the peer may be freed. */
	for (s = LIST_FIRST(&peer->services); s; s = next) {
		next = LIST_NEXT(s, in_peer);
		service_update(s);
	}
}

static void
service_peer_changed(struct peer *peer)
{
	if (!peer->services_dirty && !LIST_EMPTY(&peer->services) &&
	    loop_defer(peer->peers->env.loop, service_peer_update, peer) == 0)
		peer->services_dirty = true;
}

void
services_peer_event(struct peer *peer, enum peer_event event)
{
	struct service *s;

	if (event == PEER_UNBOUND)
		LIST_FOREACH(s, &peer->services, in_peer)
			service_drop_target(s);
	service_peer_changed(peer);
}

static void
services_update_deferred(void *arg)
{
	struct services *services = arg;

	services->dirty = false;
	services->sources_short = false;
	services_update_all(services);
}

static void
service_nic_closing(struct services *services, const struct nic *nic)
{
	struct flow_info info;

	for (struct flow *flow = flows_next(trace_flows(services->trace), 0); flow;
	     flow = flows_next(trace_flows(services->trace), info.id)) {
		struct service *s;

		flow_info(flow, &info);
		s = info.user;
		if (s && s->source_nic == nic)
			service_unwant_source(s);
	}
}

void
services_nic_event(struct services *services, const struct nic *nic, enum nic_event event)
{
	if (!services->trace)
		return;
	if (event == NIC_QUEUES_MADE)
		trace_devices_changed(services->trace);
	if (event == NIC_QUEUES_MADE || event == NIC_CHANGED ||
	    (event == NIC_PORT_FREE && services->sources_short))
		services_look_again(services);
	if (event == NIC_QUEUES_CLOSING)
		service_nic_closing(services, nic);
}

/* ---- events of tracing ---- */

static void
service_flow_began(void *arg, struct flow *flow)
{
	struct service *s = calloc(1, sizeof(*s));
	struct flow_info info;

	if (!s)
		return; /* no memory: the flow is shown as unprobed */
	flow_info(flow, &info);
	s->services = arg;
	s->flow = flow;
	s->flow_id = info.id;
	s->key = info.key;
	s->stream.service = s;
	flow_set_user(flow, s);
	service_update(s);
}

static void
service_flow_ended(void *arg, struct flow *flow)
{
	struct service *s = service_of(flow);

	(void)arg;
	if (!s)
		return;
	service_drop_peer(s);
	flow_set_user(flow, NULL);
	last_probes_free(s->services->env.last_probes, &s->stream.last);
	free(s);
}

static bool
service_wants_device(void *arg, const char *device)
{
	const struct config *config = ((const struct services *)arg)->config;

	return device_name_matches(device, config->devices, config->n_devices);
}

static void
service_event(void *arg, const struct qp_event *e, const struct flow_qp *qp)
{
	struct services *services = arg;

	/* Read the path of the cgroup while the process exists; it is kept for later. */
	if (qp->user)
		owners_cgroup(services->owners, qp->owner_tgid, qp->cgroup_id, clock_mono_ns());
	services->env.ops->event(services->env.arg, e, qp);
}

/* ---- start, stop, reading ---- */

static int
services_start(struct services *services)
{
	static const struct trace_ops ops = {
		.flow_began = service_flow_began,
		.flow_ended = service_flow_ended,
		.event = service_event,
		.wants_device = service_wants_device,
	};
	struct trace_config config = {
		.loop = services->env.loop,
		.helper = services->env.helper,
		.max_qps = services->config->trace_max_qps,
		.max_flows = services->config->trace_max_flows,
		.ops = &ops,
		.arg = services,
	};
	int rc = services->owners ? 0 : owners_new("", &services->owners);

	return rc < 0 ? rc : trace_new(&config, &services->trace);
}

static void
services_stop(struct services *services)
{
	struct trace *trace = services->trace;

	if (trace)
		services->env.ops->trace_ends(services->env.arg, trace);
	trace_free(trace);
	services->trace = NULL;
}

int
services_configure(struct services *services, const struct config *config)
{
	struct flow_info info;

	services->config = config;
	if (!config->tracing) {
		services_stop(services);
		return 0;
	}
	if (!services->trace)
		return services_start(services);
	/* A new interval needs new targets. */
	for (struct flow *flow = flows_next(trace_flows(services->trace), 0); flow;
	     flow = flows_next(trace_flows(services->trace), info.id)) {
		flow_info(flow, &info);
		if (info.user)
			service_drop_target(info.user);
	}
	trace_devices_changed(services->trace);
	services_update_all(services);
	return 0;
}

int
services_new(const struct services_env *env, struct services **out)
{
	struct services *services = calloc(1, sizeof(*services));

	if (!services)
		return -ENOMEM;
	services->env = *env;
	*out = services;
	return 0;
}

void
services_free(struct services *services)
{
	if (!services)
		return;
	services_stop(services);
	owners_free(services->owners);
	loop_undefer(services->env.loop, services);
	free(services);
}

static enum service_state
service_peer_standing(const struct service *s, const char **reason)
{
	const struct peer *peer = s->stream.peer;
	struct prober_peer_info info;

	peer_state(peer, reason);
	if (s->target)
		return SERVICE_PROBING;
	/* If the remote end cannot be asked, its state is unknown. */
	if (!peer->nic || nic_down_reason(peer->nic))
		return SERVICE_WAITING;
	prober_peer_info(peer->prober, &info);
	if (info.state == PROBER_PEER_DOWN)
		return SERVICE_NO_DAEMON;
	/*
	 * A peer that has never answered stays in resolving, and has a reason after the first
	 * failed attempt.
	 */
	return info.state == PROBER_PEER_RESOLVING && *reason ? SERVICE_NO_DAEMON : SERVICE_WAITING;
}

void
service_info(const struct flow *flow, struct service_info *out)
{
	const struct service *s = service_of(flow);
	struct prober_target_info target;

	*out = (struct service_info){.reason = "out of memory"};
	if (!s)
		return;
	out->reason = s->reason;
	out->totals = s->past;
	out->peer = s->stream.peer;
	out->target = s->target;
	if (s->target) {
		prober_target_info(s->target, &target);
		probe_totals_add(&out->totals, &target.totals);
	}
	if (s->stream.peer)
		out->state = service_peer_standing(s, &out->reason);
}

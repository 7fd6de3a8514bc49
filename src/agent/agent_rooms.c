/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rooms of the agent, and what they report upward: a room knows only the rooms below it. Events
 * of nics go to peers and services, events of peers to services and pings, and measurements of the
 * prober and of tracing to the results.
 */
#include "agent/agent_impl.h"

#include "agent/base/guard.h"
#include "agent/base/host_noise.h"
#include "agent/base/pump.h"
#include "agent/cluster/cluster.h"
#include "agent/nic/nic.h"
#include "agent/peer/peer.h"
#include "agent/peer/service.h"
#include "agent/road/road.h"
#include "agent/tell/degraded.h"
#include "agent/tell/metrics.h"
#include "agent/tell/ping.h"
#include "agent/tell/sinks.h"
#include "agent/tell/subscriptions.h"
#include "core/clock.h"
#include "core/loop.h"
#include "core/names.h"
#include "serve/control.h"
#include "stat/noise.h"
#include "trace/owner.h"
#include "trace/owners.h"
#include "trace/trace.h"

/* ---- measurements ---- */

static void
agent_result(void *arg, void *target_user, const struct probe_result *r)
{
	const struct agent *a = arg;
	struct results_item item = {.kind = RESULTS_PROBE,
				    .probe = {.stream = target_user, .result = r}};

	if (probe_class_is_lost(r->class) && a->tell.roads)
		roads_lost(a->tell.roads, target_user, r);
	if (a->tell.cluster)
		cluster_result(a->tell.cluster, target_user, r);
	results_tell(a->results, &item);
}

static void
agent_corrected(void *arg, void *target_user, const struct probe_result *r)
{
	const struct agent *a = arg;
	struct results_item item = {.kind = RESULTS_CORRECTION,
				    .probe = {.stream = target_user, .result = r}};

	if (a->tell.cluster)
		cluster_corrected(a->tell.cluster, target_user, r);
	results_tell(a->results, &item);
}

static const struct nic *
agent_nic_of(const struct agent *a, const struct prober_device *device)
{
	for (struct nic *nic = NULL; (nic = nics_next(a->tell.nics, nic));)
		if (nic_budget(nic) == device)
			return nic;
	return NULL;
}

static void
agent_window(void *arg, struct prober_device *device, struct prober_target *target,
		   const struct window *w)
{
	const struct agent *a = arg;
	struct results_item item = {.kind = RESULTS_WINDOW,
				    .window = {.by = RECORD_WINDOW_DEVICE, .window = w}};
	struct prober_target_info info;
	const struct peer_stream *stream;
	struct peer_info peer;

	if (target) {
		prober_target_info(target, &info);
		stream = info.user;
		peer_info(stream->peer, &peer);
		item.window.target = &info;
		item.window.by = stream->service ? RECORD_WINDOW_FLOW : RECORD_WINDOW_TARGET;
		/*
		 * Do not search the list: a nic that the configuration has dropped is not there
		 * any more when its peers leave it.
		 */
		item.window.nic = peer.nic;
	} else {
		item.window.nic = agent_nic_of(a, device);
	}
	if (item.window.nic)
		results_tell(a->results, &item);
}

static void
agent_qp_event(void *arg, const struct qp_event *e, const struct flow_qp *qp)
{
	const struct agent *a = arg;
	struct results_item item = {
		.kind = RESULTS_EVENT,
		.event = {.event = e, .qp = qp, .owners = services_owners(a->tell.services)},
	};

	results_tell(a->results, &item);
}

/* ---- what rooms report to each other ---- */

/* Each room ends before those below it. Events that these report then are dropped. */
static void
agent_nic_event(void *arg, struct nic *nic, enum nic_event event)
{
	const struct agent *a = arg;

	if (a->tell.peers)
		peers_nic_event(a->tell.peers, nic, event);
	if (a->tell.services)
		services_nic_event(a->tell.services, nic, event);
	if (a->tell.cluster)
		cluster_nic_event(a->tell.cluster, nic, event);
}

static void
agent_peer_event(void *arg, struct peer *peer, enum peer_event event)
{
	const struct agent *a = arg;

	if (a->tell.pings)
		pings_peer_event(a->tell.pings, peer, event);
	if (a->tell.services)
		services_peer_event(peer, event);
	if (a->tell.roads && event == PEER_UNBOUND)
		roads_peer_unbound(a->tell.roads, peer);
	if (a->tell.cluster)
		cluster_peer_event(a->tell.cluster, peer, event);
}

static void
agent_trace_ends(void *arg, const struct trace *trace)
{
	const struct agent *a = arg;

	if (a->tell.metrics)
		metrics_trace_ends(a->tell.metrics, trace);
}

static void
agent_sign_of_life(void *arg, struct nic *nic, const struct addr *remote)
{
	const struct agent *a = arg;

	(void)nic;
	peers_sign_of_life(a->tell.peers, remote);
}

static void
agent_unauthenticated(void *arg, struct nic *nic, const struct addr *remote)
{
	const struct agent *a = arg;

	(void)nic;
	peers_unauthenticated(a->tell.peers, remote);
}

static bool
agent_scanned(void *arg)
{
	struct agent *a = arg;

	self_look(&a->self, a->tell.config);
	/* The first search for devices comes before the control socket is made. */
	if (a->tell.control)
		control_look(a->tell.control);
	metrics_retry(a->tell.metrics);
	if (a->tell.cluster)
		cluster_look(a->tell.cluster);
	return peers_retry(a->tell.peers, clock_mono_ns());
}

static void
agent_routes_changed(void *arg)
{
	const struct agent *a = arg;

	if (a->tell.peers)
		peers_review_soon(a->tell.peers);
	if (a->tell.cluster)
		cluster_routes_changed(a->tell.cluster);
}

static void
agent_posted(void *arg)
{
	const struct agent *a = arg;

	nics_poll(a->tell.nics);
}

static int
agent_start_nics(struct agent *a)
{
	static const struct nics_ops ops = {
		.event = agent_nic_event,
		.sign_of_life = agent_sign_of_life,
		.unauthenticated = agent_unauthenticated,
		.scanned = agent_scanned,
		.routes_changed = agent_routes_changed,
	};
	const struct pump_env pump = {
		.loop = a->tell.loop,
		.prober = a->tell.prober,
		.responder = a->tell.responder,
		.guard = a->tell.guard,
		.noise = a->noise,
		.posted = agent_posted,
		.arg = a,
	};
	struct nics_env nics = {
		.loop = a->tell.loop,
		.prober = a->tell.prober,
		.responder = a->tell.responder,
		.self = &a->self,
		.ops = &ops,
		.arg = a,
	};
	int rc = pump_new(&pump, &a->pump);

	if (rc < 0)
		return rc;
	nics.pump = a->pump;
	return nics_new(&nics, a->tell.config, &a->tell.nics);
}

static int
agent_start_peers(struct agent *a)
{
	static const struct peers_ops peers_ops = {.event = agent_peer_event};
	static const struct services_ops services_ops = {
		.event = agent_qp_event,
		.trace_ends = agent_trace_ends,
	};
	const struct peers_env peers = {
		.loop = a->tell.loop,
		.pump = a->pump,
		.prober = a->tell.prober,
		.names = a->names,
		.nics = a->tell.nics,
		.self = &a->self,
		.last_probes = &a->last_probes,
		.ops = &peers_ops,
		.arg = a,
	};
	struct services_env services = {
		.loop = a->tell.loop,
		.pump = a->pump,
		.nics = a->tell.nics,
		.helper = a->tell.helper,
		.last_probes = &a->last_probes,
		.ops = &services_ops,
		.arg = a,
	};
	struct pings_env pings = {
		.loop = a->tell.loop,
		.pump = a->pump,
		.last_probes = &a->last_probes,
	};
	int rc = peers_new(&peers, a->tell.config, &a->tell.peers);

	services.peers = pings.peers = a->tell.peers;
	if (rc == 0)
		rc = services_new(&services, &a->tell.services);
	return rc < 0 ? rc : pings_new(&pings, &a->tell.pings);
}

static void
agent_road_event(void *arg, const struct road *road, enum road_event event)
{
	struct agent *a = arg;

	if (event == ROAD_PATH && a->tell.cluster)
		cluster_road_changed(a->tell.cluster, road);
}

static int
agent_start_roads(struct agent *a)
{
	static const struct roads_ops ops = {.event = agent_road_event};
	const struct roads_env env = {
		.loop = a->tell.loop,
		.names = a->names,
		.nics = a->tell.nics,
		.peers = a->tell.peers,
		.services = a->tell.services,
		.responder = a->tell.responder,
		.ops = &ops,
		.arg = a,
	};

	return roads_new(&env, &a->tell.roads);
}

static void
agent_count_sentence(void *arg, enum degraded_reason why, const char *sentence)
{
	struct cluster_report_state *state = arg;

	(void)why;
	(void)sentence;
	state->degraded++;
}

static void
agent_report_state(void *arg, struct cluster_report_state *out)
{
	const struct agent *a = arg;
	char text[512];

	out->throttled = guard_sentence(a->tell.guard, text, sizeof(text));
	out->stall_ns = noise_overlap_ns(host_noise_get(a->noise), out->since_ns, clock_mono_ns());
	degraded(&a->tell, agent_count_sentence, out);
}

/* The job of the first QP of a service's flow. */
static void
agent_report_job(void *arg, const struct peer_stream *stream, char *job)
{
	const struct agent *a = arg;
	const struct flows *flows = services_flows(a->tell.services);
	uint64_t id = service_flow_id(stream->service);
	const struct flow *flow = flows ? flows_next(flows, id - 1) : NULL;
	struct flow_info info = {.id = 0};
	struct flow_qp qp = {.user = false};
	const char *cgroup = NULL;

	if (flow)
		flow_info(flow, &info);
	if (info.id == id && flow_next_qp(flow, NULL, &qp) && qp.user)
		cgroup = owners_cgroup(services_owners(a->tell.services), qp.owner_tgid,
				       qp.cgroup_id, clock_mono_ns());
	job[0] = '\0';
	if (cgroup)
		owner_job(cgroup, job);
	/* A user can choose the name, and central refuses control characters. */
	for (char *c = job; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
}

static int
agent_start_cluster(struct agent *a)
{
	const struct cluster_env env = {
		.loop = a->tell.loop,
		.names = a->names,
		.nics = a->tell.nics,
		.peers = a->tell.peers,
		.roads = a->tell.roads,
		.self = &a->self,
		.responder = a->tell.responder,
		.state = agent_report_state,
		.job = agent_report_job,
		.arg = a,
	};

	return cluster_new(&env, &a->tell.cluster);
}

static int
agent_start_results(struct agent *a)
{
	const struct sinks_env env = {.last_probes = &a->last_probes,
				      .metrics = a->tell.metrics,
				      .origin = &a->tell.origin};

	return sinks_new(&env, &a->results, &a->tell.subscriptions);
}

int
agent_start_rooms(struct agent *a)
{
	static const struct prober_ops prober_ops = {
		.send = peer_send,
		.resolve = peer_resolve,
		.result = agent_result,
		.corrected = agent_corrected,
		.target_done = ping_target_done,
		.window = agent_window,
		.peer_state = peer_state_changed,
	};
	static const struct responder_ops responder_ops = {.send = nics_send_ack};
	struct prober_config prober = {
		.ops = &prober_ops,
		.arg = a,
		.timeout_ns = a->tell.config->timeout_ms * NSEC_PER_MSEC,
		.window_ns = a->tell.config->window_s * NSEC_PER_SEC,
		.epoch = (uint32_t)self_random(),
		.random = self_random(),
	};
	struct responder_config responder = {.ops = &responder_ops,
					     .arg = a,
					     .random = self_random()};
	struct throttle_limits own = agent_own_limits(a->tell.config);
	int rc = names_new(a->tell.loop, &a->names);

	if (rc == 0)
		rc = host_noise_new(&a->noise);
	if (rc == 0) {
		prober.noise = responder.noise = host_noise_get(a->noise);
		rc = prober_new(&prober, &a->tell.prober);
	}
	if (rc == 0)
		rc = responder_new(&responder, &a->tell.responder);
	if (rc == 0)
		rc = guard_new(a->tell.loop, a->tell.prober, &own, &a->tell.guard);
	if (rc == 0)
		rc = metrics_new(&a->tell, &a->tell.metrics);
	if (rc == 0)
		rc = agent_start_results(a);
	if (rc == 0)
		rc = agent_start_nics(a);
	if (rc == 0)
		rc = agent_start_peers(a);
	if (rc == 0)
		rc = agent_start_roads(a);
	return rc < 0 ? rc : agent_start_cluster(a);
}

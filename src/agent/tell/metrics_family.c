/* SPDX-License-Identifier: Apache-2.0 */
/* All families of metrics, with their names, help texts and the functions that write samples. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "core/clock.h"
#include "core/loop.h"
#include "core/process.h"
#include "agent/base/guard.h"
#include "agent/base/self.h"
#include "agent/tell/degraded.h"
#include "agent/tell/metrics.h"
#include "agent/tell/metrics_impl.h"
#include "agent/nic/nic.h"
#include "agent/peer/peer.h"
#include "agent/peer/service.h"
#include "agent/tell/tell.h"
#include "probe/prober.h"
#include "probe/responder.h"
#include "serve/control.h"
#include "trace/trace.h"

/* ---- the process ---- */

static void
metrics_cpu(struct exposition *e, const struct metrics *m)
{
	(void)m;
	exposition_ns(e, NULL, process_cpu_ns());
}

static void
metrics_memory(struct exposition *e, const struct metrics *m)
{
	struct guard_info info;

	guard_info(m->t->guard, &info);
	if (info.memory_bytes)
		exposition_u64(e, NULL, info.memory_bytes);
}

static void
metrics_start_time(struct exposition *e, const struct metrics *m)
{
	exposition_ns(e, NULL, m->started_wall_ns);
}

static void
metrics_fds(struct exposition *e, const struct metrics *m)
{
	(void)m;
	exposition_u64(e, NULL, process_fds());
}

static void
metrics_build(struct exposition *e, const struct metrics *m)
{
	(void)m;
	exposition_u64(e, (struct exposition_label[]){{"version", PACKAGE_VERSION}, {0}}, 1);
}

static void
metrics_host(struct exposition *e, const struct metrics *m)
{
	exposition_u64(e,
		       (struct exposition_label[]){{"hostname", m->t->self->hostname},
						   {"tor", m->t->self->tor},
						   {0}},
		       1);
}

static void
metrics_count_reason(void *arg, enum degraded_reason why, const char *sentence)
{
	uint64_t *n = arg; /* by reason */

	(void)sentence;
	n[why]++;
}

static void
metrics_degraded(struct exposition *e, const struct metrics *m)
{
	uint64_t n[DEGRADED_REASON_N] = {0}, all = 0;

	degraded(m->t, metrics_count_reason, n);
	for (int i = 0; i < DEGRADED_REASON_N; i++)
		all += n[i];
	exposition_u64(e, NULL, all);
}

static void
metrics_degraded_reason(struct exposition *e, const struct metrics *m)
{
	static const char *const names[DEGRADED_REASON_N] = DEGRADED_REASON_NAMES;
	uint64_t n[DEGRADED_REASON_N] = {0};

	degraded(m->t, metrics_count_reason, n);
	for (int i = 0; i < DEGRADED_REASON_N; i++)
		exposition_u64(e, (struct exposition_label[]){{"reason", names[i]}, {0}}, n[i]);
}

static void
metrics_stall(struct exposition *e, const struct metrics *m)
{
	struct loop_stats stats;

	loop_stats(m->t->loop, &stats);
	exposition_ns(e, NULL, stats.stall_max_ns);
}

static void
metrics_stalls(struct exposition *e, const struct metrics *m)
{
	struct loop_stats stats;

	loop_stats(m->t->loop, &stats);
	exposition_u64(e, NULL, stats.stalls);
}

static void
metrics_callbacks(struct exposition *e, const struct metrics *m)
{
	struct loop_stats stats;

	loop_stats(m->t->loop, &stats);
	exposition_u64(e, NULL, stats.callbacks);
}

static void
metrics_throttle(struct exposition *e, const struct metrics *m)
{
	struct guard_info info;

	guard_info(m->t->guard, &info);
	exposition_double(e, NULL, 1.0 / (double)(1u << info.step));
}

/* ---- control and metrics themselves ---- */

static void
metrics_clients(struct exposition *e, const struct metrics *m)
{
	struct control_stats stats;

	control_stats(m->t->control, &stats);
	exposition_u64(e, NULL, stats.clients);
}

static void
metrics_dropped(struct exposition *e, const struct metrics *m)
{
	struct control_stats stats;

	control_stats(m->t->control, &stats);
	exposition_u64(e, NULL, stats.dropped);
}

static void
metrics_scrapes(struct exposition *e, const struct metrics *m)
{
	struct http_stats stats;

	http_port_stats(m->port, &stats);
	exposition_u64(e, (struct exposition_label[]){{"result", "answered"}, {0}},
		       stats.answered);
	exposition_u64(e, (struct exposition_label[]){{"result", "cut"}, {0}},
		       stats.cut);
	exposition_u64(e, (struct exposition_label[]){{"result", "refused"}, {0}},
		       stats.refused);
	exposition_u64(e, (struct exposition_label[]){{"result", "bad"}, {0}},
		       stats.bad);
}

static void
metrics_paths(struct exposition *e, const struct metrics *m)
{
	exposition_u64(e, NULL, metric_paths_count(m->paths));
}

static void
metrics_overflow(struct exposition *e, const struct metrics *m)
{
	exposition_u64(e, NULL, metric_paths_overflow(m->paths) + metric_paths_uncounted(m->paths));
}

static void
metrics_path_histograms(struct exposition *e, const struct metrics *m)
{
	exposition_u64(e, NULL, metrics_has_path_histograms(m));
}

static void
metrics_config_refused(struct exposition *e, const struct metrics *m)
{
	exposition_u64(e, NULL, m->t->config_error[0] != '\0');
}

/* ---- prober and responder ---- */

static void
metrics_in_flight(struct exposition *e, const struct metrics *m)
{
	struct prober_stats stats;

	prober_stats(m->t->prober, &stats);
	exposition_u64(e, NULL, stats.in_flight);
}

static void
metrics_unexpected(struct exposition *e, const struct metrics *m)
{
	struct prober_stats stats;

	prober_stats(m->t->prober, &stats);
	exposition_u64(e, (struct exposition_label[]){{"reason", "malformed"}, {0}},
		       stats.malformed);
	exposition_u64(e, (struct exposition_label[]){{"reason", "unauthenticated"}, {0}},
		       stats.unauthenticated);
	exposition_u64(e, (struct exposition_label[]){{"reason", "unknown"}, {0}}, stats.unknown);
	exposition_u64(e, (struct exposition_label[]){{"reason", "wrong_source"}, {0}},
		       stats.wrong_source);
	exposition_u64(e, (struct exposition_label[]){{"reason", "duplicate"}, {0}},
		       stats.duplicates);
	exposition_u64(e, (struct exposition_label[]){{"reason", "impossible"}, {0}},
		       stats.impossible);
}

static void
metrics_sessions(struct exposition *e, const struct metrics *m)
{
	struct responder_stats stats;

	responder_stats(m->t->responder, &stats);
	exposition_u64(e, NULL, stats.sessions);
}

static void
metrics_answered(struct exposition *e, const struct metrics *m)
{
	struct responder_stats stats;

	responder_stats(m->t->responder, &stats);
	exposition_u64(e, (struct exposition_label[]){{"ack", "1"}, {0}}, stats.ack1);
	exposition_u64(e, (struct exposition_label[]){{"ack", "2"}, {0}}, stats.ack2);
}

static void
metrics_refused(struct exposition *e, const struct metrics *m)
{
	struct responder_stats s;

	responder_stats(m->t->responder, &s);
	exposition_u64(e, (struct exposition_label[]){{"reason", "network"}, {0}},
		       s.refused_network);
	exposition_u64(e, (struct exposition_label[]){{"reason", "opens"}, {0}}, s.refused_opens);
	exposition_u64(e, (struct exposition_label[]){{"reason", "claims"}, {0}},
		       s.refused_claims);
	exposition_u64(e, (struct exposition_label[]){{"reason", "source_rate"}, {0}},
		       s.refused_source);
	exposition_u64(e, (struct exposition_label[]){{"reason", "total_rate"}, {0}},
		       s.refused_total);
	exposition_u64(e, (struct exposition_label[]){{"reason", "malformed"}, {0}}, s.malformed);
	exposition_u64(e, (struct exposition_label[]){{"reason", "unauthenticated"}, {0}},
		       s.unauthenticated);
	exposition_u64(e, (struct exposition_label[]){{"reason", "unknown_session"}, {0}},
		       s.unknown_session);
	exposition_u64(e, (struct exposition_label[]){{"reason", "wrong_source"}, {0}},
		       s.wrong_source);
	exposition_u64(e, (struct exposition_label[]){{"reason", "send_error"}, {0}},
		       s.send_errors);
}

/* ---- devices ---- */

static uint64_t
metrics_device_value(const struct nic *nic, enum metrics_device what)
{
	struct prober_device_info info;
	struct nic_info nic_is;

	nic_info(nic, &nic_is);
	prober_device_info(nic_budget(nic), clock_mono_ns(), &info);
	switch (what) {
	case METRICS_DEVICE_NONE:
		return 0;
	case METRICS_DEVICE_UP:
		return !nic_down_reason(nic);
	case METRICS_DEVICE_POSTED:
		return info.posted;
	case METRICS_DEVICE_DEFERRED:
		return info.deferred;
	case METRICS_DEVICE_SKIPPED:
		return info.skipped;
	case METRICS_DEVICE_BUDGET:
		return prober_device_throttled_rate(nic_budget(nic));
	case METRICS_DEVICE_FLAPS:
		return nic_is.history->flaps_total;
	case METRICS_DEVICE_SEND_ERRORS:
		return nic_is.stats.send_errors;
	case METRICS_DEVICE_TOO_LONG:
		return nic_is.stats.receives_too_long;
	case METRICS_DEVICE_QUEUE_FULL:
		return nic_is.stats.receive_queue_full;
	}
	return 0;
}

void
metrics_devices(struct exposition *e, const struct metrics *m, enum metrics_device what)
{
	char port[4];

	for (struct nic *nic = NULL; (nic = nics_next(m->t->nics, nic));) {
		struct exposition_label labels[] = {{"device", nic_name(nic)}, {"port", port}, {0}};

		snprintf(port, sizeof(port), "%u", nic_port(nic));
		exposition_u64(e, labels, metrics_device_value(nic, what));
	}
}

/* ---- tracing ---- */

static void
metrics_trace_info(const struct metrics *m, struct trace_info *info)
{
	memset(info, 0, sizeof(*info));
	if (services_trace(m->t->services))
		trace_info(services_trace(m->t->services), info);
	info->tracer.events += m->past_trace.tracer.events;
	info->tracer.kernel.lost_ring += m->past_trace.tracer.kernel.lost_ring;
	info->tracer.kernel.lost_calls += m->past_trace.tracer.kernel.lost_calls;
	info->tracer.kernel.missed_returns += m->past_trace.tracer.kernel.missed_returns;
	info->flows.over_qps += m->past_trace.flows.over_qps;
	info->flows.over_flows += m->past_trace.flows.over_flows;
}

void
metrics_trace_ends(struct metrics *metrics, const struct trace *trace)
{
	struct trace_info info;

	(void)trace;
	/* This includes the counts that were kept before. */
	metrics_trace_info(metrics, &info);
	metrics->past_trace = info;
}

static void
metrics_tracing(struct exposition *e, const struct metrics *m)
{
	struct trace_info info;
	bool on, lacks;

	metrics_trace_info(m, &info);
	on = services_trace(m->t->services) && info.tracer.state == TRACER_ON;
	lacks = trace_lacks(&info);
	exposition_u64(e, (struct exposition_label[]){{"state", "on"}, {0}}, on && !lacks);
	exposition_u64(e, (struct exposition_label[]){{"state", "degraded"}, {0}}, on && lacks);
	exposition_u64(e, (struct exposition_label[]){{"state", "off"}, {0}}, !on);
}

static void
metrics_qps(struct exposition *e, const struct metrics *m)
{
	struct trace_info info;

	metrics_trace_info(m, &info);
	exposition_u64(e, NULL, info.flows.qps);
}

static void
metrics_flows(struct exposition *e, const struct metrics *m)
{
	struct trace_info info;

	metrics_trace_info(m, &info);
	exposition_u64(e, NULL, info.flows.flows);
}

static void
metrics_flows_probed(struct exposition *e, const struct metrics *m)
{
	exposition_u64(e, NULL, services_probed(m->t->services));
}

static void
metrics_trace_events(struct exposition *e, const struct metrics *m)
{
	struct trace_info info;

	metrics_trace_info(m, &info);
	exposition_u64(e, NULL, info.tracer.events);
}

static void
metrics_trace_lost(struct exposition *e, const struct metrics *m)
{
	struct trace_info info;

	metrics_trace_info(m, &info);
	exposition_u64(e, (struct exposition_label[]){{"reason", "ring_full"}, {0}},
		       info.tracer.kernel.lost_ring);
	exposition_u64(e, (struct exposition_label[]){{"reason", "calls_full"}, {0}},
		       info.tracer.kernel.lost_calls);
	exposition_u64(e, (struct exposition_label[]){{"reason", "missed_return"}, {0}},
		       info.tracer.kernel.missed_returns);
	exposition_u64(e, (struct exposition_label[]){{"reason", "no_room_qps"}, {0}},
		       info.flows.over_qps);
	exposition_u64(e, (struct exposition_label[]){{"reason", "no_room_flows"}, {0}},
		       info.flows.over_flows);
}

/* ---- all families ---- */

/* In the order of the page; rpingmeshd(8) lists them, and tests/doc/metrics_doc.sh compares. */
const struct metrics_family metrics_families[] = {
	{{"rpingmesh_build_info", EXPOSITION_GAUGE, NULL, "Version of rpingmeshd."},
	 .write = metrics_build},
	{{"rpingmesh_host_info", EXPOSITION_GAUGE, NULL, "Names of this host."},
	 .write = metrics_host},
	{{"rpingmesh_degraded", EXPOSITION_GAUGE, NULL,
	  "Degraded states that rpingmesh-ctl status lists."},
	 .write = metrics_degraded},
	{{"rpingmesh_degraded_reason", EXPOSITION_GAUGE, NULL, "Degraded states by reason."},
	 .write = metrics_degraded_reason},
	{{"rpingmesh_probes_total", EXPOSITION_COUNTER, NULL,
	  "Probes that came due, by class."},
	 .path = metrics_path_classes},
	{{"rpingmesh_probes_corrected_total", EXPOSITION_COUNTER, NULL,
	  "Probes of class unreachable that were lost, as was found out later: they count in both "
	  "classes. Paths without any are left out."},
	 .path = metrics_path_corrected},
	{{"rpingmesh_probes_noise_total", EXPOSITION_COUNTER, NULL,
	  "Probes during which a host stalled."},
	 .path = metrics_path_noise},
	{{"rpingmesh_probes_lost_noise_total", EXPOSITION_COUNTER, NULL,
	  "Probes of class lost, ack1_missing or ack2_missing that a stall of a host may have "
	  "caused."},
	 .path = metrics_path_lost_noise},
	{{"rpingmesh_probes_answered_noise_total", EXPOSITION_COUNTER, NULL,
	  "Probes of class ok or late that a stall of a host might have lost."},
	 .path = metrics_path_answered_noise},
	{{"rpingmesh_path_histograms", EXPOSITION_GAUGE, NULL,
	  "1 if the histograms of times are those of each path; 0 if they are sums of all paths, "
	  "because there are more than metrics.path_histograms."},
	 .write = metrics_path_histograms},
	{{"rpingmesh_rtt_seconds", EXPOSITION_HISTOGRAM, "seconds", "Network round-trip time."},
	 .path = metrics_path_rtt},
	{{"rpingmesh_prober_delay_seconds", EXPOSITION_HISTOGRAM, "seconds",
	  "Time that probes spent inside this host."},
	 .path = metrics_path_prober},
	{{"rpingmesh_responder_delay_seconds", EXPOSITION_HISTOGRAM, "seconds",
	  "Time that probes spent inside the other host."},
	 .path = metrics_path_responder},
	{{"rpingmesh_paths", EXPOSITION_GAUGE, NULL,
	  "Paths that have metrics of their own on this page."},
	 .write = metrics_paths},
	{{"rpingmesh_paths_overflow_total", EXPOSITION_COUNTER, NULL,
	  "Probes counted in a path _other, or in none, because metrics.max_paths was reached."},
	 .write = metrics_overflow},
	{{"rpingmesh_probes_in_flight", EXPOSITION_GAUGE, NULL,
	  "Probes that were posted and have no result yet."},
	 .write = metrics_in_flight},
	{{"rpingmesh_unexpected_acks_total", EXPOSITION_COUNTER, NULL,
	  "Messages to the prober that answer no probe."},
	 .write = metrics_unexpected},
	{{"rpingmesh_peers", EXPOSITION_GAUGE, NULL, "Peers by state."}, .write = metrics_peers},
	{{"rpingmesh_peers_not_bound", EXPOSITION_GAUGE, NULL,
	  "Peers that are not bound to a port, by reason."},
	 .write = metrics_peers_not_bound},
	{{"rpingmesh_peer_up", EXPOSITION_GAUGE, NULL,
	  "1 if the peer is up, else 0. At most metrics.max_paths peers."},
	 .peer = metrics_peer_up},
	{{"rpingmesh_peer_state", EXPOSITION_GAUGE, NULL,
	  "1 for the state of each peer that is not up."},
	 .peer = metrics_peer_state},
	{{"rpingmesh_peer_verdict", EXPOSITION_GAUGE, NULL,
	  "1 for each verdict against a path to a peer: lossy, noisy, slow, host_slow."},
	 .peer = metrics_peer_verdict},
	{{"rpingmesh_peer_rtt_p50_seconds", EXPOSITION_GAUGE, "seconds",
	  "Median of the round-trip time of probes of the mesh in the last window."},
	 .peer = metrics_peer_rtt_p50},
	{{"rpingmesh_peer_rtt_p99_seconds", EXPOSITION_GAUGE, "seconds",
	  "99th percentile of the round-trip time of probes of the mesh in the last window."},
	 .peer = metrics_peer_rtt_p99},
	{{"rpingmesh_traced_paths", EXPOSITION_GAUGE, NULL,
	  "Paths of this host's packets, by state: traced, waiting, failed, not_traced."},
	 .write = metrics_roads},
	{{"rpingmesh_traced_path_changes_total", EXPOSITION_COUNTER, NULL,
	  "How often a trace has found a path across other routers."},
	 .write = metrics_road_changes},
	{{"rpingmesh_cluster_connected", EXPOSITION_GAUGE, NULL,
	  "1 if there is a connection to the broker of the cluster, else 0."},
	 .write = metrics_cluster_connected},
	{{"rpingmesh_cluster_lost_total", EXPOSITION_COUNTER, NULL,
	  "Connections to the broker that have ended."},
	 .write = metrics_cluster_lost},
	{{"rpingmesh_cluster_dropped_total", EXPOSITION_COUNTER, NULL,
	  "Messages for the broker that were dropped because too many waited."},
	 .write = metrics_cluster_dropped},
	{{"rpingmesh_cluster_silent_seconds", EXPOSITION_GAUGE, "seconds",
	  "Time since the last word of rpingmesh-central."},
	 .write = metrics_cluster_silent},
	{{"rpingmesh_cluster_slow", EXPOSITION_GAUGE, NULL,
	  "1 if the pinglist is probed rarely, because that is longer than cluster.keep, else 0."},
	 .write = metrics_cluster_slow},
	{{"rpingmesh_cluster_targets", EXPOSITION_GAUGE, NULL,
	  "Targets of the pinglist that this host has taken, and that it has refused."},
	 .write = metrics_cluster_targets},
	{{"rpingmesh_cluster_lists_refused_total", EXPOSITION_COUNTER, NULL,
	  "Pinglists that were refused, by reason."},
	 .write = metrics_cluster_lists_refused},
	{{"rpingmesh_config_refused", EXPOSITION_GAUGE, NULL,
	  "1 if the last reload was refused, else 0."},
	 .write = metrics_config_refused},
	{{"rpingmesh_device_up", EXPOSITION_GAUGE, NULL, "1 if the port is probing, else 0."},
	 .device = METRICS_DEVICE_UP},
	{{"rpingmesh_device_probes_posted_total", EXPOSITION_COUNTER, NULL,
	  "Probes handed to the RNIC."},
	 .device = METRICS_DEVICE_POSTED},
	{{"rpingmesh_device_probes_deferred_total", EXPOSITION_COUNTER, NULL,
	  "Times that a probe waited for the budget."},
	 .device = METRICS_DEVICE_DEFERRED},
	{{"rpingmesh_device_probes_skipped_total", EXPOSITION_COUNTER, NULL,
	  "Intervals left out because the loop or the budget was behind."},
	 .device = METRICS_DEVICE_SKIPPED},
	{{"rpingmesh_device_probe_budget", EXPOSITION_GAUGE, NULL,
	  "Probes that the port may send per second, after self-protection."},
	 .device = METRICS_DEVICE_BUDGET},
	{{"rpingmesh_device_flaps_total", EXPOSITION_COUNTER, NULL,
	  "Times that the port left the state up unexpectedly."},
	 .device = METRICS_DEVICE_FLAPS},
	{{"rpingmesh_device_send_errors_total", EXPOSITION_COUNTER, NULL,
	  "Sends that failed in this host."},
	 .device = METRICS_DEVICE_SEND_ERRORS},
	{{"rpingmesh_device_receives_too_long_total", EXPOSITION_COUNTER, NULL,
	  "Messages dropped because they are longer than any probe or ACK."},
	 .device = METRICS_DEVICE_TOO_LONG},
	{{"rpingmesh_device_receive_queue_full_total", EXPOSITION_COUNTER, NULL,
	  "Times that a receive queue was full."},
	 .device = METRICS_DEVICE_QUEUE_FULL},
	{{"rpingmesh_responder_sessions", EXPOSITION_GAUGE, NULL,
	  "Probers that this host answers."},
	 .write = metrics_sessions},
	{{"rpingmesh_responder_acks_total", EXPOSITION_COUNTER, NULL, "ACKs sent."},
	 .write = metrics_answered},
	{{"rpingmesh_responder_refused_total", EXPOSITION_COUNTER, NULL,
	  "Requests and probes not answered, by reason."},
	 .write = metrics_refused},
	{{"rpingmesh_tracing", EXPOSITION_GAUGE, NULL,
	  "1 for the current state of the tracing of services, else 0."},
	 .write = metrics_tracing},
	{{"rpingmesh_qps", EXPOSITION_GAUGE, NULL, "Queue pairs of services."},
	 .write = metrics_qps},
	{{"rpingmesh_flows", EXPOSITION_GAUGE, NULL, "Flows of services."}, .write = metrics_flows},
	{{"rpingmesh_flows_probed", EXPOSITION_GAUGE, NULL,
	  "Flows of services whose paths are probed."},
	 .write = metrics_flows_probed},
	{{"rpingmesh_trace_events_total", EXPOSITION_COUNTER, NULL,
	  "Events of queue pairs that the kernel reported."},
	 .write = metrics_trace_events},
	{{"rpingmesh_trace_lost_total", EXPOSITION_COUNTER, NULL,
	  "Events and queue pairs that tracing missed, by reason."},
	 .write = metrics_trace_lost},
	{{"rpingmesh_loop_stall_max_seconds", EXPOSITION_GAUGE, "seconds",
	  "Longest time that one callback kept the others waiting."},
	 .write = metrics_stall},
	{{"rpingmesh_loop_stalls_total", EXPOSITION_COUNTER, NULL,
	  "Callbacks that kept the others waiting for 10 ms or more."},
	 .write = metrics_stalls},
	{{"rpingmesh_loop_callbacks_total", EXPOSITION_COUNTER, NULL,
	  "Callbacks run by the event loop."},
	 .write = metrics_callbacks},
	{{"rpingmesh_throttle_ratio", EXPOSITION_GAUGE, "ratio",
	  "Share of the configured rates that self-protection leaves; 1 is all."},
	 .write = metrics_throttle},
	{{"rpingmesh_control_clients", EXPOSITION_GAUGE, NULL, "Clients of the control socket."},
	 .write = metrics_clients},
	{{"rpingmesh_control_dropped_total", EXPOSITION_COUNTER, NULL,
	  "Records not sent to clients that read too slowly."},
	 .write = metrics_dropped},
	{{"rpingmesh_scrapes_total", EXPOSITION_COUNTER, NULL,
	  "HTTP requests, by result."},
	 .write = metrics_scrapes},
	{{"process_cpu_seconds_total", EXPOSITION_COUNTER, "seconds", "User and system CPU time."},
	 .write = metrics_cpu},
	{{"process_resident_memory_bytes", EXPOSITION_GAUGE, "bytes", "Resident memory."},
	 .write = metrics_memory},
	{{"process_open_fds", EXPOSITION_GAUGE, NULL, "Open file descriptors."},
	 .write = metrics_fds},
	{{"process_start_time_seconds", EXPOSITION_GAUGE, "seconds",
	  "Start of the process since the Unix epoch."},
	 .write = metrics_start_time},
};
const size_t metrics_n_families = sizeof(metrics_families) / sizeof(metrics_families[0]);

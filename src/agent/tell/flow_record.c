/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tell/flow_record.h"

#include <string.h>

#include "core/clock.h"
#include "agent/peer/peer.h"
#include "agent/peer/service.h"
#include "agent/tell/road_record.h"
#include "agent/tell/verdict.h"
#include "agent/tell/tell.h"
#include "rpingmesh/control.h"
#include "rpingmesh/states.h"
#include "trace/owner.h"
#include "trace/owners.h"
#include "trace/trace.h"

static const char *
flow_record_gid_type(uint8_t type)
{
	switch (type) {
	case QP_EVENT_GID_IB:
		return "IB";
	case QP_EVENT_GID_ROCE_V1:
		return "RoCE v1";
	case QP_EVENT_GID_ROCE_V2:
		return "RoCE v2";
	default:
		return NULL;
	}
}

static const char *
flow_record_state(uint8_t state)
{
	const char *name = flow_qp_state_name(state);

	return name ? name : "unknown";
}

static void
flow_record_addr(struct record *r, const char *key, const struct addr *addr, bool known)
{
	char text[ADDR_TEXT];

	record_str(r, key, known ? addr_text(addr, text) : NULL);
}

/* ---- owners ---- */

static void
flow_record_owner(struct record *r, struct owners *owners, const struct flow_qp *qp)
{
	const char *cgroup = qp->user ? owners_cgroup(owners, qp->owner_tgid, qp->cgroup_id,
						      clock_mono_ns()) :
					NULL;
	char job[OWNER_JOB] = "";

	if (cgroup)
		owner_job(cgroup, job);
	record_u64_if(r, "pid", qp->owner_tgid, qp->user);
	record_str(r, "comm", qp->owner);
	record_str(r, "cgroup", cgroup);
	record_u64_if(r, "cgroup_id", qp->cgroup_id, qp->cgroup_id != 0);
	record_str(r, "job", job[0] ? job : NULL);
	record_bool(r, "kernel", !qp->user);
}

/*
 * The QPs of a flow by owner: the first FLOW_RECORD_OWNERS_MAX owners, and the number of other QPs.
 */
struct flow_record_owners {
	struct flow_qp first[FLOW_RECORD_OWNERS_MAX]; /* one QP of each owner */
	uint32_t qps[FLOW_RECORD_OWNERS_MAX];
	uint32_t n, others;
};

static bool
flow_record_same_owner(const struct flow_qp *a, const struct flow_qp *b)
{
	return a->user == b->user && a->owner_tgid == b->owner_tgid &&
	       a->cgroup_id == b->cgroup_id && strncmp(a->owner, b->owner, sizeof(a->owner)) == 0;
}

static void
flow_record_count_owner(struct flow_record_owners *owners, const struct flow_qp *qp)
{
	uint32_t i;

	for (i = 0; i < owners->n; i++)
		if (flow_record_same_owner(&owners->first[i], qp))
			break;
	if (i == FLOW_RECORD_OWNERS_MAX) {
		owners->others++;
		return;
	}
	if (i == owners->n) {
		owners->first[i] = *qp;
		owners->qps[i] = 0;
		owners->n++;
	}
	owners->qps[i]++;
}

static void
flow_record_pack_owners(struct record *r, struct owners *owners_of,
			const struct flow_record_owners *owners)
{
	msgpack_packer *pk = record_key(r, "owners");

	msgpack_pack_array(pk, owners->n);
	for (uint32_t i = 0; i < owners->n; i++) {
		struct record map;

		record_begin(&map, RECORD_OWNER);
		flow_record_owner(&map, owners_of, &owners->first[i]);
		record_u64(&map, "qps", owners->qps[i]);
		record_end(&map, pk);
	}
	record_u64(r, "qps_of_other_owners", owners->others);
}

/* ---- QPs ---- */

static void
flow_record_qp(msgpack_packer *pk, const struct flow_qp *qp)
{
	struct record map;
	const char *type = flow_qp_type_name(qp->qp_type);

	record_begin(&map, RECORD_QP);
	record_u64(&map, "qpn", qp->qpn);
	record_u64_if(&map, "remote_qpn", qp->remote_qpn, qp->has_remote);
	record_str(&map, "qp_type", type ? type : "unknown");
	record_str(&map, "state", qp->has_state ? flow_record_state(qp->state) : NULL);
	record_u64_if(&map, "flow_label", qp->flow_label, qp->has_av);
	record_u64_if(&map, "pid", qp->owner_tgid, qp->user);
	record_bool(&map, "found", qp->found);
	record_end(&map, pk);
}

static void
flow_record_qps(struct record *r, const struct flow *flow, uint32_t n_qps)
{
	uint32_t n = n_qps < FLOW_RECORD_QPS_MAX ? n_qps : FLOW_RECORD_QPS_MAX;
	msgpack_packer *pk = record_key(r, "qps");
	const struct flow_qp_ref *ref = NULL;
	struct flow_qp qp;

	msgpack_pack_array(pk, n);
	for (uint32_t i = 0; i < n; i++) {
		ref = flow_next_qp(flow, ref, &qp);
		flow_record_qp(pk, &qp);
	}
	record_u64(r, "qps_total", n_qps);
}

static void
flow_record_owners(struct record *r, struct owners *owners_of, const struct flow *flow)
{
	struct flow_record_owners owners = {.n = 0};
	const struct flow_qp_ref *ref = NULL;
	struct flow_qp qp;

	while ((ref = flow_next_qp(flow, ref, &qp)))
		flow_record_count_owner(&owners, &qp);
	flow_record_pack_owners(r, owners_of, &owners);
}

/* ---- flow ---- */

static void
flow_record_probing(struct record *r, const struct flow *flow)
{
	struct prober_target_info target = {.path = PROBE_PATH_UNKNOWN,
					    .src_port = PROBE_PORT_UNKNOWN};
	struct probe_summary summary = {0};
	struct peer_info peer = {0};
	struct service_info info;

	service_info(flow, &info);
	if (info.peer)
		peer_info(info.peer, &peer);
	if (info.target) {
		prober_target_info(info.target, &target);
		prober_target_summary(info.target, clock_mono_ns(), &summary);
	}
	record_str(r, "probing", service_state_name(info.state));
	record_str(r, "probing_reason", info.reason);
	record_str(r, "hostname", peer.hostname);
	record_str(r, "tor", peer.tor);
	record_str(r, "path", probe_path_name(target.path));
	record_u64_if(r, "probe_src_port", target.src_port, target.src_port != PROBE_PORT_UNKNOWN);
	record_u64_if(r, "interval_ns", target.config.interval_ns, info.target != NULL);
	record_totals(r, &info.totals);
	record_summary(r, &summary);
	verdict_record(r, info.target ? &target : NULL);
}

void
flow_record(msgpack_packer *out, struct owners *owners, struct roads *roads,
	    const struct flow *flow)
{
	struct flow_info info;
	struct record r;

	flow_info(flow, &info);
	record_begin(&r, RECORD_FLOW);
	record_u64(&r, "id", info.id);
	record_str(&r, "device", info.device);
	record_u64(&r, "port", info.port);
	record_str(&r, "driver", flow_driver_name(info.driver_id));
	flow_record_addr(&r, "src_gid", &info.key.sgid, true);
	flow_record_addr(&r, "dst_gid", &info.key.dgid, true);
	record_str(&r, "gid_type", flow_record_gid_type(info.gid_type));
	record_u64_if(&r, "src_port", info.key.src_port, info.key.src_port != UDP_PORT_UNKNOWN);
	record_u64(&r, "traffic_class", info.key.traffic_class);
	record_u64(&r, "service_level", info.key.service_level);
	record_u64_if(&r, "path_mtu", flow_mtu_bytes(info.path_mtu),
		      flow_mtu_bytes(info.path_mtu) != 0);
	record_u64(&r, "since_ns", clock_wall_of(info.since_ns));
	flow_record_owners(&r, owners, flow);
	flow_record_qps(&r, flow, info.n_qps);
	flow_record_probing(&r, flow);
	road_record_hops(&r, roads, flow);
	record_end(&r, out);
}

/* ---- event ---- */

static const char *
flow_record_event_name(const struct qp_event *e)
{
	static const char *const states[] = {"reset", "init", "rtr", "rts", "sqd", "sqe", "error"};

	switch (e->type) {
	case QP_EVENT_CREATE:
		return "create";
	case QP_EVENT_DESTROY:
		return "destroy";
	case QP_EVENT_QUERY:
		return "found";
	default:
		return (e->flags & QP_EVENT_HAS_STATE) &&
				       e->state < sizeof(states) / sizeof(states[0]) ?
			       states[e->state] :
			       "modify";
	}
}

static void
flow_record_event_path(struct record *r, const struct flow_qp *qp)
{
	struct flow_info flow = {.id = 0};
	uint32_t mtu = flow_mtu_bytes(qp->path_mtu);

	if (qp->flow)
		flow_info(qp->flow, &flow);
	flow_record_addr(r, "src_gid", &qp->sgid, qp->has_sgid);
	flow_record_addr(r, "dst_gid", &qp->dgid, qp->has_av);
	record_str(r, "gid_type", qp->has_sgid ? flow_record_gid_type(qp->gid_type) : NULL);
	record_u64_if(r, "src_port", qp->src_port, qp->src_port != UDP_PORT_UNKNOWN);
	record_u64_if(r, "flow_label", qp->flow_label, qp->has_av);
	record_u64_if(r, "traffic_class", qp->traffic_class, qp->has_av);
	record_u64_if(r, "service_level", qp->service_level, qp->has_av);
	record_u64_if(r, "path_mtu", mtu, mtu != 0);
	record_u64_if(r, "flow", flow.id, flow.id != 0);
}

void
flow_record_event(msgpack_packer *out, const struct record_origin *origin, struct owners *owners,
		  const struct qp_event *e, const struct flow_qp *qp)
{
	const char *type = flow_qp_type_name(qp->qp_type);
	struct record r;

	record_begin(&r, RECORD_EVENT);
	record_u64(&r, "schema", CONTROL_SCHEMA);
	record_u64(&r, "time_ns", clock_wall_of(e->time_ns));
	record_origin(&r, origin);
	record_str(&r, "event", flow_record_event_name(e));
	record_str(&r, "device", qp->device);
	record_u64_if(&r, "port", qp->port, qp->port != 0);
	record_str(&r, "driver", flow_driver_name(qp->driver_id));
	record_u64(&r, "qpn", qp->qpn);
	record_u64_if(&r, "remote_qpn", qp->remote_qpn, qp->has_remote);
	record_str(&r, "qp_type", type ? type : "unknown");
	record_str(&r, "state", qp->has_state ? flow_record_state(qp->state) : NULL);
	flow_record_owner(&r, owners, qp);
	flow_record_event_path(&r, qp);
	record_end(&r, out);
}

/* ---- status ---- */

static void
flow_record_counters(struct record *map, uint32_t probed, const struct trace_info *i)
{
	const struct qp_event_counters *k = &i->tracer.kernel;
	const struct flows_stats *f = &i->flows;

	record_u64(map, "events", i->tracer.events);
	record_u64(map, "lost_ring", k->lost_ring);
	record_u64(map, "lost_calls", k->lost_calls);
	record_u64(map, "missed_returns", k->missed_returns);
	record_u64(map, "own", k->own);
	record_u64(map, "other_devices", i->other_devices);
	record_u64(map, "bad", f->bad);
	record_u64(map, "qps", f->qps);
	record_u64(map, "flows", f->flows);
	record_u64(map, "flows_probed", probed);
	record_u64(map, "qps_created", f->created);
	record_u64(map, "qps_destroyed", f->destroyed);
	record_u64(map, "found", f->found);
	record_u64(map, "vanished", f->vanished);
	record_u64(map, "over_qps", f->over_qps);
	record_u64(map, "over_flows", f->over_flows);
}

static void
flow_record_dumps(struct record *map, const struct trace_info *i)
{
	record_u64(map, "dumps", i->dumps);
	record_u64(map, "dumps_failed", i->dumps_failed);
	record_u64_if(map, "last_dump_ns", i->last_dump_ns ? clock_wall_of(i->last_dump_ns) : 0,
		      i->last_dump_ns != 0);
	record_u64(map, "last_dump_qps", i->last_dump_qps);
	record_str(map, "dump_error", i->dump_error ? strerror(-i->dump_error) : NULL);
}

static void
flow_record_trace(struct record *r, uint32_t probed, const struct trace_info *i)
{
	const struct tracer_info *t = &i->tracer;
	struct record map;

	record_begin(&map, RECORD_TRACE);
	record_str(&map, "state", tracer_state_name(t->state));
	record_str(&map, "method", t->method[0] ? t->method : NULL);
	record_u64(&map, "hooks", t->hooks);
	record_u64(&map, "hooks_wanted", t->hooks_wanted);
	record_u64_if(&map, "attached_ns", t->attached_ns ? clock_wall_of(t->attached_ns) : 0,
		      t->attached_ns != 0);
	record_u64(&map, "reattached", t->reattached);
	flow_record_counters(&map, probed, i);
	flow_record_dumps(&map, i);
	record_end(&map, record_key(r, "trace"));
}

void
flow_record_status(struct record *r, const struct tell *t)
{
	static const char *const names[] = TRACING_STATE_NAMES;
	const struct trace *trace = services_trace(t->services);
	struct trace_info info;
	bool on, lacks;

	if (!trace) {
		record_str(r, "tracing", names[TRACING_OFF]);
		record_str(r, "tracing_reason",
			   t->config->tracing ? "out of memory" : "switched off by tracing.enable");
		record_str(r, "trace", NULL);
		return;
	}
	trace_info(trace, &info);
	on = info.tracer.state == TRACER_ON;
	lacks = trace_lacks(&info);
	record_str(r, "tracing", names[!on ? TRACING_OFF : lacks ? TRACING_DEGRADED : TRACING_ON]);
	record_str(r, "tracing_reason",
		   info.tracer.reason[0] ? info.tracer.reason :
		   on && info.dump_error ? "the dump of QPs by RDMA netlink failed: QPs older than "
					   "the daemon may be missing" :
		   on && lacks		 ? "/proc hides the processes of other users" :
					   NULL);
	flow_record_trace(r, services_probed(t->services), &info);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tell/status_record.h"

#include <unistd.h>

#include "config.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/loop.h"
#include "agent/tell/flow_record.h"
#include "agent/base/guard.h"
#include "agent/base/privileges.h"
#include "agent/base/self.h"
#include "agent/cluster/cluster.h"
#include "agent/cluster/uplinks.h"
#include "agent/nic/nic.h"
#include "agent/peer/peer.h"
#include "agent/peer/service.h"
#include "agent/tell/degraded.h"
#include "agent/tell/road_record.h"
#include "agent/tell/verdict.h"
#include "agent/tell/tell.h"
#include "serve/control.h"
#include "record/record.h"
#include "record/registration.h"
#include "rpingmesh/control.h"
#include "trace/helper.h"
#include "trace/trace.h"

struct status_record_sentences {
	msgpack_sbuffer packed;
	msgpack_packer pk;
	size_t n;
};

static void
status_record_sentence(void *arg, enum degraded_reason why, const char *sentence)
{
	struct status_record_sentences *s = arg;

	(void)why;
	record_pack_str(&s->pk, sentence);
	s->n++;
}

/* Collects the problems once, because a problem may end between counting and packing. */
static void
status_record_degraded(struct record *r, const struct tell *t)
{
	msgpack_packer *pk = record_key(r, "degraded");
	struct status_record_sentences s = {.n = 0};

	msgpack_sbuffer_init(&s.packed);
	msgpack_packer_init(&s.pk, &s.packed, msgpack_sbuffer_write);
	degraded(t, status_record_sentence, &s);
	msgpack_pack_array(pk, s.n);
	if (s.packed.size)
		pk->callback(pk->data, s.packed.data, s.packed.size);
	msgpack_sbuffer_destroy(&s.packed);
}

static uint32_t
status_record_flows(const struct tell *t)
{
	const struct flows *flows = services_flows(t->services);
	struct flows_stats stats = {0};

	if (flows)
		flows_stats(flows, &stats);
	return stats.flows;
}

static void
status_record_counts(struct record *r, const struct tell *t)
{
	uint64_t nics = 0, nics_up = 0, peers = 0, peers_up = 0, targets = 0;

	for (struct nic *nic = NULL; (nic = nics_next(t->nics, nic)); nics++)
		nics_up += !nic_down_reason(nic);
	for (struct peer *p = NULL; (p = peers_next(t->peers, p)); peers++) {
		struct prober_peer_info state;
		struct peer_info peer;

		peer_info(p, &peer);
		if (!peer.prober)
			continue;
		prober_peer_info(peer.prober, &state);
		peers_up += state.state == PROBER_PEER_UP && !nic_down_reason(peer.nic);
		for (struct prober_target *g = NULL; (g = prober_peer_next_target(peer.prober, g));)
			targets++;
	}
	record_u64(r, "devices", nics);
	record_u64(r, "devices_up", nics_up);
	record_u64(r, "peers", peers);
	record_u64(r, "peers_up", peers_up);
	record_u64(r, "targets", targets);
	record_u64(r, "flows", status_record_flows(t));
}

static void
status_record_loop(struct record *r, const struct tell *t)
{
	struct loop_stats loop;

	loop_stats(t->loop, &loop);
	record_u64(r, "loop_stall_max_ns", loop.stall_max_ns);
	record_str(r, "loop_stall_max_who", loop.stall_max_who);
	record_u64_if(r, "loop_stall_max_time_ns", loop.stall_max_wall_ns,
		      loop.stall_max_wall_ns != 0);
	record_u64(r, "loop_callbacks", loop.callbacks);
}

static void
status_record_probes(struct record *r, const struct tell *t)
{
	struct prober_stats stats;
	struct record map;

	prober_stats(t->prober, &stats);
	record_u64(r, "in_flight", stats.in_flight);
	record_begin(&map, RECORD_PROBES);
	record_totals(&map, &stats.totals);
	record_u64(&map, "malformed", stats.malformed);
	record_u64(&map, "unauthenticated", stats.unauthenticated);
	record_u64(&map, "unknown", stats.unknown);
	record_u64(&map, "wrong_source", stats.wrong_source);
	record_u64(&map, "duplicates", stats.duplicates);
	record_u64(&map, "impossible", stats.impossible);
	record_end(&map, record_key(r, "probes"));
}

static void
status_record_responder(struct record *r, const struct tell *t)
{
	struct responder_stats s;
	struct record map;

	responder_stats(t->responder, &s);
	record_begin(&map, RECORD_RESPONDER);
	record_u64(&map, "sessions", s.sessions);
	record_u64(&map, "opened", s.opened);
	record_u64(&map, "probes", s.probes);
	record_u64(&map, "ways", s.ways);
	record_u64(&map, "unknown_ways", s.unknown_ways);
	record_u64(&map, "challenges", s.challenges);
	record_u64(&map, "ack1", s.ack1);
	record_u64(&map, "ack2", s.ack2);
	record_u64(&map, "refused_network", s.refused_network);
	record_u64(&map, "refused_opens", s.refused_opens);
	record_u64(&map, "refused_claims", s.refused_claims);
	record_u64(&map, "refused_source", s.refused_source);
	record_u64(&map, "refused_total", s.refused_total);
	record_u64(&map, "refused_told", s.refused_told);
	record_u64(&map, "malformed", s.malformed);
	record_u64(&map, "unauthenticated", s.unauthenticated);
	record_u64(&map, "unknown_session", s.unknown_session);
	record_u64(&map, "wrong_source", s.wrong_source);
	record_u64(&map, "send_errors", s.send_errors);
	record_u64(&map, "held", s.held);
	record_u64(&map, "held_dropped", s.held_dropped);
	record_end(&map, record_key(r, "responder"));
}

static void
status_record_control(struct record *r, const struct tell *t)
{
	struct control_stats s;
	struct record map;

	control_stats(t->control, &s);
	record_begin(&map, RECORD_CONTROL);
	record_u64(&map, "clients", s.clients);
	record_u64(&map, "accepted", s.accepted);
	record_u64(&map, "refused", s.refused);
	record_u64(&map, "displaced", s.displaced);
	record_u64(&map, "calls", s.calls);
	record_u64(&map, "errors", s.errors);
	record_u64(&map, "bad_frames", s.bad_frames);
	record_u64(&map, "notifications", s.notifications);
	record_u64(&map, "dropped", s.dropped);
	record_u64(&map, "slow_clients", s.slow_clients);
	record_end(&map, record_key(r, "control"));
}

static void
status_record_guard(struct record *r, const struct tell *t)
{
	struct guard_info info;
	bool held_back;

	guard_info(t->guard, &info);
	held_back = info.step > 0;
	record_u64(r, "throttle_step", info.step);
	record_double(r, "throttle_factor", 1.0 / (double)(1u << info.step));
	record_str(r, "throttle_reason", held_back ? throttle_reason_name(info.reason) : NULL);
	record_double_if(r, "cpu_percent", info.cpu_permille / 10.0, info.cpu_known);
	record_double_if(r, "cpu_percent_others", info.others_permille / 10.0, info.cpu_known);
	record_u64_if(r, "cpu_percent_max", info.limits.cpu_percent, info.limits.cpu_percent != 0);
	record_u64_if(r, "memory_bytes", info.memory_bytes, info.memory_bytes != 0);
	record_u64_if(r, "memory_bytes_max", info.limits.memory_bytes,
		      info.limits.memory_bytes != 0);
}

static void
status_record_capabilities(struct record *r, const char *key, uint64_t held)
{
	msgpack_packer *pk = record_key(r, key);
	char name[PRIVILEGES_NAME];

	msgpack_pack_array(pk, (size_t)__builtin_popcountll(held));
	for (unsigned int i = 0; i < 64; i++)
		if (held >> i & 1)
			record_pack_str(pk, privileges_name(i, name));
}

static void
status_record_rights(struct record *r, const struct tell *t)
{
	record_str(r, "user", t->self->user);
	record_bool(r, "seccomp", t->self->filtered);
	status_record_capabilities(r, "capabilities", privileges_held());
	if (t->helper && !helper_gone(t->helper))
		status_record_capabilities(r, "helper_capabilities",
					   helper_capabilities(t->helper));
}

static void
status_record_when(struct record *r, const char *key, uint64_t mono_ns)
{
	record_u64_if(r, key, mono_ns ? clock_wall_of(mono_ns) : 0, mono_ns != 0);
}

static void
status_record_refused(struct record *r, const struct cluster_counts *n)
{
	record_u64(r, "targets", n->targets);
	record_u64(r, "taken", n->taken);
	record_u64(r, "refused_allow", n->refused_allow);
	record_u64(r, "refused_budget", n->refused_budget);
	record_u64(r, "refused_port", n->refused_port);
	record_u64(r, "refused_own", n->refused_own);
	record_u64(r, "refused_room", n->refused_room);
}

static void
status_record_pinglist(msgpack_packer *out, const struct cluster_list_status *s)
{
	struct record r;

	record_begin(&r, RECORD_CLUSTER_PINGLIST);
	record_str(&r, "from", !s->has ? NULL : s->from_file ? "file" : "broker");
	record_u64_if(&r, "generation", s->generation, s->has);
	record_u64_if(&r, "taken_ns", s->has ? clock_wall_of(s->taken_ns) : 0, s->has);
	record_u64_if(&r, "heard_ns", clock_wall_ns() - s->silent_ns, s->heard);
	record_bool(&r, "slow", s->slow);
	status_record_refused(&r, &s->counts);
	record_u64(&r, "lists", s->lists);
	record_u64(&r, "malformed", s->malformed);
	record_u64(&r, "foreign", s->foreign);
	record_u64(&r, "withdrawn", s->withdrawn);
	record_str(&r, "error", s->error[0] ? s->error : NULL);
	record_str(&r, "file_error", s->file_error[0] ? s->file_error : NULL);
	record_end(&r, out);
}

static void
status_record_ask(msgpack_packer *out, const struct cluster_ask_status *s)
{
	struct record r;

	record_begin(&r, RECORD_CLUSTER_ASKS);
	record_u64(&r, "asks", s->asks);
	record_u64(&r, "traces", s->traces);
	record_u64(&r, "probes", s->probes);
	record_u64(&r, "probing", s->probing);
	record_u64(&r, "malformed", s->malformed);
	record_u64(&r, "foreign", s->foreign);
	record_u64(&r, "late", s->late);
	record_u64(&r, "often", s->often);
	record_u64(&r, "refused_allow", s->refused_allow);
	record_u64(&r, "refused_budget", s->refused_budget);
	record_u64(&r, "refused_port", s->refused_port);
	record_u64(&r, "refused_own", s->refused_own);
	record_u64(&r, "refused_room", s->refused_room);
	record_u64(&r, "refused_path", s->refused_path);
	record_str(&r, "error", s->error[0] ? s->error : NULL);
	record_end(&r, out);
}

static void
status_record_uplink(msgpack_packer *out, const struct tell *t, const struct uplinks *uplinks,
		     const struct uplink *uplink)
{
	struct uplinks_tor tor;
	msgpack_packer *pk;
	struct record r;

	uplinks_tor(uplinks, uplink, t->config, &tor);
	record_begin(&r, RECORD_CLUSTER_UPLINK);
	record_str(&r, "device", uplink->device);
	record_u64(&r, "port", uplink->port);
	pk = record_key(&r, "tors");
	msgpack_pack_array(pk, tor.n);
	for (size_t i = 0; i < tor.n; i++)
		record_pack_str(pk, tor.names[i]);
	record_str(&r, "tor_by", registration_tor_by_names[tor.by]);
	record_str(&r, "lldp", lldp_state_name(tor.lldp));
	record_str(&r, "lldp_reason", tor.lldp_reason);
	record_u64_if(&r, "speed_mbps", tor.speed_mbps, tor.speed_mbps != 0);
	record_end(&r, out);
}

static void
status_record_uplinks(msgpack_packer *out, const struct tell *t)
{
	const struct uplinks *uplinks = cluster_uplinks(t->cluster);
	size_t n = uplinks ? uplinks_count(uplinks) : 0;

	msgpack_pack_array(out, n);
	for (size_t i = 0; i < n; i++)
		status_record_uplink(out, t, uplinks, uplinks_at(uplinks, i));
}

static void
status_record_cluster(struct record *r, const struct tell *t)
{
	struct cluster_status s;
	struct record map;

	if (!cluster_status(t->cluster, &s)) {
		msgpack_pack_nil(record_key(r, "cluster"));
		return;
	}
	record_begin(&map, RECORD_CLUSTER);
	record_str(&map, "broker", s.bus.broker);
	record_str(&map, "state", bus_state_name(s.bus.state));
	status_record_when(&map, "since_ns", s.bus.since_ns);
	status_record_when(&map, "retry_ns", s.bus.next_ns);
	record_str(&map, "address", s.bus.address[0] ? s.bus.address : NULL);
	record_str(&map, "reason", s.bus.reason[0] ? s.bus.reason : NULL);
	record_str(&map, "topic", s.topic);
	record_u64(&map, "ports", s.ports);
	record_u64(&map, "changes", s.changes);
	record_u64(&map, "foreign", s.foreign);
	record_u64(&map, "connects", s.bus.connects);
	record_u64(&map, "lost", s.bus.lost);
	record_u64(&map, "published", s.bus.published);
	record_u64(&map, "dropped", s.bus.dropped);
	record_u64(&map, "received", s.bus.received);
	record_u64(&map, "refused", s.bus.refused);
	record_u64(&map, "reports", s.report.reports);
	record_u64(&map, "report_bytes", s.report.bytes);
	record_u64(&map, "report_streams", s.report.streams);
	record_u64(&map, "reports_refused", s.report.refused);
	status_record_pinglist(record_key(&map, "pinglist"), &s.list);
	status_record_ask(record_key(&map, "asks"), &s.ask);
	status_record_uplinks(record_key(&map, "uplinks"), t);
	record_end(&map, record_key(r, "cluster"));
}

void
status_record(msgpack_packer *out, const struct tell *t)
{
	struct record r;

	record_begin(&r, RECORD_STATUS);
	record_u64(&r, "schema", CONTROL_SCHEMA);
	record_str(&r, "version", PACKAGE_VERSION);
	record_u64(&r, "pid", (uint64_t)getpid());
	status_record_rights(&r, t);
	record_u64(&r, "uptime_s", (clock_mono_ns() - t->self->started_ns) / NSEC_PER_SEC);
	record_str(&r, "hostname", t->self->hostname);
	record_str(&r, "tor", t->self->tor[0] ? t->self->tor : NULL);
	record_u64(&r, "incarnation", t->self->incarnation);
	record_u64(&r, "time_ns", clock_wall_ns());
	record_str(&r, "config_file", t->config_path);
	record_str(&r, "config_error", t->config_error[0] ? t->config_error : NULL);
	record_u64(&r, "log_dropped", log_dropped());
	record_str(&r, "signing_key", t->config->keys.n ? t->config->keys.key[0].name : NULL);
	flow_record_status(&r, t);
	status_record_degraded(&r, t);
	status_record_loop(&r, t);
	status_record_counts(&r, t);
	status_record_probes(&r, t);
	status_record_responder(&r, t);
	status_record_control(&r, t);
	road_record_status(&r, t);
	status_record_cluster(&r, t);
	status_record_guard(&r, t);
	verdict_record_status(&r, t);
	record_end(&r, out);
}

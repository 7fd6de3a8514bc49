/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/methods.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "core/clock.h"
#include "core/loop.h"
#include "daemon/daemon.h"
#include "daemon/explain.h"
#include "daemon/flow_record.h"
#include "daemon/guard.h"
#include "daemon/methods_admin.h"
#include "daemon/nic.h"
#include "daemon/nic_port.h"
#include "daemon/nic_record.h"
#include "daemon/params.h"
#include "daemon/peer.h"
#include "daemon/ping.h"
#include "daemon/service.h"
#include "daemon/verdict.h"
#include "daemon/windows.h"
#include "report/control.h"
#include "report/record.h"
#include "rpingmesh/control.h"
#include "trace/trace.h"

/* CLOCK_MONOTONIC 0 means never. */
static void
methods_when(struct record *r, const char *key, uint64_t mono_ns)
{
	record_u64_if(r, key, mono_ns ? clock_wall_of(mono_ns) : 0, mono_ns != 0);
}

static void
methods_empty(msgpack_packer *result)
{
	msgpack_pack_map(result, 0);
}

/* ---- status ---- */

struct methods_sentences {
	msgpack_sbuffer packed;
	msgpack_packer pk;
	size_t n;
};

static void
methods_pack_sentence(void *arg, const char *sentence)
{
	struct methods_sentences *s = arg;

	record_pack_str(&s->pk, sentence);
	s->n++;
}

/* Asked for once: some sentences end with time, perhaps between counting them and packing them. */
static void
methods_degraded(struct record *r, const struct daemon *d)
{
	msgpack_packer *pk = record_key(r, "degraded");
	struct methods_sentences s = {.n = 0};

	msgpack_sbuffer_init(&s.packed);
	msgpack_packer_init(&s.pk, &s.packed, msgpack_sbuffer_write);
	daemon_degraded(d, methods_pack_sentence, &s);
	msgpack_pack_array(pk, s.n);
	if (s.packed.size)
		pk->callback(pk->data, s.packed.data, s.packed.size);
	msgpack_sbuffer_destroy(&s.packed);
}

static uint32_t
methods_flow_count(const struct daemon *d)
{
	struct flows_stats stats = {0};

	if (d->trace)
		flows_stats(trace_flows(d->trace), &stats);
	return stats.flows;
}

static void
methods_status_counts(struct record *r, const struct daemon *d)
{
	uint64_t nics = 0, nics_up = 0, peers = 0, peers_up = 0, targets = 0;
	const char *reason;

	for (const struct nic *nic = d->nics; nic; nic = nic->next, nics++)
		nics_up += !nic->down_reason;
	for (const struct peer *p = d->peers; p; p = p->next, peers++) {
		peers_up += strcmp(peer_state(p, &reason), "up") == 0;
		if (!p->prober)
			continue;
		for (struct prober_target *t = NULL; (t = prober_peer_next_target(p->prober, t));)
			targets++;
	}
	record_u64(r, "devices", nics);
	record_u64(r, "devices_up", nics_up);
	record_u64(r, "peers", peers);
	record_u64(r, "peers_up", peers_up);
	record_u64(r, "targets", targets);
	record_u64(r, "flows", methods_flow_count(d));
}

static void
methods_status_loop(struct record *r, const struct daemon *d)
{
	struct loop_stats loop;

	loop_stats(d->loop, &loop);
	record_u64(r, "loop_stall_max_ns", loop.stall_max_ns);
	record_str(r, "loop_stall_max_who", loop.stall_max_who);
	record_u64_if(r, "loop_stall_max_time_ns", loop.stall_max_wall_ns, loop.stall_max_wall_ns != 0);
	record_u64(r, "loop_callbacks", loop.callbacks);
}

static void
methods_status_probes(struct record *r, const struct daemon *d)
{
	struct prober_stats stats;
	struct record map;

	prober_stats(d->prober, &stats);
	record_u64(r, "in_flight", stats.in_flight);
	record_begin(&map, NULL);
	record_totals(&map, &stats.totals);
	record_u64(&map, "malformed", stats.malformed);
	record_u64(&map, "unknown", stats.unknown);
	record_u64(&map, "wrong_source", stats.wrong_source);
	record_u64(&map, "duplicates", stats.duplicates);
	record_end(&map, record_key(r, "probes"));
}

static void
methods_status_responder(struct record *r, const struct daemon *d)
{
	struct responder_stats s;
	struct record map;

	responder_stats(d->responder, &s);
	record_begin(&map, NULL);
	record_u64(&map, "sessions", s.sessions);
	record_u64(&map, "opened", s.opened);
	record_u64(&map, "probes", s.probes);
	record_u64(&map, "ack1", s.ack1);
	record_u64(&map, "ack2", s.ack2);
	record_u64(&map, "refused_network", s.refused_network);
	record_u64(&map, "refused_opens", s.refused_opens);
	record_u64(&map, "refused_source", s.refused_source);
	record_u64(&map, "refused_total", s.refused_total);
	record_u64(&map, "malformed", s.malformed);
	record_u64(&map, "unknown_session", s.unknown_session);
	record_u64(&map, "wrong_source", s.wrong_source);
	record_u64(&map, "send_errors", s.send_errors);
	record_u64(&map, "held", s.held);
	record_u64(&map, "held_dropped", s.held_dropped);
	record_end(&map, record_key(r, "responder"));
}

static void
methods_status_control(struct record *r, const struct daemon *d)
{
	struct control_stats s;
	struct record map;

	control_stats(d->control, &s);
	record_begin(&map, NULL);
	record_u64(&map, "clients", s.clients);
	record_u64(&map, "accepted", s.accepted);
	record_u64(&map, "refused", s.refused);
	record_u64(&map, "calls", s.calls);
	record_u64(&map, "errors", s.errors);
	record_u64(&map, "bad_frames", s.bad_frames);
	record_u64(&map, "notifications", s.notifications);
	record_u64(&map, "dropped", s.dropped);
	record_u64(&map, "slow_clients", s.slow_clients);
	record_end(&map, record_key(r, "control"));
}

static void
methods_status_guard(struct record *r, const struct daemon *d)
{
	struct guard_info info;
	bool held_back;

	guard_info(d->guard, &info);
	held_back = info.step > 0;
	record_u64(r, "throttle_step", info.step);
	record_double(r, "throttle_factor", 1.0 / (double)(1u << info.step));
	record_str(r, "throttle_reason", held_back ? throttle_reason_name(info.reason) : NULL);
	record_double_if(r, "cpu_percent", info.cpu_permille / 10.0, info.cpu_known);
	record_u64_if(r, "cpu_percent_max", info.limits.cpu_percent, info.limits.cpu_percent != 0);
	record_u64_if(r, "memory_bytes", info.memory_bytes, info.memory_bytes != 0);
	record_u64_if(r, "memory_bytes_max", info.limits.memory_bytes, info.limits.memory_bytes != 0);
}

static int
methods_status(void *arg, struct control_client *client, const msgpack_object *params, msgpack_packer *result,
	       struct control_error *error)
{
	const struct daemon *d = arg;
	struct record r;

	(void)client;
	(void)params;
	(void)error;
	record_begin(&r, "status");
	record_u64(&r, "schema", CONTROL_SCHEMA);
	record_str(&r, "version", PACKAGE_VERSION);
	record_u64(&r, "pid", (uint64_t)getpid());
	record_u64(&r, "uptime_s", (clock_mono_ns() - d->started_ns) / NSEC_PER_SEC);
	record_str(&r, "hostname", d->hostname);
	record_str(&r, "tor", d->tor[0] ? d->tor : NULL);
	record_u64(&r, "incarnation", d->incarnation);
	record_u64(&r, "time_ns", clock_wall_ns());
	record_str(&r, "config_file", d->config_path);
	record_str(&r, "config_error", d->config_error[0] ? d->config_error : NULL);
	flow_record_status(&r, d);
	methods_degraded(&r, d);
	methods_status_loop(&r, d);
	methods_status_counts(&r, d);
	methods_status_probes(&r, d);
	methods_status_responder(&r, d);
	methods_status_control(&r, d);
	methods_status_guard(&r, d);
	verdict_record_status(&r, d);
	record_end(&r, result);
	return 0;
}

/* ---- devices ---- */

static int
methods_devices(void *arg, struct control_client *client, const msgpack_object *params, msgpack_packer *result,
		struct control_error *error)
{
	const struct daemon *d = arg;
	size_t n = 0;

	(void)client;
	(void)params;
	(void)error;
	for (const struct nic *nic = d->nics; nic; nic = nic->next)
		n++;
	msgpack_pack_array(result, n);
	for (const struct nic *nic = d->nics; nic; nic = nic->next)
		nic_record(result, nic);
	return 0;
}

static int
methods_acknowledge(void *arg, struct control_client *client, const msgpack_object *params, msgpack_packer *result,
		    struct control_error *error)
{
	char name[64];
	struct record r;
	int rc = params_device(params, name, error);

	(void)client;
	if (rc < 0)
		return rc;
	rc = nic_port_acknowledge(arg, name[0] ? name : NULL);
	if (rc < 0) {
		error->code = -rc;
		snprintf(error->message, sizeof(error->message), "no device \"%s\"", name);
		return rc;
	}
	record_begin(&r, NULL);
	record_u64(&r, "flaps", (uint64_t)rc);
	record_end(&r, result);
	return 0;
}

/* ---- peers and targets ---- */

static void
methods_peer_bound(struct record *r, const struct peer *peer)
{
	struct prober_peer_info info;
	struct probe_summary summary;
	char text[ADDR_TEXT];

	prober_peer_info(peer->prober, &info);
	prober_peer_summary(peer->prober, clock_mono_ns(), &summary);
	record_str(r, "source", addr_text(&peer->local, text));
	record_u64_if(r, "qpn", info.session.qpn, info.has_session);
	record_u64_if(r, "incarnation", info.session.incarnation, info.has_session);
	methods_when(r, "state_since_ns", info.state_since_ns);
	record_u64(r, "resolves", info.resolves);
	record_u64(r, "restarts", info.restarts);
	record_u64(r, "wrong_source", info.wrong_source);
	methods_when(r, "last_ok_ns", info.last_ok_ns);
	record_u64_if(r, "last_rtt_ns", info.last_rtt_ns, info.last_ok_ns != 0);
	record_summary(r, &summary);
	verdict_record_peer(r, peer);
}

void
methods_peer(msgpack_packer *out, const struct peer *peer)
{
	struct probe_totals totals = {0};
	const char *reason, *state = peer_state(peer, &reason);
	char text[ADDR_TEXT];
	struct record r;

	record_begin(&r, "peer");
	record_str(&r, "address", peer->config.address);
	record_str(&r, "device", peer->nic ? peer->nic->name : peer->config.device);
	record_str(&r, "state", state);
	record_str(&r, "state_reason", reason);
	record_bool(&r, "configured", peer->configured);
	record_str(&r, "gid", addr_is_zero(&peer->remote) ? NULL : addr_text(&peer->remote, text));
	record_str(&r, "hostname", peer->hostname[0] ? peer->hostname : NULL);
	record_str(&r, "tor", peer->tor[0] ? peer->tor : NULL);
	if (peer->prober) {
		prober_peer_totals(peer->prober, &totals);
		methods_peer_bound(&r, peer);
	}
	record_totals(&r, &totals);
	record_end(&r, out);
}

static int
methods_peers(void *arg, struct control_client *client, const msgpack_object *params, msgpack_packer *result,
	      struct control_error *error)
{
	const struct daemon *d = arg;
	size_t n = 0;

	(void)client;
	(void)params;
	(void)error;
	for (const struct peer *p = d->peers; p; p = p->next)
		n++;
	msgpack_pack_array(result, n);
	for (const struct peer *p = d->peers; p; p = p->next)
		methods_peer(result, p);
	return 0;
}

void
methods_target(msgpack_packer *out, const struct peer *peer, const struct prober_target *target)
{
	struct prober_target_info info;
	struct probe_summary summary;
	struct record r;
	msgpack_packer *pk;

	prober_target_info(target, &info);
	prober_target_summary(target, clock_mono_ns(), &summary);
	record_begin(&r, "target");
	record_str(&r, "peer", peer->config.address);
	record_str(&r, "device", peer->nic->name);
	record_str(&r, "hostname", peer->hostname[0] ? peer->hostname : NULL);
	record_str(&r, "kind", probe_kind_name(info.config.kind));
	record_u64(&r, "interval_ns", info.config.interval_ns);
	pk = record_key(&r, "sizes");
	msgpack_pack_array(pk, info.config.n_sizes);
	for (uint32_t i = 0; i < info.config.n_sizes; i++) {
		if (info.config.sizes[i] == PROBER_SIZE_MTU)
			record_pack_str(pk, "mtu");
		else
			msgpack_pack_uint32(pk, info.config.sizes[i]);
	}
	record_u64(&r, "flow_label", info.config.flow_label);
	record_u64(&r, "traffic_class", info.config.traffic_class);
	record_u64(&r, "service_level", info.config.service_level);
	record_u64_if(&r, "src_port", info.src_port, info.src_port != PROBE_PORT_UNKNOWN);
	record_str(&r, "path", probe_path_name(info.path));
	record_u64(&r, "in_flight", info.in_flight);
	record_totals(&r, &info.totals);
	record_summary(&r, &summary);
	verdict_record(&r, &info.loss);
	record_end(&r, out);
}

/* Those of flows are left out: there may be tens of thousands, and `flows` has them in pages. */
static const struct prober_target *
methods_next_target(const struct peer *peer, const struct prober_target *t)
{
	struct prober_target_info info;

	while (peer->prober && (t = prober_peer_next_target(peer->prober, t))) {
		prober_target_info(t, &info);
		if (info.config.kind != PROBE_KIND_SERVICE)
			return t;
	}
	return NULL;
}

static int
methods_targets(void *arg, struct control_client *client, const msgpack_object *params, msgpack_packer *result,
		struct control_error *error)
{
	const struct daemon *d = arg;
	size_t n = 0;

	(void)client;
	(void)params;
	(void)error;
	for (const struct peer *p = d->peers; p; p = p->next)
		for (const struct prober_target *t = NULL; (t = methods_next_target(p, t));)
			n++;
	msgpack_pack_array(result, n);
	for (const struct peer *p = d->peers; p; p = p->next)
		for (const struct prober_target *t = NULL; (t = methods_next_target(p, t));)
			methods_target(result, p, t);
	return 0;
}

/* ---- flows ---- */

/* A page of flows, so that no answer is long; what is packed is what was walked. */
static int
methods_flows(void *arg, struct control_client *client, const msgpack_object *params, msgpack_packer *result,
	      struct control_error *error)
{
	const struct daemon *d = arg;
	const struct flows *flows = d->trace ? trace_flows(d->trace) : NULL;
	struct params_page page;
	struct flow_info info;
	const struct flow *at[PARAMS_PAGE_MAX], *next;
	struct record r;
	uint32_t n = 0;
	int rc = params_page(params, &page, error);

	(void)client;
	if (rc < 0)
		return rc;
	for (next = flows ? flows_next(flows, page.after) : NULL; next && n < page.limit; next = flows_next(flows, info.id)) {
		at[n++] = next;
		flow_info(next, &info);
	}
	record_begin(&r, NULL);
	msgpack_pack_array(record_key(&r, "flows"), n);
	for (uint32_t i = 0; i < n; i++)
		flow_record(&r.pk, d, at[i]);
	record_u64_if(&r, "next", n ? info.id : 0, next != NULL);
	record_end(&r, result);
	return 0;
}

static int
methods_events(void *arg, struct control_client *client, const msgpack_object *params, msgpack_packer *result,
	       struct control_error *error)
{
	(void)params;
	(void)error;
	methods_empty(result);
	return service_watch(arg, client, true);
}

static int
methods_events_stop(void *arg, struct control_client *client, const msgpack_object *params, msgpack_packer *result,
		    struct control_error *error)
{
	(void)params;
	(void)error;
	methods_empty(result);
	return service_watch(arg, client, false);
}

static int
methods_explain(void *arg, struct control_client *client, const msgpack_object *params, msgpack_packer *result,
		struct control_error *error)
{
	char what[254], device[64];
	int rc = params_explain(params, what, device, error);

	(void)client;
	return rc < 0 ? rc : explain(arg, what, device, result, error);
}

/* ---- streams ---- */

static int
methods_subscribe(void *arg, struct control_client *client, const msgpack_object *params, msgpack_packer *result,
		  struct control_error *error)
{
	unsigned int kinds = 0;
	int rc = params_kinds(params, &kinds, error);

	if (rc == 0)
		rc = ping_subscribe(arg, client, kinds);
	methods_empty(result);
	return rc;
}

static int
methods_unsubscribe(void *arg, struct control_client *client, const msgpack_object *params, msgpack_packer *result,
		    struct control_error *error)
{
	(void)params;
	(void)error;
	methods_empty(result);
	return ping_subscribe(arg, client, 0);
}

static int
methods_ping(void *arg, struct control_client *client, const msgpack_object *params, msgpack_packer *result,
	     struct control_error *error)
{
	struct daemon *d = arg;
	struct params_ping p;
	const struct peer *peer;
	char text[ADDR_TEXT];
	struct ping *ping;
	struct record r;
	int rc = params_ping(params, d->config->timeout_ms * NSEC_PER_MSEC, &p, error);

	if (rc < 0)
		return rc;
	rc = ping_start(d, client, &p.request, &ping, error);
	if (rc < 0)
		return rc;
	peer = ping_peer(ping);
	record_begin(&r, NULL);
	record_u64(&r, "ping", ping_id(ping));
	record_str(&r, "address", addr_is_zero(&peer->remote) ? NULL : addr_text(&peer->remote, text));
	record_str(&r, "device", peer->nic ? peer->nic->name : NULL);
	record_str(&r, "source", peer->nic ? addr_text(&peer->local, text) : NULL);
	record_str(&r, "hostname", peer->hostname[0] ? peer->hostname : NULL);
	record_u64(&r, "size", p.request.target.sizes[0]);
	record_u64(&r, "interval_ns", p.request.target.interval_ns);
	record_u64(&r, "timeout_ns", p.request.target.timeout_ns);
	record_end(&r, result);
	return 0;
}

static int
methods_ping_stop(void *arg, struct control_client *client, const msgpack_object *params, msgpack_packer *result,
		  struct control_error *error)
{
	uint64_t id;
	int rc = params_ping_id(params, &id, error);

	if (rc < 0)
		return rc;
	methods_empty(result);
	rc = ping_stop(arg, client, id);
	if (rc < 0) {
		error->code = -rc;
		snprintf(error->message, sizeof(error->message), "no ping %llu of this client", (unsigned long long)id);
	}
	return rc;
}

/* ---- windows ---- */

static int
methods_windows(void *arg, struct control_client *client, const msgpack_object *params, msgpack_packer *result,
		struct control_error *error)
{
	enum record_window_by by;
	struct params_page page;
	int rc = params_page(params, &page, error);

	(void)client;
	if (rc == 0)
		rc = params_window_by(params, &by, error);
	if (rc == 0)
		windows_page(arg, by, &page, result);
	return rc;
}

static int
methods_subscribe_windows(void *arg, struct control_client *client, const msgpack_object *params, msgpack_packer *result,
			  struct control_error *error)
{
	unsigned int bys;
	int rc = params_window_bys(params, &bys, error);

	if (rc < 0)
		return rc;
	methods_empty(result);
	return windows_subscribe(arg, client, bys);
}

static int
methods_unsubscribe_windows(void *arg, struct control_client *client, const msgpack_object *params, msgpack_packer *result,
			    struct control_error *error)
{
	(void)params;
	(void)error;
	methods_empty(result);
	return windows_subscribe(arg, client, 0);
}

const struct control_method methods_table[] = {
	{"status", "state of the daemon, with every degraded state", CONTROL_READ, methods_status},
	{"devices", "local RDMA ports", CONTROL_READ, methods_devices},
	{"acknowledge", "marks the flaps of a device, or of all, as seen", CONTROL_CHANGE, methods_acknowledge},
	{"peers", "remote daemons, their state and totals", CONTROL_READ, methods_peers},
	{"targets", "streams of probes: one per peer, flow label and kind", CONTROL_READ, methods_targets},
	{"explain", "everything known about the path to a peer or of a flow", CONTROL_READ, methods_explain},
	{"subscribe", "each probe's result as notification \"probe\"", CONTROL_READ, methods_subscribe},
	{"unsubscribe", "ends subscribe", CONTROL_READ, methods_unsubscribe},
	{"ping", "probes a host; notifications \"ping\", then \"ping_done\"", CONTROL_READ, methods_ping},
	{"ping_stop", "ends a ping", CONTROL_READ, methods_ping_stop},
	{"flows", "the RDMA connections of this host, by path, with what probing along them found", CONTROL_READ, methods_flows},
	{"events", "each event in the life of a QP as notification \"event\"", CONTROL_READ, methods_events},
	{"events_stop", "ends events", CONTROL_READ, methods_events_stop},
	{"windows", "the last closed window of statistics of each target, flow or device", CONTROL_READ, methods_windows},
	{"subscribe_windows", "each window that is closed as notification \"window\"", CONTROL_READ, methods_subscribe_windows},
	{"unsubscribe_windows", "ends subscribe_windows", CONTROL_READ, methods_unsubscribe_windows},
	{"config", "the configuration in force: each key, its value, where it is from", CONTROL_READ, methods_config},
	{"config_peers", "the configured peers, in pages", CONTROL_READ, methods_config_peers},
	{"reload", "reads the configuration file again", CONTROL_CHANGE, methods_reload},
	{"log_level", "from which level on each subsystem logs", CONTROL_READ, methods_log_level},
	{"log_level_set", "changes that until the next reload", CONTROL_CHANGE, methods_log_level_set},
};
const size_t methods_count = sizeof(methods_table) / sizeof(methods_table[0]);

void
methods_client_gone(void *arg, struct control_client *client)
{
	ping_client_gone(arg, client);
	service_watch(arg, client, false);
	windows_subscribe(arg, client, 0);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tell/methods.h"

#include <stdio.h>

#include "core/clock.h"
#include "agent/tell/explain.h"
#include "agent/tell/flow_record.h"
#include "agent/tell/methods_admin.h"
#include "agent/nic/nic.h"
#include "agent/tell/nic_record.h"
#include "agent/tell/params.h"
#include "serve/param.h"
#include "agent/peer/peer.h"
#include "agent/peer/service.h"
#include "agent/tell/peer_page.h"
#include "agent/tell/ping.h"
#include "agent/tell/road_record.h"
#include "agent/tell/status_record.h"
#include "agent/tell/subscriptions.h"
#include "agent/tell/windows.h"
#include "agent/tell/tell.h"
#include "serve/control.h"
#include "record/record.h"
#include "trace/trace.h"

/* Sets which items of a kind the client gets, and answers with an empty map. */
static int
methods_listen(const struct control_call *call, enum results_kind kind, unsigned int which)
{
	const struct tell *t = call->arg;

	msgpack_pack_map(call->result, 0);
	return subscriptions_set(t->subscriptions, call->client, kind, which);
}

/* ---- status and devices ---- */

static int
methods_status(const struct control_call *call)
{
	status_record(call->result, call->arg);
	return 0;
}

static int
methods_devices(const struct control_call *call)
{
	const struct tell *t = call->arg;
	size_t n = 0;

	for (struct nic *nic = NULL; (nic = nics_next(t->nics, nic));)
		n++;
	msgpack_pack_array(call->result, n);
	for (struct nic *nic = NULL; (nic = nics_next(t->nics, nic));)
		nic_record(call->result, nic);
	return 0;
}

static int
methods_acknowledge(const struct control_call *call)
{
	const struct tell *t = call->arg;
	char name[64];
	struct record r;
	int rc = params_device(call->params, name, call->error);

	if (rc < 0)
		return rc;
	rc = nics_acknowledge(t->nics, name[0] ? name : NULL);
	if (rc < 0) {
		call->error->code = -rc;
		snprintf(call->error->message, sizeof(call->error->message), "no device \"%s\"",
			 name);
		return rc;
	}
	record_begin(&r, RECORD_ACKNOWLEDGED);
	record_u64(&r, "flaps", (uint64_t)rc);
	record_end(&r, call->result);
	return 0;
}

/* ---- peers and targets ---- */

static int
methods_peers(const struct control_call *call)
{
	return methods_paged(call, peer_page);
}

static int
methods_targets(const struct control_call *call)
{
	return methods_paged(call, peer_page_targets);
}

/* ---- flows ---- */

/* Answers with one page of flows, because there may be very many. */
static void
methods_pack_flows(const struct tell *t, const struct param_page *page, msgpack_packer *result)
{
	const struct flows *flows = services_flows(t->services);
	struct flow_info info;
	const struct flow *at[PARAM_PAGE_MAX], *next;
	struct record r;
	uint32_t n = 0;

	for (next = flows ? flows_next(flows, page->after) : NULL; next && n < page->limit;
	     next = flows_next(flows, info.id)) {
		at[n++] = next;
		flow_info(next, &info);
	}
	record_begin(&r, RECORD_FLOWS);
	msgpack_pack_array(record_key(&r, "flows"), n);
	for (uint32_t i = 0; i < n; i++)
		flow_record(&r.pk, services_owners(t->services), t->roads, at[i]);
	record_u64_if(&r, "next", n ? info.id : 0, next != NULL);
	record_end(&r, result);
}

static int
methods_flows(const struct control_call *call)
{
	return methods_paged(call, methods_pack_flows);
}

static int
methods_explain(const struct control_call *call)
{
	char what[254], device[64];
	int rc = params_explain(call->params, what, device, call->error);

	return rc < 0 ? rc : explain(call->arg, what, device, call->result, call->error);
}

static int
methods_path(const struct control_call *call)
{
	char what[254], device[64];
	const msgpack_object_map *map;
	int rc = params_explain(call->params, what, device, call->error);

	if (rc == 0)
		rc = param_map(call->params, &map, call->error);
	if (rc == 0 && param_find(map, "peer"))
		rc = param_bad(call->error, "peer", "nothing: only rpingmesh-central knows the "
						    "paths of other hosts");
	return rc < 0 ? rc : road_record_answer(call->arg, what, device, call->result, call->error);
}

/* ---- notifications ---- */

static int
methods_events(const struct control_call *call)
{
	return methods_listen(call, RESULTS_EVENT, SUBSCRIPTIONS_ALL);
}

static int
methods_events_stop(const struct control_call *call)
{
	return methods_listen(call, RESULTS_EVENT, 0);
}

static int
methods_subscribe(const struct control_call *call)
{
	unsigned int kinds;
	int rc = params_kinds(call->params, &kinds, call->error);

	return rc < 0 ? rc : methods_listen(call, RESULTS_PROBE, kinds);
}

static int
methods_unsubscribe(const struct control_call *call)
{
	return methods_listen(call, RESULTS_PROBE, 0);
}

static int
methods_subscribe_windows(const struct control_call *call)
{
	unsigned int bys;
	int rc = params_window_bys(call->params, &bys, call->error);

	return rc < 0 ? rc : methods_listen(call, RESULTS_WINDOW, bys);
}

static int
methods_unsubscribe_windows(const struct control_call *call)
{
	return methods_listen(call, RESULTS_WINDOW, 0);
}

/* ---- pings ---- */

static int
methods_ping(const struct control_call *call)
{
	const struct tell *t = call->arg;
	struct params_ping p;
	struct peer_info peer;
	char text[ADDR_TEXT];
	struct ping *ping;
	struct record r;
	int rc = params_ping(call->params, t->config->timeout_ms * NSEC_PER_MSEC, &p, call->error);

	if (rc < 0)
		return rc;
	rc = pings_start(t->pings, call->client, &p.request, &ping, call->error);
	if (rc < 0)
		return rc;
	peer_info(ping_peer(ping), &peer);
	record_begin(&r, RECORD_PING);
	record_u64(&r, "ping", ping_id(ping));
	record_str(&r, "address", peer.remote ? addr_text(peer.remote, text) : NULL);
	record_str(&r, "device", peer.nic ? nic_name(peer.nic) : NULL);
	record_str(&r, "source", peer.nic ? addr_text(&peer.local, text) : NULL);
	record_str(&r, "hostname", peer.hostname);
	record_u64(&r, "size", p.request.target.sizes[0]);
	record_u64(&r, "interval_ns", p.request.target.interval_ns);
	record_u64(&r, "timeout_ns", p.request.target.timeout_ns);
	record_end(&r, call->result);
	return 0;
}

static int
methods_ping_stop(const struct control_call *call)
{
	const struct tell *t = call->arg;
	uint64_t id;
	int rc = params_ping_id(call->params, &id, call->error);

	if (rc < 0)
		return rc;
	msgpack_pack_map(call->result, 0);
	rc = pings_stop(t->pings, call->client, id);
	if (rc < 0) {
		call->error->code = -rc;
		snprintf(call->error->message, sizeof(call->error->message),
			 "no ping %llu of this client", (unsigned long long)id);
	}
	return rc;
}

/* ---- windows ---- */

static int
methods_windows(const struct control_call *call)
{
	enum record_window_by by;
	struct param_page page;
	int rc = param_page(call->params, &page, call->error);

	if (rc == 0)
		rc = params_window_by(call->params, &by, call->error);
	if (rc == 0)
		windows_page(call->arg, by, &page, call->result);
	return rc;
}

const struct control_method methods_table[] = {
	{"status", "state of the daemon, with every degraded state", CONTROL_READ, methods_status},
	{"devices", "local RDMA ports", CONTROL_READ, methods_devices},
	{"acknowledge", "marks the flaps of a device, or of all devices, as seen", CONTROL_CHANGE,
	 methods_acknowledge},
	{"peers", "remote daemons, their state and totals", CONTROL_READ, methods_peers},
	{"targets", "streams of probes: one per peer, flow label and kind", CONTROL_READ,
	 methods_targets},
	{"explain", "all that is known about the path to a peer or of a flow", CONTROL_READ,
	 methods_explain},
	{"path", "the routers on the paths to a peer, or of a flow", CONTROL_READ, methods_path},
	{"subscribe", "each result of a probe, as notification \"probe\"", CONTROL_READ,
	 methods_subscribe},
	{"unsubscribe", "ends subscribe", CONTROL_READ, methods_unsubscribe},
	{"ping", "probes a host; notifications \"ping\", then \"ping_done\"", CONTROL_READ,
	 methods_ping},
	{"ping_stop", "ends a ping", CONTROL_READ, methods_ping_stop},
	{"flows", "the flows of RDMA connections of this host, with the results of probes",
	 CONTROL_READ, methods_flows},
	{"events", "each event in the life of a QP, as notification \"event\"", CONTROL_READ,
	 methods_events},
	{"events_stop", "ends events", CONTROL_READ, methods_events_stop},
	{"windows", "the last closed window of statistics of each target, flow or device",
	 CONTROL_READ, methods_windows},
	{"subscribe_windows", "each window that closes, as notification \"window\"", CONTROL_READ,
	 methods_subscribe_windows},
	{"unsubscribe_windows", "ends subscribe_windows", CONTROL_READ,
	 methods_unsubscribe_windows},
	{"config", "the configuration in force: each key, its value, and where it is set",
	 CONTROL_READ, methods_config},
	{"config_peers", "the configured peers, in pages", CONTROL_READ, methods_config_peers},
	{"reload", "reads the configuration file again", CONTROL_CHANGE, methods_reload},
	{"log_level", "the least urgent level that each subsystem logs", CONTROL_READ,
	 methods_log_level},
	{"log_level_set", "changes the log level until the next reload", CONTROL_CHANGE,
	 methods_log_level_set},
};
const size_t methods_count = sizeof(methods_table) / sizeof(methods_table[0]);

void
methods_client_gone(void *arg, struct control_client *client)
{
	const struct tell *t = arg;

	pings_client_gone(t->pings, client);
	subscriptions_client_gone(t->subscriptions, client);
}

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
#include "agent/peer/peer.h"
#include "agent/peer/service.h"
#include "agent/tell/peer_page.h"
#include "agent/tell/ping.h"
#include "agent/tell/status_record.h"
#include "agent/tell/subscriptions.h"
#include "agent/tell/windows.h"
#include "agent/tell/tell.h"
#include "serve/control.h"
#include "record/record.h"
#include "trace/trace.h"

static void
methods_empty(msgpack_packer *result)
{
	msgpack_pack_map(result, 0);
}

/* ---- status and devices ---- */

static int
methods_status(void *arg, struct control_client *client, const msgpack_object *params,
	       msgpack_packer *result, struct control_error *error)
{
	(void)client;
	(void)params;
	(void)error;
	status_record(result, arg);
	return 0;
}

static int
methods_devices(void *arg, struct control_client *client, const msgpack_object *params,
		msgpack_packer *result, struct control_error *error)
{
	const struct tell *t = arg;
	size_t n = 0;

	(void)client;
	(void)params;
	(void)error;
	for (struct nic *nic = NULL; (nic = nics_next(t->nics, nic));)
		n++;
	msgpack_pack_array(result, n);
	for (struct nic *nic = NULL; (nic = nics_next(t->nics, nic));)
		nic_record(result, nic);
	return 0;
}

static int
methods_acknowledge(void *arg, struct control_client *client, const msgpack_object *params,
		    msgpack_packer *result, struct control_error *error)
{
	const struct tell *t = arg;
	char name[64];
	struct record r;
	int rc = params_device(params, name, error);

	(void)client;
	if (rc < 0)
		return rc;
	rc = nics_acknowledge(t->nics, name[0] ? name : NULL);
	if (rc < 0) {
		error->code = -rc;
		snprintf(error->message, sizeof(error->message), "no device \"%s\"", name);
		return rc;
	}
	record_begin(&r, RECORD_ACKNOWLEDGED);
	record_u64(&r, "flaps", (uint64_t)rc);
	record_end(&r, result);
	return 0;
}

/* ---- peers and targets ---- */

static int
methods_peers(void *arg, struct control_client *client, const msgpack_object *params,
	      msgpack_packer *result, struct control_error *error)
{
	struct params_page page;
	int rc = params_page(params, &page, error);

	(void)client;
	if (rc == 0)
		peer_page(arg, &page, result);
	return rc;
}

static int
methods_targets(void *arg, struct control_client *client, const msgpack_object *params,
		msgpack_packer *result, struct control_error *error)
{
	struct params_page page;
	int rc = params_page(params, &page, error);

	(void)client;
	if (rc == 0)
		peer_page_targets(arg, &page, result);
	return rc;
}

/* ---- flows ---- */

/* Answers with one page of flows, because there may be very many. */
static int
methods_flows(void *arg, struct control_client *client, const msgpack_object *params,
	      msgpack_packer *result, struct control_error *error)
{
	const struct tell *t = arg;
	const struct flows *flows = services_flows(t->services);
	struct params_page page;
	struct flow_info info;
	const struct flow *at[PARAMS_PAGE_MAX], *next;
	struct record r;
	uint32_t n = 0;
	int rc = params_page(params, &page, error);

	(void)client;
	if (rc < 0)
		return rc;
	for (next = flows ? flows_next(flows, page.after) : NULL; next && n < page.limit;
	     next = flows_next(flows, info.id)) {
		at[n++] = next;
		flow_info(next, &info);
	}
	record_begin(&r, RECORD_FLOWS);
	msgpack_pack_array(record_key(&r, "flows"), n);
	for (uint32_t i = 0; i < n; i++)
		flow_record(&r.pk, services_owners(t->services), at[i]);
	record_u64_if(&r, "next", n ? info.id : 0, next != NULL);
	record_end(&r, result);
	return 0;
}

static int
methods_events(void *arg, struct control_client *client, const msgpack_object *params,
	       msgpack_packer *result, struct control_error *error)
{
	const struct tell *t = arg;

	(void)params;
	(void)error;
	methods_empty(result);
	return subscriptions_set(t->subscriptions, client, RESULTS_EVENT, SUBSCRIPTIONS_ALL);
}

static int
methods_events_stop(void *arg, struct control_client *client, const msgpack_object *params,
		    msgpack_packer *result, struct control_error *error)
{
	const struct tell *t = arg;

	(void)params;
	(void)error;
	methods_empty(result);
	return subscriptions_set(t->subscriptions, client, RESULTS_EVENT, 0);
}

static int
methods_explain(void *arg, struct control_client *client, const msgpack_object *params,
		msgpack_packer *result, struct control_error *error)
{
	char what[254], device[64];
	int rc = params_explain(params, what, device, error);

	(void)client;
	return rc < 0 ? rc : explain(arg, what, device, result, error);
}

/* ---- streams ---- */

static int
methods_subscribe(void *arg, struct control_client *client, const msgpack_object *params,
		  msgpack_packer *result, struct control_error *error)
{
	const struct tell *t = arg;
	unsigned int kinds = 0;
	int rc = params_kinds(params, &kinds, error);

	if (rc == 0)
		rc = subscriptions_set(t->subscriptions, client, RESULTS_PROBE, kinds);
	methods_empty(result);
	return rc;
}

static int
methods_unsubscribe(void *arg, struct control_client *client, const msgpack_object *params,
		    msgpack_packer *result, struct control_error *error)
{
	const struct tell *t = arg;

	(void)params;
	(void)error;
	methods_empty(result);
	return subscriptions_set(t->subscriptions, client, RESULTS_PROBE, 0);
}

static int
methods_ping(void *arg, struct control_client *client, const msgpack_object *params,
	     msgpack_packer *result, struct control_error *error)
{
	const struct tell *t = arg;
	struct params_ping p;
	struct peer_info peer;
	char text[ADDR_TEXT];
	struct ping *ping;
	struct record r;
	int rc = params_ping(params, t->config->timeout_ms * NSEC_PER_MSEC, &p, error);

	if (rc < 0)
		return rc;
	rc = pings_start(t->pings, client, &p.request, &ping, error);
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
	record_end(&r, result);
	return 0;
}

static int
methods_ping_stop(void *arg, struct control_client *client, const msgpack_object *params,
		  msgpack_packer *result, struct control_error *error)
{
	const struct tell *t = arg;
	uint64_t id;
	int rc = params_ping_id(params, &id, error);

	if (rc < 0)
		return rc;
	methods_empty(result);
	rc = pings_stop(t->pings, client, id);
	if (rc < 0) {
		error->code = -rc;
		snprintf(error->message, sizeof(error->message), "no ping %llu of this client",
			 (unsigned long long)id);
	}
	return rc;
}

/* ---- windows ---- */

static int
methods_windows(void *arg, struct control_client *client, const msgpack_object *params,
		msgpack_packer *result, struct control_error *error)
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
methods_subscribe_windows(void *arg, struct control_client *client, const msgpack_object *params,
			  msgpack_packer *result, struct control_error *error)
{
	const struct tell *t = arg;
	unsigned int bys;
	int rc = params_window_bys(params, &bys, error);

	if (rc < 0)
		return rc;
	methods_empty(result);
	return subscriptions_set(t->subscriptions, client, RESULTS_WINDOW, bys);
}

static int
methods_unsubscribe_windows(void *arg, struct control_client *client, const msgpack_object *params,
			    msgpack_packer *result, struct control_error *error)
{
	const struct tell *t = arg;

	(void)params;
	(void)error;
	methods_empty(result);
	return subscriptions_set(t->subscriptions, client, RESULTS_WINDOW, 0);
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

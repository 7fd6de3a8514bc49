/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tell/road_record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/nic/nic.h"
#include "agent/peer/peer.h"
#include "agent/peer/service.h"
#include "agent/road/road.h"
#include "agent/tell/named.h"
#include "agent/tell/tell.h"
#include "core/clock.h"
#include "core/udp_port.h"
#include "probe/prober.h"
#include "rpingmesh/control.h"
#include "serve/control.h"
#include "trace/flows.h"

/* ---- one path ---- */

static void
road_record_hop(msgpack_packer *pk, const struct tell *t, uint8_t ttl, const struct road_hop *hop)
{
	bool known = !addr_is_zero(&hop->address);
	char text[ADDR_TEXT];
	struct record r;

	record_begin(&r, RECORD_HOP);
	record_u64(&r, "ttl", ttl);
	record_str(&r, "address", known ? addr_text(&hop->address, text) : NULL);
	record_str(&r, "name", known ? roads_name(t->roads, &hop->address) : NULL);
	record_u64_if(&r, "rtt_ns", hop->rtt_ns, known);
	record_end(&r, pk);
}

/* path: NULL: not known. */
static void
road_record_list(struct record *r, const struct tell *t, const char *key,
		 const struct road_path *path)
{
	msgpack_packer *pk = record_key(r, key);

	msgpack_pack_array(pk, path ? path->n_hops : 0);
	for (uint8_t i = 0; path && i < path->n_hops; i++)
		road_record_hop(pk, t, (uint8_t)(i + 1), &path->hops[i]);
}

static void
road_record_tuple(struct record *r, const struct tell *t, const struct hops_tuple *tuple)
{
	const struct nic *nic = nics_find_local(t->nics, &tuple->source);

	record_str(r, "device", nic ? nic_name(nic) : NULL);
	record_addr(r, "source", &tuple->source);
	record_addr(r, "destination", &tuple->destination);
	record_u64(r, "src_port", tuple->src_port);
	record_u64(r, "traffic_class", tuple->traffic_class);
	record_u64_if(r, "flow_label", tuple->flow_label, !addr_is_v4(&tuple->source));
}

static void
road_record(msgpack_packer *out, const struct tell *t, const struct road *road,
	    const char *hostname)
{
	const struct road_path *path;
	struct road_info info;
	struct record r;

	road_info(road, &info);
	path = info.path;
	record_begin(&r, RECORD_ROAD);
	road_record_tuple(&r, t, info.tuple);
	record_str(&r, "hostname", hostname);
	record_str(&r, "kind", road_kind_name(info.kind));
	record_u64_if(&r, "routers", (uint64_t)info.routers, info.routers >= 0);
	record_str(&r, "state", road_state_name(info.state));
	record_str(&r, "state_reason", info.reason);
	record_bool(&r, "losing", info.losing);
	road_record_list(&r, t, "hops", path);
	record_bool(&r, "reached", path && path->reached);
	record_bool(&r, "stable", path && path->stable);
	record_u64_if(&r, "time_ns", path ? path->time_ns : 0, path != NULL);
	road_record_list(&r, t, "before", info.before);
	record_u64_if(&r, "before_ns", info.before ? info.before->time_ns : 0,
		      info.before != NULL);
	record_u64(&r, "changes", info.changes);
	record_u64_if(&r, "changed_ns", info.changed_ns, info.changed_ns != 0);
	record_end(&r, out);
}

/* ---- several ---- */

/* Which paths are asked for. */
struct road_record_asked {
	const struct tell *t;
	const char *device;        /* "": any */
	struct addr destination;
	const struct flow *flow;   /* NULL: none */
	struct flow_info of;       /* of the flow */
	const char *hostname;      /* NULL: unknown */
};

static bool
road_record_is_asked(const struct road_record_asked *asked, const struct road *road)
{
	const struct nic *nic;
	struct road_info info;

	road_info(road, &info);
	if (!addr_equal(&info.tuple->destination, &asked->destination))
		return false;
	if (asked->flow && (info.tuple->src_port != asked->of.key.src_port ||
			    info.tuple->traffic_class != asked->of.key.traffic_class ||
			    !addr_equal(&info.tuple->source, &asked->of.key.sgid)))
		return false;
	if (!asked->device[0])
		return true;
	nic = nics_find_local(asked->t->nics, &info.tuple->source);
	return nic && strcmp(nic_name(nic), asked->device) == 0;
}

/* Puts at most ROAD_RECORD_MAX of them into `at`. Returns the number of all. */
static size_t
road_record_collect(const struct road_record_asked *asked,
		    const struct road *at[ROAD_RECORD_MAX])
{
	size_t n = 0;

	for (const struct road *road = NULL; (road = roads_next(asked->t->roads, road));) {
		if (!road_record_is_asked(asked, road))
			continue;
		if (n < ROAD_RECORD_MAX)
			at[n] = road;
		n++;
	}
	return n;
}

static int
road_record_find(const struct tell *t, const char *what, struct road_record_asked *asked,
		 struct control_error *error)
{
	struct named named;
	struct peer_info peer;
	int rc;

	asked->flow = named_flow(t->services, what);
	if (asked->flow) {
		flow_info(asked->flow, &asked->of);
		asked->destination = asked->of.key.dgid;
		return 0;
	}
	rc = named_find(t->peers, what, NULL, &named, error);
	if (rc < 0)
		return rc;
	peer_info(named.peer, &peer);
	asked->hostname = peer.hostname ? peer.hostname :
			  peer.listed   ? peer.listed->host :
					  NULL;
	if (peer.remote)
		asked->destination = *peer.remote;
	return 0;
}

int
road_record_answer(struct tell *t, const char *what, const char *device, msgpack_packer *result,
		   struct control_error *error)
{
	struct road_record_asked asked = {.t = t, .device = device};
	const struct road *at[ROAD_RECORD_MAX];
	int rc = road_record_find(t, what, &asked, error);
	size_t n = 0, shown;
	msgpack_packer *pk;
	struct record r;

	/* A host that only probes us is no peer. */
	if (rc == 0 || addr_parse(what, &asked.destination) == 0)
		n = road_record_collect(&asked, at);
	if (rc < 0 && n == 0)
		return rc;
	record_begin(&r, RECORD_ROADS);
	record_u64(&r, "paths_total", n);
	shown = n < ROAD_RECORD_MAX ? n : ROAD_RECORD_MAX;
	pk = record_key(&r, "paths");
	msgpack_pack_array(pk, shown);
	for (size_t i = 0; i < shown; i++)
		road_record(pk, t, at[i], asked.hostname);
	record_end(&r, result);
	return 0;
}

/* ---- in other records ---- */

void
road_record_of_target(struct record *r, const struct tell *t, const struct prober_target *target)
{
	const struct road *road = NULL;
	struct hops_tuple tuple;

	if (roads_tuple(target, &tuple))
		road = roads_find(t->roads, &tuple);
	if (road)
		road_record(record_key(r, "road"), t, road, NULL);
	else
		msgpack_pack_nil(record_key(r, "road"));
}

/* The road of a flow, or NULL. Its flow label is that of the probes along it. */
static const struct road *
road_record_of_flow(const struct roads *roads, const struct flow *flow)
{
	struct service_info service;
	struct hops_tuple tuple;
	struct flow_info info;

	flow_info(flow, &info);
	service_info(flow, &service);
	if (!service.target || !roads_tuple(service.target, &tuple))
		return NULL;
	if (info.key.src_port != UDP_PORT_UNKNOWN)
		tuple.src_port = info.key.src_port;
	return roads_find(roads, &tuple);
}

void
road_record_hops(struct record *r, struct roads *roads, const struct flow *flow)
{
	const struct road *road = road_record_of_flow(roads, flow);
	msgpack_packer *pk = record_key(r, "hops");
	struct road_info info = {.path = NULL};
	char text[ADDR_TEXT];

	if (road)
		road_info(road, &info);
	if (!info.path) {
		msgpack_pack_array(pk, 0);
		return;
	}
	msgpack_pack_array(pk, info.path->n_hops);
	for (uint8_t i = 0; i < info.path->n_hops; i++) {
		const struct addr *hop = &info.path->hops[i].address;
		const char *name = addr_is_zero(hop) ? "?" : roads_name(roads, hop);

		record_pack_str(pk, name ? name : addr_text(hop, text));
	}
}

void
road_record_status(struct record *r, const struct tell *t)
{
	struct roads_stats s;
	struct record map;

	roads_stats(t->roads, &s);
	record_begin(&map, RECORD_ROAD_COUNTS);
	record_u64(&map, "interval_s", s.interval_s);
	record_u64_if(&map, "share_ns", s.share_ns, s.share_ns != 0);
	record_u64(&map, "traced", s.by_state[ROAD_TRACED]);
	record_u64(&map, "waiting", s.by_state[ROAD_WAITING]);
	record_u64(&map, "failed", s.by_state[ROAD_FAILED]);
	record_str(&map, "failed_reason", s.failed_reason);
	record_u64(&map, "not_traced", s.by_state[ROAD_NOT]);
	record_str(&map, "not_traced_reason", s.not_reason);
	record_u64(&map, "incomplete", s.incomplete);
	record_u64(&map, "silent", s.silent);
	record_u64(&map, "unstable", s.unstable);
	record_u64(&map, "refused", s.refused);
	record_u64(&map, "traces", s.traces);
	record_u64(&map, "datagrams", s.sent);
	record_u64(&map, "answers", s.answers);
	record_u64(&map, "changes", s.changes);
	record_u64_if(&map, "oldest_ns", s.oldest_ns, s.oldest_ns != 0);
	record_end(&map, record_key(r, "paths"));
}

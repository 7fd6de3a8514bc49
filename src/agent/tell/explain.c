/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tell/explain.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "agent/tell/flow_record.h"
#include "agent/peer/last_probes.h"
#include "agent/nic/nic.h"
#include "agent/tell/named.h"
#include "agent/tell/nic_record.h"
#include "agent/peer/peer.h"
#include "agent/tell/peer_record.h"
#include "agent/tell/road_record.h"
#include "agent/peer/service.h"
#include "agent/tell/windows.h"
#include "agent/tell/tell.h"
#include "rdma/path.h"
#include "record/record.h"
#include "rpingmesh/control.h"
#include "trace/trace.h"

/* What `what` means. */
struct explain_found {
	const struct peer *peer; /* NULL: a flow that is not probed */
	const struct nic *nic;  /* NULL: none */
	const struct flow *flow; /* NULL: the question is about a peer */
	uint32_t matches;
};

/* ---- finding ---- */

static int
explain_find_peer(const struct tell *t, const char *what, const char *device,
		  struct explain_found *found, struct control_error *error)
{
	struct peer_info info;
	struct named named;
	int rc = named_find(t->peers, what, device[0] ? device : NULL, &named, error);

	if (rc < 0)
		return rc;
	peer_info(named.peer, &info);
	found->peer = named.peer;
	found->nic = info.nic;
	found->matches = named.matches;
	return 0;
}

static void
explain_find_flow(const struct tell *t, const char *what, struct explain_found *found)
{
	struct service_info service;
	struct flow_info info;

	found->flow = named_flow(t->services, what);
	if (!found->flow)
		return;
	flow_info(found->flow, &info);
	service_info(found->flow, &service);
	found->peer = service.peer;
	found->matches = 1;
	found->nic = nics_find(t->nics, info.device, info.port);
}

/* ---- the path ---- */

/* The reason for the source address and device. */
static const char *
explain_source_rule(const struct peer_info *peer)
{
	if (peer->source)
		return peer->configured ? "the configured source" : "the requested source";
	if (peer->device)
		return peer->configured ? "the configured device" : "the requested device";
	return "the kernel's route, else the address most similar to the peer's";
}

static void
explain_ah(struct record *map, const struct peer_info *peer, const struct device_gid *gid)
{
	struct path_info info = {0};

	if (peer->path)
		path_info(peer->path, &info);
	record_u64_if(map, "gid_index", gid ? gid->index : 0, gid != NULL);
	record_u64(map, "hop_limit", info.hop_limit);
	record_u64(map, "ahs", info.ahs);
	record_bool(map, "resolving", info.resolving);
	record_bool(map, "neighbour_known",
		    peer->path && path_is_fresh(peer->path, clock_mono_ns()));
	record_u64_if(map, "neighbour_seen_ns", info.fresh_ns ? clock_wall_of(info.fresh_ns) : 0,
		      info.fresh_ns != 0);
}

static void
explain_session(struct record *map, const struct peer_info *peer, uint16_t service_port)
{
	struct prober_peer_info info;

	prober_peer_info(peer->prober, &info);
	record_u64(map, "service_port", service_port);
	record_u64_if(map, "asked_ns", peer->asked_ns ? clock_wall_of(peer->asked_ns) : 0,
		      peer->asked_ns != 0);
	record_bool(map, "asking", peer->asking);
	record_u64_if(map, "qpn", info.session.qpn, info.has_session);
	record_u64_if(map, "max_size", info.session.max_size, info.has_session);
	record_u64_if(map, "max_per_s", peer->max_per_s, peer->max_per_s != 0);
}

static void
explain_path(struct record *r, const struct tell *t, const struct peer *peer)
{
	const struct device_gid *gid;
	char local[ADDR_TEXT], remote[ADDR_TEXT], netdev[IF_NAMESIZE];
	struct peer_info info = {.binding = PEER_NO_DEVICE};
	struct device *device;
	struct record map;

	if (peer)
		peer_info(peer, &info);
	if (info.binding != PEER_BOUND) {
		record_str(r, "path", NULL);
		return;
	}
	device = nic_device(info.nic);
	gid = device ? device_find_gid(device, &info.local) : NULL;
	record_begin(&map, RECORD_PATH);
	record_str(&map, "device", nic_name(info.nic));
	record_u64(&map, "port", nic_port(info.nic));
	record_str(&map, "netdev",
		   gid && gid->ifindex ? if_indextoname(gid->ifindex, netdev) : NULL);
	record_str(&map, "source", addr_text(&info.local, local));
	record_str(&map, "source_rule", explain_source_rule(&info));
	record_str(&map, "destination", addr_text(info.remote, remote));
	explain_ah(&map, &info, gid);
	explain_session(&map, &info, t->config->port);
	record_end(&map, record_key(r, "path"));
}

/* ---- streams ---- */

/* How the UDP source port is determined. */
static const char *
explain_port_rule(const struct nic_source *source, uint32_t flow_label)
{
	switch (source->rule) {
	case SPORT_RULE_QP:
		return source->found ? "the driver derives it from the QPN; the daemon "
				       "searched for this QP" :
				       "the driver derives it from the QPN";
	case SPORT_RULE_FLOW_LABEL:
		return flow_label ? "the driver derives it from the flow label" :
				    "flow label 0: the driver chooses";
	case SPORT_RULE_UNKNOWN:
		break;
	}
	return "the rule of this driver is not known";
}

static void
explain_last(struct record *map, const struct record_origin *origin,
	     const struct peer_stream *stream)
{
	struct probe_result last[LAST_PROBES_N];
	size_t n = last_probes_get(stream->last, last);
	bool measured = n > 0 && last[0].measured;
	msgpack_packer *pk;

	record_bool(map, "kept", stream->last != NULL);
	record_str(map, "responder_clock",
		   measured ? probe_clock_name(last[0].responder_clock) : NULL);
	pk = record_key(map, "last");
	msgpack_pack_array(pk, n);
	for (size_t i = 0; i < n; i++)
		peer_record_probe(pk, origin, stream, &last[i]);
}

static void
explain_stream(msgpack_packer *out, struct tell *t, const struct prober_target *target)
{
	struct prober_target_info info;
	struct peer_stream *stream;
	struct nic_source source;
	struct peer_info peer;
	struct record map;

	prober_target_info(target, &info);
	stream = info.user;
	peer_info(stream->peer, &peer);
	nic_source(peer.nic, info.config.flow_label, &source);
	last_probes_want(t->last_probes, &stream->last);
	record_begin(&map, RECORD_STREAM);
	peer_record_target(record_key(&map, "target"), stream->peer, target);
	record_u64_if(&map, "flow", stream->service ? service_flow_id(stream->service) : 0,
		      stream->service != NULL);
	record_u64_if(&map, "qpn", source.qpn, source.qpn != 0);
	record_str(&map, "port_rule", explain_port_rule(&source, info.config.flow_label));
	road_record_of_target(&map, t, target);
	explain_last(&map, &t->origin, stream);
	windows_last(record_key(&map, "window"), &t->origin, target);
	record_end(&map, out);
}

/* Whether to list the stream. For a peer, `flows` selects the streams of flows or all others. */
static bool
explain_wants(const struct explain_found *found, const struct prober_target *target, bool flows)
{
	struct prober_target_info info;
	const struct peer_stream *stream;
	struct service_info service;

	prober_target_info(target, &info);
	stream = info.user;
	if (!found->flow)
		return flows == (stream->service != NULL);
	service_info(found->flow, &service);
	return service.target == target;
}

static uint64_t
explain_list(const struct explain_found *found, bool flows,
	     const struct prober_target *at[EXPLAIN_STREAMS_MAX])
{
	const struct prober_target *t = NULL;
	struct peer_info peer = {0};
	uint64_t n = 0;

	if (found->peer)
		peer_info(found->peer, &peer);
	while (peer.prober && (t = prober_peer_next_target(peer.prober, t))) {
		if (!explain_wants(found, t, flows))
			continue;
		if (n < EXPLAIN_STREAMS_MAX)
			at[n] = t;
		n++;
	}
	return n;
}

static void
explain_streams(struct record *r, struct tell *t, const struct explain_found *found)
{
	const struct prober_target *at[EXPLAIN_STREAMS_MAX];
	uint64_t n = explain_list(found, false, at);
	uint64_t shown;
	msgpack_packer *pk;

	if (n == 0)
		n = explain_list(found, true, at);
	shown = n < EXPLAIN_STREAMS_MAX ? n : EXPLAIN_STREAMS_MAX;
	record_u64(r, "streams_total", n);
	pk = record_key(r, "streams");
	msgpack_pack_array(pk, shown);
	for (uint64_t i = 0; i < shown; i++)
		explain_stream(pk, t, at[i]);
}

/* ---- flows ---- */

static void
explain_flows(struct record *r, const struct tell *t, const struct explain_found *found)
{
	const struct flow *at[EXPLAIN_FLOWS_MAX];
	size_t n = 1, shown;
	msgpack_packer *pk;

	if (found->flow)
		at[0] = found->flow;
	else
		n = service_flows(found->peer, at, EXPLAIN_FLOWS_MAX);
	shown = n < EXPLAIN_FLOWS_MAX ? n : EXPLAIN_FLOWS_MAX;
	record_u64(r, "flows_total", n);
	pk = record_key(r, "flows");
	msgpack_pack_array(pk, shown);
	for (size_t i = 0; i < shown; i++)
		flow_record(pk, services_owners(t->services), t->roads, at[i]);
}

int
explain(struct tell *t, const char *what, const char *device, msgpack_packer *result,
	struct control_error *error)
{
	struct explain_found found = {0};
	struct record r;
	int rc = 0;

	explain_find_flow(t, what, &found);
	if (!found.flow)
		rc = explain_find_peer(t, what, device, &found, error);
	if (rc == -ENOENT && !strchr(what, '/') && !device[0])
		snprintf(error->message, sizeof(error->message),
			 "there is no peer or flow \"%.200s\"", what);
	if (rc < 0)
		return rc;
	record_begin(&r, RECORD_EXPLAIN);
	record_u64(&r, "schema", CONTROL_SCHEMA);
	record_u64(&r, "time_ns", clock_wall_ns());
	record_str(&r, "asked", what);
	record_u64(&r, "matches", found.matches);
	if (found.peer)
		peer_record(record_key(&r, "peer"), found.peer);
	else
		record_str(&r, "peer", NULL);
	explain_path(&r, t, found.peer);
	explain_streams(&r, t, &found);
	explain_flows(&r, t, &found);
	if (found.nic)
		nic_record(record_key(&r, "device"), found.nic);
	else
		record_str(&r, "device", NULL);
	record_u64(&r, "kept_streams", t->last_probes->rings);
	record_u64(&r, "kept_bytes", last_probes_bytes(t->last_probes));
	record_u64(&r, "not_kept", t->last_probes->not_kept);
	record_end(&r, result);
	return 0;
}

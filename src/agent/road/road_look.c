/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk over all streams of probes, and over the sessions of the responder, which finds the
 * roads. Each second it visits some peers: all of them if they are few, and a tenth of them if they
 * are many. A peer may go in between; so the walk stops only at peers that are bound, because these
 * are announced by PEER_UNBOUND before they go.
 */
#include "agent/road/road_impl.h"

#include "agent/nic/nic.h"
#include "agent/peer/peer.h"
#include "agent/peer/service.h"
#include "core/loop.h"
#include "probe/prober.h"
#include "probe/responder.h"

#define ROADS_VISITS 256u      /* of streams in one second, at least */
#define ROADS_PART 10u         /* or this part of all */
#define ROAD_PING_PROBES 10u   /* a ping is traced after so many */
#define ROADS_SWEEP_NS (10 * NSEC_PER_SEC)

/* ---- roads ---- */

/* What one walk has found counts from the next one on; but a higher kind at once. */
static void
road_find_kind(struct road *road, enum road_kind kind, bool first)
{
	if (first && road->cycle)
		road->kind = road->found_kind;
	road->found_kind = first || kind > road->found_kind ? kind : road->found_kind;
	if (road->found_kind > road->kind || !road->cycle)
		road->kind = road->found_kind;
}

static void
road_set_routers(struct road *road, int routers)
{
	if (routers == road->routers && road->cycle)
		return;
	road->routers = routers;
	if (routers > 0 && routers <= (int)HOPS_MAX) {
		road_stop(road);
		/* Of the way back the other host says how many, and it may say anything. */
		road_want(road, road->kind == ROAD_BACK ? ROAD_WHY_AGAIN : ROAD_WHY_NEW);
	} else {
		road_leave(road, routers == 0 ? ROAD_REASON_NONE : ROAD_REASON_ROUTERS);
	}
}

/* If one stream of the tuple knows the number of routers, it is known. */
static void
road_find_routers(struct road *road, int routers, bool first)
{
	if (first && road->cycle && road->found_routers < 0 && routers < 0)
		road_set_routers(road, road->found_routers);
	if (first || routers >= 0)
		road->found_routers = routers;
	if (routers >= 0 || !road->cycle)
		road_set_routers(road, routers);
}

static void
roads_found(struct roads *roads, const struct hops_tuple *tuple, enum road_kind kind, int routers)
{
	struct road *road = roads_get(roads, tuple);
	bool first;

	if (!road)
		return;
	first = road->cycle != roads->cycle;
	road_find_kind(road, kind, first);
	road_find_routers(road, routers, first);
	if (tuple->qpn)
		road->tuple.qpn = tuple->qpn;
	road->cycle = roads->cycle;
	road->seen_ns = clock_mono_ns();
}

/* ---- tuples ---- */

/*
 * The flow label in the header of IPv6. Where the port belongs to the QP (rxe), the driver sends
 * none (kernel: drivers/infiniband/sw/rxe/rxe_net.c, prepare_ipv6_hdr).
 */
static uint32_t
roads_label(const struct nic *nic, const struct addr *destination, uint32_t flow_label)
{
	struct nic_source source;

	if (addr_is_v4(destination))
		return 0;
	nic_source(nic, flow_label, &source);
	return source.rule == SPORT_RULE_QP ? 0 : flow_label;
}

bool
roads_tuple_of(const struct peer_stream *stream, const struct probe_result *result,
	       struct hops_tuple *out)
{
	struct peer_info peer;

	peer_info(stream->peer, &peer);
	if (!peer.prober || !peer.remote || result->src_port == PROBE_PORT_UNKNOWN ||
	    result->src_port == 0)
		return false;
	*out = (struct hops_tuple){
		.source = peer.local,
		.destination = *peer.remote,
		.src_port = result->src_port,
		.traffic_class = result->traffic_class,
		.flow_label = roads_label(peer.nic, peer.remote, result->flow_label),
	};
	return true;
}

bool
roads_tuple(const struct prober_target *target, struct hops_tuple *out)
{
	struct prober_target_info info;
	struct probe_result last;

	prober_target_info(target, &info);
	last = (struct probe_result){.src_port = info.src_port,
				     .traffic_class = info.config.traffic_class,
				     .flow_label = info.config.flow_label};
	return info.totals.posted > 0 && roads_tuple_of(info.user, &last, out);
}

/* ---- the walk ---- */

/* The flow has another port than the probes along it. */
static void
roads_visit_flow(struct roads *roads, const struct peer_stream *stream,
		 const struct hops_tuple *probes, int routers)
{
	const struct flows *flows = services_flows(roads->env.services);
	uint64_t id = service_flow_id(stream->service);
	const struct flow *flow = flows && id ? flows_next(flows, id - 1) : NULL;
	struct hops_tuple tuple = *probes;
	struct flow_info info;
	struct flow_qp qp;

	if (!flow)
		return;
	flow_info(flow, &info);
	if (info.id != id || info.key.src_port == UDP_PORT_UNKNOWN ||
	    info.key.src_port == tuple.src_port)
		return;
	tuple.src_port = info.key.src_port;
	tuple.qpn = flow_next_qp(flow, NULL, &qp) && qp.has_remote ? qp.remote_qpn : 0;
	roads_found(roads, &tuple, ROAD_FLOW, routers);
}

static void
roads_visit_target(struct roads *roads, struct prober_target *target)
{
	struct prober_target_info info;
	const struct peer_stream *stream;
	const struct road *road;
	struct hops_tuple tuple;

	prober_target_info(target, &info);
	stream = info.user;
	if (!roads_tuple(target, &tuple) ||
	    (stream->ping && info.totals.posted < ROAD_PING_PROBES))
		return;
	tuple.qpn = info.remote_qpn;
	roads_found(roads, &tuple,
		    stream->ping    ? ROAD_PING :
		    stream->service ? ROAD_FLOW :
				      ROAD_MESH,
		    info.routers_there);
	road = roads_find(roads, &tuple);
	if (road)
		prober_target_set_path(target, road->changes);
	if (stream->service)
		roads_visit_flow(roads, stream, &tuple, info.routers_there);
}

static void
roads_visit_peer(struct roads *roads, const struct peer_info *peer)
{
	for (struct prober_target *target = NULL;
	     (target = prober_peer_next_target(peer->prober, target)); roads->visits++)
		roads_visit_target(roads, target);
	roads->visits++;
}

/* The way back of others' probes, which are still coming. */
static void
roads_visit_ways(struct roads *roads, uint64_t now_ns)
{
	const struct responder_way *way = NULL;
	struct responder_way_info info;

	while ((way = responder_way_next(roads->env.responder, way))) {
		const struct nic *nic;
		struct hops_tuple tuple;

		responder_way_info(way, &info);
		nic = nics_find_local(roads->env.nics, &info.local);
		if (!nic || info.back_src_port == PROBE_PORT_UNKNOWN || info.back_src_port == 0 ||
		    info.last_ns + ROAD_IDLE_NS < now_ns)
			continue;
		tuple = (struct hops_tuple){
			.source = info.local,
			.destination = info.remote,
			.src_port = info.back_src_port,
			.traffic_class = info.traffic_class,
			.flow_label = roads_label(nic, &info.remote, info.flow_label),
			.qpn = info.remote_qpn,
		};
		roads_found(roads, &tuple, ROAD_BACK, info.routers_back);
	}
}

/* The first bound peer from this one on, or NULL. */
static const struct peer *
roads_bound(const struct roads *roads, const struct peer *peer)
{
	struct peer_info info;

	for (; peer; peer = peers_next(roads->env.peers, peer)) {
		peer_info(peer, &info);
		if (info.prober)
			return peer;
	}
	return NULL;
}

void
roads_peer_unbound(struct roads *roads, const struct peer *peer)
{
	if (roads->next == peer)
		roads->next = roads_bound(roads, peers_next(roads->env.peers, peer));
}

/* A walk is complete. */
static void
roads_walked(struct roads *roads)
{
	uint64_t now_ns = clock_mono_ns();
	struct road *road, *next = TAILQ_FIRST(&roads->list);

	roads->last_visits = roads->visits;
	roads->visits = 0;
	roads->cycle++;
	if (now_ns - roads->swept_ns < ROADS_SWEEP_NS)
		return;
	roads->swept_ns = now_ns;
	roads_visit_ways(roads, now_ns);
	while ((road = next)) {
		next = TAILQ_NEXT(road, entry);
		/* Those of ways were seen after now_ns. */
		if (road->seen_ns + ROAD_IDLE_NS < now_ns)
			road_free(road);
	}
}

static void
roads_walk(struct roads *roads)
{
	uint32_t part = roads->last_visits / ROADS_PART;
	uint32_t stop = roads->visits + (part > ROADS_VISITS ? part : ROADS_VISITS);
	const struct peer *peer = roads->next;
	struct peer_info info;

	if (!peer)
		peer = roads_bound(roads, peers_next(roads->env.peers, NULL));
	while (peer && roads->visits < stop) {
		peer_info(peer, &info);
		roads_visit_peer(roads, &info);
		peer = roads_bound(roads, peers_next(roads->env.peers, peer));
	}
	roads->next = peer;
	if (!peer)
		roads_walked(roads);
}

static void
roads_look(void *arg)
{
	struct roads *roads = arg;

	if (roads->interval_ns)
		roads_walk(roads);
	loop_timer_set(roads->look, NSEC_PER_SEC);
}

int
roads_look_start(struct roads *roads)
{
	int rc = loop_timer_new(roads->env.loop, "paths", roads_look, roads, &roads->look);

	roads->cycle = 1;
	if (rc == 0)
		rc = loop_timer_be_coarse(roads->look);
	if (rc == 0)
		loop_timer_set(roads->look, NSEC_PER_SEC);
	return rc;
}

void
roads_look_stop(struct roads *roads)
{
	loop_timer_free(roads->look);
}

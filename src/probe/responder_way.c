/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways: what the responder knows about each stream of probes, to trace the way of its ACKs and to
 * testify which probes have arrived. There is a table by session, flow label and class, a list by
 * the time of the last probe, from whose head ways expire, and a list of those whose probes nobody
 * has taken yet.
 */
#include "probe/responder_impl.h"

#include <errno.h>
#include <stdlib.h>

#define WAY_HASH_MIN 64

int
responder_ways_new(struct responder *responder)
{
	TAILQ_INIT(&responder->way_order);
	TAILQ_INIT(&responder->heard);
	responder->ways = calloc(WAY_HASH_MIN, sizeof(*responder->ways));
	responder->n_way_hash = WAY_HASH_MIN;
	return responder->ways ? 0 : -ENOMEM;
}

void
responder_ways_free(struct responder *responder)
{
	free(responder->ways);
}

static struct responder_way_head *
way_slot(const struct responder *responder, const struct responder_session *session,
	 uint32_t flow_label, uint8_t traffic_class)
{
	uint64_t h = session->number ^ responder->hash_key;

	h = (h ^ (uint64_t)flow_label << 8 ^ traffic_class) * 0xff51afd7ed558ccdULL;
	return &responder->ways[(h ^ h >> 32) & (responder->n_way_hash - 1)];
}

/* Keeps the chains short. If there is no memory, they only get longer. */
static void
ways_grow(struct responder *responder)
{
	uint32_t n = 2 * responder->n_way_hash;
	struct responder_way_head *grown;
	struct responder_way *way;

	if (responder->stats.ways <= responder->n_way_hash)
		return;
	grown = calloc(n, sizeof(*grown));
	if (!grown)
		return;
	free(responder->ways);
	responder->ways = grown;
	responder->n_way_hash = n;
	TAILQ_FOREACH(way, &responder->way_order, in_order)
		LIST_INSERT_HEAD(way_slot(responder, way->session, way->flow_label,
					  way->traffic_class), way, in_hash);
}

static void
way_free(struct responder *responder, struct responder_way *way)
{
	if (way->heard)
		TAILQ_REMOVE(&responder->heard, way, in_heard);
	TAILQ_REMOVE(&responder->way_order, way, in_order);
	LIST_REMOVE(way, in_hash);
	LIST_REMOVE(way, in_session);
	way->session->source->n_ways--;
	responder->stats.ways--;
	free(way);
}

/* NULL: there is no room. */
static struct responder_way *
way_new(struct responder *responder, struct responder_session *session,
	const struct responder_answer *answer)
{
	struct responder_way *way = NULL;

	if (responder->stats.ways < RESPONDER_WAYS_MAX &&
	    session->source->n_ways < RESPONDER_WAYS_SOURCE_MAX)
		way = calloc(1, sizeof(*way));
	if (!way) {
		responder->stats.unknown_ways++;
		return NULL;
	}
	way->session = session;
	way->flow_label = answer->flow_label;
	way->traffic_class = answer->traffic_class;
	LIST_INSERT_HEAD(way_slot(responder, session, way->flow_label, way->traffic_class), way,
			 in_hash);
	LIST_INSERT_HEAD(&session->ways, way, in_session);
	TAILQ_INSERT_TAIL(&responder->way_order, way, in_order);
	session->source->n_ways++;
	responder->stats.ways++;
	ways_grow(responder);
	return way;
}

static struct responder_way *
way_find(const struct responder *responder, const struct responder_session *session,
	 const struct responder_answer *answer)
{
	struct responder_way *way;

	LIST_FOREACH(way, way_slot(responder, session, answer->flow_label, answer->traffic_class),
		     in_hash) {
		if (way->session == session && way->flow_label == answer->flow_label &&
		    way->traffic_class == answer->traffic_class)
			return way;
	}
	return NULL;
}

struct responder_way *
responder_hear(struct responder *responder, struct responder_session *session,
	       const struct responder_answer *answer, uint64_t now_ns)
{
	struct responder_way *way = way_find(responder, session, answer);

	if (!way)
		way = way_new(responder, session, answer);
	if (!way)
		return NULL;
	TAILQ_REMOVE(&responder->way_order, way, in_order);
	TAILQ_INSERT_TAIL(&responder->way_order, way, in_order);
	if (way->heard++ == 0)
		TAILQ_INSERT_TAIL(&responder->heard, way, in_heard);
	way->received++;
	way->last_ns = now_ns;
	way->src_port = answer->from_port;
	way->remote_qpn = answer->qpn;
	/* Builds that know no challenge do not report it, so a forged session may not either. */
	way->back_routers = session->request.challenge ? answer->back_routers : 0;
	return way;
}

void
responder_ways_close(struct responder *responder, struct responder_session *session)
{
	struct responder_way *way;

	while ((way = LIST_FIRST(&session->ways)))
		way_free(responder, way);
}

uint64_t
responder_ways_next_ns(const struct responder *responder)
{
	const struct responder_way *way = TAILQ_FIRST(&responder->way_order);

	return way ? way->last_ns + RESPONDER_IDLE_NS : UINT64_MAX;
}

void
responder_expire_ways(struct responder *responder, uint64_t now_ns)
{
	while (responder_ways_next_ns(responder) <= now_ns)
		way_free(responder, TAILQ_FIRST(&responder->way_order));
}

const struct responder_way *
responder_way_next(const struct responder *responder, const struct responder_way *after)
{
	return after ? TAILQ_NEXT(after, in_order) : TAILQ_FIRST(&responder->way_order);
}

void
responder_way_info(const struct responder_way *way, struct responder_way_info *out)
{
	const struct responder_open_request *request = &way->session->request;

	*out = (struct responder_way_info){
		.device_user = request->device_user,
		.local = request->local,
		.remote = request->remote,
		.src_port = way->src_port,
		.back_src_port = way->back_src_port,
		.flow_label = way->flow_label,
		.traffic_class = way->traffic_class,
		.remote_qpn = way->remote_qpn,
		.routers_back = routers_decode(way->back_routers),
		.received = way->received,
		.last_ns = way->last_ns,
	};
}

uint64_t
responder_take_heard(struct responder *responder, struct responder_way_info *out)
{
	struct responder_way *way = TAILQ_FIRST(&responder->heard);
	uint64_t heard;

	if (!way)
		return 0;
	TAILQ_REMOVE(&responder->heard, way, in_heard);
	heard = way->heard;
	way->heard = 0;
	responder_way_info(way, out);
	return heard;
}

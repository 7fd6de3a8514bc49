/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: road
 *
 * struct roads owns all roads, in a list by id and in a table by tuple. road_look.c walks over the
 * streams of all peers, some at a time, and finds or makes the road of each; a road that it has not
 * found for ROAD_IDLE_NS goes. road_trace.c lets roads wait (road_queue.c), hands some at a time to
 * hops, and keeps what comes of it. Both have a timer.
 */
#include "agent/road/road.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "agent/nic/nic.h"
#include "agent/peer/peer.h"
#include "agent/road/road_impl.h"
#include "core/loop.h"
#include "probe/prober.h"

const char *
road_kind_name(enum road_kind kind)
{
	static const char *const names[ROAD_KIND_N] = ROAD_KIND_NAMES;

	return names[kind];
}

const char *
road_state_name(enum road_state state)
{
	static const char *const names[ROAD_STATE_N] = ROAD_STATE_NAMES;

	return names[state];
}

/* ---- start and stop ---- */

static int
roads_start(struct roads *roads)
{
	int rc = roads_names_new(roads);

	if (rc == 0)
		rc = roads_trace_start(roads);
	return rc < 0 ? rc : roads_look_start(roads);
}

int
roads_new(const struct roads_env *env, struct roads **out)
{
	struct roads *roads = calloc(1, sizeof(*roads));
	int rc;

	if (!roads)
		return -ENOMEM;
	roads->env = *env;
	TAILQ_INIT(&roads->list);
	(void)!getrandom(roads->key, sizeof(roads->key), GRND_NONBLOCK);
	rc = roads_start(roads);
	if (rc < 0)
		roads_free(roads);
	else
		*out = roads;
	return rc;
}

void
roads_free(struct roads *roads)
{
	struct road *road;

	if (!roads)
		return;
	roads->env.ops = NULL;
	while ((road = TAILQ_FIRST(&roads->list)))
		road_free(road);
	roads_look_stop(roads);
	roads_trace_stop(roads);
	roads_names_free(roads);
	free(roads);
}

/* ---- the table ---- */

/* What hops needs to tell one tuple from another, but for the flow label, without gaps. */
struct road_key {
	struct addr source, destination;
	uint32_t src_port, traffic_class;
};

static size_t
roads_bucket(const struct roads *roads, const struct hops_tuple *tuple)
{
	const struct road_key key = {.source = tuple->source,
				     .destination = tuple->destination,
				     .src_port = tuple->src_port,
				     .traffic_class = tuple->traffic_class};

	return siphash(roads->key, &key, sizeof(key)) % ROADS_BUCKETS;
}

static bool
road_is(const struct road *road, const struct hops_tuple *tuple)
{
	const struct hops_tuple *own = &road->tuple;

	return own->src_port == tuple->src_port && own->traffic_class == tuple->traffic_class &&
	       addr_equal(&own->destination, &tuple->destination) &&
	       addr_equal(&own->source, &tuple->source);
}

struct road *
roads_find(const struct roads *roads, const struct hops_tuple *tuple)
{
	struct road *road;

	LIST_FOREACH(road, &roads->bucket[roads_bucket(roads, tuple)], in_bucket)
		if (road_is(road, tuple) && road->tuple.flow_label == tuple->flow_label)
			return road;
	return NULL;
}

/* Whoever asks does not know flow labels. */
int
roads_ask(struct roads *roads, const struct hops_tuple *tuple)
{
	uint64_t now_ns = clock_mono_ns();
	struct road *road;
	int rc = -ENOENT;

	LIST_FOREACH(road, &roads->bucket[roads_bucket(roads, tuple)], in_bucket) {
		if (!road_is(road, tuple) || road->state == ROAD_NOT)
			continue;
		if (road->request ||
		    (road->asked_ns && now_ns - road->asked_ns < ROADS_ASK_AGAIN_NS)) {
			rc = rc == 0 ? 0 : -EALREADY;
			continue;
		}
		road->asked_ns = now_ns;
		road->asked = true;
		road_want(road, ROAD_WHY_ASKED);
		rc = 0;
	}
	return rc;
}

static struct road *
roads_make(struct roads *roads, const struct hops_tuple *tuple)
{
	struct road *road;

	if (roads->n >= ROADS_MAX || road_queue_reserve(&roads->queue, roads->n + 1) < 0)
		return NULL;
	road = calloc(1, sizeof(*road));
	if (!road)
		return NULL;
	road->roads = roads;
	road->id = ++roads->last_id;
	road->tuple = *tuple;
	road->routers = road->found_routers = ROAD_ROUTERS_UNKNOWN;
	road->reason = ROAD_REASON_ROUTERS;
	TAILQ_INSERT_TAIL(&roads->list, road, entry);
	LIST_INSERT_HEAD(&roads->bucket[roads_bucket(roads, tuple)], road, in_bucket);
	roads->n++;
	return road;
}

struct road *
roads_get(struct roads *roads, const struct hops_tuple *tuple)
{
	struct road *road = roads_find(roads, tuple);

	if (road)
		return road;
	road = roads_make(roads, tuple);
	roads->refused += !road;
	return road;
}

void
road_free(struct road *road)
{
	road_tell(road, ROAD_GONE);
	road_stop(road);
	TAILQ_REMOVE(&road->roads->list, road, entry);
	LIST_REMOVE(road, in_bucket);
	road->roads->n--;
	free(road->path);
	free(road->before);
	free(road);
}

void
road_tell(const struct road *road, enum road_event event)
{
	const struct roads_env *env = &road->roads->env;

	if (env->ops && env->ops->event)
		env->ops->event(env->arg, road, event);
}

/* ---- what others see ---- */

const struct road *
roads_next(const struct roads *roads, const struct road *road)
{
	return road ? TAILQ_NEXT(road, entry) : TAILQ_FIRST(&roads->list);
}

void
road_info(const struct road *road, struct road_info *out)
{
	uint64_t now_ns = clock_mono_ns();

	*out = (struct road_info){
		.id = road->id,
		.tuple = &road->tuple,
		.kind = road->kind,
		.routers = road->routers,
		.state = road->state,
		.reason = road->reason,
		.losing = road->lost_ns && now_ns - road->lost_ns < ROAD_LOSING_NS,
		.path = road->path,
		.before = road->before,
		.changed_ns = road->changed_ns,
		.changes = road->changes,
	};
}

static bool
road_is_silent(const struct road_path *path)
{
	for (uint8_t i = 0; i < path->n_hops; i++)
		if (!addr_is_zero(&path->hops[i].address))
			return false;
	return true;
}

static void
road_count(const struct road *road, struct roads_stats *out)
{
	const struct road_path *path = road->path;

	out->by_state[road->state]++;
	if (road->state == ROAD_NOT)
		out->not_reason = road->reason;
	if (road->state == ROAD_FAILED)
		out->failed_reason = road->reason;
	if (!path)
		return;
	out->unstable += !path->stable;
	out->incomplete += !path->complete;
	out->silent += road_is_silent(path);
	if (out->oldest_ns == 0 || path->time_ns < out->oldest_ns)
		out->oldest_ns = path->time_ns;
}

void
roads_stats(const struct roads *roads, struct roads_stats *out)
{
	const struct road *road;
	struct hops_stats hops;

	hops_stats(roads->hops, &hops);
	*out = (struct roads_stats){
		.traces = hops.traced,
		.failed = hops.failed,
		.sent = hops.sent,
		.answers = hops.answers,
		.changes = roads->changes,
		.refused = roads->refused,
		.interval_s = roads->interval_ns / NSEC_PER_SEC,
		.share_ns = roads->hops_config.share_ns,
	};
	TAILQ_FOREACH(road, &roads->list, entry)
		road_count(road, out);
}

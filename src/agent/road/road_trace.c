/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is traced when, and what comes of it. hops has ROAD_ASKED_MAX traces at a time, which wait
 * there for the budgets of hosts and switches. Some of these places are kept for what is new or
 * loses, so that it does not wait for the rest.
 */
#include "agent/road/road_impl.h"

#include <errno.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config/config.h"
#include "agent/nic/nic.h"
#include "core/loop.h"

#define ROAD_ASKED_MAX 128u
#define ROAD_ASKED_AGAIN 64u            /* of them, of those that are only due again */
#define ROAD_RETRY_NS (60 * NSEC_PER_SEC)  /* after a trace that failed */
#define ROAD_LATER_NS NSEC_PER_SEC      /* hops has no room */
#define ROADS_HOST_SWITCHES 16u         /* so many answer at full rate at a time */

static void road_done(void *arg, const struct hops_path *path);

/* ---- when ---- */

static void
roads_begin_soon(struct roads *roads)
{
	loop_timer_set(roads->begin, 0);
}

/* ROAD_WHY_N: there is no room. */
static enum road_why
roads_last(const struct roads *roads)
{
	return roads->asked < ROAD_ASKED_AGAIN ? ROAD_WHY_AGAIN :
	       roads->asked < ROAD_ASKED_MAX   ? ROAD_WHY_LOSING :
						 ROAD_WHY_N;
}

static void
road_put(struct road *road, enum road_why why, uint64_t delay_ns)
{
	struct roads *roads = road->roads;

	if (road->request || road->routers <= 0)
		return;
	road_queue_put(&roads->queue, &road->turn, why, clock_mono_ns() + delay_ns);
	roads_begin_soon(roads);
}

void
road_want(struct road *road, enum road_why why)
{
	if (road->roads->interval_ns == 0)
		return;
	if (road->state == ROAD_NOT) {
		road->state = ROAD_WAITING;
		road->reason = NULL;
	}
	road_put(road, why, 0);
}

void
road_stop(struct road *road)
{
	struct roads *roads = road->roads;

	road_queue_remove(&roads->queue, &road->turn);
	if (!road->request)
		return;
	hops_cancel(road->request);
	road->request = NULL;
	roads->asked--;
	roads_begin_soon(roads);
}

void
road_leave(struct road *road, const char *reason)
{
	bool had = road->path;

	road_stop(road);
	road->state = ROAD_NOT;
	road->reason = reason;
	free(road->path);
	free(road->before);
	road->path = road->before = NULL;
	if (had)
		road_tell(road, ROAD_PATH);
}

/* ---- asking ---- */

/* Sets the network interface of the source address. Returns 0, or -ENODEV. */
static int
road_find_netdev(const struct road *road, struct hops_tuple *tuple)
{
	const struct nic *nic = nics_find_local(road->roads->env.nics, &tuple->source);
	const struct device *device = nic ? nic_device(nic) : NULL;
	const struct device_gid *gid = device ? device_find_gid(device, &tuple->source) : NULL;

	return gid && gid->ifindex && if_indextoname(gid->ifindex, tuple->netdev) ? 0 : -ENODEV;
}

static void
road_as_hops_path(const struct road_path *path, struct hops_path *out)
{
	*out = (struct hops_path){.n_hops = path->n_hops};
	for (uint8_t i = 0; i < path->n_hops; i++)
		out->hops[i].address = path->hops[i].address;
}

static void
road_fail(struct road *road, const char *reason)
{
	struct road_path *had = road->path;

	road->state = ROAD_FAILED;
	road->reason = reason;
	road->fails++;
	road->again = false;
	road->path = NULL;
	free(had);
	if (had)
		road_tell(road, ROAD_PATH);
	road_put(road, ROAD_WHY_AGAIN, ROAD_RETRY_NS);
}

static void
road_begin(struct road *road, enum road_why why)
{
	struct roads *roads = road->roads;
	struct hops_path before;
	struct hops_ask ask = {
		.tuple = road->tuple,
		.urgency = why == ROAD_WHY_AGAIN ? HOPS_AGAIN : HOPS_NEW,
		.routers = (uint8_t)road->routers,
		.asks = why == ROAD_WHY_AGAIN ? 1 : 2,
		.done = road_done,
		.arg = road,
	};
	const char *reason;

	if (road_find_netdev(road, &ask.tuple) < 0) {
		road_fail(road, "the device of the source address is gone");
		road->fails = 0; /* nics_degraded() has a sentence for this */
		return;
	}
	if (road_route_check(&ask.tuple, &reason) < 0) {
		road_fail(road, reason);
		return;
	}
	if (road->path) {
		road_as_hops_path(road->path, &before);
		ask.before = &before;
	}
	if (hops_trace(roads->hops, &ask, &road->request) < 0) {
		road->request = NULL;
		road_put(road, why, ROAD_LATER_NS);
		return;
	}
	road->why = why;
	roads->asked++;
}

#define ROADS_BEGIN_AT_ONCE 32

static void
roads_begin(void *arg)
{
	struct roads *roads = arg;
	uint64_t now_ns = clock_mono_ns(), next_ns = UINT64_MAX;
	struct road_turn *turn;
	enum road_why last;

	/* Those that fail at once take no place; the loop has its turn in between. */
	for (int n = 0; (last = roads_last(roads)) < ROAD_WHY_N && n < ROADS_BEGIN_AT_ONCE &&
			(turn = road_queue_take(&roads->queue, last, now_ns));
	     n++)
		road_begin((struct road *)((char *)turn - offsetof(struct road, turn)), turn->why);
	if (last < ROAD_WHY_N)
		next_ns = road_queue_next_ns(&roads->queue, last);
	if (next_ns != UINT64_MAX)
		loop_timer_set(roads->begin, next_ns > now_ns ? next_ns - now_ns : 0);
}

/* ---- what comes of it ---- */

/* NULL: no memory. */
static struct road_path *
road_path_new(const struct hops_path *from)
{
	struct road_path *path = calloc(1, sizeof(*path) + from->n_hops * sizeof(path->hops[0]));

	if (!path)
		return NULL;
	path->time_ns = from->time_ns;
	path->reached = from->reached;
	path->stable = from->stable;
	path->complete = from->reached;
	path->n_hops = from->n_hops;
	for (uint8_t i = 0; i < from->n_hops; i++) {
		path->hops[i].address = from->hops[i].address;
		path->hops[i].rtt_ns = from->hops[i].rtt_ns;
		path->complete &= !addr_is_zero(&from->hops[i].address);
	}
	return path;
}

/* Whether two paths cannot be one. A hop that does not answer tells nothing. */
static bool
road_paths_differ(const struct road_path *a, const struct road_path *b)
{
	if (!a->stable || !b->stable)
		return a->stable != b->stable;
	if (a->reached && b->reached && a->n_hops != b->n_hops)
		return true;
	for (uint8_t i = 0; i < a->n_hops && i < b->n_hops; i++)
		if (!addr_is_zero(&a->hops[i].address) && !addr_is_zero(&b->hops[i].address) &&
		    !addr_equal(&a->hops[i].address, &b->hops[i].address))
			return true;
	return false;
}

static void
road_set_before(struct road *road, struct road_path *path)
{
	free(road->before);
	road->before = path;
	road->before_ns = clock_mono_ns();
}

/* Puts the new path into the place of the present one. */
static void
road_take(struct road *road, struct road_path *path)
{
	struct road_path *old = road->path;
	bool differs = old && road_paths_differ(old, path);
	bool news = !old || differs || old->complete != path->complete;

	if (differs) {
		road->changes++;
		road->changed_ns = path->time_ns;
		road->roads->changes++;
	}
	road->path = path;
	if (old && news && old->complete && old->stable)
		road_set_before(road, old);
	else
		free(old);
	if (news || road->asked)
		road_tell(road, ROAD_PATH);
	road->asked = false;
}

/*
 * Whether the trace is to be repeated before it counts: it has heard less than the one before,
 * which may be the fault of a router's limit; or it asked each router once, and has found another
 * path, which may be one of many if the fabric sprays.
 */
static bool
road_doubts(const struct road *road, const struct road_path *path)
{
	const struct road_path *old = road->path;

	if (!old || road->again)
		return false;
	return (old->complete && !path->complete) ||
	       (road->why == ROAD_WHY_AGAIN && road_paths_differ(old, path));
}

static void
road_forget_before(struct road *road)
{
	if (road->before && clock_mono_ns() - road->before_ns > ROAD_BEFORE_NS)
		road_set_before(road, NULL);
}

static void
road_traced(struct road *road, struct road_path *path)
{
	road->state = ROAD_TRACED;
	road->reason = NULL;
	road->fails = 0;
	if (road_doubts(road, path)) {
		free(path);
		road->again = true;
		road_put(road, ROAD_WHY_LOSING, 0);
		return;
	}
	road->again = false;
	for (uint8_t i = 0; i < path->n_hops; i++)
		if (!addr_is_zero(&path->hops[i].address))
			roads_name(road->roads, &path->hops[i].address);
	road_take(road, path);
	road_forget_before(road);
	road_put(road, ROAD_WHY_AGAIN, road->roads->interval_ns);
}

static void
road_done(void *arg, const struct hops_path *found)
{
	struct road *road = arg;
	struct road_path *path = found->error ? NULL : road_path_new(found);

	road->request = NULL;
	road->roads->asked--;
	roads_begin_soon(road->roads);
	if (path)
		road_traced(road, path);
	else
		road_fail(road, found->error ? found->reason : "out of memory");
}

/* ---- losing ---- */

void
road_begins_to_lose(struct road *road)
{
	const struct road_path *path = road->path;
	size_t size = path ? sizeof(*path) + path->n_hops * sizeof(path->hops[0]) : 0;
	struct road_path *copy = NULL;

	if (path && path->complete && path->stable && (copy = malloc(size))) {
		memcpy(copy, path, size);
		road_set_before(road, copy);
	}
	if (road->state != ROAD_NOT)
		road_want(road, ROAD_WHY_LOSING);
}

void
roads_lost(struct roads *roads, const struct peer_stream *stream,
	   const struct probe_result *result)
{
	uint64_t now_ns = clock_mono_ns();
	struct hops_tuple tuple;
	struct road *road;

	if (roads->n == 0 || !roads_tuple_of(stream, result, &tuple))
		return;
	road = roads_find(roads, &tuple);
	if (!road)
		return;
	if (road->lost_ns == 0 || now_ns - road->lost_ns >= ROAD_LOSING_NS)
		road_begins_to_lose(road);
	road->lost_ns = now_ns;
}

/* ---- start and stop ---- */

static struct hops_config
roads_hops_config(uint32_t switch_per_s)
{
	struct hops_config config = HOPS_CONFIG_DEFAULT;

	if (switch_per_s > config.switch_per_s)
		config.switch_per_s = config.switch_burst = switch_per_s;
	if (config.switch_burst < HOPS_CONFIG_DEFAULT.switch_burst)
		config.switch_burst = HOPS_CONFIG_DEFAULT.switch_burst;
	if (config.per_s < ROADS_HOST_SWITCHES * switch_per_s)
		config.per_s = ROADS_HOST_SWITCHES * switch_per_s;
	return config;
}

void
roads_configure(struct roads *roads, const struct config *config)
{
	uint64_t share_ns = roads->hops_config.share_ns;
	uint64_t interval_ns = config->cluster.trace_s * NSEC_PER_SEC;
	bool same = interval_ns == roads->interval_ns;
	struct road *road;

	roads->interval_ns = interval_ns;
	roads->hops_config = roads_hops_config(config->cluster.trace_per_s);
	roads->hops_config.share_ns = share_ns;
	hops_configure(roads->hops, &roads->hops_config);
	if (same)
		return;
	TAILQ_FOREACH(road, &roads->list, entry) {
		if (interval_ns == 0)
			road_leave(road, ROAD_REASON_OFF);
		else if (road->routers > 0)
			road_want(road, road->path ? ROAD_WHY_AGAIN : ROAD_WHY_NEW);
	}
}

void
roads_share(struct roads *roads, uint64_t share_ns)
{
	if (share_ns == roads->hops_config.share_ns)
		return;
	roads->hops_config.share_ns = share_ns;
	hops_configure(roads->hops, &roads->hops_config);
}

int
roads_trace_start(struct roads *roads)
{
	int rc;

	roads->hops_config = HOPS_CONFIG_DEFAULT;
	rc = hops_new(roads->env.loop, &roads->hops_config, &roads->hops);
	return rc < 0 ? rc :
			loop_timer_new(roads->env.loop, "paths", roads_begin, roads, &roads->begin);
}

void
roads_trace_stop(struct roads *roads)
{
	loop_timer_free(roads->begin);
	hops_free(roads->hops);
	road_queue_clear(&roads->queue);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: publishing paths
 *
 * A set of all paths begins with a list of the tuples that there are, so that the number of its
 * parts is known. Then the timer sends one part after the other, with other work of the loop in
 * between; a tuple that has gone meanwhile is left out. A change comes between two parts, in a
 * message of its own.
 *
 * If the bus has no room, what changed is lost, and so a new set begins after a while.
 */
#include "agent/cluster/cluster_paths.h"

#include <errno.h>
#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/self.h"
#include "agent/road/road.h"
#include "bus/bus.h"
#include "core/clock.h"
#include "core/loop.h"
#include "record/paths.h"
#include "record/strict.h"

#define CLUSTER_PATHS_PART 64u        /* paths of a message */
#define CLUSTER_PATHS_SOON_NS NSEC_PER_SEC
#define CLUSTER_PATHS_NEXT_NS (20 * NSEC_PER_MSEC) /* between two messages */
#define CLUSTER_PATHS_WHOLE_NS (300 * NSEC_PER_SEC)
#define CLUSTER_PATHS_AGAIN_NS (30 * NSEC_PER_SEC)
#define CLUSTER_PATHS_SPREAD_NS (5 * NSEC_PER_SEC) /* of hosts that connect at once */

/* Tuples that are to be published. */
struct cluster_tuples {
	struct hops_tuple *at;
	size_t n, room, done;
};

struct cluster_paths {
	struct cluster_paths_env env;
	struct loop_timer *timer;
	struct bus *bus;               /* NULL: there is no connection */
	const char *topic;
	uint64_t sequence;
	uint64_t whole_ns;             /* when the next set begins */
	struct cluster_tuples changed, set;
	uint32_t part, parts;          /* of the set that is being sent; parts 0: none is */
};

/* ---- tuples ---- */

static int
cluster_tuples_add(struct cluster_tuples *t, const struct hops_tuple *tuple)
{
	size_t room = t->room ? 2 * t->room : 64;
	struct hops_tuple *at = t->at;

	if (t->n == t->room) {
		at = reallocarray(t->at, room, sizeof(*at));
		if (!at)
			return -ENOMEM;
		t->at = at;
		t->room = room;
	}
	t->at[t->n++] = *tuple;
	return 0;
}

static void
cluster_tuples_clear(struct cluster_tuples *t)
{
	free(t->at);
	*t = (struct cluster_tuples){.n = 0};
}

/* ---- a message ---- */

/* Returns whether others can use the path. */
static bool
cluster_paths_fill(const struct road_info *road, struct paths_path *out)
{
	const struct hops_tuple *t = road->tuple;

	if (!road->path || !road->path->n_hops || !t->src_port ||
	    !strict_addr_fits(&t->source) || !strict_addr_fits(&t->destination))
		return false;
	*out = (struct paths_path){.source = t->source, .destination = t->destination,
				   .src_port = t->src_port, .traffic_class = t->traffic_class,
				   .flow_label = t->flow_label & 0xfffff,
				   .time_ns = road->path->time_ns, .reached = road->path->reached,
				   .stable = road->path->stable, .n_hops = road->path->n_hops};
	for (size_t i = 0; i < out->n_hops; i++)
		if (strict_addr_fits(&road->path->hops[i].address))
			out->hops[i] = road->path->hops[i].address;
	return true;
}

static int
cluster_paths_publish(struct cluster_paths *p, struct paths *paths)
{
	msgpack_sbuffer packed;
	msgpack_packer pk;
	int rc;

	snprintf(paths->host, sizeof(paths->host), "%s", p->env.self->hostname);
	paths->incarnation = p->env.self->incarnation;
	paths->sequence = ++p->sequence;
	paths->time_ns = clock_wall_ns();
	msgpack_sbuffer_init(&packed);
	msgpack_packer_init(&pk, &packed, msgpack_sbuffer_write);
	paths_pack(&pk, paths);
	rc = bus_publish(p->bus, p->topic, packed.data, packed.size, 1);
	msgpack_sbuffer_destroy(&packed);
	return rc;
}

/* Publishes the next tuples of a list. `head` says which part of a set they are. */
static int
cluster_paths_send(struct cluster_paths *p, struct cluster_tuples *t, const struct paths *head)
{
	struct paths_path list[CLUSTER_PATHS_PART];
	struct paths paths = *head;
	size_t end = t->done + CLUSTER_PATHS_PART < t->n ? t->done + CLUSTER_PATHS_PART : t->n;
	const struct road *road;
	struct road_info info;

	paths.paths = list;
	for (; t->done < end; t->done++) {
		road = roads_find(p->env.roads, &t->at[t->done]);
		if (!road)
			continue;
		road_info(road, &info);
		paths.n_paths += cluster_paths_fill(&info, &list[paths.n_paths]);
	}
	return paths.whole || paths.n_paths ? cluster_paths_publish(p, &paths) : 0;
}

/* ---- time ---- */

static void
cluster_paths_begin_set(struct cluster_paths *p)
{
	const struct road *road = NULL;
	struct road_info info;
	int rc = 0;

	cluster_tuples_clear(&p->set);
	while (rc == 0 && (road = roads_next(p->env.roads, road))) {
		road_info(road, &info);
		if (info.path)
			rc = cluster_tuples_add(&p->set, info.tuple);
	}
	p->part = 0;
	p->parts = (uint32_t)((p->set.n + CLUSTER_PATHS_PART - 1) / CLUSTER_PATHS_PART);
	if (!p->parts) /* which says that there are none */
		p->parts = 1;
	p->whole_ns = clock_mono_ns() + CLUSTER_PATHS_WHOLE_NS;
	if (rc < 0) { /* a part of them would end the others */
		p->parts = 0;
		p->whole_ns = clock_mono_ns() + CLUSTER_PATHS_AGAIN_NS;
	}
}

/* What was to be published is lost. */
static void
cluster_paths_fail(struct cluster_paths *p)
{
	p->parts = 0;
	p->whole_ns = clock_mono_ns() + CLUSTER_PATHS_AGAIN_NS;
	cluster_tuples_clear(&p->changed);
	cluster_tuples_clear(&p->set);
}

/* Sends one message, if there is one to send. */
static int
cluster_paths_step(struct cluster_paths *p)
{
	struct paths paths = {.whole = false};
	int rc;

	if (p->changed.n) {
		rc = cluster_paths_send(p, &p->changed, &paths);
		if (p->changed.done == p->changed.n)
			cluster_tuples_clear(&p->changed);
		return rc;
	}
	if (!p->parts && clock_mono_ns() >= p->whole_ns)
		cluster_paths_begin_set(p);
	if (!p->parts)
		return 0;
	paths = (struct paths){.whole = true, .part = p->part++, .parts = p->parts};
	rc = cluster_paths_send(p, &p->set, &paths);
	if (p->part == p->parts) {
		p->parts = 0;
		cluster_tuples_clear(&p->set);
	}
	return rc;
}

static void
cluster_paths_time(void *arg)
{
	struct cluster_paths *p = arg;
	uint64_t now = clock_mono_ns();

	if (!p->bus || !p->env.roads)
		return;
	if (cluster_paths_step(p) < 0)
		cluster_paths_fail(p);
	if (p->changed.n || p->parts)
		loop_timer_set(p->timer, CLUSTER_PATHS_NEXT_NS);
	else
		loop_timer_set(p->timer, p->whole_ns > now ? p->whole_ns - now : 0);
}

void
cluster_paths_look(struct cluster_paths *p, const struct hops_tuple *tuple)
{
	bool first = !p->changed.n;

	if (!p->bus)
		return;
	if (cluster_tuples_add(&p->changed, tuple) < 0)
		cluster_paths_fail(p);
	if (first && !p->parts)
		loop_timer_set(p->timer, CLUSTER_PATHS_SOON_NS);
}

void
cluster_paths_connected(struct cluster_paths *p, struct bus *bus, const char *topic)
{
	uint64_t spread_ns;

	if (!p)
		return;
	spread_ns = p->env.self->incarnation % CLUSTER_PATHS_SPREAD_NS;
	p->bus = bus;
	p->topic = topic;
	cluster_paths_fail(p);
	p->whole_ns = clock_mono_ns() + spread_ns;
	if (bus)
		loop_timer_set(p->timer, spread_ns);
}

/* ---- life ---- */

int
cluster_paths_new(const struct cluster_paths_env *env, struct cluster_paths **out)
{
	struct cluster_paths *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return -ENOMEM;
	p->env = *env;
	rc = loop_timer_new(env->loop, "paths", cluster_paths_time, p, &p->timer);
	if (rc < 0)
		free(p);
	else
		*out = p;
	return rc;
}

void
cluster_paths_free(struct cluster_paths *p)
{
	if (!p)
		return;
	loop_timer_free(p->timer);
	cluster_tuples_clear(&p->changed);
	cluster_tuples_clear(&p->set);
	free(p);
}

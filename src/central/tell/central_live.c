/* SPDX-License-Identifier: Apache-2.0 */
#include "central/tell/central_live.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "central/config/central_config.h"
#include "central/config/central_topology.h"
#include "central/history/history_mesh.h"
#include "central/incident/incidents.h"
#include "central/mesh/mesh.h"
#include "central/picture/picture.h"
#include "central/roads/roads.h"
#include "central/tell/central_incidents.h"
#include "central/tell/central_pairs.h"
#include "central/tell/central_tell.h"
#include "central/tell/central_trend.h"
#include "core/addr.h"
#include "core/clock.h"
#include "core/log_limit.h"
#include "core/loop.h"
#include "core/siphash.h"
#include "rpingmesh/log_subsystems.h"
#include "serve/events.h"

#define CENTRAL_LIVE_LOOK_NS (500 * NSEC_PER_MSEC)

struct central_live {
	const struct central_tell *t;
	struct events *events;
	struct picture *picture;
	struct central_trend *trend;
	struct history_mesh *history;
	struct central_pairs *pairs;
	struct loop_timer *look, *step, *choose;
	uint64_t begun_ns;          /* when the last picture was, CLOCK_MONOTONIC; 0: never */
	bool drawing;
	uint64_t incidents;         /* a hash of all that are open, and how many are not */
	uint8_t key[SIPHASH_KEY];
};

static void
central_live_tell(struct central_live *live, const char *type, const char *name, uint64_t value)
{
	char data[64];
	int len = snprintf(data, sizeof(data), "{\"%s\":%" PRIu64 "}", name, value);

	events_send(live->events, type, data, (size_t)len);
}

/* ---- the picture ---- */

static void
central_live_drawn(struct central_live *live, int rc)
{
	struct picture_view *view = picture_hold(live->picture);
	struct picture_info info;

	picture_info(view, &info);
	if (rc == 0)
		history_mesh_add(live->history, view);
	if (rc == 0 && central_pairs_begin(live->pairs, picture_share(view),
					   live->t->config->metrics_pairs) == 0)
		loop_timer_set(live->choose, 0);
	picture_release(view);
	live->drawing = false;
	if (rc == 0)
		central_live_tell(live, "mesh", "time_ns", info.time_ns);
	else
		log_some(1, MAIN, WARNING, "no memory for the picture of the mesh");
	central_live_tell(live, "status", "time_ns", clock_wall_ns());
}

static void
central_live_choose(void *arg)
{
	struct central_live *live = arg;

	loop_for_others(live->t->loop);
	if (central_pairs_step(live->pairs))
		loop_timer_set(live->choose, 0);
}

/* Hosts may know the address of their switch alone, which incidents call by its name. */
static const char *
central_live_tor_name(void *arg, const char *tor)
{
	const struct central_tell *t = arg;
	const char *name = NULL;
	struct addr a;
	size_t n = 0;

	if (addr_parse(tor, &a) < 0)
		return tor;
	if (t->topology)
		central_topology_above(t->topology, tor, &n);
	if (n == 0)
		name = roads_switch_name(t->roads, &a);
	return name ? name : tor;
}

static void
central_live_step(void *arg)
{
	struct central_live *live = arg;
	const struct picture_time now = {clock_mono_ns(), clock_wall_ns()};
	int rc;

	loop_for_others(live->t->loop);
	rc = picture_step(live->picture, mesh_registry(live->t->mesh), live->t->intake, &now);
	if (rc > 0)
		loop_timer_set(live->step, 0);
	else
		central_live_drawn(live, rc);
}

/* ---- incidents ---- */

static uint64_t
central_live_hash(const struct central_live *live)
{
	const struct incident *i;
	uint64_t number = 0, sum = 0;

	while ((i = incidents_next(live->t->incidents, number, &number))) {
		const struct {
			uint64_t number, updated_ns, opens;
			uint32_t state, muted;
		} seen = {number, i->updated_ns, i->opens, i->state,
			  central_incident_muted(live->t, i)};

		sum += siphash(live->key, &seen, sizeof(seen));
	}
	return sum;
}

static void
central_live_look(void *arg)
{
	struct central_live *live = arg;
	uint64_t now_ns = clock_mono_ns(), incidents = central_live_hash(live);

	loop_for_others(live->t->loop);
	loop_timer_set(live->look, CENTRAL_LIVE_LOOK_NS);
	if (incidents != live->incidents)
		central_live_tell(live, "incident", "time_ns", clock_wall_ns());
	live->incidents = incidents;
	if (live->drawing || (live->begun_ns && now_ns < live->begun_ns + CENTRAL_LIVE_NS))
		return;
	live->begun_ns = now_ns;
	central_trend_look(live->trend, live->t->incidents, clock_wall_ns());
	live->drawing = true;
	loop_timer_set(live->step, 0);
}

static int
central_live_new_history(struct central_live *live)
{
	const struct central_config *c = live->t->config;
	const struct history_mesh_config config = {
		.loop = live->t->loop,
		.database = c->database,
		.optional = strcmp(c->database, CENTRAL_DATABASE) == 0,
		.days = c->history_days,
		.size_max = c->history_mb * 1000000ULL,
	};

	return history_mesh_new(&config, &live->history);
}

static int
central_live_start(struct central_live *live)
{
	int rc = 0;

	if (getrandom(live->key, sizeof(live->key), 0) != (ssize_t)sizeof(live->key))
		return -errno;
	live->trend = central_trend_new();
	live->pairs = central_pairs_new();
	if (!live->trend || !live->pairs)
		return -ENOMEM;
	rc = events_new(live->t->loop, live->t->incarnation, &live->events);
	if (rc == 0)
		rc = picture_new(live->key, &live->picture);
	if (rc == 0)
		picture_name_tors(live->picture, central_live_tor_name,
				  (void *)(uintptr_t)live->t);
	if (rc == 0)
		rc = central_live_new_history(live);
	if (rc == 0)
		rc = loop_timer_new(live->t->loop, "picture", central_live_step, live, &live->step);
	if (rc == 0)
		rc = loop_timer_take_turns(live->step);
	if (rc == 0)
		rc = loop_timer_new(live->t->loop, "pairs", central_live_choose, live,
				    &live->choose);
	if (rc == 0)
		rc = loop_timer_take_turns(live->choose);
	if (rc == 0)
		rc = loop_timer_new(live->t->loop, "live", central_live_look, live, &live->look);
	if (rc == 0)
		loop_timer_set(live->look, 0);
	return rc;
}

int
central_live_new(struct central_tell *t, struct central_live **out)
{
	struct central_live *live = calloc(1, sizeof(*live));
	int rc;

	if (!live)
		return -ENOMEM;
	live->t = t;
	rc = central_live_start(live);
	if (rc < 0)
		central_live_free(live);
	else
		*out = live;
	return rc;
}

void
central_live_free(struct central_live *live)
{
	if (!live)
		return;
	loop_timer_free(live->look);
	loop_timer_free(live->step);
	loop_timer_free(live->choose);
	events_free(live->events);
	history_mesh_free(live->history);
	central_pairs_free(live->pairs);
	picture_free(live->picture);
	central_trend_free(live->trend);
	free(live);
}

struct events *
central_live_events(const struct central_live *live)
{
	return live->events;
}

struct picture *
central_live_picture(const struct central_live *live)
{
	return live->picture;
}

struct history_mesh *
central_live_history(const struct central_live *live)
{
	return live->history;
}

const struct central_pairs *
central_live_pairs(const struct central_live *live)
{
	return live->pairs;
}

const struct central_trend *
central_live_trend(const struct central_live *live)
{
	return live->trend;
}

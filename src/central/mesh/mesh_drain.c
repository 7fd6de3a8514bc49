/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drains. For each host the latest decision counts, whoever heard of it first: to drain it until
 * some time, or, if that is the time of the decision itself, to end that. Decisions are kept, also
 * by the broker, until no drain that was made before them can last any longer. So a central, or a
 * broker, that comes back with an old decision is told the later one.
 */
#include <errno.h>
#include <msgpack.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "bus/bus.h"
#include "bus/topic.h"
#include "central/config/central_config.h"
#include "central/mesh/mesh_impl.h"
#include "core/clock.h"
#include "core/log.h"
#include "rpingmesh/log_subsystems.h"

/* A decision that comes from so far in the future comes from a wrong clock. */
#define MESH_DRAIN_AHEAD_NS (3600 * NSEC_PER_SEC)

int
mesh_drain_compare(const void *a, const void *b)
{
	const struct mesh_drain *x = a, *y = b;

	return strcmp(x->drain.host, y->drain.host);
}

static struct mesh_drain *
mesh_find_drain(const struct mesh *m, const char *host)
{
	struct mesh_drain key;
	void *const *found;

	if (strlen(host) >= sizeof(key.drain.host))
		return NULL;
	strcpy(key.drain.host, host);
	found = tfind(&key, &m->drains_by_host, mesh_drain_compare);
	return found ? *found : NULL;
}

const struct drain *
mesh_drained(const struct mesh *m, const char *host)
{
	const struct mesh_drain *d = mesh_find_drain(m, host);

	return d && d->active ? &d->drain : NULL;
}

const struct drain *
mesh_drain_next(const struct mesh *m, const struct drain *drain)
{
	struct mesh_drain *d = drain ? mesh_find_drain(m, drain->host) : NULL;

	d = drain ? (d ? TAILQ_NEXT(d, link) : NULL) : TAILQ_FIRST(&m->drains);
	while (d && !d->active)
		d = TAILQ_NEXT(d, link);
	return d ? &d->drain : NULL;
}

static void
mesh_set_active(struct mesh *m, struct mesh_drain *d, bool active)
{
	m->stats.drains += active;
	m->stats.drains -= d->active;
	d->active = active;
	if (mesh_has(m, d->drain.host))
		mesh_touch(m, d->drain.host);
}

static void
mesh_forget_drain(struct mesh *m, struct mesh_drain *d)
{
	mesh_set_active(m, d, false);
	tdelete(d, &m->drains_by_host, mesh_drain_compare);
	TAILQ_REMOVE(&m->drains, d, link);
	m->drains_known--;
	free(d);
}

/* Makes room for one more: that which was decided first and has ended goes. */
static bool
mesh_drain_room(struct mesh *m)
{
	struct mesh_drain *d, *oldest = NULL;

	if (m->drains_known < m->config->max_hosts)
		return true;
	TAILQ_FOREACH(d, &m->drains, link)
		if (!d->active && (!oldest || d->drain.time_ns < oldest->drain.time_ns))
			oldest = d;
	if (oldest)
		mesh_forget_drain(m, oldest);
	return oldest != NULL;
}

static int
mesh_add_drain(struct mesh *m, const char *host, struct mesh_drain **out)
{
	struct mesh_drain *d;

	if (!mesh_drain_room(m))
		return -ENOSPC;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	strcpy(d->drain.host, host);
	if (!tsearch(d, &m->drains_by_host, mesh_drain_compare)) {
		free(d);
		return -ENOMEM;
	}
	TAILQ_INSERT_TAIL(&m->drains, d, link);
	m->drains_known++;
	*out = d;
	return 0;
}

/* The later of two decisions about a host is positive. Any order will do if the times are equal. */
static int
mesh_drain_order(const struct drain *a, const struct drain *b)
{
	int order = (a->time_ns > b->time_ns) - (a->time_ns < b->time_ns);

	order = order ? order : (a->until_ns > b->until_ns) - (a->until_ns < b->until_ns);
	order = order ? order : strcmp(a->reason, b->reason);
	return order ? order : strcmp(a->by, b->by);
}

/* Takes a decision. heard: the broker has it. Returns 0, -ENOSPC or -ENOMEM. */
static int
mesh_keep_drain(struct mesh *m, const struct drain *drain, bool heard)
{
	struct mesh_drain *d = mesh_find_drain(m, drain->host);
	int order = d ? mesh_drain_order(drain, &d->drain) : 1;
	int rc = d ? 0 : mesh_add_drain(m, drain->host, &d);

	if (rc < 0)
		return rc;
	/* If what the broker has is not the latest, it gets that again. */
	d->published = heard && order >= 0;
	m->drains_due = m->drains_due || !d->published;
	if (order > 0) {
		d->drain = *drain;
		mesh_set_active(m, d, drain->until_ns > clock_wall_ns());
	}
	mesh_send_soon(m);
	return 0;
}

static int
mesh_publish_drain(struct mesh *m, const char *host, const struct drain *drain)
{
	char topic[TOPIC_SIZE];
	msgpack_sbuffer body;
	msgpack_packer pk;
	int rc;

	if (topic_make(topic, sizeof(topic), m->config->prefix, "drain", host) < 0)
		return 0;
	msgpack_sbuffer_init(&body);
	msgpack_packer_init(&pk, &body, msgpack_sbuffer_write);
	if (drain)
		drain_pack(&pk, drain);
	rc = bus_retain(m->bus, topic, body.data, body.size);
	msgpack_sbuffer_destroy(&body);
	return rc;
}

bool
mesh_send_drains(struct mesh *m)
{
	struct mesh_drain *d;

	if (!m->drains_due)
		return true;
	TAILQ_FOREACH(d, &m->drains, link) {
		if (d->published)
			continue;
		if (mesh_publish_drain(m, d->drain.host, &d->drain) < 0)
			return false;
		d->published = true;
	}
	m->drains_due = false;
	return true;
}

void
mesh_doubt_drains(struct mesh *m)
{
	struct mesh_drain *d;

	TAILQ_FOREACH(d, &m->drains, link)
		d->published = false;
	m->drains_due = true;
}

void
mesh_end_drains(struct mesh *m)
{
	struct mesh_drain *d, *next;
	uint64_t now = clock_wall_ns();

	for (d = TAILQ_FIRST(&m->drains); d; d = next) {
		next = TAILQ_NEXT(d, link);
		if (d->drain.until_ns > now)
			continue;
		if (d->active)
			log_info(CLUSTER, "the drain of %s has ended (%s)", d->drain.host,
				 d->drain.reason);
		if (d->active)
			mesh_set_active(m, d, false);
		if (d->drain.time_ns + MESH_DRAIN_MAX_NS > now)
			continue;
		(void)mesh_publish_drain(m, d->drain.host, NULL);
		mesh_forget_drain(m, d);
	}
}

void
mesh_free_drains(struct mesh *m)
{
	while (!TAILQ_EMPTY(&m->drains))
		mesh_forget_drain(m, TAILQ_FIRST(&m->drains));
}

/* ---- by an operator ---- */

/* The time of a new decision about a host: after those that are known, whatever our clock says. */
static uint64_t
mesh_drain_time(const struct mesh_drain *d)
{
	uint64_t now = clock_wall_ns();

	return d && d->drain.time_ns >= now ? d->drain.time_ns + 1 : now;
}

int
mesh_drain(struct mesh *m, const struct drain *drain)
{
	struct drain later = *drain;

	later.time_ns = mesh_drain_time(mesh_find_drain(m, drain->host));
	return mesh_keep_drain(m, &later, false);
}

int
mesh_undrain(struct mesh *m, const char *host)
{
	const struct mesh_drain *d = mesh_find_drain(m, host);
	struct drain ended;

	if (!d || !d->active)
		return -ENOENT;
	ended = d->drain;
	ended.time_ns = ended.until_ns = mesh_drain_time(d);
	return mesh_keep_drain(m, &ended, false);
}

/* ---- from the broker ---- */

static void
mesh_take_drain(struct mesh *m, const struct drain *drain)
{
	uint64_t now = clock_wall_ns();

	if (drain->time_ns > now + MESH_DRAIN_AHEAD_NS)
		mesh_refuse(m, "the drain of %s is refused: it was made at a time that is not yet",
			    drain->host);
	else if (drain->until_ns <= now && drain->time_ns + MESH_DRAIN_MAX_NS <= now)
		return; /* it is forgotten */
	else if (mesh_keep_drain(m, drain, true) < 0)
		mesh_refuse(m, "the drain of %s is refused: there are too many", drain->host);
}

/* Somebody has cleared the topic: that is no decision, because it has no time. */
static void
mesh_restore_drain(struct mesh *m, const char *host)
{
	struct mesh_drain *d = mesh_find_drain(m, host);

	if (!d)
		return;
	d->published = false;
	m->drains_due = true;
	mesh_send_soon(m);
}

void
mesh_hear_drain(struct mesh *m, const char *name, const void *payload, size_t size)
{
	char error[DRAIN_ERROR];
	struct drain drain;

	if (size == 0)
		mesh_restore_drain(m, name);
	else if (drain_unpack(payload, size, &drain, error) < 0)
		mesh_refuse(m, "the drain of %s is wrong: %s", name, error);
	else if (strcmp(drain.host, name) != 0)
		mesh_refuse(m, "the topic of host %s has a drain of %s", name, drain.host);
	else
		mesh_take_drain(m, &drain);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When this central knows enough to publish.
 *
 * First, on each new connection: when the broker has granted the subscriptions to drains and
 * registrations, and all that it had kept is there. Brokers send it in the order of the
 * subscriptions. The last of them is that to the signs of life, and ours comes back
 * after it. Some brokers send what they keep a little later, or do not let us read signs of life;
 * therefore it has to be quiet for a while, too.
 *
 * Then, once after the start: when it knows as many hosts as the others. The last sign of life of a
 * central says how many hosts its plan has, and the broker keeps that. If nearly all of them have
 * registered, we have caught up. If not, the network or the broker is probably broken: the plan of
 * the other central may be frozen (registry.h), and ours would take all these hosts out of the
 * lists. So we publish none, and leave the work to the other one, or, if that is gone, the lists at
 * the broker as they are. This ends when the hosts are back or the other central says that it has
 * fewer, or, if it says nothing any more, after REGISTRY_CONFIRM_NS or by mesh_confirm().
 */
#include <inttypes.h>
#include <msgpack.h>

#include "bus/bus.h"
#include "bus/topic.h"
#include "central/config/central_config.h"
#include "central/mesh/mesh_impl.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/loop.h"
#include "rpingmesh/log_subsystems.h"

#define MESH_QUIET_NS (500 * NSEC_PER_MSEC)
/* Longer than it takes until the bus tries a subscription again that was refused. */
#define MESH_QUIET_UNMARKED_NS (8 * NSEC_PER_SEC)
/* A sign of life from so far in the future comes from a wrong clock. */
#define MESH_BEAT_AHEAD_NS (3600 * NSEC_PER_SEC)
/* Centrals that come and go do not make us publish all the time. */
#define MESH_REPLACE_NS (600 * NSEC_PER_SEC)

static void mesh_end_others(struct mesh *m);

/* ---- what the broker had kept ---- */

void
mesh_sync_begin(struct mesh *m)
{
	m->synced = m->marked = false;
	m->retained_ns = clock_mono_ns();
	mesh_send_beat(m);
	loop_timer_set(m->sync_timer, MESH_QUIET_NS);
}

static void
mesh_synced(struct mesh *m)
{
	m->synced = true;
	if (!m->first_synced_ns)
		m->first_synced_ns = clock_mono_ns();
	m->again = true;
	mesh_end_others(m);
	m->replace = false;
	mesh_judge(m);
	if (!m->caught_up)
		log_warning(CLUSTER,
			    "rpingmesh-central on %s has planned for %" PRIu64 " hosts, and only "
			    "%" PRIu64 " are there: no pinglist is published for now",
			    m->claim.host, m->claim.hosts, mesh_hosts(m));
	mesh_plan_in(m, 0);
	mesh_send_soon(m);
}

void
mesh_sync_time(void *arg)
{
	struct mesh *m = arg;
	uint64_t due = m->retained_ns + (m->marked ? MESH_QUIET_NS : MESH_QUIET_UNMARKED_NS);
	uint64_t now = clock_mono_ns();

	if (m->synced || m->granted != MESH_GRANTED)
		return;
	if (now >= due)
		mesh_synced(m);
	else
		loop_timer_set(m->sync_timer, due - now < MESH_QUIET_NS ? due - now :
									  MESH_QUIET_NS);
}

/* ---- other centrals ---- */

uint64_t
mesh_hosts(const struct mesh *m)
{
	struct registry_stats s;

	registry_stats(m->registry, &s);
	return s.hosts[REGISTRY_PRESENT] + s.hosts[REGISTRY_LEAVING];
}

static bool
mesh_claim_is_live(const struct mesh *m)
{
	return m->claim_ns && clock_mono_ns() < m->claim_ns + 3 * MESH_BEAT_NS;
}

static bool
mesh_lacks_hosts(const struct mesh *m)
{
	uint64_t few = registry_few((uint32_t)m->claim.hosts);

	return m->claim.hosts > mesh_hosts(m) + few &&
	       (mesh_claim_is_live(m) ||
		clock_mono_ns() - m->first_synced_ns < REGISTRY_CONFIRM_NS);
}

bool
mesh_held(const struct mesh *m, struct mesh_held *out)
{
	if (!m->synced || m->caught_up)
		return false;
	*out = (struct mesh_held){.central = m->claim.host, .hosts = m->claim.hosts,
				  .known = mesh_hosts(m), .live = mesh_claim_is_live(m)};
	return true;
}

static void
mesh_catch_up(struct mesh *m)
{
	m->caught_up = true;
	m->beat_ns = 0;
	loop_timer_set(m->tick_timer, 0);
	mesh_send_soon(m);
}

static void
mesh_note_other(struct mesh *m, uint64_t incarnation, uint64_t beat_ns)
{
	struct mesh_other *place = &m->others[0]; /* the one that has been silent for longest */

	for (size_t i = 0; i < MESH_OTHERS; i++) {
		if (m->others[i].beat_ns && m->others[i].incarnation == incarnation) {
			place = &m->others[i];
			break;
		}
		if (m->others[i].beat_ns < place->beat_ns)
			place = &m->others[i];
	}
	if (beat_ns > place->beat_ns)
		*place = (struct mesh_other){incarnation, beat_ns};
}

/* Looks which of them have gone. */
static void
mesh_end_others(struct mesh *m)
{
	uint64_t now = clock_mono_ns();

	for (size_t i = 0; i < MESH_OTHERS; i++) {
		if (!m->others[i].beat_ns || now < m->others[i].beat_ns + 3 * MESH_BEAT_NS)
			continue;
		m->others[i].beat_ns = 0;
		m->replace = true;
	}
}

/*
 * A central that has gone may have published lists without knowing of the latest change, and nobody
 * hears of that. So all lists are published again.
 */
static void
mesh_replace(struct mesh *m)
{
	uint64_t now = clock_mono_ns();

	if (!m->replace || (m->replaced_ns && now - m->replaced_ns < MESH_REPLACE_NS))
		return;
	m->replace = false;
	m->replaced_ns = now;
	m->again = true;
	mesh_plan_in(m, 0);
}

void
mesh_judge(struct mesh *m)
{
	if (!m->synced)
		return;
	mesh_end_others(m);
	mesh_replace(m);
	if (!m->caught_up && !mesh_lacks_hosts(m))
		mesh_catch_up(m);
}

uint32_t
mesh_confirm(struct mesh *m)
{
	const struct registry_time now = {clock_mono_ns(), clock_wall_ns()};
	struct mesh_held held;
	bool is_held = mesh_held(m, &held) && !held.live;
	uint32_t n = registry_confirm(m->registry, &now);

	if (is_held) {
		n += held.hosts > held.known ? (uint32_t)(held.hosts - held.known) : 0;
		mesh_catch_up(m);
	}
	m->beat_ns = 0; /* the others know it at once */
	loop_timer_set(m->tick_timer, 0);
	return n;
}

/* ---- signs of life ---- */

/* One that says how many hosts there are is kept by the broker. */
static int
mesh_publish_beat(struct mesh *m, const char *topic, const msgpack_sbuffer *body)
{
	return m->beat.claims ? bus_retain(m->bus, topic, body->data, body->size) :
				bus_publish(m->bus, topic, body->data, body->size, 1);
}

/* The share of a host of the datagrams of traces; 0: there is no bound. */
static uint64_t
mesh_trace_interval_ns(const struct mesh *m)
{
	uint64_t hosts = m->beat.hosts ? m->beat.hosts : 1, ns;

	if (!m->config->trace_per_s || !m->beat.claims)
		return 0;
	ns = (hosts * NSEC_PER_SEC + m->config->trace_per_s - 1) / m->config->trace_per_s;
	return ns < CENTRAL_TRACE_INTERVAL_MAX_NS ? ns : CENTRAL_TRACE_INTERVAL_MAX_NS;
}

void
mesh_send_beat(struct mesh *m)
{
	char topic[TOPIC_SIZE];
	msgpack_sbuffer body;
	msgpack_packer pk;

	m->beat_ns = clock_mono_ns();
	m->beat.time_ns = clock_wall_ns();
	m->beat.claims = m->synced && m->caught_up;
	m->beat.hosts = mesh_hosts(m);
	m->beat.trace_interval_ns = mesh_trace_interval_ns(m);
	if (topic_make(topic, sizeof(topic), m->config->prefix, "central", m->beat.host) < 0)
		return;
	msgpack_sbuffer_init(&body);
	msgpack_packer_init(&pk, &body, msgpack_sbuffer_write);
	central_beat_pack(&pk, &m->beat);
	(void)mesh_publish_beat(m, topic, &body);
	msgpack_sbuffer_destroy(&body);
}

/* When a sign of life was sent, by our clock; 0: it is too old to say that somebody is there. */
static uint64_t
mesh_beat_ns(const struct central_beat *beat, bool retained)
{
	uint64_t now = clock_wall_ns(), age = 0;

	if (retained && beat->time_ns < now)
		age = now - beat->time_ns;
	return age < 3 * MESH_BEAT_NS ? clock_mono_ns() - age : 0;
}

void
mesh_hear_beat(struct mesh *m, const void *payload, size_t size, bool retained)
{
	char error[DRAIN_ERROR];
	struct central_beat beat;

	if (size == 0)
		return;
	if (central_beat_unpack(payload, size, &beat, error) < 0) {
		mesh_refuse(m, "a sign of life of another central is wrong: %s", error);
		return;
	}
	if (beat.incarnation == m->beat.incarnation) {
		m->marked = m->marked || !retained;
		return;
	}
	if (!beat.claims || beat.time_ns > clock_wall_ns() + MESH_BEAT_AHEAD_NS)
		return;
	mesh_note_other(m, beat.incarnation, mesh_beat_ns(&beat, retained));
	if (beat.time_ns < m->claim.time_ns)
		return;
	m->claim = beat;
	m->claim_ns = mesh_beat_ns(&beat, retained);
	mesh_judge(m);
}

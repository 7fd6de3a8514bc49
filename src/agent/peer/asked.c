/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: asked
 *
 * Each stream holds a peer from asked_add() to its end, and has a target on it while the peer is
 * bound to the port and the address that the stream is to leave from. The timer, which runs while
 * there are streams, ends those whose time is over, makes the targets that are missing, and wants
 * the source ports for which there was no place.
 */
#include "agent/peer/asked.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/peer/peer_impl.h"
#include "core/clock.h"
#include "core/loop.h"
#include "core/udp_port.h"

#define ASKED_LOOK_NS (200 * NSEC_PER_MSEC)

struct asked_stream {
	LIST_ENTRY(asked_stream) entry;
	struct asked_want want;       /* its nic is only compared: it may have gone */
	struct peer_stream stream;    /* its peer is held */
	struct prober_target *target; /* NULL: none now */
};

struct asked {
	struct peers *peers;
	struct loop_timer *timer;
	LIST_HEAD(asked_list, asked_stream) streams;
	uint32_t n;
};

/* ---- the target ---- */

static void
asked_want_port(struct asked_stream *s)
{
	uint16_t port = udp_port_of_label(s->want.flow_label);

	if (!s->stream.wanted_port && nic_want_port(s->stream.peer->nic, port, SOURCE_MESH) == 0)
		s->stream.wanted_port = port;
}

static void
asked_drop_target(struct asked *asked, struct asked_stream *s)
{
	struct peer *peer = s->stream.peer;

	if (!s->target)
		return;
	if (s->stream.wanted_port)
		nic_unwant_port(peer->nic, s->stream.wanted_port, SOURCE_MESH);
	s->stream.wanted_port = 0;
	prober_target_remove(s->target);
	s->target = NULL;
	last_probes_free(asked->peers->env.last_probes, &s->stream.last);
}

/* A peer that others also hold may be bound to another port, or have another source. */
static bool
asked_peer_fits(const struct asked_stream *s)
{
	const struct peer *peer = s->stream.peer;

	return peer->binding == PEER_BOUND && peer->nic == s->want.nic &&
	       addr_equal(&peer->local, &s->want.source);
}

static void
asked_make_target(struct asked *asked, struct asked_stream *s)
{
	const struct config_peer *base = &asked->peers->config->base;
	struct prober_target_config config = {
		.kind = PROBE_KIND_MESH,
		.interval_ns = s->want.interval_ns,
		.phase_ns = PROBER_PHASE_RANDOM,
		.fit = true,
		.flow_label = s->want.flow_label,
		.traffic_class = s->want.traffic_class,
		.service_level = base->service_level,
	};

	peer_mesh_sizes(base, &config);
	if (prober_target_add(s->stream.peer->prober, &config, &s->stream, clock_mono_ns(),
			      &s->target) == 0)
		pump_soon(asked->peers->env.pump);
}

static void
asked_follow(struct asked *asked, struct asked_stream *s)
{
	if (!asked_peer_fits(s)) {
		asked_drop_target(asked, s);
		return;
	}
	if (!s->target)
		asked_make_target(asked, s);
	if (s->target)
		asked_want_port(s);
}

/* ---- streams ---- */

static void
asked_end(struct asked *asked, struct asked_stream *s)
{
	struct peer *peer = s->stream.peer;

	asked_drop_target(asked, s);
	LIST_REMOVE(s, entry);
	asked->n--;
	free(s);
	peer_release(peer, PEER_ORIGIN_ASK);
}

void
asked_look(void *arg)
{
	struct asked *asked = arg;
	struct asked_stream *s, *next;
	uint64_t now_ns = clock_mono_ns();

	for (s = LIST_FIRST(&asked->streams); s; s = next) {
		next = LIST_NEXT(s, entry);
		if (now_ns >= s->want.until_ns)
			asked_end(asked, s);
		else
			asked_follow(asked, s);
	}
	if (asked->n)
		loop_timer_set(asked->timer, ASKED_LOOK_NS);
}

/* Of a 5-tuple: labels that give the same source port are of the same one. */
static struct asked_stream *
asked_find(const struct asked *asked, const struct asked_want *want)
{
	struct asked_stream *s;

	LIST_FOREACH(s, &asked->streams, entry)
		if (s->want.nic == want->nic &&
		    udp_port_of_label(s->want.flow_label) == udp_port_of_label(want->flow_label) &&
		    s->want.traffic_class == want->traffic_class &&
		    addr_equal(&s->want.source, &want->source) &&
		    addr_equal(&s->want.destination, &want->destination))
			return s;
	return NULL;
}

/* Whether the nic's streams, with this one and without what it replaces, keep their share. */
static bool
asked_fits(const struct asked *asked, const struct asked_want *want,
	   const struct asked_stream *old, uint32_t max_per_s)
{
	double per_s = (double)NSEC_PER_SEC / (double)want->interval_ns;
	const struct asked_stream *s;

	LIST_FOREACH(s, &asked->streams, entry)
		if (s != old && s->want.nic == want->nic)
			per_s += (double)NSEC_PER_SEC / (double)s->want.interval_ns;
	return per_s <= (double)max_per_s;
}

static int
asked_begin(struct asked *asked, const struct asked_want *want)
{
	struct asked_stream *s = calloc(1, sizeof(*s));
	struct peer *peer = s ? peers_for_flow(asked->peers, want->nic, &want->source,
					       &want->destination) : NULL;

	if (!peer) {
		free(s);
		return -ENOMEM;
	}
	peer_hold(peer, PEER_ORIGIN_ASK);
	s->want = *want;
	s->stream.peer = peer;
	s->stream.asked = s;
	LIST_INSERT_HEAD(&asked->streams, s, entry);
	asked->n++;
	asked_follow(asked, s);
	loop_timer_set(asked->timer, ASKED_LOOK_NS);
	return 0;
}

/* Who does not know the label asks with any that gives the source port, which tells nothing. */
static void
asked_take_label(struct asked *asked, struct asked_stream *s, uint32_t flow_label)
{
	if (flow_label == s->want.flow_label ||
	    flow_label == udp_port_label(udp_port_of_label(flow_label)))
		return;
	asked_drop_target(asked, s);
	s->want.flow_label = flow_label;
	asked_follow(asked, s);
}

int
asked_add(struct asked *asked, const struct asked_want *want, uint32_t max_per_s)
{
	struct asked_stream *s = asked_find(asked, want);

	if (!asked_fits(asked, want, s, max_per_s))
		return -EDQUOT;
	if (!s)
		return asked->n < ASKED_MAX ? asked_begin(asked, want) : -ENOSPC;
	s->want.until_ns = want->until_ns;
	s->want.interval_ns = want->interval_ns;
	asked_take_label(asked, s, want->flow_label);
	if (s->target)
		prober_target_set_interval(s->target, want->interval_ns, clock_mono_ns());
	return 0;
}

void
asked_clear(struct asked *asked)
{
	while (!LIST_EMPTY(&asked->streams))
		asked_end(asked, LIST_FIRST(&asked->streams));
}

uint32_t
asked_count(const struct asked *asked)
{
	return asked->n;
}

/* ---- events ---- */

void
asked_peer_event(struct asked *asked, const struct peer *peer, enum peer_event event)
{
	struct asked_stream *s;

	if (event != PEER_UNBOUND || !peer->refs[PEER_ORIGIN_ASK])
		return;
	LIST_FOREACH(s, &asked->streams, entry)
		if (s->stream.peer == peer)
			asked_drop_target(asked, s);
}

/* Its QPs go, with all wants of source ports. */
void
asked_nic_event(struct asked *asked, const struct nic *nic, enum nic_event event)
{
	struct asked_stream *s;

	if (event != NIC_QUEUES_CLOSING)
		return;
	LIST_FOREACH(s, &asked->streams, entry)
		if (s->target && s->stream.peer->nic == nic)
			s->stream.wanted_port = 0;
}

/* ---- start and stop ---- */

int
asked_new(struct loop *loop, struct peers *peers, struct asked **out)
{
	struct asked *asked = calloc(1, sizeof(*asked));
	int rc;

	if (!asked)
		return -ENOMEM;
	asked->peers = peers;
	LIST_INIT(&asked->streams);
	rc = loop_timer_new(loop, "asked", asked_look, asked, &asked->timer);
	if (rc < 0)
		free(asked);
	else
		*out = asked;
	return rc;
}

void
asked_free(struct asked *asked)
{
	if (!asked)
		return;
	asked_clear(asked);
	loop_timer_free(asked->timer);
	free(asked);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: the streams of the mesh
 *
 * A bound peer that the configuration has is probed as its entry says. If only the pinglist has it,
 * it is probed as the pinglist says. All streams of one kind: those of pings and flows belong to
 * others.
 *
 * If each QP of a nic has one source port, a stream of the pinglist wants a QP with the port of its
 * flow label, so that the streams to a peer take different paths. If there is no place for the
 * port, the stream leaves from that of the prober, and wants its own again when there may be one.
 */
#include "agent/peer/peer_impl.h"

#include <errno.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/log_limit.h"
#include "core/udp_port.h"
#include "rpingmesh/log_subsystems.h"

/* ---- one stream ---- */

void
peer_mesh_sizes(const struct config_peer *from, struct prober_target_config *to)
{
	to->n_sizes = from->n_sizes < PROBER_SIZES_MAX ? (uint32_t)from->n_sizes : PROBER_SIZES_MAX;
	for (uint32_t i = 0; i < to->n_sizes; i++)
		to->sizes[i] = from->sizes[i] == CONFIG_SIZE_MTU ? PROBER_SIZE_MTU :
								   (uint16_t)from->sizes[i];
}

/* Returns the new stream, or NULL if there is no memory. */
static struct peer_stream *
peer_mesh_add(struct peer *peer, const struct prober_target_config *config)
{
	struct peer_stream *stream = calloc(1, sizeof(*stream));
	struct prober_target *target;

	if (stream)
		stream->peer = peer;
	if (!stream ||
	    prober_target_add(peer->prober, config, stream, clock_mono_ns(), &target) < 0) {
		free(stream);
		log_some(PEER_LINES, PEER, ERROR, "%s: no memory for a target",
			 peer->config.address);
		return NULL;
	}
	return stream;
}

static void
peer_mesh_want_port(struct peer_stream *stream, uint32_t flow_label)
{
	uint16_t port = udp_port_of_label(flow_label);
	int rc;

	if (!flow_label || stream->wanted_port)
		return;
	rc = nic_want_port(stream->peer->nic, port, SOURCE_MESH);
	if (rc == 0)
		stream->wanted_port = port;
	else if (rc == -ENOSPC)
		stream->peer->peers->list.ports_short = true;
}

static void
peer_mesh_remove(struct prober_target *target, struct peer_stream *stream)
{
	struct peer *peer = stream->peer;

	if (stream->wanted_port)
		nic_unwant_port(peer->nic, stream->wanted_port, SOURCE_MESH);
	prober_target_remove(target);
	last_probes_free(peer->peers->env.last_probes, &stream->last);
	free(stream);
}

/*
 * The next stream of the mesh after `target`, or NULL. Those that central has asked for belong to
 * asked.c.
 */
static struct prober_target *
peer_mesh_next(const struct peer *peer, const struct prober_target *target,
	       struct prober_target_info *out)
{
	struct prober_target *next = prober_peer_next_target(peer->prober, target);

	for (; next; next = prober_peer_next_target(peer->prober, next)) {
		const struct peer_stream *stream;

		prober_target_info(next, out);
		stream = out->user;
		if (out->config.kind == PROBE_KIND_MESH && !stream->asked)
			break;
	}
	return next;
}

/* ---- as the configuration wants them ---- */

/* A stream for each flow label, with their phases spread over the peer's interval. */
static void
peer_mesh_begin_file(struct peer *peer)
{
	const struct config_peer *c = &peer->config;
	struct prober_target_config config = {
		.kind = PROBE_KIND_MESH,
		.interval_ns = (uint64_t)c->interval_ms * c->n_flow_labels * NSEC_PER_MSEC,
		.phase_ns = self_random() % ((uint64_t)c->interval_ms * NSEC_PER_MSEC),
		.fit = true,
		.traffic_class = c->traffic_class,
		.service_level = c->service_level,
	};

	peer->timeout_ms = peer->peers->config->timeout_ms;
	peer_mesh_sizes(c, &config);
	for (size_t i = 0; i < c->n_flow_labels; i++) {
		config.flow_label = c->flow_labels[i];
		peer_mesh_add(peer, &config);
		config.phase_ns += c->interval_ms * NSEC_PER_MSEC;
	}
}

/* ---- as the pinglist wants them ---- */

static uint64_t
peer_mesh_list_interval_ns(const struct peer *peer, const struct peer_list_stream *want)
{
	return want->interval_ns * (peer->peers->list.slow ? peer->peers->list.slow : 1);
}

static void
peer_mesh_add_listed(struct peer *peer, const struct peer_list_stream *want)
{
	const struct config_peer *base = &peer->peers->config->base;
	struct prober_target_config config = {
		.kind = PROBE_KIND_MESH,
		.interval_ns = peer_mesh_list_interval_ns(peer, want),
		.phase_ns = PROBER_PHASE_RANDOM,
		.fit = true,
		.flow_label = want->flow_label,
		.traffic_class = want->traffic_class,
		.service_level = base->service_level,
	};
	struct peer_stream *stream;

	peer_mesh_sizes(base, &config);
	stream = peer_mesh_add(peer, &config);
	if (stream)
		peer_mesh_want_port(stream, want->flow_label);
}

/* The first stream of the list that fits and is not in `found`; PEER_LIST_STREAMS: none does. */
static uint32_t
peer_mesh_find_listed(const struct peer_list *list, const struct prober_target_config *config,
		      uint64_t found)
{
	for (uint32_t i = 0; list && i < list->n; i++)
		if (!(found >> i & 1) && list->streams[i].flow_label == config->flow_label &&
		    list->streams[i].traffic_class == config->traffic_class)
			return i;
	return PEER_LIST_STREAMS;
}

void
peer_mesh_follow_list(struct peer *peer)
{
	struct prober_target *target, *next = NULL;
	struct prober_target_info info, next_info = {0};
	uint64_t found = 0;

	if (peer->refs[PEER_ORIGIN_FILE] || peer->binding != PEER_BOUND)
		return;
	for (target = peer_mesh_next(peer, NULL, &info); target; target = next, info = next_info) {
		uint32_t i = peer_mesh_find_listed(peer->list, &info.config, found);

		next = peer_mesh_next(peer, target, &next_info);
		if (i < PEER_LIST_STREAMS) {
			found |= UINT64_C(1) << i;
			prober_target_set_interval(
				target, peer_mesh_list_interval_ns(peer, &peer->list->streams[i]),
				clock_mono_ns());
			peer_mesh_want_port(info.user, info.config.flow_label);
		} else {
			peer_mesh_remove(target, info.user);
		}
	}
	for (uint32_t i = 0; peer->list && i < peer->list->n; i++)
		if (!(found >> i & 1))
			peer_mesh_add_listed(peer, &peer->list->streams[i]);
	pump_soon(peer->peers->env.pump);
}

/* ---- both ---- */

void
peer_mesh_begin(struct peer *peer)
{
	if (peer->binding != PEER_BOUND)
		return;
	if (peer->refs[PEER_ORIGIN_FILE])
		peer_mesh_begin_file(peer);
	else
		peer_mesh_follow_list(peer);
	pump_soon(peer->peers->env.pump);
}

void
peer_mesh_end(struct peer *peer)
{
	struct prober_target *target;
	struct prober_target_info info;

	while (peer->prober && (target = peer_mesh_next(peer, NULL, &info)))
		peer_mesh_remove(target, info.user);
}

void
peers_mesh_queues_go(struct peers *peers, const struct nic *nic)
{
	struct prober_target *target;
	struct prober_target_info info;

	for (struct peer *peer = peers->first; peer; peer = peer->next) {
		if (peer->nic != nic || !peer->list || peer->refs[PEER_ORIGIN_FILE])
			continue;
		for (target = peer_mesh_next(peer, NULL, &info); target;
		     target = peer_mesh_next(peer, target, &info)) {
			struct peer_stream *stream = info.user;

			stream->wanted_port = 0;
		}
	}
}

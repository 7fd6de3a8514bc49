/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tell/verdict.h"

#include "core/clock.h"
#include "core/log_limit.h"
#include "agent/nic/nic.h"
#include "agent/peer/peer.h"
#include "agent/peer/service.h"
#include "agent/tell/tell.h"
#include "rpingmesh/log_subsystems.h"

void
verdict_look(const struct prober_target_info *target)
{
	const struct sequential *loss = &target->loss;
	struct peer_stream *stream = target->user;
	struct peer_info peer;
	const char *device;
	enum sequential_verdict was = stream->verdict;

	/*
	 * A new target has no verdict yet. Until it has one, the last verdict on the path remains.
	 */
	if (loss->verdict == SEQUENTIAL_NONE || loss->verdict == was)
		return;
	stream->verdict = loss->verdict;
	peer_info(stream->peer, &peer);
	device = peer.nic ? nic_name(peer.nic) : "?";
	if (loss->verdict == SEQUENTIAL_LOSSY)
		log_some(100, PEER, WARNING,
			 "%s: the path from %s, UDP port %u, traffic class %u, loses probes: "
			 "%llu of %llu",
			 peer.address, device, target->src_port,
			 target->config.traffic_class, (unsigned long long)loss->decided_lost,
			 (unsigned long long)loss->decided_n);
	else if (was == SEQUENTIAL_LOSSY)
		log_some(100, PEER, INFO,
			 "%s: the path from %s, UDP port %u, traffic class %u, is clean again: "
			 "%llu of %llu probes lost",
			 peer.address, device, target->src_port,
			 target->config.traffic_class, (unsigned long long)loss->decided_lost,
			 (unsigned long long)loss->decided_n);
}

void
verdict_record(struct record *r, const struct sequential *loss)
{
	bool decided = loss && loss->verdict != SEQUENTIAL_NONE;

	record_str(r, "loss_verdict",
		   sequential_verdict_name(loss ? loss->verdict : SEQUENTIAL_NONE));
	record_u64_if(r, "loss_verdict_since_ns", decided ? clock_wall_of(loss->since_ns) : 0,
		      decided);
	record_u64_if(r, "loss_verdict_lost", decided ? loss->decided_lost : 0, decided);
	record_u64_if(r, "loss_verdict_of", decided ? loss->decided_n : 0, decided);
}

/* The order is none < clean < lossy. Of two lossy ones, the older verdict is worse. */
static bool
verdict_is_worse(const struct sequential *a, const struct sequential *b)
{
	if (a->verdict != b->verdict)
		return a->verdict > b->verdict;
	return a->verdict == SEQUENTIAL_LOSSY && a->since_ns < b->since_ns;
}

void
verdict_record_peer(struct record *r, const struct prober_peer *peer)
{
	struct sequential worst = {0};
	const struct prober_target *t = NULL;
	struct prober_target_info info;

	while ((t = prober_peer_next_target(peer, t))) {
		prober_target_info(t, &info);
		if (verdict_is_worse(&info.loss, &worst))
			worst = info.loss;
	}
	verdict_record(r, &worst);
}

static void
verdict_path(msgpack_packer *pk, const struct peer_info *peer,
	     const struct prober_target_info *info)
{
	const struct peer_stream *stream = info->user;
	struct record map;

	record_begin(&map, RECORD_LOSSY);
	record_str(&map, "device", peer->nic ? nic_name(peer->nic) : NULL);
	record_str(&map, "peer", peer->address);
	record_str(&map, "hostname", peer->hostname);
	record_u64_if(&map, "flow", stream->service ? service_flow_id(stream->service) : 0,
		      stream->service != NULL);
	record_u64_if(&map, "src_port", info->src_port, info->src_port != PROBE_PORT_UNKNOWN);
	record_u64(&map, "flow_label", info->config.flow_label);
	record_u64(&map, "traffic_class", info->config.traffic_class);
	record_u64(&map, "since_ns", clock_wall_of(info->loss.since_ns));
	record_u64(&map, "lost", info->loss.decided_lost);
	record_u64(&map, "of", info->loss.decided_n);
	record_end(&map, pk);
}

/* Returns the number of lossy paths, and packs the first `limit` of them. */
static uint64_t
verdict_walk(const struct tell *t, msgpack_packer *pk, uint64_t limit)
{
	struct prober_target_info info;
	uint64_t n = 0;

	for (struct peer *p = NULL; (p = peers_next(t->peers, p));) {
		const struct prober_target *g = NULL;
		struct peer_info peer;

		peer_info(p, &peer);
		while (peer.prober && (g = prober_peer_next_target(peer.prober, g))) {
			prober_target_info(g, &info);
			if (info.loss.verdict != SEQUENTIAL_LOSSY)
				continue;
			if (n++ < limit)
				verdict_path(pk, &peer, &info);
		}
	}
	return n;
}

void
verdict_record_status(struct record *r, const struct tell *t)
{
	uint64_t n = verdict_walk(t, NULL, 0);
	uint64_t named = n < VERDICT_PATHS_MAX ? n : VERDICT_PATHS_MAX;
	msgpack_packer *pk;

	record_u64(r, "lossy_paths", n);
	pk = record_key(r, "lossy");
	msgpack_pack_array(pk, named);
	if (named > 0)
		verdict_walk(t, pk, named);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tell/verdict.h"

#include <stdio.h>

#include "core/clock.h"
#include "core/log_limit.h"
#include "agent/nic/nic.h"
#include "agent/peer/peer.h"
#include "agent/peer/service.h"
#include "agent/tell/tell.h"
#include "rpingmesh/log_subsystems.h"

/* Logs the lasting verdicts that have begun or ended. */
static void
verdict_look_lasting(const struct prober_target_info *target)
{
	static const char *const what[LASTING_N] = {
		[LASTING_NOISY] = "many of its results are noise, because a host stalls",
		[LASTING_SLOW] = "its round-trip time is far above the usual one",
		[LASTING_HOST_SLOW] = "the other host answers far more slowly than usual",
	};
	struct peer_stream *stream = target->user;
	struct peer_info peer;
	char text[128];

	for (int v = 0; v < LASTING_N; v++) {
		bool holds = lasting_since_ns(&target->lasting, (enum lasting_verdict)v) != 0;

		if (holds == ((stream->lasting & 1u << v) != 0))
			continue;
		stream->lasting ^= (uint8_t)(1u << v);
		peer_info(stream->peer, &peer);
		snprintf(text, sizeof(text), "the path from %s, UDP port %u, traffic class %u",
			 peer.nic ? nic_name(peer.nic) : "?", target->src_port,
			 target->config.traffic_class);
		if (holds)
			log_some(100, PEER, WARNING, "%s: %s, is %s: %s", peer.address, text,
				 lasting_name((enum lasting_verdict)v), what[v]);
		else
			log_some(100, PEER, INFO, "%s: %s, is no longer %s", peer.address, text,
				 lasting_name((enum lasting_verdict)v));
	}
}

void
verdict_look(const struct prober_target_info *target)
{
	const struct sequential *loss = &target->loss;
	struct peer_stream *stream = target->user;
	struct peer_info peer;
	const char *device;
	enum sequential_verdict was = stream->verdict;

	verdict_look_lasting(target);
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

/* What the records show: of one target, or of all targets of a peer. */
struct verdict_sum {
	struct sequential loss; /* the worst one */
	uint64_t last_lost_ns, usual_rtt_ns;
	uint64_t since_ns[LASTING_N]; /* the oldest; 0: none */
};

/* The order is none < clean < lossy. Of two lossy ones, the older verdict is worse. */
static bool
verdict_is_worse(const struct sequential *a, const struct sequential *b)
{
	if (a->verdict != b->verdict)
		return a->verdict > b->verdict;
	return a->verdict == SEQUENTIAL_LOSSY && a->since_ns < b->since_ns;
}

static void
verdict_sum_add(struct verdict_sum *sum, const struct prober_target_info *target)
{
	uint64_t usual_ns = lasting_usual_rtt_ns(&target->lasting);

	if (verdict_is_worse(&target->loss, &sum->loss))
		sum->loss = target->loss;
	if (target->loss.lost_ns > sum->last_lost_ns)
		sum->last_lost_ns = target->loss.lost_ns;
	if (usual_ns > sum->usual_rtt_ns)
		sum->usual_rtt_ns = usual_ns;
	for (int v = 0; v < LASTING_N; v++) {
		uint64_t since_ns = lasting_since_ns(&target->lasting, (enum lasting_verdict)v);

		if (since_ns && (!sum->since_ns[v] || since_ns < sum->since_ns[v]))
			sum->since_ns[v] = since_ns;
	}
}

static void
verdict_record_time(struct record *r, const char *key, uint64_t mono_ns)
{
	record_u64_if(r, key, mono_ns ? clock_wall_of(mono_ns) : 0, mono_ns != 0);
}

static void
verdict_record_sum(struct record *r, const struct verdict_sum *sum)
{
	static const char *const since[LASTING_N] = {
		[LASTING_NOISY] = "noisy_since_ns",
		[LASTING_SLOW] = "slow_since_ns",
		[LASTING_HOST_SLOW] = "host_slow_since_ns",
	};
	const struct sequential *loss = &sum->loss;
	bool decided = loss->verdict != SEQUENTIAL_NONE;

	record_str(r, "loss_verdict", sequential_verdict_name(loss->verdict));
	record_u64_if(r, "loss_verdict_since_ns", decided ? clock_wall_of(loss->since_ns) : 0,
		      decided);
	record_u64_if(r, "loss_verdict_lost", decided ? loss->decided_lost : 0, decided);
	record_u64_if(r, "loss_verdict_of", decided ? loss->decided_n : 0, decided);
	verdict_record_time(r, "last_lost_ns", sum->last_lost_ns);
	for (int v = 0; v < LASTING_N; v++)
		verdict_record_time(r, since[v], sum->since_ns[v]);
	record_u64_if(r, "usual_rtt_ns", sum->usual_rtt_ns, sum->usual_rtt_ns != 0);
}

void
verdict_record(struct record *r, const struct prober_target_info *target)
{
	struct verdict_sum sum = {0};

	if (target)
		verdict_sum_add(&sum, target);
	verdict_record_sum(r, &sum);
}

void
verdict_record_peer(struct record *r, const struct prober_peer *peer)
{
	const struct prober_target *t = NULL;
	struct prober_target_info info;
	struct verdict_sum sum = {0};

	while ((t = prober_peer_next_target(peer, t))) {
		prober_target_info(t, &info);
		verdict_sum_add(&sum, &info);
	}
	verdict_record_sum(r, &sum);
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
	verdict_record_time(&map, "last_lost_ns", info->loss.lost_ns);
	record_end(&map, pk);
}

struct verdict_walk {
	msgpack_packer *pk; /* NULL: only count */
	uint64_t limit;     /* lossy paths to pack */
	uint64_t lossy, lasting[LASTING_N];
};

static void
verdict_walk_target(struct verdict_walk *walk, const struct peer_info *peer,
		    const struct prober_target *target)
{
	struct prober_target_info info;

	prober_target_info(target, &info);
	for (int v = 0; v < LASTING_N; v++)
		walk->lasting[v] += lasting_since_ns(&info.lasting, (enum lasting_verdict)v) != 0;
	if (info.loss.verdict != SEQUENTIAL_LOSSY)
		return;
	if (walk->lossy++ < walk->limit)
		verdict_path(walk->pk, peer, &info);
}

static void
verdict_walk(const struct tell *t, struct verdict_walk *walk)
{
	for (struct peer *p = NULL; (p = peers_next(t->peers, p));) {
		const struct prober_target *g = NULL;
		struct peer_info peer;

		peer_info(p, &peer);
		while (peer.prober && (g = prober_peer_next_target(peer.prober, g)))
			verdict_walk_target(walk, &peer, g);
	}
}

void
verdict_record_status(struct record *r, const struct tell *t)
{
	struct verdict_walk count = {0}, pack = {0};

	verdict_walk(t, &count);
	record_u64(r, "lossy_paths", count.lossy);
	pack.limit = count.lossy < VERDICT_PATHS_MAX ? count.lossy : VERDICT_PATHS_MAX;
	pack.pk = record_key(r, "lossy");
	msgpack_pack_array(pack.pk, pack.limit);
	if (pack.limit > 0)
		verdict_walk(t, &pack);
	record_u64(r, "noisy_paths", count.lasting[LASTING_NOISY]);
	record_u64(r, "slow_paths", count.lasting[LASTING_SLOW]);
	record_u64(r, "host_slow_paths", count.lasting[LASTING_HOST_SLOW]);
}

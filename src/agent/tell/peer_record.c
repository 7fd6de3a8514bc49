/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tell/peer_record.h"

#include "core/clock.h"
#include "agent/nic/nic.h"
#include "agent/peer/peer.h"
#include "agent/tell/ping.h"
#include "agent/peer/service.h"
#include "agent/tell/verdict.h"
#include "record/record.h"

/* CLOCK_MONOTONIC 0 means never. */
static void
peer_record_when(struct record *r, const char *key, uint64_t mono_ns)
{
	record_u64_if(r, key, mono_ns ? clock_wall_of(mono_ns) : 0, mono_ns != 0);
}

static void
peer_record_routers(struct record *r, int there, int back)
{
	record_u64_if(r, "routers_there", (uint64_t)there, there != ROUTERS_UNKNOWN);
	record_u64_if(r, "routers_back", (uint64_t)back, back != ROUTERS_UNKNOWN);
}

/* The numbers that all streams of the peer have. */
static void
peer_record_routers_of_all(struct record *r, const struct prober_peer *peer)
{
	const struct prober_target *target = prober_peer_next_target(peer, NULL);
	int there = ROUTERS_UNKNOWN, back = ROUTERS_UNKNOWN;
	struct prober_target_info info;

	for (bool first = true; target; target = prober_peer_next_target(peer, target)) {
		prober_target_info(target, &info);
		if (first || info.routers_there != there)
			there = first ? info.routers_there : ROUTERS_UNKNOWN;
		if (first || info.routers_back != back)
			back = first ? info.routers_back : ROUTERS_UNKNOWN;
		first = false;
	}
	peer_record_routers(r, there, back);
}

static void
peer_record_bound(struct record *r, const struct peer_info *peer)
{
	struct prober_peer_info info;
	struct probe_summary summary;
	char text[ADDR_TEXT];

	prober_peer_info(peer->prober, &info);
	prober_peer_summary(peer->prober, clock_mono_ns(), &summary);
	record_str(r, "source", addr_text(&peer->local, text));
	record_u64_if(r, "qpn", info.session.qpn, info.has_session);
	record_u64_if(r, "incarnation", info.session.incarnation, info.has_session);
	peer_record_when(r, "state_since_ns", info.state_since_ns);
	record_u64(r, "resolves", info.resolves);
	record_u64(r, "restarts", info.restarts);
	record_u64(r, "wrong_source", info.wrong_source);
	record_u64(r, "impossible", info.impossible);
	peer_record_when(r, "last_ok_ns", info.last_ok_ns);
	record_u64_if(r, "last_rtt_ns", info.last_rtt_ns, info.last_ok_ns != 0);
	peer_record_routers_of_all(r, peer->prober);
	record_summary(r, &summary);
	verdict_record_peer(r, peer->prober);
}

static void
peer_record_origins(struct record *r, const struct peer_info *peer)
{
	msgpack_packer *pk = record_key(r, "origins");
	size_t n = 0;

	for (int i = 0; i < PEER_ORIGIN_N; i++)
		n += peer->origins[i] > 0;
	msgpack_pack_array(pk, n);
	for (int i = 0; i < PEER_ORIGIN_N; i++)
		if (peer->origins[i])
			record_pack_str(pk, peer_origin_name((enum peer_origin)i));
	record_str(r, "listed_host", peer->listed ? peer->listed->host : NULL);
	record_str(r, "listed_device", peer->listed ? peer->listed->device : NULL);
	record_str(r, "listed_tor",
		   peer->listed && peer->listed->tor[0] ? peer->listed->tor : NULL);
	record_str(r, "listed_kind",
		   !peer->listed ? NULL : peer->listed->fabric ? "fabric" : "tor");
}

void
peer_record(msgpack_packer *out, const struct peer *peer)
{
	struct probe_totals totals = {0};
	struct peer_info info;
	const char *reason, *state = peer_state(peer, &reason);
	char text[ADDR_TEXT];
	struct record r;

	peer_info(peer, &info);
	record_begin(&r, RECORD_PEER);
	record_str(&r, "address", info.address);
	record_str(&r, "device", info.nic ? nic_name(info.nic) : info.device);
	record_str(&r, "state", state);
	record_str(&r, "state_reason", reason);
	record_bool(&r, "configured", info.configured);
	peer_record_origins(&r, &info);
	record_str(&r, "gid", info.remote ? addr_text(info.remote, text) : NULL);
	record_str(&r, "hostname", info.hostname);
	record_str(&r, "same_name", info.namesake);
	record_str(&r, "tor", info.tor);
	if (info.prober) {
		prober_peer_totals(info.prober, &totals);
		peer_record_bound(&r, &info);
	}
	record_totals(&r, &totals);
	record_end(&r, out);
}

void
peer_record_target(msgpack_packer *out, const struct peer *peer, const struct prober_target *target)
{
	struct prober_target_info info;
	struct probe_summary summary;
	struct peer_info peer_is;
	struct record r;
	msgpack_packer *pk;

	prober_target_info(target, &info);
	prober_target_summary(target, clock_mono_ns(), &summary);
	peer_info(peer, &peer_is);
	record_begin(&r, RECORD_TARGET);
	record_str(&r, "peer", peer_is.address);
	record_str(&r, "device", nic_name(peer_is.nic));
	record_addr(&r, "source", &peer_is.local);
	record_addr(&r, "destination", peer_is.remote);
	record_str(&r, "hostname", peer_is.hostname);
	record_str(&r, "peer_tor", peer_is.tor);
	record_str(&r, "kind", probe_kind_name(info.config.kind));
	record_u64(&r, "interval_ns", info.config.interval_ns);
	pk = record_key(&r, "sizes");
	msgpack_pack_array(pk, info.config.n_sizes);
	for (uint32_t i = 0; i < info.config.n_sizes; i++) {
		if (info.config.sizes[i] == PROBER_SIZE_MTU)
			record_pack_str(pk, "mtu");
		else
			msgpack_pack_uint32(pk, info.config.sizes[i]);
	}
	record_u64(&r, "flow_label", info.config.flow_label);
	record_u64(&r, "traffic_class", info.config.traffic_class);
	record_u64(&r, "service_level", info.config.service_level);
	record_u64_if(&r, "src_port", info.src_port, info.src_port != PROBE_PORT_UNKNOWN);
	record_str(&r, "path", probe_path_name(info.path));
	peer_record_routers(&r, info.routers_there, info.routers_back);
	record_u64(&r, "in_flight", info.in_flight);
	record_totals(&r, &info.totals);
	record_summary(&r, &summary);
	verdict_record(&r, &info);
	record_end(&r, out);
}

typedef void peer_record_pack(msgpack_packer *out, const struct record_probe_context *context,
			      const struct probe_result *result);

static void
peer_record_result(msgpack_packer *out, const struct record_origin *origin,
		   const struct peer_stream *stream, const struct probe_result *r,
		   peer_record_pack *pack)
{
	struct record_probe_context context = {
		.origin = origin,
		.ping = stream->ping ? ping_id(stream->ping) : 0,
		.flow = stream->service ? service_flow_id(stream->service) : 0,
	};
	struct peer_info peer;

	peer_info(stream->peer, &peer);
	context.device = peer.nic ? nic_name(peer.nic) : "";
	context.peer = peer.address;
	context.source = addr_is_zero(&r->source) ? &peer.local : &r->source;
	context.destination = peer.remote; /* it does not change while the peer is probed */
	context.hostname = peer.hostname;
	context.peer_tor = peer.tor;
	pack(out, &context, r);
}

void
peer_record_probe(msgpack_packer *out, const struct record_origin *origin,
		  const struct peer_stream *stream, const struct probe_result *r)
{
	peer_record_result(out, origin, stream, r, record_probe);
}

void
peer_record_correction(msgpack_packer *out, const struct record_origin *origin,
		       const struct peer_stream *stream, const struct probe_result *r)
{
	peer_record_result(out, origin, stream, r, record_correction);
}

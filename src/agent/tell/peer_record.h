/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of a peer, of a stream of probes to it, and of one probe: "peer", "target" and
 * "probe" of rpingmesh-records(5). Each function packs one.
 */
#ifndef RPINGMESH_AGENT_TELL_PEER_RECORD_H
#define RPINGMESH_AGENT_TELL_PEER_RECORD_H

#include <msgpack.h>

struct peer;
struct peer_stream;
struct probe_result;
struct prober_target;
struct record_origin;

void peer_record(msgpack_packer *out, const struct peer *peer);
void peer_record_probe(msgpack_packer *out, const struct record_origin *origin,
		       const struct peer_stream *stream, const struct probe_result *r);
void peer_record_correction(msgpack_packer *out, const struct record_origin *origin,
			    const struct peer_stream *stream, const struct probe_result *r);
/* The target is one of the peer's. */
void peer_record_target(msgpack_packer *out, const struct peer *peer,
			const struct prober_target *target);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of a peer and of a stream of probes to it: rpingmesh-records(5), "peer" and "target".
 */
#ifndef RPINGMESH_AGENT_TELL_PEER_RECORD_H
#define RPINGMESH_AGENT_TELL_PEER_RECORD_H

#include <msgpack.h>

struct peer;
struct prober_target;

void peer_record(msgpack_packer *out, const struct peer *peer);
/* The target is one of the peer's. */
void peer_record_target(msgpack_packer *out, const struct peer *peer,
			const struct prober_target *target);

#endif

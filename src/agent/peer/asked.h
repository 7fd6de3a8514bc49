/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams of probes that central has asked for, each for a while. They are streams of the mesh that
 * neither the configuration nor the pinglist knows, so a reload or a new list does not change them.
 */
#ifndef RPINGMESH_AGENT_PEER_ASKED_H
#define RPINGMESH_AGENT_PEER_ASKED_H

#include <stdint.h>

#include "agent/peer/peer.h"

#define ASKED_MAX 64u

struct asked;

struct asked_want {
	struct nic *nic;         /* the next is an address of it */
	struct addr source, destination;
	uint32_t flow_label;     /* gives the source port */
	uint8_t traffic_class;
	uint64_t interval_ns;    /* ≥ 1 ms */
	uint64_t until_ns;       /* CLOCK_MONOTONIC */
};

/* Both are borrowed. Returns 0 and sets *out, or -errno. */
int asked_new(struct loop *loop, struct peers *peers, struct asked **out);
/* NULL is allowed. */
void asked_free(struct asked *asked);

/*
 * Probes that from now on. If the 5-tuple is probed already, takes over interval and end, and the
 * flow label unless that is udp_port_label() of the source port. Returns 0, -EDQUOT if the streams
 * of that nic together would then send more than max_per_s, -ENOSPC if there are ASKED_MAX, or
 * -ENOMEM.
 */
int asked_add(struct asked *asked, const struct asked_want *want, uint32_t max_per_s);
/* Ends all. */
void asked_clear(struct asked *asked);

/* For peers_ops and nics_ops. */
void asked_peer_event(struct asked *asked, const struct peer *peer, enum peer_event event);
void asked_nic_event(struct asked *asked, const struct nic *nic, enum nic_event event);

/* How many there are. */
uint32_t asked_count(const struct asked *asked);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What operators call a peer, by whatever name the tables show: its address, the name in the
 * configuration, the host name that it reports or that the pinglist has, or HOST/DEVICE, where
 * DEVICE is the peer's own device, as the pinglist names it.
 */
#ifndef RPINGMESH_AGENT_TELL_NAMED_H
#define RPINGMESH_AGENT_TELL_NAMED_H

#include <stdint.h>

struct control_error;
struct flow;
struct peer;
struct peers;
struct services;

struct named {
	struct peer *peer;  /* of several with one address: one that is up, or configured */
	uint32_t matches;   /* peers with this address, from several local devices */
};

/*
 * device: only peers that are probed from this local device; NULL: from any. Returns 0 and sets
 * *out, or fills *error and returns -ENOENT, or -ENOTUNIQ if peers with several addresses have the
 * name: the message names these.
 */
int named_find(const struct peers *peers, const char *name, const char *device, struct named *out,
	       struct control_error *error);

/* The flow with this number, "17" or "flow:17", or NULL. */
const struct flow *named_flow(const struct services *services, const char *what);

#endif

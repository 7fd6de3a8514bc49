/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the states in records as the daemon's enums. The number of states (…_STATE_N) means
 * unknown.
 */
#ifndef RPINGMESH_CTL_VIEW_STATE_H
#define RPINGMESH_CTL_VIEW_STATE_H

#include <msgpack.h>

#include "rpingmesh/states.h"

enum device_state state_of_device(const msgpack_object *device);
enum port_state state_of_port(const msgpack_object *map, const char *key);
enum service_state state_of_flow(const msgpack_object *flow);
enum tracing_state state_of_tracing(const msgpack_object *status);
enum tracer_state state_of_tracer(const msgpack_object *trace);

/* The state of a peer for users. */
enum state_peer {
	STATE_PEER_UP,
	STATE_PEER_COMING, /* coming up */
	STATE_PEER_UNPROBED, /* unknown, because its local port is down */
	STATE_PEER_SELF,   /* this host itself */
	STATE_PEER_BAD,    /* none of these, or unknown */
};
enum state_peer state_of_peer(const msgpack_object *peer);

#endif

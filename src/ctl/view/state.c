/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/view/state.h"

#include "record/read.h"

enum device_state
state_of_device(const msgpack_object *device)
{
	static const char *const names[] = DEVICE_STATE_NAMES;

	return (enum device_state)read_word(device, "state", names, DEVICE_STATE_N);
}

enum port_state
state_of_port(const msgpack_object *map, const char *key)
{
	static const char *const names[] = PORT_STATE_NAMES;

	return (enum port_state)read_word(map, key, names, PORT_STATE_N);
}

enum service_state
state_of_flow(const msgpack_object *flow)
{
	static const char *const names[] = SERVICE_STATE_NAMES;

	return (enum service_state)read_word(flow, "probing", names, SERVICE_STATE_N);
}

enum tracing_state
state_of_tracing(const msgpack_object *status)
{
	static const char *const names[] = TRACING_STATE_NAMES;

	return (enum tracing_state)read_word(status, "tracing", names, TRACING_STATE_N);
}

enum tracer_state
state_of_tracer(const msgpack_object *trace)
{
	static const char *const names[] = TRACER_STATE_NAMES;

	return (enum tracer_state)read_word(trace, "state", names, TRACER_STATE_N);
}

/* The state of a peer that is not probed. */
static enum state_peer
state_of_binding(const msgpack_object *peer)
{
	static const char *const names[] = PEER_BINDING_NAMES;

	switch ((enum peer_binding)read_word(peer, "state", names, PEER_BINDING_N)) {
	case PEER_NAMING:
		return STATE_PEER_COMING;
	case PEER_UNPROBED:
		return STATE_PEER_UNPROBED;
	case PEER_SELF:
		return STATE_PEER_SELF;
	case PEER_NO_NAME:
	case PEER_NO_DEVICE:
	case PEER_BOUND:
	case PEER_BINDING_N:
		break;
	}
	return STATE_PEER_BAD;
}

enum state_peer
state_of_peer(const msgpack_object *peer)
{
	static const char *const names[] = PROBER_PEER_STATE_NAMES;

	switch ((enum prober_peer_state)read_word(peer, "state", names, PROBER_PEER_STATE_N)) {
	case PROBER_PEER_UP:
		return STATE_PEER_UP;
	case PROBER_PEER_RESOLVING:
	case PROBER_PEER_CHECKING:
		return STATE_PEER_COMING;
	case PROBER_PEER_NO_DATA:
	case PROBER_PEER_DOWN:
		return STATE_PEER_BAD;
	case PROBER_PEER_STATE_N:
		break;
	}
	return state_of_binding(peer);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record of a window of wall-clock time. rpingmesh-records(5) lists its keys.
 */
#ifndef RPINGMESH_RECORD_RECORD_WINDOW_H
#define RPINGMESH_RECORD_RECORD_WINDOW_H

#include <msgpack.h>
#include <stdbool.h>
#include <stdint.h>

#include "stat/result.h"
#include "stat/window.h"

struct record_origin;

/* The owner of the probes that a window has counted. */
enum record_window_by {
	RECORD_WINDOW_TARGET, /* of the mesh, or a ping's */
	RECORD_WINDOW_FLOW,
	RECORD_WINDOW_DEVICE,
	RECORD_WINDOW_BY_N
};
/* The name in records. Never NULL: "?" for a value out of range. */
const char *record_window_by_name(enum record_window_by by);

/*
 * The contents of the record that are not in the window. Strings and addresses are borrowed. For a
 * device, the members after `source` are not used.
 */
struct record_window_context {
	enum record_window_by by;
	const struct record_origin *origin;
	const char *device;
	uint32_t port;
	const char *peer;
	const struct addr *source; /* for a window of which no probe was posted */
	const struct addr *destination;
	const char *hostname, *peer_tor; /* may be NULL */
	uint64_t flow;                 /* id of the flow; 0: no flow, or no longer known */
	enum probe_kind kind;
	uint64_t interval_ns;
	uint32_t flow_label;
	uint8_t traffic_class, service_level;
};

/* Packs the record of a closed window. */
void record_window(msgpack_packer *out, const struct record_window_context *context,
		   const struct window *w);

#endif

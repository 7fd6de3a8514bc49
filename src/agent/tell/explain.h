/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that is known about the path to one peer or of one flow, as one record: the method "explain"
 * of rpingmesh-control(7).
 */
#ifndef RPINGMESH_AGENT_TELL_EXPLAIN_H
#define RPINGMESH_AGENT_TELL_EXPLAIN_H

#include "serve/control.h"

struct tell;

/* The most streams and flows that the record lists; it counts all. */
#define EXPLAIN_STREAMS_MAX 16
#define EXPLAIN_FLOWS_MAX 16

/*
 * what: the configured address or name of a peer, its host name, or the number of a flow. device:
 * the local device, or "" for any. Returns 0, or -ENOENT with *error. From now on, the streams in
 * the record keep their last probes.
 */
int explain(struct tell *t, const char *what, const char *device, msgpack_packer *result,
	    struct control_error *error);

#endif

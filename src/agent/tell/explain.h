/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything known about the path to one peer or of one flow, as one record
 * (include/rpingmesh/control.h, "explain").
 */
#ifndef RPINGMESH_AGENT_TELL_EXPLAIN_H
#define RPINGMESH_AGENT_TELL_EXPLAIN_H

#include "serve/control.h"

struct tell;

/* Streams and flows that the record lists; all are counted. */
#define EXPLAIN_STREAMS_MAX 16
#define EXPLAIN_FLOWS_MAX 16

/*
 * what: a peer's address or name as configured, its host name, or the number of a flow; device: ""
 * or the one to look from. 0, or -ENOENT with *error. Streams that are looked at keep their last
 * probes from now on.
 */
int explain(struct tell *t, const char *what, const char *device, msgpack_packer *result,
	    struct control_error *error);

#endif

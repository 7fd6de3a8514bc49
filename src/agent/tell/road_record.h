/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of 5-tuples, as records and in other records. */
#ifndef RPINGMESH_AGENT_TELL_ROAD_RECORD_H
#define RPINGMESH_AGENT_TELL_ROAD_RECORD_H

#include "record/record.h"

struct control_error;
struct flow;
struct prober_target;
struct roads;
struct tell;

#define ROAD_RECORD_MAX 256 /* the most paths in one answer; it counts all */

/*
 * Answers with the paths to a peer, an address, or of a flow. device: only those from this local
 * device; "": from any. Returns 0, or -errno and fills *error.
 */
int road_record_answer(struct tell *t, const char *what, const char *device,
		       msgpack_packer *result, struct control_error *error);

/* Adds `road`: the path of a stream of probes, or nil. */
void road_record_of_target(struct record *r, const struct tell *t,
			   const struct prober_target *target);
/* Adds `hops`: the names of the routers on the path of a flow, or nil. */
void road_record_hops(struct record *r, struct roads *roads, const struct flow *flow);
/* Adds `paths`: how many are traced. */
void road_record_status(struct record *r, const struct tell *t);

#endif

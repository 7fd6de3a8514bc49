/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the ring of events on the loop, in portions, so that no callback takes long. */
#ifndef RPINGMESH_TRACE_TRACER_READER_H
#define RPINGMESH_TRACE_TRACER_READER_H

#include <stdint.h>

#include "rpingmesh/qp_event.h"
#include "trace/tracer_ring.h"

struct loop;
struct tracer_reader;

struct tracer_reader_config {
	struct loop *loop;
	/* The event is valid during the call, which must not free the reader. */
	void (*event)(void *arg, const struct qp_event *e);
	void *arg;
};

/* Returns 0 and sets *out, which the caller owns, or -errno. The caller keeps the descriptors. */
int tracer_reader_new(const struct tracer_reader_config *config,
		      const struct tracer_ring_maps *maps, struct tracer_reader **out);
/* The events that are left are lost. NULL is allowed. */
void tracer_reader_free(struct tracer_reader *reader);
/* Passes on all events that are in the ring, without the limit for one callback. */
void tracer_reader_drain(struct tracer_reader *reader);
/* Adds the counters of the programs to *sum. */
void tracer_reader_count(const struct tracer_reader *reader, struct qp_event_counters *sum);

#endif

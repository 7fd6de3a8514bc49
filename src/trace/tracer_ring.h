/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory that the BPF programs share with the daemon: the ring of events, and the counters.
 * Who has the descriptors of the maps can map them without any capability and without bpf(2).
 */
#ifndef RPINGMESH_TRACE_TRACER_RING_H
#define RPINGMESH_TRACE_TRACER_RING_H

#include <stddef.h>

#include "rpingmesh/qp_event.h"
#include "trace/tracer_hooks.h"

struct tracer_ring;

struct tracer_ring_config {
	struct tracer_ring_maps maps; /* the caller may close the descriptors afterwards */
	/*
	 * data is valid during the call. A negative result stops the reading; this event counts as
	 * read.
	 */
	int (*event)(void *arg, const void *data, size_t size);
	void *arg;
};

/* Returns 0 and sets *out, which the caller owns, or -errno. */
int tracer_ring_new(const struct tracer_ring_config *config, struct tracer_ring **out);
/* The events that are left are lost. NULL is allowed. */
void tracer_ring_free(struct tracer_ring *ring);

/*
 * The descriptor becomes readable at a wake-up. The first event after tracer_ring_rest() sends one,
 * and so does a ring that fills up. Other events send none: read them now and then. `ring` owns the
 * descriptor.
 */
int tracer_ring_fd(const struct tracer_ring *ring);
/* Makes the next event send a wake-up. Read once more after this, for events that came before. */
void tracer_ring_rest(struct tracer_ring *ring);
/*
 * Reads events until there are none, and returns 0. If the callback stops the reading, returns its
 * result. Does not block.
 */
int tracer_ring_read(struct tracer_ring *ring);
/* Adds the counters to *sum. */
void tracer_ring_count(const struct tracer_ring *ring, struct qp_event_counters *sum);

#endif

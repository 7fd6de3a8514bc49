/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: the reader of events
 *
 * struct tracer_reader owns the ring, a timer and a watched descriptor: `poll` reads events that
 * came without a wake-up, and `ready` watches the descriptor of the ring.
 */
#include "trace/tracer_reader.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/loop.h"

#define READER_POLL_NS (100 * NSEC_PER_MSEC)
#define READER_BUDGET 256 /* events in one callback */

struct tracer_reader {
	struct tracer_reader_config config;
	struct tracer_ring *ring;
	struct loop_timer *poll;
	struct loop_fd *ready;
	int budget;
	uint64_t events, polled; /* events: all; when `poll` last ran */
};

static int
reader_event_cb(void *arg, const void *data, size_t size)
{
	struct tracer_reader *r = arg;

	if (size >= sizeof(struct qp_event)) {
		r->events++;
		r->config.event(r->config.arg, data);
	}
	return --r->budget > 0 ? 0 : -EAGAIN;
}

/* Reads at most `budget` events. Returns true if there may be more. */
static bool
reader_read(struct tracer_reader *r, int budget)
{
	r->budget = budget;
	return tracer_ring_read(r->ring) == -EAGAIN;
}

/* Runs ten times a second while events come; then not until an event wakes us. */
static void
reader_poll_cb(void *arg)
{
	struct tracer_reader *r = arg;
	bool more = reader_read(r, READER_BUDGET);

	if (!more && r->events == r->polled) {
		tracer_ring_rest(r->ring);
		more = reader_read(r, READER_BUDGET);
	}
	if (more || r->events != r->polled)
		loop_timer_set(r->poll, more ? 0 : READER_POLL_NS);
	r->polled = r->events;
}

static void
reader_ready_cb(void *arg, int events)
{
	struct tracer_reader *r = arg;

	(void)events;
	loop_timer_set(r->poll, reader_read(r, READER_BUDGET) ? 0 : READER_POLL_NS);
}

static int
reader_begin(struct tracer_reader *r, const struct tracer_ring_maps *maps)
{
	const struct tracer_ring_config ring = {*maps, reader_event_cb, r};
	struct loop_fd_config ready = {
		.events = LOOP_READ,
		.priority = LOOP_PRIORITY_NORMAL,
		.name = "trace ring",
		.cb = reader_ready_cb,
		.arg = r,
	};
	int rc = tracer_ring_new(&ring, &r->ring);

	if (rc == 0)
		rc = loop_timer_new(r->config.loop, "trace poll", reader_poll_cb, r, &r->poll);
	if (rc < 0)
		return rc;
	loop_timer_set(r->poll, READER_POLL_NS);
	ready.fd = tracer_ring_fd(r->ring);
	return loop_fd_new(r->config.loop, &ready, &r->ready);
}

int
tracer_reader_new(const struct tracer_reader_config *config, const struct tracer_ring_maps *maps,
		  struct tracer_reader **out)
{
	struct tracer_reader *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return -ENOMEM;
	r->config = *config;
	rc = reader_begin(r, maps);
	if (rc < 0)
		tracer_reader_free(r);
	else
		*out = r;
	return rc;
}

void
tracer_reader_free(struct tracer_reader *reader)
{
	if (!reader)
		return;
	loop_fd_free(reader->ready);
	loop_timer_free(reader->poll);
	tracer_ring_free(reader->ring);
	free(reader);
}

void
tracer_reader_drain(struct tracer_reader *reader)
{
	while (reader_read(reader, INT32_MAX))
		;
	/*
	 * This may have read the event for which a wake-up was sent. Then only `poll` makes the
	 * next event send a wake-up again.
	 */
	loop_timer_set(reader->poll, READER_POLL_NS);
}

void
tracer_reader_count(const struct tracer_reader *reader, struct qp_event_counters *sum)
{
	tracer_ring_count(reader->ring, sum);
}

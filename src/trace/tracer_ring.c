/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: the ring of events
 *
 * The layout of a BPF ring buffer (kernel/bpf/ringbuf.c): a page with the position of the reader, a
 * page with that of the writers, and the data. The kernel offers the data twice in a row, so that
 * no record is cut. All pages that are mapped count as resident, so this maps the data once, and
 * puts together the record that goes over the end. Positions only grow. A record begins with its
 * length, whose two high bits say that it is being written or has been given up, and four more
 * bytes; records are multiples of 8 bytes.
 */
#include "trace/tracer_ring.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <qp_trace.skel.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct tracer_ring {
	struct tracer_ring_config config; /* the descriptors are ours; counters: closed */
	size_t page;
	unsigned long *read_at;        /* a page that we may write */
	unsigned long *write_at;       /* a page, and the data behind it: not ours to write */
	struct qp_event whole;         /* a record that goes over the end */
	struct qp_trace__bss *counters;
};

static size_t
ring_seen_bytes(const struct tracer_ring *ring)
{
	return ring->page + (size_t)ring->config.maps.ring_bytes;
}

/* Returns NULL and sets errno if it fails. */
static void *
ring_map(int fd, size_t bytes, int rights, size_t offset)
{
	void *at = mmap(NULL, bytes, rights, MAP_SHARED, fd, (off_t)offset);

	return at == MAP_FAILED ? NULL : at;
}

static int
ring_map_all(struct tracer_ring *ring, int ring_fd, int counters_fd)
{
	ring->read_at = ring_map(ring_fd, ring->page, PROT_READ | PROT_WRITE, 0);
	if (ring->read_at)
		ring->write_at = ring_map(ring_fd, ring_seen_bytes(ring), PROT_READ, ring->page);
	if (ring->write_at)
		ring->counters = ring_map(counters_fd, sizeof(*ring->counters),
					  PROT_READ | PROT_WRITE, 0);
	return ring->counters ? 0 : -errno;
}

int
tracer_ring_new(const struct tracer_ring_config *config, struct tracer_ring **out)
{
	struct tracer_ring *ring = calloc(1, sizeof(*ring));
	int rc;

	if (!ring)
		return -ENOMEM;
	ring->config = *config;
	ring->page = (size_t)sysconf(_SC_PAGESIZE);
	ring->config.maps.ring = fcntl(config->maps.ring, F_DUPFD_CLOEXEC, 0);
	rc = ring->config.maps.ring < 0 ? -errno :
	     ring_map_all(ring, config->maps.ring, config->maps.counters);
	if (rc < 0) {
		tracer_ring_free(ring);
		return rc;
	}
	*out = ring;
	return 0;
}

void
tracer_ring_free(struct tracer_ring *ring)
{
	if (!ring)
		return;
	if (ring->read_at)
		munmap(ring->read_at, ring->page);
	if (ring->write_at)
		munmap(ring->write_at, ring_seen_bytes(ring));
	if (ring->counters)
		munmap(ring->counters, sizeof(*ring->counters));
	if (ring->config.maps.ring >= 0)
		close(ring->config.maps.ring);
	free(ring);
}

int
tracer_ring_fd(const struct tracer_ring *ring)
{
	return ring->config.maps.ring;
}

void
tracer_ring_rest(struct tracer_ring *ring)
{
	/*
	 * This must come before the next reading. The kernel does the reverse: it commits an event,
	 * then reads this flag.
	 */
	__atomic_store_n(&ring->counters->qp_reader_rests, 1, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* The data of the record at this position. What an event does not need of it may be left out. */
static const void *
ring_data(struct tracer_ring *ring, unsigned long at, uint32_t *size)
{
	const unsigned char *data = (const unsigned char *)ring->write_at + ring->page;
	size_t bytes = ring->config.maps.ring_bytes;
	size_t from = (at + BPF_RINGBUF_HDR_SZ) & (bytes - 1), to_end = bytes - from;

	if (*size <= to_end)
		return data + from;
	if (*size > sizeof(ring->whole))
		*size = sizeof(ring->whole);
	if (to_end > *size)
		to_end = *size;
	memcpy(&ring->whole, data + from, to_end);
	memcpy((unsigned char *)&ring->whole + to_end, data, *size - to_end);
	return &ring->whole;
}

/* Passes on the record at *at and goes behind it. Returns the callback's result. */
static int
ring_record(struct tracer_ring *ring, unsigned long *at, uint32_t head)
{
	uint32_t size = head & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
	unsigned long record = *at;
	const void *data;

	*at += ((unsigned long)size + BPF_RINGBUF_HDR_SZ + 7) & ~7UL;
	if (head & BPF_RINGBUF_DISCARD_BIT)
		return 0;
	data = ring_data(ring, record, &size);
	return ring->config.event(ring->config.arg, data, size);
}

/* The head of the record at this position; BPF_RINGBUF_BUSY_BIT: there is none yet. */
static uint32_t
ring_head(const struct tracer_ring *ring, unsigned long at)
{
	const unsigned char *data = (const unsigned char *)ring->write_at + ring->page;

	if (at == __atomic_load_n(ring->write_at, __ATOMIC_ACQUIRE))
		return BPF_RINGBUF_BUSY_BIT;
	return __atomic_load_n(
		(const uint32_t *)(const void *)(data + (at & (ring->config.maps.ring_bytes - 1))),
		__ATOMIC_ACQUIRE);
}

int
tracer_ring_read(struct tracer_ring *ring)
{
	unsigned long at = __atomic_load_n(ring->read_at, __ATOMIC_RELAXED);
	uint32_t head;
	int rc = 0;

	while (rc >= 0 && !((head = ring_head(ring, at)) & BPF_RINGBUF_BUSY_BIT)) {
		rc = ring_record(ring, &at, head);
		__atomic_store_n(ring->read_at, at, __ATOMIC_RELEASE);
	}
	return rc < 0 ? rc : 0;
}

static uint64_t
ring_counter(const __u64 *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

void
tracer_ring_count(const struct tracer_ring *ring, struct qp_event_counters *sum)
{
	const struct qp_event_counters *c = &ring->counters->qp_counters;

	sum->sent += ring_counter(&c->sent);
	sum->lost_ring += ring_counter(&c->lost_ring);
	sum->lost_calls += ring_counter(&c->lost_calls);
	sum->missed_returns += ring_counter(&c->missed_returns);
	sum->queries += ring_counter(&c->queries);
	sum->own += ring_counter(&c->own);
}

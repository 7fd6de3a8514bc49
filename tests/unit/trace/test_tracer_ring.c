/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring of events, in a file in memory with the layout of kernel/bpf/ringbuf.c: the position of
 * the reader at its start, that of the writer a page later, the data after another page. Unlike the
 * kernel's, the file offers the data once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "trace/tracer_ring.h"

#define RING_BYTES 4096u
/* A head and an event, of a length that does not divide the ring. */
#define RECORD_BYTES (BPF_RINGBUF_HDR_SZ + sizeof(struct qp_event))

struct fake {
	int ring_fd, counters_fd;
	uint8_t *at; /* the whole file */
	size_t page;
	uint64_t written;
	struct tracer_ring *ring;
	struct qp_event read[64];
	size_t n_read, last_size;
	size_t stop_at; /* the callback stops the reading at this number of events; 0: never */
};

static int
fake_event(void *arg, const void *data, size_t size)
{
	struct fake *fake = arg;

	assert_true(fake->n_read < 64);
	memcpy(&fake->read[fake->n_read++], data,
	       size < sizeof(struct qp_event) ? size : sizeof(struct qp_event));
	fake->last_size = size;
	return fake->n_read == fake->stop_at ? -1 : 0;
}

static int
fake_setup(void **state)
{
	static struct fake fake;
	struct tracer_ring_config config = {.event = fake_event, .arg = &fake};
	size_t bytes;

	fake = (struct fake){.page = (size_t)sysconf(_SC_PAGESIZE)};
	bytes = 2 * fake.page + RING_BYTES;
	fake.ring_fd = memfd_create("ring", 0);
	fake.counters_fd = memfd_create("counters", 0);
	assert_true(fake.ring_fd >= 0 && fake.counters_fd >= 0);
	assert_int_equal(ftruncate(fake.ring_fd, (off_t)bytes), 0);
	assert_int_equal(ftruncate(fake.counters_fd, (off_t)fake.page), 0);
	fake.at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fake.ring_fd, 0);
	assert_true(fake.at != MAP_FAILED);
	config.maps = (struct tracer_ring_maps){fake.ring_fd, fake.counters_fd, RING_BYTES};
	assert_int_equal(tracer_ring_new(&config, &fake.ring), 0);
	*state = &fake;
	return 0;
}

static int
fake_teardown(void **state)
{
	struct fake *fake = *state;

	tracer_ring_free(fake->ring);
	munmap(fake->at, 2 * fake->page + RING_BYTES);
	close(fake->ring_fd);
	close(fake->counters_fd);
	return 0;
}

/* Writes as the kernel does, around the end; then moves the position of the writer. */
static void
fake_write(struct fake *fake, const void *data, uint32_t size, uint32_t flags)
{
	uint32_t head[2] = {size | flags, 0};
	uint8_t record[2 * RECORD_BYTES];

	assert_true(sizeof(head) + size <= sizeof(record));
	memcpy(record, head, sizeof(head));
	memcpy(record + sizeof(head), data, size);
	for (size_t i = 0; i < sizeof(head) + size; i++)
		fake->at[2 * fake->page + (fake->written + i) % RING_BYTES] = record[i];
	fake->written += (sizeof(head) + size + 7) / 8 * 8;
	memcpy(fake->at + fake->page, &fake->written, sizeof(fake->written));
}

static struct qp_event
event_of(unsigned int i)
{
	struct qp_event event;

	memset(&event, (int)i, sizeof(event));
	return event;
}

/* Twenty times round: every way in which the end of the ring can cut an event. */
static void
test_round_and_round(void **state)
{
	struct fake *fake = *state;

	for (unsigned int i = 0; i < 20 * RING_BYTES / RECORD_BYTES; i++) {
		struct qp_event event = event_of(i);

		fake->n_read = 0;
		fake_write(fake, &event, sizeof(event), 0);
		assert_int_equal(tracer_ring_read(fake->ring), 0);
		assert_int_equal(fake->n_read, 1);
		assert_int_equal(fake->last_size, sizeof(event));
		assert_memory_equal(&fake->read[0], &event, sizeof(event));
		assert_int_equal(*(uint64_t *)(void *)fake->at, fake->written);
	}
}

static void
test_discarded(void **state)
{
	struct qp_event a = event_of(1), b = event_of(2);
	struct fake *fake = *state;

	for (int i = 0; i < 100; i++) {
		fake->n_read = 0;
		fake_write(fake, &a, sizeof(a), BPF_RINGBUF_DISCARD_BIT);
		fake_write(fake, &b, sizeof(b), 0);
		assert_int_equal(tracer_ring_read(fake->ring), 0);
		assert_int_equal(fake->n_read, 1);
		assert_memory_equal(&fake->read[0], &b, sizeof(b));
	}
}

/* A record that is being written, and all behind it, are not read yet. */
static void
test_busy(void **state)
{
	struct qp_event event = event_of(7);
	struct fake *fake = *state;

	fake_write(fake, &event, sizeof(event), BPF_RINGBUF_BUSY_BIT);
	fake_write(fake, &event, sizeof(event), 0);
	assert_int_equal(tracer_ring_read(fake->ring), 0);
	assert_int_equal(fake->n_read, 0);
}

static void
test_stopped(void **state)
{
	struct qp_event event = event_of(3);
	struct fake *fake = *state;

	for (int i = 0; i < 5; i++)
		fake_write(fake, &event, sizeof(event), 0);
	fake->stop_at = 2;
	assert_int_equal(tracer_ring_read(fake->ring), -1);
	assert_int_equal(fake->n_read, 2);
	assert_int_equal(tracer_ring_read(fake->ring), 0);
	assert_int_equal(fake->n_read, 5);
}

/* Of a record that is longer than an event, as a later program might write it, nothing overruns. */
static void
test_longer(void **state)
{
	uint8_t data[sizeof(struct qp_event) + 80];
	struct fake *fake = *state;

	memset(data, 5, sizeof(data));
	for (int i = 0; i < 100; i++) {
		fake->n_read = 0;
		fake_write(fake, data, sizeof(data), 0);
		assert_int_equal(tracer_ring_read(fake->ring), 0);
		assert_int_equal(fake->n_read, 1);
		assert_true(fake->last_size >= sizeof(struct qp_event));
		assert_memory_equal(&fake->read[0], data, sizeof(struct qp_event));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_and_round, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(test_discarded, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(test_busy, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(test_stopped, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(test_longer, fake_setup, fake_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

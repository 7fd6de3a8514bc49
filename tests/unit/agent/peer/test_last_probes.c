/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the last results are kept, of how many streams, and what they take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/peer/last_probes.h"

#define STREAMS (LAST_PROBES_RINGS_MAX + LAST_PROBES_ASKED_MAX + 10)

/* As many streams as are ever wanted, none of which keeps anything. */
struct streams {
	struct last_probes_pool pool;
	struct last_probes *last[STREAMS];
};

static void
add(struct streams *s, size_t i, uint64_t seq)
{
	const struct probe_result r = {.seq = seq};

	last_probes_add(&s->pool, &s->last[i], &r);
}

/* The last n results of a stream that ended with seq, and no more. */
static void
assert_kept(const struct last_probes *last, uint64_t seq, size_t n)
{
	struct probe_result kept[LAST_PROBES_N];

	assert_int_equal(last_probes_get(last, kept), n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(kept[i].seq, seq - i);
}

static int
setup(void **state)
{
	*state = calloc(1, sizeof(struct streams));
	return *state ? 0 : -1;
}

static int
teardown(void **state)
{
	struct streams *s = *state;

	for (size_t i = 0; i < STREAMS; i++)
		last_probes_free(&s->pool, &s->last[i]);
	assert_int_equal(s->pool.rings, 0);
	assert_int_equal(s->pool.asked, 0);
	assert_int_equal(last_probes_bytes(&s->pool), 0);
	free(s);
	return 0;
}

static void
test_none(void **state)
{
	struct streams *s = *state;

	assert_int_equal(last_probes_get(NULL, NULL), 0);
	last_probes_want(&s->pool, &s->last[0]); /* there is room: the first result will make it */
	assert_null(s->last[0]);
	last_probes_free(&s->pool, &s->last[0]);
	assert_int_equal(last_probes_bytes(&s->pool), 0);
}

/* From the first one on, and past the end twice. */
static void
test_newest_first(void **state)
{
	struct streams *s = *state;

	for (uint64_t seq = 1; seq <= 3 * LAST_PROBES_N + 1; seq++) {
		add(s, 0, seq);
		add(s, 1, seq + 1000000);
		assert_kept(s->last[0], seq, seq < LAST_PROBES_N ? seq : LAST_PROBES_N);
	}
	assert_kept(s->last[1], 3 * LAST_PROBES_N + 1 + 1000000, LAST_PROBES_N);
	assert_int_equal(s->pool.rings, 2);
	assert_int_equal(s->pool.not_kept, 0);
}

/* Whole results, not their numbers alone, however many bytes of them are new. */
static void
test_whole(void **state)
{
	struct probe_result added[3 * LAST_PROBES_N], kept[LAST_PROBES_N];
	struct streams *s = *state;
	size_t n = sizeof(added) / sizeof(added[0]);
	uint8_t *bytes = (void *)added;

	for (size_t i = 0; i < sizeof(added); i++)
		bytes[i] = rand() % 3 ? 0 : (uint8_t)rand();
	memset(&added[n - 1], 0xa5, sizeof(added[0]));
	memset(&added[n - 2], 0x5a, sizeof(added[0]));
	for (size_t i = 0; i < n; i++)
		last_probes_add(&s->pool, &s->last[0], &added[i]);
	assert_int_equal(last_probes_get(s->last[0], kept), LAST_PROBES_N);
	for (size_t i = 0; i < LAST_PROBES_N; i++)
		assert_memory_equal(&kept[i], &added[n - 1 - i], sizeof(kept[0]));
}

/* A stream as it is in life: only numbers and times change. It takes less than half of an array. */
static void
test_small(void **state)
{
	struct streams *s = *state;

	for (uint64_t i = 0; i < 1000; i++) {
		struct probe_result r = {
			.seq = i, .class = PROBE_OK, .measured = true, .posted = true,
			.due_ns = 86400000000000 + i * 5000123456, .rtt_ns = 9000 + rand() % 4096,
			.prober_delay_ns = 3000 + rand() % 4096, .size = 50, .src_port = 49152,
			.responder_delay_ns = 2000 + rand() % 4096, .flow_label = 0xabcde,
		};

		for (size_t t = 0; t < 6; t++)
			r.t_ns[t] = r.due_ns + t * 3000 + (uint64_t)rand() % 4096;
		last_probes_add(&s->pool, &s->last[0], &r);
		if (i == 0)
			assert_true(last_probes_bytes(&s->pool) < 2 * sizeof(r));
	}
	assert_kept(s->last[0], 999, LAST_PROBES_N);
	assert_true(last_probes_bytes(&s->pool) < LAST_PROBES_N * sizeof(struct probe_result) / 2);
}

/* All streams that may keep some. */
static void
fill(struct streams *s)
{
	for (size_t i = 0; i < LAST_PROBES_RINGS_MAX; i++)
		add(s, i, i);
	assert_int_equal(s->pool.rings, LAST_PROBES_RINGS_MAX);
}

static void
test_limit(void **state)
{
	struct streams *s = *state;

	fill(s);
	for (uint64_t seq = 1; seq <= 3; seq++)
		add(s, LAST_PROBES_RINGS_MAX, seq);
	assert_null(s->last[LAST_PROBES_RINGS_MAX]);
	assert_int_equal(s->pool.not_kept, 3);
	/* Those that keep some go on; one that ends makes room. */
	add(s, 7, 8);
	assert_kept(s->last[7], 8, 2);
	last_probes_free(&s->pool, &s->last[7]);
	assert_null(s->last[7]);
	add(s, LAST_PROBES_RINGS_MAX, 4);
	assert_kept(s->last[LAST_PROBES_RINGS_MAX], 4, 1);
	add(s, 7, 9);
	assert_null(s->last[7]);
	assert_int_equal(s->pool.not_kept, 4);
}

/* The most that they take: no result has a byte in common with the next. */
static void
test_most(void **state)
{
	struct streams *s = *state;
	struct probe_result r;

	for (size_t k = 0; k <= LAST_PROBES_N; k++) {
		memset(&r, k % 2 ? 0xff : 0, sizeof(r));
		for (size_t i = 0; i < LAST_PROBES_RINGS_MAX; i++)
			last_probes_add(&s->pool, &s->last[i], &r);
	}
	assert_true(last_probes_bytes(&s->pool) <= 6u << 20); /* as last_probes.h says */
}

/* Beyond the limit those keep results that somebody has asked for, up to a limit of their own. */
static void
test_asked(void **state)
{
	struct streams *s = *state;
	const size_t first = LAST_PROBES_RINGS_MAX, beyond = first + LAST_PROBES_ASKED_MAX;

	fill(s);
	for (size_t i = first; i < beyond + 3; i++) {
		last_probes_want(&s->pool, &s->last[i]);
		last_probes_want(&s->pool, &s->last[i]);
		add(s, i, 5);
	}
	assert_int_equal(s->pool.asked, LAST_PROBES_ASKED_MAX);
	assert_int_equal(s->pool.rings, LAST_PROBES_RINGS_MAX + LAST_PROBES_ASKED_MAX);
	assert_kept(s->last[first], 5, 1);
	assert_kept(s->last[beyond - 1], 5, 1);
	assert_null(s->last[beyond]);
	assert_int_equal(s->pool.not_kept, 3);
	/* They take no room from the others. */
	last_probes_free(&s->pool, &s->last[0]);
	add(s, beyond, 6);
	assert_kept(s->last[beyond], 6, 1);
	assert_int_equal(s->pool.asked, LAST_PROBES_ASKED_MAX);
	/* One that was asked for and ends lets another be asked for. */
	last_probes_free(&s->pool, &s->last[first]);
	assert_int_equal(s->pool.asked, LAST_PROBES_ASKED_MAX - 1);
	last_probes_want(&s->pool, &s->last[beyond + 1]);
	assert_int_equal(s->pool.asked, LAST_PROBES_ASKED_MAX);
	assert_kept(s->last[beyond + 1], 0, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_none, setup, teardown),
		cmocka_unit_test_setup_teardown(test_newest_first, setup, teardown),
		cmocka_unit_test_setup_teardown(test_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_small, setup, teardown),
		cmocka_unit_test_setup_teardown(test_most, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_asked, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

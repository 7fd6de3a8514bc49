/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/clock.h"
#include "core/bucket.h"
#include "core/heap.h"
#include "stat/stats.h"

#define SEC 1000000000ULL
#define MS 1000000ULL /* results are known to have come to the millisecond */

static void
test_names(void **state)
{
	(void)state;
	assert_string_equal(probe_kind_name(PROBE_KIND_SERVICE), "service");
	assert_string_equal(probe_kind_name((enum probe_kind)-1), "?");
	assert_string_equal(probe_clock_name(PROBE_CLOCK_HW), "hw");
	assert_string_equal(probe_clock_name(PROBE_CLOCK_N), "?");
	assert_string_equal(probe_path_name(PROBE_PATH_APPROXIMATE), "approximate");
	assert_string_equal(probe_path_name(PROBE_PATH_N), "?");
	assert_string_equal(probe_noise_name(PROBE_NOISE_NONE), "none");
	assert_string_equal(probe_noise_name(PROBE_NOISE_BOTH), "both");
	assert_int_equal(PROBE_NOISE_PROBER | PROBE_NOISE_RESPONDER, PROBE_NOISE_BOTH);
	assert_string_equal(probe_noise_name(PROBE_NOISE_N), "?");
}

static void
test_totals(void **state)
{
	struct probe_totals sum = {.due = 10, .posted = 9}, add = {.due = 5, .posted = 4};

	(void)state;
	for (int i = 0; i < PROBE_CLASS_N; i++) {
		sum.by_class[i] = (uint64_t)i;
		add.by_class[i] = 100;
	}
	probe_totals_add(&sum, &add);
	assert_int_equal(sum.due, 15);
	assert_int_equal(sum.posted, 13);
	for (int i = 0; i < PROBE_CLASS_N; i++)
		assert_int_equal(sum.by_class[i], 100 + i);
}

static void
add(struct probe_recent *recent, enum probe_class class, uint64_t rtt_ns, uint64_t end_ns)
{
	struct probe_result r = {
		.class = class,
		.measured = class == PROBE_OK || class == PROBE_LATE,
		.rtt_ns = rtt_ns,
		.prober_delay_ns = 2 * rtt_ns,
		.responder_delay_ns = 3 * rtt_ns,
	};

	probe_recent_add(recent, &r, end_ns);
}

static void
test_empty(void **state)
{
	static struct probe_recent recent;
	const struct probe_recent *recents[] = {&recent};
	struct probe_summary s, none = {0};

	(void)state;
	memset(&s, 0x55, sizeof(s));
	probe_recent_summary(recents, 1, SEC, &s);
	assert_memory_equal(&s, &none, sizeof(s));
	memset(&s, 0x55, sizeof(s));
	probe_recent_summary(NULL, 0, SEC, &s);
	assert_memory_equal(&s, &none, sizeof(s));
}

/* Nearest rank: of 1..100 in disorder, p50 is 50 and p99 is 99. */
static void
test_ranks(void **state)
{
	static struct probe_recent recent;
	const struct probe_recent *recents[] = {&recent};
	struct probe_summary s;

	(void)state;
	for (uint64_t i = 0; i < 100; i++)
		add(&recent, PROBE_OK, i * 37 % 100 + 1, SEC + i * MS);
	probe_recent_summary(recents, 1, SEC + 100 * MS, &s);
	assert_int_equal(s.measured, 100);
	assert_int_equal(s.rtt_min_ns, 1);
	assert_int_equal(s.rtt_p50_ns, 50);
	assert_int_equal(s.rtt_p99_ns, 99);
	assert_int_equal(s.rtt_max_ns, 100);
	assert_int_equal(s.prober_delay_p50_ns, 100);
	/* 150, in a bucket of 150 and 151; below 128 each value has its own. */
	assert_in_range(s.responder_delay_p50_ns, 150, 151);
	assert_int_equal(s.span_ns, 100 * MS);
	probe_recent_clear(&recent);
}

static void
test_few(void **state)
{
	static struct probe_recent recent;
	const struct probe_recent *recents[] = {&recent};
	struct probe_summary s;

	(void)state;
	add(&recent, PROBE_OK, 7, SEC);
	probe_recent_summary(recents, 1, SEC, &s);
	assert_int_equal(s.rtt_p50_ns, 7);
	assert_int_equal(s.rtt_p99_ns, 7);
	add(&recent, PROBE_OK, 9, SEC);
	probe_recent_summary(recents, 1, SEC, &s);
	assert_int_equal(s.rtt_p50_ns, 7);
	assert_int_equal(s.rtt_p99_ns, 9);
	probe_recent_clear(&recent);
}

/* What measured nothing is neither answered nor lost. */
static void
test_classes(void **state)
{
	static struct probe_recent recent;
	const struct probe_recent *recents[] = {&recent};
	struct probe_summary s;

	(void)state;
	for (int c = 0; c < PROBE_CLASS_N; c++)
		add(&recent, (enum probe_class)c, 10, SEC);
	probe_recent_summary(recents, 1, SEC, &s);
	assert_int_equal(s.results, PROBE_CLASS_N);
	assert_int_equal(s.answered, 2);
	assert_int_equal(s.lost, 3);
	assert_int_equal(s.measured, 2);
	probe_recent_clear(&recent);
}

/* What a host's stall has touched is counted, and neither lost nor believed. */
static void
test_noise(void **state)
{
	static struct probe_recent recent;
	const struct probe_recent *recents[] = {&recent};
	struct probe_result r = {.class = PROBE_OK, .measured = true, .rtt_ns = 50};
	struct probe_summary s;

	(void)state;
	probe_recent_add(&recent, &r, SEC);
	r.rtt_ns = 5000;
	r.host_noise = PROBE_NOISE_RESPONDER;
	probe_recent_add(&recent, &r, SEC);
	r.stalled = true;
	probe_recent_add(&recent, &r, SEC);
	r = (struct probe_result){.class = PROBE_LOST, .host_noise = PROBE_NOISE_PROBER};
	probe_recent_add(&recent, &r, SEC);
	probe_recent_summary(recents, 1, SEC, &s);
	assert_int_equal(s.results, 4);
	assert_int_equal(s.answered, 2);
	assert_int_equal(s.lost, 0);
	assert_int_equal(s.noise, 3);
	assert_int_equal(s.measured, 1);
	assert_int_equal(s.rtt_max_ns, 50);
	probe_recent_clear(&recent);
}

/* Within 1 % of what was put in, whatever its magnitude. */
static void
test_precision(void **state)
{
	(void)state;
	for (uint64_t rtt = 1; rtt < 200 * SEC; rtt += rtt / 3 + 1) {
		struct probe_recent recent = {0};
		const struct probe_recent *recents[] = {&recent};
		struct probe_summary s;

		add(&recent, PROBE_OK, rtt, SEC);
		probe_recent_summary(recents, 1, SEC, &s);
		assert_true(100 * (s.rtt_p50_ns > rtt ? s.rtt_p50_ns - rtt : rtt - s.rtt_p50_ns) <=
			    rtt);
		probe_recent_clear(&recent);
	}
}

/* A sample counts up to the very end of the span, and the oldest ones make room. */
static void
test_span_and_ring(void **state)
{
	static struct probe_recent recent;
	const struct probe_recent *recents[] = {&recent};
	struct probe_summary s;

	(void)state;
	for (uint64_t i = 0; i < PROBE_RECENT_N + 3; i++)
		add(&recent, PROBE_OK, i % 100 + 1, SEC + i * MS);
	probe_recent_summary(recents, 1, SEC + 1000 * MS, &s);
	assert_int_equal(s.results, PROBE_RECENT_N);
	assert_int_equal(s.span_ns, (1000 - 3) * MS);
	probe_recent_summary(recents, 1, SEC + (PROBE_RECENT_N + 1) * MS + PROBE_RECENT_SPAN_NS,
			     &s);
	assert_int_equal(s.results, 2);
	assert_int_equal(s.rtt_min_ns, (PROBE_RECENT_N + 1) % 100 + 1);
	assert_int_equal(s.rtt_max_ns, (PROBE_RECENT_N + 2) % 100 + 1);
	assert_true(s.span_ns == PROBE_RECENT_SPAN_NS);
	probe_recent_summary(recents, 1, SEC + (PROBE_RECENT_N + 3) * MS + PROBE_RECENT_SPAN_NS,
			     &s);
	assert_int_equal(s.results, 0);
	probe_recent_clear(&recent);
}

/*
 * Memory follows what comes in the span: one result a second takes room for as many as ten seconds
 * have.
 */
static void
test_room(void **state)
{
	static struct probe_recent recent;
	const struct probe_recent *recents[] = {&recent};
	struct probe_summary s;

	(void)state;
	for (uint64_t i = 0; i < 1000; i++) {
		add(&recent, PROBE_OK, i % 100, SEC + i * SEC);
		probe_recent_summary(recents, 1, SEC + i * SEC, &s);
		assert_int_equal(s.results, i < 11 ? i + 1 : 11);
		assert_int_equal(s.span_ns, (i < 10 ? i : 10) * SEC);
		assert_int_equal(s.rtt_max_ns, i % 100 < 10 && i > 99 ? 99 : i % 100);
	}
	assert_int_equal(recent.room, 16);
	/* After a pause longer than the span nothing old is left. */
	add(&recent, PROBE_OK, 5, 100000 * SEC);
	probe_recent_summary(recents, 1, 100000 * SEC, &s);
	assert_int_equal(s.results, 1);
	probe_recent_clear(&recent);
}

static void
test_several(void **state)
{
	static struct probe_recent a, b;
	const struct probe_recent *recents[] = {&a, &b};
	struct probe_summary s;

	(void)state;
	add(&a, PROBE_OK, 30, SEC);
	add(&a, PROBE_LOST, 0, SEC + 1 * MS);
	add(&b, PROBE_OK, 10, SEC + 2 * MS);
	add(&b, PROBE_LATE, 20, SEC + 3 * MS);
	probe_recent_summary(recents, 2, SEC + 10 * MS, &s);
	assert_int_equal(s.results, 4);
	assert_int_equal(s.answered, 3);
	assert_int_equal(s.lost, 1);
	assert_int_equal(s.rtt_min_ns, 10);
	assert_int_equal(s.rtt_p50_ns, 20);
	assert_int_equal(s.rtt_max_ns, 30);
	assert_int_equal(s.span_ns, 10 * MS);
	probe_recent_clear(&a);
	probe_recent_clear(&b);
}

static void
test_bucket(void **state)
{
	struct bucket_rate rate;
	struct bucket bucket = {0};
	uint64_t now = SEC;

	(void)state;
	bucket_rate_set(&rate, 100, 3);
	assert_int_equal(bucket_tokens(&bucket, &rate, now), 3);
	for (int i = 3; i > 0; i--) {
		assert_true(bucket_is_ready(&bucket, &rate, now));
		bucket_take(&bucket, &rate, now);
		assert_int_equal(bucket_tokens(&bucket, &rate, now), i - 1);
	}
	assert_false(bucket_is_ready(&bucket, &rate, now));
	assert_true(bucket_ready_ns(&bucket, &rate) == now + SEC / 100);
	assert_false(bucket_is_ready(&bucket, &rate, now + SEC / 100 - 1));
	assert_int_equal(bucket_tokens(&bucket, &rate, now + SEC / 100), 1);
	assert_int_equal(bucket_tokens(&bucket, &rate, now + SEC), 3);
	bucket_rate_set(&rate, 0, 3);
	assert_false(bucket_is_ready(&bucket, &rate, 100 * SEC));
	assert_int_equal(bucket_tokens(&bucket, &rate, 100 * SEC), 0);
	assert_true(bucket_ready_ns(&bucket, &rate) == UINT64_MAX);
}

#define NODES 500

/*
 * Random sets, moves and removals: the first is always the least, by comparison with a plain
 * search.
 */
static void
test_heap(void **state)
{
	static struct heap_node node[NODES];
	struct heap heap = {0};
	uint64_t seed = 1;

	(void)state;
	assert_int_equal(heap_reserve(&heap, NODES), 0);
	for (int step = 0; step < 20000; step++) {
		uint64_t least = UINT64_MAX;
		const struct heap_node *first;
		uint32_t n = 0;

		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		if (seed >> 62 == 0)
			heap_remove(&heap, &node[(seed >> 32 & 0x1ff) % NODES]);
		else
			heap_set(&heap, &node[(seed >> 32 & 0x1ff) % NODES], seed >> 8 & 0xffff);
		for (int i = 0; i < NODES; i++) {
			if (!node[i].position)
				continue;
			n++;
			if (node[i].key < least)
				least = node[i].key;
		}
		assert_int_equal(heap.n, n);
		first = heap_first(&heap);
		assert_int_equal(first ? first->key : UINT64_MAX, least);
	}
	heap_clear(&heap);
}

static void
test_rate(void **state)
{
	struct probe_rate rate = {0};

	(void)state;
	assert_int_equal(probe_rate_last(&rate, 0), 0);
	for (uint64_t ns = 10 * NSEC_PER_SEC; ns < 12 * NSEC_PER_SEC; ns += NSEC_PER_SEC / 4)
		probe_rate_add(&rate, ns);
	probe_rate_add(&rate, 12 * NSEC_PER_SEC);
	assert_int_equal(probe_rate_last(&rate, 12 * NSEC_PER_SEC), 4);
	assert_int_equal(probe_rate_last(&rate, 13 * NSEC_PER_SEC - 1), 4);
	assert_int_equal(probe_rate_last(&rate, 13 * NSEC_PER_SEC), 1);
	assert_int_equal(probe_rate_last(&rate, 14 * NSEC_PER_SEC), 0);
	/* A second without any lies between. */
	probe_rate_add(&rate, 14 * NSEC_PER_SEC);
	assert_int_equal(probe_rate_last(&rate, 14 * NSEC_PER_SEC), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_totals),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_ranks),
		cmocka_unit_test(test_few),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_precision),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_span_and_ring),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_bucket),
		cmocka_unit_test(test_heap),
		cmocka_unit_test(test_rate),
	};

	return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}

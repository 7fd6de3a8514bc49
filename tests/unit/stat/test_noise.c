/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/clock.h"
#include "stat/noise.h"

#define MS NSEC_PER_MSEC
#define US NSEC_PER_USEC
#define T0 (1000 * NSEC_PER_SEC)

static void
test_nothing(void **state)
{
	struct noise noise = {0};

	(void)state;
	assert_int_equal(noise_overlap_ns(&noise, 0, UINT64_MAX), 0);
	assert_int_equal(noise_threshold_ns(&noise), NOISE_STALL_MIN_NS);
	assert_true(noise_wants_waited(&noise, 0, T0));
}

/* What is as late as ever is no stall; what is far later is one, just where it was. */
static void
test_late(void **state)
{
	struct noise noise = {0};

	(void)state;
	for (uint64_t i = 0; i < 1000; i++)
		noise_woke(&noise, T0 + i * 10 * MS, T0 + i * 10 * MS + 60 * US);
	assert_int_equal(noise.stalls, 0);
	assert_in_range(noise.typical_ns, 55 * US, 65 * US);
	noise_woke(&noise, T0 + 20000 * MS, T0 + 20005 * MS);
	assert_int_equal(noise.stalls, 1);
	assert_int_equal(noise.longest_ns, 5 * MS);
	assert_int_equal(noise_overlap_ns(&noise, T0 + 20001 * MS, T0 + 20002 * MS), 5 * MS);
	assert_int_equal(noise_overlap_ns(&noise, T0 + 20005 * MS, T0 + 20006 * MS), 5 * MS);
	assert_int_equal(noise_overlap_ns(&noise, T0 + 19000 * MS, T0 + 20000 * MS), 5 * MS);
	assert_int_equal(noise_overlap_ns(&noise, T0 + 19000 * MS, T0 + 20000 * MS - 1), 0);
	assert_int_equal(noise_overlap_ns(&noise, T0 + 20005 * MS + 1, T0 + 20007 * MS), 0);
	/* Time that runs backwards is no stall. */
	noise_woke(&noise, T0 + 30000 * MS, T0 + 29000 * MS);
	assert_int_equal(noise.stalls, 1);
}

/*
 * On a host that is always late by milliseconds only what is far later counts, but 20 ms counts
 * everywhere.
 */
static void
test_typical(void **state)
{
	struct noise noise = {0};
	uint64_t t = T0;

	(void)state;
	srand(1);
	for (int i = 0; i < 3000; i++, t += 10 * MS)
		noise_woke(&noise, t, t + MS + (uint64_t)(rand() % 1000) * US);
	assert_in_range(noise.typical_ns, 1400 * US, 1600 * US);
	assert_in_range(noise_threshold_ns(&noise), 14 * MS, 16 * MS);
	noise.stalls = 0;
	for (int i = 0; i < 1000; i++, t += 10 * MS)
		noise_woke(&noise, t, t + MS + (uint64_t)(rand() % 1000) * US);
	assert_int_equal(noise.stalls, 0);
	for (int i = 0; i < 20000; i++, t += 100 * MS)
		noise_woke(&noise, t, t + 30 * MS);
	assert_int_equal(noise_threshold_ns(&noise), NOISE_STALL_MAX_NS);
	assert_true(noise.stalls >= 20000);
}

/* A minute of load hardly moves what is typical: stalls in one of five wake-ups are all seen. */
static void
test_load(void **state)
{
	struct noise noise = {0};
	uint64_t t = T0;

	(void)state;
	for (int i = 0; i < 1000; i++, t += 10 * MS)
		noise_woke(&noise, t, t + 60 * US);
	for (int i = 0; i < 6000; i++, t += 10 * MS)
		noise_woke(&noise, t, t + (i % 5 ? 60 * US : 4 * MS));
	assert_int_equal(noise.stalls, 1200);
	assert_int_equal(noise.stalled_ns, 1200 * 4 * MS);
}

/* Told again and again while it lasts, it is one stall. */
static void
test_waiting(void **state)
{
	struct noise noise = {0};

	(void)state;
	for (uint64_t late = 0; late < 50; late++)
		noise_waiting(&noise, T0, T0 + late * MS);
	noise_woke(&noise, T0, T0 + 50 * MS);
	assert_int_equal(noise.stalls, 1);
	assert_int_equal(noise.stalled_ns, 50 * MS);
	assert_int_equal(noise.longest_ns, 50 * MS);
	assert_int_equal(noise_overlap_ns(&noise, T0 + 10 * MS, T0 + 11 * MS), 50 * MS);
}

/* A wake-up by an event, after which the kernel is asked how long the process has waited so far. */
static void
waited(struct noise *noise, uint64_t total_ns, uint64_t now_ns)
{
	noise_wants_waited(noise, 0, now_ns);
	noise_waited(noise, total_ns, now_ns);
}

static void
test_waited(void **state)
{
	struct noise noise = {0};

	(void)state;
	/* What was before the first call is not known. */
	waited(&noise, 700 * MS, T0);
	assert_int_equal(noise.stalls, 0);
	waited(&noise, 700 * MS + 900 * US, T0 + 100 * MS);
	assert_int_equal(noise.stalls, 0);
	waited(&noise, 708 * MS + 900 * US, T0 + 200 * MS);
	assert_int_equal(noise.stalls, 1);
	assert_int_equal(noise_overlap_ns(&noise, T0 + 192 * MS, T0 + 192 * MS), 8 * MS);
	assert_int_equal(noise_overlap_ns(&noise, T0, T0 + 192 * MS - 1), 0);
	/* More than has passed cannot be: only what has. */
	waited(&noise, 900 * MS, T0 + 210 * MS);
	assert_int_equal(noise_overlap_ns(&noise, T0 + 205 * MS, T0 + 206 * MS), 18 * MS);
	assert_int_equal(noise.stalls, 1);
	/* A counter that falls back is a new base. */
	waited(&noise, 1 * MS, T0 + 300 * MS);
	waited(&noise, 6 * MS, T0 + 400 * MS);
	assert_int_equal(noise.stalls, 2);
}

/* What wake-ups have waited that measure nothing, in many small pieces, is no stall. */
static void
test_waited_elsewhere(void **state)
{
	struct noise noise = {0};
	uint64_t t = T0;

	(void)state;
	waited(&noise, 0, t);
	for (int i = 0; i < 20; i++) {
		t += 100 * MS;
		noise_wants_waited(&noise, t - 30 * US, t); /* a timer, 30 us late */
	}
	noise_waited(&noise, 20 * MS, t);
	assert_int_equal(noise.stalls, 0);
	/* A real one is as long as the wake-up is late. */
	t += 100 * MS;
	noise_wants_waited(&noise, t - 20 * MS, t);
	noise_waited(&noise, 40 * MS, t);
	assert_int_equal(noise.stalls, 1);
	assert_int_equal(noise_overlap_ns(&noise, t, t), 20 * MS);
}

/*
 * What sleeps until its timer does not wait, so there is nothing to ask for; what was called by an
 * event may have waited all the time. Threshold: 1 ms.
 */
static void
test_wants_waited(void **state)
{
	struct noise noise = {0};
	uint64_t t = T0;

	(void)state;
	assert_true(noise_wants_waited(&noise, 0, t));
	noise_waited(&noise, 0, t);
	/* Ten times: a timer is 40 us late, an answer comes after 9 us. In all 490 us. */
	for (int i = 0; i < 10; i++) {
		t += 100 * MS;
		assert_false(noise_wants_waited(&noise, t, t + 40 * US));
		assert_false(noise_wants_waited(&noise, 0, t + 49 * US));
	}
	assert_true(noise_wants_waited(&noise, 0, t + 59 * US));
	/* It is asked for until it is known. */
	assert_true(noise_wants_waited(&noise, t + 100 * MS, t + 100 * MS));
	noise_waited(&noise, 0, t + 100 * MS);
	assert_false(noise_wants_waited(&noise, t + 200 * MS, t + 200 * MS + 499 * US));
	noise_waited(&noise, 0, t + 300 * MS);
	/* An event after a long sleep may have been there all the time. */
	assert_true(noise_wants_waited(&noise, 0, t + 400 * MS));
}

/* Many stalls: the last ones are known, queries agree with a plain list of them. */
static void
test_many(void **state)
{
	struct noise noise = {0};
	static uint64_t from[1000], to[1000];
	uint64_t t = T0;

	(void)state;
	srand(2);
	for (int i = 0; i < 1000; i++) {
		from[i] = t + 1 + (uint64_t)(rand() % 50) * MS;
		to[i] = from[i] + (uint64_t)(1 + rand() % 30) * MS;
		t = to[i];
		noise_waiting(&noise, from[i], to[i]);
	}
	for (int q = 0; q < 2000; q++) {
		uint64_t begin = from[1000 - NOISE_STALLS] + (uint64_t)(rand() % 3000) * MS;
		uint64_t end = begin + (uint64_t)(rand() % 100) * MS, longest = 0;

		for (int i = 1000 - NOISE_STALLS; i < 1000; i++) {
			if (from[i] <= end && to[i] >= begin && to[i] - from[i] > longest)
				longest = to[i] - from[i];
		}
		assert_int_equal(noise_overlap_ns(&noise, begin, end), longest);
	}
	assert_int_equal(noise.stalls, 1000);
	/* One that covers them all makes them one. */
	noise_waiting(&noise, T0, t + MS);
	assert_int_equal(noise.n, 1);
	assert_int_equal(noise_overlap_ns(&noise, 0, UINT64_MAX), t + MS - T0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing), cmocka_unit_test(test_late),
		cmocka_unit_test(test_typical), cmocka_unit_test(test_load),
		cmocka_unit_test(test_waiting), cmocka_unit_test(test_waited),
		cmocka_unit_test(test_waited_elsewhere),
		cmocka_unit_test(test_wants_waited),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

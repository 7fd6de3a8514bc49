/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The RNIC's clock: its arithmetic against 128-bit integers, wraps, bounds, and when it is
 * believed. The random cases play a counter of which the true time is known, and a host that reads
 * it late.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/clock.h"
#include "core/hwclock.h"

#define MS NSEC_PER_MSEC
#define SEC NSEC_PER_SEC

__extension__ typedef unsigned __int128 wide;

static uint64_t
random_next(uint64_t *seed)
{
	/* splitmix64 (Steele, Lea, Flood 2014) */
	uint64_t z = (*seed += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* Of any magnitude. */
static uint64_t
random_any(uint64_t *seed)
{
	return random_next(seed) >> (random_next(seed) % 64);
}

static uint64_t
narrow(wide w)
{
	return w > UINT64_MAX ? UINT64_MAX : (uint64_t)w;
}

static void
test_scale(void **state)
{
	uint64_t seed = 1;

	(void)state;
	assert_true(hwclock_ticks_to_ns(156250, 156250) == MS);
	assert_true(hwclock_ticks_to_ns(1, 156250) == 6); /* 6.4 */
	assert_true(hwclock_ticks_to_ns(UINT64_MAX, 1000000) == UINT64_MAX);
	assert_true(hwclock_ticks_to_ns(UINT64_MAX, 1) == UINT64_MAX);
	assert_true(hwclock_ns_to_ticks(SEC, 156250) == 156250000);
	assert_true(hwclock_ns_to_ticks(UINT64_MAX, HWCLOCK_KHZ_MAX) == UINT64_MAX);
	for (int i = 0; i < 200000; i++) {
		uint64_t n = random_any(&seed), khz = 1 + random_any(&seed) % HWCLOCK_KHZ_MAX;

		assert_true(hwclock_ticks_to_ns(n, khz) == narrow((wide)n * MS / khz));
		assert_true(hwclock_ns_to_ticks(n, khz) == narrow((wide)n * khz / MS));
	}
}

static void
test_set(void **state)
{
	static const struct {
		uint64_t khz, mask;
		int err;
		uint64_t wrap_ns;
	} cases[] = {
		{156250, UINT64_MAX, 0, 0},
		{1000000, UINT64_MAX, 0, 0},
		{1000000, UINT32_MAX, 0, 4294967296},
		{250000, (1ULL << 48) - 1, 0, 1125899906842624},
		{1, (1ULL << 63) - 1, 0, 0},
		{1000000, 1, 0, 2},
		{0, UINT64_MAX, -EINVAL, 0},
		{HWCLOCK_KHZ_MAX, UINT32_MAX, 0, 4294967},
		{HWCLOCK_KHZ_MAX + 1, UINT32_MAX, -EINVAL, 0},
		{1000000, 0, -EINVAL, 0},
		{1000000, 0xff00, -EINVAL, 0},
		{1000000, 0xfffffffe, -EINVAL, 0},
	};
	struct hwclock clock;

	(void)state;
	hwclock_init(&clock, "fake", "not asked yet");
	assert_false(hwclock_is_used(&clock));
	assert_false(hwclock_is_used(NULL));
	assert_string_equal(clock.reason, "not asked yet");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(hwclock_set(&clock, cases[i].khz, cases[i].mask), cases[i].err);
		assert_int_equal(hwclock_is_used(&clock), cases[i].err == 0);
		assert_int_equal(clock.reason == NULL, cases[i].err == 0);
		assert_true(hwclock_wrap_ns(&clock) == cases[i].wrap_ns);
	}
	for (int s = 0; s < HWCLOCK_STATE_N; s++)
		assert_string_not_equal(hwclock_state_name((enum hwclock_state)s), "?");
	assert_string_equal(hwclock_state_name(HWCLOCK_STATE_N), "?");
}

/* A difference of `ticks`, the software's measure being exact within error_ns. */
static bool
measure(struct hwclock *clock, uint64_t ticks, uint64_t near_ns, uint64_t error_ns,
	struct hwclock_elapsed *out)
{
	struct hwclock_moment from = {.ns = 10 * SEC, .ticks = 12345, .stamped = true};
	struct hwclock_moment to = {.ns = 10 * SEC + near_ns,
				    .ticks = (12345 + ticks) & clock->mask,
				    .stamped = true};
	struct hwclock_bounds bounds = {.max_ns = near_ns + error_ns,
					.near_ns = near_ns,
					.error_ns = error_ns};

	return hwclock_elapsed(clock, &from, &to, &bounds, out);
}

static void
test_bounds(void **state)
{
	struct hwclock_elapsed e;
	struct hwclock clock;

	(void)state;
	hwclock_init(&clock, "fake", NULL);
	assert_false(measure(&clock, 5, 1 * MS, 0, &e));
	assert_int_equal(hwclock_set(&clock, 500000, UINT64_MAX), 0);
	assert_true(measure(&clock, 500, 1 * MS, 100, &e));
	assert_true(e.ns == 1000 && e.error_ns == 4 + 1);
	assert_true(measure(&clock, 0, 1 * MS, 100, &e));
	assert_true(e.ns == 0);
	/* 1 ms and 100 ns, 1000 ppm and 10 us more: 1,011,101 ns, 505,550 ticks, and two. */
	assert_true(measure(&clock, 505552, 1 * MS, 100, &e));
	assert_true(e.ns == 1011104 && e.error_ns == 111 + 4 + 1);
	assert_int_equal(clock.rejected, 0);
	assert_false(measure(&clock, 505553, 1 * MS, 100, &e));
	assert_false(measure(&clock, (uint64_t)-1, 1 * MS, 100, &e));
	assert_true(clock.accepted == 3 && clock.rejected == 2);
	/* The lower bound: 2 ms less 1000 ppm and 10 us: 1,988,000 ns, 994,000 ticks, less two. */
	{
		struct hwclock_moment from = {.stamped = true},
				      to = {.ticks = 993998, .stamped = true};
		struct hwclock_bounds b = {.min_ns = 2 * MS, .max_ns = 5 * MS, .near_ns = 3 * MS};

		assert_true(hwclock_elapsed(&clock, &from, &to, &b, &e));
		to.ticks--;
		assert_false(hwclock_elapsed(&clock, &from, &to, &b, &e));
		/* No stamp, no judgement. */
		to.stamped = false;
		assert_false(hwclock_elapsed(&clock, &from, &to, &b, &e));
		assert_true(clock.accepted == 4 && clock.rejected == 3);
	}
	/* Nothing overflows. */
	{
		struct hwclock_moment from = {.stamped = true},
				      to = {.ticks = UINT64_MAX, .stamped = true};
		struct hwclock_bounds b = {.max_ns = UINT64_MAX,
					   .near_ns = UINT64_MAX,
					   .error_ns = UINT64_MAX};

		assert_int_equal(hwclock_set(&clock, 1000000, UINT64_MAX), 0);
		assert_true(hwclock_elapsed(&clock, &from, &to, &b, &e));
		assert_true(e.ns == UINT64_MAX);
	}
}

static void
test_wraps(void **state)
{
	struct hwclock_elapsed e;
	struct hwclock clock;

	(void)state;
	hwclock_init(&clock, "fake", NULL);
	/* 1 us a tick, 1.024 ms a round. */
	assert_int_equal(hwclock_set(&clock, 1000, 1023), 0);
	for (uint64_t us = 0; us < 100000; us += 37) {
		assert_true(measure(&clock, us, us * 1000 + (us >= 300 ? (us % 7 - 3) * 100000 : 0),
				    400000, &e));
		assert_true(e.ns == us * 1000);
	}
	assert_int_equal(clock.rejected, 0);
	/* Half a round of doubt to either side: there are two. That is no jump. */
	for (int i = 0; i < 100; i++)
		assert_false(measure(&clock, 50512, 50 * MS, 520000, &e));
	assert_int_equal(clock.rejected, 100);
	assert_true(hwclock_is_used(&clock));
	/*
	 * Widened by 50 us and 10 us: 492 us with the two ticks, and the other one is 624 us away.
	 */
	assert_true(measure(&clock, 50400, 50 * MS, 430000, &e));
	assert_true(e.ns == 50400000);
	/* It cannot be the nearest one, which is longer than possible: the one before. */
	{
		struct hwclock_moment from = {.stamped = true},
				      to = {.ticks = 1000, .stamped = true};
		struct hwclock_bounds b = {.max_ns = 1900000, .near_ns = 1900000};

		assert_true(hwclock_elapsed(&clock, &from, &to, &b, &e));
		assert_true(e.ns == 1000000);
		b = (struct hwclock_bounds){.min_ns = 1100000,
					    .max_ns = 10 * MS,
					    .near_ns = 1100000};
		assert_true(hwclock_elapsed(&clock, &from, &to, &b, &e));
		assert_true(e.ns == 2024000);
		/* None is: 1000 and 2024 us lie outside. */
		b = (struct hwclock_bounds){.min_ns = 1100000,
					    .max_ns = 1900000,
					    .near_ns = 1500000};
		assert_false(hwclock_elapsed(&clock, &from, &to, &b, &e));
	}
}

static void
test_trust(void **state)
{
	struct hwclock_elapsed e;
	struct hwclock clock;
	uint64_t at = 100 * SEC, pause = HWCLOCK_PAUSE_MIN_NS;
	struct hwclock_moment from = {.ticks = 1000, .stamped = true},
			      good = {.ticks = 2000, .stamped = true}, bad = {.stamped = true};
	struct hwclock_bounds b = {.max_ns = 1 * MS, .near_ns = 1 * MS};

	(void)state;
	hwclock_init(&clock, "fake", NULL);
	assert_int_equal(hwclock_set(&clock, 1000000, UINT64_MAX), 0);
	good.ns = bad.ns = at;
	/* One in four is bad: it stays. */
	for (int i = 0; i < 4000; i++)
		assert_int_equal(hwclock_elapsed(&clock, &from, i % 4 ? &good : &bad, &b, &e),
				 i % 4 != 0);
	assert_int_equal(clock.state, HWCLOCK_TRUSTED);
	assert_true(clock.accepted == 3000 && clock.rejected == 1000);
	/* One in two: not for long. */
	for (int i = 0; i < 100; i++)
		hwclock_elapsed(&clock, &from, i % 2 ? &good : &bad, &b, &e);
	assert_int_equal(clock.state, HWCLOCK_DISTRUSTED);
	assert_false(hwclock_is_used(&clock));
	assert_non_null(clock.reason);
	/*
	 * During a pause nothing is looked at; then one is enough to be left alone for twice as
	 * long.
	 */
	for (int i = 0; i < 12; i++) {
		uint64_t accepted = clock.accepted, rejected = clock.rejected;

		assert_true(clock.retry_ns == at + pause);
		good.ns = at + pause - 1;
		assert_false(hwclock_elapsed(&clock, &from, &good, &b, &e));
		assert_true(clock.accepted == accepted && clock.rejected == rejected);
		bad.ns = at = at + pause;
		assert_false(hwclock_elapsed(&clock, &from, &bad, &b, &e));
		assert_int_equal(clock.state, HWCLOCK_DISTRUSTED);
		pause = 2 * pause < HWCLOCK_PAUSE_MAX_NS ? 2 * pause : HWCLOCK_PAUSE_MAX_NS;
	}
	assert_true(pause == HWCLOCK_PAUSE_MAX_NS);
	/* And one to be believed again, from the beginning. */
	good.ns = bad.ns = at + pause;
	assert_true(hwclock_elapsed(&clock, &from, &good, &b, &e));
	assert_int_equal(clock.state, HWCLOCK_TRUSTED);
	assert_true(hwclock_is_used(&clock));
	assert_null(clock.reason);
	for (int i = 0; i < 15; i++)
		assert_false(hwclock_elapsed(&clock, &from, &bad, &b, &e));
	assert_int_equal(clock.state, HWCLOCK_TRUSTED);
	assert_false(hwclock_elapsed(&clock, &from, &bad, &b, &e));
	assert_int_equal(clock.state, HWCLOCK_DISTRUSTED);
	hwclock_clear(&clock, "gone");
	assert_int_equal(clock.state, HWCLOCK_ABSENT);
	assert_string_equal(clock.reason, "gone");
}

/*
 * A counter of random frequency, drift, width and start, and a host that stamps around it with
 * random lateness. What is accepted must be the true time within its error; what is within the
 * doubt of half a wrap must be accepted.
 */
static void
test_random(void **state)
{
	uint64_t seed = 7, accepted = 0, wrapped = 0;

	(void)state;
	for (int i = 0; i < 300000; i++) {
		unsigned int bits = 8 + (unsigned int)(random_next(&seed) % 57);
		uint64_t khz = 1000 + random_next(&seed) % 1000000,
			 mask = bits == 64 ? UINT64_MAX : (1ULL << bits) - 1;
		uint64_t start = random_next(&seed), true_ns = random_any(&seed) % (60 * SEC);
		int64_t ppm = (int64_t)(random_next(&seed) % 201) - 100;
		uint64_t error = random_any(&seed) % (100 * MS);
		wide ran_ns = (wide)true_ns * (wide)(1000000 + ppm) / 1000000;
		struct hwclock_moment from = {.ns = 1000 * SEC,
					      .ticks = start & mask,
					      .stamped = true},
				      to = from;
		struct hwclock_bounds b = {.max_ns = true_ns + error, .error_ns = error};
		struct hwclock_elapsed e;
		struct hwclock clock;
		uint64_t wrap_ns, off;

		hwclock_init(&clock, "fake", NULL);
		clock.state = HWCLOCK_TRUSTED; /* no log line each */
		clock.khz = khz;
		clock.mask = mask;
		b.near_ns = true_ns + random_next(&seed) % (error + 1);
		to.ticks = (uint64_t)((wide)start + ran_ns * khz / MS) & mask;
		wrap_ns = hwclock_wrap_ns(&clock);
		if (!hwclock_elapsed(&clock, &from, &to, &b, &e)) {
			/* Only if there was another one within the software's doubt. */
			assert_true(wrap_ns != 0 &&
				    wrap_ns <=
					    2 * (error + (true_ns + error) / 1000 + 10000) + 4000);
			continue;
		}
		off = e.ns > true_ns ? e.ns - true_ns : true_ns - e.ns;
		assert_true(off <= e.error_ns + 1);
		accepted++;
		wrapped += wrap_ns != 0 && wrap_ns < true_ns;
	}
	assert_in_range(accepted, 200000, 300000);
	assert_in_range(wrapped, 10000, 300000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scale),  cmocka_unit_test(test_set),
		cmocka_unit_test(test_bounds), cmocka_unit_test(test_wraps),
		cmocka_unit_test(test_trust),  cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("hwclock", tests, NULL, NULL);
}

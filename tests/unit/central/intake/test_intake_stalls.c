/* SPDX-License-Identifier: Apache-2.0 */
/* In which minutes a host has stalled, when all that is known is how long, some time before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "central/intake/intake_stalls.h"

#define S 1000000000ULL
#define HOUR 7200 /* a time in seconds at which a minute begins */

static struct intake_stalls stalls;

static int
setup(void **state)
{
	(void)state;
	memset(&stalls, 0, sizeof(stalls));
	return 0;
}

static void
add(uint32_t seconds, uint64_t at_s)
{
	intake_stalls_add(&stalls, seconds, at_s * S);
}

/* Of the minute that begins so many minutes after HOUR. */
static uint32_t
minute(int n)
{
	return intake_stalls_sum(&stalls, (uint64_t)(HOUR + 60 * n) * S,
				 (uint64_t)(HOUR + 60 * n + 60) * S);
}

static void
test_short(void **state)
{
	(void)state;
	add(1, HOUR + 30);
	add(2, HOUR + 40);
	assert_int_equal(minute(0), 3);
	assert_int_equal(minute(-1), 0);
	add(1, HOUR + 62); /* within the last five seconds, which began in the minute before */
	assert_int_equal(minute(1), 1);
	assert_int_equal(minute(0), 4);
	assert_int_equal(intake_stalls_sum(&stalls, HOUR * S, (HOUR + 61) * S), 5);
	assert_int_equal(intake_stalls_sum(&stalls, (HOUR + 120) * S, (HOUR + 240) * S), 0);
}

/* A host that has stood still for three minutes says so when it goes on. */
static void
test_long(void **state)
{
	(void)state;
	add(180, HOUR + 29);
	assert_int_equal(minute(0), 30);
	assert_int_equal(minute(-1), 60);
	assert_int_equal(minute(-2), 60);
	assert_in_range(minute(-3), 30, 40);
	assert_int_equal(minute(-4), 0);
}

/* What is older than an hour is forgotten; longer than an hour nothing counts. */
static void
test_bounds(void **state)
{
	(void)state;
	add(5, HOUR + 30);
	add(1, HOUR + 30 + 63 * 60);
	assert_int_equal(minute(0), 5);
	add(1, HOUR + 30 + 64 * 60);
	assert_int_equal(minute(0), 0);
	assert_int_equal(minute(63), 1);
	add(UINT32_MAX, HOUR + 30 + 64 * 60);
	for (int i = 1; i < 64; i++)
		assert_int_equal(minute(i), 60);
	assert_int_equal(minute(65), 0);
	add(1, HOUR + 30 + 1000 * 60);
	assert_int_equal(intake_stalls_sum(&stalls, 0, (HOUR + 2000 * 60) * S), 1);
	/* Nothing is before the clock began. */
	setup(NULL);
	add(4000, 10);
	assert_int_equal(intake_stalls_sum(&stalls, 0, 60 * S), 11);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_short, setup),
		cmocka_unit_test_setup(test_long, setup),
		cmocka_unit_test_setup(test_bounds, setup),
	};

	return cmocka_run_group_tests_name("intake_stalls", tests, NULL, NULL);
}

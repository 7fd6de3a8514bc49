/* SPDX-License-Identifier: Apache-2.0 */
/* Each window has its turn, whatever a window costs, and none waits for long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "central/judge/judge_pace.h"
#include "core/clock.h"

#define BEGIN (1000 * NSEC_PER_SEC)
#define HOUR (3600 * NSEC_PER_SEC)

/* Judges for an hour: how often each window was judged, if one takes so long, with the rest. */
static void
judge(uint64_t takes_ns, unsigned int n[INTAKE_WINDOWS], uint64_t latest_ns[INTAKE_WINDOWS])
{
	uint64_t begun_ns[INTAKE_WINDOWS] = {0};

	for (uint64_t now_ns = BEGIN; now_ns < BEGIN + HOUR; now_ns += takes_ns) {
		enum intake_window w = judge_pace_next(begun_ns, now_ns > BEGIN, now_ns);

		if (begun_ns[w] && now_ns - begun_ns[w] > latest_ns[w])
			latest_ns[w] = now_ns - begun_ns[w];
		begun_ns[w] = now_ns;
		n[w]++;
	}
}

static void
test_cheap(void **state)
{
	unsigned int n[INTAKE_WINDOWS] = {0};
	uint64_t latest_ns[INTAKE_WINDOWS] = {0};

	(void)state;
	judge(NSEC_PER_SEC, n, latest_ns);
	assert_true(latest_ns[INTAKE_SHORT] <= 2 * NSEC_PER_SEC);
	assert_true(latest_ns[INTAKE_MIDDLE] <= 12 * NSEC_PER_SEC);
	assert_true(latest_ns[INTAKE_LONG] <= 62 * NSEC_PER_SEC);
	assert_in_range(n[INTAKE_MIDDLE], 320, 361);
	assert_in_range(n[INTAKE_LONG], 57, 61);
}

/* The longer ones are always due. */
static void
test_dear(void **state)
{
	(void)state;
	for (uint64_t s = 5; s <= 120; s += 5) {
		unsigned int n[INTAKE_WINDOWS] = {0};
		uint64_t latest_ns[INTAKE_WINDOWS] = {0};

		judge(s * NSEC_PER_SEC, n, latest_ns);
		assert_true(latest_ns[INTAKE_SHORT] <= 2 * s * NSEC_PER_SEC);
		assert_true(latest_ns[INTAKE_MIDDLE] <= (10 + 4 * s) * NSEC_PER_SEC);
		assert_true(latest_ns[INTAKE_LONG] <= (60 + 16 * s) * NSEC_PER_SEC);
		assert_true(n[INTAKE_MIDDLE] > 0 && n[INTAKE_LONG] > 0);
	}
}

static void
test_first(void **state)
{
	const uint64_t begun_ns[INTAKE_WINDOWS] = {0};

	(void)state;
	assert_int_equal(judge_pace_next(begun_ns, false, BEGIN), INTAKE_SHORT);
	assert_int_equal(judge_pace_next(begun_ns, true, BEGIN), INTAKE_MIDDLE);
}

static void
test_rest(void **state)
{
	(void)state;
	assert_int_equal(judge_pace_rest_ns(0), NSEC_PER_SEC);
	assert_int_equal(judge_pace_rest_ns(NSEC_PER_SEC / 10), NSEC_PER_SEC);
	assert_int_equal(judge_pace_rest_ns(2 * NSEC_PER_SEC), 6 * NSEC_PER_SEC);
	assert_int_equal(judge_pace_rest_ns(78 * NSEC_PER_SEC), 10 * NSEC_PER_SEC);
	assert_int_equal(judge_pace_rest_ns(UINT64_MAX), 10 * NSEC_PER_SEC);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cheap),
		cmocka_unit_test(test_dear),
		cmocka_unit_test(test_first),
		cmocka_unit_test(test_rest),
	};

	return cmocka_run_group_tests_name("judge_pace", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sequential test against Wald's bounds, by simulation. Seeds are fixed, so what passes once
 * passes always; the allowances (4 standard deviations) say how far from chance the bound may be.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "stat/sequential.h"

static uint64_t seed;

/* Uniform in (0, 1). */
static double
next_uniform(void)
{
	uint64_t z = seed += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return ((double)((z ^ (z >> 31)) >> 11) + 0.5) / 9007199254740992.0;
}

/* One whole test at the true rate p: its verdict, and how many trials it took. */
static enum sequential_verdict
run_one(const struct sequential_params *params, double p, uint64_t *n)
{
	struct sequential s = {0};

	while (s.tests == 0)
		sequential_add(&s, params, next_uniform() < p, 0);
	*n = s.decided_n;
	return s.verdict;
}

static void
test_names_and_params(void **state)
{
	struct sequential_params params = {.p0 = 42};

	(void)state;
	assert_string_equal(sequential_verdict_name(SEQUENTIAL_NONE), "none");
	assert_string_equal(sequential_verdict_name(SEQUENTIAL_CLEAN), "clean");
	assert_string_equal(sequential_verdict_name(SEQUENTIAL_LOSSY), "lossy");
	assert_string_equal(sequential_verdict_name(SEQUENTIAL_VERDICT_N), "?");
	assert_false(sequential_params_init(&params, 0, 0.1, 0.1, 0.1));
	assert_false(sequential_params_init(&params, 0.1, 0.1, 0.1, 0.1));
	assert_false(sequential_params_init(&params, 0.1, 1, 0.1, 0.1));
	assert_false(sequential_params_init(&params, 0.1, 0.2, 0, 0.1));
	assert_false(sequential_params_init(&params, 0.1, 0.2, 0.5, 0.5));
	assert_false(sequential_params_init(&params, NAN, 0.2, 0.1, 0.1));
	assert_true(params.p0 == 42);
	assert_true(sequential_params_init(&params, 0.1, 0.2, 0.1, 0.1));
	assert_true(params.p0 == 0.1);
}

/* What the header says of the default. */
static void
test_default(void **state)
{
	const struct sequential_params *params = sequential_default();
	struct sequential s = {0};
	uint64_t n = 0;

	(void)state;
	assert_false(sequential_add(&s, params, true, 1));
	assert_false(sequential_add(&s, params, true, 2));
	assert_int_equal(s.verdict, SEQUENTIAL_NONE);
	assert_true(sequential_add(&s, params, true, 3));
	assert_int_equal(s.verdict, SEQUENTIAL_LOSSY);
	assert_int_equal(s.since_ns, 3);
	assert_int_equal(s.decided_n, 3);
	assert_int_equal(s.decided_lost, 3);
	assert_int_equal(s.n, 0);
	while (s.verdict == SEQUENTIAL_LOSSY)
		sequential_add(&s, params, false, 4 + n++);
	assert_in_range(n, 6900, 7000);
	assert_int_equal(s.verdict, SEQUENTIAL_CLEAN);
	assert_int_equal(s.since_ns, 3 + n);
	/* A second clean test changes nothing but the evidence. */
	while (s.tests < 3)
		assert_false(sequential_add(&s, params, false, 100000));
	assert_int_equal(s.since_ns, 3 + n);
	assert_int_equal(s.decided_ns, 100000);
}

/*
 * One loss in a thousand, evenly: no window of a few hundred sees it, the test does within 5,000.
 */
static void
test_low_rate(void **state)
{
	struct sequential s = {0};
	uint64_t n = 0;

	(void)state;
	while (s.verdict == SEQUENTIAL_NONE && n < 100000) {
		n++;
		sequential_add(&s, sequential_default(), n % 1000 == 500, n);
	}
	assert_int_equal(s.verdict, SEQUENTIAL_LOSSY);
	assert_in_range(n, 2500, 5000);
}

/* How often, of tests at a rate, the wrong verdict comes: not more than Wald's bound. */
static void
check_errors(const struct sequential_params *params, uint32_t tests)
{
	double false_bound = params->alpha / (1 - params->beta),
	       missed_bound = params->beta / (1 - params->alpha);
	uint32_t false_alarms = 0, missed = 0;
	uint64_t n;

	for (uint32_t i = 0; i < tests; i++) {
		false_alarms += run_one(params, params->p0, &n) == SEQUENTIAL_LOSSY;
		missed += run_one(params, params->p1, &n) == SEQUENTIAL_CLEAN;
	}
	assert_true(false_alarms <= tests * false_bound + 4 * sqrt(tests * false_bound));
	assert_true(missed <= tests * missed_bound + 4 * sqrt(tests * missed_bound));
	/*
	 * And not idle: the bounds are within a factor of the truth, which overshoots by one loss
	 * at most.
	 */
	assert_true(false_alarms > 0 && missed > 0);
}

static void
test_errors(void **state)
{
	struct sequential_params params;

	(void)state;
	seed = 1;
	assert_true(sequential_params_init(&params, 0.01, 0.05, 0.05, 0.05));
	check_errors(&params, 10000);
	assert_true(sequential_params_init(&params, 0.001, 0.01, 0.01, 0.02));
	check_errors(&params, 5000);
	assert_true(sequential_params_init(&params, 0.2, 0.5, 0.02, 0.1));
	check_errors(&params, 20000);
}

/*
 * The mean number of trials: Wald's equation gives E[n] E[step] = E[ratio at the end], which is at
 * least the bound that it ended at and passes it by one loss (upwards) or one answer (downwards) at
 * most.
 */
static void
check_delay(const struct sequential_params *params, double p, uint32_t tests)
{
	double step = p * params->loss + (1 - p) * params->answer, sum = 0, low, high, lossy = 0;
	uint64_t n;

	for (uint32_t i = 0; i < tests; i++) {
		lossy += run_one(params, p, &n) == SEQUENTIAL_LOSSY;
		sum += (double)n;
	}
	lossy /= tests;
	low = lossy * params->lossy + (1 - lossy) * (params->clean + params->answer);
	high = lossy * (params->lossy + params->loss) + (1 - lossy) * params->clean;
	/*
	 * 5 %: four standard deviations of the mean of so many tests, whose spread is about their
	 * mean.
	 */
	assert_true(sum / tests * step >= low - 0.05 * fabs(low));
	assert_true(sum / tests * step <= high + 0.05 * fabs(high));
}

static void
test_delay(void **state)
{
	struct sequential_params params;

	(void)state;
	seed = 2;
	assert_true(sequential_params_init(&params, 0.01, 0.05, 0.05, 0.05));
	check_delay(&params, params.p0, 8000);
	check_delay(&params, params.p1, 8000);
	check_delay(&params, 0.2, 8000);
	check_delay(sequential_default(), SEQUENTIAL_P1, 2000);
}

/*
 * The default at its own rates: no alarm in as many probes as a target of 100/s sends in 12 days;
 * found when it gets worse; found clean again.
 */
static void
test_change(void **state)
{
	const struct sequential_params *params = sequential_default();
	struct sequential s = {0};
	uint64_t n = 0, found, clean;

	(void)state;
	seed = 3;
	while (n < 100000000) {
		/* The next loss is geometrically far; what lies in between is answered. */
		uint64_t gap = (uint64_t)(log(next_uniform()) / log1p(-SEQUENTIAL_P0));

		for (uint64_t i = 0; i < gap && n < 100000000; i++)
			sequential_add(&s, params, false, ++n);
		sequential_add(&s, params, true, ++n);
		assert_true(s.verdict != SEQUENTIAL_LOSSY);
	}
	assert_int_equal(s.verdict, SEQUENTIAL_CLEAN);
	for (found = 0; s.verdict != SEQUENTIAL_LOSSY; found++)
		sequential_add(&s, params, next_uniform() < 0.003, n + found);
	/*
	 * 0.0128 a probe at that rate: 900 probes, after whatever the running test had gathered
	 * against it.
	 */
	assert_in_range(found, 100, 4000);
	for (clean = 0; s.verdict != SEQUENTIAL_CLEAN; clean++)
		sequential_add(&s, params, next_uniform() < SEQUENTIAL_P0, n + found + clean);
	assert_in_range(clean, 6900, 40000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_and_params),
		cmocka_unit_test(test_default),
		cmocka_unit_test(test_low_rate),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_delay),
		cmocka_unit_test(test_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interval against values computed elsewhere, against its definition, and by how often it
 * covers the truth.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stat/interval.h"

/*
 * By bisection on the binomial tail in Python's Decimal with 60 digits; 10 of 100 (0.0490, 0.1762)
 * and 0 of 10 (0, 0.3085) are also in the published tables.
 */
static const struct {
	uint64_t k, n;
	double level, low, high;
} known[] = {
	{0, 1, 0.95, 0, 0.975},
	{1, 1, 0.95, 0.025, 1},
	{0, 10, 0.95, 0, 0.308497107819},
	{1, 10, 0.95, 0.00252857854446, 0.445016117028},
	{3, 10, 0.95, 0.0667395111777, 0.65245285006},
	{5, 10, 0.95, 0.187086028447, 0.812913971553},
	{10, 10, 0.95, 0.691502892181, 1},
	{1, 100, 0.95, 0.000253146032977, 0.0544593853921},
	{10, 100, 0.95, 0.0490046892215, 0.17622259774},
	{2, 400, 0.99, 0.000259026848759, 0.0229747161284},
	{8, 400, 0.99, 0.00646365548058, 0.0458339457505},
	{60, 200, 0.99, 0.219698586984, 0.390083730472},
	{0, 1000, 0.95, 0, 0.00368208389687},
	{1, 1000, 0.95, 2.53174874913e-05, 0.00555892427983},
	{5, 1000, 0.9, 0.00197215314181, 0.0104840769114},
	{999, 1000, 0.95, 0.99444107572, 0.999974682513},
	{3, 20000, 0.999, 7.48553876418e-06, 0.000696510744415},
	{7, 300, 0.99, 0.00683644178237, 0.056152960341},
};

static void
assert_near(double got, double want)
{
	assert_true(fabs(got - want) <= 1e-6 * fabs(want));
}

static void
test_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct interval in;

		interval_proportion(known[i].k, known[i].n, known[i].level, &in);
		assert_near(in.low, known[i].low);
		assert_near(in.high, known[i].high);
		assert_near(in.ratio, (double)known[i].k / (double)known[i].n);
	}
}

static void
test_none(void **state)
{
	struct interval in;

	(void)state;
	interval_proportion(0, 0, INTERVAL_LEVEL, &in);
	assert_true(in.ratio == 0 && in.low == 0 && in.high == 1);
}

/* Probability of exactly k of n. */
static double
binomial(uint64_t k, uint64_t n, double p)
{
	return exp(lgamma((double)n + 1) - lgamma((double)k + 1) - lgamma((double)(n - k) + 1) +
		   (double)k * log(p) + (double)(n - k) * log1p(-p));
}

/*
 * The definition: at each end, the tail beyond what was counted is half of what is left of the
 * level.
 */
static void
check_definition(uint64_t k, uint64_t n, double level)
{
	double above = 0, below = 0, tail = (1 - level) / 2;
	struct interval in;

	interval_proportion(k, n, level, &in);
	assert_true(0 <= in.low && in.low <= in.ratio && in.ratio <= in.high && in.high <= 1);
	for (uint64_t i = k; k > 0 && i <= n; i++)
		above += binomial(i, n, in.low);
	for (uint64_t i = 0; k < n && i <= k; i++)
		below += binomial(i, n, in.high);
	if (k > 0 && k < n)
		assert_true(fabs(above - tail) < 1e-6 * tail);
	if (k > 0 && k < n)
		assert_true(fabs(below - tail) < 1e-6 * tail);
}

static void
test_definition(void **state)
{
	static const uint64_t trials[] = {1, 2, 7, 30, 150, 1500, 20000};

	(void)state;
	for (size_t i = 0; i < sizeof(trials) / sizeof(trials[0]); i++) {
		uint64_t n = trials[i];

		for (uint64_t k = 0; k <= n; k += n > 30 ? n / 30 : 1) {
			check_definition(k, n, 0.95);
			check_definition(k, n, 0.999999);
			check_definition(k, n, 0.5);
		}
		check_definition(1, n, 0.99);
	}
}

/*
 * Whatever the truth is, an interval covers it at least as often as it says: exactly, over all
 * outcomes.
 */
static void
test_coverage(void **state)
{
	static const double truths[] = {0.0001, 0.001, 0.01, 0.05, 0.1,
					0.3,	0.5,   0.77, 0.95, 0.999};
	static const uint64_t trials[] = {5, 40, 100, 700};

	(void)state;
	for (size_t t = 0; t < sizeof(trials) / sizeof(trials[0]); t++) {
		for (size_t p = 0; p < sizeof(truths) / sizeof(truths[0]); p++) {
			double covered = 0;

			for (uint64_t k = 0; k <= trials[t]; k++) {
				struct interval in;

				interval_proportion(k, trials[t], 0.95, &in);
				if (in.low <= truths[p] && truths[p] <= in.high)
					covered += binomial(k, trials[t], truths[p]);
			}
			assert_true(covered >= 0.95);
			assert_true(covered <= 1 + 1e-9);
		}
	}
}

static uint64_t seed = 7;

static double
next_uniform(void)
{
	uint64_t z = seed += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

/*
 * And in a simulation of windows with losses: 2,000 windows, of which 95 % less four standard
 * deviations (2 %) must cover.
 */
static void
test_coverage_simulated(void **state)
{
	static const double truths[] = {0.005, 0.02, 0.1, 0.3};

	(void)state;
	for (size_t p = 0; p < sizeof(truths) / sizeof(truths[0]); p++) {
		int covered = 0;

		for (int window = 0; window < 2000; window++) {
			struct interval in;
			uint64_t lost = 0;

			for (int i = 0; i < 500; i++)
				lost += next_uniform() < truths[p];
			interval_proportion(lost, 500, 0.95, &in);
			covered += in.low <= truths[p] && truths[p] <= in.high;
		}
		assert_in_range(covered, 1860, 2000);
	}
}

/* Large counts stay within [0, 1] and near the normal approximation, which is good there. */
static void
test_large(void **state)
{
	struct interval in;

	(void)state;
	for (uint64_t n = 1000000; n <= 1000000000; n *= 10) {
		double ratio = 0.01, half = 1.959963985 * sqrt(ratio * (1 - ratio) / (double)n);

		interval_proportion(n / 100, n, 0.95, &in);
		assert_true(fabs(in.low - (ratio - half)) < 0.01 * half + 3.0 / (double)n);
		assert_true(fabs(in.high - (ratio + half)) < 0.01 * half + 3.0 / (double)n);
		interval_proportion(0, n, 0.95, &in);
		/* 1 - (tail)^(1/n), to the first order. */
		assert_true(fabs(in.high * (double)n + log(0.025)) < 1e-5);
		interval_proportion(n, n, 0.95, &in);
		assert_true(in.high == 1 && in.low < 1 && in.low > 1 - 5.0 / (double)n);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),    cmocka_unit_test(test_none),
		cmocka_unit_test(test_definition), cmocka_unit_test(test_coverage),
		cmocka_unit_test(test_coverage_simulated), cmocka_unit_test(test_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

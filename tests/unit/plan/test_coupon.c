/* SPDX-License-Identifier: Apache-2.0 */
/* The coupon collector against published values, small cases counted out, and the dice. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plan/coupon.h"

/* Equation 1 of R-Pingmesh in exact fractions (Python), for 0.99 and 0.90. */
static const struct {
	unsigned int n, k99, k90;
} known[] = {
	{2, 8, 5},     {4, 21, 13},   {8, 51, 33},      {16, 115, 79},
	{32, 255, 181}, {64, 557, 408}, {128, 1206, 906},
};

static void
test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		assert_int_equal(coupon_tuples(known[i].n, 0.99), known[i].k99);
		assert_int_equal(coupon_tuples(known[i].n, 0.90), known[i].k90);
	}
	assert_int_equal(coupon_tuples(1, 0.99), 1);
	/* Where the alternating sum in doubles answers 256. */
	assert_int_equal(coupon_tuples(256, 0.99), 2593);
	assert_int_equal(coupon_tuples(512, 0.99), 5544);
}

/* All n^k ways in which k tuples can fall. */
static double
counted(unsigned int n, unsigned int k, double *share)
{
	unsigned int ways = 1, all = 0, covered = 0;

	for (unsigned int i = 0; i < k; i++)
		ways *= n;
	for (unsigned int way = 0; way < ways; way++) {
		unsigned int seen = 0;

		for (unsigned int i = 0, rest = way; i < k; i++, rest /= n)
			seen |= 1u << rest % n;
		all += seen == (1u << n) - 1;
		covered += (unsigned int)__builtin_popcount(seen);
	}
	*share = (double)covered / ways / n;
	return (double)all / ways;
}

static void
test_counted(void **state)
{
	(void)state;
	for (unsigned int n = 1; n <= 4; n++)
		for (unsigned int k = 0; k <= 8; k++) {
			double share, all = counted(n, k, &share);

			assert_true(fabs(coupon_all(n, k) - all) < 1e-12);
			assert_true(fabs(coupon_share(n, k) - share) < 1e-12);
		}
}

/* 20,000 throws of the 115 tuples for 16 paths: 0.99 +- 4 standard errors. */
static void
test_thrown(void **state)
{
	uint64_t random = 1;
	unsigned int all = 0;

	(void)state;
	for (unsigned int i = 0; i < 20000; i++) {
		unsigned int seen = 0;

		for (unsigned int k = 0; k < 115; k++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			seen |= 1u << (random >> 60);
		}
		all += seen == 0xffff;
	}
	assert_true(fabs(all / 20000.0 - 0.99) < 4 * sqrt(0.99 * 0.01 / 20000) + 0.001);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_counted),
		cmocka_unit_test(test_thrown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The histogram against sorted arrays of the same values, over seeds and shapes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stat/histogram.h"

#define SAMPLES_MAX 5000

static uint64_t seed;

static uint64_t
next_random(void)
{
	uint64_t z = seed += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* Some shapes: few values, a narrow band with a tail, all magnitudes. */
static uint64_t
next_sample(int shape)
{
	uint64_t r = next_random();

	switch (shape) {
	case 0:
		return r % 200;
	case 1:
		return 40000 + r % 3000 + (r % 97 == 0 ? (r >> 20) % 50000000 : 0);
	case 2:
		return 1000000ULL << (r % 3);
	default:
		return r >> (r % 64);
	}
}

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void
assert_same(const struct histogram *a, const struct histogram *b)
{
	assert_int_equal(a->count, b->count);
	assert_int_equal(a->sum_ns, b->sum_ns);
	assert_int_equal(a->n_bins, b->n_bins);
	if (a->count) {
		assert_int_equal(a->min_ns, b->min_ns);
		assert_int_equal(a->max_ns, b->max_ns);
	}
	for (uint32_t i = 0; i < a->n_bins; i++) {
		assert_int_equal(a->bins[i].bucket, b->bins[i].bucket);
		assert_int_equal(a->bins[i].count, b->bins[i].count);
	}
}

/* Each value falls into the bucket that says so, buckets join without a gap, the middle is near. */
static void
test_buckets(void **state)
{
	(void)state;
	assert_int_equal(histogram_low_ns(0), 0);
	for (uint32_t b = 0; b < HISTOGRAM_BUCKETS; b++) {
		uint64_t low = histogram_low_ns(b), high = histogram_high_ns(b),
			 middle = histogram_middle_ns(b);

		assert_true(low <= middle && middle <= high);
		assert_int_equal(histogram_bucket(low), b);
		assert_int_equal(histogram_bucket(middle), b);
		assert_int_equal(histogram_bucket(high), b);
		if (b + 1 < HISTOGRAM_BUCKETS)
			assert_int_equal(histogram_low_ns(b + 1), high + 1);
		/*
		 * The stated bound, 1/128, in integers: it holds at the ends, so in between as
		 * well.
		 */
		assert_true(middle - low <= low / 128);
		assert_true(high - middle <= high / 128);
	}
	assert_int_equal(histogram_high_ns(HISTOGRAM_BUCKETS - 1), UINT64_MAX);
}

static void
test_empty(void **state)
{
	struct histogram h = {0}, other = {0};

	(void)state;
	assert_int_equal(histogram_quantile(&h, 500000), 0);
	assert_int_equal(histogram_merge(&h, &other), 0);
	assert_int_equal(h.count, 0);
	assert_int_equal(histogram_add(&h, 0), 0);
	assert_int_equal(h.count, 1);
	assert_int_equal(h.min_ns, 0);
	assert_int_equal(h.max_ns, 0);
	assert_int_equal(histogram_merge(&other, &h), 0);
	assert_same(&h, &other);
	histogram_clear(&h);
	histogram_clear(&other);
	assert_null(h.bins);
}

/* Nearest rank by the book, on the sorted values. */
static uint64_t
exact_quantile(const uint64_t *sorted, uint64_t n, uint32_t per_million)
{
	uint64_t rank = (n * per_million + 999999) / 1000000;

	return sorted[rank ? rank - 1 : 0];
}

static void
check_against_sorted(int shape, uint32_t n)
{
	static const uint32_t asked[] = {0,	 1,	 10000,	 250000, 500000,
					 900000, 990000, 999000, 999999, 1000000};
	static uint64_t values[SAMPLES_MAX];
	struct histogram h = {0};
	uint64_t sum = 0;

	for (uint32_t i = 0; i < n; i++) {
		values[i] = next_sample(shape);
		if (__builtin_add_overflow(sum, values[i], &sum))
			sum = UINT64_MAX;
		assert_int_equal(histogram_add(&h, values[i]), 0);
	}
	qsort(values, n, sizeof(values[0]), compare);
	assert_int_equal(h.count, n);
	assert_int_equal(h.sum_ns, sum);
	assert_int_equal(h.min_ns, values[0]);
	assert_int_equal(h.max_ns, values[n - 1]);
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		uint64_t want = exact_quantile(values, n, asked[i]),
			 got = histogram_quantile(&h, asked[i]);
		uint64_t off = got > want ? got - want : want - got;

		assert_true(off <= want / 128);
	}
	assert_int_equal(histogram_quantile(&h, 0), values[0]);
	assert_int_equal(histogram_quantile(&h, 1000000), values[n - 1]);
	histogram_clear(&h);
}

static void
test_quantiles(void **state)
{
	(void)state;
	for (seed = 1; seed < 200; seed++) {
		uint64_t begun = seed;

		for (int shape = 0; shape < 4; shape++)
			check_against_sorted(shape,
					     1 + (uint32_t)(next_random() %
							    (begun % 20 ? 300 : SAMPLES_MAX)));
		seed = begun;
	}
}

/*
 * A sequence is dealt to parts at random; the parts are merged in any order and nesting: always the
 * whole.
 */
static void
test_merge(void **state)
{
	(void)state;
	for (uint64_t run = 1; run < 100; run++) {
		struct histogram whole = {0}, part[4] = {{0}}, forth = {0}, back = {0}, pair = {0};
		uint32_t n = (uint32_t)(run * 7 % 900);

		seed = run << 32;
		for (uint32_t i = 0; i < n; i++) {
			uint64_t v = next_sample((int)(run % 4));

			assert_int_equal(histogram_add(&whole, v), 0);
			assert_int_equal(histogram_add(&part[next_random() % 4], v), 0);
		}
		for (int i = 0; i < 4; i++) {
			assert_int_equal(histogram_merge(&forth, &part[i]), 0);
			assert_int_equal(histogram_merge(&back, &part[3 - i]), 0);
		}
		assert_int_equal(histogram_merge(&part[0], &part[1]), 0);
		assert_int_equal(histogram_merge(&pair, &part[2]), 0);
		assert_int_equal(histogram_merge(&pair, &part[3]), 0);
		assert_int_equal(histogram_merge(&pair, &part[0]), 0);
		assert_same(&whole, &forth);
		assert_same(&whole, &back);
		assert_same(&whole, &pair);
		for (int i = 0; i < 4; i++)
			histogram_clear(&part[i]);
		histogram_clear(&whole);
		histogram_clear(&forth);
		histogram_clear(&back);
		histogram_clear(&pair);
	}
}

/* A sum that would pass 64 bits stays at the top, in whichever order it is added up. */
static void
test_sum_saturates(void **state)
{
	struct histogram a = {0}, b = {0};

	(void)state;
	assert_int_equal(histogram_add(&a, UINT64_MAX - 5), 0);
	assert_int_equal(histogram_add(&a, 3), 0);
	assert_int_equal(a.sum_ns, UINT64_MAX - 2);
	assert_int_equal(histogram_add(&a, 3), 0);
	assert_int_equal(a.sum_ns, UINT64_MAX);
	assert_int_equal(histogram_add(&b, 7), 0);
	assert_int_equal(histogram_merge(&b, &a), 0);
	assert_int_equal(b.sum_ns, UINT64_MAX);
	assert_int_equal(b.count, 4);
	histogram_clear(&a);
	histogram_clear(&b);
}

/* Memory follows the buckets that are used: a stream of similar values takes little. */
static void
test_sparse(void **state)
{
	struct histogram h = {0};

	(void)state;
	seed = 5;
	for (int i = 0; i < 100000; i++)
		assert_int_equal(histogram_add(&h, 60000 + next_random() % 4000), 0);
	/* Buckets are 512 ns wide there. */
	assert_true(h.n_bins <= 9);
	assert_true(h.room <= 13);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(histogram_add(&h, next_sample(3)), 0);
	assert_true(h.n_bins <= HISTOGRAM_BUCKETS);
	histogram_clear(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buckets),	      cmocka_unit_test(test_empty),
		cmocka_unit_test(test_quantiles),     cmocka_unit_test(test_merge),
		cmocka_unit_test(test_sum_saturates), cmocka_unit_test(test_sparse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

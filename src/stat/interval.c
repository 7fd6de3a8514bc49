/* SPDX-License-Identifier: Apache-2.0 */
#include "stat/interval.h"

#include <assert.h>
#include <math.h>

#define INTERVAL_EPSILON 1e-15
#define INTERVAL_TINY 1e-300

/* The next step divides by the result, so it must not be 0. */
static double
interval_nonzero(double x)
{
	return fabs(x) < INTERVAL_TINY ? INTERVAL_TINY : x;
}

/*
 * The continued fraction of the incomplete beta function (Abramowitz and Stegun 26.5.8) by Lentz's
 * method as Thompson and Barnett modified it. Converges in about sqrt(max(a, b)) steps for x < (a +
 * 1) / (a + b + 2).
 */
static double
interval_fraction(double a, double b, double x)
{
	double c = 1, d = 1 / interval_nonzero(1 - (a + b) * x / (a + 1)), value = d;
	uint32_t steps = 200 + 10 * (uint32_t)sqrt(a > b ? a : b);

	for (uint32_t m = 1; m <= steps; m++) {
		double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
		double factor;

		d = 1 / interval_nonzero(1 + even * d);
		c = interval_nonzero(1 + even / c);
		value *= c * d;
		d = 1 / interval_nonzero(1 + odd * d);
		c = interval_nonzero(1 + odd / c);
		factor = c * d;
		value *= factor;
		if (fabs(factor - 1) < INTERVAL_EPSILON)
			break;
	}
	return value;
}

static double
interval_lgamma(double x)
{
	int sign;

	return lgamma_r(x, &sign);
}

double
interval_beta(double a, double b, double x)
{
	double front;

	if (x <= 0)
		return 0;
	if (x >= 1)
		return 1;
	front = exp(interval_lgamma(a + b) - interval_lgamma(a) - interval_lgamma(b) + a * log(x) +
		    b * log1p(-x));
	if (x < (a + 1) / (a + b + 2))
		return front * interval_fraction(a, b, x) / a;
	return 1 - front * interval_fraction(b, a, 1 - x) / b;
}

/*
 * The x at which interval_beta() is p, 0 < p < 1. interval_beta() grows with x, so bisection finds
 * it, on a logarithmic scale because x may be tiny.
 */
static double
interval_beta_inverse(double a, double b, double p)
{
	double low = 0, high = 1, mean = a / (a + b);

	/* First find a narrow range for the bisection. */
	for (double x = mean; x > 1e-300 && high > x; x /= 2) {
		if (interval_beta(a, b, x) < p) {
			low = x;
			break;
		}
		high = x;
	}
	while (high - low > 1e-9 * high) {
		double middle = (low + high) / 2;

		if (middle <= low || middle >= high)
			break;
		if (interval_beta(a, b, middle) < p)
			low = middle;
		else
			high = middle;
	}
	return (low + high) / 2;
}

/* Searches for the smaller of x and 1 - x, so that neither loses digits. */
static double
interval_end(double a, double b, double p, double other)
{
	return a <= b ? interval_beta_inverse(a, b, p) : 1 - interval_beta_inverse(b, a, other);
}

void
interval_proportion(uint64_t k, uint64_t n, double level, struct interval *out)
{
	double tail = (1 - level) / 2, successes = (double)k, trials = (double)n;

	assert(k <= n && level > 0 && level < 1);
	*out = (struct interval){.ratio = n ? successes / trials : 0, .low = 0, .high = 1};
	if (n == 0)
		return;
	/* interval_beta(k, n - k + 1, p) is the probability of at least k of n. */
	if (k == n)
		out->low = pow(tail, 1 / trials);
	else if (k > 0)
		out->low = interval_end(successes, trials - successes + 1, tail, 1 - tail);
	if (k == 0)
		out->high = -expm1(log(tail) / trials);
	else if (k < n)
		out->high = interval_end(successes + 1, trials - successes, 1 - tail, tail);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/coupon.h"

/*
 * One more tuple. p[j] is the probability that exactly j of the n paths are covered; the tuple hits
 * one of these, or one of the others.
 */
static void
coupon_step(double *p, unsigned int n)
{
	for (unsigned int j = n; j >= 1; j--)
		p[j] = p[j] * j / n + p[j - 1] * (n - j + 1) / n;
	p[0] = 0;
}

unsigned int
coupon_tuples(unsigned int n, double probability)
{
	double p[COUPON_MAX + 1] = {1};
	unsigned int k = 0;

	while (p[n] < probability) {
		coupon_step(p, n);
		k++;
	}
	return k;
}

double
coupon_all(unsigned int n, unsigned int k)
{
	double p[COUPON_MAX + 1] = {1};

	if (k < n)
		return 0;
	while (k--)
		coupon_step(p, n);
	return p[n];
}

double
coupon_share(unsigned int n, unsigned int k)
{
	double missed = 1;

	while (k--)
		missed *= 1 - 1.0 / n;
	return 1 - missed;
}

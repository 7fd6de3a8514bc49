/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a proportion that was counted may be from the true one: the interval of Clopper and
 * Pearson (Biometrika 26, 1934). It is exact: whatever the true proportion is, the interval covers
 * it with at least the stated probability, also for no loss at all and for few probes, where the
 * normal approximation fails. Its assumption is that trials are independent; losses that come in
 * bursts make the truth wider than what is said here.
 */
#ifndef RPINGMESH_STAT_INTERVAL_H
#define RPINGMESH_STAT_INTERVAL_H

#include <stdint.h>

#define INTERVAL_LEVEL 0.95 /* unless somebody asks for another */

struct interval {
	double ratio;     /* k / n; 0 if n is 0 */
	double low, high; /* 0 ≤ low ≤ ratio ≤ high ≤ 1; [0, 1] if n is 0 */
};

/*
 * k of n trials (k ≤ n), two-sided, 0 < level < 1: each end is passed with a probability of at most
 * (1 - level) / 2. The ends are right to 1e-6 of their value for n up to 1e9. Does not allocate;
 * takes microseconds for a thousand trials, a millisecond for a billion.
 */
void interval_proportion(uint64_t k, uint64_t n, double level, struct interval *out);

/* P(X ≤ x) of the beta distribution with a, b > 0: the regularised incomplete beta function. */
double interval_beta(double a, double b, double x);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The coupon collector: each tuple falls on one of n equal paths, by a hash that nobody knows. How
 * many tuples does it take until every path has at least one? R-Pingmesh (SIGCOMM 2024), equation
 * 1. Its alternating sum loses all digits in doubles from 256 paths on; these functions add
 * probabilities only, and are exact to 1e-12.
 */
#ifndef RPINGMESH_PLAN_COUPON_H
#define RPINGMESH_PLAN_COUPON_H

#define COUPON_MAX 1024 /* paths */

/*
 * The smallest number of tuples that covers all n paths with at least this probability. n is 1 to
 * COUPON_MAX, the probability below 1.
 */
unsigned int coupon_tuples(unsigned int n, double probability);
/* The probability that k tuples cover all n paths. */
double coupon_all(unsigned int n, unsigned int k);
/* The share of the n paths that k tuples cover on average, 0 to 1. */
double coupon_share(unsigned int n, unsigned int k);

#endif

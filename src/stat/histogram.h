/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mergeable log-linear histogram of durations in nanoseconds: what HdrHistogram does, kept sparse.
 * Each octave [2^k, 2^(k+1)) from 64 ns on is cut into 64 buckets of equal width; below 128 ns each
 * value has a bucket of its own. A bucket stands for the value in its middle, so a reported
 * quantile is off by at most 1/128 (0.79 %) of the value that occurred at that rank. Any uint64_t
 * fits. count, sum, min and max are exact.
 *
 * Buckets are numbered the same everywhere, so merging adds counts: it is exact, associative and
 * commutative, and the merge of the parts equals the histogram of the whole, bucket by bucket.
 *
 * Only buckets that have counted something take memory: 8 bytes each, besides the struct itself. A
 * histogram of zeroes is empty and valid; histogram_clear() frees what one has grown. One owner:
 * the struct that holds it.
 */
#ifndef RPINGMESH_STAT_HISTOGRAM_H
#define RPINGMESH_STAT_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_SUB 64u      /* buckets an octave */
#define HISTOGRAM_BUCKETS 3776u /* buckets that there can be: numbers 0 to 3775 */

struct histogram_bin {
	uint64_t bucket : 12, count : 52;
};

struct histogram {
	uint64_t count;
	uint64_t sum_ns;         /* UINT64_MAX: that or more (584 years) */
	uint64_t min_ns, max_ns; /* valid if count > 0 */
	struct histogram_bin *bins; /* owned; sorted by bucket, none with count 0 */
	uint16_t n_bins, room;
};

/* 0, or -ENOMEM: then nothing has changed. */
int histogram_add(struct histogram *h, uint64_t value_ns);
/* Adds all that `from` has counted. 0, or -ENOMEM: then nothing has changed. */
int histogram_merge(struct histogram *h, const struct histogram *from);
/* Empty again, without memory. */
void histogram_clear(struct histogram *h);

/*
 * Nearest rank: the middle of the first bucket up to which at least per_million of a million values
 * lie (500000: the median), but within [min_ns, max_ns], and exactly min_ns for the first and
 * max_ns for the last rank. 0 if empty.
 */
uint64_t histogram_quantile(const struct histogram *h, uint32_t per_million);

/* The bucket that a value falls into, and the bounds and the middle of one: low ≤ value ≤ high. */
uint32_t histogram_bucket(uint64_t value_ns);
uint64_t histogram_low_ns(uint32_t bucket);
uint64_t histogram_high_ns(uint32_t bucket);
uint64_t histogram_middle_ns(uint32_t bucket);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mergeable log-linear histogram of durations in nanoseconds, like HdrHistogram but sparse. Each
 * octave [2^k, 2^(k+1)) from 64 ns on consists of 64 buckets of equal width; below 128 ns each
 * value has a bucket of its own. A bucket stands for the value in its middle. Therefore the error
 * of a quantile is at most 1/128 (0.79 %) of the true value at that rank. Any uint64_t fits. count,
 * sum, min and max are exact.
 *
 * All histograms number their buckets in the same way, so a merge adds counts. Merging is exact,
 * associative and commutative: the merge of the parts equals the histogram of the whole.
 *
 * Each bucket that has counted something takes 8 bytes; the others take none. A histogram of all
 * zeros is empty and valid; histogram_clear() frees its memory. The struct that contains the
 * histogram owns it. Pure.
 */
#ifndef RPINGMESH_STAT_HISTOGRAM_H
#define RPINGMESH_STAT_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_SUB 64u      /* buckets in each octave */
#define HISTOGRAM_BUCKETS 3776u /* all possible buckets: numbers 0 to 3775 */

struct histogram_bin {
	uint64_t bucket : 12, count : 52;
};

struct histogram {
	uint64_t count;
	uint64_t sum_ns;         /* UINT64_MAX: so much or more (584 years) */
	uint64_t min_ns, max_ns; /* valid if count > 0 */
	struct histogram_bin *bins; /* owned; sorted by bucket, none with count 0 */
	uint16_t n_bins, room;
};

/* Counts one value. Returns 0, or -ENOMEM; then nothing has changed. */
int histogram_add(struct histogram *h, uint64_t value_ns);
/* Adds all counts of `from`. Returns 0, or -ENOMEM; then nothing has changed. */
int histogram_merge(struct histogram *h, const struct histogram *from);
/* Empties the histogram and frees its memory. */
void histogram_clear(struct histogram *h);

/*
 * The quantile by nearest rank; per_million = 500000 is the median. It is the middle of the first
 * bucket up to which at least that share of the values lies, limited to [min_ns, max_ns]. The first
 * rank is exactly min_ns and the last exactly max_ns. Returns 0 if the histogram is empty.
 */
uint64_t histogram_quantile(const struct histogram *h, uint32_t per_million);

/* The bucket of a value, and the limits and the middle of a bucket: low ≤ value ≤ high. */
uint32_t histogram_bucket(uint64_t value_ns);
uint64_t histogram_low_ns(uint32_t bucket);
uint64_t histogram_high_ns(uint32_t bucket);
uint64_t histogram_middle_ns(uint32_t bucket);

#endif

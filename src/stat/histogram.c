/* SPDX-License-Identifier: Apache-2.0 */
#include "stat/histogram.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HISTOGRAM_SUB_BITS 6
#define HISTOGRAM_ROOM_MIN 3 /* as much as malloc(3) gives in any case, and not one bin more */

static_assert(1u << HISTOGRAM_SUB_BITS == HISTOGRAM_SUB, "sub-buckets are a power of two");
static_assert(HISTOGRAM_BUCKETS == (64 - HISTOGRAM_SUB_BITS + 1) * HISTOGRAM_SUB,
	      "an octave for each higher bit");
static_assert(HISTOGRAM_BUCKETS <= 1u << 12, "fits struct histogram_bin");

/* The number of low bits that all values of a bucket drop. */
static uint32_t
bucket_shift(uint32_t bucket)
{
	return bucket < 2 * HISTOGRAM_SUB ? 0 : bucket / HISTOGRAM_SUB - 1;
}

uint32_t
histogram_bucket(uint64_t value_ns)
{
	uint32_t shift = 0;

	if (value_ns >= 2 * HISTOGRAM_SUB)
		shift = 63 - (uint32_t)__builtin_clzll(value_ns) - HISTOGRAM_SUB_BITS;
	return shift * HISTOGRAM_SUB + (uint32_t)(value_ns >> shift);
}

uint64_t
histogram_low_ns(uint32_t bucket)
{
	uint32_t shift = bucket_shift(bucket);

	return (uint64_t)(bucket - shift * HISTOGRAM_SUB) << shift;
}

uint64_t
histogram_high_ns(uint32_t bucket)
{
	return histogram_low_ns(bucket) + ((1ULL << bucket_shift(bucket)) - 1);
}

uint64_t
histogram_middle_ns(uint32_t bucket)
{
	return histogram_low_ns(bucket) + (1ULL << bucket_shift(bucket)) / 2;
}

/* The index of the bucket's bin, or the index at which to insert it. */
static uint32_t
histogram_find(const struct histogram *h, uint32_t bucket)
{
	uint32_t low = 0, high = h->n_bins;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (h->bins[middle].bucket < bucket)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int
histogram_reserve(struct histogram *h, uint32_t room)
{
	struct histogram_bin *bins;
	uint32_t grown = h->room ? h->room : HISTOGRAM_ROOM_MIN;

	if (room <= h->room)
		return 0;
	while (grown < room)
		grown += grown / 2;
	bins = reallocarray(h->bins, grown, sizeof(*bins));
	if (!bins)
		return -ENOMEM;
	h->bins = bins;
	h->room = (uint16_t)grown;
	return 0;
}

/* Inserts a bin with count 0 before bins[i]. */
static int
histogram_insert(struct histogram *h, uint32_t i, uint32_t bucket)
{
	int rc = histogram_reserve(h, h->n_bins + 1u);

	if (rc < 0)
		return rc;
	memmove(h->bins + i + 1, h->bins + i, (h->n_bins - i) * sizeof(*h->bins));
	h->bins[i] = (struct histogram_bin){.bucket = bucket & 0xfff};
	h->n_bins++;
	return 0;
}

/* Updates all figures except the bins. */
static void
histogram_note(struct histogram *h, uint64_t count, uint64_t sum_ns, uint64_t min_ns,
	       uint64_t max_ns)
{
	if (h->count == 0 || min_ns < h->min_ns)
		h->min_ns = min_ns;
	if (h->count == 0 || max_ns > h->max_ns)
		h->max_ns = max_ns;
	h->count += count;
	if (__builtin_add_overflow(h->sum_ns, sum_ns, &h->sum_ns))
		h->sum_ns = UINT64_MAX;
}

int
histogram_add(struct histogram *h, uint64_t value_ns)
{
	uint32_t bucket = histogram_bucket(value_ns), i = histogram_find(h, bucket);

	if (i == h->n_bins || h->bins[i].bucket != bucket) {
		int rc = histogram_insert(h, i, bucket);

		if (rc < 0)
			return rc;
	}
	h->bins[i].count++;
	histogram_note(h, 1, value_ns, value_ns, value_ns);
	return 0;
}

/* The number of bins of the merge. */
static uint32_t
histogram_merged_bins(const struct histogram *a, const struct histogram *b)
{
	uint32_t i = 0, j = 0, n = 0;

	while (i < a->n_bins && j < b->n_bins) {
		uint32_t x = a->bins[i].bucket, y = b->bins[j].bucket;

		i += x <= y;
		j += y <= x;
		n++;
	}
	return n + (a->n_bins - i) + (b->n_bins - j);
}

int
histogram_merge(struct histogram *h, const struct histogram *from)
{
	uint32_t n = histogram_merged_bins(h, from), i = h->n_bins, j = from->n_bins;
	int rc = histogram_reserve(h, n);

	if (rc < 0)
		return rc;
	if (from->count == 0)
		return 0;
	h->n_bins = (uint16_t)n;
	/* Go from the top down, so that each bin of h is moved before its place is overwritten. */
	while (j > 0) {
		if (i > 0 && h->bins[i - 1].bucket > from->bins[j - 1].bucket) {
			h->bins[--n] = h->bins[--i];
		} else if (i > 0 && h->bins[i - 1].bucket == from->bins[j - 1].bucket) {
			h->bins[--n] = h->bins[--i];
			h->bins[n].count += from->bins[--j].count;
		} else {
			h->bins[--n] = from->bins[--j];
		}
	}
	histogram_note(h, from->count, from->sum_ns, from->min_ns, from->max_ns);
	return 0;
}

void
histogram_clear(struct histogram *h)
{
	free(h->bins);
	*h = (struct histogram){0};
}

/* The rank, from 1, of the smallest value that at least per_million of all values do not exceed. */
static uint64_t
histogram_rank(uint64_t count, uint32_t per_million)
{
	const uint64_t million = 1000000;

	return count / million * per_million +
	       (count % million * per_million + million - 1) / million;
}

uint64_t
histogram_quantile(const struct histogram *h, uint32_t per_million)
{
	uint64_t rank = histogram_rank(h->count, per_million), seen = 0;

	if (h->count == 0)
		return 0;
	if (rank <= 1)
		return h->min_ns;
	for (uint32_t i = 0; i < h->n_bins && rank < h->count; i++) {
		uint64_t value_ns = histogram_middle_ns(h->bins[i].bucket);

		seen += h->bins[i].count;
		if (seen < rank)
			continue;
		if (value_ns < h->min_ns)
			return h->min_ns;
		return value_ns < h->max_ns ? value_ns : h->max_ns;
	}
	return h->max_ns;
}

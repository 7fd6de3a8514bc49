/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/view/bars.h"
#include "record/read.h"

#include <errno.h>
#include <string.h>


#define BARS_EIGHTHS 8u
#define BARS_COUNT_MAX ((1ULL << 52) - 1) /* the limit of struct histogram_bin */

/* Reads one bucket. Its number must be above those before it. */
static int
bars_bucket(const msgpack_object *pair, struct histogram *h)
{
	struct histogram_bin bin;
	struct histogram one = {.bins = &bin, .n_bins = 1, .room = 1};
	uint32_t bucket;

	if (pair[0].type != MSGPACK_OBJECT_POSITIVE_INTEGER ||
	    pair[1].type != MSGPACK_OBJECT_POSITIVE_INTEGER ||
	    pair[0].via.u64 >= HISTOGRAM_BUCKETS || pair[1].via.u64 == 0 ||
	    pair[1].via.u64 > BARS_COUNT_MAX)
		return -EINVAL;
	bucket = (uint32_t)pair[0].via.u64;
	if (h->n_bins && h->bins[h->n_bins - 1].bucket >= bucket)
		return -EINVAL;
	bin = (struct histogram_bin){.bucket = bucket & 0xfff,
				     .count = pair[1].via.u64 & BARS_COUNT_MAX};
	one.count = pair[1].via.u64;
	one.min_ns = histogram_low_ns(bucket);
	one.max_ns = histogram_high_ns(bucket);
	return histogram_merge(h, &one);
}

static int
bars_read_into(const msgpack_object *map, struct histogram *h)
{
	const msgpack_object *buckets = read_array(map, "buckets");
	uint64_t count, min_ns, max_ns;

	if (!buckets || buckets->via.array.size % 2 || !read_u64(map, "count", &count))
		return -EINVAL;
	for (uint32_t i = 0; i < buckets->via.array.size; i += 2) {
		int rc = bars_bucket(&buckets->via.array.ptr[i], h);

		if (rc < 0)
			return rc;
	}
	if (h->count != count)
		return -EINVAL;
	if (count == 0)
		return 0;
	if (!read_u64(map, "min_ns", &min_ns) || !read_u64(map, "max_ns", &max_ns) ||
	    histogram_bucket(min_ns) != h->bins[0].bucket ||
	    histogram_bucket(max_ns) != h->bins[h->n_bins - 1].bucket)
		return -EINVAL;
	h->min_ns = min_ns;
	h->max_ns = max_ns;
	h->sum_ns = 0;
	read_u64(map, "sum_ns", &h->sum_ns);
	return 0;
}

int
bars_read(const msgpack_object *map, struct histogram *out)
{
	struct histogram h = {0};
	int rc = bars_read_into(map, &h);

	if (rc < 0)
		histogram_clear(&h);
	else
		*out = h;
	return rc;
}

/* The shift that turns the number of a bucket into the number of its row. */
static uint32_t
bars_shift(const struct histogram *h, size_t rows_max)
{
	uint32_t first = h->bins[0].bucket, last = h->bins[h->n_bins - 1].bucket, shift = 0;

	while ((last >> shift) - (first >> shift) + 1 > rows_max)
		shift++;
	return shift;
}

void
bars_make(const struct histogram *h, size_t rows_max, struct bars *out)
{
	uint32_t shift, first;

	*out = (struct bars){0};
	if (h->n_bins == 0)
		return;
	shift = bars_shift(h, rows_max);
	first = h->bins[0].bucket >> shift;
	out->n = (h->bins[h->n_bins - 1].bucket >> shift) - first + 1;
	for (size_t r = 0; r < out->n; r++) {
		uint32_t low = (first + (uint32_t)r) << shift, high = low + (1u << shift) - 1;

		out->rows[r].low_ns = histogram_low_ns(low);
		out->rows[r].high_ns =
			histogram_high_ns(high < HISTOGRAM_BUCKETS ? high : HISTOGRAM_BUCKETS - 1);
	}
	for (uint32_t i = 0; i < h->n_bins; i++) {
		struct bars_row *row = &out->rows[(h->bins[i].bucket >> shift) - first];

		row->count += h->bins[i].count;
		out->most = row->count > out->most ? row->count : out->most;
	}
}

size_t
bars_text(uint64_t count, uint64_t most, size_t columns, bool unicode, char *buf)
{
	uint64_t parts = unicode ? BARS_EIGHTHS : 1;
	uint64_t length =
		most ? (uint64_t)((double)count / (double)most * (double)(columns * parts) + 0.5) :
		       0;
	size_t width = 0;

	if (length == 0 && count > 0)
		length = 1;
	if (length > columns * parts)
		length = columns * parts;
	for (; length >= parts; length -= parts, width++) {
		memcpy(buf, unicode ? "\u2588" : "#", unicode ? 3 : 1);
		buf += unicode ? 3 : 1;
	}
	if (length > 0) { /* U+258F is one eighth, U+2589 is seven eighths */
		memcpy(buf, "\u258f", 3);
		buf[2] = (char)((unsigned char)buf[2] - (length - 1));
		buf += 3;
		width++;
	}
	*buf = '\0';
	return width;
}

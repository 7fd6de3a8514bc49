/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Token bucket with one number of state: the time at which it will be full again (the generic cell
 * rate algorithm, ITU-T I.371 Annex A). The rate stands apart so that many buckets can share one.
 */
#ifndef RPINGMESH_CORE_BUCKET_H
#define RPINGMESH_CORE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct bucket_rate {
	uint64_t interval_ns; /* one token; 0: never */
	uint64_t slack_ns;    /* interval × (burst − 1) */
};

/* All zero: full. */
struct bucket {
	uint64_t full_ns;
};

/* per_s 0: nothing passes. burst ≥ 1. */
void bucket_rate_set(struct bucket_rate *rate, uint32_t per_s, uint32_t burst);

/*
 * The rate has changed: what was taken at the old one does not hold anybody up for longer than a
 * token of the new one takes.
 */
void bucket_fit(struct bucket *bucket, const struct bucket_rate *rate, uint64_t now_ns);

uint32_t bucket_tokens(const struct bucket *bucket, const struct bucket_rate *rate,
		       uint64_t now_ns);
/* Takes one; only if there is one. */
void bucket_take(struct bucket *bucket, const struct bucket_rate *rate, uint64_t now_ns);
/* When there is, or was, a token; UINT64_MAX: never. */
uint64_t bucket_ready_ns(const struct bucket *bucket, const struct bucket_rate *rate);

static inline bool
bucket_is_ready(const struct bucket *bucket, const struct bucket_rate *rate, uint64_t now_ns)
{
	return bucket_ready_ns(bucket, rate) <= now_ns;
}

#endif

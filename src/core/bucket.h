/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Token bucket whose state is one number: the time at which it will be full again (the generic cell
 * rate algorithm, ITU-T I.371 Annex A). The rate is a separate struct so that many buckets can
 * share one. All times are CLOCK_MONOTONIC in ns. Pure: nothing fails or blocks.
 */
#ifndef RPINGMESH_CORE_BUCKET_H
#define RPINGMESH_CORE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct bucket_rate {
	uint64_t interval_ns; /* time in which one token comes; 0: none ever comes */
	uint64_t slack_ns;    /* interval × (burst − 1) */
};

/* A bucket of all zeros is full. */
struct bucket {
	uint64_t full_ns;
};

/* per_s: tokens per second; 0: none ever come. burst: the size of the bucket, 1 or more. */
void bucket_rate_set(struct bucket_rate *rate, uint32_t per_s, uint32_t burst);

/*
 * Call this after a change of the rate: the next token comes at most one interval of the new rate
 * from now, however many tokens were taken at the old rate.
 */
void bucket_fit(struct bucket *bucket, const struct bucket_rate *rate, uint64_t now_ns);

/* The number of tokens in the bucket. */
uint32_t bucket_tokens(const struct bucket *bucket, const struct bucket_rate *rate,
		       uint64_t now_ns);
/* Takes a token. The caller has checked that there is one. */
void bucket_take(struct bucket *bucket, const struct bucket_rate *rate, uint64_t now_ns);
/* The time from which on there is a token, which may be past; UINT64_MAX: never. */
uint64_t bucket_ready_ns(const struct bucket *bucket, const struct bucket_rate *rate);

static inline bool
bucket_is_ready(const struct bucket *bucket, const struct bucket_rate *rate, uint64_t now_ns)
{
	return bucket_ready_ns(bucket, rate) <= now_ns;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bucket.h"

#include "core/clock.h"

void
bucket_rate_set(struct bucket_rate *rate, uint32_t per_s, uint32_t burst)
{
	/* Round up, because the rate is a limit. */
	rate->interval_ns = per_s ? (NSEC_PER_SEC + per_s - 1) / per_s : 0;
	rate->slack_ns = rate->interval_ns * (burst - 1);
}

void
bucket_fit(struct bucket *bucket, const struct bucket_rate *rate, uint64_t now_ns)
{
	uint64_t empty_ns = now_ns + rate->slack_ns + rate->interval_ns;

	if (bucket->full_ns > empty_ns)
		bucket->full_ns = empty_ns;
}

uint32_t
bucket_tokens(const struct bucket *bucket, const struct bucket_rate *rate, uint64_t now_ns)
{
	uint64_t full_ns = bucket->full_ns > now_ns ? bucket->full_ns : now_ns;

	if (!bucket_is_ready(bucket, rate, now_ns))
		return 0;
	return (uint32_t)((now_ns + rate->slack_ns - full_ns) / rate->interval_ns + 1);
}

void
bucket_take(struct bucket *bucket, const struct bucket_rate *rate, uint64_t now_ns)
{
	bucket->full_ns = (bucket->full_ns > now_ns ? bucket->full_ns : now_ns) + rate->interval_ns;
}

uint64_t
bucket_ready_ns(const struct bucket *bucket, const struct bucket_rate *rate)
{
	if (rate->interval_ns == 0)
		return UINT64_MAX;
	return bucket->full_ns > rate->slack_ns ? bucket->full_ns - rate->slack_ns : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "stat/stats.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "stat/histogram.h"

#define RECENT_ROOM_MIN 8
#define RECENT_BUCKET_MASK 0xfffu
#define RECENT_AFTER_MAX 0x1fffffu

static_assert(sizeof(struct probe_recent_sample) == 8, "8 bytes each");
static_assert(HISTOGRAM_BUCKETS <= RECENT_BUCKET_MASK + 1, "a bucket fits");
static_assert(PROBE_CLASS_N <= 16, "a class fits");
static_assert(PROBE_RECENT_N % RECENT_ROOM_MIN == 0 && PROBE_RECENT_N < 256,
	      "the room doubles up to it");

void
probe_totals_add(struct probe_totals *sum, const struct probe_totals *add)
{
	sum->due += add->due;
	sum->posted += add->posted;
	for (int i = 0; i < PROBE_CLASS_N; i++)
		sum->by_class[i] += add->by_class[i];
}

static struct probe_recent_sample *
recent_sample(const struct probe_recent *recent, uint32_t before_head)
{
	return &recent->sample[(recent->head + recent->room - before_head) % recent->room];
}

static void
recent_drop_oldest(struct probe_recent *recent)
{
	recent->n--;
	if (recent->n > 0)
		recent->oldest_ms += recent_sample(recent, recent->n)->after_ms;
}

/* Doubles the room and moves the samples to its start. Changes nothing if there is no memory. */
static void
recent_grow(struct probe_recent *recent)
{
	uint8_t room = recent->room ? (uint8_t)(2 * recent->room) : RECENT_ROOM_MIN;
	struct probe_recent_sample *sample = calloc(room, sizeof(*sample));

	if (!sample)
		return;
	for (uint32_t i = 0; i < recent->n; i++)
		sample[i] = *recent_sample(recent, recent->n - i);
	free(recent->sample);
	recent->sample = sample;
	recent->head = recent->n;
	recent->room = room;
}

/* Returns false if there is not even memory for one sample. */
static bool
recent_make_room(struct probe_recent *recent, uint64_t now_ms)
{
	while (recent->n > 0 && now_ms > recent->oldest_ms + PROBE_RECENT_SPAN_NS / NSEC_PER_MSEC)
		recent_drop_oldest(recent);
	if (recent->n == recent->room && recent->room < PROBE_RECENT_N)
		recent_grow(recent);
	if (recent->n > 0 && recent->n == recent->room)
		recent_drop_oldest(recent);
	return recent->room > 0;
}

void
probe_recent_add(struct probe_recent *recent, const struct probe_result *r, uint64_t now_ns)
{
	uint64_t now_ms = now_ns / NSEC_PER_MSEC, after_ms;

	if (!recent_make_room(recent, now_ms))
		return;
	if (recent->n == 0)
		recent->oldest_ms = recent->newest_ms = now_ms;
	after_ms = now_ms > recent->newest_ms ? now_ms - recent->newest_ms : 0;
	recent->sample[recent->head] = (struct probe_recent_sample){
		.rtt = histogram_bucket(r->rtt_ns) & RECENT_BUCKET_MASK,
		.prober_delay = histogram_bucket(r->prober_delay_ns) & RECENT_BUCKET_MASK,
		.responder_delay = histogram_bucket(r->responder_delay_ns) & RECENT_BUCKET_MASK,
		.class = r->class & 0xf,
		.measured = r->measured,
		.noise = r->host_noise != PROBE_NOISE_NONE,
		.stalled = r->stalled,
		.after_ms = (after_ms < RECENT_AFTER_MAX ? after_ms : RECENT_AFTER_MAX) &
			    RECENT_AFTER_MAX,
	};
	recent->newest_ms += after_ms;
	recent->head = (uint8_t)((recent->head + 1u) % recent->room);
	recent->n++;
}

void
probe_recent_clear(struct probe_recent *recent)
{
	free(recent->sample);
	*recent = (struct probe_recent){0};
}

/* The count of the second before this one. */
static uint32_t
rate_before(const struct probe_rate *rate, uint64_t second)
{
	if (rate->second == second)
		return rate->last;
	return rate->second + 1 == second ? rate->n : 0;
}

void
probe_rate_add(struct probe_rate *rate, uint64_t now_ns)
{
	uint64_t second = now_ns / NSEC_PER_SEC;

	if (second != rate->second)
		*rate = (struct probe_rate){.second = second, .last = rate_before(rate, second)};
	rate->n++;
}

uint32_t
probe_rate_last(const struct probe_rate *rate, uint64_t now_ns)
{
	return rate_before(rate, now_ns / NSEC_PER_SEC);
}

/* The measured samples: a column for each figure. */
struct stats_columns {
	uint64_t *rtt_ns, *prober_delay_ns, *responder_delay_ns;
	uint32_t n;
};

static void
stats_sample(const struct probe_recent_sample *s, uint64_t age_ns, struct stats_columns *columns,
	     struct probe_summary *out)
{
	out->results++;
	if (age_ns > out->span_ns)
		out->span_ns = age_ns;
	if (!s->stalled && probe_class_is_answered((enum probe_class)s->class))
		out->answered++;
	out->noise += s->noise;
	if (s->noise)
		return;
	if (probe_class_is_lost((enum probe_class)s->class))
		out->lost++;
	if (!s->measured || !columns->rtt_ns)
		return;
	columns->rtt_ns[columns->n] = histogram_middle_ns(s->rtt);
	columns->prober_delay_ns[columns->n] = histogram_middle_ns(s->prober_delay);
	columns->responder_delay_ns[columns->n] = histogram_middle_ns(s->responder_delay);
	columns->n++;
}

static void
stats_recent(const struct probe_recent *recent, uint64_t now_ns, struct stats_columns *columns,
	     struct probe_summary *out)
{
	uint64_t end_ms = recent->newest_ms;

	for (uint32_t i = 1; i <= recent->n; i++) {
		const struct probe_recent_sample *s = recent_sample(recent, i);
		uint64_t end_ns = end_ms * NSEC_PER_MSEC,
			 age_ns = now_ns > end_ns ? now_ns - end_ns : 0;

		if (age_ns > PROBE_RECENT_SPAN_NS)
			break;
		stats_sample(s, age_ns, columns, out);
		end_ms -= s->after_ms;
	}
}

static int
stats_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Nearest rank: the smallest value that at least `percent` % of the values do not exceed. */
static uint64_t
stats_rank(const uint64_t *sorted, uint32_t n, uint32_t percent)
{
	return sorted[((uint64_t)n * percent + 99) / 100 - 1];
}

static void
stats_figures(struct stats_columns *columns, struct probe_summary *out)
{
	uint32_t n = columns->n;

	out->measured = n;
	if (n == 0)
		return;
	qsort(columns->rtt_ns, n, sizeof(uint64_t), stats_compare);
	qsort(columns->prober_delay_ns, n, sizeof(uint64_t), stats_compare);
	qsort(columns->responder_delay_ns, n, sizeof(uint64_t), stats_compare);
	out->rtt_min_ns = columns->rtt_ns[0];
	out->rtt_p50_ns = stats_rank(columns->rtt_ns, n, 50);
	out->rtt_p99_ns = stats_rank(columns->rtt_ns, n, 99);
	out->rtt_max_ns = columns->rtt_ns[n - 1];
	out->prober_delay_p50_ns = stats_rank(columns->prober_delay_ns, n, 50);
	out->responder_delay_p50_ns = stats_rank(columns->responder_delay_ns, n, 50);
}

void
probe_recent_summary(const struct probe_recent *const recents[], uint32_t n_recents,
		     uint64_t now_ns, struct probe_summary *out)
{
	struct stats_columns columns = {0};
	size_t room = 0;
	uint64_t *values;

	memset(out, 0, sizeof(*out));
	for (uint32_t i = 0; i < n_recents; i++)
		room += recents[i]->n;
	/* Without memory the counts are still right, and measured stays 0. */
	values = room ? calloc(room, 3 * sizeof(*values)) : NULL;
	if (values) {
		columns.rtt_ns = values;
		columns.prober_delay_ns = values + room;
		columns.responder_delay_ns = values + 2 * room;
	}
	for (uint32_t i = 0; i < n_recents; i++)
		stats_recent(recents[i], now_ns, &columns, out);
	stats_figures(&columns, out);
	free(values);
}

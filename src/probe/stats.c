/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/stats.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"

void
probe_totals_add(struct probe_totals *sum, const struct probe_totals *add)
{
	sum->due += add->due;
	sum->posted += add->posted;
	for (int i = 0; i < PROBE_CLASS_N; i++)
		sum->by_class[i] += add->by_class[i];
}

void
probe_recent_add(struct probe_recent *recent, const struct probe_result *r, uint64_t now_ns)
{
	recent->sample[recent->head] = (struct probe_recent_sample){
		.end_ns = now_ns,
		.rtt_ns = r->rtt_ns,
		.prober_delay_ns = r->prober_delay_ns,
		.responder_delay_ns = r->responder_delay_ns,
		.class = (uint8_t)r->class,
		.measured = r->measured,
	};
	recent->head = (recent->head + 1) % PROBE_RECENT_N;
	if (recent->n < PROBE_RECENT_N)
		recent->n++;
}

/* What was counted in the second before this one. */
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

/* The measured samples, one column per figure. */
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
	if (s->class == PROBE_OK || s->class == PROBE_LATE)
		out->answered++;
	if (s->class == PROBE_LOST || s->class == PROBE_ACK2_MISSING)
		out->lost++;
	if (!s->measured || !columns->rtt_ns)
		return;
	columns->rtt_ns[columns->n] = s->rtt_ns;
	columns->prober_delay_ns[columns->n] = s->prober_delay_ns;
	columns->responder_delay_ns[columns->n] = s->responder_delay_ns;
	columns->n++;
}

static void
stats_recent(const struct probe_recent *recent, uint64_t now_ns, struct stats_columns *columns,
	     struct probe_summary *out)
{
	for (uint32_t i = 0; i < recent->n; i++) {
		const struct probe_recent_sample *s =
			&recent->sample[(recent->head + PROBE_RECENT_N - 1 - i) % PROBE_RECENT_N];
		uint64_t age_ns = now_ns > s->end_ns ? now_ns - s->end_ns : 0;

		if (age_ns > PROBE_RECENT_SPAN_NS)
			break;
		stats_sample(s, age_ns, columns, out);
	}
}

static int
stats_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Nearest rank: the smallest value that at least `percent` of a hundred values do not exceed. */
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
probe_recent_summary(const struct probe_recent *const recents[], uint32_t n_recents, uint64_t now_ns,
		     struct probe_summary *out)
{
	struct stats_columns columns = {0};
	size_t room = 0;
	uint64_t *values;

	memset(out, 0, sizeof(*out));
	for (uint32_t i = 0; i < n_recents; i++)
		room += recents[i]->n;
	/* Without memory the counts still hold; measured stays 0. */
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

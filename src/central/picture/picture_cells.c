/* SPDX-License-Identifier: Apache-2.0 */
#include "central/picture/picture_impl.h"

#include <errno.h>
#include <stdlib.h>

#define PICTURE_CELLS_FIRST 256u

/* Indices are ours, so the hash needs no key. */
static uint32_t
picture_cells_place(const struct picture_cells *c, uint32_t from, uint32_t to)
{
	uint64_t hash = ((uint64_t)from << 32 | to) * 0x9e3779b97f4a7c15u;
	uint32_t mask = c->size - 1;

	for (uint32_t i = (uint32_t)(hash >> 32) & mask;; i = (i + 1) & mask) {
		const struct picture_cell *cell = &c->table[i];

		if (cell->sent == 0 || (cell->from == from && cell->to == to))
			return i;
	}
}

/* At most half of the places are in use. */
static int
picture_cells_grow(struct picture_cells *c)
{
	struct picture_cells more = {.size = c->size ? 2 * c->size : PICTURE_CELLS_FIRST,
				     .used = c->used,
				     .left_out = c->left_out};
	uint32_t place;

	more.table = calloc(more.size, sizeof(*more.table));
	more.rtts = calloc(more.size, sizeof(struct picture_rtts *));
	if (!more.table || !more.rtts) {
		free(more.table);
		free(more.rtts);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < c->size; i++)
		if (c->table[i].sent > 0) {
			place = picture_cells_place(&more, c->table[i].from, c->table[i].to);
			more.table[place] = c->table[i];
			more.rtts[place] = c->rtts[i];
		}
	free(c->table);
	free(c->rtts);
	*c = more;
	return 0;
}

/* As a histogram, whose bins are in `bins`. */
static struct histogram
picture_histogram(const struct report_times *times, struct histogram_bin bins[REPORT_TIMES_MAX])
{
	struct histogram h = {.bins = bins, .n_bins = (uint16_t)times->n,
			      .min_ns = report_time_ns(times->buckets[0].bucket),
			      .max_ns = report_time_ns(times->buckets[times->n - 1].bucket)};

	for (uint32_t i = 0; i < times->n; i++) {
		uint32_t bucket = histogram_bucket(report_time_ns(times->buckets[i].bucket));

		bins[i].bucket = bucket & 0xfff;
		bins[i].count = times->buckets[i].n;
		h.count += times->buckets[i].n;
	}
	return h;
}

static int
picture_rtts_add(struct picture_rtts **place, const struct intake_row *row, uint64_t now_ns)
{
	uint32_t usual_ns = intake_stored_usual_ns(row->stored, now_ns);
	struct histogram_bin bins[REPORT_TIMES_MAX];
	struct histogram times;
	int rc = 0;

	if (!usual_ns && !row->times.n)
		return 0;
	if (!*place)
		*place = calloc(1, sizeof(**place));
	if (!*place)
		return -ENOMEM;
	if (usual_ns)
		rc = histogram_add(&(*place)->usual, usual_ns);
	if (rc < 0 || !row->times.n)
		return rc;
	times = picture_histogram(&row->times, bins);
	return histogram_merge(&(*place)->rtt, &times);
}

/* Sets *place, or leaves the cell out: then it is UINT32_MAX. */
static int
picture_cells_sum(struct picture_cells *c, const struct picture_cell *more, uint32_t *place)
{
	struct picture_cell *cell;

	if (2 * c->used >= c->size && c->used < PICTURE_CELLS_MAX && picture_cells_grow(c) < 0)
		return -ENOMEM;
	*place = picture_cells_place(c, more->from, more->to);
	cell = &c->table[*place];
	if (cell->sent == 0) {
		if (c->used >= PICTURE_CELLS_MAX) {
			c->left_out++;
			*place = UINT32_MAX;
			return 0;
		}
		c->used++;
		cell->from = more->from;
		cell->to = more->to;
	}
	cell->sent += more->sent;
	cell->answered += more->answered;
	cell->lost += more->lost;
	cell->noise += more->noise;
	cell->rtt_us += more->rtt_us;
	return 0;
}

int
picture_cells_merge(struct picture_cells *c, const struct picture_cell *more)
{
	struct picture_cell *cell;
	uint32_t place;
	int rc = picture_cells_sum(c, more, &place);

	if (rc < 0 || place == UINT32_MAX)
		return rc;
	cell = &c->table[place];
	if (more->rtt_p50_ns)
		cell->rtt_p50_ns = more->rtt_p50_ns;
	if (more->rtt_p99_ns > cell->rtt_p99_ns)
		cell->rtt_p99_ns = more->rtt_p99_ns;
	if (more->baseline_ns)
		cell->baseline_ns = more->baseline_ns;
	return 0;
}

/*
 * Whether a median is the higher one against what is usual. One whose usual RTT is not known cannot
 * be compared: it gives way to one that can. Of two that cannot, the longer one is worse.
 */
static bool
picture_is_worse(const struct picture_cell *more, const struct picture_cell *cell)
{
	if (!more->rtt_p50_ns || !cell->rtt_p50_ns)
		return more->rtt_p50_ns > 0;
	if (!more->baseline_ns != !cell->baseline_ns)
		return more->baseline_ns > 0;
	if (!more->baseline_ns)
		return more->rtt_p50_ns > cell->rtt_p50_ns;
	return (uint64_t)more->rtt_p50_ns * cell->baseline_ns >
	       (uint64_t)cell->rtt_p50_ns * more->baseline_ns;
}

int
picture_cells_merge_worst(struct picture_cells *c, const struct picture_cell *more)
{
	struct picture_cell *cell;
	uint32_t place;
	int rc = picture_cells_sum(c, more, &place);

	if (rc < 0 || place == UINT32_MAX)
		return rc;
	cell = &c->table[place];
	if (picture_is_worse(more, cell)) {
		cell->rtt_p50_ns = more->rtt_p50_ns;
		cell->baseline_ns = more->baseline_ns;
	}
	if (more->rtt_p99_ns > cell->rtt_p99_ns)
		cell->rtt_p99_ns = more->rtt_p99_ns;
	return 0;
}

int
picture_cells_add(struct picture_cells *c, uint32_t from, uint32_t to,
		  const struct intake_row *row, uint64_t now_ns)
{
	const struct intake_counts *counts = &row->counts;
	const struct picture_cell cell = {.from = from,
					  .to = to,
					  .sent = counts->sent,
					  .answered = counts->answered,
					  .lost = (uint64_t)counts->lost + counts->back_lost +
						  counts->unreachable,
					  .noise = counts->noise,
					  .rtt_us = counts->rtt_us};
	uint32_t place;
	int rc = picture_cells_sum(c, &cell, &place);

	return rc < 0 || place == UINT32_MAX ? rc : picture_rtts_add(&c->rtts[place], row, now_ns);
}

static uint32_t
picture_quantile(const struct histogram *h, uint32_t per_million)
{
	uint64_t ns = histogram_quantile(h, per_million);

	return ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
}

static void
picture_rtts_free(struct picture_rtts *rtts)
{
	if (!rtts)
		return;
	histogram_clear(&rtts->rtt);
	histogram_clear(&rtts->usual);
	free(rtts);
}

bool
picture_cells_close(struct picture_cells *c, uint32_t n)
{
	for (; c->done < c->size && n > 0; c->done++, n--) {
		struct picture_rtts *rtts = c->rtts[c->done];
		struct picture_cell *cell;

		if (c->table[c->done].sent == 0)
			continue;
		cell = &c->table[c->n_done++];
		*cell = c->table[c->done];
		if (!rtts)
			continue;
		cell->rtt_p50_ns = picture_quantile(&rtts->rtt, 500000);
		cell->rtt_p99_ns = picture_quantile(&rtts->rtt, 990000);
		cell->baseline_ns = picture_quantile(&rtts->usual, 500000);
		c->rtts[c->done] = NULL;
		picture_rtts_free(rtts);
	}
	return c->done < c->size;
}

static int
picture_cells_compare(const void *a, const void *b)
{
	const struct picture_cell *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return x->to == y->to ? 0 : x->to < y->to ? -1 : 1;
}

void
picture_cells_sort(struct picture_cells *c)
{
	picture_cells_close(c, UINT32_MAX);
	free(c->rtts);
	c->rtts = NULL;
	if (c->used > 0)
		qsort(c->table, c->used, sizeof(*c->table), picture_cells_compare);
}

void
picture_cells_clear(struct picture_cells *c)
{
	for (uint32_t i = 0; c->rtts && i < c->size; i++)
		picture_rtts_free(c->rtts[i]);
	free(c->rtts);
	free(c->table);
	*c = (struct picture_cells){0};
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: windows
 *
 * window_at() makes a window when the first probe of its time comes due. Its series owns it. Until
 * its time is over, it is in the clock's list `running`, which is sorted by the end. While it still
 * has probes in flight, or an earlier window is open, it is in no list of the clock. Then it is in
 * `ready`, until window_clock_close() moves it to the closed windows of its series. There is no
 * timer: window_clock_next_ns() gives the time of the next window_clock_advance().
 */
#include "stat/window.h"

#include <errno.h>
#include <stdlib.h>

void
window_clock_init(struct window_clock *clock, uint64_t len_ns)
{
	*clock = (struct window_clock){.len_ns = len_ns};
	TAILQ_INIT(&clock->running);
	TAILQ_INIT(&clock->ready);
}

void
window_series_init(struct window_series *series, uint32_t keep, void *owner, bool target)
{
	*series = (struct window_series){.keep = keep, .owner = owner, .target = target};
	TAILQ_INIT(&series->open);
	TAILQ_INIT(&series->closed);
}

static void
window_free(struct window *w)
{
	for (uint32_t i = 0; i < w->n_sizes; i++)
		histogram_clear(&w->size[i].rtt);
	free(w->size);
	histogram_clear(&w->prober_delay);
	histogram_clear(&w->responder_delay);
	free(w);
}

/* ---- from running to closed ---- */

/* Call this whenever one of the conditions may have become true. */
static void
window_check_ready(struct window *w, struct window_clock *clock)
{
	if (!w || w->ready || !w->over || w->in_flight > 0 || TAILQ_FIRST(&w->series->open) != w)
		return;
	w->ready = true;
	TAILQ_INSERT_TAIL(&clock->ready, w, in_clock);
}

static void
window_set_over(struct window *w, struct window_clock *clock)
{
	if (w->over)
		return;
	TAILQ_REMOVE(&clock->running, w, in_clock);
	w->over = true;
	window_check_ready(w, clock);
}

void
window_clock_advance(struct window_clock *clock, uint64_t now_ns)
{
	struct window *w;

	while ((w = TAILQ_FIRST(&clock->running)) && w->end_mono_ns <= now_ns)
		window_set_over(w, clock);
}

uint64_t
window_clock_next_ns(const struct window_clock *clock)
{
	const struct window *w = TAILQ_FIRST(&clock->running);

	if (!TAILQ_EMPTY(&clock->ready))
		return 0;
	return w ? w->end_mono_ns : UINT64_MAX;
}

static void
window_series_trim(struct window_series *series)
{
	while (series->n_closed > series->keep) {
		struct window *w = TAILQ_LAST(&series->closed, window_list);

		TAILQ_REMOVE(&series->closed, w, in_series);
		series->n_closed--;
		window_free(w);
	}
}

struct window *
window_series_close(struct window_series *series, struct window_clock *clock)
{
	struct window *w = TAILQ_FIRST(&series->open);

	if (!w || !w->ready)
		return NULL;
	w->ready = false;
	TAILQ_REMOVE(&clock->ready, w, in_clock);
	TAILQ_REMOVE(&series->open, w, in_series);
	TAILQ_INSERT_HEAD(&series->closed, w, in_series);
	series->n_closed++;
	window_series_trim(series);
	window_check_ready(TAILQ_FIRST(&series->open), clock);
	return w;
}

struct window *
window_clock_close(struct window_clock *clock)
{
	struct window *w = TAILQ_FIRST(&clock->ready);

	return w ? window_series_close(w->series, clock) : NULL;
}

void
window_series_clear(struct window_series *series, struct window_clock *clock)
{
	struct window *w;

	while ((w = TAILQ_FIRST(&series->open))) {
		if (!w->over)
			TAILQ_REMOVE(&clock->running, w, in_clock);
		else if (w->ready)
			TAILQ_REMOVE(&clock->ready, w, in_clock);
		TAILQ_REMOVE(&series->open, w, in_series);
		window_free(w);
	}
	while ((w = TAILQ_FIRST(&series->closed))) {
		TAILQ_REMOVE(&series->closed, w, in_series);
		window_free(w);
	}
	series->n_closed = 0;
}

/* ---- cuts ---- */

/* Ends its time at at_ns, unless it has ended already. */
static void
window_cut(struct window *w, struct window_clock *clock, uint8_t why, uint64_t at_ns)
{
	if (at_ns < w->start_mono_ns)
		at_ns = w->start_mono_ns;
	if (!w->over && at_ns < w->end_mono_ns) {
		w->end_ns -= w->end_mono_ns - at_ns;
		w->end_mono_ns = at_ns;
		w->cut |= why;
		w->series->covered_ns = at_ns;
		w->series->cut = why;
	}
	window_set_over(w, clock);
}

void
window_clock_set(struct window_clock *clock, uint64_t len_ns, int64_t offset_ns, uint8_t why,
		 uint64_t now_ns)
{
	struct window *w;

	while ((w = TAILQ_FIRST(&clock->running)))
		window_cut(w, clock, why, now_ns);
	clock->len_ns = len_ns;
	clock->offset_ns = offset_ns;
	clock->since_ns = now_ns;
	clock->cut = why;
}

void
window_series_cut(struct window_series *series, struct window_clock *clock, uint8_t why,
		  uint64_t now_ns)
{
	struct window *w, *next;

	for (w = TAILQ_FIRST(&series->open); w; w = next) {
		next = TAILQ_NEXT(w, in_series);
		window_cut(w, clock, why, now_ns);
	}
}

static bool
window_same_way(const struct window_way *a, const struct window_way *b)
{
	return a->src_port == b->src_port && a->path == b->path && a->road == b->road &&
	       addr_equal(&a->source, &b->source);
}

void
window_series_way(struct window_series *series, struct window_clock *clock,
		  const struct window_way *way, uint64_t now_ns)
{
	struct window *w;

	if (window_same_way(&series->way, way))
		return;
	series->way = *way;
	w = TAILQ_LAST(&series->open, window_list);
	if (w && !w->over && w->posted == 0)
		w->way = *way; /* none of its probes has been posted yet */
	else
		window_series_cut(series, clock, WINDOW_CUT_WAY, now_ns);
}

/* ---- which window ---- */

/* The wall-clock time of t_ns, never before the epoch. */
static uint64_t
window_wall_ns(const struct window_clock *clock, uint64_t t_ns)
{
	uint64_t back_ns = clock->offset_ns < 0 ? 0 - (uint64_t)clock->offset_ns : 0;

	if (clock->offset_ns >= 0)
		return t_ns + (uint64_t)clock->offset_ns;
	return t_ns > back_ns ? t_ns - back_ns : 0;
}

/* Inserts it by its end, which is nearly always at the tail. */
static void
window_run(struct window *w, struct window_clock *clock)
{
	struct window *before = TAILQ_LAST(&clock->running, window_list);

	while (before && before->end_mono_ns > w->end_mono_ns)
		before = TAILQ_PREV(before, window_list, in_clock);
	if (before)
		TAILQ_INSERT_AFTER(&clock->running, before, w, in_clock);
	else
		TAILQ_INSERT_HEAD(&clock->running, w, in_clock);
}

static struct window *
window_new(struct window_series *series, struct window_clock *clock, uint64_t t_ns)
{
	struct window *w = calloc(1, sizeof(*w));
	uint64_t wall_ns = window_wall_ns(clock, t_ns), into_ns = wall_ns % clock->len_ns;
	uint64_t floor_ns =
		series->covered_ns > clock->since_ns ? series->covered_ns : clock->since_ns;

	if (!w)
		return NULL;
	w->series = series;
	w->way = series->way;
	w->start_mono_ns = into_ns < t_ns ? t_ns - into_ns : 0;
	w->end_mono_ns = t_ns + (clock->len_ns - into_ns);
	if (w->start_mono_ns < clock->since_ns)
		w->cut = clock->cut;
	if (w->start_mono_ns < series->covered_ns)
		w->cut |= series->cut;
	if (w->start_mono_ns < floor_ns)
		w->start_mono_ns = floor_ns;
	w->start_ns = wall_ns - (t_ns - w->start_mono_ns);
	w->end_ns = wall_ns + (clock->len_ns - into_ns);
	series->covered_ns = w->end_mono_ns;
	series->cut = 0;
	TAILQ_INSERT_TAIL(&series->open, w, in_series);
	window_run(w, clock);
	return w;
}

struct window *
window_at(struct window_series *series, struct window_clock *clock, uint64_t t_ns)
{
	struct window *w;

	/* If the window of that time has ended, take the first one that is not over. */
	TAILQ_FOREACH(w, &series->open, in_series) {
		if (!w->over && t_ns < w->end_mono_ns)
			return w;
	}
	if (t_ns < clock->since_ns)
		t_ns = clock->since_ns;
	if (t_ns < series->covered_ns)
		t_ns = series->covered_ns;
	return window_new(series, clock, t_ns);
}

/* ---- what is counted ---- */

/* Returns the figures of a size. Makes them if necessary. NULL: no memory. */
static struct window_size *
window_size(struct window *w, uint32_t size)
{
	struct window_size *grown;

	for (uint32_t i = 0; i < w->n_sizes; i++) {
		if (w->size[i].size == size || i == WINDOW_SIZES)
			return &w->size[i];
	}
	grown = reallocarray(w->size, w->n_sizes + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	w->size = grown;
	w->size[w->n_sizes] = (struct window_size){.size = w->n_sizes < WINDOW_SIZES ? size : 0};
	return &w->size[w->n_sizes++];
}

void
window_due(struct window *w, uint32_t size, bool posted)
{
	struct window_size *of = window_size(w, size);

	w->due++;
	w->posted += posted;
	w->in_flight++;
	if (of)
		of->due++;
}

static void
window_land(struct window *w, struct window_clock *clock)
{
	w->in_flight--;
	window_check_ready(w, clock);
}

void
window_forget(struct window *w, struct window_clock *clock, uint32_t size, bool posted)
{
	struct window_size *of = window_size(w, size);

	w->due--;
	w->posted -= posted;
	if (of && of->due > 0)
		of->due--;
	window_land(w, clock);
}

static void
window_answered(struct window *w, struct window_size *of, const struct probe_result *r)
{
	w->answered += !r->stalled;
	w->answered_noise += r->stalled;
	if (of) {
		of->answered += !r->stalled;
		of->answered_noise += r->stalled;
	}
	if (!r->measured)
		return;
	w->clock[r->clock]++;
	if (histogram_add(&w->prober_delay, r->prober_delay_ns) < 0 ||
	    histogram_add(&w->responder_delay, r->responder_delay_ns) < 0)
		w->unbinned++;
	if (r->host_noise != PROBE_NOISE_NONE && r->clock == PROBE_CLOCK_SW) {
		w->noise_rtt_n++;
		w->noise_rtt_sum_ns += r->rtt_ns;
		if (r->rtt_ns > w->noise_rtt_max_ns)
			w->noise_rtt_max_ns = r->rtt_ns;
	} else if (!of || histogram_add(&of->rtt, r->rtt_ns) < 0) {
		w->unbinned++;
	}
}

static void
window_lost(struct window *w, struct window_size *of, const struct probe_result *r)
{
	w->lost += !r->stalled;
	w->lost_noise += r->stalled;
	if (of) {
		of->lost += !r->stalled;
		of->lost_noise += r->stalled;
	}
}

void
window_result(struct window *w, struct window_clock *clock, const struct probe_result *r)
{
	struct window_size *of = window_size(w, r->size);

	w->by_class[r->class]++;
	w->noise[r->host_noise]++;
	if (probe_class_is_answered(r->class))
		window_answered(w, of, r);
	else if (probe_class_is_lost(r->class))
		window_lost(w, of, r);
	window_land(w, clock);
}

/* ---- reading ---- */

void
window_loss(const struct window *w, double level, struct interval *out)
{
	interval_proportion(w->lost, w->answered + w->lost, level, out);
}

void
window_size_loss(const struct window_size *size, double level, struct interval *out)
{
	interval_proportion(size->lost, size->answered + size->lost, level, out);
}

uint64_t
window_stands_ns(const struct window *w, uint64_t interval_ns)
{
	uint64_t next_ns = interval_ns + (w->end_mono_ns - w->start_mono_ns);

	return w->end_mono_ns + (2 * next_ns > WINDOW_STANDS_NS ? 2 * next_ns : WINDOW_STANDS_NS);
}

int
window_rtt(const struct window *w, struct histogram *out)
{
	int rc = 0;

	for (uint32_t i = 0; i < w->n_sizes && rc == 0; i++)
		rc = histogram_merge(out, &w->size[i].rtt);
	return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Windows by themselves: where they begin and end, what they count, how they are closed and cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/clock.h"
#include "stat/window.h"

#define SEC NSEC_PER_SEC
#define MS NSEC_PER_MSEC
/* Wall clock minus CLOCK_MONOTONIC: the latter began 3.25 s after a full ten seconds. */
#define OFFSET ((int64_t)(1700000000 * SEC + 3 * SEC + 250 * MS))

struct world {
	struct window_clock clock;
	struct window_series series;
};

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	window_clock_init(&w->clock, WINDOW_LEN_NS);
	window_clock_set(&w->clock, WINDOW_LEN_NS, OFFSET, 0, 0);
	window_series_init(&w->series, 3, w, true);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	window_series_clear(&w->series, &w->clock);
	assert_true(TAILQ_EMPTY(&w->clock.running));
	assert_true(TAILQ_EMPTY(&w->clock.ready));
	free(w);
	return 0;
}

static struct probe_result
answer(uint32_t size, uint64_t rtt_ns)
{
	return (struct probe_result){
		.class = PROBE_OK,
		.size = size,
		.posted = true,
		.measured = true,
		.rtt_ns = rtt_ns,
		.prober_delay_ns = rtt_ns / 10,
		.responder_delay_ns = rtt_ns / 20,
		.clock = PROBE_CLOCK_SW,
	};
}

/* A probe that comes due at t and ends at once. */
static void
count(struct world *w, uint64_t t_ns, const struct probe_result *r)
{
	struct window *window = window_at(&w->series, &w->clock, t_ns);

	assert_non_null(window);
	window_due(window, r->size, r->posted);
	window_result(window, &w->clock, r);
}

static void
test_bounds(void **state)
{
	struct world *w = *state;
	struct probe_result r = answer(50, 1000);
	const uint64_t edge = 6 * SEC + 750 * MS; /* a full ten seconds of the wall clock */
	struct window *first, *second;

	count(w, edge - 1, &r);
	count(w, edge, &r);
	count(w, edge + WINDOW_LEN_NS - 1, &r);
	assert_int_equal(window_clock_next_ns(&w->clock), edge);
	window_clock_advance(&w->clock, edge - 1);
	assert_null(window_clock_close(&w->clock));
	window_clock_advance(&w->clock, edge);
	assert_int_equal(window_clock_next_ns(&w->clock), 0);
	first = window_clock_close(&w->clock);
	assert_non_null(first);
	assert_int_equal(first->end_ns, 1700000010 * SEC);
	assert_int_equal(first->end_mono_ns, edge);
	/* The clock began in its middle. */
	assert_int_equal(first->start_mono_ns, 0);
	assert_int_equal(first->start_ns, (uint64_t)OFFSET);
	assert_int_equal(first->due, 1);
	assert_null(window_clock_close(&w->clock));
	window_clock_advance(&w->clock, edge + WINDOW_LEN_NS);
	second = window_clock_close(&w->clock);
	assert_non_null(second);
	assert_int_equal(second->start_ns, 1700000010 * SEC);
	assert_int_equal(second->end_ns, 1700000020 * SEC);
	assert_int_equal(second->due, 2);
	assert_int_equal(second->cut, 0);
	assert_int_equal(window_clock_next_ns(&w->clock), UINT64_MAX);
	assert_ptr_equal(TAILQ_FIRST(&w->series.closed), second);
	assert_ptr_equal(TAILQ_NEXT(second, in_series), first);
}

/* A window waits for its last probe, and those after it wait for it. */
static void
test_in_flight(void **state)
{
	struct world *w = *state;
	struct probe_result r = answer(50, 1000);
	struct window *early = window_at(&w->series, &w->clock, SEC), *closed;

	window_due(early, 50, true);
	count(w, 8 * SEC, &r);
	count(w, 18 * SEC, &r);
	window_clock_advance(&w->clock, 30 * SEC);
	assert_null(window_clock_close(&w->clock));
	assert_int_equal(window_clock_next_ns(&w->clock), UINT64_MAX);
	window_result(early, &w->clock, &r);
	for (int i = 0; i < 3; i++) {
		closed = window_clock_close(&w->clock);
		assert_non_null(closed);
		assert_int_equal(closed->due, 1);
		assert_int_equal(closed->in_flight, 0);
		assert_int_equal(closed->by_class[PROBE_OK], 1);
	}
	assert_null(window_clock_close(&w->clock));
	/* Three are kept. */
	count(w, 40 * SEC, &r);
	window_clock_advance(&w->clock, 60 * SEC);
	assert_non_null(window_clock_close(&w->clock));
	assert_int_equal(w->series.n_closed, 3);
}

static void
test_forget(void **state)
{
	struct world *w = *state;
	struct window *window = window_at(&w->series, &w->clock, SEC);

	window_due(window, 50, true);
	window_clock_advance(&w->clock, 30 * SEC);
	assert_null(window_clock_close(&w->clock));
	window_forget(window, &w->clock, 50, true);
	assert_ptr_equal(window_clock_close(&w->clock), window);
	assert_int_equal(window->due, 0);
	assert_int_equal(window->posted, 0);
	assert_int_equal(window->size[0].due, 0);
}

/* Time that is over, or that a cut has ended, is not counted in what is closed. */
static void
test_late_comer(void **state)
{
	struct world *w = *state;
	struct probe_result r = answer(50, 1000);

	count(w, 5 * SEC, &r);
	window_clock_advance(&w->clock, 7 * SEC);
	assert_int_equal(window_clock_close(&w->clock)->due, 1);
	count(w, 5 * SEC, &r);
	window_clock_advance(&w->clock, 17 * SEC);
	assert_int_equal(window_clock_close(&w->clock)->start_mono_ns, 6 * SEC + 750 * MS);
}

static void
check_cut(struct world *w, int64_t offset_ns, uint64_t at_ns)
{
	struct probe_result r = answer(50, 1000);
	struct window *before, *after;
	uint64_t end_ns;

	count(w, at_ns - SEC, &r);
	window_clock_set(&w->clock, WINDOW_LEN_NS, offset_ns, WINDOW_CUT_CLOCK, at_ns);
	count(w, at_ns, &r);
	before = window_clock_close(&w->clock);
	assert_non_null(before);
	assert_int_equal(before->due, 1);
	assert_int_equal(before->cut, WINDOW_CUT_CLOCK);
	assert_int_equal(before->end_mono_ns, at_ns);
	assert_int_equal(before->end_ns - before->start_ns,
			 before->end_mono_ns - before->start_mono_ns);
	window_clock_advance(&w->clock, at_ns + WINDOW_LEN_NS);
	after = window_clock_close(&w->clock);
	assert_non_null(after);
	assert_int_equal(after->due, 1);
	assert_int_equal(after->cut, WINDOW_CUT_CLOCK);
	assert_int_equal(after->start_mono_ns, at_ns);
	assert_int_equal(after->start_ns, at_ns + (uint64_t)offset_ns);
	assert_int_equal(after->end_ns % WINDOW_LEN_NS, 0);
	assert_true(after->end_ns > after->start_ns);
	/* The next one is whole again. */
	end_ns = after->end_mono_ns;
	count(w, end_ns + 1, &r);
	window_clock_advance(&w->clock, end_ns + WINDOW_LEN_NS);
	after = window_clock_close(&w->clock);
	assert_int_equal(after->cut, 0);
	assert_int_equal(after->start_mono_ns, end_ns);
	assert_int_equal(after->end_ns - after->start_ns, WINDOW_LEN_NS);
}

static void
test_clock_set_forward(void **state)
{
	check_cut(*state, OFFSET + 3700 * (int64_t)SEC + 7, 105 * SEC);
}

static void
test_clock_set_back(void **state)
{
	check_cut(*state, OFFSET - 86400 * (int64_t)SEC - 7, 105 * SEC);
}

static void
test_length(void **state)
{
	struct world *w = *state;
	struct probe_result r = answer(50, 1000);
	struct window *closed;

	count(w, 8 * SEC, &r);
	window_clock_set(&w->clock, SEC, OFFSET, WINDOW_CUT_LENGTH, 9 * SEC);
	closed = window_clock_close(&w->clock);
	assert_int_equal(closed->cut, WINDOW_CUT_LENGTH);
	assert_int_equal(closed->end_mono_ns, 9 * SEC);
	count(w, 9 * SEC, &r);
	window_clock_advance(&w->clock, 10 * SEC);
	closed = window_clock_close(&w->clock);
	assert_int_equal(closed->end_mono_ns, 9 * SEC + 750 * MS);
	assert_int_equal(closed->end_ns % SEC, 0);
}

static void
test_gone(void **state)
{
	struct world *w = *state;
	struct probe_result r = answer(50, 1000);
	struct window *closed;

	count(w, 8 * SEC, &r);
	window_series_cut(&w->series, &w->clock, WINDOW_CUT_GONE, 9 * SEC);
	closed = window_series_close(&w->series, &w->clock);
	assert_int_equal(closed->cut, WINDOW_CUT_GONE);
	assert_int_equal(closed->end_mono_ns, 9 * SEC);
	assert_null(window_series_close(&w->series, &w->clock));
}

static struct window_way
way(uint8_t source, uint16_t port, enum probe_path path)
{
	return (struct window_way){.source = {.raw = {source}}, .src_port = port, .path = path};
}

static void
count_by(struct world *w, uint64_t t_ns, const struct window_way *by)
{
	struct probe_result r = answer(50, 1000);

	window_series_way(&w->series, &w->clock, by, t_ns);
	count(w, t_ns, &r);
}

static void
assert_window(struct world *w, uint64_t start_ns, uint64_t end_ns, uint8_t cut,
	      const struct window_way *by)
{
	const struct window *closed = window_series_close(&w->series, &w->clock);

	assert_non_null(closed);
	assert_int_equal(closed->start_mono_ns, start_ns);
	assert_int_equal(closed->end_mono_ns, end_ns);
	assert_int_equal(closed->end_ns - closed->start_ns, end_ns - start_ns);
	assert_int_equal(closed->cut, cut);
	assert_int_equal(closed->way.src_port, by->src_port);
	assert_int_equal(closed->way.path, by->path);
	assert_memory_equal(&closed->way.source, &by->source, sizeof(by->source));
}

/* Port, path, source address: a change of each ends a window and begins one. */
static void
test_way(void **state)
{
	const struct window_way ways[] = {
		way(1, 50000, PROBE_PATH_APPROXIMATE),
		way(1, 50001, PROBE_PATH_APPROXIMATE),
		way(1, 50001, PROBE_PATH_EXACT),
		way(2, 50001, PROBE_PATH_EXACT),
	};
	struct world *w = *state;
	/* Full ten seconds of the wall clock at 6.75 s and 16.75 s, see OFFSET. */
	const uint64_t begin = 6750 * MS, end = 16750 * MS;

	for (uint64_t i = 0; i < 4; i++) {
		count_by(w, (8 + 2 * i) * SEC, &ways[i]);
		count_by(w, (9 + 2 * i) * SEC, &ways[i]);
	}
	assert_window(w, begin, 10 * SEC, WINDOW_CUT_WAY, &ways[0]);
	assert_window(w, 10 * SEC, 12 * SEC, WINDOW_CUT_WAY, &ways[1]);
	assert_window(w, 12 * SEC, 14 * SEC, WINDOW_CUT_WAY, &ways[2]);
	assert_null(window_series_close(&w->series, &w->clock));
	window_clock_advance(&w->clock, end);
	assert_window(w, 14 * SEC, end, WINDOW_CUT_WAY, &ways[3]);
	count_by(w, end, &ways[3]);
	window_clock_advance(&w->clock, end + 10 * SEC);
	assert_window(w, end, end + 10 * SEC, 0, &ways[3]);
}

/* The cut is at an end of windows that lie apart: no mark on the later one. */
static void
test_way_after_silence(void **state)
{
	const struct window_way one = way(1, 50000, PROBE_PATH_EXACT),
				other = way(1, 50001, PROBE_PATH_EXACT);
	struct world *w = *state;

	count_by(w, 8 * SEC, &one);
	window_series_way(&w->series, &w->clock, &other, 9 * SEC);
	count_by(w, 30 * SEC, &other);
	window_clock_advance(&w->clock, 60 * SEC);
	assert_window(w, 6750 * MS, 9 * SEC, WINDOW_CUT_WAY, &one);
	assert_window(w, 26750 * MS, 36750 * MS, 0, &other);
}

/* Probes that were not posted took no way: the first one that is does not end their window. */
static void
test_way_of_the_first(void **state)
{
	struct probe_result r = {.class = PROBE_UNRESOLVED, .size = 50};
	const struct window_way first = way(1, 50000, PROBE_PATH_EXACT);
	struct world *w = *state;

	count(w, 8 * SEC, &r);
	count_by(w, 9 * SEC, &first);
	count(w, 10 * SEC, &r);
	window_clock_advance(&w->clock, 20 * SEC);
	assert_window(w, 6750 * MS, 16750 * MS, 0, &first);
	assert_null(window_series_close(&w->series, &w->clock));
}

static void
test_classes(void **state)
{
	struct world *w = *state;
	struct window *closed;
	struct interval loss;
	uint64_t sum = 0;

	for (int c = 0; c < PROBE_CLASS_N; c++) {
		struct probe_result r = answer(50, 1000);

		r.class = (enum probe_class)c;
		r.measured = c == PROBE_OK || c == PROBE_LATE;
		r.posted = c != PROBE_UNRESOLVED;
		for (int i = 0; i <= c; i++)
			count(w, SEC, &r);
	}
	window_clock_advance(&w->clock, 7 * SEC);
	closed = window_clock_close(&w->clock);
	for (int c = 0; c < PROBE_CLASS_N; c++) {
		assert_int_equal(closed->by_class[c], c + 1);
		sum += closed->by_class[c];
	}
	assert_int_equal(closed->due, sum);
	assert_int_equal(closed->posted, sum - closed->by_class[PROBE_UNRESOLVED]);
	assert_int_equal(closed->answered,
			 closed->by_class[PROBE_OK] + closed->by_class[PROBE_LATE]);
	assert_int_equal(closed->lost,
			 closed->by_class[PROBE_LOST] + closed->by_class[PROBE_ACK1_MISSING] +
				 closed->by_class[PROBE_ACK2_MISSING]);
	assert_int_equal(closed->clock[PROBE_CLOCK_SW], closed->answered);
	window_loss(closed, 0.95, &loss);
	assert_true(loss.ratio == 19.0 / 23.0);
	assert_true(loss.low < loss.ratio && loss.ratio < loss.high);
}

/*
 * A marked RTT is in no histogram unless all its stamps were hardware's; a marked loss is beside
 * the others.
 */
static void
test_noise(void **state)
{
	struct world *w = *state;
	struct probe_result r = answer(50, 1000),
			    lost = {.class = PROBE_LOST, .size = 50, .posted = true};
	struct histogram rtt = {0};
	struct window *closed;
	struct interval loss;

	count(w, SEC, &r);
	r.rtt_ns = 70000;
	r.host_noise = PROBE_NOISE_PROBER;
	count(w, SEC, &r);
	r.rtt_ns = 90000;
	r.host_noise = PROBE_NOISE_BOTH;
	count(w, SEC, &r);
	r.rtt_ns = 2000;
	r.clock = PROBE_CLOCK_HW;
	r.stalled = true;
	count(w, SEC, &r);
	count(w, SEC, &lost);
	lost.host_noise = PROBE_NOISE_RESPONDER;
	lost.stalled = true;
	count(w, SEC, &lost);
	count(w, SEC, &lost);
	window_clock_advance(&w->clock, 7 * SEC);
	closed = window_clock_close(&w->clock);
	assert_int_equal(window_rtt(closed, &rtt), 0);
	assert_int_equal(rtt.count, 2);
	assert_int_equal(rtt.max_ns, 2000);
	histogram_clear(&rtt);
	assert_int_equal(closed->prober_delay.count, 4);
	assert_int_equal(closed->responder_delay.count, 4);
	assert_int_equal(closed->noise_rtt_n, 2);
	assert_int_equal(closed->noise_rtt_sum_ns, 160000);
	assert_int_equal(closed->noise_rtt_max_ns, 90000);
	assert_int_equal(closed->noise[PROBE_NOISE_NONE], 2);
	assert_int_equal(closed->noise[PROBE_NOISE_PROBER], 1);
	assert_int_equal(closed->noise[PROBE_NOISE_RESPONDER], 2);
	assert_int_equal(closed->noise[PROBE_NOISE_BOTH], 2);
	assert_int_equal(closed->lost, 1);
	assert_int_equal(closed->lost_noise, 2);
	assert_int_equal(closed->answered, 3);
	assert_int_equal(closed->answered_noise, 1);
	window_loss(closed, 0.95, &loss);
	assert_true(loss.ratio == 1.0 / 4.0);
	assert_int_equal(closed->by_class[PROBE_LOST], 3);
	assert_int_equal(closed->size[0].lost, 1);
	assert_int_equal(closed->size[0].lost_noise, 2);
}

/* Sizes are told apart: who loses only the large ones sees it. */
static void
test_sizes(void **state)
{
	static const uint32_t sizes[] = {50, 1024, 4096, 100, 200, 300};
	struct world *w = *state;
	struct window *closed;
	struct interval loss;

	for (int round = 0; round < 10; round++) {
		for (uint32_t i = 0; i < 6; i++) {
			struct probe_result r = answer(sizes[i], 1000 * sizes[i]);

			if (sizes[i] == 4096)
				r = (struct probe_result){.class = PROBE_LOST,
							  .size = 4096,
							  .posted = true};
			count(w, SEC, &r);
		}
	}
	window_clock_advance(&w->clock, 7 * SEC);
	closed = window_clock_close(&w->clock);
	assert_int_equal(closed->n_sizes, WINDOW_SIZES + 1);
	for (uint32_t i = 0; i < WINDOW_SIZES; i++) {
		bool lossy = sizes[i] == 4096;

		assert_int_equal(closed->size[i].size, sizes[i]);
		assert_int_equal(closed->size[i].due, 10);
		assert_int_equal(closed->size[i].lost, lossy ? 10 : 0);
		assert_int_equal(closed->size[i].answered, lossy ? 0 : 10);
		assert_int_equal(closed->size[i].rtt.min_ns, lossy ? 0 : 1000 * sizes[i]);
	}
	assert_int_equal(closed->size[WINDOW_SIZES].size, 0);
	assert_int_equal(closed->size[WINDOW_SIZES].due, 20);
	window_size_loss(&closed->size[2], 0.95, &loss);
	assert_true(loss.ratio == 1 && loss.low > 0.69);
	window_size_loss(&closed->size[0], 0.95, &loss);
	assert_true(loss.ratio == 0 && loss.high < 0.31);
}

static void
assert_same_histogram(const struct histogram *a, const struct histogram *b)
{
	assert_int_equal(a->count, b->count);
	assert_int_equal(a->sum_ns, b->sum_ns);
	assert_int_equal(a->min_ns, b->min_ns);
	assert_int_equal(a->max_ns, b->max_ns);
	assert_int_equal(a->n_bins, b->n_bins);
	if (a->n_bins > 0)
		assert_memory_equal(a->bins, b->bins, a->n_bins * sizeof(a->bins[0]));
}

/* The sum of closed windows, by their public figures. */
struct sum {
	uint64_t due, posted, answered, answered_noise, lost, lost_noise, by_class[PROBE_CLASS_N];
	struct histogram rtt, prober_delay, responder_delay;
};

static void
sum_add(struct sum *sum, const struct window *w)
{
	sum->due += w->due;
	sum->posted += w->posted;
	sum->answered += w->answered;
	sum->answered_noise += w->answered_noise;
	sum->lost += w->lost;
	sum->lost_noise += w->lost_noise;
	for (int i = 0; i < PROBE_CLASS_N; i++)
		sum->by_class[i] += w->by_class[i];
	assert_int_equal(window_rtt(w, &sum->rtt), 0);
	assert_int_equal(histogram_merge(&sum->prober_delay, &w->prober_delay), 0);
	assert_int_equal(histogram_merge(&sum->responder_delay, &w->responder_delay), 0);
}

static void
sum_clear(struct sum *sum)
{
	histogram_clear(&sum->rtt);
	histogram_clear(&sum->prober_delay);
	histogram_clear(&sum->responder_delay);
}

static void
assert_same(const struct sum *a, const struct sum *b)
{
	assert_int_equal(a->due, b->due);
	assert_int_equal(a->posted, b->posted);
	assert_int_equal(a->answered, b->answered);
	assert_int_equal(a->answered_noise, b->answered_noise);
	assert_int_equal(a->lost, b->lost);
	assert_int_equal(a->lost_noise, b->lost_noise);
	assert_memory_equal(a->by_class, b->by_class, sizeof(a->by_class));
	assert_same_histogram(&a->rtt, &b->rtt);
	assert_same_histogram(&a->prober_delay, &b->prober_delay);
	assert_same_histogram(&a->responder_delay, &b->responder_delay);
}

static struct probe_result
random_result(void)
{
	static const uint32_t sizes[] = {50, 1024, 4096};
	struct probe_result r = answer(sizes[rand() % 3], 1000 + (uint64_t)rand());

	r.class = (enum probe_class)(rand() % PROBE_CLASS_N);
	r.measured = r.class == PROBE_OK || r.class == PROBE_LATE;
	r.posted = rand() % 4 > 0;
	r.host_noise = (enum probe_noise)(rand() % PROBE_NOISE_N);
	r.clock = (enum probe_clock)(rand() % PROBE_CLOCK_N);
	r.stalled = rand() % 4 == 0;
	return r;
}

/* Six windows of ten seconds add up to one of a minute. */
static void
test_sum(void **state)
{
	struct world *tens = *state, minute;
	struct sum tens_sum = {0}, minute_sum = {0};
	struct window *closed, *whole;

	srand(4);
	window_series_clear(&tens->series, &tens->clock);
	window_series_init(&tens->series, 6, tens, true);
	window_clock_init(&minute.clock, 60 * SEC);
	window_clock_set(&minute.clock, 60 * SEC, OFFSET, 0, 0);
	window_series_init(&minute.series, 1, &minute, true);
	/* From a full minute on: 1700000040. */
	for (int i = 0; i < 600; i++) {
		struct probe_result r = random_result();
		uint64_t t_ns = 36 * SEC + 750 * MS + (uint64_t)i * 100 * MS;

		count(tens, t_ns, &r);
		count(&minute, t_ns, &r);
	}
	window_clock_advance(&tens->clock, 97 * SEC);
	window_clock_advance(&minute.clock, 97 * SEC);
	whole = window_clock_close(&minute.clock);
	assert_non_null(whole);
	assert_int_equal(whole->start_ns, 1700000040 * SEC);
	sum_add(&minute_sum, whole);
	for (int i = 0; i < 6; i++) {
		closed = window_clock_close(&tens->clock);
		assert_non_null(closed);
		assert_int_equal(closed->due, 100);
		sum_add(&tens_sum, closed);
	}
	assert_same(&minute_sum, &tens_sum);
	sum_clear(&minute_sum);
	sum_clear(&tens_sum);
	window_series_clear(&minute.series, &minute.clock);
}

/*
 * Anything in any order: each probe is in exactly one window that is closed, windows follow each
 * other without overlap.
 */
static void
test_random(void **state)
{
	struct world *w = *state;
	struct window *in_flight[64], *closed;
	uint64_t now = SEC, due = 0, told = 0, last_end = 0;
	int n = 0;

	srand(5);
	for (int step = 0; step < 200000; step++) {
		struct probe_result r = answer(50, 1000);

		now += (uint64_t)(rand() % 100) * MS;
		if (rand() % 2000 == 0)
			window_clock_set(&w->clock, (uint64_t)(1 + rand() % 20) * SEC,
					 OFFSET + (int64_t)rand() * 1000 - 1000000000,
					 WINDOW_CUT_CLOCK, now);
		if (n < 64 && rand() % 2) {
			in_flight[n] = window_at(&w->series, &w->clock,
						 now - (uint64_t)(rand() % 3) * SEC / 2);
			window_due(in_flight[n++], 50, true);
			due++;
		}
		if (n > 0 && rand() % 2) {
			int which = rand() % n;

			if (rand() % 10 == 0) {
				window_forget(in_flight[which], &w->clock, 50, true);
				due--;
			} else {
				window_result(in_flight[which], &w->clock, &r);
			}
			in_flight[which] = in_flight[--n];
		}
		window_clock_advance(&w->clock, now);
		while ((closed = window_clock_close(&w->clock))) {
			assert_int_equal(closed->by_class[PROBE_OK], closed->due);
			assert_true(closed->start_mono_ns >= last_end &&
				    closed->end_mono_ns > closed->start_mono_ns);
			assert_true(closed->end_ns > closed->start_ns);
			assert_int_equal(closed->end_ns - closed->start_ns,
					 closed->end_mono_ns - closed->start_mono_ns);
			last_end = closed->end_mono_ns;
			told += closed->due;
		}
		assert_true(window_clock_next_ns(&w->clock) > now);
	}
	while (n > 0) {
		struct probe_result r = answer(50, 1000);

		window_result(in_flight[--n], &w->clock, &r);
	}
	window_series_cut(&w->series, &w->clock, WINDOW_CUT_GONE, now + 1);
	while ((closed = window_series_close(&w->series, &w->clock)))
		told += closed->due;
	assert_int_equal(told, due);
	assert_true(due > 50000);
}

#define WINDOW_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* For as long as a probe may be away, the last window stands: no gap until the next one closes. */
static void
test_stands(void **state)
{
	static const uint64_t interval_s[] = {1, 10, 61, 299, 300, 600, 3600};
	static const uint64_t len_s[] = {1, 10, 60, 3600};

	(void)state;
	for (size_t l = 0; l < sizeof(len_s) / sizeof(len_s[0]); l++) {
		for (size_t i = 0; i < sizeof(interval_s) / sizeof(interval_s[0]); i++) {
			struct window w = {.start_mono_ns = 5 * SEC,
					   .end_mono_ns = (5 + len_s[l]) * SEC};
			uint64_t stands = window_stands_ns(&w, interval_s[i] * SEC);
			/* The last moment of the window, the next probe, the end of its window. */
			uint64_t next_closes = w.end_mono_ns + (interval_s[i] + len_s[l]) * SEC;

			assert_true(stands > next_closes);
			assert_true(stands >= w.end_mono_ns + 300 * SEC);
			assert_true(stands <= w.end_mono_ns + 300 * SEC +
					      2 * (next_closes - w.end_mono_ns));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WINDOW_TEST(test_bounds),
		WINDOW_TEST(test_in_flight),
		WINDOW_TEST(test_forget),
		WINDOW_TEST(test_late_comer),
		WINDOW_TEST(test_clock_set_forward),
		WINDOW_TEST(test_clock_set_back),
		WINDOW_TEST(test_length),
		WINDOW_TEST(test_gone),
		WINDOW_TEST(test_way),
		WINDOW_TEST(test_way_after_silence),
		WINDOW_TEST(test_way_of_the_first),
		WINDOW_TEST(test_classes),
		WINDOW_TEST(test_noise),
		WINDOW_TEST(test_sizes),
		WINDOW_TEST(test_sum),
		WINDOW_TEST(test_random),
		cmocka_unit_test(test_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

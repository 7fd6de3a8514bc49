/* SPDX-License-Identifier: Apache-2.0 */
/* A heap with the best pair on top keeps the worst ones; when all were seen, it is sorted. */
#include "central/tell/central_pairs.h"

#include <errno.h>
#include <stdlib.h>

#define CENTRAL_PAIRS_STEP 8192u

struct central_pairs_choice {
	struct picture_view *view;   /* held; NULL: none */
	uint32_t *cells;             /* numbers of cells */
	uint32_t n, max;
	uint64_t seen;               /* cells with probes */
};

struct central_pairs {
	struct central_pairs_choice now, next;
	uint32_t at;                 /* the cell of `next` that comes next */
};

static void
central_pairs_clear(struct central_pairs_choice *choice)
{
	picture_release(choice->view);
	free(choice->cells);
	*choice = (struct central_pairs_choice){.n = 0};
}

struct central_pairs *
central_pairs_new(void)
{
	return calloc(1, sizeof(struct central_pairs));
}

void
central_pairs_free(struct central_pairs *pairs)
{
	if (!pairs)
		return;
	central_pairs_clear(&pairs->now);
	central_pairs_clear(&pairs->next);
	free(pairs);
}

/* ---- order ---- */

double
central_pairs_loss(const struct picture_cell *cell)
{
	uint64_t judged = cell->answered + cell->lost;

	return judged ? (double)cell->lost / (double)judged : -1;
}

/* By how much the RTT is above what is usual; 0: it is not, or that is unknown. */
static double
central_pairs_rise(const struct picture_cell *cell)
{
	if (!cell->baseline_ns || cell->rtt_p50_ns <= cell->baseline_ns)
		return 0;
	return (double)cell->rtt_p50_ns / (double)cell->baseline_ns;
}

/* Whether cell a is worse than b. Cells stand in the order of names. */
static bool
central_pairs_worse(const struct picture_view *view, uint32_t a, uint32_t b)
{
	const struct picture_cell *x = picture_cell(view, a), *y = picture_cell(view, b);
	double loss = central_pairs_loss(x) - central_pairs_loss(y);
	double rise = central_pairs_rise(x) - central_pairs_rise(y);

	if (loss < 0 || loss > 0)
		return loss > 0;
	/* What is within a factor of two goes up and down by itself. */
	if ((rise < 0 || rise > 0) && (central_pairs_rise(x) >= 2 || central_pairs_rise(y) >= 2))
		return rise > 0;
	return a < b;
}

/* The top moves down to its place. */
static void
central_pairs_sink(struct central_pairs_choice *c, uint32_t n)
{
	uint32_t at = 0, child;

	while ((child = 2 * at + 1) < n) {
		uint32_t other = child + 1, swap;

		if (other < n && central_pairs_worse(c->view, c->cells[child], c->cells[other]))
			child = other;
		if (!central_pairs_worse(c->view, c->cells[at], c->cells[child]))
			return;
		swap = c->cells[at];
		c->cells[at] = c->cells[child];
		c->cells[child] = swap;
		at = child;
	}
}

static void
central_pairs_rise_up(struct central_pairs_choice *c, uint32_t at)
{
	while (at > 0) {
		uint32_t above = (at - 1) / 2, swap = c->cells[at];

		if (!central_pairs_worse(c->view, c->cells[above], c->cells[at]))
			return;
		c->cells[at] = c->cells[above];
		c->cells[above] = swap;
		at = above;
	}
}

static void
central_pairs_take(struct central_pairs_choice *c, uint32_t cell)
{
	if (!picture_cell(c->view, cell)->sent)
		return;
	c->seen++;
	if (c->n < c->max) {
		c->cells[c->n] = cell;
		central_pairs_rise_up(c, c->n++);
	} else if (c->n && central_pairs_worse(c->view, cell, c->cells[0])) {
		c->cells[0] = cell;
		central_pairs_sink(c, c->n);
	}
}

/* From a heap with the best on top to a list with the worst first. */
static void
central_pairs_sort(struct central_pairs_choice *c)
{
	for (uint32_t n = c->n; n > 1; n--) {
		uint32_t best = c->cells[0];

		c->cells[0] = c->cells[n - 1];
		c->cells[n - 1] = best;
		central_pairs_sink(c, n - 1);
	}
}

/* ---- choosing ---- */

int
central_pairs_begin(struct central_pairs *pairs, struct picture_view *view, uint32_t max)
{
	struct picture_info info;

	central_pairs_clear(&pairs->next);
	pairs->at = 0;
	picture_info(view, &info);
	if (max > info.cells)
		max = info.cells;
	if (max > CENTRAL_PAIRS_MAX)
		max = CENTRAL_PAIRS_MAX;
	pairs->next.cells = calloc(max ? max : 1, sizeof(*pairs->next.cells));
	if (!pairs->next.cells) {
		picture_release(view);
		return -ENOMEM;
	}
	pairs->next.view = view;
	pairs->next.max = max;
	return 0;
}

bool
central_pairs_step(struct central_pairs *pairs)
{
	struct picture_info info;

	if (!pairs->next.view)
		return false;
	picture_info(pairs->next.view, &info);
	for (uint32_t i = 0; i < CENTRAL_PAIRS_STEP && pairs->at < info.cells; i++)
		central_pairs_take(&pairs->next, pairs->at++);
	if (pairs->at < info.cells)
		return true;
	central_pairs_sort(&pairs->next);
	/* Pairs that the picture has no room for have probes, too. */
	pairs->next.seen += info.left_out;
	central_pairs_clear(&pairs->now);
	pairs->now = pairs->next;
	pairs->next = (struct central_pairs_choice){.n = 0};
	return false;
}

void
central_pairs_info(const struct central_pairs *pairs, struct central_pairs_info *out)
{
	*out = (struct central_pairs_info){pairs->now.n, pairs->now.seen - pairs->now.n};
}

const struct picture_cell *
central_pairs_at(const struct central_pairs *pairs, uint32_t i, const char **from, const char **to)
{
	const struct picture_cell *cell = picture_cell(pairs->now.view, pairs->now.cells[i]);

	*from = picture_name(pairs->now.view, cell->from);
	*to = picture_name(pairs->now.view, cell->to);
	return cell;
}

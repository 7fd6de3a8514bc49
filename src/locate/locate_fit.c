/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The search for the set of parts that explains the losses. After each part that comes in, the
 * rates of all members and the background are fitted again, and members that no longer pay for
 * themselves go out: a switch that came in for two of its links leaves when both are there.
 */
#include <math.h>
#include <string.h>

#include "locate/locate_impl.h"

#define SWEEPS 3
/* So many of the best parts are looked at more closely than the grid allows. */
#define NEAR 8
/* What the background is taken for before anything is known, and at most. */
#define USUAL_LOSS 1e-5
#define USUAL_SLOW 1e-2
#define MOST_LOSS 1e-3
#define MOST_SLOW 0.1
#define LEAST_LOSS 1e-6
/* What is known of the background before: as if so many losses had been seen at that rate. */
#define KNOWN 0.1
/* A part that most tuples lose all over has a rate. */
#define MOST_OF_TUPLES 0.8
#define SOME_PRICE 4

/* Whether all of it is lost, and not by chance. */
static bool
locate_fit_whole(const struct locate_work *work, const struct locate_lossy *lossy)
{
	const struct locate_row *row = &work->evidence->rows[lossy->row];

	return row->sent > 1 && row->lost > 0.9 * row->sent;
}

/* What a member does to a row that crosses its part. */
static struct locate_more
locate_fit_more(const struct locate_work *work, const struct locate_member *member,
		const struct locate_pair *pair)
{
	bool sure = member->some || work->part[member->part].sure || pair->mask & LOCATE_SURE;
	bool spared = member->some && !locate_fit_whole(work, &work->lossy[pair->lossy]);

	return (struct locate_more){pair->mask, sure, spared ? 0 : log1p(-member->rate)};
}

static void
locate_fit_cross(const struct locate_work *work, const struct locate_member *member,
		 const struct locate_pair *pair, struct locate_lossy *lossy)
{
	struct locate_more more = locate_fit_more(work, member, pair);
	double there = more.mask & LOCATE_THERE ? more.ok : 0;
	double back = more.mask & LOCATE_WAY_BACK ? more.ok : 0;

	if (work->slow && there < 0)
		back = 0;
	lossy->there += there;
	lossy->back += back;
	if (more.sure) {
		lossy->sure_there += there;
		lossy->sure_back += back;
	}
}

static void
locate_fit_add(struct locate_work *work, const struct locate_member *member)
{
	const struct locate_part *part = &work->part[member->part];

	if (!part->sure && !member->some && member->rate > work->worst)
		work->worst = member->rate;
	for (uint32_t i = part->first; i < part->first + part->n; i++)
		locate_fit_cross(work, member, &work->pair[i],
				 &work->lossy[work->pair[i].lossy]);
}

void
locate_fit_apply(struct locate_work *work, size_t without)
{
	work->worst = 0;
	for (size_t i = 0; i < work->n_lossy; i++) {
		struct locate_lossy *lossy = &work->lossy[i];

		lossy->there = lossy->back = lossy->sure_there = lossy->sure_back = 0;
	}
	for (size_t i = 0; i < work->n_set; i++)
		if (i != without)
			locate_fit_add(work, &work->set[i]);
}

void
locate_fit_fill(struct locate_work *work)
{
	for (unsigned int g = 0; g < LOCATE_GRID; g++)
		work->stray[g] = 0;
	for (size_t i = 0; i < work->n_lossy; i++) {
		locate_row_fill(work, &work->lossy[i]);
		for (unsigned int g = 0; g < LOCATE_GRID; g++)
			work->stray[g] += (double)work->lossy[i].stray[g];
	}
	for (unsigned int g = 0; g < LOCATE_GRID; g++)
		if (locate_grid[g] > work->worst)
			work->stray[g] += locate_quiet_stray(work, locate_grid[g]) -
					  locate_quiet_stray(work, work->worst);
}

static double
locate_fit_most(const struct locate_work *work)
{
	return work->slow ? MOST_SLOW : MOST_LOSS;
}

/* The packets that the background has had, with those of what was known before. */
static double
locate_fit_packets(const struct locate_work *work)
{
	return work->packets + KNOWN / (work->slow ? USUAL_SLOW : USUAL_LOSS);
}

/* Of the losses of a row, those that have no cause in the set. */
static double
locate_fit_unexplained(const struct locate_work *work, const struct locate_lossy *lossy)
{
	const struct locate_row *row = &work->evidence->rows[lossy->row];

	return locate_row_count(work, row).k * locate_row_unexplained(work, lossy);
}

static void
locate_fit_background(struct locate_work *work)
{
	work->unexplained = KNOWN + work->quiet_losses;
	for (size_t i = 0; i < work->n_lossy; i++)
		work->unexplained += locate_fit_unexplained(work, &work->lossy[i]);
	locate_set_background(work, fmin(fmax(work->unexplained / locate_fit_packets(work),
					      LEAST_LOSS), locate_fit_most(work)));
}

/*
 * How much of the gain of a member the background makes up for, if it is fitted again without it:
 * the losses that are then unexplained raise it. Applied is the set without it. In a small fabric
 * this is much: what a few losses have in common there may well be chance.
 */
double
locate_fit_refund(const struct locate_work *work, const struct locate_member *member)
{
	const struct locate_part *part = &work->part[member->part];
	double sum = work->unexplained, packets = locate_fit_packets(work), without;

	for (uint32_t i = part->first; i < part->first + part->n; i++) {
		const struct locate_pair *pair = &work->pair[i];
		struct locate_lossy lossy = work->lossy[pair->lossy];

		sum += locate_fit_unexplained(work, &lossy);
		locate_fit_cross(work, member, pair, &lossy);
		sum -= locate_fit_unexplained(work, &lossy);
	}
	without = fmin(sum / packets, locate_fit_most(work));
	if (without <= work->background)
		return 0;
	return sum * log(without / work->background) - packets * (without - work->background);
}

/* ---- one part ---- */

/* The top of the parabola through the best rate of the grid and its neighbours. */
static double
locate_fit_peak(const double *sum, unsigned int g, double *rate)
{
	double left, right, x, step;

	*rate = locate_grid[g];
	if (g == 0 || g == LOCATE_GRID - 1)
		return sum[g];
	left = sum[g - 1] - sum[g];
	right = sum[g + 1] - sum[g];
	if (left + right > -1e-9)
		return sum[g];
	x = 0.5 * (left - right) / (left + right);
	step = x > 0 ? log(locate_grid[g + 1] / locate_grid[g]) :
		       log(locate_grid[g] / locate_grid[g - 1]);
	*rate *= exp(x * step);
	return sum[g] - 0.25 * (right - left) * x;
}

static void
locate_fit_sums(const struct locate_work *work, const struct locate_part *part, double *sum)
{
	for (unsigned int g = 0; g < LOCATE_GRID; g++)
		sum[g] = part->sure ? 0 : work->stray[g];
	for (uint32_t i = part->first; i < part->first + part->n; i++) {
		const struct locate_pair *pair = &work->pair[i];
		const struct locate_lossy *lossy = &work->lossy[pair->lossy];
		bool sure = part->sure || pair->mask & LOCATE_SURE;
		const float *more = lossy->more[(pair->mask & LOCATE_WAYS) - 1 + (sure ? 3 : 0)];

		for (unsigned int g = 0; g < LOCATE_GRID; g++)
			sum[g] += (double)(sure && !part->sure ? more[g] - lossy->stray[g] :
					   more[g]);
	}
}

double
locate_fit_score(const struct locate_work *work, const struct locate_part *part, double least,
		 double *rate)
{
	double sum[LOCATE_GRID], most = -INFINITY;
	unsigned int best = 0;

	locate_fit_sums(work, part, sum);
	for (unsigned int g = 0; g < LOCATE_GRID; g++)
		most = fmax(most, sum[g]);
	/* Rows without loss only make it less. Between two rates it may be a bit more. */
	if (1.1 * most < least + part->price)
		return -INFINITY;
	for (unsigned int g = 0; g < LOCATE_GRID; g++) {
		sum[g] += locate_quiet(work, part, locate_grid[g]);
		if (sum[g] > sum[best])
			best = g;
	}
	return locate_fit_peak(sum, best, rate) - part->price;
}

/* Of the rows that it crosses, with a rate; for comparison only. */
static double
locate_fit_loglik(const struct locate_work *work, const struct locate_part *part, double rate)
{
	double sum = locate_quiet(work, part, rate);

	for (uint32_t i = part->first; i < part->first + part->n; i++) {
		const struct locate_pair *pair = &work->pair[i];
		const struct locate_more more = {
			pair->mask, part->sure || pair->mask & LOCATE_SURE, log1p(-rate)};

		sum += locate_row_loglik(work, &work->lossy[pair->lossy], &more);
	}
	return sum;
}

/* Golden section over the logarithm of the rate, near what it is. Returns locate_fit_loglik(). */
static double
locate_fit_refine(const struct locate_work *work, const struct locate_part *part, double *rate)
{
	const double golden = 0.6180339887;
	double low = log(fmax(*rate / 3, 1e-5)), high = log(fmin(*rate * 3, 0.99999));
	double a = high - golden * (high - low), b = low + golden * (high - low);
	double at_a = locate_fit_loglik(work, part, exp(a));
	double at_b = locate_fit_loglik(work, part, exp(b));

	for (unsigned int i = 0; i < 10; i++) {
		if (at_a > at_b) {
			high = b;
			b = a;
			at_b = at_a;
			a = high - golden * (high - low);
			at_a = locate_fit_loglik(work, part, exp(a));
		} else {
			low = a;
			a = b;
			at_a = at_b;
			b = low + golden * (high - low);
			at_b = locate_fit_loglik(work, part, exp(b));
		}
	}
	*rate = exp(at_a > at_b ? a : b);
	return fmax(at_a, at_b);
}

/* Between two rates of the grid: linear over their logarithms. */
static double
locate_fit_between(const double *at, double rate)
{
	unsigned int g = 0;
	double x;

	while (g < LOCATE_GRID - 2 && locate_grid[g + 1] < rate)
		g++;
	x = log(rate / locate_grid[g]) / log(locate_grid[g + 1] / locate_grid[g]);
	x = fmin(fmax(x, 0), 1);
	return (1 - x) * at[g] + x * at[g + 1];
}

double
locate_fit_exact(const struct locate_work *work, const struct locate_part *part, double *rate)
{
	double others[LOCATE_GRID], sum = locate_fit_refine(work, part, rate) - part->price;

	for (unsigned int g = 0; g < LOCATE_GRID; g++)
		others[g] = part->sure ? 0 : work->stray[g];
	for (uint32_t i = part->first; i < part->first + part->n; i++) {
		const struct locate_lossy *lossy = &work->lossy[work->pair[i].lossy];

		sum -= lossy->now;
		for (unsigned int g = 0; g < LOCATE_GRID && !part->sure; g++)
			others[g] -= (double)lossy->stray[g];
	}
	return sum + locate_fit_between(others, *rate);
}

/* ---- some tuples of a part ---- */

/* Log likelihood of which of the rows that cross a part lose all; -INFINITY: that is no pattern. */
static double
locate_fit_pattern(const struct locate_work *work, const struct locate_part *part)
{
	uint32_t rows = part->n, whole = 0;
	double share;

	if (work->slow || part->sure || part->sure_packets > 0 || part->kind == LOCATE_ABOVE)
		return -INFINITY;
	for (uint32_t i = part->first; i < part->first + part->n; i++)
		whole += locate_fit_whole(work, &work->lossy[work->pair[i].lossy]);
	for (unsigned int i = 0; i < LOCATE_BINS; i++)
		rows += part->bins[i];
	share = (double)whole / rows;
	if (whole < 2 || share > MOST_OF_TUPLES)
		return -INFINITY;
	return whole * log(share) + (rows - whole) * log1p(-share);
}

double
locate_fit_some(const struct locate_work *work, const struct locate_member *member)
{
	const struct locate_part *part = &work->part[member->part];
	double sum = locate_fit_pattern(work, part) - part->price - SOME_PRICE;

	for (uint32_t i = part->first; sum > -INFINITY && i < part->first + part->n; i++) {
		const struct locate_lossy *lossy = &work->lossy[work->pair[i].lossy];
		const struct locate_more more = locate_fit_more(work, member, &work->pair[i]);

		if (more.ok < 0)
			sum += locate_row_loglik(work, lossy, &more) - lossy->now;
	}
	return sum;
}

/* ---- the set ---- */

/* What the rows without loss say of a member, less its price. */
static double
locate_fit_cost(const struct locate_work *work, const struct locate_member *member)
{
	const struct locate_part *part = &work->part[member->part];

	if (member->some)
		return locate_fit_pattern(work, part) - SOME_PRICE - part->price;
	return locate_quiet(work, part, member->rate) - part->price;
}

static void
locate_fit_rates(struct locate_work *work)
{
	for (unsigned int sweep = 0; sweep < (work->n_set > 1 ? SWEEPS : 2); sweep++) {
		for (size_t i = 0; i < work->n_set; i++) {
			if (work->set[i].some)
				continue;
			locate_fit_apply(work, i);
			locate_fit_refine(work, &work->part[work->set[i].part],
					  &work->set[i].rate);
		}
		locate_fit_apply(work, LOCATE_NONE);
		locate_fit_background(work);
	}
}

static double
locate_fit_now(const struct locate_work *work, struct locate_lossy *lossy)
{
	return locate_row_loglik(work, lossy, &(struct locate_more){0, true, 0});
}

/* What a member adds to the rest of the set. Others' rows matter if it is the worst. */
static double
locate_fit_worth(struct locate_work *work, size_t i)
{
	const struct locate_part *part = &work->part[work->set[i].part];
	double sum = locate_fit_cost(work, &work->set[i]), worst;

	locate_fit_apply(work, LOCATE_NONE);
	worst = work->worst;
	for (size_t k = 0; k < work->n_lossy; k++)
		work->lossy[k].now = locate_fit_now(work, &work->lossy[k]);
	locate_fit_apply(work, i);
	if (work->worst < worst)
		sum += locate_quiet_stray(work, worst) - locate_quiet_stray(work, work->worst);
	for (size_t k = 0; k < work->n_lossy && work->worst < worst; k++)
		sum += work->lossy[k].now - locate_fit_now(work, &work->lossy[k]);
	for (uint32_t k = part->first; k < part->first + part->n && work->worst >= worst; k++) {
		struct locate_lossy *lossy = &work->lossy[work->pair[k].lossy];

		sum += lossy->now - locate_fit_now(work, lossy);
	}
	return sum - locate_fit_refund(work, &work->set[i]);
}

static void
locate_fit_remove(struct locate_work *work, size_t i)
{
	for (work->n_set--; i < work->n_set; i++)
		work->set[i] = work->set[i + 1];
}

/* Takes out the member that adds least, if that is too little. */
static bool
locate_fit_prune(struct locate_work *work)
{
	double least = work->options.suspect - 1;
	size_t who = work->n_set;

	for (size_t i = 0; i < work->n_set; i++) {
		double net = locate_fit_worth(work, i);

		if (net < least) {
			least = net;
			who = i;
		}
	}
	if (who == work->n_set)
		return false;
	locate_fit_remove(work, who);
	locate_fit_rates(work);
	return true;
}

static bool
locate_fit_has(const struct locate_work *work, uint32_t part)
{
	for (size_t i = 0; i < work->n_set; i++)
		if (work->set[i].part == part)
			return true;
	return false;
}

/* The parts that add most, by the grid, the best first; the last place is for what drops out. */
struct locate_fit_top {
	struct locate_member member[NEAR + 1];
	double net[NEAR + 1];
	size_t n;
};

static void
locate_fit_rank(struct locate_fit_top *top, const struct locate_member *member, double net)
{
	size_t i = top->n;

	for (; i > 0 && top->net[i - 1] < net; i--) {
		top->member[i] = top->member[i - 1];
		top->net[i] = top->net[i - 1];
	}
	top->member[i] = *member;
	top->net[i] = net;
	if (top->n < NEAR)
		top->n++;
}

/* A part enters with a rate, or as what takes all of some tuples. */
static void
locate_fit_look(const struct locate_work *work, uint32_t part, struct locate_fit_top *top)
{
	static const double all[] = {0.98, 0.9999};
	struct locate_member plain = {.part = part};
	double least = top->n < NEAR ? work->options.suspect : top->net[NEAR - 1];
	double net = locate_fit_score(work, &work->part[part], least, &plain.rate);

	if (net > least)
		locate_fit_rank(top, &plain, net);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const struct locate_member some = {part, all[i], true};

		net = locate_fit_some(work, &some);
		if (net > least)
			locate_fit_rank(top, &some, net);
	}
}

static bool
locate_fit_grow(struct locate_work *work)
{
	struct locate_fit_top top = {.n = 0};
	struct locate_member best = {.part = LOCATE_NONE};
	double most = work->options.suspect;

	if (!work->looks || work->n_set == LOCATE_FINDINGS)
		return false;
	work->looks--;
	locate_fit_apply(work, LOCATE_NONE);
	locate_fit_fill(work);
	for (uint32_t i = 0; i < work->n_part; i++)
		if (i != work->barred && !locate_fit_has(work, i))
			locate_fit_look(work, i, &top);
	for (size_t i = 0; i < top.n; i++) {
		struct locate_member *member = &top.member[i];
		double net = member->some ? top.net[i] :
			locate_fit_exact(work, &work->part[member->part], &member->rate);

		if (net > most) {
			most = net;
			best = *member;
		}
	}
	if (best.part == LOCATE_NONE)
		return false;
	work->set[work->n_set++] = best;
	locate_fit_rates(work);
	return true;
}

/* ---- one for several ---- */

/* Log likelihood of all, less the prices. */
static double
locate_fit_total(struct locate_work *work)
{
	double usual = work->slow ? USUAL_SLOW : USUAL_LOSS, packets = work->packets, sum = 0;

	locate_fit_apply(work, LOCATE_NONE);
	for (size_t i = 0; i < work->n_lossy; i++) {
		const struct locate_row *row = &work->evidence->rows[work->lossy[i].row];

		sum += locate_fit_now(work, &work->lossy[i]);
		packets -= (work->slow ? 1.0 : 3.0) * locate_row_count(work, row).n;
	}
	for (size_t i = 0; i < work->n_set; i++)
		sum += locate_fit_cost(work, &work->set[i]);
	return sum + locate_quiet_stray(work, work->worst) + packets * log1p(-work->background) +
	       KNOWN * (log(work->background) - work->background / usual);
}

/* Whether a switch is better told as two of what crosses it; then it is. */
static bool
locate_fit_split(struct locate_work *work, size_t i)
{
	const struct locate_work before = *work;
	double total = locate_fit_total(work);

	work->barred = work->set[i].part;
	locate_fit_remove(work, i);
	locate_fit_rates(work);
	for (unsigned int parts = 0; parts < 2 && locate_fit_grow(work); parts++)
		;
	while (locate_fit_prune(work))
		;
	work->barred = LOCATE_NONE;
	if (locate_fit_total(work) > total + 1)
		return true;
	memcpy(work->set, before.set, sizeof(work->set));
	work->n_set = before.n_set;
	locate_set_background(work, before.background);
	work->unexplained = before.unexplained;
	return false;
}

static void
locate_fit_splits(struct locate_work *work)
{
	for (size_t i = 0; i < work->n_set;)
		if (work->part[work->set[i].part].kind != LOCATE_SWITCH || work->looks < 2 ||
		    !locate_fit_split(work, i))
			i++;
}

void
locate_fit(struct locate_work *work)
{
	work->looks = 4 + LOCATE_LOOKS / (work->n_lossy + 1);
	if (work->looks > 2 * LOCATE_FINDINGS)
		work->looks = 2 * LOCATE_FINDINGS;
	work->barred = LOCATE_NONE;
	locate_fit_apply(work, LOCATE_NONE);
	locate_set_background(work, MOST_LOSS);
	locate_fit_background(work);
	while (locate_fit_grow(work))
		while (locate_fit_prune(work))
			;
	locate_fit_splits(work);
}

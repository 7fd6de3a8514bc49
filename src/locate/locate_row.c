/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The likelihood of a row.
 *
 * With f the probability that a packet is lost on the way there, and r on the way back, a probe
 * has no answer with f + (1 - f) P2(r), half an answer with (1 - f) P1(r). The two ACKs leave right
 * after one another, so they share their fate with probability SHARED and are independent
 * otherwise. A probe is slow with 1 - (1 - f)(1 - r).
 *
 * With probability `wrong`, the path of a row is another one. Then the certain parts lie on it, and
 * with probability `odds` also the worst of the members that are not certain. So a row
 * without loss acquits a link by at most -log(wrong), and a row with losses that the path does not
 * explain costs at most about as much once there is a culprit anywhere.
 */
#include <math.h>

#include "locate/locate_impl.h"

#define SHARED 0.25
#define LEAST 1e-300

const double locate_grid[LOCATE_GRID] = {
	2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 0.97, 0.9999,
};

void
locate_set_background(struct locate_work *work, double background)
{
	work->background = background;
	work->background_ok = log1p(-background);
}

static double
locate_row_log(double x)
{
	return log(x > LEAST ? x : LEAST);
}

/* Log likelihood of the counts, with the log survivals of both ways. */
static double
locate_row_counts(const struct locate_work *work, const struct locate_row *row, double there,
		  double back)
{
	double f_ok, f, r, both, ok, sum;

	there += work->background_ok;
	back += work->background_ok;
	if (work->slow) {
		struct locate_count count = locate_row_count(work, row);

		return count.k * locate_row_log(-expm1(there + back)) +
		       (count.n - count.k) * (there + back);
	}
	f_ok = exp(there);
	f = -expm1(there);
	r = -expm1(back);
	both = SHARED * r + (1 - SHARED) * r * r;
	ok = 1 - r;
	ok = SHARED * ok + (1 - SHARED) * ok * ok;
	sum = (row->sent - row->lost - row->half) * (there + locate_row_log(ok));
	if (row->half)
		sum += row->half * (there + locate_row_log((1 - SHARED) * 2 * r * (1 - r)));
	if (row->arrived)
		sum += row->arrived * (there + locate_row_log(both));
	if (row->lost > row->arrived)
		sum += (row->lost - row->arrived) *
		       locate_row_log(row->heard ? f : f + f_ok * both);
	return sum;
}

/* log(a e^x + b e^y) */
static double
locate_row_mix(double a, double x, double b, double y)
{
	/* exp(0) is 1. */
	return x > y ? x + locate_row_log(a + b * exp(y - x)) :
		       y + locate_row_log(a * exp(x - y) + b);
}

/* If the path is another one, and the worst culprit anywhere has this log survival. */
static double
locate_row_stray(const struct locate_work *work, const struct locate_row *row, double there,
		 double back, double worst)
{
	double none = locate_row_counts(work, row, there, back), one, other;

	if (worst >= 0)
		return none;
	one = locate_row_counts(work, row, there + worst, back);
	other = locate_row_counts(work, row, there, back + worst);
	return locate_row_mix(1 - work->odds, none, work->odds,
			      locate_row_mix(0.5, one, 0.5, other));
}

double
locate_row_loglik(const struct locate_work *work, const struct locate_lossy *lossy,
		  const struct locate_more *more)
{
	const struct locate_row *row = &work->evidence->rows[lossy->row];
	double there = more->mask & LOCATE_THERE ? more->ok : 0;
	double back = more->mask & LOCATE_WAY_BACK ? more->ok : 0;
	double told, stray, worst = log1p(-work->worst);

	if (work->slow && there < 0)
		back = 0; /* a slow probe is slow once */
	told = locate_row_counts(work, row, lossy->there + there, lossy->back + back);
	if (lossy->wrong <= 0)
		return told;
	if (!more->sure) {
		worst = fmin(worst, more->ok);
		there = back = 0;
	}
	stray = locate_row_stray(work, row, lossy->sure_there + there, lossy->sure_back + back,
				 worst);
	return locate_row_mix(1 - lossy->wrong, told, lossy->wrong, stray);
}

/* Of one loss, if the path is as told (or not): the share of the background. */
static double
locate_row_share(const struct locate_work *work, const struct locate_row *row, double there,
		 double back)
{
	double b = work->background, f = 1 - exp(there) * (1 - b), r = 1 - exp(back) * (1 - b);
	double half = row->half, lost = row->lost;

	if (work->slow)
		return 2 * b / (f + r);
	/* What is lost may have been lost there, or both ACKs were; nearly always the former. */
	return (half * b / r + lost * b / (row->arrived == row->lost ? r : f + r * r / 4)) /
	       (half + lost);
}

double
locate_row_unexplained(const struct locate_work *work, const struct locate_lossy *lossy)
{
	const struct locate_row *row = &work->evidence->rows[lossy->row];
	double told = locate_row_counts(work, row, lossy->there, lossy->back);
	double stray, w, share;

	share = locate_row_share(work, row, lossy->there, lossy->back);
	if (lossy->wrong > 0 && work->worst > 0) {
		stray = locate_row_stray(work, row, lossy->sure_there, lossy->sure_back,
					 log1p(-work->worst));
		w = 1 / (1 + (1 - lossy->wrong) / lossy->wrong * exp(fmin(told - stray, 700)));
		share = (1 - w) * share +
			w * locate_row_share(work, row, lossy->sure_there,
					     lossy->sure_back + log1p(-work->worst) / 2);
	}
	return share < 1 ? share : 1;
}

bool
locate_row_is_stray(const struct locate_work *work, const struct locate_lossy *lossy)
{
	const struct locate_more none = {0, true, 0};
	struct locate_lossy told = *lossy;

	told.wrong = 0;
	return locate_row_loglik(work, &told, &none) < locate_row_loglik(work, lossy, &none) - 3;
}

/*
 * What locate_row_loglik() says of a row with one part more, at all rates. Most of its terms are
 * those of another part or rate, and this is where most of the time goes: so each is computed once.
 */
struct locate_row_filler {
	const struct locate_work *work;
	const struct locate_row *row;
	struct locate_lossy *lossy;
	bool all_sure;          /* it crosses no member that its path may not cross */
	double worst, told, none; /* the last two without the part */
};

/* As locate_row_stray(), if `none` is known. */
static double
locate_row_fill_stray(const struct locate_row_filler *f, double none, double there, double back,
		      double worst)
{
	double one, other;

	if (worst >= 0)
		return none;
	one = locate_row_counts(f->work, f->row, there + worst, back);
	other = locate_row_counts(f->work, f->row, there, back + worst);
	return locate_row_mix(1 - f->work->odds, none, f->work->odds,
			      locate_row_mix(0.5, one, 0.5, other));
}

/* With a part of log survival `ok` on the ways of `mask`; `stray`: as if it were not on the path */
static void
locate_row_fill_mask(const struct locate_row_filler *f, unsigned int g, unsigned int mask,
		     double ok, double stray)
{
	struct locate_lossy *lossy = f->lossy;
	double there = mask & LOCATE_THERE ? ok : 0, back = mask & LOCATE_WAY_BACK ? ok : 0;
	double wrong = lossy->wrong, told, none, sure;

	if (f->work->slow && there < 0)
		back = 0; /* a slow probe is slow once */
	told = locate_row_counts(f->work, f->row, lossy->there + there, lossy->back + back);
	if (wrong <= 0) {
		lossy->more[mask - 1][g] = lossy->more[mask + 2][g] = (float)(told - f->told);
		return;
	}
	there += lossy->sure_there;
	back += lossy->sure_back;
	none = f->all_sure ? told : locate_row_counts(f->work, f->row, there, back);
	sure = locate_row_fill_stray(f, none, there, back, f->worst);
	lossy->more[mask - 1][g] =
		(float)(locate_row_mix(1 - wrong, told, wrong, stray) -
			locate_row_mix(1 - wrong, f->told, wrong, stray));
	lossy->more[mask + 2][g] =
		(float)(locate_row_mix(1 - wrong, told, wrong, sure) - lossy->now);
}

void
locate_row_fill(const struct locate_work *work, struct locate_lossy *lossy)
{
	struct locate_row_filler f = {.work = work, .lossy = lossy,
				      .row = &work->evidence->rows[lossy->row],
				      .worst = log1p(-work->worst)};
	double wrong = lossy->wrong, at = 1, stray = 0;

	f.all_sure = !(lossy->there < lossy->sure_there || lossy->sure_there < lossy->there ||
		       lossy->back < lossy->sure_back || lossy->sure_back < lossy->back);
	f.told = locate_row_counts(work, f.row, lossy->there, lossy->back);
	f.none = f.all_sure ? f.told :
			      locate_row_counts(work, f.row, lossy->sure_there, lossy->sure_back);
	lossy->now = f.told;
	if (wrong > 0)
		lossy->now = locate_row_mix(1 - wrong, f.told, wrong,
					    locate_row_fill_stray(&f, f.none, lossy->sure_there,
								  lossy->sure_back, f.worst));
	for (unsigned int g = 0; g < LOCATE_GRID; g++) {
		double ok = log1p(-locate_grid[g]), worst = fmin(f.worst, ok);

		if (wrong > 0 && (at > 0 || worst < at)) /* the rates grow, so `worst` falls */
			stray = locate_row_fill_stray(&f, f.none, lossy->sure_there,
						      lossy->sure_back, at = worst);
		lossy->stray[g] = wrong > 0 ?
			(float)(locate_row_mix(1 - wrong, f.told, wrong, stray) - lossy->now) : 0;
		for (unsigned int mask = 1; mask <= 3; mask++)
			locate_row_fill_mask(&f, g, mask, ok, stray);
	}
}

/* ---- rows without loss ---- */

static double
locate_row_packets(const struct locate_work *work, unsigned int mask)
{
	if (work->slow)
		return 1;
	return (mask & LOCATE_THERE ? 1 : 0) + (mask & LOCATE_WAY_BACK ? 2 - SHARED : 0);
}

/* One bin for each quarter of an octave. */
static unsigned int
locate_row_bin(double packets)
{
	double bin = 4 * log2(packets);

	return bin < 0 ? 0 : bin > LOCATE_BINS - 1 ? LOCATE_BINS - 1 : (unsigned int)(bin + 0.5);
}

void
locate_quiet_add(const struct locate_work *work, struct locate_part *part, uint32_t n,
		 unsigned int mask)
{
	double packets = n * locate_row_packets(work, mask);

	if (part->sure || mask & LOCATE_SURE)
		part->sure_packets += packets;
	else
		part->bins[locate_row_bin(packets)]++;
}

void
locate_quiet_wrong(struct locate_work *work, uint32_t n, double wrong)
{
	work->quiet_wrong[locate_row_bin(n * 1.4)] += wrong; /* one way or the other */
}

/* 2^(i/4): the packets of bin i. */
static double
locate_row_bin_packets(unsigned int i)
{
	static const double quarter[4] = {1, 1.189207115, 1.414213562, 1.681792831};

	return (double)(1u << i / 4) * quarter[i % 4];
}

double
locate_quiet_stray(const struct locate_work *work, double rate)
{
	double sum = 0, ok = log1p(-rate);

	for (unsigned int i = 0; i < LOCATE_BINS; i++)
		if (work->quiet_wrong[i] > 0)
			sum += work->quiet_wrong[i] * work->odds *
			       expm1(locate_row_bin_packets(i) * ok);
	return sum;
}

double
locate_quiet(const struct locate_work *work, const struct locate_part *part, double rate)
{
	double wrong = locate_parts_wrong(work, part), ok = log1p(-rate);
	double sum = part->sure_packets * ok;

	for (unsigned int i = 0; i < LOCATE_BINS; i++) {
		if (part->bins[i])
			sum += part->bins[i] *
			       log(wrong + (1 - wrong) * exp(locate_row_bin_packets(i) * ok));
	}
	return sum;
}

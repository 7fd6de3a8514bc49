/* SPDX-License-Identifier: Apache-2.0 */
#include "stat/sequential.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

static const char *const sequential_names[] = {
	[SEQUENTIAL_NONE] = "none",
	[SEQUENTIAL_CLEAN] = "clean",
	[SEQUENTIAL_LOSSY] = "lossy",
};
static_assert(sizeof(sequential_names) / sizeof(sequential_names[0]) == SEQUENTIAL_VERDICT_N,
	      "a name for each verdict");

const char *
sequential_verdict_name(enum sequential_verdict v)
{
	return (unsigned int)v < SEQUENTIAL_VERDICT_N ? sequential_names[v] : "?";
}

bool
sequential_params_init(struct sequential_params *out, double p0, double p1, double alpha,
		       double beta)
{
	if (!(p0 > 0 && p0 < p1 && p1 < 1 && alpha > 0 && beta > 0 && alpha + beta < 1))
		return false;
	*out = (struct sequential_params){
		.p0 = p0,
		.p1 = p1,
		.alpha = alpha,
		.beta = beta,
		.loss = log(p1 / p0),
		.answer = log1p(-p1) - log1p(-p0),
		.lossy = log((1 - beta) / alpha),
		.clean = log(beta / (1 - alpha)),
	};
	return true;
}

const struct sequential_params *
sequential_default(void)
{
	static struct sequential_params params;

	if (params.p0 == 0)
		sequential_params_init(&params, SEQUENTIAL_P0, SEQUENTIAL_P1, SEQUENTIAL_ALPHA,
				       SEQUENTIAL_BETA);
	return &params;
}

static bool
sequential_decide(struct sequential *s, enum sequential_verdict verdict, uint64_t now_ns)
{
	bool changed = verdict != s->verdict;

	if (changed)
		s->since_ns = now_ns;
	s->verdict = verdict;
	s->decided_ns = now_ns;
	s->decided_n = s->n;
	s->decided_lost = s->lost;
	s->tests++;
	s->n = 0;
	s->lost = 0;
	return changed;
}

bool
sequential_add(struct sequential *s, const struct sequential_params *params, bool lost,
	       uint64_t now_ns)
{
	double ratio;

	s->n++;
	s->lost += lost;
	s->lost_ns = lost ? now_ns : s->lost_ns;
	/*
	 * Compute it from the counts each time, so that rounding errors do not add up in a long
	 * test.
	 */
	ratio = (double)s->lost * params->loss + (double)(s->n - s->lost) * params->answer;
	if (ratio >= params->lossy)
		return sequential_decide(s, SEQUENTIAL_LOSSY, now_ns);
	if (ratio <= params->clean)
		return sequential_decide(s, SEQUENTIAL_CLEAN, now_ns);
	return false;
}

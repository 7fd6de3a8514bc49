/* SPDX-License-Identifier: Apache-2.0 */
#include "stat/lasting.h"

#include "core/clock.h"
#include "stat/window.h"

#define LASTING_RTT_MORE_NS 20000
#define LASTING_HOST_MORE_NS 200000
#define LASTING_S(ns) ((uint32_t)((ns) / NSEC_PER_SEC))

enum lasting_level {
	LASTING_LOW,
	LASTING_BETWEEN,
	LASTING_HIGH
};

const char *
lasting_name(enum lasting_verdict v)
{
	switch (v) {
	case LASTING_NOISY:
		return "noisy";
	case LASTING_SLOW:
		return "slow";
	case LASTING_HOST_SLOW:
		return "host_slow";
	case LASTING_N:
		break;
	}
	return "?";
}

/* A second is added, so that 0 is no time. */
static uint32_t
lasting_s(uint64_t mono_ns)
{
	return LASTING_S(mono_ns) + 1;
}

static void
lasting_run_add(struct lasting_run *run, enum lasting_level level, const struct window *w)
{
	uint32_t *own = level == LASTING_HIGH ? &run->high_s : &run->low_s, lasts_s;

	if (level == LASTING_BETWEEN)
		return;
	if (!*own)
		*own = lasting_s(w->start_mono_ns);
	*(level == LASTING_HIGH ? &run->low_s : &run->high_s) = 0;
	lasts_s = lasting_s(w->end_mono_ns) - *own;
	if (level == LASTING_HIGH && !run->since_s && lasts_s >= LASTING_S(LASTING_BEGIN_NS))
		run->since_s = run->high_s;
	else if (level == LASTING_LOW && lasts_s >= LASTING_S(LASTING_END_NS))
		run->since_s = 0;
}

/* ---- times ---- */

static enum lasting_level
lasting_time_level(const struct lasting_usual *usual, uint64_t median_ns, uint32_t more_ns)
{
	double ns = (double)median_ns;

	if (usual->learned_s < LASTING_S(LASTING_LEARN_NS) || ns <= 2.0 * usual->ns ||
	    ns <= usual->ns + more_ns)
		return LASTING_LOW;
	return ns > 3.0 * usual->ns ? LASTING_HIGH : LASTING_BETWEEN;
}

static void
lasting_learn(struct lasting_usual *usual, uint64_t median_ns, const struct window *w)
{
	uint32_t len_s = LASTING_S(w->end_mono_ns - w->start_mono_ns + NSEC_PER_SEC - 1);

	if (usual->learned_s < LASTING_S(LASTING_AVERAGE_NS))
		usual->learned_s += len_s;
	if (usual->learned_s < len_s)
		len_s = usual->learned_s;
	usual->ns += ((float)median_ns - usual->ns) * (float)len_s / (float)usual->learned_s;
}

static void
lasting_time_add(struct lasting_run *run, struct lasting_usual *usual, const struct histogram *h,
		 uint32_t more_ns, const struct window *w)
{
	uint64_t median_ns = histogram_quantile(h, 500000);
	enum lasting_level level;

	if (h->count == 0)
		return;
	if (run->since_s &&
	    lasting_s(w->end_mono_ns) - run->since_s >= LASTING_S(LASTING_FORGET_NS))
		*usual = (struct lasting_usual){0};
	level = lasting_time_level(usual, median_ns, more_ns);
	lasting_run_add(run, level, w);
	if (level == LASTING_LOW)
		lasting_learn(usual, median_ns, w);
}

/* ---- windows ---- */

static void
lasting_noise_add(struct lasting_run *run, const struct window *w)
{
	uint64_t stalled = w->answered_noise + w->lost_noise,
		 all = w->answered + w->lost + stalled;

	if (all > 0)
		lasting_run_add(run,
				stalled * 4 > all    ? LASTING_HIGH :
				stalled * 10 >= all  ? LASTING_BETWEEN :
						       LASTING_LOW,
				w);
}

/* Runs end with a pause as long as one that makes a verdict. */
static void
lasting_pause(struct lasting *lasting, const struct window *w)
{
	uint32_t from_s = lasting_s(w->start_mono_ns);

	if (from_s > lasting->seen_s + LASTING_S(LASTING_BEGIN_NS))
		for (int v = 0; v < LASTING_N; v++)
			lasting->run[v].high_s = lasting->run[v].low_s = 0;
	lasting->seen_s = lasting_s(w->end_mono_ns);
}

void
lasting_add(struct lasting *lasting, const struct window *w)
{
	struct histogram rtt = {0};

	lasting_pause(lasting, w);
	lasting_noise_add(&lasting->run[LASTING_NOISY], w);
	if (w->cut & WINDOW_CUT_WAY) {
		lasting->rtt = (struct lasting_usual){0};
		lasting->run[LASTING_SLOW] = (struct lasting_run){0};
	} else if (window_rtt(w, &rtt) == 0) {
		lasting_time_add(&lasting->run[LASTING_SLOW], &lasting->rtt, &rtt,
				 LASTING_RTT_MORE_NS, w);
	}
	lasting_time_add(&lasting->run[LASTING_HOST_SLOW], &lasting->host, &w->responder_delay,
			 LASTING_HOST_MORE_NS, w);
	histogram_clear(&rtt);
}

uint64_t
lasting_since_ns(const struct lasting *lasting, enum lasting_verdict v)
{
	return lasting->run[v].since_s ? (lasting->run[v].since_s - 1) * NSEC_PER_SEC : 0;
}

uint64_t
lasting_usual_rtt_ns(const struct lasting *lasting)
{
	return lasting->rtt.learned_s >= LASTING_S(LASTING_LEARN_NS) ? (uint64_t)lasting->rtt.ns :
								       0;
}

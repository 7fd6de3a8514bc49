/* SPDX-License-Identifier: Apache-2.0 */
#include "stat/noise.h"

/*
 * Each step moves the estimate of the median by a fraction of its value: at first by a large one,
 * then by so small a one that a minute of load hardly changes the estimate.
 */
#define NOISE_STEP_FIRST 4
#define NOISE_STEP 256
#define NOISE_FIRST 32

uint64_t
noise_threshold_ns(const struct noise *noise)
{
	uint64_t threshold_ns = noise->typical_ns * NOISE_FACTOR;

	if (threshold_ns < NOISE_STALL_MIN_NS)
		return NOISE_STALL_MIN_NS;
	return threshold_ns < NOISE_STALL_MAX_NS ? threshold_ns : NOISE_STALL_MAX_NS;
}

static struct noise_stall *
noise_newest(struct noise *noise)
{
	return &noise->stall[(noise->head + NOISE_STALLS - 1) % NOISE_STALLS];
}

/* Merges stalls that touch. */
static void
noise_add(struct noise *noise, uint64_t from_ns, uint64_t to_ns)
{
	while (noise->n > 0 && noise_newest(noise)->to_ns >= from_ns) {
		struct noise_stall *newest = noise_newest(noise);

		if (newest->from_ns < from_ns)
			from_ns = newest->from_ns;
		if (newest->to_ns > to_ns)
			to_ns = newest->to_ns;
		noise->stalled_ns -= newest->to_ns - newest->from_ns;
		noise->stalls--;
		noise->head = (noise->head + NOISE_STALLS - 1) % NOISE_STALLS;
		noise->n--;
	}
	noise->stall[noise->head] = (struct noise_stall){.from_ns = from_ns, .to_ns = to_ns};
	noise->head = (noise->head + 1) % NOISE_STALLS;
	if (noise->n < NOISE_STALLS)
		noise->n++;
	noise->stalls++;
	noise->stalled_ns += to_ns - from_ns;
	if (to_ns - from_ns > noise->longest_ns)
		noise->longest_ns = to_ns - from_ns;
}

/*
 * Estimates the median by small steps: up if a sample is above it, down if below (Ma, Muthukrishnan
 * and Sandler, frugal streaming, 2014).
 */
static void
noise_estimate(struct noise *noise, uint64_t late_ns)
{
	uint64_t part = noise->woken < NOISE_FIRST ? NOISE_STEP_FIRST : NOISE_STEP;
	uint64_t step_ns = noise->typical_ns / part + 1;

	noise->woken++;
	if (noise->woken == 1)
		noise->typical_ns = NOISE_STALL_MIN_NS / NOISE_FACTOR;
	else if (late_ns > noise->typical_ns)
		noise->typical_ns += step_ns;
	else if (late_ns < noise->typical_ns)
		noise->typical_ns -= step_ns;
}

void
noise_waiting(struct noise *noise, uint64_t asked_ns, uint64_t now_ns)
{
	if (now_ns > asked_ns && now_ns - asked_ns >= noise_threshold_ns(noise))
		noise_add(noise, asked_ns, now_ns);
}

void
noise_woke(struct noise *noise, uint64_t asked_ns, uint64_t ran_ns)
{
	noise_waiting(noise, asked_ns, ran_ns);
	noise_estimate(noise, ran_ns > asked_ns ? ran_ns - asked_ns : 0);
}

bool
noise_wants_waited(struct noise *noise, uint64_t from_ns, uint64_t now_ns)
{
	if (from_ns < noise->ran_ns)
		from_ns = noise->ran_ns;
	if (now_ns > from_ns)
		noise->possible_ns += now_ns - from_ns;
	noise->ran_ns = now_ns;
	return noise->waited_at_ns == 0 || noise->possible_ns >= noise_threshold_ns(noise) / 2;
}

void
noise_waited(struct noise *noise, uint64_t total_ns, uint64_t now_ns)
{
	uint64_t waited_ns = total_ns > noise->waited_ns ? total_ns - noise->waited_ns : 0;
	uint64_t passed_ns = now_ns > noise->waited_at_ns ? now_ns - noise->waited_at_ns : 0;
	bool first = noise->waited_at_ns == 0;

	/* The rest was waited by wake-ups that measure nothing, in pieces too small to matter. */
	if (waited_ns > noise->possible_ns)
		waited_ns = noise->possible_ns;
	noise->waited_ns = total_ns;
	noise->waited_at_ns = now_ns;
	noise->possible_ns = 0;
	if (first || waited_ns < noise_threshold_ns(noise))
		return;
	/* The exact time is unknown. Most of the waiting was just before the process ran. */
	noise_add(noise, now_ns - (waited_ns < passed_ns ? waited_ns : passed_ns), now_ns);
}

uint64_t
noise_overlap_ns(const struct noise *noise, uint64_t from_ns, uint64_t to_ns)
{
	uint64_t longest_ns = 0;

	for (uint32_t i = 1; i <= noise->n; i++) {
		const struct noise_stall *s =
			&noise->stall[(noise->head + NOISE_STALLS - i) % NOISE_STALLS];

		if (s->to_ns < from_ns)
			break;
		if (s->from_ns <= to_ns && s->to_ns - s->from_ns > longest_ns)
			longest_ns = s->to_ns - s->from_ns;
	}
	return longest_ns;
}

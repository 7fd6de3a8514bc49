/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/throttle.h"

#include <assert.h>

static const char *const throttle_reason_names[] = {"none", "cpu", "memory"};
static_assert(sizeof(throttle_reason_names) / sizeof(throttle_reason_names[0]) == THROTTLE_REASON_N,
	      "a name for each reason");

const char *
throttle_reason_name(enum throttle_reason r)
{
	return (unsigned int)r < THROTTLE_REASON_N ? throttle_reason_names[r] : "?";
}

static void
throttle_count_anew(struct throttle *t)
{
	t->over = t->calm = t->roomy = 0;
}

void
throttle_init(struct throttle *t, const struct throttle_limits *limits)
{
	*t = (struct throttle){.limits = *limits, .patience = THROTTLE_PATIENCE_MIN};
}

/* The only place that changes step and state. */
static bool
throttle_go(struct throttle *t, uint32_t step)
{
	if (step == t->step)
		return false;
	t->step = step;
	t->state = step == 0		 ? THROTTLE_FULL :
		   step < THROTTLE_STEPS ? THROTTLE_REDUCED :
					   THROTTLE_LEAST;
	if (step == 0)
		t->reason = THROTTLE_REASON_NONE;
	throttle_count_anew(t);
	return true;
}

static bool
throttle_down(struct throttle *t)
{
	if (t->since_up > 0)
		t->patience = t->patience < THROTTLE_PATIENCE_MAX / 2 ? 2 * t->patience :
									THROTTLE_PATIENCE_MAX;
	t->since_up = 0;
	return throttle_go(t, t->step + 1);
}

static bool
throttle_up(struct throttle *t)
{
	t->since_up = 1;
	return throttle_go(t, t->step - 1);
}

static bool
throttle_unlimited(struct throttle *t)
{
	t->since_up = 0;
	t->patience = THROTTLE_PATIENCE_MIN;
	return throttle_go(t, 0);
}

bool
throttle_fsm(struct throttle *t, enum throttle_event event)
{
	if (event == THROTTLE_UNLIMITED)
		return throttle_unlimited(t);
	switch (t->state) {
	case THROTTLE_FULL:
		return event == THROTTLE_OVER && throttle_down(t);
	case THROTTLE_REDUCED:
		if (event == THROTTLE_OVER)
			return throttle_down(t);
		return event == THROTTLE_UNDER && throttle_up(t);
	case THROTTLE_LEAST:
		return event == THROTTLE_UNDER && throttle_up(t);
	case THROTTLE_STATE_N:
		break;
	}
	return false;
}

bool
throttle_set_limits(struct throttle *t, const struct throttle_limits *limits)
{
	t->limits = *limits;
	t->patience = THROTTLE_PATIENCE_MIN;
	t->since_up = 0;
	throttle_count_anew(t);
	return limits->cpu_percent == 0 && limits->memory_bytes == 0 &&
	       throttle_fsm(t, THROTTLE_UNLIMITED);
}

void
throttle_pause(struct throttle *t)
{
	t->last = (struct throttle_sample){0};
	throttle_count_anew(t);
}

bool
throttle_is_at_ease(const struct throttle *t)
{
	return t->state == THROTTLE_FULL && t->over == 0;
}

/* The CPU time that counts, in permille, if the part of the probes were `times` as large. */
static uint64_t
throttle_cpu(const struct throttle *t, uint32_t times)
{
	uint64_t half = (uint64_t)t->limits.cpu_percent * 10 / 2;
	uint64_t own = t->cpu_permille - t->others_permille;

	return own * times + (t->others_permille < half ? t->others_permille : half);
}

/*
 * Whether `times` times the use is within these percentages of the limits. Of the CPU time, only
 * the part of the probes is multiplied.
 */
static bool
throttle_fits(const struct throttle *t, uint32_t times, uint32_t cpu_percent,
	      uint32_t memory_percent)
{
	uint64_t cpu = throttle_cpu(t, times),
		 cpu_max = (uint64_t)t->limits.cpu_percent * 10;

	return (t->limits.cpu_percent == 0 || cpu * 100 <= cpu_max * cpu_percent) &&
	       (t->limits.memory_bytes == 0 ||
		t->last.memory_bytes * times * 100 <= t->limits.memory_bytes * memory_percent);
}

static enum throttle_reason
throttle_over(const struct throttle *t)
{
	if (t->limits.cpu_percent && throttle_cpu(t, 1) > t->limits.cpu_percent * 10)
		return THROTTLE_REASON_CPU;
	if (t->limits.memory_bytes && t->last.memory_bytes > t->limits.memory_bytes)
		return THROTTLE_REASON_MEMORY;
	return THROTTLE_REASON_NONE;
}

static enum throttle_event
throttle_judge(struct throttle *t)
{
	enum throttle_reason reason = throttle_over(t);

	t->over = reason ? t->over + 1 : 0;
	t->calm =
		throttle_fits(t, 2, THROTTLE_SAFE_PERCENT, THROTTLE_SAFE_PERCENT) ? t->calm + 1 : 0;
	t->roomy = throttle_fits(t, 1, THROTTLE_ROOM_CPU_PERCENT, THROTTLE_ROOM_MEMORY_PERCENT) ?
			   t->roomy + 1 :
			   0;
	if (t->over >= THROTTLE_OVER_SAMPLES) {
		t->reason = reason;
		return THROTTLE_OVER;
	}
	if (t->calm >= THROTTLE_CALM_SAMPLES || t->roomy >= t->patience)
		return THROTTLE_UNDER;
	return THROTTLE_WITHIN;
}

/* After a successful step up, the next try comes as early as the first one. */
static void
throttle_prove(struct throttle *t)
{
	if (t->since_up == 0 || ++t->since_up <= THROTTLE_PROOF_SAMPLES)
		return;
	t->since_up = 0;
	t->patience = THROTTLE_PATIENCE_MIN;
}

/* The share of a core in permille. */
static uint32_t
throttle_permille(uint64_t used_ns, uint64_t ns)
{
	/* ns is at least 1e8, so this overflows only after 1e16 ns of CPU time. */
	uint64_t permille = used_ns / (ns / 1000);

	return permille < UINT32_MAX ? (uint32_t)permille : UINT32_MAX;
}

bool
throttle_tell(struct throttle *t, const struct throttle_sample *sample)
{
	uint64_t ns = sample->now_ns - t->last.now_ns;
	uint64_t cpu_ns = sample->cpu_ns - t->last.cpu_ns;
	uint64_t others_ns = sample->others_ns - t->last.others_ns;
	bool begins = t->last.now_ns == 0 || sample->now_ns < t->last.now_ns ||
		      sample->cpu_ns < t->last.cpu_ns;

	if (!begins && ns < THROTTLE_SAMPLE_MIN_NS)
		return false;
	t->last = *sample;
	if (begins)
		return false;
	t->cpu_permille = throttle_permille(cpu_ns, ns);
	t->others_permille = throttle_permille(others_ns < cpu_ns ? others_ns : cpu_ns, ns);
	t->measured = true;
	if (t->limits.cpu_percent == 0 && t->limits.memory_bytes == 0)
		return false;
	throttle_prove(t);
	return throttle_fsm(t, throttle_judge(t));
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "central/judge/judge_pace.h"

#include "core/clock.h"

/* Between two looks at a window. */
#define JUDGE_PACE_MIDDLE_NS (10 * NSEC_PER_SEC)
#define JUDGE_PACE_LONG_NS (60 * NSEC_PER_SEC)

#define JUDGE_PACE_REST 3u
#define JUDGE_PACE_REST_MIN_NS NSEC_PER_SEC
#define JUDGE_PACE_REST_MAX_NS (10 * NSEC_PER_SEC)

enum intake_window
judge_pace_next(const uint64_t begun_ns[INTAKE_WINDOWS], bool answered, uint64_t now_ns)
{
	/* The one that is later, as a share of its time, so that neither waits for ever. */
	const double middle = (double)(now_ns - begun_ns[INTAKE_MIDDLE]) / JUDGE_PACE_MIDDLE_NS;
	const double later = (double)(now_ns - begun_ns[INTAKE_LONG]) / JUDGE_PACE_LONG_NS;

	if (!answered || begun_ns[INTAKE_SHORT] < begun_ns[INTAKE_MIDDLE] ||
	    begun_ns[INTAKE_SHORT] < begun_ns[INTAKE_LONG] || (middle < 1 && later < 1))
		return INTAKE_SHORT;
	return middle >= later ? INTAKE_MIDDLE : INTAKE_LONG;
}

uint64_t
judge_pace_rest_ns(uint64_t spent_ns)
{
	if (spent_ns > JUDGE_PACE_REST_MAX_NS / JUDGE_PACE_REST)
		return JUDGE_PACE_REST_MAX_NS;
	return spent_ns * JUDGE_PACE_REST > JUDGE_PACE_REST_MIN_NS ? spent_ns * JUDGE_PACE_REST :
								      JUDGE_PACE_REST_MIN_NS;
}

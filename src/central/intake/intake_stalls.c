/* SPDX-License-Identifier: Apache-2.0 */
#include "central/intake/intake_stalls.h"

#include <string.h>

#include "core/clock.h"

#define INTAKE_MINUTE_S 60u
/* Reports are made every five seconds, and need some time to come. */
#define INTAKE_STALLS_REPORT_S 6u

static uint32_t
intake_least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void
intake_stalls_advance(struct intake_stalls *stalls, uint32_t minute)
{
	if (minute - stalls->newest >= INTAKE_STALLS_MINUTES)
		memset(stalls->seconds, 0, sizeof(stalls->seconds));
	else
		while (stalls->newest != minute)
			stalls->seconds[++stalls->newest % INTAKE_STALLS_MINUTES] = 0;
	stalls->newest = minute;
}

void
intake_stalls_add(struct intake_stalls *stalls, uint32_t seconds, uint64_t now_ns)
{
	uint64_t now_s = now_ns / NSEC_PER_SEC;
	uint32_t minute = (uint32_t)(now_s / INTAKE_MINUTE_S);
	uint32_t span = (uint32_t)(now_s % INTAKE_MINUTE_S) + 1, reach;
	uint8_t *at;

	intake_stalls_advance(stalls, minute);
	seconds = intake_least(seconds, INTAKE_STALLS_MINUTES * INTAKE_MINUTE_S);
	reach = seconds + INTAKE_STALLS_REPORT_S;
	for (uint32_t age = 0; seconds && reach && age < INTAKE_STALLS_MINUTES; age++) {
		at = &stalls->seconds[(minute - age) % INTAKE_STALLS_MINUTES];
		*at = (uint8_t)intake_least(INTAKE_MINUTE_S,
					    *at + intake_least(seconds, intake_least(span, reach)));
		reach -= intake_least(span, reach);
		span = INTAKE_MINUTE_S;
	}
}

uint32_t
intake_stalls_sum(const struct intake_stalls *stalls, uint64_t begin_ns, uint64_t end_ns)
{
	const uint64_t minute_ns = INTAKE_MINUTE_S * NSEC_PER_SEC;
	uint32_t sum = 0;

	for (uint64_t at = begin_ns / minute_ns; at * minute_ns < end_ns; at++)
		if (at <= stalls->newest && stalls->newest - at < INTAKE_STALLS_MINUTES)
			sum += stalls->seconds[at % INTAKE_STALLS_MINUTES];
	return sum;
}

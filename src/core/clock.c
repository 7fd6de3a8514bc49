/* SPDX-License-Identifier: Apache-2.0 */
#include "core/clock.h"

#include <time.h>

static uint64_t
clock_read(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

uint64_t
clock_mono_ns(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

uint64_t
clock_wall_ns(void)
{
	return clock_read(CLOCK_REALTIME);
}

uint64_t
clock_wall_of(uint64_t mono_ns)
{
	return clock_wall_ns() - (clock_mono_ns() - mono_ns);
}

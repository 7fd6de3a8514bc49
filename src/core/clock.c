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
clock_thread_ns(void)
{
	return clock_read(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t
clock_wall_of(uint64_t mono_ns)
{
	return clock_wall_ns() - (clock_mono_ns() - mono_ns);
}

bool
clock_wall_offset(int64_t *out)
{
	for (int tries = 0; tries < 3; tries++) {
		uint64_t before = clock_mono_ns(), wall = clock_wall_ns(), after = clock_mono_ns();

		if (after - before < CLOCK_OFFSET_ERROR_NS) {
			*out = (int64_t)(wall - before);
			return true;
		}
	}
	return false;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/bus_backoff.h"

#include "core/clock.h"

#define BUS_BACKOFF_MIN_NS (100 * NSEC_PER_MSEC)
#define BUS_BACKOFF_MAX_NS (60 * NSEC_PER_SEC)
#define BUS_BACKOFF_GOOD_NS (60 * NSEC_PER_SEC)

unsigned int
bus_backoff_count(unsigned int failures, uint64_t lasted_ns)
{
	return lasted_ns >= BUS_BACKOFF_GOOD_NS ? 2 : failures + 1;
}

uint64_t
bus_backoff_ns(unsigned int failures, uint32_t random)
{
	uint64_t bound_ns = failures > 6 ? BUS_BACKOFF_MAX_NS : NSEC_PER_SEC / 2 << failures;

	return BUS_BACKOFF_MIN_NS + ((bound_ns - BUS_BACKOFF_MIN_NS) >> 8) * (random >> 8) / 65536;
}

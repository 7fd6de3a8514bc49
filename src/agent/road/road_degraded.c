/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/road/road_impl.h"

#include <inttypes.h>
#include <stdio.h>

/* An address that has just moved makes one trace fail. */
#define ROADS_DEGRADED_FAILS 2u

void
roads_degraded(const struct roads *roads, degraded_hear *fn, void *arg)
{
	const struct road *road, *first = NULL;
	char text[400], from[ADDR_TEXT], to[ADDR_TEXT];
	uint32_t n = 0;

	TAILQ_FOREACH(road, &roads->list, entry)
		if (road->state == ROAD_FAILED && road->fails >= ROADS_DEGRADED_FAILS) {
			first = first ? first : road;
			n++;
		}
	if (n == 0)
		return;
	snprintf(text, sizeof(text),
		 "%" PRIu32 " of %" PRIu32 " paths cannot be traced, such as that from %s to %s: "
		 "%s", n, roads->n, addr_text(&first->tuple.source, from),
		 addr_text(&first->tuple.destination, to), first->reason);
	fn(arg, DEGRADED_PATHS, text);
}

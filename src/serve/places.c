/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/places.h"

#include <stddef.h>

static uint32_t
places_count(const struct place *places, uint32_t n, uint64_t who)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < n; i++)
		count += places[i].who == who;
	return count;
}

/* Whether the place may go for the newcomer. newcomer = NULL: any place may. */
static bool
places_may_go(const struct place *place, const struct place *newcomer)
{
	if (!newcomer)
		return true;
	return place->who != newcomer->who && (newcomer->privileged || !place->privileged);
}

/* A place of the user with the most places of those that may go, or -1. */
static int
places_heaviest(const struct place *places, uint32_t n, const struct place *newcomer,
		uint32_t *count)
{
	int heaviest = -1;

	*count = 0;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t held;

		if (!places_may_go(&places[i], newcomer))
			continue;
		if (heaviest >= 0 && places[i].who == places[heaviest].who)
			continue;
		held = places_count(places, n, places[i].who);
		if (held > *count) {
			heaviest = (int)i;
			*count = held;
		}
	}
	return heaviest;
}

/* Returns -1 if the user has no place. */
static int
places_longest_silent(const struct place *places, uint32_t n, uint64_t who)
{
	int longest = -1;

	for (uint32_t i = 0; i < n; i++)
		if (places[i].who == who &&
		    (longest < 0 || places[i].active_ns < places[longest].active_ns))
			longest = (int)i;
	return longest;
}

int
places_yield(const struct place *places, uint32_t n, const struct place *newcomer,
	     uint64_t now_ns)
{
	uint32_t held, own = places_count(places, n, newcomer->who);
	int heaviest = places_heaviest(places, n, newcomer, &held);
	int silent = places_longest_silent(places, n, newcomer->who);

	/* With a difference of one, two users would take the same place from each other. */
	if (heaviest >= 0 && held > own + 1)
		return places_longest_silent(places, n, places[heaviest].who);
	if (silent >= 0 && now_ns >= places[silent].active_ns + PLACES_SILENT_NS)
		return silent;
	if (heaviest >= 0 && newcomer->privileged)
		return places_longest_silent(places, n, places[heaviest].who);
	return -1;
}

int
places_surplus(const struct place *places, uint32_t n)
{
	uint32_t held;
	int heaviest = places_heaviest(places, n, NULL, &held);

	return places_longest_silent(places, n, places[heaviest].who);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/places.h"

static uint32_t
places_count(const struct place *places, uint32_t n, uid_t uid)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < n; i++)
		count += places[i].uid == uid;
	return count;
}

static bool
places_may_go(const struct place *place, const struct place *newcomer)
{
	return place->uid != newcomer->uid && (newcomer->privileged || !place->privileged);
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
		if (heaviest >= 0 && places[i].uid == places[heaviest].uid)
			continue;
		held = places_count(places, n, places[i].uid);
		if (held > *count) {
			heaviest = (int)i;
			*count = held;
		}
	}
	return heaviest;
}

/* Returns -1 if the user has no place. */
static int
places_longest_silent(const struct place *places, uint32_t n, uid_t uid)
{
	int longest = -1;

	for (uint32_t i = 0; i < n; i++)
		if (places[i].uid == uid &&
		    (longest < 0 || places[i].active_ns < places[longest].active_ns))
			longest = (int)i;
	return longest;
}

int
places_yield(const struct place *places, uint32_t n, const struct place *newcomer,
	     uint64_t now_ns)
{
	uint32_t held, own = places_count(places, n, newcomer->uid);
	int heaviest = places_heaviest(places, n, newcomer, &held);
	int silent = places_longest_silent(places, n, newcomer->uid);

	/* With a difference of one, two users would take the same place from each other. */
	if (heaviest >= 0 && held > own + 1)
		return places_longest_silent(places, n, places[heaviest].uid);
	if (silent >= 0 && now_ns >= places[silent].active_ns + PLACES_SILENT_NS)
		return silent;
	if (heaviest >= 0 && newcomer->privileged)
		return places_longest_silent(places, n, places[heaviest].uid);
	return -1;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/view/near.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "ctl/view/view.h"

unsigned int
near_distance(const char *a, const char *b)
{
	enum { MAX = 64 };
	unsigned int row[MAX + 1];
	size_t n = strlen(b);

	if (n > MAX || strlen(a) > MAX)
		return MAX;
	for (unsigned int j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 0; a[i]; i++) {
		unsigned int diagonal = row[0];

		row[0]++;
		for (size_t j = 0; j < n; j++) {
			unsigned int swap = diagonal + (a[i] != b[j]),
				     less = row[j] < row[j + 1] ? row[j] : row[j + 1];

			diagonal = row[j + 1];
			row[j + 1] = swap < less + 1 ? swap : less + 1;
		}
	}
	return row[n];
}

struct near {
	const char *what;
	unsigned int distance; /* the present search finds names at this distance */
	size_t n;
	char names[NEAR_MAX][NEAR_TEXT];
};

static void
near_name(struct near *near, const msgpack_object *peer, const char *key)
{
	char *name;

	if (near->n == NEAR_MAX)
		return;
	name = near->names[near->n];
	if (!view_text(peer, key, name, NEAR_TEXT) ||
	    near_distance(near->what, name) != near->distance)
		return;
	for (size_t i = 0; i < near->n; i++)
		if (strcmp(near->names[i], name) == 0)
			return; /* another peer has the same host name */
	near->n++;
}

size_t
near_peers(const msgpack_object *peers, const char *what, char buf[NEAR_MAX * NEAR_TEXT])
{
	struct near near = {.what = what};
	size_t at = 0;

	for (near.distance = 0; near.distance <= NEAR_DISTANCE; near.distance++) {
		for (uint32_t i = 0; i < peers->via.array.size; i++) {
			near_name(&near, &peers->via.array.ptr[i], "address");
			near_name(&near, &peers->via.array.ptr[i], "hostname");
		}
	}
	buf[0] = '\0';
	for (size_t i = 0; i < near.n; i++)
		at += (size_t)snprintf(buf + at, NEAR_MAX * NEAR_TEXT - at, "%s%s", i ? ", " : "",
				       near.names[i]);
	return near.n;
}

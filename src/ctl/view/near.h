/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the names that a user may have meant.
 */
#ifndef RPINGMESH_CTL_VIEW_NEAR_H
#define RPINGMESH_CTL_VIEW_NEAR_H

#include <stddef.h>

struct msgpack_object;

#define NEAR_MAX 5       /* names */
#define NEAR_DISTANCE 3u /* letters that may differ */
#define NEAR_TEXT 256

/*
 * The number of letters that differ, including insertions and deletions (Levenshtein). 64 if a name
 * has more than 64 bytes.
 */
unsigned int near_distance(const char *a, const char *b);

/*
 * Lists the addresses and host names of peers (an array of records) that are similar to `what`, the
 * nearest first, each once: "a, b". Returns their number; if that is 0, buf is "".
 */
size_t near_peers(const struct msgpack_object *peers, const char *what,
		  char buf[NEAR_MAX * NEAR_TEXT]);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that a person may have meant.
 */
#ifndef RPINGMESH_CTL_VIEW_NEAR_H
#define RPINGMESH_CTL_VIEW_NEAR_H

#include <stddef.h>

struct msgpack_object;

#define NEAR_MAX 5       /* names */
#define NEAR_DISTANCE 3u /* letters that may differ */
#define NEAR_TEXT 256

/*
 * How many letters differ, insertions and deletions included (Levenshtein); with names of over 64
 * bytes 64.
 */
unsigned int near_distance(const char *a, const char *b);

/*
 * Addresses and host names of peers (an array of records), nearest first, each once, as "a, b".
 * Returns how many; 0: buf is "".
 */
size_t near_peers(const struct msgpack_object *peers, const char *what,
		  char buf[NEAR_MAX * NEAR_TEXT]);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wrong with hosts at present: topics whose last message was refused, and lists that agents
 * refuse. Whoever may publish can fill it, so it has MESH_WRONG_MAX places, and the oldest entry
 * makes room. Pure.
 */
#ifndef RPINGMESH_CENTRAL_MESH_MESH_WRONG_H
#define RPINGMESH_CENTRAL_MESH_MESH_WRONG_H

#include <stddef.h>

#define MESH_WRONG_MAX 64
#define MESH_WRONG_NAME 65
#define MESH_WRONG_WHY 256

enum mesh_wrong_kind {
	MESH_WRONG_MESSAGE, /* a registration, or another message of a host */
	MESH_WRONG_LIST,    /* a pinglist is longer than agents take */
	MESH_WRONG_FULL,    /* a new host has no place, since there are max_hosts */
};

struct mesh_wrong_entry {
	enum mesh_wrong_kind kind;
	char name[MESH_WRONG_NAME]; /* of the host, or the beginning of the topic */
	char why[MESH_WRONG_WHY];
};

struct mesh_wrong {
	size_t n;
	struct mesh_wrong_entry at[MESH_WRONG_MAX]; /* the oldest first */
};

/* Adds an entry, or replaces the one of that kind and name. */
void mesh_wrong_set(struct mesh_wrong *wrong, enum mesh_wrong_kind kind, const char *name,
		    const char *why);
void mesh_wrong_end(struct mesh_wrong *wrong, enum mesh_wrong_kind kind, const char *name);

/* Returns how many there are of a kind, and sets *last to the newest; NULL: there is none. */
size_t mesh_wrong_count(const struct mesh_wrong *wrong, enum mesh_wrong_kind kind,
			const struct mesh_wrong_entry **last);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decides who may connect when all places are taken. A newcomer takes a place from the user with
 * the most places, so that no user can keep others out by connecting. root and the daemon's own
 * user always get a place, and lose theirs to no other user. Pure.
 */
#ifndef RPINGMESH_SERVE_PLACES_H
#define RPINGMESH_SERVE_PLACES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A connection that has been silent for this long may be closed for another of the same user. */
#define PLACES_SILENT_NS 10000000000ULL

struct place {
	uid_t uid;
	bool privileged;       /* root or the daemon's own user */
	uint64_t active_ns;    /* when it came, or when bytes were last written to it */
};

/*
 * All n places are taken, and `newcomer` needs one. Returns the index of the connection that has to
 * go, or -1 if the newcomer has to be refused. Of a user's connections, the one that has been
 * silent for the longest time goes.
 */
int places_yield(const struct place *places, uint32_t n, const struct place *newcomer,
		 uint64_t now_ns);

#endif

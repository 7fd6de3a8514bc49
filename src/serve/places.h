/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may connect when all places are taken. Each user has a share: whoever comes takes a place
 * from the user who holds the most, so nobody can shut others out by connecting. root and the
 * daemon's own user yield to nobody else, and always get a place. Pure.
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
	uint64_t active_ns;    /* when bytes were last written to it, or it came */
};

/*
 * All n places are taken and `newcomer` asks for one. Returns the index of the connection that has
 * to go for it, or -1: there is none, so the newcomer is refused. Of one user's connections, the
 * one that has been silent for longest goes.
 */
int places_yield(const struct place *places, uint32_t n, const struct place *newcomer,
		 uint64_t now_ns);

#endif

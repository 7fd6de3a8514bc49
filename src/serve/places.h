/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decides who gets a place (a connection, a page) when all places are taken. A newcomer takes a
 * place from the user, or the source address, with the most places, so that none can keep others
 * out. root and the daemon's own user always get a place, and lose theirs to no other user. Pure.
 */
#ifndef RPINGMESH_SERVE_PLACES_H
#define RPINGMESH_SERVE_PLACES_H

#include <stdbool.h>
#include <stdint.h>

/* A place that has been silent for so long may go for another one of the same user. */
#define PLACES_SILENT_NS 10000000000ULL

struct place {
	uint64_t who;          /* a user, or an address */
	bool privileged;       /* root or the daemon's own user */
	uint64_t active_ns;    /* when it came or asked, or when bytes were last written */
};

/*
 * All n places are taken, and `newcomer` needs one. Returns the index of the connection that has to
 * go, or -1 if the newcomer has to be refused. Of a user's connections, the one that has been
 * silent for the longest time goes.
 */
int places_yield(const struct place *places, uint32_t n, const struct place *newcomer,
		 uint64_t now_ns);

/* The same, but the newcomer is already one of the n places, n > 0. Never returns -1. */
int places_surplus(const struct place *places, uint32_t n);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The candidates of an incident, and which links they are. A candidate is told by the names of its
 * switches, since it has addresses of one family only, and not all of a large switch. A link
 * between two switches is one cable with others between these, as judge_join.c decides it: all of
 * them, or, if IPv4 tells parallel cables apart, those with the same second address. A link whose
 * names have changed since is told by its addresses.
 *
 * The links are collected in steps, and known by their addresses, because roads gives ids away
 * again. Links that come later are not in it.
 */
#ifndef RPINGMESH_CENTRAL_TELL_CENTRAL_SUSPECTS_H
#define RPINGMESH_CENTRAL_TELL_CENTRAL_SUSPECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "central/roads/roads.h"
#include "core/siphash.h"
#include "record/incident.h"

#define CENTRAL_SUSPECTS_LINKS 4096u /* more are left out */

struct central_suspects;

/* The incident is copied. Returns 0 and sets *out, which the caller owns, or -ENOMEM. */
int central_suspects_new(const struct incident *incident, const uint8_t key[SIPHASH_KEY],
			 struct central_suspects **out);
/* NULL is allowed. */
void central_suspects_free(struct central_suspects *s);

/* Looks at the next links. Returns whether there are more. */
bool central_suspects_step(struct central_suspects *s, const struct roads *roads);

/* Whether the link is a candidate, or one of a candidate. */
bool central_suspects_link(const struct central_suspects *s, const struct addr *from,
			   const struct addr *to);
/* Whether it is a candidate by itself. */
bool central_suspects_tuple(const struct central_suspects *s, const struct roads_tuple *tuple);
/* The addresses of the i-th candidate that is a link, whether it is still there or not. */
bool central_suspects_named(const struct central_suspects *s, size_t i, struct addr *from,
			    struct addr *to);

#endif

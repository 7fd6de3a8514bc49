/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pairs of ToR switches that have metrics of their own: at most `max` of the last picture of
 * the mesh. Those that lose the largest share of their probes come first, then those whose RTT is
 * furthest above what is usual, then by name, so that the choice of a healthy mesh stays.
 */
#ifndef RPINGMESH_CENTRAL_TELL_CENTRAL_PAIRS_H
#define RPINGMESH_CENTRAL_TELL_CENTRAL_PAIRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "central/picture/picture.h"

#define CENTRAL_PAIRS_MAX 10000u

struct central_pairs;

/* NULL without memory. */
struct central_pairs *central_pairs_new(void);
/* NULL is allowed. */
void central_pairs_free(struct central_pairs *pairs);

/*
 * There is a new picture: takes over the caller's hold of it, and begins to choose. What is being
 * chosen from an older one is given up. Returns 0 or -ENOMEM; then nothing is chosen.
 */
int central_pairs_begin(struct central_pairs *pairs, struct picture_view *view, uint32_t max);
/* Looks at some pairs. Returns whether there is more to do. The old choice remains until then. */
bool central_pairs_step(struct central_pairs *pairs);

struct central_pairs_info {
	uint32_t n;          /* chosen */
	uint64_t left_out;   /* that have probes, and were not chosen */
};
void central_pairs_info(const struct central_pairs *pairs, struct central_pairs_info *out);
/* The worst first. The names are borrowed until the next call that is not const. */
const struct picture_cell *central_pairs_at(const struct central_pairs *pairs, uint32_t i,
					    const char **from, const char **to);

/* Of the probes that count, the share that was lost; negative: none counts. */
double central_pairs_loss(const struct picture_cell *cell);

#endif

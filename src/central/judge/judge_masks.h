/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a shorter window has found, or shows to be over, a longer one goes on to contain. So the
 * longer one has no say about that culprit until it has forgotten it. Only for this folder.
 */
#ifndef RPINGMESH_CENTRAL_JUDGE_JUDGE_MASKS_H
#define RPINGMESH_CENTRAL_JUDGE_JUDGE_MASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "central/incident/incidents.h"
#include "central/intake/intake.h"

struct judge_mask;

/* All zero is empty. */
struct judge_masks {
	struct judge_mask *at;
	size_t n, room;
};

/* This window and those that are longer are to be quiet about the candidates of the finding. */
void judge_masks_add(struct judge_masks *masks, const struct incidents_finding *finding,
		     enum intake_window window, uint64_t now_ns);
/* Whether this window has to be quiet about one of the candidates. */
bool judge_masks_have(const struct judge_masks *masks, const struct incidents_finding *finding,
		      enum intake_window window, uint64_t now_ns);
void judge_masks_clear(struct judge_masks *masks);

#endif

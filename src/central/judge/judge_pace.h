/* SPDX-License-Identifier: Apache-2.0 */
/* When which window is judged. Pure. */
#ifndef RPINGMESH_CENTRAL_JUDGE_JUDGE_PACE_H
#define RPINGMESH_CENTRAL_JUDGE_JUDGE_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "central/intake/intake_rows.h"

/*
 * The next window. begun_ns: when the last one of each was begun; 0: never. answered: a shortest
 * one has been judged. Longer ones are due every 10 s and every minute, but after each of them
 * comes the shortest, because only that one makes a verdict of what the others have found.
 */
enum intake_window judge_pace_next(const uint64_t begun_ns[INTAKE_WINDOWS], bool answered,
				   uint64_t now_ns);

/*
 * How long judging rests after a window that has cost so much processor time: three times of it, so
 * that it takes a quarter of a processor, but from 1 s to 10 s. A window that begins anew may cost
 * a minute, and nobody is to wait three more for the next one.
 */
uint64_t judge_pace_rest_ns(uint64_t spent_ns);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The problems of rpingmesh-central, as sentences for operators. */
#ifndef RPINGMESH_CENTRAL_TELL_CENTRAL_DEGRADED_H
#define RPINGMESH_CENTRAL_TELL_CENTRAL_DEGRADED_H

#include "rpingmesh/states.h"

struct central_tell;

/* Hears of one problem: its reason, and a sentence with the cure. */
typedef void central_degraded_hear(void *arg, enum central_reason why, const char *sentence);

/* Calls fn for each problem. */
void central_degraded(const struct central_tell *t, central_degraded_hear *fn, void *arg);

#endif

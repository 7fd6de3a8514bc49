/* SPDX-License-Identifier: Apache-2.0 */
/* The problems of the daemon, as sentences for operators. */
#ifndef RPINGMESH_AGENT_TELL_DEGRADED_H
#define RPINGMESH_AGENT_TELL_DEGRADED_H

#include "rpingmesh/states.h"

struct tell;

/* Calls fn for each problem. */
void degraded(const struct tell *t, degraded_hear *fn, void *arg);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that is not as it should be, for people. */
#ifndef RPINGMESH_AGENT_TELL_DEGRADED_H
#define RPINGMESH_AGENT_TELL_DEGRADED_H

struct tell;

/* Every degraded state as a sentence: fn is called for each. */
void degraded(const struct tell *t, void (*fn)(void *arg, const char *sentence), void *arg);

#endif

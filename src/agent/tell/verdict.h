/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verdicts on each path, in records, in the status and in the log: that of the sequential test
 * of loss (stat/sequential.h), and those on what lasts for minutes (stat/lasting.h).
 */
#ifndef RPINGMESH_AGENT_TELL_VERDICT_H
#define RPINGMESH_AGENT_TELL_VERDICT_H

#include "probe/prober.h"
#include "record/record.h"

struct tell;

#define VERDICT_PATHS_MAX 32 /* the most lossy paths that the status names */

/* Logs the verdicts on a target's path that have changed since the last call. */
void verdict_look(const struct prober_target_info *target);

/* Adds the keys of the map verdict. NULL: nothing is probed. */
void verdict_record(struct record *r, const struct prober_target_info *target);
/* Adds the same keys with the worst verdicts of all targets of a peer. */
void verdict_record_peer(struct record *r, const struct prober_peer *peer);
/* Adds the numbers of paths by verdict, and the list of those that are lossy. */
void verdict_record_status(struct record *r, const struct tell *t);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the sequential test of loss (stat/sequential.h) says of each path, for people: in records,
 * in status, in the log.
 */
#ifndef RPINGMESH_AGENT_TELL_VERDICT_H
#define RPINGMESH_AGENT_TELL_VERDICT_H

#include "probe/prober.h"
#include "stat/sequential.h"
#include "record/record.h"

struct tell;

#define VERDICT_PATHS_MAX 32 /* lossy paths that status names */

/* Writes a line to the log if the verdict on a target's path is another than the last time. */
void verdict_look(const struct prober_target_info *target);

/*
 * Keys loss_verdict, loss_verdict_since_ns?, loss_verdict_lost?, loss_verdict_of?. NULL: nothing is
 * probed.
 */
void verdict_record(struct record *r, const struct sequential *loss);
/* The same of all targets of a peer: the worst. */
void verdict_record_peer(struct record *r, const struct prober_peer *peer);
/* Keys lossy_paths (number) and lossy (list of maps). */
void verdict_record_status(struct record *r, const struct tell *t);

#endif

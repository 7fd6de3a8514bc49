/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verdict of the sequential test of loss (stat/sequential.h) on each path, in records, in the
 * status and in the log.
 */
#ifndef RPINGMESH_AGENT_TELL_VERDICT_H
#define RPINGMESH_AGENT_TELL_VERDICT_H

#include "probe/prober.h"
#include "stat/sequential.h"
#include "record/record.h"

struct tell;

#define VERDICT_PATHS_MAX 32 /* the most lossy paths that the status names */

/* Logs the verdict on a target's path if it has changed since the last call. */
void verdict_look(const struct prober_target_info *target);

/*
 * Adds the keys loss_verdict, loss_verdict_since_ns?, loss_verdict_lost?, loss_verdict_of?. NULL:
 * nothing is probed.
 */
void verdict_record(struct record *r, const struct sequential *loss);
/* Adds the same keys with the worst verdict of all targets of a peer. */
void verdict_record_peer(struct record *r, const struct prober_peer *peer);
/* Adds the keys lossy_paths (number) and lossy (list of maps). */
void verdict_record_status(struct record *r, const struct tell *t);

#endif

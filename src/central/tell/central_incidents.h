/* SPDX-License-Identifier: Apache-2.0 */
/* The control methods about incidents (rpingmesh-control(7)), and what others need of these. */
#ifndef RPINGMESH_CENTRAL_TELL_CENTRAL_INCIDENTS_H
#define RPINGMESH_CENTRAL_TELL_CENTRAL_INCIDENTS_H

#include <stdbool.h>

#include "core/clock.h"
#include "record/incident.h"
#include "serve/rpc.h"

/* Longer than anybody may be away. */
#define CENTRAL_MUTE_MAX_NS (366 * 86400 * NSEC_PER_SEC)

struct central_tell;

/* Whether an incident is muted, or the host of its likeliest culprit is drained. */
bool central_incident_muted(const struct central_tell *t, const struct incident *incident);

int central_incidents_method(const struct control_call *call);
int central_incident_method(const struct control_call *call);
int central_incident_acknowledge(const struct control_call *call);
int central_incident_mute(const struct control_call *call);
int central_incident_unmute(const struct control_call *call);

#endif

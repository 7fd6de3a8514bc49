/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RPINGMESH_CENTRAL_INCIDENT_INCIDENTS_FINDING_H
#define RPINGMESH_CENTRAL_INCIDENT_INCIDENTS_FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/incident.h"

/* What one look at the evidence has found. Borrowed during the call. */
struct incidents_finding {
	enum incident_kind kind;
	const struct incident_culprit *culprits; /* the likeliest first; at least one */
	size_t n_culprits;
	enum incident_direction direction;
	enum incident_effect effect;
	double loss_ratio;
	uint64_t delay_ns;               /* that slow answers take longer; 0: unknown, or none is */
	double confidence;               /* 0 to 1 */
	bool sure;                       /* one finding is enough */
	const struct incident_job *hurts, *crosses;
	size_t n_hurts, n_crosses;
};

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What a finding changes in an incident. Only for this folder. */
#ifndef RPINGMESH_CENTRAL_INCIDENT_INCIDENT_MERGE_H
#define RPINGMESH_CENTRAL_INCIDENT_INCIDENT_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/incident.h"

struct incidents_finding;

/*
 * What a culprit is told by: the same for both directions of a link, because they are one cable
 * more often than not.
 */
#define INCIDENT_KEY (INCIDENT_NAME + 32)
void incident_key(const struct incident_culprit *culprit, char key[INCIDENT_KEY]);

/* Some candidates. Borrowed. */
struct incident_group {
	const struct incident_culprit *at;
	size_t n;
};

/* Whether the two groups have a candidate in common. */
bool incident_shares(const struct incident_group *a, const struct incident_group *b);
/* Whether it is a link at which this switch is an end, by their names. */
bool incident_is_part(const struct incident_culprit *link, const struct incident_culprit *whole);
/*
 * The id of an incident that opens with these candidates: the first one of several, which differ by
 * their number, for when others have the ones before.
 */
void incident_make_id(const struct incident_group *group, unsigned int number,
		      char id[INCIDENT_ID]);

/*
 * Makes a new incident of a finding, without events. Returns NULL if there is no memory.
 */
struct incident *incident_of(const struct incidents_finding *finding);
/*
 * Adopts the finding of an incident that shares a candidate with it. `anew`: it is closed, so the
 * finding replaces all that was known. Returns whether anything changed that is more than figures,
 * and notes that in the events. Without memory, the old lists remain.
 */
bool incident_adopt(struct incident *incident, const struct incidents_finding *finding, bool anew,
		    uint64_t wall_ns);

/*
 * Adds an event. If there are too many, one that says what was asked goes, or else the second one,
 * so that the first one stays.
 */
void incident_note(struct incident *incident, enum incident_what what, uint64_t wall_ns,
		   const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What proves an incident: the links on the paths of those 5-tuples that lose something (or are
 * slow) and cross a candidate, and how the other 5-tuples on these links do. It is collected in
 * steps, from what hosts have reported in the last minutes and the paths that they have traced.
 * central_suspects.h says which links the candidates are.
 *
 * The first walk over all rows finds the links, the second one counts on them. Links are known by
 * their addresses between the steps, because roads gives ids away again.
 */
#ifndef RPINGMESH_CENTRAL_TELL_CENTRAL_EVIDENCE_H
#define RPINGMESH_CENTRAL_TELL_CENTRAL_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "central/intake/intake.h"
#include "central/roads/roads.h"
#include "record/incident.h"

#define CENTRAL_EVIDENCE_LINKS 256u /* that are kept, in the order in which they are found */
#define CENTRAL_EVIDENCE_TUPLES 24u /* the worst */
#define CENTRAL_EVIDENCE_WINDOW INTAKE_MIDDLE

struct central_evidence;

struct central_evidence_link {
	struct addr from, to;
	uint32_t id;              /* as roads gave it; it may be another link by now */
	bool culprit;             /* a candidate */
	uint32_t tuples, losing;  /* that cross it, there or back; of these, those that lose */
	uint64_t sent, bad;       /* probes of these */
};

struct central_evidence_tuple {
	struct roads_tuple there;
	uint16_t back_port;
	uint64_t sent, bad;
};

struct central_evidence_info {
	uint32_t n_links, n_tuples;
	bool links_full;          /* there are more */
	uint32_t losing;          /* 5-tuples that lose and cross a candidate */
	uint32_t clean;           /* that cross one and lose nothing */
	uint32_t untraced;        /* that lose, and whose path is not known */
	uint64_t sent, bad;       /* probes of those that cross a candidate */
};

/* Everything is borrowed until central_evidence_free(), but for the incident, which is copied. */
int central_evidence_new(const struct intake *intake, const struct roads *roads,
			 const struct incident *incident, struct central_evidence **out);
/* NULL is allowed. */
void central_evidence_free(struct central_evidence *e);

/* Looks at a few hosts. Returns whether there is more to do. */
bool central_evidence_step(struct central_evidence *e, uint64_t now_ns);

void central_evidence_info(const struct central_evidence *e, struct central_evidence_info *out);
/* Candidates first, then those with the most 5-tuples that lose. */
const struct central_evidence_link *central_evidence_link(const struct central_evidence *e,
							  uint32_t i);
const struct central_evidence_tuple *central_evidence_tuple(const struct central_evidence *e,
							    uint32_t i);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: judge
 *
 * From what hosts report to incidents: looks at the evidence, finds the culprits (src/locate), and
 * keeps the incidents. Asks hosts for what makes that sure (judge_asks.h). Those that are open are
 * published, retained, on PREFIX/1/incident/ID, where those of other centrals are heard, too.
 */
#ifndef RPINGMESH_CENTRAL_JUDGE_JUDGE_H
#define RPINGMESH_CENTRAL_JUDGE_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "central/intake/intake.h"
#include "central/judge/judge_asks.h"

struct history;
struct incidents;
struct judge;
struct loop;
struct mesh;
struct roads;

/* Borrowed. */
struct judge_config {
	struct loop *loop;
	struct mesh *mesh;
	const char *database;             /* a file; "": none */
	bool database_optional;           /* see history_new() */
	uint64_t incarnation;             /* of this central */
	const struct intake *intake;
	const struct roads *roads;
};

struct judge_stats {
	uint64_t verdicts;                /* how often the incidents were looked at */
	uint64_t failures;                /* for lack of memory */
	uint64_t heard, refused;          /* incidents of other centrals, taken or not */
	struct judge_asks_stats asks;
	/* The last judgement of each window: how long it took from its beginning to the verdict,
	 * and the processor time of that, of the loop and of the worker. */
	uint64_t took_ns[INTAKE_WINDOWS], collect_ns[INTAKE_WINDOWS], run_ns[INTAKE_WINDOWS];
	/* Streams of probes that it looked at, and that it left out, for lack of room. */
	uint64_t rows[INTAKE_WINDOWS], left_out[INTAKE_WINDOWS];
};

/* Returns 0 and sets *out, which the caller owns, or -errno. */
int judge_new(const struct judge_config *config, struct judge **out);
/* NULL is allowed. */
void judge_free(struct judge *judge);

void judge_stats(const struct judge *judge, struct judge_stats *out);

/* Borrowed, to look at. */
const struct history *judge_history(const struct judge *judge);
/* Borrowed; operators speak to it. */
struct incidents *judge_incidents(struct judge *judge);

#endif

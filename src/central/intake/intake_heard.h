/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one host has received of others, by 5-tuple and traffic class, over INTAKE_MIDDLE: hosts say
 * so in every fifth report only. Pure.
 */
#ifndef RPINGMESH_CENTRAL_INTAKE_INTAKE_HEARD_H
#define RPINGMESH_CENTRAL_INTAKE_INTAKE_HEARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/report.h"

#define INTAKE_HEARD_SLOTS 5 /* of a minute, as in INTAKE_MIDDLE */
/* A 5-tuple that has not been heard for so long is forgotten. */
#define INTAKE_HEARD_KEEP_NS 900000000000ULL

struct intake_heard_one {
	struct report_heard key;     /* received is not used */
	uint32_t newest;             /* the number of the newest slot that is in use */
	uint32_t slots[INTAKE_HEARD_SLOTS];
};

/* All zero at the start. */
struct intake_heard {
	struct intake_heard_one *of; /* owned; sorted */
	uint32_t n;
	uint64_t since_ns, last_ns;  /* the first and the last report that said so; 0: none */
};

/* A report has come that has `heard`. Returns 0 or -ENOMEM; then nothing has changed. */
int intake_heard_take(struct intake_heard *heard, const struct report *report, uint64_t now_ns);
/* Whether it is known; then *received is the sum. */
bool intake_heard_sum(const struct intake_heard *heard, const struct report_heard *key,
		      uint64_t now_ns, uint64_t *received);
void intake_heard_clear(struct intake_heard *heard);

#endif

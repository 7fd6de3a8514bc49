/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: judge
 *
 * From what hosts report to incidents: looks at the evidence, finds the culprits (src/locate), and
 * keeps the incidents. Those that are open are published, retained, on PREFIX/1/incident/ID.
 */
#ifndef RPINGMESH_CENTRAL_JUDGE_JUDGE_H
#define RPINGMESH_CENTRAL_JUDGE_JUDGE_H

#include <stdint.h>

struct incidents;
struct judge;
struct loop;
struct mesh;

/* Borrowed. */
struct judge_config {
	struct loop *loop;
	struct mesh *mesh;
};

/* Returns 0 and sets *out, which the caller owns, or -errno. */
int judge_new(const struct judge_config *config, struct judge **out);
/* NULL is allowed. */
void judge_free(struct judge *judge);

/* Borrowed; operators speak to it. */
struct incidents *judge_incidents(struct judge *judge);

#endif

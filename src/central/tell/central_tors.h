/* SPDX-License-Identifier: Apache-2.0 */
/* The top-of-rack switches of the cluster: what hosts have registered, and what the plan covers. */
#ifndef RPINGMESH_CENTRAL_TELL_CENTRAL_TORS_H
#define RPINGMESH_CENTRAL_TELL_CENTRAL_TORS_H

#include <stddef.h>
#include <stdint.h>

#include "record/registration.h"

struct mesh;

/* Sums over the address families and rails of a switch, where nothing else is said. */
struct central_tor {
	char name[REGISTRATION_NAME]; /* "": the ports that have none */
	unsigned int by;              /* bits 1 << enum registration_tor_by */
	size_t ports, hosts;          /* of hosts that are not gone */
	size_t drained;               /* of the hosts */
	uint64_t last_host;           /* that was counted, by its id */
	unsigned int paths;           /* the most */
	unsigned int wanted, out, in; /* 5-tuples */
	unsigned int partners, others; /* the most */
	double share_out, share_in;   /* the least; 1 if nothing is wanted */
	double probes_out, probes_in; /* probes a second of the fabric */
	unsigned int capped;          /* enum plan_cap */
};

struct central_tors {
	struct central_tor **at; /* by name */
	size_t n;
};

/* Returns 0 and sets *out, or -ENOMEM. The caller calls central_tors_clear() in any case. */
int central_tors_collect(const struct mesh *mesh, struct central_tors *out);
void central_tors_clear(struct central_tors *tors);

/* What keeps a switch from being covered: bits of central_tor_problem_names. */
#define CENTRAL_TOR_PROBLEM_N 8
extern const char *const central_tor_problem_names[CENTRAL_TOR_PROBLEM_N];
unsigned int central_tor_problems(const struct central_tor *tor);

#endif

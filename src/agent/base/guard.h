/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Self-protection: measures the CPU time and memory of this process, by getrusage(2) and
 * proc_pid_statm(5), and throttles the prober while they exceed their limits (probe/throttle.h). It
 * measures only while there is something to probe: every two seconds, or every second while the
 * prober is throttled.
 */
#ifndef RPINGMESH_AGENT_BASE_GUARD_H
#define RPINGMESH_AGENT_BASE_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probe/throttle.h"

struct guard;
struct loop;
struct prober;

struct guard_info {
	struct throttle_limits limits;
	uint32_t step;            /* rates are 1/2^step */
	enum throttle_reason reason;
	bool cpu_known;           /* it is measured now, because there is something to probe */
	uint32_t cpu_permille;    /* of one core, over the last second or two */
	uint32_t others_permille; /* the part of it that others caused */
	uint64_t memory_bytes;    /* resident now; 0: unknown, without /proc */
};

/* Borrows loop and prober. Returns 0 and sets *out, which the caller owns, or -errno. */
int guard_new(struct loop *loop, struct prober *prober, const struct throttle_limits *limits,
	      struct guard **out);
/* NULL is allowed. */
void guard_free(struct guard *guard);
/* New limits take effect at the next measurement; the removal of all limits at once. */
void guard_set_limits(struct guard *guard, const struct throttle_limits *limits);
/* Call this when there may be something to probe. Cheap. */
void guard_wake(struct guard *guard);

/* Reads /proc, so call it only to answer users. */
void guard_info(const struct guard *guard, struct guard_info *out);
/* Writes a sentence about the throttling and its reason. Returns false if there is none. */
bool guard_sentence(const struct guard *guard, char *text, size_t room);

#endif

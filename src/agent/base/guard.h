/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Self-protection: measures what this process uses, by getrusage(2) and proc_pid_statm(5), and
 * tells the prober to hold back while that is above the budget (probe/throttle.h). Measures only
 * while there is something to probe, every two seconds, or every second while it is busy with
 * holding back.
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
	bool cpu_known;           /* it is being measured: there is something to probe */
	uint32_t cpu_permille;    /* of one core, over the last second or two */
	uint64_t memory_bytes;    /* resident now; 0: /proc does not tell */
};

/* Of the loop and the prober, which are borrowed. 0 and *out, or -errno. */
int guard_new(struct loop *loop, struct prober *prober, const struct throttle_limits *limits,
	      struct guard **out);
/* NULL is allowed. */
void guard_free(struct guard *guard);
/* A change of limits takes effect with the next measurement; no limit at once. */
void guard_set_limits(struct guard *guard, const struct throttle_limits *limits);
/* There may be something to probe now. Cheap. */
void guard_wake(struct guard *guard);

/* Reads /proc: for answering people. */
void guard_info(const struct guard *guard, struct guard_info *out);
/* What is held back and why, as a sentence. False: nothing is. */
bool guard_sentence(const struct guard *guard, char *text, size_t room);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verdicts on what lasts for minutes on a path. They come from its windows:
 *
 *   noisy      more than a quarter of the probes that were answered or lost count in no loss ratio,
 *              because a host stalled; it ends below a tenth
 *   slow       the median RTT is above three times the usual one, and at least 20 µs above it; it
 *              ends at twice the usual one
 *   host_slow  the same of the responder delay, with 200 µs
 *
 * A verdict begins when this has gone on for LASTING_BEGIN_NS, and ends when the opposite has gone
 * on for LASTING_END_NS. Windows in between, and those without results, change nothing. A run ends
 * with a pause of LASTING_BEGIN_NS, so paths that are probed more rarely get no verdict. The usual
 * value is the mean of the medians so far, and later their average over about an hour. It is known
 * after LASTING_LEARN_NS. High windows do not change it; but after a day of a verdict, or if the
 * probes take another way, it is learned again. Pure.
 */
#ifndef RPINGMESH_STAT_LASTING_H
#define RPINGMESH_STAT_LASTING_H

#include <stdbool.h>
#include <stdint.h>

struct window;

#define LASTING_BEGIN_NS 180000000000ULL
#define LASTING_END_NS 60000000000ULL
#define LASTING_LEARN_NS 120000000000ULL
#define LASTING_AVERAGE_NS 3600000000000ULL
#define LASTING_FORGET_NS 86400000000000ULL

enum lasting_verdict {
	LASTING_NOISY,
	LASTING_SLOW,
	LASTING_HOST_SLOW,
	LASTING_N
};
/* "noisy", "slow", "host_slow". Never NULL. */
const char *lasting_name(enum lasting_verdict v);

/* Milliseconds of CLOCK_MONOTONIC would not fit, and thousands of paths have one: seconds. */
struct lasting_run {
	uint32_t high_s, low_s; /* when the present run of such windows began; 0: there is none */
	uint32_t since_s;       /* when the verdict began; 0: there is none */
};

struct lasting_usual {
	float ns;
	uint32_t learned_s;
};

/* All zeros: nothing has been seen. */
struct lasting {
	struct lasting_run run[LASTING_N];
	struct lasting_usual rtt, host;
	uint32_t seen_s; /* the end of the last window that counted */
};

/* Adds a closed window. */
void lasting_add(struct lasting *lasting, const struct window *w);
/* When the verdict began, CLOCK_MONOTONIC; 0: it does not hold. */
uint64_t lasting_since_ns(const struct lasting *lasting, enum lasting_verdict v);
/* The usual RTT; 0: unknown yet. */
uint64_t lasting_usual_rtt_ns(const struct lasting *lasting);

#endif

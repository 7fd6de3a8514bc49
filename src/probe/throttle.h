/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Self-protection: how much the daemon must hold back so that it stays within its own budget of CPU
 * and memory. Pure: the caller passes what the process has used, and gets the number of steps by
 * which to lower the rates of probes; each step halves them.
 *
 *   state     OVER                          UNDER               UNLIMITED
 *   full      one step down: reduced        -                   -
 *   reduced   one step down, at the last    one step up, at     full
 *             one: least                    the last one: full
 *   least     -                             one step up:        full
 *                                           reduced
 *
 * WITHIN, that is neither, changes nothing in any state. One sample makes no event: OVER takes
 * THROTTLE_OVER_SAMPLES in a row above a budget. UNDER takes THROTTLE_CALM_SAMPLES in a row of
 * which twice the use would still be within THROTTLE_SAFE_PERCENT of each budget: probes cannot
 * cost more than everything, so twice the rate is known to fit. Where the use does not hang on the
 * rate alone that may never be, so a step up is also tried after `patience` samples that leave some
 * room; each try that fails doubles the patience, up to THROTTLE_PATIENCE_MAX. So the rate does not
 * swing.
 */
#ifndef RPINGMESH_PROBE_THROTTLE_H
#define RPINGMESH_PROBE_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#define THROTTLE_STEPS 6 /* down to 1/64 */
#define THROTTLE_OVER_SAMPLES 2
#define THROTTLE_CALM_SAMPLES 5
#define THROTTLE_SAFE_PERCENT 90
#define THROTTLE_ROOM_CPU_PERCENT 80    /* of the budget: leaves room for a try */
#define THROTTLE_ROOM_MEMORY_PERCENT \
	90 /* what has been freed is not all given back: closer to the budget */
#define THROTTLE_PATIENCE_MIN 30u       /* samples */
#define THROTTLE_PATIENCE_MAX 1800u
#define THROTTLE_PROOF_SAMPLES 30       /* a step up that has lasted this long has not failed */
#define THROTTLE_SAMPLE_MIN_NS \
	100000000ULL /* a share of a shorter time says nothing: such samples are ignored */

enum throttle_state {
	THROTTLE_FULL,
	THROTTLE_REDUCED,
	THROTTLE_LEAST,
	THROTTLE_STATE_N
};

enum throttle_event {
	THROTTLE_OVER,
	THROTTLE_WITHIN,
	THROTTLE_UNDER,
	THROTTLE_UNLIMITED, /* no budget is set any more */
	THROTTLE_EVENT_N
};

/* Which budget the last step down was for. */
enum throttle_reason {
	THROTTLE_REASON_NONE,
	THROTTLE_REASON_CPU,
	THROTTLE_REASON_MEMORY,
	THROTTLE_REASON_N
};

/* Never NULL: "?" for a value out of range. */
const char *throttle_state_name(enum throttle_state s);
const char *throttle_event_name(enum throttle_event e);
const char *throttle_reason_name(enum throttle_reason r);

/* 0: no limit. */
struct throttle_limits {
	uint32_t cpu_percent;  /* of one core */
	uint64_t memory_bytes; /* resident */
};

struct throttle_sample {
	uint64_t now_ns;
	uint64_t cpu_ns;       /* user and system time of the process since its start */
	uint64_t memory_bytes; /* 0: not known, and not over any limit */
};

/* Embedded by its owner; to be read, and changed by the functions below only. */
struct throttle {
	struct throttle_limits limits;
	enum throttle_state state;
	enum throttle_reason reason;  /* NONE in state full */
	uint32_t step;                /* 0 to THROTTLE_STEPS: rates are 1/2^step */
	struct throttle_sample last;  /* now_ns 0: none yet */
	uint32_t cpu_permille;        /* of one core, between the last two samples */
	bool measured;                /* cpu_permille holds */
	uint32_t over, calm, roomy;   /* samples in a row */
	uint32_t patience;            /* roomy samples before a try */
	uint32_t since_up; /* samples since the last step up, as long as it may fail; 0: none */
};

void throttle_init(struct throttle *t, const struct throttle_limits *limits);
/*
 * What was counted towards the next step begins anew; without any limit it is full at once. True if
 * the step has changed.
 */
bool throttle_set_limits(struct throttle *t, const struct throttle_limits *limits);
/*
 * True if the step has changed. The first sample, or the first after throttle_pause(), only begins
 * to measure.
 */
bool throttle_tell(struct throttle *t, const struct throttle_sample *sample);
/* The next sample has nothing to do with the last one. */
void throttle_pause(struct throttle *t);
/*
 * One event of the machine above, decided. True if the step has changed. For throttle_tell(), and
 * for tests.
 */
bool throttle_fsm(struct throttle *t, enum throttle_event event);

/* Nothing is held back, and nothing speaks for it. */
bool throttle_is_at_ease(const struct throttle *t);

#endif

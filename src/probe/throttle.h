/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Self-protection: decides how much to reduce the rates of probes, so that the daemon stays within
 * its limits of CPU time and memory. Each step halves the rates. Pure: the caller passes the CPU
 * time and memory of the process, and gets the number of steps.
 *
 *   state     OVER                          UNDER               UNLIMITED
 *   full      one step down: reduced        -                   -
 *   reduced   one step down, at the last    one step up, at     full
 *             one: least                    the last one: full
 *   least     -                             one step up:        full
 *                                           reduced
 *
 * WITHIN (neither OVER nor UNDER) changes nothing. OVER needs THROTTLE_OVER_SAMPLES samples in a
 * row above a limit. UNDER needs THROTTLE_CALM_SAMPLES in a row for which twice the use is still
 * within THROTTLE_SAFE_PERCENT of each limit; then twice the rate fits certainly, because probes
 * take no more than the whole. If the use does not depend on the rate alone, this may never happen.
 * So a step up is also tried after `patience` samples with some room. Each failed try doubles the
 * patience, up to THROTTLE_PATIENCE_MAX, so that the rate does not oscillate.
 *
 * The work of the process for others (answers to other hosts, clients, scrapes) has its own limits.
 * It counts only up to half of the CPU limit, so others cannot slow down probes that fit into the
 * other half.
 */
#ifndef RPINGMESH_PROBE_THROTTLE_H
#define RPINGMESH_PROBE_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#define THROTTLE_STEPS 6 /* down to 1/64 */
#define THROTTLE_OVER_SAMPLES 2
#define THROTTLE_CALM_SAMPLES 5
#define THROTTLE_SAFE_PERCENT 90
#define THROTTLE_ROOM_CPU_PERCENT 80    /* of the limit: below, there is room for a try */
#define THROTTLE_ROOM_MEMORY_PERCENT \
	90 /* closer to the limit, because not all freed memory is returned to the system */
#define THROTTLE_PATIENCE_MIN 30u       /* samples */
#define THROTTLE_PATIENCE_MAX 1800u
#define THROTTLE_PROOF_SAMPLES 30       /* after so many, a step up has not failed */
#define THROTTLE_SAMPLE_MIN_NS \
	100000000ULL /* a sample of a shorter time is inaccurate and is ignored */

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
	THROTTLE_UNLIMITED, /* there are no limits any more */
	THROTTLE_EVENT_N
};

/* The limit that caused the last step down. */
enum throttle_reason {
	THROTTLE_REASON_NONE,
	THROTTLE_REASON_CPU,
	THROTTLE_REASON_MEMORY,
	THROTTLE_REASON_N
};

/* Never NULL: "?" for a value out of range. */
const char *throttle_reason_name(enum throttle_reason r);

/* 0: no limit. */
struct throttle_limits {
	uint32_t cpu_percent;  /* of one core */
	uint64_t memory_bytes; /* resident */
};

struct throttle_sample {
	uint64_t now_ns;
	uint64_t cpu_ns;       /* user and system time of the process since its start */
	uint64_t others_ns;    /* the part of it that others caused, as far as known */
	uint64_t memory_bytes; /* 0: unknown; exceeds no limit */
};

/* The owner contains it and may read it. Only the functions below may change it. */
struct throttle {
	struct throttle_limits limits;
	enum throttle_state state;
	enum throttle_reason reason;  /* NONE in state full */
	uint32_t step;                /* 0 to THROTTLE_STEPS: rates are 1/2^step */
	struct throttle_sample last;  /* now_ns 0: none yet */
	uint32_t cpu_permille;        /* of one core, between the last two samples */
	uint32_t others_permille;     /* the part of it that others caused */
	bool measured;                /* both are valid */
	uint32_t over, calm, roomy;   /* samples in a row */
	uint32_t patience;            /* roomy samples until a try */
	uint32_t since_up; /* samples since a step up that may still fail; 0: there is none */
};

void throttle_init(struct throttle *t, const struct throttle_limits *limits);
/*
 * Sets the limits and restarts the counting of samples. Without limits, the state becomes full.
 * Returns true if the step has changed.
 */
bool throttle_set_limits(struct throttle *t, const struct throttle_limits *limits);
/*
 * Adds a sample. The first one, and the first after throttle_pause(), only begins a measurement.
 * Returns true if the step has changed.
 */
bool throttle_tell(struct throttle *t, const struct throttle_sample *sample);
/* Interrupts the measurement, until the next sample. */
void throttle_pause(struct throttle *t);
/*
 * Handles an event. Returns true if the step has changed. For throttle_tell() and tests.
 */
bool throttle_fsm(struct throttle *t, enum throttle_event event);

/* Whether the state is full, and no sample counts towards a step down. */
bool throttle_is_at_ease(const struct throttle *t);

#endif

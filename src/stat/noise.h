/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host noise: times at which the host did not run this process though it had something to do. With
 * software stamps a stall between an ACK's arrival and its being read looks like network RTT, and
 * one that is long enough like loss; results that a stall can have touched are marked (struct
 * probe_result, host_noise), not believed and not hidden.
 *
 * Evidence comes from the daemon: a timer that fired late, and the time that the scheduler let the
 * process wait for a CPU (schedstat, Documentation/scheduler/sched-stats.rst), which grows while it
 * is runnable and does not run. One detector a host: prober and responder borrow it. Pure: times
 * are CLOCK_MONOTONIC and come in. A struct noise of zeroes has seen nothing and is valid.
 */
#ifndef RPINGMESH_STAT_NOISE_H
#define RPINGMESH_STAT_NOISE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What counts as a stall: longer than NOISE_FACTOR times what is typical of this host, within these
 * bounds. Idle Linux on hardware wakes us 50 to 100 µs late (timer slack) at least, so below 1 ms
 * nothing is said; virtual machines are late by milliseconds all the time, which must not mark
 * everything; 20 ms is noise by any standard.
 */
#define NOISE_STALL_MIN_NS 1000000ULL
#define NOISE_STALL_MAX_NS 20000000ULL
#define NOISE_FACTOR 10
/*
 * What may pass between a stall's end and the reading of what arrived meanwhile, besides what a
 * stamp's error says.
 */
#define NOISE_AFTER_NS 1000000ULL
#define NOISE_STALLS 64 /* remembered */

struct noise_stall {
	uint64_t from_ns, to_ns;
};

struct noise {
	struct noise_stall stall[NOISE_STALLS];
	uint32_t n, head;        /* n stalls, the newest just before head; they do not overlap */
	uint64_t typical_ns;     /* median lateness of timers, estimated; 0: not known yet */
	uint64_t woken;          /* wake-ups that it is estimated from */
	uint64_t waited_ns,
		waited_at_ns; /* noise_waited()'s last arguments; waited_at_ns 0: none yet */
	uint64_t stalls, stalled_ns, longest_ns; /* since the start */
};

/* What is a stall now. */
uint64_t noise_threshold_ns(const struct noise *noise);

/* A wake-up that was wanted at asked_ns came at ran_ns (≥ asked_ns). Changes what is typical. */
void noise_woke(struct noise *noise, uint64_t asked_ns, uint64_t ran_ns);
/*
 * It is now_ns, and a wake-up that was wanted at asked_ns has not come yet. May be called any
 * number of times.
 */
void noise_waiting(struct noise *noise, uint64_t asked_ns, uint64_t now_ns);
/*
 * Whether enough time has passed since the last noise_waited() for a stall to be found by the next:
 * else the call can be saved.
 */
bool noise_wants_waited(const struct noise *noise, uint64_t now_ns);
/*
 * The process has waited total_ns for a CPU since it began, as of now_ns. The first call only sets
 * the base.
 */
void noise_waited(struct noise *noise, uint64_t total_ns, uint64_t now_ns);

/* The longest stall that overlaps [from_ns, to_ns]; 0: none. */
uint64_t noise_overlap_ns(const struct noise *noise, uint64_t from_ns, uint64_t to_ns);

#endif

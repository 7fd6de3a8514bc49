/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host noise: times at which the host did not run this process although it had something to do.
 * With software timestamps, a stall between the arrival of an ACK and the reading of it looks like
 * network RTT, and a long stall looks like loss. Results that a stall may have affected are marked
 * (struct probe_result, host_noise); they are neither trusted nor hidden.
 *
 * The daemon provides the evidence: timers that fired late, and the time that the process waited
 * for a CPU (schedstat, Documentation/scheduler/sched-stats.rst), which grows while the process is
 * runnable and does not run. There is one detector per host; prober and responder borrow it. Pure:
 * the caller passes times of CLOCK_MONOTONIC. A struct noise of zeroes is valid and has seen
 * nothing.
 */
#ifndef RPINGMESH_STAT_NOISE_H
#define RPINGMESH_STAT_NOISE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A delay counts as a stall if it is longer than NOISE_FACTOR times the typical delay of this host,
 * within these bounds. Idle Linux on hardware wakes us at least 50 to 100 µs late (timer slack), so
 * a delay below 1 ms is no stall. Virtual machines are always late by milliseconds, which must not
 * mark all results. A delay of 20 ms is noise on any host.
 */
#define NOISE_STALL_MIN_NS 1000000ULL
#define NOISE_STALL_MAX_NS 20000000ULL
#define NOISE_FACTOR 10
/*
 * The time that may pass between the end of a stall and the reading of what arrived meanwhile, in
 * addition to the error of the timestamp.
 */
#define NOISE_AFTER_NS 1000000ULL
#define NOISE_STALLS 64 /* the latest stalls are kept */

struct noise_stall {
	uint64_t from_ns, to_ns;
};

struct noise {
	struct noise_stall stall[NOISE_STALLS];
	uint32_t n, head;        /* n stalls, the newest just before head; none overlap */
	uint64_t typical_ns;     /* estimated median lateness of timers; 0: unknown yet */
	uint64_t woken;          /* wake-ups behind this estimate */
	uint64_t waited_ns,
		waited_at_ns; /* noise_waited()'s last arguments; waited_at_ns 0: none yet */
	uint64_t ran_ns;         /* noise_wants_waited()'s last now_ns */
	uint64_t possible_ns;    /* what may have been waited since noise_waited() */
	uint64_t stalls, stalled_ns, longest_ns; /* since the start */
};

/* The length from which a delay counts as a stall now. */
uint64_t noise_threshold_ns(const struct noise *noise);

/* A timer that was set for asked_ns ran at ran_ns (≥ asked_ns). Updates typical_ns. */
void noise_woke(struct noise *noise, uint64_t asked_ns, uint64_t ran_ns);
/*
 * It is now_ns, and a timer that was set for asked_ns has not run yet. May be called any number of
 * times.
 */
void noise_waiting(struct noise *noise, uint64_t asked_ns, uint64_t now_ns);
/*
 * The process runs at now_ns. Since the last call it may have waited for a CPU, but if a timer woke
 * it, not before from_ns, when that timer was due; otherwise from_ns is 0. Returns whether the next
 * noise_waited() may find a stall: then call it. While the process sleeps until its timers and gets
 * its answers soon, that is seldom, because sleeping is not waiting.
 */
bool noise_wants_waited(struct noise *noise, uint64_t from_ns, uint64_t now_ns);
/*
 * Until now_ns, the process has waited total_ns for a CPU since its start. The first call only sets
 * the base. Of what it has waited since the last call, no more counts than noise_wants_waited() has
 * found possible.
 */
void noise_waited(struct noise *noise, uint64_t total_ns, uint64_t now_ns);

/* The length in ns of the longest stall that overlaps [from_ns, to_ns]; 0: none. */
uint64_t noise_overlap_ns(const struct noise *noise, uint64_t from_ns, uint64_t to_ns);

#endif

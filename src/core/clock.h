/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time. Everything inside the daemon is measured in nanoseconds of CLOCK_MONOTONIC, the
 * clock of libevent's timers; wall-clock time (CLOCK_REALTIME) is only for people and records.
 */
#ifndef RPINGMESH_CORE_CLOCK_H
#define RPINGMESH_CORE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define NSEC_PER_USEC 1000ULL
#define NSEC_PER_MSEC 1000000ULL
#define NSEC_PER_SEC 1000000000ULL

/* Nanoseconds of CLOCK_MONOTONIC; see clock_gettime(2). Does not block. */
uint64_t clock_mono_ns(void);

/* Nanoseconds since the Unix epoch. Jumps when the clock is set. Does not block. */
uint64_t clock_wall_ns(void);

/* Processor time of this thread. */
uint64_t clock_thread_ns(void);

/*
 * Reads both clocks and puts wall clock minus CLOCK_MONOTONIC into *out, in ns, correct within
 * CLOCK_OFFSET_ERROR_NS. Returns false and leaves *out alone if the process was interrupted between
 * the two readings at each of several attempts.
 */
#define CLOCK_OFFSET_ERROR_NS 1000000ULL
bool clock_wall_offset(int64_t *out);

/*
 * Converts a time of clock_mono_ns() to wall-clock time. Each call reads the difference between the
 * two clocks anew, so it follows a step of the wall clock.
 */
uint64_t clock_wall_of(uint64_t mono_ns);

#endif

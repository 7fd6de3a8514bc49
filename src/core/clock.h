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

/* Nanoseconds since the Unix epoch; steps when somebody sets the clock. Does not block. */
uint64_t clock_wall_ns(void);

/*
 * What the wall clock is ahead of CLOCK_MONOTONIC, read so that it is right within
 * CLOCK_OFFSET_ERROR_NS. False, and *out as it was: the process was interrupted between the two
 * each time it tried.
 */
#define CLOCK_OFFSET_ERROR_NS 1000000ULL
bool clock_wall_offset(int64_t *out);

/*
 * The wall-clock time of a moment that clock_mono_ns() gave. The difference between the two
 * clocks is read anew at every call, so a clock step shows from then on.
 */
uint64_t clock_wall_of(uint64_t mono_ns);

#endif

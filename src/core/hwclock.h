/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock of an RNIC, as its completion timestamps show it: a counter that runs at so many kHz
 * from some moment on and is as wide as a mask (ibv_query_device_ex(3): hca_core_clock,
 * completion_timestamp_mask). It knows no time of day, and only differences within one clock mean
 * anything. Pure arithmetic, and the judgement whether a clock is to be believed: no verbs, no
 * system clock.
 *
 * A moment is told by both clocks, a duration by one of them. The host's clock is read by
 * software, when it runs; so it bounds what the RNIC's clock may say:
 *
 *   - a difference that no whole number of wraps brings between the shortest and the longest
 *     possible duration is rejected: a timestamp has jumped. A jump that stays between the bounds
 *     is not seen, nor one of a whole number of wraps.
 *   - of several, that nearest to what the software measured is taken. If the software's own error
 *     leaves two of them, none is: the clock wraps too fast for this one. It is counted as
 *     rejected, but not held against the clock.
 *
 * Each bound is widened by HWCLOCK_DRIFT_PPM of it, HWCLOCK_SLACK_NS and two ticks.
 *
 * What cannot be used is left to the host's clock, and counted. A clock that is rejected too often
 * is left alone for a while, longer each time:
 *
 *   state        its differences are   leaves by
 *   absent       not used              hwclock_set() -> trusted
 *   trusted      used                  more than one in three rejected, over some dozens ->
 *                                      distrusted
 *   distrusted   not looked at         a pause of HWCLOCK_PAUSE_MIN_NS, doubling to
 *                                      HWCLOCK_PAUSE_MAX_NS -> tried
 *   tried        used                  the first one: accepted -> trusted, rejected -> distrusted
 *
 * From all states: hwclock_clear() -> absent.
 */
#ifndef RPINGMESH_CORE_HWCLOCK_H
#define RPINGMESH_CORE_HWCLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define HWCLOCK_KHZ_MAX 1000000000ULL /* 1 THz; 1,000,000 is the most that was seen */
/*
 * How far the two clocks may drift apart before it counts as a jump: ten times what IEEE 802.3
 * allows an oscillator.
 */
#define HWCLOCK_DRIFT_PPM 1000
#define HWCLOCK_SLACK_NS 10000ULL
/*
 * The error of a difference beside two ticks: the oscillators of IEEE 802.3 (100 ppm), and
 * hca_core_clock in whole kHz.
 */
#define HWCLOCK_ERROR_PPM 110
#define HWCLOCK_PAUSE_MIN_NS 30000000000ULL
#define HWCLOCK_PAUSE_MAX_NS 3600000000000ULL

enum hwclock_state {
	HWCLOCK_ABSENT,
	HWCLOCK_TRUSTED,
	HWCLOCK_DISTRUSTED,
	HWCLOCK_TRIED,
	HWCLOCK_STATE_N
};

/* Owned by who holds it; prober and responder borrow it. Fields are to be read only. */
struct hwclock {
	char name[64];           /* of the device, for the log */
	enum hwclock_state state;
	const char *reason;      /* static text: why it is not used; NULL if it is */
	uint64_t khz, mask;
	uint64_t accepted, rejected; /* differences, since hwclock_init() */
	uint32_t doubt; /* two more for each that is rejected as a jump, one less for each that is
			   accepted */
	uint64_t pause_ns, retry_ns; /* distrusted: how long; until when, CLOCK_MONOTONIC */
};

/* One moment, by the host's clock and, if the RNIC has stamped it, by the RNIC's. */
struct hwclock_moment {
	uint64_t ns;       /* CLOCK_MONOTONIC */
	uint64_t error_ns; /* how far ns may be off, as far as known */
	uint64_t ticks;    /* valid if stamped */
	bool stamped;
};

/* What is known of a duration without the RNIC's clock, ns. */
struct hwclock_bounds {
	uint64_t min_ns, max_ns;   /* it was not shorter and not longer, for certain */
	uint64_t near_ns,
		error_ns; /* what software measured, and how far that may be off, as far as known */
};

struct hwclock_elapsed {
	uint64_t ns;
	uint64_t error_ns;
};

/* Absent until hwclock_set(). */
void hwclock_init(struct hwclock *clock, const char *name, const char *reason);

/*
 * A clock of that frequency and width is there. Trust begins anew. 0, or -EINVAL: khz is 0 or above
 * HWCLOCK_KHZ_MAX, or the mask is not of the form 2^n - 1 with n >= 1; absent then, with a reason.
 */
int hwclock_set(struct hwclock *clock, uint64_t khz, uint64_t mask);
/* There is none any more. reason: static text, kept. */
void hwclock_clear(struct hwclock *clock, const char *reason);

/* Whether differences are taken from it. NULL: no. */
bool hwclock_is_used(const struct hwclock *clock);
const char *hwclock_state_name(enum hwclock_state state);

/* Nanoseconds until the counter starts over; 0: longer than 2^64, or there is no clock. */
uint64_t hwclock_wrap_ns(const struct hwclock *clock);

/* ticks in ns, rounded down; UINT64_MAX if it is more than fits. khz from 1 to HWCLOCK_KHZ_MAX. */
uint64_t hwclock_ticks_to_ns(uint64_t ticks, uint64_t khz);
uint64_t hwclock_ns_to_ticks(uint64_t ns, uint64_t khz);

/*
 * The duration between two moments by the RNIC's clock. True and *out; false if it has to be the
 * host's: no clock, one of them not stamped, or rejected. to->ns is the time now, for the pauses.
 * clock may be NULL.
 */
bool hwclock_elapsed(struct hwclock *clock, const struct hwclock_moment *from,
		     const struct hwclock_moment *to, const struct hwclock_bounds *bounds,
		     struct hwclock_elapsed *out);

#endif

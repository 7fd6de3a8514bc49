/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock of an RNIC, from which completion timestamps come. It is a counter with an arbitrary
 * start. ibv_query_device_ex(3) reports its frequency in kHz (hca_core_clock) and its width
 * (completion_timestamp_mask). It does not know the time of day, so only the difference between two
 * timestamps of the same clock has a meaning. This module is pure: it computes durations and
 * decides whether a clock can be trusted, and uses neither verbs nor a system clock.
 *
 * A moment is known by both clocks; a duration is taken from one of them. Software reads the host's
 * clock before and after an event, and this limits what the RNIC's clock may report:
 *
 *   - The true duration is the difference of the timestamps plus a whole number of wraps of the
 *     counter. If no such sum lies between the shortest and the longest possible duration, the
 *     difference is rejected, because a timestamp has jumped. A jump that stays within the bounds,
 *     or that is a whole number of wraps, is not noticed.
 *   - If several sums are possible, the one nearest to the software's measurement is taken. If the
 *     software's own error allows two of them, the difference is rejected, because the clock wraps
 *     too fast for this duration. This rejection does not count against the clock.
 *
 * Each bound is widened by HWCLOCK_DRIFT_PPM of its value, HWCLOCK_SLACK_NS and two ticks.
 *
 * If a difference is rejected, the caller uses the host's clock instead. If too many are rejected,
 * the clock is not used for a while, longer each time:
 *
 *   state        its differences are   leaves by
 *   absent       not used              hwclock_set() -> trusted
 *   trusted      used                  more than one in three rejected, over some dozens ->
 *                                      distrusted
 *   distrusted   not used              a pause of HWCLOCK_PAUSE_MIN_NS, doubling to
 *                                      HWCLOCK_PAUSE_MAX_NS -> tried
 *   tried        used                  the first one: accepted -> trusted, rejected -> distrusted
 *
 * From all states: hwclock_clear() -> absent.
 */
#ifndef RPINGMESH_CORE_HWCLOCK_H
#define RPINGMESH_CORE_HWCLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define HWCLOCK_KHZ_MAX 1000000000ULL /* 1 THz; the fastest known clock has 1,000,000 kHz */
/*
 * The drift between the two clocks that does not count as a jump: ten times what IEEE 802.3 allows
 * an oscillator.
 */
#define HWCLOCK_DRIFT_PPM 1000
#define HWCLOCK_SLACK_NS 10000ULL
/*
 * The error of a difference, in addition to two ticks: 100 ppm for an oscillator of IEEE 802.3, and
 * 10 ppm because hca_core_clock is in whole kHz.
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

/* Prober and responder borrow it from its owner. Others may read the fields, but not write them. */
struct hwclock {
	char name[64];           /* of the device, for the log */
	enum hwclock_state state;
	const char *reason;      /* static text: why it is not used; NULL if it is */
	uint64_t khz, mask;
	uint64_t accepted, rejected; /* differences, since hwclock_init() */
	uint32_t doubt; /* a jump adds two; an accepted difference takes one away */
	uint64_t pause_ns, retry_ns; /* distrusted: for how long; until when, CLOCK_MONOTONIC */
};

/* One moment by the host's clock and, if the RNIC gave a timestamp, by the RNIC's. */
struct hwclock_moment {
	uint64_t ns;       /* CLOCK_MONOTONIC */
	uint64_t error_ns; /* the known error of ns */
	uint64_t ticks;    /* valid if stamped */
	bool stamped;
};

/* What the host knows about a duration without the RNIC's clock. */
struct hwclock_bounds {
	uint64_t min_ns, max_ns;   /* certain limits */
	uint64_t near_ns,
		error_ns; /* the software's measurement, and its known error */
};

struct hwclock_elapsed {
	uint64_t ns;
	uint64_t error_ns;
};

/* Makes a clock that is absent until hwclock_set(). name is copied; reason: static text, kept. */
void hwclock_init(struct hwclock *clock, const char *name, const char *reason);

/*
 * The device has a clock of that frequency and width. It is trusted at first. Returns 0, or -EINVAL
 * if khz is 0 or above HWCLOCK_KHZ_MAX, or if the mask is not of the form 2^n - 1 with n >= 1. Then
 * the clock is absent and has a reason.
 */
int hwclock_set(struct hwclock *clock, uint64_t khz, uint64_t mask);
/* The device has no clock any more. reason: static text, kept. */
void hwclock_clear(struct hwclock *clock, const char *reason);

/* Whether the clock is used for differences. NULL is allowed and means no. */
bool hwclock_is_used(const struct hwclock *clock);
const char *hwclock_state_name(enum hwclock_state state);

/* The time in ns in which the counter wraps; 0: longer than 2^64 ns, or there is no clock. */
uint64_t hwclock_wrap_ns(const struct hwclock *clock);

/* Converts and rounds down; UINT64_MAX if the result does not fit. khz: 1 to HWCLOCK_KHZ_MAX. */
uint64_t hwclock_ticks_to_ns(uint64_t ticks, uint64_t khz);
uint64_t hwclock_ns_to_ticks(uint64_t ns, uint64_t khz);

/*
 * Computes the duration between two moments by the RNIC's clock. Returns true and sets *out.
 * Returns false if the caller must use the host's clock: there is no clock, one of the moments is
 * not stamped, or the difference is rejected. to->ns must be the time now; it ends the pauses.
 * clock may be NULL.
 */
bool hwclock_elapsed(struct hwclock *clock, const struct hwclock_moment *from,
		     const struct hwclock_moment *to, const struct hwclock_bounds *bounds,
		     struct hwclock_elapsed *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "core/hwclock.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "core/clock.h"
#include "core/log.h"
#include "rpingmesh/log_subsystems.h"

#define HWCLOCK_NS_PER_MS NSEC_PER_MSEC /* kHz are ticks per ms */
#define HWCLOCK_PPM 1000000
#define HWCLOCK_DOUBT_MAX 32 /* sixteen jumps in a row */

static const char *const hwclock_state_names[] = {
	[HWCLOCK_ABSENT] = "absent",
	[HWCLOCK_TRUSTED] = "trusted",
	[HWCLOCK_DISTRUSTED] = "distrusted",
	[HWCLOCK_TRIED] = "tried",
};
static_assert(sizeof(hwclock_state_names) / sizeof(hwclock_state_names[0]) == HWCLOCK_STATE_N,
	      "a name for each state");

const char *
hwclock_state_name(enum hwclock_state state)
{
	return (unsigned int)state < HWCLOCK_STATE_N ? hwclock_state_names[state] : "?";
}

static uint64_t
hwclock_sum(uint64_t a, uint64_t b)
{
	return a + b < a ? UINT64_MAX : a + b;
}

static uint64_t
hwclock_less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* n * num / den, rounded down; UINT64_MAX if the result does not fit. den * num must fit. */
static uint64_t
hwclock_scale(uint64_t n, uint64_t num, uint64_t den)
{
	uint64_t whole = n / den, rest = n % den;

	if (whole > UINT64_MAX / num)
		return UINT64_MAX;
	return hwclock_sum(whole * num, rest * num / den);
}

uint64_t
hwclock_ticks_to_ns(uint64_t ticks, uint64_t khz)
{
	return hwclock_scale(ticks, HWCLOCK_NS_PER_MS, khz);
}

uint64_t
hwclock_ns_to_ticks(uint64_t ns, uint64_t khz)
{
	return hwclock_scale(ns, khz, HWCLOCK_NS_PER_MS);
}

static void
hwclock_set_state(struct hwclock *clock, enum hwclock_state state, const char *reason)
{
	enum hwclock_state from = clock->state;

	clock->state = state;
	clock->reason = reason;
	clock->doubt = 0;
	if (from == state)
		return;
	if (state == HWCLOCK_DISTRUSTED)
		log_warning(DEVICE, "%s: hardware clock: %s -> %s for %llu s: %s", clock->name,
			    hwclock_state_name(from), hwclock_state_name(state),
			    clock->pause_ns / NSEC_PER_SEC, reason);
	else
		log_info(DEVICE, "%s: hardware clock: %s -> %s%s%s", clock->name,
			 hwclock_state_name(from), hwclock_state_name(state), reason ? ": " : "",
			 reason ? reason : "");
}

void
hwclock_init(struct hwclock *clock, const char *name, const char *reason)
{
	*clock = (struct hwclock){.state = HWCLOCK_ABSENT, .reason = reason};
	snprintf(clock->name, sizeof(clock->name), "%s", name);
}

int
hwclock_set(struct hwclock *clock, uint64_t khz, uint64_t mask)
{
	clock->pause_ns = 0;
	if (khz == 0 || khz > HWCLOCK_KHZ_MAX) {
		hwclock_clear(clock, "the device reports no usable frequency of its clock");
		return -EINVAL;
	}
	if (mask == 0 || (mask & (mask + 1)) != 0) {
		hwclock_clear(clock, "the device reports no usable width of its clock");
		return -EINVAL;
	}
	clock->khz = khz;
	clock->mask = mask;
	hwclock_set_state(clock, HWCLOCK_TRUSTED, NULL);
	return 0;
}

void
hwclock_clear(struct hwclock *clock, const char *reason)
{
	clock->khz = clock->mask = 0;
	hwclock_set_state(clock, HWCLOCK_ABSENT, reason);
}

bool
hwclock_is_used(const struct hwclock *clock)
{
	return clock && (clock->state == HWCLOCK_TRUSTED || clock->state == HWCLOCK_TRIED);
}

uint64_t
hwclock_wrap_ns(const struct hwclock *clock)
{
	uint64_t ns;

	if (clock->khz == 0 || clock->mask == UINT64_MAX)
		return 0;
	ns = hwclock_ticks_to_ns(clock->mask + 1, clock->khz);
	return ns == UINT64_MAX ? 0 : ns;
}

static void
hwclock_distrust(struct hwclock *clock, uint64_t now_ns)
{
	clock->pause_ns = clock->pause_ns ? 2 * clock->pause_ns : HWCLOCK_PAUSE_MIN_NS;
	if (clock->pause_ns > HWCLOCK_PAUSE_MAX_NS)
		clock->pause_ns = HWCLOCK_PAUSE_MAX_NS;
	clock->retry_ns = now_ns + clock->pause_ns;
	hwclock_set_state(clock, HWCLOCK_DISTRUSTED, "its timestamps do not fit the host's clock");
}

static void
hwclock_accept(struct hwclock *clock)
{
	clock->accepted++;
	if (clock->doubt > 0)
		clock->doubt--;
	if (clock->state == HWCLOCK_TRIED)
		hwclock_set_state(clock, HWCLOCK_TRUSTED, NULL);
}

static void
hwclock_reject(struct hwclock *clock, uint64_t now_ns)
{
	clock->rejected++;
	clock->doubt += 2;
	if (clock->state == HWCLOCK_TRIED || clock->doubt >= HWCLOCK_DOUBT_MAX)
		hwclock_distrust(clock, now_ns);
}

/* The amount by which a bound is widened. */
static uint64_t
hwclock_slack_ns(uint64_t bound_ns)
{
	return hwclock_sum(HWCLOCK_SLACK_NS,
			   hwclock_scale(bound_ns, HWCLOCK_DRIFT_PPM, HWCLOCK_PPM));
}

/* The widened bounds in ticks. */
struct hwclock_window {
	uint64_t min, max, near, error;
};

static struct hwclock_window
hwclock_window(const struct hwclock *clock, const struct hwclock_bounds *b)
{
	uint64_t min_ns = hwclock_less(b->min_ns, hwclock_slack_ns(b->min_ns));
	uint64_t max_ns = hwclock_sum(b->max_ns, hwclock_slack_ns(b->max_ns));
	uint64_t error_ns = hwclock_sum(b->error_ns, hwclock_slack_ns(b->near_ns));

	return (struct hwclock_window){
		.min = hwclock_less(hwclock_ns_to_ticks(min_ns, clock->khz), 2),
		.max = hwclock_sum(hwclock_ns_to_ticks(max_ns, clock->khz), 2),
		.near = hwclock_ns_to_ticks(b->near_ns, clock->khz),
		.error = hwclock_sum(hwclock_ns_to_ticks(error_ns, clock->khz), 2),
	};
}

/* Returns that of diff, diff + wrap, diff + 2 wraps, ... which is nearest to `near`. */
static uint64_t
hwclock_nearest(uint64_t diff, uint64_t wrap, uint64_t near)
{
	uint64_t below, past;

	if (near <= diff)
		return diff;
	past = (near - diff) % wrap;
	below = near - past;
	return past > wrap / 2 && below + wrap > below ? below + wrap : below;
}

/*
 * Returns 0 and sets *ticks. Returns -ERANGE if no sum is within the bounds, or -EAGAIN if the
 * software's error allows more than one.
 */
static int
hwclock_unwrap(uint64_t diff, uint64_t mask, const struct hwclock_window *w, uint64_t *ticks)
{
	uint64_t wrap = mask + 1, best = diff;

	if (wrap != 0) {
		best = hwclock_nearest(diff, wrap, w->near);
		if (best > w->max && best >= wrap && best > diff)
			best -= wrap;
		else if (best < w->min && best + wrap > best)
			best += wrap;
	}
	if (best < w->min || best > w->max)
		return -ERANGE;
	*ticks = best;
	if (wrap == 0)
		return 0;
	if (best + wrap > best && best + wrap <= w->max &&
	    best + wrap <= hwclock_sum(w->near, w->error))
		return -EAGAIN;
	if (best > diff && best - wrap >= w->min && best - wrap >= hwclock_less(w->near, w->error))
		return -EAGAIN;
	return 0;
}

bool
hwclock_elapsed(struct hwclock *clock, const struct hwclock_moment *from,
		const struct hwclock_moment *to, const struct hwclock_bounds *bounds,
		struct hwclock_elapsed *out)
{
	struct hwclock_window window;
	uint64_t ticks;
	int err;

	if (!clock || clock->state == HWCLOCK_ABSENT || !from->stamped || !to->stamped)
		return false;
	if (clock->state == HWCLOCK_DISTRUSTED) {
		if (to->ns < clock->retry_ns)
			return false;
		hwclock_set_state(clock, HWCLOCK_TRIED, NULL);
	}
	window = hwclock_window(clock, bounds);
	err = hwclock_unwrap((to->ticks - from->ticks) & clock->mask, clock->mask, &window, &ticks);
	if (err == -EAGAIN) {
		clock->rejected++;
		return false;
	}
	if (err < 0) {
		hwclock_reject(clock, to->ns);
		return false;
	}
	hwclock_accept(clock);
	out->ns = hwclock_ticks_to_ns(ticks, clock->khz);
	out->error_ns = hwclock_scale(out->ns, HWCLOCK_ERROR_PPM, HWCLOCK_PPM) +
			hwclock_ticks_to_ns(2, clock->khz) + 1;
	return true;
}

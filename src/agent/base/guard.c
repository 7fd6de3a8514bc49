/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: guard
 *
 * The guard has one timer. guard_wake() arms it, and it stays armed as long as the prober has
 * something to do or is throttled. /proc/self/statm stays open, so that a measurement takes two
 * system calls. Only the prober is throttled: the responder has its own limits, and a user has
 * asked for a ping. The CPU time that others cause is estimated by their share of the time that the
 * loop spends in callbacks.
 */
#include "agent/base/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/process.h"
#include "probe/prober.h"
#include "rpingmesh/log_subsystems.h"

#define GUARD_CALM_NS (2 * NSEC_PER_SEC)
#define GUARD_BUSY_NS NSEC_PER_SEC

struct guard {
	struct prober *prober; /* borrowed */
	struct loop *loop;     /* borrowed */
	uint64_t cpu_ns, busy_ns, loop_others_ns; /* of the last measurement */
	uint64_t others_ns;    /* CPU time that others caused, since the start */
	struct loop_timer *timer;
	bool armed;
	int statm_fd;          /* -1: there is no /proc */
	struct throttle throttle;
	uint32_t said_permille; /* CPU time when the step last changed */
	uint64_t said_memory;
};

/* Reads the second field of statm, the resident pages. */
static uint64_t
guard_memory(const struct guard *guard)
{
	char text[128];
	unsigned long long pages;
	ssize_t n = guard->statm_fd >= 0 ? pread(guard->statm_fd, text, sizeof(text) - 1, 0) : -1;

	if (n <= 0)
		return 0;
	text[n] = '\0';
	return sscanf(text, "%*u %llu", &pages) == 1 ? pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

/* "1/4 of" for step 2. */
static const char *
guard_share(uint32_t step, char text[24])
{
	if (step == 0)
		return "";
	snprintf(text, 24, "1/%u of ", 1u << step);
	return text;
}

/* Describes the reason: "38.1 % of a core, limits.cpu_percent is 20". */
static void
guard_cause(const struct guard *guard, char *text, size_t room)
{
	const struct throttle *t = &guard->throttle;

	if (t->reason == THROTTLE_REASON_MEMORY)
		snprintf(text, room, "%llu MiB of memory were resident, limits.memory_mb is %llu",
			 (unsigned long long)(guard->said_memory >> 20),
			 (unsigned long long)(t->limits.memory_bytes >> 20));
	else
		snprintf(text, room, "%u.%u %% of a core were used, limits.cpu_percent is %u",
			 guard->said_permille / 10, guard->said_permille % 10,
			 t->limits.cpu_percent);
}

/* Applies a new step to the prober, and logs it. */
static void
guard_apply(struct guard *guard, uint32_t from)
{
	const struct throttle *t = &guard->throttle;
	char share[24], cause[128];

	prober_set_throttle(guard->prober, t->step, clock_mono_ns());
	if (t->step > from) {
		guard->said_permille = t->cpu_permille;
		guard->said_memory = t->last.memory_bytes;
		guard_cause(guard, cause, sizeof(cause));
		log_warning(MAIN,
			    "this daemon is over its budget: probing at %sthe configured rate (%s)",
			    guard_share(t->step, share), cause);
		return;
	}
	log_info(MAIN, "probing at %sthe configured rate again", guard_share(t->step, share));
}

/* Adds the others' share of the CPU time since the last measurement. */
static void
guard_charge_others(struct guard *guard, uint64_t cpu_ns)
{
	struct loop_stats stats;
	uint64_t busy_ns, others_ns;

	loop_stats(guard->loop, &stats);
	busy_ns = stats.busy_ns - guard->busy_ns;
	others_ns = stats.others_ns - guard->loop_others_ns;
	if (busy_ns > 0)
		guard->others_ns += (uint64_t)((double)(cpu_ns - guard->cpu_ns) *
					       (double)others_ns / (double)busy_ns);
	guard->cpu_ns = cpu_ns;
	guard->busy_ns = stats.busy_ns;
	guard->loop_others_ns = stats.others_ns;
}

static void
guard_measure(struct guard *guard)
{
	struct throttle_sample sample = {
		.now_ns = clock_mono_ns(),
		.cpu_ns = process_cpu_ns(),
		.memory_bytes = guard_memory(guard),
	};
	uint32_t from = guard->throttle.step;

	guard_charge_others(guard, sample.cpu_ns);
	sample.others_ns = guard->others_ns;
	if (throttle_tell(&guard->throttle, &sample))
		guard_apply(guard, from);
}

static void
guard_arm(struct guard *guard)
{
	guard->armed = true;
	loop_timer_set(guard->timer,
		       throttle_is_at_ease(&guard->throttle) ? GUARD_CALM_NS : GUARD_BUSY_NS);
}

static void
guard_timer(void *arg)
{
	struct guard *guard = arg;

	guard->armed = false;
	guard_measure(guard);
	if (prober_next_ns(guard->prober) != UINT64_MAX || guard->throttle.step > 0)
		guard_arm(guard);
	else
		throttle_pause(&guard->throttle);
}

void
guard_wake(struct guard *guard)
{
	if (guard->armed || prober_next_ns(guard->prober) == UINT64_MAX)
		return;
	guard_measure(guard);
	guard_arm(guard);
}

int
guard_new(struct loop *loop, struct prober *prober, const struct throttle_limits *limits,
	  struct guard **out)
{
	struct guard *guard = calloc(1, sizeof(*guard));
	int rc;

	if (!guard)
		return -ENOMEM;
	guard->prober = prober;
	guard->loop = loop;
	throttle_init(&guard->throttle, limits);
	guard->statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	if (guard->statm_fd < 0)
		log_warning(MAIN, "/proc/self/statm: %s: limits.memory_mb has no effect",
			    strerror(errno));
	rc = loop_timer_new(loop, "guard", guard_timer, guard, &guard->timer);
	if (rc == 0)
		rc = loop_timer_be_coarse(guard->timer);
	if (rc < 0) {
		guard_free(guard);
		return rc;
	}
	*out = guard;
	return 0;
}

void
guard_free(struct guard *guard)
{
	if (!guard)
		return;
	if (guard->timer)
		loop_timer_free(guard->timer);
	if (guard->statm_fd >= 0)
		close(guard->statm_fd);
	free(guard);
}

void
guard_set_limits(struct guard *guard, const struct throttle_limits *limits)
{
	uint32_t from = guard->throttle.step;

	if (limits->cpu_percent == guard->throttle.limits.cpu_percent &&
	    limits->memory_bytes == guard->throttle.limits.memory_bytes)
		return;
	if (throttle_set_limits(&guard->throttle, limits))
		guard_apply(guard, from);
}

void
guard_info(const struct guard *guard, struct guard_info *out)
{
	const struct throttle *t = &guard->throttle;

	*out = (struct guard_info){
		.limits = t->limits,
		.step = t->step,
		.reason = t->reason,
		.cpu_known = guard->armed && t->measured,
		.cpu_permille = t->cpu_permille,
		.others_permille = t->others_permille,
		.memory_bytes = guard_memory(guard),
	};
}

bool
guard_sentence(const struct guard *guard, char *text, size_t room)
{
	char share[24], cause[128];

	if (guard->throttle.step == 0)
		return false;
	guard_cause(guard, cause, sizeof(cause));
	snprintf(text, room,
		 "this daemon is over its budget and probes at %sthe configured rate: %s",
		 guard_share(guard->throttle.step, share), cause);
	return true;
}

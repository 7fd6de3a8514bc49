/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/pump.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/base/guard.h"
#include "agent/base/host_noise.h"
#include "core/clock.h"
#include "core/loop.h"
#include "probe/prober.h"
#include "probe/responder.h"

#define PUMP_WALL_NS (100 * NSEC_PER_MSEC) /* how often the wall clock is read */

struct pump {
	struct pump_env env;
	struct loop_timer *timer;
	uint64_t due_ns;   /* when it fires; UINT64_MAX: not armed */
	uint64_t asked_ns; /* the same, or the time when it was armed if that was later */
	uint64_t wall_ns;  /* when the prober last got the wall clock */
};

static uint64_t
pump_next_ns(const struct pump *pump)
{
	uint64_t prober = prober_next_ns(pump->env.prober);
	uint64_t responder = responder_next_ns(pump->env.responder);

	return prober < responder ? prober : responder;
}

void
pump_soon(struct pump *pump)
{
	uint64_t next = pump_next_ns(pump), now;

	guard_wake(pump->env.guard);
	if (next >= pump->due_ns)
		return;
	now = clock_mono_ns();
	pump->due_ns = next;
	pump->asked_ns = next > now ? next : now;
	loop_timer_set(pump->timer, next > now ? next - now : 0);
}

void
pump_look(struct pump *pump, uint64_t now_ns)
{
	host_noise_look(pump->env.noise, pump->due_ns == UINT64_MAX ? UINT64_MAX : pump->asked_ns,
			now_ns);
}

/* Gives the wall clock to the prober, because windows follow it. */
static void
pump_tell_wall(struct pump *pump, uint64_t now_ns)
{
	int64_t offset_ns;

	if (pump->wall_ns && now_ns < pump->wall_ns + PUMP_WALL_NS)
		return;
	if (!clock_wall_offset(&offset_ns))
		return;
	pump->wall_ns = now_ns;
	prober_set_wall_offset(pump->env.prober, offset_ns, now_ns);
}

static void
pump_run(void *arg)
{
	struct pump *pump = arg;
	uint64_t now = clock_mono_ns();

	pump->due_ns = UINT64_MAX;
	host_noise_fired(pump->env.noise, pump->asked_ns, now);
	pump_tell_wall(pump, now);
	prober_advance(pump->env.prober, clock_mono_ns());
	pump->env.posted(pump->env.arg);
	responder_advance(pump->env.responder, clock_mono_ns());
	pump_soon(pump);
}

int
pump_new(const struct pump_env *env, struct pump **out)
{
	struct pump *pump = calloc(1, sizeof(*pump));
	int rc;

	if (!pump)
		return -ENOMEM;
	pump->env = *env;
	pump->due_ns = UINT64_MAX;
	rc = loop_timer_new(env->loop, "pump", pump_run, pump, &pump->timer);
	if (rc < 0) {
		free(pump);
		return rc;
	}
	pump_tell_wall(pump, clock_mono_ns());
	*out = pump;
	return 0;
}

void
pump_free(struct pump *pump)
{
	if (!pump)
		return;
	loop_timer_free(pump->timer);
	free(pump);
}

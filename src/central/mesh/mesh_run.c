/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run of the plan. Hosts that have changed go into the plan, and it is made anew; this is one
 * step. Then the lists are compared with what they were, some at a time, so that the loop is not
 * away for long. Between these steps the plan does not change: whoever changes waits for the next
 * run. Lists that have changed may be published already.
 */
#include <errno.h>

#include "central/mesh/mesh_impl.h"
#include "core/loop.h"
#include "plan/plan.h"

#define MESH_HOUR_S 3600
#define MESH_RUN_NS (5 * NSEC_PER_MSEC)        /* how long the loop may be away for lists */
#define MESH_RUN_AGAIN_NS (200 * NSEC_PER_MSEC)

/* The broker may have lost them. */
static void
mesh_all_lists_changed(struct mesh *m)
{
	const struct registry_host *host = registry_next(m->registry, 0);
	struct registry_host_info info;

	for (; host; host = registry_after(host)) {
		registry_host_info(host, &info);
		mesh_list_changed(m, info.name);
	}
	m->again = false;
}

/* When the plan must run if nothing changes: at the next hour, or when a drain ends. */
static uint64_t
mesh_next_plan_ns(const struct mesh *m)
{
	uint64_t now = clock_wall_ns(), hour_ns = MESH_HOUR_S * NSEC_PER_SEC;
	uint64_t next = (now / hour_ns + 1) * hour_ns;
	const struct mesh_drain *d;

	TAILQ_FOREACH(d, &m->drains, link)
		if (d->active && d->drain.until_ns < next)
			next = d->drain.until_ns;
	return next > now ? next - now : 0;
}

static void
mesh_run_end(struct mesh *m)
{
	m->running = false;
	if (m->again)
		mesh_all_lists_changed(m);
	mesh_found_lost(m);
	m->stats.plans++;
	m->stats.plan_ns = m->run_ns;
	m->stats.plan_wall_ns = clock_wall_ns();
	if (m->caught_up && m->beat.hosts != mesh_hosts(m)) {
		m->beat_ns = 0;
		loop_timer_set(m->tick_timer, 0);
	}
	mesh_plan_in(m, mesh_next_plan_ns(m));
}

void
mesh_plan_lists(void *arg)
{
	struct mesh *m = arg;
	uint64_t start_ns = clock_mono_ns();
	bool more;

	do
		more = plan_next(m->plan, mesh_list_changed, m);
	while (more && clock_mono_ns() - start_ns < MESH_RUN_NS);
	m->run_ns += clock_mono_ns() - start_ns;
	if (more)
		loop_timer_set(m->list_timer, 0);
	else
		mesh_run_end(m);
	mesh_send_soon(m);
}

/* The plan, without its lists. */
static void
mesh_run_begin(struct mesh *m)
{
	uint64_t start_ns = clock_mono_ns();
	const char *host;
	int rc = 0;

	mesh_find_lost(m);
	mesh_end_drains(m);
	while (rc == 0 && (host = mesh_names_first(&m->touched))) {
		rc = mesh_apply(m, host);
		if (rc == 0)
			mesh_names_drop_first(&m->touched);
	}
	if (rc < 0) /* the next run goes on with this host */
		mesh_no_memory(m);
	if (plan_begin(m->plan, clock_wall_ns() / NSEC_PER_SEC) < 0)
		mesh_no_memory(m);
	m->run_ns = clock_mono_ns() - start_ns;
}

void
mesh_run_plan(void *arg)
{
	struct mesh *m = arg;

	m->plan_ns = 0;
	if (!m->synced) /* then it runs */
		return;
	if (m->running) {
		mesh_plan_in(m, MESH_RUN_AGAIN_NS);
		return;
	}
	m->running = true;
	mesh_run_begin(m);
	mesh_plan_lists(m);
}

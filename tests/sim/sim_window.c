/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Windows: each is told once, in the order of its series, and adds up; and all of a target's or a
 * port's windows together are what was told of its probes, whatever the wall clock did meanwhile.
 */
#include <string.h>

#include "sim.h"

static void
window_check_sums(struct sim_host *host, const struct window *w)
{
	uint64_t classes = 0, noises = 0, clocks = 0, due = 0, answered = 0, lost = 0;
	struct sim *sim = host->sim;

	for (int i = 0; i < PROBE_CLASS_N; i++)
		classes += w->by_class[i];
	for (int i = 0; i < PROBE_NOISE_N; i++)
		noises += w->noise[i];
	for (int i = 0; i < PROBE_CLOCK_N; i++)
		clocks += w->clock[i];
	for (uint32_t i = 0; i < w->n_sizes; i++) {
		due += w->size[i].due;
		answered += w->size[i].answered + w->size[i].answered_noise;
		lost += w->size[i].lost + w->size[i].lost_noise;
	}
	sim_check(sim, host, w->in_flight == 0 && w->due == classes && w->posted <= w->due,
		  "window: due = ended");
	sim_check(sim, host, noises == classes && clocks <= w->answered + w->answered_noise &&
				     w->answered + w->answered_noise <= clocks + sim->n_impossible,
		  "window: each result has its noise, and its clock if measured");
	sim_check(sim, host,
		  w->answered + w->answered_noise ==
			  w->by_class[PROBE_OK] + w->by_class[PROBE_LATE],
		  "window: answered is ok and late");
	sim_check(sim, host,
		  w->lost + w->lost_noise ==
			  w->by_class[PROBE_LOST] + w->by_class[PROBE_ACK1_MISSING] +
				  w->by_class[PROBE_ACK2_MISSING],
		  "window: lost is lost, ack1_missing and ack2_missing");
	if (sim_memory.failed == 0)
		sim_check(sim, host,
			  due == w->due && answered == w->answered + w->answered_noise &&
				  lost == w->lost + w->lost_noise,
			  "window: sizes add up");
}

/* series_end_ns: of the window before. */
static void
window_check_times(struct sim_host *host, const struct window *w, uint64_t *series_end_ns)
{
	struct sim *sim = host->sim;
	uint64_t length_ns = w->end_mono_ns - w->start_mono_ns;

	sim_check(sim, host,
		  w->end_mono_ns > w->start_mono_ns && w->end_ns - w->start_ns == length_ns,
		  "window: it lasts");
	sim_check(sim, host, w->start_mono_ns >= *series_end_ns, "window: one after the other");
	/* The first may begin with the daemon. */
	if (!w->cut)
		sim_check(sim, host,
			  w->end_ns % sim->params.window_ns == 0 &&
				  length_ns <= sim->params.window_ns,
			  "window: ends aligned");
	if (!w->cut && *series_end_ns)
		sim_check(sim, host, length_ns == sim->params.window_ns, "window: begins aligned");
	*series_end_ns = w->end_mono_ns;
}

static void
window_add(struct probe_totals *to, const struct window *w)
{
	struct probe_totals add = {.due = w->due, .posted = w->posted};

	for (int i = 0; i < PROBE_CLASS_N; i++)
		add.by_class[i] = w->by_class[i];
	probe_totals_add(to, &add);
}

void
sim_window_closed(void *arg, struct prober_device *device, struct prober_target *target,
		  const struct window *w)
{
	struct sim_host *host = arg;
	struct prober_target_info info;
	struct sim_target *user;

	host->did_something = true;
	window_check_sums(host, w);
	sim_mix(host->sim, w->due ^ w->start_ns);
	if (target) {
		prober_target_info(target, &info);
		user = info.user;
		sim_check(host->sim, host, user->magic == SIM_TARGET_ALIVE,
			  "window: its target is there");
		window_check_times(host, w, &user->window_end_ns);
		window_add(&user->windowed, w);
		return;
	}
	for (uint32_t i = 0; i < host->sim->params.n_ports; i++) {
		if (host->port[i].device != device)
			continue;
		window_check_times(host, w, &host->port[i].window_end_ns);
		window_add(&host->port[i].windowed, w);
	}
}

static bool
window_is_complete(const struct sim_host *host)
{
	struct prober_stats stats;

	prober_stats(host->prober, &stats);
	return stats.unwindowed == 0;
}

void
sim_window_check_target(const struct sim_target *target, const struct prober_target_info *last)
{
	struct sim_host *host = target->peer->host;

	if (!window_is_complete(host))
		return;
	sim_check(host->sim, host,
		  target->windowed.due == last->totals.due - last->in_flight &&
			  target->windowed.posted == last->totals.posted - last->in_flight,
		  "windows: of a target, add up to what was due");
	sim_check(host->sim, host,
		  memcmp(target->windowed.by_class, last->totals.by_class,
			 sizeof(last->totals.by_class)) == 0,
		  "windows: of a target, add up to what was told");
}

void
sim_window_check_port(const struct sim_port *port)
{
	struct sim_host *host = port->host;

	if (window_is_complete(host))
		sim_check(host->sim, host,
			  memcmp(port->windowed.by_class, port->told.by_class,
				 sizeof(port->told.by_class)) == 0,
			  "windows: of a device, add up to what was told");
}

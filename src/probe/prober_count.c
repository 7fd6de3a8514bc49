/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts probes: totals, windows, the verdicts on a path. Also decides whether a stall of a host
 * may have affected a probe.
 *
 * From the time when it is due until its class is known, a probe points to a window of its target
 * and of its device, and keeps both open. prober_advance() reports closed windows in batches,
 * because those of thousands of targets end at the same time.
 */
#include "probe/prober_impl.h"

#include "core/clock.h"
#include "stat/noise.h"

static struct prober *
count_prober(const struct prober_probe *probe)
{
	return probe->target->peer->prober;
}

/* ---- totals and windows ---- */

static void
count_totals(const struct prober_probe *probe, uint64_t due, uint64_t posted)
{
	struct probe_totals *const all[] = {
		&probe->target->totals,
		&probe->target->peer->totals,
		&count_prober(probe)->totals,
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		all[i]->due += due;
		all[i]->posted += posted;
	}
}

/* Gives the way of a posted probe to the windows of its target. */
static void
count_way(const struct prober_probe *probe, uint64_t now_ns)
{
	const struct window_way way = {
		.source = probe->tx.source,
		.src_port = probe->tx.src_port,
		.path = probe->tx.path,
		.road = probe->target->road,
	};

	window_series_way(&probe->target->windows, &count_prober(probe)->windows, &way, now_ns);
}

void
prober_count_due(struct prober_probe *probe, bool posted, uint64_t now_ns)
{
	struct prober *prober = count_prober(probe);

	if (now_ns > prober->now_ns)
		prober->now_ns = now_ns;
	if (posted)
		count_way(probe, now_ns);
	count_totals(probe, 1, posted);
	probe->window = window_at(&probe->target->windows, &prober->windows, now_ns);
	probe->device_window =
		window_at(&probe->target->peer->device->windows, &prober->windows, now_ns);
	if (probe->window)
		window_due(probe->window, probe->size, posted);
	if (probe->device_window)
		window_due(probe->device_window, probe->size, posted);
	if (!probe->window || !probe->device_window)
		prober->unwindowed++;
}

void
prober_count_forget(struct prober_probe *probe)
{
	struct window_clock *clock = &count_prober(probe)->windows;

	count_totals(probe, (uint64_t)-1, (uint64_t)-1);
	if (probe->window)
		window_forget(probe->window, clock, probe->size, true);
	if (probe->device_window)
		window_forget(probe->device_window, clock, probe->size, true);
	probe->window = probe->device_window = NULL;
}

static void
count_verdict(struct prober_target *target, const struct probe_result *r, uint64_t now_ns)
{
	bool lost = probe_class_is_lost(r->class);

	if (!lost && !probe_class_is_answered(r->class))
		return;
	if (r->stalled)
		return;
	sequential_add(&target->loss, sequential_default(), lost, now_ns);
}

void
prober_count_result(struct prober_probe *probe, const struct probe_result *r, uint64_t now_ns)
{
	struct prober_target *target = probe->target;
	struct window_clock *clock = &count_prober(probe)->windows;

	target->totals.by_class[r->class]++;
	target->peer->totals.by_class[r->class]++;
	count_prober(probe)->totals.by_class[r->class]++;
	if (probe->window)
		window_result(probe->window, clock, r);
	if (probe->device_window)
		window_result(probe->device_window, clock, r);
	probe->window = probe->device_window = NULL;
	probe_recent_add(&target->recent, r, now_ns);
	count_verdict(target, r, now_ns);
}

void
prober_count_corrected(const struct prober_probe *probe, const struct probe_result *r,
		       uint64_t now_ns)
{
	struct probe_totals *const all[] = {
		&probe->target->totals,
		&probe->target->peer->totals,
		&count_prober(probe)->totals,
	};
	uint64_t *lost_ns = &probe->target->loss.lost_ns, before_ns = *lost_ns;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		all[i]->by_class[PROBE_UNREACHABLE]--;
		all[i]->by_class[r->class]++;
	}
	count_verdict(probe->target, r, now_ns);
	/* It was lost then, not now. */
	if (*lost_ns != before_ns)
		*lost_ns = before_ns > probe->tx.t1_ns ? before_ns : probe->tx.t1_ns;
}

/* ---- noise ---- */

/*
 * The longest stall of this host that may be between the arrival of an ACK and its reading, or
 * between the post and its timestamp. A stall in the middle of a long flight affects neither.
 */
static uint64_t
noise_own_ns(const struct prober_probe *probe, const struct noise *noise)
{
	uint64_t back_ns = probe->t5.error_ns + NOISE_AFTER_NS;
	uint64_t read_ns = probe->t5.ns > back_ns ? probe->t5.ns - back_ns : 0;
	uint64_t post_ns = noise_overlap_ns(noise, probe->tx.t1_ns, probe->tx.t2.ns);
	uint64_t stall_ns = noise_overlap_ns(noise, read_ns, probe->t6_ns);

	return post_ns > stall_ns ? post_ns : stall_ns;
}

/*
 * A stall loses probes only if it is so long that queues overflow or answers come too late.
 */
static uint64_t
noise_losing_ns(const struct prober_probe *probe)
{
	return probe->target->config.timeout_ns / 2;
}

/*
 * The time until which a host is expected to handle the probe: twice the usual RTT after the post.
 * It must not depend on the ACKs, because lost and answered probes must be judged in the same way.
 */
static uint64_t
noise_handled_ns(const struct prober_probe *probe)
{
	const struct prober_target *target = probe->target;
	uint64_t most_ns = 2 * target->config.timeout_ns,
		 usual_ns = 2 * target->usual_rtt_ns + NOISE_AFTER_NS;

	if (target->usual_rtt_ns == 0 || usual_ns > most_ns)
		return probe->tx.t1_ns + most_ns;
	return probe->tx.t1_ns + usual_ns;
}

static enum probe_noise
noise_of_loss(const struct prober_probe *probe, const struct noise *noise)
{
	const struct prober_peer *peer = probe->target->peer;
	uint64_t from_ns = probe->tx.t1_ns, to_ns = noise_handled_ns(probe);
	unsigned int who = PROBE_NOISE_NONE;

	if (noise && noise_overlap_ns(noise, from_ns, to_ns) >= noise_losing_ns(probe))
		who |= PROBE_NOISE_PROBER;
	if (peer->noise_stall_ns >= noise_losing_ns(probe) && peer->noise_from_ns <= to_ns &&
	    peer->noise_to_ns >= from_ns)
		who |= PROBE_NOISE_RESPONDER;
	return (enum probe_noise)who;
}

static enum probe_noise
noise_of_answered(const struct prober_probe *probe, const struct noise *noise)
{
	unsigned int who = PROBE_NOISE_NONE;

	if (noise && noise_own_ns(probe, noise) >= noise_threshold_ns(noise))
		who |= PROBE_NOISE_PROBER;
	/*
	 * Our own delays show a stall between the post and its timestamp, or between the timestamp
	 * of the ACK and now.
	 */
	if (noise && (probe->tx.t2.ns >= probe->tx.t1_ns + noise_threshold_ns(noise) ||
		      probe->t6_ns >= probe->t5.ns + noise_threshold_ns(noise)))
		who |= PROBE_NOISE_PROBER;
	if (probe->peer_noise)
		who |= PROBE_NOISE_RESPONDER;
	return (enum probe_noise)who;
}

enum probe_noise
prober_noise_of(const struct prober_probe *probe)
{
	const struct noise *noise = count_prober(probe)->noise;

	if (probe_class_is_answered(probe->class))
		return noise_of_answered(probe, noise);
	if (probe_class_is_lost(probe->class))
		return noise_of_loss(probe, noise);
	return PROBE_NOISE_NONE;
}

bool
prober_is_stalled(const struct prober_probe *probe)
{
	if (!probe_class_is_answered(probe->class) && !probe_class_is_lost(probe->class))
		return false;
	return noise_of_loss(probe, count_prober(probe)->noise) != PROBE_NOISE_NONE;
}

void
prober_noise_told(struct prober_probe *probe, uint32_t stall_ms, uint64_t now_ns)
{
	struct prober_peer *peer = probe->target->peer;
	uint64_t stall_ns = stall_ms * NSEC_PER_MSEC;
	uint64_t silent_ns = now_ns > probe->heard_ns ? now_ns - probe->heard_ns : 0;

	probe->peer_noise = true;
	if (stall_ns > silent_ns)
		stall_ns = silent_ns;
	/*
	 * It is too short to lose probes. So it must neither replace nor prolong a stall that was
	 * long enough.
	 */
	if (stall_ns < noise_losing_ns(probe))
		return;
	/* It is the same stall, which several answers report. */
	if (probe->tx.t1_ns <= peer->noise_to_ns) {
		if (stall_ns > peer->noise_stall_ns)
			peer->noise_stall_ns = stall_ns;
		if (probe->tx.t1_ns < peer->noise_from_ns)
			peer->noise_from_ns = probe->tx.t1_ns;
	} else {
		peer->noise_from_ns = probe->tx.t1_ns;
		peer->noise_stall_ns = stall_ns;
	}
	peer->noise_to_ns = now_ns;
}

/* ---- closing windows ---- */

static void
windows_tell(struct prober *prober, const struct window *w)
{
	struct prober_target *target = w->series->target ? w->series->owner : NULL;
	struct prober_device *device = target ? target->peer->device : w->series->owner;

	if (target)
		lasting_add(&target->lasting, w);
	if (prober->ops->window && !prober->ending && w->due > 0)
		prober->ops->window(prober->arg, device, target, w);
}

void
prober_windows_advance(struct prober *prober, uint64_t now_ns)
{
	struct window *w;

	window_clock_advance(&prober->windows, now_ns);
	for (int left = PROBER_WINDOW_BATCH; left > 0 && (w = window_clock_close(&prober->windows));
	     left--)
		windows_tell(prober, w);
}

void
prober_windows_end(struct prober *prober, struct window_series *series)
{
	struct window *w;

	window_series_cut(series, &prober->windows, WINDOW_CUT_GONE, prober->now_ns + 1);
	while ((w = window_series_close(series, &prober->windows)))
		windows_tell(prober, w);
	window_series_clear(series, &prober->windows);
}

void
prober_set_window(struct prober *prober, uint64_t len_ns, uint64_t now_ns)
{
	if (len_ns != prober->windows.len_ns)
		window_clock_set(&prober->windows, len_ns, prober->windows.offset_ns,
				 WINDOW_CUT_LENGTH, now_ns);
}

void
prober_set_wall_offset(struct prober *prober, int64_t offset_ns, uint64_t now_ns)
{
	int64_t in_force_ns = prober->windows.offset_ns;
	uint64_t step_ns = offset_ns > in_force_ns ? (uint64_t)offset_ns - (uint64_t)in_force_ns
						   : (uint64_t)in_force_ns - (uint64_t)offset_ns;

	if (prober->wall_known && step_ns < PROBER_WALL_STEP_NS)
		return;
	/* The first call only sets the wall clock, and is no change of it. */
	window_clock_set(&prober->windows, prober->windows.len_ns, offset_ns,
			 prober->wall_known ? WINDOW_CUT_CLOCK : 0, now_ns);
	prober->wall_known = true;
}

const struct window *
prober_device_window(const struct prober_device *device, const struct window *after)
{
	return after ? TAILQ_NEXT(after, in_series) : TAILQ_FIRST(&device->windows.closed);
}

const struct window *
prober_target_window(const struct prober_target *target)
{
	return TAILQ_FIRST(&target->windows.closed);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The times of a probe: computes RTT, delays, their clock and their error.
 */
#include "probe/prober_impl.h"

#define MEASURE_DRIFT 1000 /* the clocks of two hosts drift by less than 1/1000 */

static uint64_t
measure_sum(uint64_t a, uint64_t b)
{
	return a + b < a ? UINT64_MAX : a + b;
}

static uint64_t
measure_less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/*
 * Whether the reported delay of the peer, minus its reported error, fits between the post of the
 * probe and the reading of its ACK.
 */
static bool
measure_is_possible(const struct prober_probe *probe)
{
	uint64_t least_ns = probe->delay_ns - probe->delay_ns / MEASURE_DRIFT;

	return measure_less(least_ns, probe->delay_error_ns) <=
	       measure_less(probe->t6_ns, probe->tx.t1_ns);
}

/*
 * Computes T5 - T2, by the RNIC's clock if possible. It is not longer than the time between the
 * post and the reading of the ACK, but may be shorter by the length of a stall.
 */
void
prober_measure(struct prober_probe *probe)
{
	const struct hwclock_moment *t2 = &probe->tx.t2, *t5 = &probe->t5;
	struct hwclock_bounds bounds = {
		.max_ns = measure_less(t5->ns, probe->tx.t1_ns),
		.near_ns = measure_less(t5->ns, t2->ns),
		.error_ns = measure_sum(t2->error_ns, t5->error_ns),
	};

	probe->possible = measure_is_possible(probe);
	if (hwclock_elapsed(probe->target->peer->device->clock, t2, t5, &bounds, &probe->elapsed)) {
		probe->elapsed_clock = PROBE_CLOCK_HW;
		return;
	}
	probe->elapsed_clock = PROBE_CLOCK_SW;
	probe->elapsed =
		(struct hwclock_elapsed){.ns = bounds.near_ns, .error_ns = bounds.error_ns};
}

/*
 * Sets T2 and T5 on the host's time scale. A duration of the RNIC's clock begins at the host's T2;
 * if it would end after T6, it ends at T6.
 */
static void
measure_lay_out(const struct prober_probe *probe, struct probe_result *r)
{
	uint64_t latest_ns = measure_less(probe->t6_ns, probe->elapsed.ns);

	if (r->t_ns[1] > latest_ns)
		r->t_ns[1] = latest_ns;
	r->t_ns[4] = r->t_ns[1] + probe->elapsed.ns;
}

/*
 * Computes the times of include/rpingmesh/probe_wire.h. A negative result becomes 0, and is part of
 * the error.
 */
static void
measure_fill(const struct prober_probe *probe, struct probe_result *r)
{
	uint64_t out_and_back_ns = probe->elapsed.ns;
	uint64_t short_ns = measure_less(probe->delay_ns, out_and_back_ns);

	r->measured = true;
	r->responder_clock = probe->delay_clock;
	if (probe->elapsed_clock == PROBE_CLOCK_HW)
		measure_lay_out(probe, r);
	else
		short_ns = measure_sum(short_ns, measure_less(probe->tx.t2.ns, probe->t5.ns));
	r->rtt_ns = measure_less(out_and_back_ns, probe->delay_ns);
	r->prober_delay_ns =
		measure_less(measure_less(probe->t6_ns, probe->tx.t1_ns), out_and_back_ns);
	r->responder_delay_ns = probe->delay_ns;
	r->error_ns = measure_sum(probe->elapsed.error_ns, probe->delay_error_ns);
	if (r->error_ns < short_ns)
		r->error_ns = short_ns;
	if (probe->elapsed_clock == PROBE_CLOCK_HW && probe->delay_clock == PROBE_CLOCK_HW)
		r->clock = PROBE_CLOCK_HW;
}

void
prober_measure_result(const struct prober_probe *probe, struct probe_result *r)
{
	const struct prober_target_plan *config = &probe->target->config;
	bool posted = probe != &probe->target->peer->device->spare;

	*r = (struct probe_result){
		.seq = probe->seq,
		.kind = config->kind,
		.class = probe->class,
		.due_ns = probe->due_ns,
		.posted = posted,
		.clock = PROBE_CLOCK_SW,
		.flow_label = config->flow_label,
		.source = probe->tx.source,
		.src_port = probe->tx.src_port,
		.return_src_port = probe->return_src_port,
		.traffic_class = config->traffic_class,
		.service_level = config->service_level,
		.size = probe->size,
		.path = probe->tx.path,
		.host_noise = probe->host_noise,
		.stalled = probe->stalled,
		.reason = probe->reason,
	};
	if (posted)
		r->t_ns[0] = probe->tx.t1_ns;
	if (probe->tx.done)
		r->t_ns[1] = probe->tx.t2.ns;
	if (probe->ack1) {
		r->t_ns[4] = probe->t5.ns;
		r->t_ns[5] = probe->t6_ns;
	}
	if (probe_class_is_answered(probe->class) && !probe->possible) {
		r->reason = "the peer's delay is longer than the round trip";
		return;
	}
	if (probe->ack2) {
		r->t_ns[2] = probe->t3_ns;
		r->t_ns[3] = measure_sum(probe->t3_ns, probe->delay_ns);
	}
	if (probe_class_is_answered(probe->class))
		measure_fill(probe, r);
}

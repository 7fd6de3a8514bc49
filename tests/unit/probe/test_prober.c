/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of probes. Peers are in test_prober_peer.c, schedules and budgets in
 * test_prober_target.c.
 */
#include "prober_fake.h"

#include "core/keys.h"
#include "probe/auth.h"

static void
test_ok(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_target *target = fake_target(f, peer, 100 * MS, 0);
	uint64_t start = f->now;
	struct prober_target_info info;
	const struct probe_result *r;

	fake_run(f, 2 * MS);
	assert_int_equal(f->n_packets, 1);
	assert_int_equal(f->packet[0].session, 500);
	prober_target_info(target, &info);
	assert_int_equal(info.in_flight, 1);
	fake_acks(f, 0);
	assert_int_equal(f->n_results, 1);
	assert_ptr_equal(f->result[0].user, f);
	r = fake_last(f);
	assert_int_equal(r->class, PROBE_OK);
	assert_int_equal(r->kind, PROBE_KIND_MESH);
	assert_true(r->posted && r->measured);
	assert_int_equal(r->seq, 0);
	assert_true(r->due_ns == start && r->t_ns[0] == start);
	assert_true(r->t_ns[1] == start + 1000);
	assert_true(r->t_ns[2] == 7000000 && r->t_ns[3] == 7003000);
	assert_true(r->t_ns[4] == start + 2 * MS - 500 && r->t_ns[5] == start + 2 * MS);
	assert_int_equal(r->rtt_ns, 2 * MS - 500 - 1000 - 3000);
	assert_int_equal(r->prober_delay_ns, 1500);
	assert_int_equal(r->responder_delay_ns, 3000);
	assert_int_equal(r->error_ns, 10 + 20 + 5);
	assert_int_equal(r->clock, PROBE_CLOCK_SW);
	assert_int_equal(r->src_port, 50000);
	assert_int_equal(r->return_src_port, 49153);
	assert_int_equal(r->path, PROBE_PATH_EXACT);
	assert_int_equal(r->flow_label, 0x12345);
	assert_int_equal(r->traffic_class, 96);
	assert_int_equal(r->service_level, 3);
	assert_int_equal(r->size, 50);
	assert_null(r->reason);
	fake_check_totals(f);
}

static void
expects_ack1(struct fake *f, uint32_t packet, bool solicited)
{
	struct fake_ack ack = fake_ack(f, packet, PROBE_WIRE_ACK1);

	ack.message.ack1.solicited = solicited;
	fake_deliver(f, &ack);
}

static void
expects_are(const struct fake *f, enum prober_expects expects)
{
	assert_int_equal(prober_device_expects(f->device), expects);
}

/*
 * All messages are urgent until an ACK1 has reported that the peer solicits, in each session; then
 * an ACK2 is not, unless a ping is in flight.
 */
static void
test_expects(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_target_config config = fake_target_config(100 * MS);
	struct prober_target *target = fake_target(f, peer, 100 * MS, 0), *ping;
	struct prober_session session = fake_session(1, 501);

	expects_are(f, PROBER_EXPECTS_NOTHING);
	fake_run(f, 0);
	expects_are(f, PROBER_EXPECTS_ANY);
	expects_ack1(f, 0, true);
	expects_are(f, PROBER_EXPECTS_SOLICITED);
	fake_ack2(f, 0);
	expects_are(f, PROBER_EXPECTS_NOTHING);
	fake_run(f, 100 * MS);
	assert_int_equal(f->n_packets, 2);
	expects_are(f, PROBER_EXPECTS_SOLICITED);
	expects_ack1(f, 1, false);
	fake_ack2(f, 1);
	fake_run(f, 100 * MS);
	expects_are(f, PROBER_EXPECTS_ANY);
	expects_ack1(f, 2, true);
	config.kind = PROBE_KIND_PING;
	config.count = 1;
	assert_int_equal(prober_target_add(peer, &config, f, f->now, &ping), 0);
	fake_run(f, 0);
	assert_int_equal(f->n_packets, 4);
	expects_ack1(f, 3, true);
	expects_are(f, PROBER_EXPECTS_ANY);
	fake_ack2(f, 3);
	expects_are(f, PROBER_EXPECTS_SOLICITED);
	prober_peer_renew(peer, f->now);
	prober_resolved(peer, &session, f->now, f->now);
	prober_target_remove(target);
	expects_are(f, PROBER_EXPECTS_NOTHING);
	fake_target(f, peer, 100 * MS, 0);
	fake_run(f, 0);
	expects_are(f, PROBER_EXPECTS_ANY);
}

/* An ACK1 of the former session, by a peer that may have been of another version. */
static void
test_expects_old_session(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_session session = fake_session(1, 501);
	uint32_t n;

	fake_target(f, peer, 100 * MS, 0);
	fake_run(f, PROBER_SILENCE_NS + SEC);
	prober_resolved(peer, &session, f->now, f->now);
	n = f->n_packets;
	for (uint32_t i = 0; i < n; i++)
		expects_ack1(f, i, true);
	expects_are(f, PROBER_EXPECTS_SOLICITED);
	fake_run(f, 100 * MS);
	assert_int_equal(f->packet[f->n_packets - 1].session, 501);
	expects_are(f, PROBER_EXPECTS_ANY);
}

/* ACK2 first, then ACK1, then the send completion. */
static void
test_any_order(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);

	f->send_done = false;
	fake_target(f, peer, 100 * MS, 0);
	fake_run(f, 2 * MS);
	fake_ack2(f, 0);
	fake_ack1(f, 0);
	assert_int_equal(f->n_results, 0);
	fake_sent(f, 0, 0, f->packet[0].at_ns + 2000, 7);
	assert_int_equal(f->n_results, 1);
	assert_int_equal(fake_last(f)->class, PROBE_OK);
	assert_int_equal(fake_last(f)->rtt_ns, 2 * MS - 500 - 2000 - 3000);
	assert_int_equal(fake_last(f)->error_ns, 7 + 20 + 5);
	/* Once more: the probe is gone. */
	fake_sent(f, 0, 0, f->now, 7);
	assert_int_equal(f->n_results, 1);
}

/* 250 MHz, 32 bits wide: it wraps every 17.18 s. */
static void
set_clock(struct fake *f, struct hwclock *clock)
{
	hwclock_init(clock, "fake", NULL);
	assert_int_equal(hwclock_set(clock, 250000, UINT32_MAX), 0);
	prober_device_set_clock(f->device, clock);
}

/*
 * One probe that is 2 ms under way by the host's clock, elapsed_ticks by the RNIC's; the peer
 * measures by that clock.
 */
static const struct probe_result *
clock_round(struct fake *f, uint32_t elapsed_ticks, enum probe_clock peers)
{
	uint32_t i = f->n_packets;
	struct fake_ack ack;

	f->t2.stamped = true;
	f->t2.ticks = UINT32_MAX - 1000;
	fake_run_to(f, i == 0 ? f->now : f->packet[i - 1].at_ns + 100 * MS);
	assert_int_equal(f->n_packets, i + 1);
	f->now += 2 * MS;
	ack = fake_ack(f, i, PROBE_WIRE_ACK1);
	ack.rx.t5.stamped = true;
	ack.rx.t5.ticks = (uint32_t)(f->t2.ticks + elapsed_ticks);
	fake_deliver(f, &ack);
	ack = fake_ack(f, i, PROBE_WIRE_ACK2);
	ack.message.ack2.clock = (uint8_t)peers;
	fake_deliver(f, &ack);
	assert_int_equal(f->n_results, i + 1);
	return fake_last(f);
}

static void
test_clocks(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	const struct probe_result *r;
	struct hwclock clock;

	set_clock(f, &clock);
	fake_target(f, peer, 100 * MS, 0);
	/* 1.2 ms by the RNIC's clock, across a wrap; 0.8 ms are the host's. */
	r = clock_round(f, 300000, PROBE_CLOCK_HW);
	assert_int_equal(r->class, PROBE_OK);
	assert_int_equal(r->clock, PROBE_CLOCK_HW);
	assert_int_equal(r->rtt_ns, 1200000 - 3000);
	assert_int_equal(r->prober_delay_ns, 800000);
	assert_int_equal(r->error_ns,
			 132 + 8 + 1 + 5); /* 110 ppm, two ticks, rounding; the peer's */
	assert_true(r->t_ns[4] - r->t_ns[1] == 1200000);
	assert_true(r->t_ns[0] <= r->t_ns[1] && r->t_ns[4] <= r->t_ns[5]);
	/* The peer measures in software: so does the result, but not worse than that half. */
	r = clock_round(f, 300000, PROBE_CLOCK_SW);
	assert_int_equal(r->clock, PROBE_CLOCK_SW);
	assert_int_equal(r->rtt_ns, 1200000 - 3000);
	assert_int_equal(r->error_ns, 132 + 8 + 1 + 5);
	/* Longer than the host saw it, or negative: the host's own times. */
	for (int i = 0; i < 2; i++) {
		r = clock_round(f, i ? (uint32_t)-1 : 600000, PROBE_CLOCK_HW);
		assert_int_equal(r->class, PROBE_OK);
		assert_int_equal(r->clock, PROBE_CLOCK_SW);
		assert_int_equal(r->rtt_ns, 2 * MS - 500 - 1000 - 3000);
		assert_int_equal(r->error_ns, 10 + 20 + 5);
		assert_int_equal(clock.rejected, i + 1);
	}
	/* As long as the host saw it from T1 to T6: laid out so that it ends at T6. */
	r = clock_round(f, 499875, PROBE_CLOCK_HW);
	assert_int_equal(r->clock, PROBE_CLOCK_HW);
	assert_true(r->t_ns[4] - r->t_ns[1] == 1999500 && r->t_ns[4] == r->t_ns[5] &&
		    r->t_ns[1] >= r->t_ns[0]);
	assert_int_equal(clock.accepted, 3);
	assert_int_equal(clock.rejected, 2);
}

/* Only one of T2 and T5 has a stamp, or there is no clock: as if there was none. */
static void
test_half_a_clock(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct hwclock clock;
	struct fake_ack ack;

	set_clock(f, &clock);
	fake_target(f, peer, 100 * MS, 0);
	for (uint32_t i = 0; i < 3; i++) {
		if (i == 2)
			prober_device_set_clock(f->device, NULL);
		f->t2.stamped = i != 0;
		fake_run_to(f, i ? f->packet[i - 1].at_ns + 100 * MS : f->now);
		f->now += 2 * MS;
		ack = fake_ack(f, i, PROBE_WIRE_ACK1);
		ack.rx.t5.stamped = i != 1;
		fake_deliver(f, &ack);
		ack = fake_ack(f, i, PROBE_WIRE_ACK2);
		ack.message.ack2.clock = PROBE_CLOCK_HW;
		fake_deliver(f, &ack);
		assert_int_equal(f->n_results, i + 1);
		assert_int_equal(fake_last(f)->clock, PROBE_CLOCK_SW);
		assert_int_equal(fake_last(f)->error_ns, 10 + 20 + 5);
	}
	assert_true(clock.accepted == 0 && clock.rejected == 0);
}

/* Late is what the host's clock says, whatever the RNIC's. */
static void
test_late_by_host(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct hwclock clock;
	struct fake_ack ack;

	set_clock(f, &clock);
	fake_target(f, peer, 10 * SEC, 0);
	f->t2.stamped = true;
	fake_run(f, 0);
	f->now += TIMEOUT + 2 * MS;
	ack = fake_ack(f, 0, PROBE_WIRE_ACK1);
	ack.rx.t5.stamped = true;
	ack.rx.t5.ticks = 250000;
	fake_deliver(f, &ack);
	fake_ack2(f, 0);
	assert_int_equal(fake_last(f)->class, PROBE_LATE);
	assert_int_equal(fake_last(f)->rtt_ns, 1000000 - 3000);
}

static void
test_negative_rtt(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct fake_ack ack;

	fake_target(f, peer, 100 * MS, 0);
	fake_run(f, 1 * MS);
	ack = fake_ack(f, 0, PROBE_WIRE_ACK2);
	ack.message.ack2.delay_ns = 1 * MS;
	fake_ack1(f, 0);
	fake_deliver(f, &ack);
	assert_int_equal(fake_last(f)->rtt_ns, 0);
	assert_int_equal(fake_last(f)->error_ns, 500 + 1000);
	assert_int_equal(fake_last(f)->responder_delay_ns, 1 * MS);
	/* T5 before T2: nothing overflows. */
	fake_run_to(f, f->packet[0].at_ns + 100 * MS);
	ack = fake_ack(f, 1, PROBE_WIRE_ACK1);
	ack.rx.t5.ns = 1;
	fake_deliver(f, &ack);
	ack = fake_ack(f, 1, PROBE_WIRE_ACK2);
	ack.message.ack2.delay_ns = 0;
	ack.message.ack2.t3_ns = UINT64_MAX;
	fake_deliver(f, &ack);
	assert_true(fake_last(f)->measured);
	assert_int_equal(fake_last(f)->rtt_ns, 0);
	assert_int_equal(fake_last(f)->prober_delay_ns, 0);
}

/*
 * What the peer tells of its delay cannot be: an answer without times, counted. packet is answered
 * 1 ms after its post.
 */
static void
check_impossible(struct fake *f, uint32_t packet, uint64_t delay_ns, uint32_t error_ns,
		 bool possible)
{
	struct prober_stats before, after;
	struct fake_ack ack;

	prober_stats(f->prober, &before);
	fake_run_to(f, f->packet[packet].at_ns + 1 * MS);
	ack = fake_ack(f, packet, PROBE_WIRE_ACK2);
	ack.message.ack2.delay_ns = delay_ns;
	ack.message.ack2.error_ns = error_ns;
	fake_ack1(f, packet);
	fake_deliver(f, &ack);
	assert_int_equal(fake_last(f)->class, PROBE_OK);
	assert_int_equal(fake_last(f)->measured, possible);
	assert_int_equal(fake_last(f)->reason == NULL, possible);
	assert_int_equal(fake_last(f)->t_ns[3] != 0, possible);
	prober_stats(f->prober, &after);
	assert_int_equal(after.impossible, before.impossible + !possible);
	fake_run_to(f, f->packet[packet].at_ns + 100 * MS);
}

static void
test_impossible_delay(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_peer_info info;

	fake_target(f, peer, 100 * MS, 0);
	fake_run(f, 1 * MS);
	check_impossible(f, 0, 1 * MS, 0, true);
	check_impossible(f, 1, 1 * MS + 1010, 0, false);
	check_impossible(f, 2, 1 * MS + 1010, 10, true);
	check_impossible(f, 3, 3 * MS, 2 * MS - 3010, false);
	check_impossible(f, 4, 1ULL << 63, UINT32_MAX, false);
	check_impossible(f, 5, UINT64_MAX, UINT32_MAX, false);
	prober_peer_info(peer, &info);
	assert_int_equal(info.impossible, 4);
}

/* An ACK just before twice the timeout makes it late, and what came in time stays ok. */
static void
test_late(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);

	fake_target(f, peer, 10 * SEC, 0);
	fake_run(f, TIMEOUT + 1500);
	fake_acks(f, 0);
	assert_int_equal(fake_last(f)->class, PROBE_OK);
	fake_run_to(f, f->packet[0].at_ns + 10 * SEC + TIMEOUT + 1501);
	fake_acks(f, 1);
	assert_int_equal(fake_last(f)->class, PROBE_LATE);
	assert_true(fake_last(f)->measured);
	assert_int_equal(fake_last(f)->rtt_ns, TIMEOUT + 1501 - 500 - 1000 - 3000);
	fake_run_to(f, f->packet[0].at_ns + 20 * SEC + 2 * TIMEOUT - 1);
	fake_acks(f, 2);
	assert_int_equal(fake_last(f)->class, PROBE_LATE);
	assert_int_equal(f->n_results, 3);
}

/*
 * With proof that the peer lives a probe is lost at twice the timeout, and an ACK then comes too
 * late.
 */
static void
test_lost(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_stats stats;

	fake_target(f, peer, TIMEOUT, 0);
	fake_run(f, TIMEOUT);
	assert_int_equal(f->n_packets, 2);
	fake_acks(f, 1);
	assert_int_equal(f->n_results, 1);
	fake_run_to(f, f->packet[0].at_ns + 2 * TIMEOUT - 1);
	assert_int_equal(f->n_results, 1);
	fake_run(f, 1);
	assert_int_equal(f->n_results, 2);
	assert_int_equal(fake_last(f)->class, PROBE_LOST);
	assert_int_equal(fake_last(f)->seq, 0);
	assert_true(fake_last(f)->posted);
	assert_false(fake_last(f)->measured);
	fake_ack1(f, 0);
	prober_stats(f->prober, &stats);
	assert_int_equal(stats.unknown, 1);
	assert_int_equal(f->n_results, 2);
	fake_check_totals(f);
}

/*
 * What takes longer may come after the answer to a later probe, and find a peer that has restarted
 * meanwhile: an answer proves a loss only if its probe was posted a timeout later.
 */
static void
test_lost_needs_a_timeout(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_session session = fake_session(2, 600);

	fake_target(f, peer, 400 * MS, 3);
	fake_run(f, 400 * MS);
	fake_acks(f, 1);
	fake_run(f, 400 * MS);
	fake_run_to(f, f->packet[0].at_ns + 3 * TIMEOUT);
	assert_int_equal(f->n_results, 1);
	fake_acks(f, 2);
	assert_int_equal(f->n_results, 3);
	assert_int_equal(f->result[1].r.class, PROBE_LOST);
	fake_target(f, peer, 100 * SEC, 1);
	fake_target(f, peer, 100 * SEC, 1);
	fake_run(f, 1 * MS);
	fake_acks(f, 4);
	assert_int_equal(f->n_results, 4);
	fake_run(f, 4 * TIMEOUT);
	assert_int_equal(f->n_results, 4);
	assert_int_equal(f->n_resolves, 2);
	prober_resolved(peer, &session, f->now, f->now);
	assert_int_equal(f->n_results, 5);
	assert_int_equal(fake_last(f)->class, PROBE_PEER_RESTARTED);
	fake_check_totals(f);
}

/* An ACK to a probe that was posted earlier, or at the same time, proves nothing. */
static void
test_no_proof(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);

	fake_target(f, peer, 100 * SEC, 0);
	fake_target(f, peer, 100 * SEC, 0);
	fake_run(f, TIMEOUT);
	assert_int_equal(f->n_packets, 2);
	fake_acks(f, 0);
	assert_int_equal(f->n_results, 1);
	fake_run(f, TIMEOUT + MS);
	assert_int_equal(f->n_results, 1);
	/* Still in flight, so the ACK is welcome. */
	fake_ack1(f, 1);
	fake_run(f, TIMEOUT - 1);
	fake_ack2(f, 1);
	assert_int_equal(f->n_results, 2);
	assert_int_equal(fake_last(f)->class, PROBE_LATE);
}

/*
 * A lone probe without answer: the peer is asked after three further timeouts, and its reply is the
 * proof.
 */
static void
test_proof_by_sidr(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_session session = fake_session(1, 500);
	uint64_t posted;

	fake_target(f, peer, 100 * SEC, 1);
	fake_run(f, 0);
	posted = f->now;
	fake_run_to(f, posted + 4 * TIMEOUT - 1);
	assert_int_equal(f->n_resolves, 1);
	assert_int_equal(fake_state(peer), PROBER_PEER_UP);
	fake_run(f, 1);
	assert_int_equal(f->n_resolves, 2);
	assert_int_equal(fake_state(peer), PROBER_PEER_CHECKING);
	assert_int_equal(f->n_done, 0);
	prober_resolved(peer, &session, f->now, f->now);
	assert_int_equal(fake_state(peer), PROBER_PEER_NO_DATA);
	fake_run(f, TIMEOUT - 1);
	assert_int_equal(f->n_results, 0);
	fake_run(f, 1);
	assert_int_equal(f->n_results, 1);
	assert_int_equal(fake_last(f)->class, PROBE_LOST);
	assert_int_equal(f->n_done, 1);
}

/*
 * A host that has stalled answers SIDR before it has worked off what waits in its receive queue:
 * nothing of that is lost.
 */
static void
test_sidr_overtakes_acks(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_session session = fake_session(1, 500);
	uint32_t n;

	fake_target(f, peer, 100 * MS, 0);
	fake_run(f, 3 * SEC);
	assert_int_equal(f->n_results, 0);
	assert_int_equal(fake_state(peer), PROBER_PEER_CHECKING);
	prober_resolved(peer, &session, f->now, f->now);
	n = f->n_packets;
	/* One ACK in 300 ms: the last comes seconds after the SIDR reply. */
	for (uint32_t i = 0; i < n; i++) {
		fake_run(f, 300 * MS);
		fake_acks(f, i);
		assert_int_equal(f->n_results, i + 1);
		assert_int_equal(fake_last(f)->class, PROBE_LATE);
	}
	fake_check_totals(f);
}

/* A peer that goes down after its SIDR reply has not answered because it went down. */
static void
test_down_after_proof(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_session session = fake_session(1, 500);

	fake_target(f, peer, 100 * SEC, 1);
	fake_run(f, 4 * TIMEOUT);
	prober_resolved(peer, &session, f->now, f->now);
	for (int i = 0; i < PROBER_RESOLVE_TRIES; i++)
		prober_resolve_failed(peer, "no answer", f->now);
	assert_int_equal(fake_state(peer), PROBER_PEER_DOWN);
	assert_int_equal(f->n_results, 1);
	assert_int_equal(fake_last(f)->class, PROBE_PEER_DOWN);
}

/* Nobody answers and nobody says why: that is not the host's fault, as far as anybody knows. */
static void
test_unreachable(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);

	fake_target(f, peer, 100 * SEC, 1);
	fake_run(f, 4 * TIMEOUT);
	for (int i = 0; i < PROBER_RESOLVE_TRIES; i++)
		prober_resolve_silent(peer, "no answer", f->now);
	assert_int_equal(fake_state(peer), PROBER_PEER_DOWN);
	assert_int_equal(f->n_results, 1);
	assert_int_equal(fake_last(f)->class, PROBE_UNREACHABLE);
	assert_string_equal(fake_last(f)->reason, "no answer");
	/* Its host says so. */
	fake_target(f, peer, 100 * MS, 0);
	prober_resolve_failed(peer, "nobody listens there", f->now);
	fake_run(f, 100 * MS);
	assert_int_equal(fake_last(f)->class, PROBE_PEER_DOWN);
	assert_false(fake_last(f)->posted);
}

/*
 * 30 % are lost each way, probes are few, and three SIDR datagrams in a row are among the lost: a
 * peer that has just answered a probe is there.
 */
static void
test_silent_sidr(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	uint64_t answered_ns;

	fake_target(f, peer, SEC, 0);
	fake_run(f, SEC);
	fake_acks(f, 0);
	answered_ns = f->now;
	fake_run_to(f, answered_ns + 4 * SEC);
	assert_int_equal(fake_state(peer), PROBER_PEER_CHECKING);
	for (int i = 0; i < 2 * PROBER_RESOLVE_TRIES; i++)
		prober_resolve_silent(peer, "no answer", f->now);
	assert_int_equal(fake_state(peer), PROBER_PEER_CHECKING);
	/* A later one is answered: the others were lost. */
	fake_run_to(f, answered_ns + 4900 * MS);
	fake_acks(f, f->n_packets - 1);
	assert_int_equal(fake_state(peer), PROBER_PEER_UP);
	fake_run(f, 4 * TIMEOUT);
	for (uint32_t i = 0; i < f->n_results; i++)
		assert_true(f->result[i].r.class == PROBE_OK ||
			    f->result[i].r.class == PROBE_LATE ||
			    f->result[i].r.class == PROBE_LOST);
	assert_true(f->n_results >= 4);
	/* Then nothing any more, for long. */
	fake_run(f, PROBER_SILENCE_NS);
	assert_int_equal(fake_state(peer), PROBER_PEER_CHECKING);
	for (int i = 0; i < PROBER_RESOLVE_TRIES; i++)
		prober_resolve_silent(peer, "no answer", f->now);
	assert_int_equal(fake_state(peer), PROBER_PEER_DOWN);
	assert_int_equal(fake_last(f)->class, PROBE_UNREACHABLE);
}

/* A reply to a question from before the probe proves nothing: it is asked again. */
static void
test_stale_sidr_proves_nothing(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_session session = fake_session(1, 500);
	uint64_t before = f->now;

	f->now += SEC;
	fake_target(f, peer, 100 * SEC, 1);
	fake_run(f, 4 * TIMEOUT);
	assert_int_equal(fake_state(peer), PROBER_PEER_CHECKING);
	prober_resolved(peer, &session, before, f->now);
	assert_int_equal(f->n_results, 0);
	fake_run(f, PROBER_RECHECK_NS);
	assert_int_equal(f->n_resolves, 3);
	prober_resolved(peer, &session, f->now, f->now);
	fake_run(f, TIMEOUT);
	assert_int_equal(fake_last(f)->class, PROBE_LOST);
}

static void
test_ack2_missing(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);

	fake_target(f, peer, 300 * MS, 0);
	fake_run(f, 1 * MS);
	fake_ack1(f, 0);
	fake_run(f, 300 * MS);
	fake_acks(f, 1);
	fake_run(f, 300 * MS);
	fake_acks(f, 2);
	fake_run_to(f, f->packet[0].at_ns + 3 * TIMEOUT - 1);
	assert_int_equal(f->n_results, 2);
	fake_run(f, 1);
	assert_int_equal(f->n_results, 3);
	assert_int_equal(fake_last(f)->class, PROBE_ACK2_MISSING);
	assert_int_equal(fake_last(f)->seq, 0);
	assert_int_equal(fake_state(peer), PROBER_PEER_UP);
	fake_check_totals(f);
}

/* The peer may have died between the two ACKs: a probe posted before ACK1 came proves nothing. */
static void
test_ack2_missing_needs_proof_after_ack1(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);

	fake_target(f, peer, 300 * MS, 2);
	fake_run(f, 301 * MS);
	fake_acks(f, 1);
	fake_run(f, 1 * MS);
	fake_ack1(f, 0);
	fake_run_to(f, f->packet[0].at_ns + 3 * TIMEOUT);
	assert_int_equal(f->n_results, 1);
	fake_run(f, 10 * TIMEOUT);
	assert_int_equal(fake_state(peer), PROBER_PEER_CHECKING);
}

/* ACK2 left after ACK1: it alone says that ACK1 is missing, and that the way there was good. */
static void
test_ack1_missing(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	const struct probe_result *r;

	fake_target(f, peer, 100 * SEC, 1);
	fake_run(f, 1 * MS);
	fake_ack2(f, 0);
	fake_run_to(f, f->packet[0].at_ns + 2 * TIMEOUT - 1);
	assert_int_equal(f->n_results, 0);
	fake_run(f, 1);
	assert_int_equal(f->n_results, 1);
	r = fake_last(f);
	assert_int_equal(r->class, PROBE_ACK1_MISSING);
	assert_false(r->measured);
	assert_true(r->t_ns[2] == 7000000 && r->t_ns[3] == 7003000);
	assert_true(r->t_ns[4] == 0 && r->t_ns[5] == 0);
	assert_int_equal(r->return_src_port, 49153);
	fake_check_totals(f);
}

/* The peer is at its limits: neither lost nor down, and not a word about the network. */
static void
test_refused(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct fake_ack refusal;
	struct prober_stats stats;

	fake_target(f, peer, 100 * MS, 4);
	fake_run(f, 401 * MS);
	assert_int_equal(f->n_packets, 4);
	refusal = fake_ack(f, 0, PROBE_WIRE_REFUSED);
	refusal.message.refused.why = PROBE_WIRE_WHY_SOURCE;
	fake_deliver(f, &refusal);
	assert_int_equal(f->n_results, 1);
	assert_int_equal(fake_last(f)->class, PROBE_REFUSED);
	assert_string_equal(fake_last(f)->reason,
			    "the peer answers no more probes/s from this host");
	assert_false(fake_last(f)->measured);
	refusal = fake_ack(f, 1, PROBE_WIRE_REFUSED);
	refusal.message.refused.why = 200; /* of a later version */
	fake_deliver(f, &refusal);
	assert_int_equal(fake_last(f)->class, PROBE_REFUSED);
	assert_string_equal(fake_last(f)->reason, "the peer refuses to answer");
	/* It has answered, or is said to be from somebody else. */
	fake_ack1(f, 2);
	refusal = fake_ack(f, 2, PROBE_WIRE_REFUSED);
	fake_deliver(f, &refusal);
	refusal = fake_ack(f, 3, PROBE_WIRE_REFUSED);
	refusal.rx.src_qpn++;
	fake_deliver(f, &refusal);
	assert_int_equal(f->n_results, 2);
	prober_stats(f->prober, &stats);
	assert_true(stats.duplicates == 1 && stats.wrong_source == 1);
	assert_int_equal(fake_state(peer), PROBER_PEER_UP);
	fake_check_totals(f);
}

/* With a key, probes are signed, and what is not is no ACK. */
static void
test_keys(void **state)
{
	static const struct keys keys = {.n = 2, .key = {{"new", {1, 2, 3}}, {"old", {4, 5, 6}}}},
				 old = {.n = 1, .key = {{"old", {4, 5, 6}}}};
	struct fake *f = *state;
	struct prober_stats stats;
	struct fake_ack ack;
	uint8_t payload[58];

	prober_set_keys(f->prober, &keys);
	fake_target(f, fake_peer_up(f, f), 100 * MS, 1);
	fake_run(f, 2 * MS);
	assert_int_equal(f->n_packets, 1);
	assert_true(auth_check(&keys, f->packet[0].head, 50));
	assert_false(auth_check(&old, f->packet[0].head, 50));
	fake_acks(f, 0);
	prober_stats(f->prober, &stats);
	assert_int_equal(stats.unauthenticated, 2);
	assert_int_equal(f->n_results, 0);
	for (int i = 0; i < 2; i++) {
		ack = fake_ack(f, 0, i ? PROBE_WIRE_ACK2 : PROBE_WIRE_ACK1);
		ack.message.length = i ? 58 : 50;
		wire_encode(&ack.message, payload);
		auth_sign(&old, payload, ack.message.length);
		ack.rx.payload = payload;
		ack.rx.len = ack.message.length;
		prober_received(f->prober, &ack.rx, f->now);
	}
	assert_int_equal(f->n_results, 1);
	assert_int_equal(fake_last(f)->class, PROBE_OK);
	prober_stats(f->prober, &stats);
	assert_int_equal(stats.unauthenticated, 2);
}

/* It is not the peer's restart: ACK1 had been sent before. */
static void
test_ack1_missing_of_restarted(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_session session = fake_session(2, 777);

	fake_target(f, peer, 100 * MS, 0);
	fake_run(f, 700 * MS);
	assert_int_equal(fake_state(peer), PROBER_PEER_CHECKING);
	fake_ack2(f, 0);
	prober_resolved(peer, &session, f->now - MS, f->now);
	fake_run(f, TIMEOUT - 1);
	assert_int_equal(f->n_results, 7);
	for (uint32_t i = 0; i < 7; i++) {
		assert_int_equal(f->result[i].r.class, PROBE_PEER_RESTARTED);
		assert_int_equal(f->result[i].r.seq, i + 1);
	}
	fake_run(f, 1);
	assert_int_equal(f->n_results, 8);
	assert_int_equal(fake_last(f)->class, PROBE_ACK1_MISSING);
	assert_int_equal(fake_last(f)->seq, 0);
}

/* ACK2 came late, so ACK1 has a timeout of its own. */
static void
test_late_ack2_waits_for_ack1(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);

	fake_target(f, peer, 100 * SEC, 1);
	fake_run(f, 2 * TIMEOUT - MS);
	fake_ack2(f, 0);
	fake_run(f, TIMEOUT - 1);
	assert_int_equal(f->n_results, 0);
	fake_ack1(f, 0);
	assert_int_equal(f->n_results, 1);
	assert_int_equal(fake_last(f)->class, PROBE_LATE);
}

/* ACK1 came late, so ACK2 has a timeout of its own, proof or not. */
static void
test_late_ack1_waits_for_ack2(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);

	fake_target(f, peer, 100 * SEC, 0);
	fake_run(f, 2 * TIMEOUT + MS);
	fake_ack1(f, 0);
	fake_run(f, MS);
	fake_target(f, peer, 100 * SEC, 0);
	fake_run(f, MS);
	fake_acks(f, 1);
	assert_int_equal(f->n_results, 1);
	fake_run(f, TIMEOUT - 2 * MS - 1);
	assert_int_equal(f->n_results, 1);
	fake_ack2(f, 0);
	assert_int_equal(f->n_results, 2);
	assert_int_equal(fake_last(f)->class, PROBE_LATE);
	assert_int_equal(fake_last(f)->seq, 0);
}

/*
 * A peer whose ACK2s are missing is alive, and probes that we could not send say nothing about it.
 */
static void
test_what_is_no_timeout(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);

	fake_target(f, peer, 100 * MS, 10);
	for (uint32_t i = 0; i < 10; i++) {
		fake_run(f, i ? 100 * MS : MS);
		fake_ack1(f, i);
	}
	fake_run(f, TIMEOUT - MS);
	assert_int_equal(fake_state(peer), PROBER_PEER_UP);
	f->send_done = false;
	fake_target(f, peer, 100 * MS, 10);
	fake_run(f, 990 * MS);
	assert_int_equal(f->n_packets, 20);
	assert_int_equal(f->n_resolves, 1);
	fake_run(f, TIMEOUT);
	assert_int_equal(fake_last(f)->class, PROBE_LOCAL_ERROR);
}

/*
 * Probes in flight to an incarnation that is no more are not lost, whether they have timed out or
 * not.
 */
static void
test_restart(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_session session = fake_session(2, 777);
	struct prober_peer_info info;

	fake_target(f, peer, 100 * MS, 0);
	fake_run(f, 700 * MS);
	assert_int_equal(fake_state(peer), PROBER_PEER_CHECKING);
	assert_int_equal(f->n_packets, 8);
	fake_ack1(f, 7);
	assert_int_equal(f->n_resolves, 2);
	prober_resolved(peer, &session, f->now - MS, f->now);
	assert_int_equal(fake_state(peer), PROBER_PEER_UP);
	assert_int_equal(f->n_results, 8);
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(f->result[i].r.class, PROBE_PEER_RESTARTED);
	prober_peer_info(peer, &info);
	assert_int_equal(info.restarts, 1);
	assert_true(info.session.session == 777);
	fake_run(f, 100 * MS);
	assert_int_equal(f->packet[8].session, 777);
	fake_acks(f, 8);
	assert_int_equal(fake_last(f)->class, PROBE_OK);
	fake_check_totals(f);
}

/*
 * The responder had forgotten us: same incarnation, another session. The probes say nothing about
 * the network.
 */
static void
test_session_ended(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_session session = fake_session(1, 501);
	struct prober_peer_info info;

	fake_target(f, peer, 100 * MS, 4);
	fake_run(f, 700 * MS);
	prober_resolved(peer, &session, f->now, f->now);
	assert_int_equal(fake_state(peer), PROBER_PEER_UP);
	assert_int_equal(f->n_results, 0);
	/* One is answered after all: it counts under the session that it was posted in. */
	fake_acks(f, 3);
	assert_int_equal(fake_last(f)->class, PROBE_OK);
	fake_run(f, 10 * TIMEOUT);
	assert_int_equal(f->n_results, 4);
	for (uint32_t i = 1; i < 4; i++)
		assert_int_equal(f->result[i].r.class, PROBE_PEER_RESTARTED);
	assert_non_null(fake_last(f)->reason);
	prober_peer_info(peer, &info);
	assert_int_equal(info.restarts, 0);
}

static void
test_peer_down(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_session session = fake_session(1, 500);
	uint32_t n;

	fake_target(f, peer, 400 * MS, 0);
	fake_run(f, 1400 * MS);
	assert_int_equal(fake_state(peer), PROBER_PEER_CHECKING);
	for (int i = 0; i < PROBER_RESOLVE_TRIES; i++) {
		assert_int_equal(f->n_results, 0);
		prober_resolve_failed(peer, "nobody answers", f->now);
		fake_run(f, PROBER_BACKOFF_MAX_NS);
	}
	assert_int_equal(fake_state(peer), PROBER_PEER_DOWN);
	assert_true(f->n_results >= 4);
	for (uint32_t i = 0; i < f->n_results; i++) {
		assert_int_equal(f->result[i].r.class, PROBE_PEER_DOWN);
		assert_string_equal(f->result[i].r.reason, "nobody answers");
	}
	n = f->n_packets;
	fake_run(f, 2 * SEC);
	assert_int_equal(f->n_packets, n);
	assert_false(fake_last(f)->posted);
	prober_resolved(peer, &session, f->now, f->now);
	assert_int_equal(fake_state(peer), PROBER_PEER_UP);
	fake_run(f, 400 * MS);
	assert_int_equal(f->n_packets, n + 1);
	fake_check_totals(f);
}

static void
test_local_errors(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_target *target;
	struct prober_target_info info;

	f->send_status = -ENOBUFS;
	f->send_reason = "send queue full";
	target = fake_target(f, peer, 100 * MS, 0);
	fake_run(f, 0);
	assert_int_equal(fake_last(f)->class, PROBE_LOCAL_ERROR);
	assert_string_equal(fake_last(f)->reason, "send queue full");
	assert_false(fake_last(f)->posted);
	/* Without a reason from send() there is one still. */
	f->send_reason = NULL;
	fake_run(f, 100 * MS);
	assert_non_null(fake_last(f)->reason);
	/* A failed completion. */
	f->send_status = 0;
	f->send_done = false;
	fake_run(f, 100 * MS);
	fake_sent(f, 0, -EIO, 0, 0);
	assert_int_equal(f->n_results, 3);
	assert_int_equal(fake_last(f)->class, PROBE_LOCAL_ERROR);
	assert_true(fake_last(f)->posted);
	/* A completion that never comes, with or without ACKs. */
	fake_run(f, 100 * MS);
	prober_target_stop(target, f->now);
	fake_acks(f, 1);
	fake_run(f, 2 * TIMEOUT);
	assert_int_equal(f->n_results, 4);
	assert_int_equal(fake_last(f)->class, PROBE_LOCAL_ERROR);
	prober_target_info(target, &info);
	assert_int_equal(info.totals.due, 4);
	assert_int_equal(info.totals.posted, 2);
	assert_int_equal(info.totals.by_class[PROBE_LOCAL_ERROR], 4);
}

/*
 * Probes as long as the path's MTU are sent while the peer answers. When it answers none any more,
 * the MTU may have fallen, and only small ones ask.
 */
static void
test_mtu_sizes(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_target_config config = fake_target_config(100 * MS);
	struct prober_target *target;
	uint32_t from;

	config.n_sizes = 2;
	config.sizes[0] = 50;
	config.sizes[1] = PROBER_SIZE_MTU;
	prober_device_set_mtu(f->device, 2048);
	assert_int_equal(prober_target_add(peer, &config, f, f->now, &target), 0);
	fake_run(f, TIMEOUT);
	for (uint32_t i = 0; i < f->n_packets; i++)
		assert_int_equal(f->packet[i].size, i % 2 ? 2048 : 50);
	fake_run(f, 2 * TIMEOUT);
	assert_int_equal(fake_state(peer), PROBER_PEER_CHECKING);
	from = f->n_packets;
	fake_run(f, SEC);
	assert_true(f->n_packets >= from + 9);
	for (uint32_t i = from; i < f->n_packets; i++)
		assert_int_equal(f->packet[i].size, 50);
	fake_acks(f, f->n_packets - 1);
	from = f->n_packets;
	fake_run(f, 300 * MS);
	assert_int_equal(f->packet[from].size + f->packet[from + 1].size, 50 + 2048);
	/* The route to this peer takes less than the port. */
	prober_peer_set_mtu(peer, 1448);
	from = f->n_packets;
	fake_run(f, 200 * MS);
	assert_int_equal(f->packet[from].size + f->packet[from + 1].size, 50 + 1448);
	prober_peer_set_mtu(peer, 4096);
	from = f->n_packets;
	fake_run(f, 200 * MS);
	assert_int_equal(f->packet[from].size + f->packet[from + 1].size, 50 + 2048);
}

static void
test_sizes(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_target_config config = fake_target_config(10 * MS);
	struct prober_target *target;

	config.n_sizes = 3;
	config.sizes[0] = 50;
	config.sizes[1] = 4096;
	config.sizes[2] = 4097;
	assert_int_equal(prober_target_add(peer, &config, f, f->now, &target), 0);
	fake_run(f, 30 * MS);
	assert_int_equal(f->n_packets, 3);
	assert_int_equal(f->packet[0].size, 50);
	assert_int_equal(f->packet[1].size, 4096);
	assert_int_equal(f->packet[2].size, 50);
	assert_int_equal(f->n_results, 1);
	assert_int_equal(fake_last(f)->class, PROBE_LOCAL_ERROR);
	assert_string_equal(fake_last(f)->reason, "larger than the peer takes");
	assert_int_equal(fake_last(f)->size, 4097);
	assert_int_equal(fake_last(f)->seq, 2);
	config.sizes[2] = 49;
	assert_int_equal(prober_target_add(peer, &config, f, f->now, &target), -EINVAL);
	config.sizes[2] = 8193;
	assert_int_equal(prober_target_add(peer, &config, f, f->now, &target), -EINVAL);
	config.n_sizes = 0;
	assert_int_equal(prober_target_add(peer, &config, f, f->now, &target), -EINVAL);
	config.n_sizes = PROBER_SIZES_MAX + 1;
	assert_int_equal(prober_target_add(peer, &config, f, f->now, &target), -EINVAL);
	config = fake_target_config(MS - 1);
	assert_int_equal(prober_target_add(peer, &config, f, f->now, &target), -EINVAL);
}

/* Nobody else can answer for the peer. */
static void
test_forged(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_peer_info info;
	struct prober_stats stats;
	struct fake_ack ack;
	uint8_t junk[64] = {0};
	struct prober_rx rx = {.payload = junk, .len = sizeof(junk)};

	fake_target(f, peer, 100 * SEC, 0);
	fake_run(f, 0);
	ack = fake_ack(f, 0, PROBE_WIRE_ACK1);
	ack.rx.src.raw[15] ^= 1;
	fake_deliver(f, &ack);
	ack = fake_ack(f, 0, PROBE_WIRE_ACK1);
	ack.rx.src_qpn++;
	fake_deliver(f, &ack);
	ack = fake_ack(f, 0, PROBE_WIRE_ACK1);
	ack.message.session ^= 1;
	fake_deliver(f, &ack);
	ack = fake_ack(f, 0, PROBE_WIRE_ACK1);
	ack.message.seq ^= 1ULL << 40;
	fake_deliver(f, &ack);
	ack = fake_ack(f, 0, PROBE_WIRE_ACK1);
	ack.message.seq += 1;
	fake_deliver(f, &ack);
	ack = fake_ack(f, 0, PROBE_WIRE_ACK1);
	ack.message.seq += 64; /* same place in the table */
	fake_deliver(f, &ack);
	ack = fake_ack(f, 0, PROBE_WIRE_PROBE);
	fake_deliver(f, &ack);
	prober_received(f->prober, &rx, f->now);
	rx.len = 0;
	prober_received(f->prober, &rx, f->now);
	prober_stats(f->prober, &stats);
	assert_int_equal(stats.wrong_source, 2);
	assert_int_equal(stats.unknown, 4);
	assert_int_equal(stats.malformed, 3);
	assert_int_equal(stats.in_flight, 1);
	prober_peer_info(peer, &info);
	assert_int_equal(info.wrong_source, 2);
	assert_int_equal(f->n_results, 0);
	fake_ack1(f, 0);
	fake_ack1(f, 0);
	prober_stats(f->prober, &stats);
	assert_int_equal(stats.duplicates, 1);
	fake_ack2(f, 0);
	fake_ack2(f, 0);
	assert_int_equal(f->n_results, 1);
	assert_int_equal(fake_last(f)->class, PROBE_OK);
	prober_stats(f->prober, &stats);
	assert_int_equal(stats.unknown, 5);
}

/* A challenge to a probe in flight is echoed once, others never; no class comes of it. */
static void
test_challenge(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct fake_ack challenge, forged;

	fake_target(f, peer, 100 * MS, 1);
	fake_run(f, 1 * MS);
	challenge = fake_ack(f, 0, PROBE_WIRE_CHALLENGE);
	challenge.message.token = 0x1122334455667788ULL;
	forged = challenge;
	forged.message.seq ^= 1ULL << 40;
	fake_deliver(f, &forged);
	forged = challenge;
	forged.message.session++;
	fake_deliver(f, &forged);
	forged = challenge;
	forged.rx.src.raw[15]++;
	fake_deliver(f, &forged);
	assert_int_equal(f->n_echoes, 0);
	fake_deliver(f, &challenge);
	fake_deliver(f, &challenge);
	assert_int_equal(f->n_echoes, 1);
	assert_true(f->echo.token == 0x1122334455667788ULL && f->echo.seq == f->packet[0].seq);
	assert_int_equal(f->echo.session, 500);
	assert_int_equal(f->n_results, 0);
	fake_run(f, 1 * MS);
	fake_acks(f, 0);
	assert_int_equal(fake_last(f)->class, PROBE_OK);
	assert_int_equal(f->n_packets, 1);
}

/* The high halves of sequence numbers follow no pattern: all differ, as do their differences. */
static void
test_sequence_numbers(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	uint32_t high[20];

	fake_target(f, peer, 10 * MS, 20);
	for (uint32_t i = 0; i < 20; i++) {
		while (f->n_packets <= i)
			fake_run(f, 5 * MS);
		fake_acks(f, i);
		high[i] = (uint32_t)(f->packet[i].seq >> 32);
	}
	for (uint32_t i = 2; i < 20; i++) {
		assert_true(high[i] != high[i - 1]);
		assert_true(high[i] - high[i - 1] != high[i - 1] - high[i - 2]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FAKE(test_ok),
		WITH_FAKE(test_expects),
		WITH_FAKE(test_expects_old_session),
		WITH_FAKE(test_any_order),
		WITH_FAKE(test_clocks),
		WITH_FAKE(test_half_a_clock),
		WITH_FAKE(test_late_by_host),
		WITH_FAKE(test_negative_rtt),
		WITH_FAKE(test_impossible_delay),
		WITH_FAKE(test_late),
		WITH_FAKE(test_lost),
		WITH_FAKE(test_lost_needs_a_timeout),
		WITH_FAKE(test_no_proof),
		WITH_FAKE(test_proof_by_sidr),
		WITH_FAKE(test_sidr_overtakes_acks),
		WITH_FAKE(test_down_after_proof),
		WITH_FAKE(test_stale_sidr_proves_nothing),
		WITH_FAKE(test_ack2_missing),
		WITH_FAKE(test_ack2_missing_needs_proof_after_ack1),
		WITH_FAKE(test_ack1_missing),
		WITH_FAKE(test_refused),
		WITH_FAKE(test_unreachable),
		WITH_FAKE(test_silent_sidr),
		WITH_FAKE(test_ack1_missing_of_restarted),
		WITH_FAKE(test_keys),
		WITH_FAKE(test_late_ack2_waits_for_ack1),
		WITH_FAKE(test_late_ack1_waits_for_ack2),
		WITH_FAKE(test_what_is_no_timeout),
		WITH_FAKE(test_restart),
		WITH_FAKE(test_session_ended),
		WITH_FAKE(test_peer_down),
		WITH_FAKE(test_local_errors),
		WITH_FAKE(test_mtu_sizes),
		WITH_FAKE(test_sizes),
		WITH_FAKE(test_forged),
		WITH_FAKE(test_challenge),
		WITH_FAKE(test_sequence_numbers),
	};

	return cmocka_run_group_tests_name("prober", tests, NULL, NULL);
}

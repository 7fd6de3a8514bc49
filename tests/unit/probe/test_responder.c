/* SPDX-License-Identifier: Apache-2.0 */
/* Probes and their ACKs. Sessions and limits are in test_responder_session.c. */
#include "responder_fake.h"

static int nic_b;

#include "stat/noise.h"

static void
test_answer(void **state)
{
	struct fake *f = *state;
	uint64_t session = open_session(f, "10.0.0.2");
	struct fake_probe p = probe(session, 0x1122334455667788ULL, "10.0.0.2");
	struct addr remote = addr("10.0.0.2"), local = addr("10.0.0.1");

	p.message.length = 4096;
	p.rx.hop_limit = 61;
	f->src_port = 49153;
	deliver(f, &p);
	assert_int_equal(f->n_sent, 2);
	for (int i = 0; i < 2; i++) {
		const struct sent_ack *sent = &f->sent[i];

		assert_int_equal(sent->message.type, i ? PROBE_WIRE_ACK2 : PROBE_WIRE_ACK1);
		assert_true(sent->message.seq == 0x1122334455667788ULL);
		assert_true(sent->message.session == session);
		assert_int_equal(sent->want_sent, !i);
		assert_true(addr_equal(&sent->ack.remote, &remote) &&
			    addr_equal(&sent->ack.local, &local));
		assert_int_equal(sent->ack.qpn, 77);
		assert_int_equal(sent->ack.qkey, 0x1234);
		assert_int_equal(sent->ack.flow_label, 0xbeef);
		assert_int_equal(sent->ack.traffic_class, 96);
		assert_int_equal(sent->ack.service_level, 3);
	}
	assert_int_equal(f->sent[0].message.ack1.hop_limit, 61);
	assert_true(f->sent[0].message.ack1.solicited);
	assert_true(f->sent[0].ack.solicited);
	assert_false(f->sent[1].ack.solicited);
	assert_int_equal(f->sent[1].message.ack2.delay_ns, 700);
	assert_int_equal(f->sent[1].message.ack2.t3_ns, 5000);
	assert_int_equal(f->sent[1].message.ack2.error_ns, 70);
	assert_int_equal(f->sent[1].message.ack2.clock, PROBE_CLOCK_SW);
	assert_int_equal(f->sent[1].message.ack2.src_port, 49153);
	assert_int_equal(stats_of(f).probes, 1);
	assert_int_equal(stats_of(f).ack1, 1);
	assert_int_equal(stats_of(f).ack2, 1);
}

/* Each answer is in the delays once, but those that wait for a path are not. */
static void
test_delays(void **state)
{
	struct fake *f = *state;
	uint64_t session = open_session(f, "10.0.0.2");
	struct histogram delays = {0};

	responder_take_delays(f->responder, &delays);
	assert_int_equal(delays.count, 0);
	for (uint64_t i = 0; i < 3; i++)
		send_probe(f, session, i, "10.0.0.2");
	responder_take_delays(f->responder, &delays);
	assert_int_equal(delays.count, 3);
	assert_int_equal(delays.sum_ns, 3 * f->sent[1].message.ack2.delay_ns);
	assert_true(delays.sum_ns > 0);
	responder_take_delays(f->responder, &delays);
	assert_int_equal(delays.count, 3);
	f->status = -EAGAIN;
	send_probe(f, session, 4, "10.0.0.2");
	f->status = 0;
	responder_path_ready(f->responder, &nic_a, &f->sent[0].ack.local, &f->sent[0].ack.remote,
			     f->now);
	assert_int_equal(f->n_sent, 8);
	histogram_clear(&delays);
	responder_take_delays(f->responder, &delays);
	assert_int_equal(delays.count, 0);
}

/* ACK1 reports with which hop limit the one before it has left, of the same stream. */
static void
test_sent_hop_limit(void **state)
{
	struct fake *f = *state;
	uint64_t session = open_session(f, "10.0.0.2");
	struct fake_probe p = probe(session, 1, "10.0.0.2");

	f->hop_limit = 64;
	deliver(f, &p);
	f->hop_limit = 128;
	deliver(f, &p);
	deliver(f, &p);
	p.message.probe.ack_traffic_class++;
	deliver(f, &p);
	assert_int_equal(f->n_sent, 8);
	assert_int_equal(f->sent[0].message.ack1.sent_hop_limit, 0);
	assert_int_equal(f->sent[2].message.ack1.sent_hop_limit, 64);
	assert_int_equal(f->sent[4].message.ack1.sent_hop_limit, 128);
	assert_int_equal(f->sent[6].message.ack1.sent_hop_limit, 0);
}

static void
sent(struct fake *f, uint32_t cookie, int status, uint64_t t4_ns, uint64_t error_ns)
{
	struct hwclock_moment t4 = {.ns = t4_ns, .error_ns = error_ns};

	responder_sent(f->responder, cookie, status, &t4, f->now);
}

/* ACK2 waits for the completion of ACK1, each for its own, and never follows a failed one. */
static void
test_completions(void **state)
{
	struct fake *f = *state;
	uint64_t session = open_session(f, "10.0.0.2");
	uint32_t cookie[3];

	f->done = false;
	for (uint64_t i = 0; i < 3; i++) {
		f->src_port = (uint16_t)(50000 + i);
		send_probe(f, session, i, "10.0.0.2");
		cookie[i] = f->sent[i].ack.cookie;
	}
	assert_int_equal(f->n_sent, 3);
	assert_true(cookie[0] != cookie[1] && cookie[1] != cookie[2] && cookie[0] != cookie[2]);
	sent(f, cookie[2], 0, 9000, 11);
	assert_int_equal(f->n_sent, 4);
	assert_int_equal(f->sent[3].message.type, PROBE_WIRE_ACK2);
	assert_int_equal(f->sent[3].message.seq, 2);
	assert_int_equal(f->sent[3].message.ack2.delay_ns, 4000);
	assert_int_equal(f->sent[3].message.ack2.error_ns, 51);
	assert_int_equal(f->sent[3].message.ack2.src_port, 50002);
	sent(f, cookie[0], -EIO, 0, 0);
	assert_int_equal(f->n_sent, 4);
	assert_int_equal(stats_of(f).send_errors, 1);
	/* Twice, and of ACK2 itself: nothing. */
	sent(f, cookie[2], 0, 9000, 11);
	sent(f, f->sent[3].ack.cookie, 0, 9000, 11);
	assert_int_equal(f->n_sent, 4);
	/* The session has gone meanwhile. */
	set_limits(f, NULL, 1000, 1000);
	sent(f, cookie[1], 0, 9000, 11);
	assert_int_equal(f->n_sent, 4);
	assert_int_equal(stats_of(f).ack1, 1);
	assert_int_equal(stats_of(f).ack2, 1);
}

static void
test_send_errors(void **state)
{
	struct fake *f = *state;
	uint64_t session = open_session(f, "10.0.0.2");

	f->status = -ENOBUFS;
	send_probe(f, session, 1, "10.0.0.2");
	assert_int_equal(f->n_calls, 1);
	assert_int_equal(stats_of(f).send_errors, 1);
	assert_int_equal(stats_of(f).ack1, 0);
	/* ACK2 cannot be sent: that is all. */
	f->status = 0;
	f->error = -EAGAIN;
	f->sends_until_error = 1;
	send_probe(f, session, 2, "10.0.0.2");
	assert_int_equal(f->n_calls, 3);
	assert_int_equal(stats_of(f).send_errors, 2);
	assert_int_equal(stats_of(f).ack1, 1);
	assert_int_equal(stats_of(f).ack2, 0);
	assert_int_equal(stats_of(f).held, 0);
}

static void
test_measure(void **state)
{
	struct fake *f = *state;
	uint64_t session = open_session(f, "10.0.0.2");
	struct fake_probe p;

	/* T4 before T3: 0, and the error says by how much. */
	f->t4.ns = 4000;
	send_probe(f, session, 1, "10.0.0.2");
	assert_int_equal(f->sent[1].message.ack2.delay_ns, 0);
	assert_int_equal(f->sent[1].message.ack2.error_ns, 1000);
	f->t4.ns = 5000;
	send_probe(f, session, 1, "10.0.0.2");
	assert_int_equal(f->sent[3].message.ack2.delay_ns, 0);
	f->t4.ns = 4999;
	send_probe(f, session, 1, "10.0.0.2");
	assert_int_equal(f->sent[5].message.ack2.delay_ns, 0);
	assert_int_equal(f->sent[5].message.ack2.error_ns, 70);
	f->n_sent = 2;
	/* What is not known stays within its field. */
	f->t4.ns = 6000;
	p = probe(session, 3, "10.0.0.2");
	p.rx.t3.error_ns = UINT64_MAX;
	deliver(f, &p);
	assert_int_equal(f->sent[3].message.ack2.delay_ns, 1000);
	assert_int_equal(f->sent[3].message.ack2.error_ns, UINT32_MAX);
	assert_int_equal(f->sent[3].message.ack2.clock, PROBE_CLOCK_SW);
}

/* One answer: 700 ns by the host's clock, `ticks` by the RNIC's of 1 GHz. */
static const struct wire_message *
clock_answer(struct fake *f, uint64_t session, uint64_t ticks, bool t3_stamped, bool t4_stamped)
{
	struct fake_probe p = probe(session, 1, "10.0.0.2");

	p.rx.t3.stamped = t3_stamped;
	p.rx.t3.ticks = (1ULL << 40) - 100;
	f->t4.stamped = t4_stamped;
	f->t4.ticks = (p.rx.t3.ticks + ticks) & ((1ULL << 40) - 1);
	f->n_sent = 0;
	deliver(f, &p);
	assert_int_equal(f->n_sent, 2);
	assert_int_equal(f->sent[1].message.ack2.t3_ns, 5000);
	return &f->sent[1].message;
}

static void
test_clock(void **state)
{
	struct fake *f = *state;
	struct responder_open_request request = open_request("10.0.0.2", 1);
	const struct wire_message *ack2;
	struct hwclock clock;
	uint64_t session;

	hwclock_init(&clock, "fake", NULL);
	assert_int_equal(hwclock_set(&clock, 1000000, (1ULL << 40) - 1), 0);
	request.clock = &clock;
	assert_int_equal(responder_open(f->responder, &request, f->now, &session), 0);
	/* The host did not run for 20 ms while the probe lay there. */
	ack2 = clock_answer(f, session, 20 * MS, true, true);
	assert_int_equal(ack2->ack2.clock, PROBE_CLOCK_HW);
	assert_int_equal(ack2->ack2.delay_ns, 20 * MS);
	assert_int_equal(ack2->ack2.error_ns, 20 * 110 + 2 + 1);
	/* A stamp is missing. */
	for (int i = 0; i < 3; i++) {
		ack2 = clock_answer(f, session, 20 * MS, i == 1, i == 2);
		assert_int_equal(ack2->ack2.clock, PROBE_CLOCK_SW);
		assert_int_equal(ack2->ack2.delay_ns, 700);
		assert_int_equal(ack2->ack2.error_ns, 70);
	}
	assert_true(clock.accepted == 1 && clock.rejected == 0);
	/* Backwards, and by more than a host stalls. */
	for (int i = 0; i < 2; i++) {
		ack2 = clock_answer(f, session, i ? (uint64_t)-50 * MS : 2 * SEC, true, true);
		assert_int_equal(ack2->ack2.clock, PROBE_CLOCK_SW);
		assert_int_equal(ack2->ack2.delay_ns, 700);
		assert_int_equal(ack2->ack2.error_ns, 70);
	}
	assert_true(clock.accepted == 1 && clock.rejected == 2);
	/* Shorter than between reading the probe and posting ACK1. */
	f->t4.ns = 5000 + 20 * MS;
	ack2 = clock_answer(f, session, 1 * MS, true, true);
	assert_int_equal(ack2->ack2.clock, PROBE_CLOCK_SW);
	assert_int_equal(ack2->ack2.delay_ns, 20 * MS);
	assert_true(clock.accepted == 1 && clock.rejected == 3);
	/* By the send completion of ACK1, later. */
	f->done = false;
	f->n_sent = 0;
	{
		struct fake_probe p = probe(session, 2, "10.0.0.2");
		struct hwclock_moment t4 = {.ns = 9000,
					    .error_ns = 11,
					    .ticks = 4100,
					    .stamped = true};

		p.rx.t3.stamped = true;
		p.rx.t3.ticks = 100;
		deliver(f, &p);
		responder_sent(f->responder, f->sent[0].ack.cookie, 0, &t4, f->now);
	}
	assert_int_equal(f->n_sent, 2);
	assert_int_equal(f->sent[1].message.ack2.clock, PROBE_CLOCK_HW);
	assert_int_equal(f->sent[1].message.ack2.delay_ns, 4000);
}

/* Nothing is sent for what is malformed, unknown or forged, and each is counted under its name. */
static void
test_refused(void **state)
{
	struct fake *f = *state;
	uint64_t session = open_session(f, "10.0.0.2");
	struct fake_probe p = probe(session, 1, "10.0.0.2");
	struct responder_stats s;

	p.message.type = PROBE_WIRE_ACK1;
	deliver(f, &p);
	wire_encode(&p.message, p.payload);
	for (uint32_t len = 0; len < 50; len++) {
		p.rx.len = len;
		responder_received(f->responder, &p.rx, f->now);
	}
	send_probe(f, session ^ 1, 1, "10.0.0.2");
	send_probe(f, 0, 1, "10.0.0.2");
	send_probe(f, session ^ 1, 1, "192.0.2.1");
	send_probe(f, session, 1, "10.0.0.3");
	send_probe(f, session, 1, "192.0.2.1");
	p = probe(session, 1, "10.0.0.2");
	p.rx.dst = addr("10.0.0.9");
	deliver(f, &p);
	p = probe(session, 1, "10.0.0.2");
	p.rx.device_user = &nic_b;
	deliver(f, &p);
	assert_int_equal(f->n_calls, 0);
	s = stats_of(f);
	assert_int_equal(s.malformed, 51);
	assert_int_equal(s.unknown_session, 2);
	assert_int_equal(s.refused_network, 1);
	assert_int_equal(s.wrong_source, 4);
	assert_int_equal(s.probes, 0);
}

/* With a key, what is not signed is dropped, and both ACKs are signed. */
static void
test_keys(void **state)
{
	static const struct keys keys = {.n = 1, .key = {{"a", {1, 2, 3}}}},
				 other = {.n = 1, .key = {{"a", {1, 2, 4}}}};
	struct fake *f = *state;
	uint64_t session = open_session(f, "10.0.0.2");
	struct fake_probe p = probe(session, 1, "10.0.0.2");

	responder_set_keys(f->responder, &keys);
	deliver(f, &p);
	auth_sign(&other, p.payload, p.rx.len);
	responder_received(f->responder, &p.rx, f->now);
	assert_int_equal(f->n_calls, 0);
	assert_int_equal(stats_of(f).unauthenticated, 2);
	assert_int_equal(stats_of(f).probes, 0);
	f->keys = &keys;
	auth_sign(&keys, p.payload, p.rx.len);
	responder_received(f->responder, &p.rx, f->now);
	assert_int_equal(f->n_sent, 2);
	assert_int_equal(f->sent[0].message.type, PROBE_WIRE_ACK1);
	assert_int_equal(f->sent[0].ack.size, 50);
	assert_int_equal(f->sent[1].message.type, PROBE_WIRE_ACK2);
	assert_int_equal(f->sent[1].ack.size, 58);
	assert_int_equal(stats_of(f).unauthenticated, 2);
	responder_unauthenticated(f->responder);
	assert_int_equal(stats_of(f).unauthenticated, 3);
	/* Without keys again, all are answered, with what others can read. */
	f->keys = NULL;
	responder_set_keys(f->responder, NULL);
	send_probe(f, session, 2, "10.0.0.2");
	assert_int_equal(f->n_sent, 4);
	assert_int_equal(f->sent[3].ack.size, 50);
}

/* T3 stays that of arrival while the path is prepared. */
static void
test_held(void **state)
{
	struct fake *f = *state;
	struct addr local = addr("10.0.0.1"), remote = addr("10.0.0.2"), other = addr("10.0.0.3");
	uint64_t session = open_session(f, "10.0.0.2");

	f->status = -EAGAIN;
	set_limits(f, "10.0.0.0/8", 2 * RESPONDER_HELD_MAX, 100000);
	for (uint64_t i = 0; i < RESPONDER_HELD_MAX + 2; i++)
		send_probe(f, session, i, "10.0.0.2");
	assert_int_equal(stats_of(f).held, RESPONDER_HELD_MAX);
	assert_int_equal(stats_of(f).held_dropped, 2);
	f->now += 100 * MS;
	responder_path_ready(f->responder, &nic_a, &local, &remote, f->now);
	assert_int_equal(f->n_sent, 0);
	f->status = 0;
	f->t4.ns = 5000 + 100 * MS;
	responder_path_ready(f->responder, &nic_a, &local, &other, f->now);
	responder_path_ready(f->responder, &nic_b, &local, &remote, f->now);
	assert_int_equal(f->n_sent, 0);
	responder_path_ready(f->responder, &nic_a, &local, &remote, f->now);
	assert_int_equal(f->n_sent, 2 * RESPONDER_HELD_MAX);
	for (uint32_t i = 0; i < RESPONDER_HELD_MAX; i++) {
		assert_int_equal(f->sent[2 * i].message.type, PROBE_WIRE_ACK1);
		assert_int_equal(f->sent[2 * i].message.seq, i);
		assert_int_equal(f->sent[2 * i + 1].message.type, PROBE_WIRE_ACK2);
		assert_int_equal(f->sent[2 * i + 1].message.ack2.delay_ns, 100 * MS);
	}
	responder_path_ready(f->responder, &nic_a, &local, &remote, f->now);
	assert_int_equal(f->n_sent, 2 * RESPONDER_HELD_MAX);
	assert_int_equal(stats_of(f).held_dropped, 2);
	/* There is room again. */
	f->status = -EAGAIN;
	send_probe(f, session, 1, "10.0.0.2");
	assert_int_equal(stats_of(f).held, RESPONDER_HELD_MAX + 1);
}

static void
test_held_dropped(void **state)
{
	struct fake *f = *state;
	struct addr local = addr("10.0.0.1"), remote = addr("10.0.0.2");
	uint64_t session = open_session(f, "10.0.0.2");

	f->status = -EAGAIN;
	send_probe(f, session, 1, "10.0.0.2");
	responder_path_failed(f->responder, &nic_a, &local, &remote, f->now);
	assert_int_equal(stats_of(f).held_dropped, 1);
	send_probe(f, session, 2, "10.0.0.2");
	assert_true(responder_next_ns(f->responder) == f->now + RESPONDER_HELD_NS);
	f->now += RESPONDER_HELD_NS - 1;
	responder_advance(f->responder, f->now);
	assert_int_equal(stats_of(f).held_dropped, 1);
	f->now++;
	responder_advance(f->responder, f->now);
	assert_int_equal(stats_of(f).held_dropped, 2);
	send_probe(f, session, 3, "10.0.0.2");
	responder_close_device(f->responder, &nic_a);
	assert_int_equal(stats_of(f).held_dropped, 3);
	f->status = 0;
	responder_path_ready(f->responder, &nic_a, &local, &remote, f->now);
	assert_int_equal(f->n_sent, 0);
	assert_true(responder_next_ns(f->responder) == UINT64_MAX);
	assert_int_equal(stats_of(f).held, 3);
}

/* More ACK1s without completion than can be: the oldest is given up, nothing else. */
static void
test_pending_overflow(void **state)
{
	struct fake *f = *state;
	uint64_t session = open_session(f, "10.0.0.2");
	uint32_t first;

	set_limits(f, "10.0.0.0/8", 100000, 100000);
	f->done = false;
	send_probe(f, session, 1, "10.0.0.2");
	first = f->sent[0].ack.cookie;
	for (uint32_t i = 0; i < RESPONDER_PENDING_N; i++) {
		f->n_sent = 0;
		send_probe(f, session, 2 + i, "10.0.0.2");
	}
	assert_int_equal(stats_of(f).send_errors, 1);
	sent(f, first, 0, 9000, 0);
	assert_int_equal(f->n_sent, 1);
	sent(f, f->sent[0].ack.cookie, 0, 9000, 0);
	assert_int_equal(f->n_sent, 2);
}

/* While completions are late, each answer is kept, and gets its own ACK2. */
static void
test_pending_grows(void **state)
{
	struct fake *f = *state;
	uint64_t session = open_session(f, "10.0.0.2");
	uint32_t cookie[1000];

	set_limits(f, "10.0.0.0/8", 100000, 100000);
	f->done = false;
	for (uint32_t i = 0; i < 1000; i++) {
		f->n_sent = 0;
		send_probe(f, session, 1 + i, "10.0.0.2");
		cookie[i] = f->sent[0].ack.cookie;
	}
	for (uint32_t i = 0; i < 1000; i++) {
		f->n_sent = 0;
		sent(f, cookie[i], 0, 9000, 0);
		assert_int_equal(f->n_sent, 1);
		assert_int_equal(f->sent[0].message.type, PROBE_WIRE_ACK2);
		assert_int_equal(f->sent[0].message.seq, 1 + i);
	}
	assert_int_equal(stats_of(f).send_errors, 0);
}

/* The ACK2 of a probe that came at 5000 + at ns, with T4 700 ns later. */
static const struct wire_message *
ack2_at(struct fake *f, uint64_t session, uint64_t at_ns)
{
	struct fake_probe p = probe(session, 1, "10.0.0.2");

	f->n_sent = 0;
	p.rx.t3.ns += at_ns;
	f->t4.ns = p.rx.t3.ns + 700;
	deliver(f, &p);
	assert_int_equal(f->n_sent, 2);
	return &f->sent[1].message;
}

/* A limit that is raised holds at once, for those that had used up the lower one, too. */
static void
test_limits_raised(void **state)
{
	struct fake *f = *state;
	uint64_t session = open_session(f, "10.0.0.2");
	struct fake_probe p = probe(session, 1, "10.0.0.2");

	set_limits(f, "10.0.0.0/8", 1, 1);
	for (int i = 0; i < 40; i++)
		deliver(f, &p);
	assert_int_equal(stats_of(f).ack1, 32);
	assert_int_equal(stats_of(f).refused_source, 8);
	set_limits(f, "10.0.0.0/8", 1000, 1000);
	f->now += MS;
	deliver(f, &p);
	assert_int_equal(stats_of(f).ack1, 33);
	f->now += 100 * MS;
	for (int i = 0; i < 100; i++)
		deliver(f, &p);
	assert_int_equal(stats_of(f).ack1, 133);
}

/* One whose ACK1 is still to be sent. */
static void
ack2_wait(struct fake *f, uint64_t session, uint64_t at_ns)
{
	struct fake_probe p = probe(session, 1, "10.0.0.2");

	f->n_sent = 0;
	p.rx.t3.ns += at_ns;
	deliver(f, &p);
	assert_int_equal(f->n_sent, 1);
}

/* The stall of this host is told with the probes that it can have kept waiting, and no others. */
static void
test_noise(void **state)
{
	struct noise noise = {0};
	struct responder_config config = {.ops = &fake_ops, .random = 42, .noise = &noise};
	struct fake *f = *state;
	const struct wire_message *ack2;
	struct addr local = addr("10.0.0.1"), remote = addr("10.0.0.2");
	uint64_t session;

	responder_free(f->responder);
	config.arg = f;
	assert_int_equal(responder_new(&config, &f->responder), 0);
	set_limits(f, "10.0.0.0/8", 1000, 100000);
	session = open_session(f, "10.0.0.2");
	noise_waiting(&noise, 1000 * MS, 1030 * MS);
	ack2 = ack2_at(f, session, 900 * MS);
	assert_false(ack2->ack2.noise);
	assert_int_equal(ack2->ack2.stall_ms, 0);
	ack2 = ack2_at(f, session, 1010 * MS);
	assert_true(ack2->ack2.noise);
	assert_int_equal(ack2->ack2.stall_ms, 30);
	/* It was read right after: it may have come during the stall. */
	ack2 = ack2_at(f, session, 1030 * MS + NOISE_AFTER_NS / 2);
	assert_true(ack2->ack2.noise);
	ack2 = ack2_at(f, session, 1040 * MS);
	assert_false(ack2->ack2.noise);
	/* Its own delay is a stall, if nothing else made it wait; more than 65535 ms are that. */
	f->done = false;
	ack2_wait(f, session, 1100 * MS);
	sent(f, f->sent[0].ack.cookie, 0, 5000 + 1105 * MS, 0);
	assert_true(f->sent[1].message.ack2.noise);
	assert_int_equal(f->sent[1].message.ack2.stall_ms, 5);
	ack2_wait(f, session, 1200 * MS);
	sent(f, f->sent[0].ack.cookie, 0, 5000 + 71200 * MS, 0);
	assert_int_equal(f->sent[1].message.ack2.stall_ms, UINT16_MAX);
	/* A wait for the path back is long and no stall. */
	f->done = true;
	f->n_sent = 0;
	f->status = -EAGAIN;
	send_probe(f, session, 1, "10.0.0.2");
	f->status = 0;
	f->t4.ns = 5000 + 100 * MS;
	responder_path_ready(f->responder, &nic_a, &local, &remote, f->now);
	assert_int_equal(f->n_sent, 2);
	assert_int_equal(f->sent[1].message.ack2.delay_ns, 100 * MS);
	assert_false(f->sent[1].message.ack2.noise);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FAKE(test_answer),
		WITH_FAKE(test_delays),
		WITH_FAKE(test_sent_hop_limit),
		WITH_FAKE(test_completions),
		WITH_FAKE(test_send_errors),
		WITH_FAKE(test_measure),
		WITH_FAKE(test_clock),
		WITH_FAKE(test_refused),
		WITH_FAKE(test_limits_raised),
		WITH_FAKE(test_held),
		WITH_FAKE(test_keys),
		WITH_FAKE(test_held_dropped),
		WITH_FAKE(test_pending_overflow),
		WITH_FAKE(test_pending_grows),
		WITH_FAKE(test_noise),
	};

	return cmocka_run_group_tests_name("responder", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Who may ask, how often, and for how long: sessions, sources and limits. */
#include "responder_fake.h"

static int nic_b;

static void
test_admit(void **state)
{
	struct fake *f = *state;
	struct addr inside = addr("10.0.0.2"), other = addr("10.0.0.3"), outside = addr("11.0.0.2");
	struct responder_open_request request = open_request("11.0.0.2", 1);
	uint64_t session;

	assert_int_equal(responder_admit(f->responder, &outside, 0, f->now), -EACCES);
	assert_int_equal(responder_open(f->responder, &request, f->now, &session), -EACCES);
	assert_int_equal(stats_of(f).refused_network, 2);
	for (int i = 0; i < RESPONDER_OPENS_PER_S; i++)
		assert_int_equal(responder_admit(f->responder, &inside, 0, f->now), 0);
	assert_int_equal(responder_admit(f->responder, &inside, 0, f->now), -EBUSY);
	assert_int_equal(responder_admit(f->responder, &other, 0, f->now), 0);
	assert_int_equal(stats_of(f).refused_opens, 1);
	/* Opening and closing a session does not bring the tokens back. */
	open_session(f, "10.0.0.2");
	responder_close_device(f->responder, &nic_a);
	assert_int_equal(responder_admit(f->responder, &inside, 0, f->now), -EBUSY);
	f->now += SEC / RESPONDER_OPENS_PER_S;
	assert_int_equal(responder_admit(f->responder, &inside, 0, f->now), 0);
	assert_int_equal(responder_admit(f->responder, &inside, 0, f->now), -EBUSY);
	set_limits(f, NULL, 1, 1);
	assert_int_equal(responder_admit(f->responder, &inside, 0, f->now + SEC), -EACCES);
}

/* Addresses that were only claimed and do not resolve: a bounded number, the rest is counted. */
static void
test_claims(void **state)
{
	struct fake *f = *state;

	for (int i = 0; i < 64; i++)
		assert_int_equal(responder_claim(f->responder), 0);
	assert_int_equal(responder_claim(f->responder), -EBUSY);
	assert_int_equal(responder_claim(f->responder), -EBUSY);
	assert_int_equal(stats_of(f).refused_claims, 2);
	responder_claim_over(f->responder);
	assert_int_equal(responder_claim(f->responder), 0);
	assert_int_equal(responder_claim(f->responder), -EBUSY);
}

static void
test_limit_of_source(void **state)
{
	struct fake *f = *state;
	uint64_t a, b;

	set_limits(f, "10.0.0.0/8", 100, 100000);
	a = open_session(f, "10.0.0.2");
	b = open_session(f, "10.0.0.3");
	for (uint64_t i = 0; i < 150; i++)
		send_probe(f, a, i, "10.0.0.2");
	assert_int_equal(stats_of(f).ack1, 100);
	assert_int_equal(stats_of(f).refused_source, 50);
	assert_int_equal(stats_of(f).probes, 150);
	send_probe(f, b, 1, "10.0.0.3");
	assert_int_equal(stats_of(f).ack1, 101);
	f->now += 50 * MS;
	for (uint64_t i = 0; i < 10; i++)
		send_probe(f, a, i, "10.0.0.2");
	assert_int_equal(stats_of(f).ack1, 106);
	/* A slow limit has a burst of 32 still. */
	set_limits(f, "10.0.0.0/8", 1, 100000);
	a = open_session(f, "10.0.0.4");
	for (uint64_t i = 0; i < 40; i++)
		send_probe(f, a, i, "10.0.0.4");
	assert_int_equal(stats_of(f).ack1, 106 + 32);
}

static void
test_limit_in_all(void **state)
{
	struct fake *f = *state;
	uint64_t a, b;

	set_limits(f, "10.0.0.0/8", 100, 150);
	a = open_session(f, "10.0.0.2");
	b = open_session(f, "10.0.0.3");
	for (uint64_t i = 0; i < 100; i++) {
		send_probe(f, a, i, "10.0.0.2");
		send_probe(f, b, i, "10.0.0.3");
	}
	assert_int_equal(stats_of(f).ack1, 150);
	assert_int_equal(stats_of(f).refused_total, 50);
	assert_int_equal(stats_of(f).refused_source, 0);
}

static uint32_t
count_sent(const struct fake *f, enum probe_wire_type type)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < f->n_sent; i++)
		n += f->sent[i].message.type == type;
	return n;
}

/* A prober that knows the message is told which limit it met, at its own QP. */
static void
test_refusal_told(void **state)
{
	struct fake *f = *state;
	uint64_t session = open_session(f, "10.0.0.2");
	const struct sent_ack *last;

	set_limits(f, "10.0.0.0/8", 40, 1000);
	for (uint64_t i = 0; i < 60; i++) {
		struct fake_probe p = probe(session, i, "10.0.0.2");

		p.message.probe.takes_refused = true;
		deliver(f, &p);
	}
	assert_int_equal(count_sent(f, PROBE_WIRE_ACK1), 40);
	assert_int_equal(count_sent(f, PROBE_WIRE_REFUSED), 20);
	last = &f->sent[f->n_sent - 1];
	assert_int_equal(last->message.refused.why, PROBE_WIRE_WHY_SOURCE);
	assert_true(last->ack.solicited);
	assert_true(last->message.seq == 59 && last->message.session == session);
	assert_true(last->ack.qpn == 77 && last->ack.qkey == 0x1234);
	assert_false(last->want_sent);
	set_limits(f, "10.0.0.0/8", 1000, 20);
	f->now += SEC;
	f->n_sent = 0;
	for (uint64_t i = 0; i < 33; i++) {
		struct fake_probe p = probe(session, i, "10.0.0.2");

		p.message.probe.takes_refused = true;
		deliver(f, &p);
	}
	assert_int_equal(count_sent(f, PROBE_WIRE_REFUSED), 1);
	assert_int_equal(f->sent[f->n_sent - 1].message.refused.why, PROBE_WIRE_WHY_TOTAL);
	assert_int_equal(stats_of(f).refused_told, 21);
}

/* An older prober would take it for a malformed message; and telling has a limit, too. */
static void
test_refusal_untold(void **state)
{
	struct fake *f = *state;
	uint64_t session = open_session(f, "10.0.0.2");

	set_limits(f, "10.0.0.0/8", 32, 1000);
	for (uint64_t i = 0; i < 40; i++)
		send_probe(f, session, i, "10.0.0.2");
	assert_int_equal(count_sent(f, PROBE_WIRE_REFUSED), 0);
	for (uint64_t i = 0; i < RESPONDER_REFUSALS_PER_S + 50; i++) {
		struct fake_probe p = probe(session, i, "10.0.0.2");

		p.message.probe.takes_refused = true;
		deliver(f, &p);
	}
	assert_int_equal(count_sent(f, PROBE_WIRE_REFUSED), RESPONDER_REFUSALS_PER_S);
	assert_int_equal(stats_of(f).refused_told, RESPONDER_REFUSALS_PER_S);
	assert_int_equal(stats_of(f).refused_source, 8 + RESPONDER_REFUSALS_PER_S + 50);
}

static void
test_sessions(void **state)
{
	struct fake *f = *state;
	struct responder_open_request request = open_request("10.0.0.2", 1);
	uint64_t first = open_session(f, "10.0.0.2"), again, other;

	assert_int_equal(responder_open(f->responder, &request, f->now, &again), 0);
	assert_true(again == first);
	assert_int_equal(stats_of(f).sessions, 1);
	assert_int_equal(stats_of(f).opened, 1);
	/* Another local address or another device is another session. */
	request.local = addr("10.0.0.9");
	assert_int_equal(responder_open(f->responder, &request, f->now, &other), 0);
	assert_true(other != first);
	request = open_request("10.0.0.2", 1);
	request.device_user = &nic_b;
	assert_int_equal(responder_open(f->responder, &request, f->now, &again), 0);
	assert_true(again != first && again != other);
	assert_int_equal(stats_of(f).sessions, 3);
	responder_close_device(f->responder, &nic_b);
	assert_int_equal(stats_of(f).sessions, 2);
	responder_close_device(f->responder, &nic_a);
	assert_int_equal(stats_of(f).sessions, 0);
}

/* Who claims to be a new incarnation takes the old one's place by a probe, not by asking. */
static void
test_new_incarnation(void **state)
{
	struct fake *f = *state;
	struct responder_open_request request = open_request("10.0.0.2", 2);
	uint64_t first = open_session(f, "10.0.0.2"), forged, second, again;

	send_probe(f, first, 1, "10.0.0.2");
	assert_int_equal(responder_open(f->responder, &request, f->now, &forged), 0);
	assert_true(forged != first);
	assert_int_equal(stats_of(f).sessions, 2);
	send_probe(f, first, 2, "10.0.0.2");
	assert_int_equal(stats_of(f).ack2, 2);
	/* Of those that are only claimed, the last one stands. */
	request = open_request("10.0.0.2", 3);
	request.qkey = 0x9999;
	assert_int_equal(responder_open(f->responder, &request, f->now, &second), 0);
	assert_true(second != first && second != forged);
	assert_int_equal(responder_open(f->responder, &request, f->now, &again), 0);
	assert_true(again == second);
	assert_int_equal(stats_of(f).sessions, 2);
	send_probe(f, forged, 1, "10.0.0.2");
	assert_int_equal(stats_of(f).unknown_session, 1);
	/* A probe with its number that comes from elsewhere proves nothing. */
	send_probe(f, second, 1, "10.0.0.3");
	assert_int_equal(stats_of(f).wrong_source, 1);
	send_probe(f, first, 3, "10.0.0.2");
	assert_int_equal(stats_of(f).ack2, 3);
	f->n_sent = 0;
	send_probe(f, second, 1, "10.0.0.2");
	assert_int_equal(f->sent[0].ack.qkey, 0x9999);
	assert_int_equal(stats_of(f).sessions, 1);
	send_probe(f, first, 4, "10.0.0.2");
	assert_int_equal(stats_of(f).unknown_session, 2);
	send_probe(f, second, 2, "10.0.0.2");
	assert_int_equal(stats_of(f).ack2, 5);
}

/* Both sessions of a path get what was held for them. */
static void
test_new_incarnation_held(void **state)
{
	struct fake *f = *state;
	struct responder_open_request request = open_request("10.0.0.2", 2);
	struct addr local = addr("10.0.0.1"), remote = addr("10.0.0.2");
	uint64_t first = open_session(f, "10.0.0.2"), second;

	send_probe(f, first, 1, "10.0.0.2");
	assert_int_equal(responder_open(f->responder, &request, f->now, &second), 0);
	f->status = -EAGAIN;
	send_probe(f, first, 2, "10.0.0.2");
	f->status = 0;
	responder_path_ready(f->responder, &nic_a, &local, &remote, f->now);
	assert_int_equal(stats_of(f).ack2, 2);
	/* What the old one holds goes with it. */
	f->status = -EAGAIN;
	send_probe(f, first, 3, "10.0.0.2");
	send_probe(f, second, 1, "10.0.0.2");
	assert_int_equal(stats_of(f).held_dropped, 1);
	f->status = 0;
	responder_path_ready(f->responder, &nic_a, &local, &remote, f->now);
	assert_int_equal(stats_of(f).ack2, 3);
	f->status = -EAGAIN;
	send_probe(f, second, 2, "10.0.0.2");
	responder_path_failed(f->responder, &nic_a, &local, &remote, f->now);
	assert_int_equal(stats_of(f).held_dropped, 2);
}

static void
test_idle(void **state)
{
	struct fake *f = *state;
	uint64_t start = f->now, a = open_session(f, "10.0.0.2"), b;

	assert_true(responder_next_ns(f->responder) == start + RESPONDER_IDLE_NS);
	f->now += SEC;
	b = open_session(f, "10.0.0.3");
	f->now += SEC;
	send_probe(f, a, 1, "10.0.0.2");
	/* Now b is the one that is longest quiet. */
	assert_true(responder_next_ns(f->responder) == start + SEC + RESPONDER_IDLE_NS);
	f->now = start + SEC + RESPONDER_IDLE_NS - 1;
	responder_advance(f->responder, f->now);
	assert_int_equal(stats_of(f).sessions, 2);
	f->now++;
	responder_advance(f->responder, f->now);
	assert_int_equal(stats_of(f).sessions, 1);
	send_probe(f, b, 1, "10.0.0.3");
	assert_int_equal(stats_of(f).unknown_session, 1);
	f->now += SEC;
	responder_advance(f->responder, f->now);
	assert_int_equal(stats_of(f).sessions, 0);
	assert_true(responder_next_ns(f->responder) == UINT64_MAX);
}

static void
test_allow_list_change(void **state)
{
	struct fake *f = *state;
	uint64_t a = open_session(f, "10.0.0.2"), b = open_session(f, "10.1.0.2");

	set_limits(f, "10.1.0.0/16", 1000, 1000);
	assert_int_equal(stats_of(f).sessions, 1);
	send_probe(f, a, 1, "10.0.0.2");
	assert_int_equal(stats_of(f).refused_network, 1);
	assert_int_equal(f->n_sent, 0);
	send_probe(f, b, 1, "10.1.0.2");
	assert_int_equal(f->n_sent, 2);
}

static struct addr
nth_addr(uint32_t i)
{
	struct addr a = addr("10.0.0.0");

	a.raw[13] = (uint8_t)(i >> 16);
	a.raw[14] = (uint8_t)(i >> 8);
	a.raw[15] = (uint8_t)i;
	return a;
}

static void
prove(struct fake *f, uint64_t session, const struct addr *from)
{
	struct fake_probe p = probe(session, 1, "10.0.0.2");

	p.rx.src = *from;
	deliver(f, &p);
	f->n_sent = 0;
}

/*
 * A flood of forged requests fills the table, and still neither ends a session nor keeps a new one
 * out.
 */
static void
test_flood(void **state)
{
	struct fake *f = *state;
	struct responder_open_request request = open_request("10.0.0.2", 1);
	uint64_t real = open_session(f, "10.0.0.2"), number;
	struct addr newcomer = addr("10.0.0.3");

	f->responder->sessions_max = 100;
	send_probe(f, real, 1, "10.0.0.2");
	for (uint32_t i = 0; i < 1000; i++) {
		request.remote = nth_addr(1000 + i);
		assert_int_equal(responder_admit(f->responder, &request.remote, 0, f->now), 0);
		assert_int_equal(responder_open(f->responder, &request, f->now, &number), 0);
		assert_true(stats_of(f).sessions <= 100 && f->responder->n_sources <= 100);
	}
	assert_int_equal(responder_admit(f->responder, &newcomer, 0, f->now), 0);
	number = open_session(f, "10.0.0.3");
	send_probe(f, number, 1, "10.0.0.3");
	send_probe(f, real, 2, "10.0.0.2");
	assert_int_equal(stats_of(f).ack2, 3);
}

/* The tables are bounded, and grow without losing anybody. */
static void
test_bounds(void **state)
{
	struct fake *f = *state;
	struct responder_open_request request = open_request("10.0.0.2", 1);
	uint64_t session[3000], number;

	f->responder->sessions_max = 3000;
	for (uint32_t i = 0; i < 3000; i++) {
		request.remote = nth_addr(i);
		assert_int_equal(responder_open(f->responder, &request, f->now, &session[i]), 0);
		prove(f, session[i], &request.remote);
	}
	request.remote = nth_addr(3000);
	assert_int_equal(responder_admit(f->responder, &request.remote, 0, f->now), -EBUSY);
	assert_int_equal(responder_open(f->responder, &request, f->now, &number), -EBUSY);
	assert_int_equal(stats_of(f).refused_opens, 2);
	assert_int_equal(stats_of(f).sessions, 3000);
	for (uint32_t i = 0; i < 3000; i++) {
		request.remote = nth_addr(i);
		assert_int_equal(responder_open(f->responder, &request, f->now, &number), 0);
		assert_true(number == session[i]);
		assert_non_null(responder_find(f->responder, session[i]));
	}
	/* Sources that only knock are bounded as well, and the quiet ones go first. */
	responder_close_device(f->responder, &nic_a);
	for (uint32_t i = 0; i < 20000; i++) {
		struct addr a = nth_addr(100000 + i);

		assert_int_equal(responder_admit(f->responder, &a, 0, f->now), 0);
		assert_true(f->responder->n_sources <= 3000);
	}
	f->now += 10 * SEC;
	request.remote = nth_addr(1);
	assert_int_equal(responder_admit(f->responder, &request.remote, 0, f->now), 0);
	assert_int_equal(f->responder->n_sources, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FAKE(test_admit),
		WITH_FAKE(test_claims),
		WITH_FAKE(test_limit_of_source),
		WITH_FAKE(test_limit_in_all),
		WITH_FAKE(test_refusal_told),
		WITH_FAKE(test_refusal_untold),
		WITH_FAKE(test_sessions),
		WITH_FAKE(test_new_incarnation),
		WITH_FAKE(test_new_incarnation_held),
		WITH_FAKE(test_flood),
		WITH_FAKE(test_idle),
		WITH_FAKE(test_allow_list_change),
		WITH_FAKE(test_bounds),
	};

	return cmocka_run_group_tests_name("responder_session", tests, NULL, NULL);
}

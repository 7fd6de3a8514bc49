/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions whose address must be proven, and those of older builds, which cannot prove it. */
#include "responder_fake.h"

static struct responder_open_request
strong_request(uint64_t incarnation, uint64_t session)
{
	struct responder_open_request request = open_request("10.0.0.2", incarnation);

	request.challenge = true;
	request.session = session;
	return request;
}

static uint64_t
open_as(struct fake *f, const struct responder_open_request *request)
{
	uint64_t session = 0;

	assert_int_equal(responder_open(f->responder, request, f->now, &session), 0);
	return session;
}

static void
send_echo(struct fake *f, uint64_t session, uint64_t token, const char *from)
{
	struct fake_probe p = probe(session, 1, from);

	p.message.type = PROBE_WIRE_ECHO;
	p.message.token = token;
	deliver(f, &p);
}

/* A session whose prober has echoed the token. */
static uint64_t
open_proven(struct fake *f, uint64_t incarnation)
{
	struct responder_open_request request = strong_request(incarnation, 0);
	uint64_t session = open_as(f, &request);

	send_probe(f, session, 1, "10.0.0.2");
	assert_int_equal(f->sent[f->n_sent - 1].message.type, PROBE_WIRE_CHALLENGE);
	send_echo(f, session, f->sent[f->n_sent - 1].message.token, "10.0.0.2");
	f->n_sent = 0;
	return session;
}

/* No ACK before the echo of the right token from the right address; then all, with their T3. */
static void
test_challenge(void **state)
{
	struct fake *f = *state;
	struct responder_open_request request = strong_request(1, 0);
	uint64_t session = open_as(f, &request), token;

	send_probe(f, session, 7, "10.0.0.2");
	send_probe(f, session, 8, "10.0.0.2");
	assert_int_equal(f->n_sent, 1);
	assert_int_equal(f->sent[0].message.type, PROBE_WIRE_CHALLENGE);
	assert_true(f->sent[0].message.seq == 7 && f->sent[0].message.session == session);
	assert_true(addr_equal(&f->sent[0].ack.remote, &request.remote));
	assert_false(f->sent[0].ack.proven);
	token = f->sent[0].message.token;
	send_echo(f, session, token ^ 1, "10.0.0.2");
	send_echo(f, session, token, "10.0.0.3");
	send_echo(f, session + 1, token, "10.0.0.2");
	assert_int_equal(f->n_sent, 1);
	send_echo(f, session, token, "10.0.0.2");
	send_echo(f, session, token, "10.0.0.2");
	assert_int_equal(f->n_sent, 5);
	assert_true(f->sent[1].message.type == PROBE_WIRE_ACK1 && f->sent[1].message.seq == 7);
	assert_true(f->sent[2].message.type == PROBE_WIRE_ACK2 && f->sent[2].message.seq == 7);
	assert_true(f->sent[4].message.type == PROBE_WIRE_ACK2 && f->sent[4].message.seq == 8);
	assert_true(f->sent[2].message.ack2.t3_ns == 5000 && f->sent[2].ack.proven);
	send_probe(f, session, 9, "10.0.0.2");
	assert_int_equal(f->n_sent, 7);
}

/* A host that is a peer under many names has a session for each. */
static void
test_many_names(void **state)
{
	struct fake *f = *state;
	uint64_t session[40];

	for (size_t i = 0; i < 40; i++)
		session[i] = open_proven(f, 1);
	for (size_t i = 0; i < 40; i++) {
		f->n_sent = 0;
		send_probe(f, session[i], 7, "10.0.0.2");
		assert_int_equal(f->n_sent, 2);
	}
}

/* Many ask at once, before one of them is proven. */
static void
test_many_names_at_once(void **state)
{
	struct fake *f = *state;
	struct responder_open_request request = strong_request(1, 0);
	uint64_t session[40];

	for (size_t i = 0; i < 40; i++)
		session[i] = open_as(f, &request);
	for (size_t i = 0; i < 40; i++) {
		f->n_sent = 0;
		send_probe(f, session[i], 1, "10.0.0.2");
		assert_int_equal(f->n_sent, 1);
		send_echo(f, session[i], f->sent[0].message.token, "10.0.0.2");
		assert_int_equal(f->n_sent, 3);
	}
}

/* Whoever knows the number of the proven session is its prober, and not kept waiting by others. */
static void
test_admit_known(void **state)
{
	struct fake *f = *state;
	struct addr mine = addr("10.0.0.2"), other = addr("10.0.0.3");
	struct responder_open_request request = strong_request(2, 0);
	uint64_t proven = open_proven(f, 1), unproven = open_as(f, &request);

	while (responder_admit(f->responder, &mine, 0, f->now) == 0)
		;
	while (responder_admit(f->responder, &other, 0, f->now) == 0)
		;
	assert_int_equal(responder_admit(f->responder, &mine, proven, f->now), 0);
	assert_int_equal(responder_admit(f->responder, &mine, unproven, f->now), -EBUSY);
	assert_int_equal(responder_admit(f->responder, &mine, proven + 1, f->now), -EBUSY);
	assert_int_equal(responder_admit(f->responder, &other, proven, f->now), -EBUSY);
}

/* A few probes of an unproven session wait; the places are for others. */
static void
test_challenge_flood(void **state)
{
	struct fake *f = *state;
	struct responder_open_request request = strong_request(1, 0);
	uint64_t session = open_as(f, &request);

	for (uint64_t seq = 1; seq <= RESPONDER_CHALLENGED_MAX + 10; seq++)
		send_probe(f, session, seq, "10.0.0.2");
	assert_int_equal(stats_of(f).held, RESPONDER_CHALLENGED_MAX);
	assert_int_equal(stats_of(f).held_dropped, 10);
}

/* Who asks like an older build in another's name uses up nothing of the other's limit. */
static void
test_weak_limit(void **state)
{
	struct fake *f = *state;
	struct responder_open_request request = open_request("10.0.0.2", 9);
	uint64_t proven = open_proven(f, 1), weak, refused;

	set_limits(f, "10.0.0.0/8", 10, 100000);
	f->now += 10 * SEC;
	weak = open_as(f, &request);
	for (uint64_t seq = 1; seq <= 100; seq++) {
		send_probe(f, weak, seq, "10.0.0.2");
		f->n_sent = 0;
	}
	refused = stats_of(f).refused_source;
	assert_in_range(refused, 50, 99);
	send_probe(f, proven, 101, "10.0.0.2");
	assert_int_equal(stats_of(f).refused_source, refused);
	assert_int_equal(f->sent[0].message.type, PROBE_WIRE_ACK1);
}

/*
 * Who asks like an older build in the name of a newer one that probes gets no session, and no ACK
 * with one from before. A host that has an older build again gets one when the newer is silent.
 */
static void
test_weak_request(void **state)
{
	struct fake *f = *state;
	struct responder_open_request weak = open_request("10.0.0.2", 9), other = weak;
	uint64_t before = open_as(f, &weak), proven, number;

	send_probe(f, before, 1, "10.0.0.2");
	assert_int_equal(f->n_sent, 2);
	other.local = addr("10.0.0.9");
	before = open_as(f, &other);
	proven = open_proven(f, 1);
	assert_int_equal(responder_open(f->responder, &weak, f->now, &number), -EBUSY);
	assert_int_equal(responder_open(f->responder, &other, f->now, &number), -EBUSY);
	assert_int_equal(stats_of(f).refused_opens, 2);
	for (uint64_t seq = 1; seq <= 20; seq++) {
		struct fake_probe p = probe(before, seq, "10.0.0.2");

		p.rx.dst = other.local;
		deliver(f, &p);
	}
	assert_int_equal(f->n_sent, 0);
	assert_int_equal(stats_of(f).wrong_source, 20);
	f->now += 9 * SEC;
	send_probe(f, proven, 2, "10.0.0.2");
	f->now += 9 * SEC;
	assert_int_equal(responder_open(f->responder, &weak, f->now, &number), -EBUSY);
	weak.remote = addr("10.0.0.3");
	assert_int_equal(responder_open(f->responder, &weak, f->now, &number), 0);
	f->now += SEC;
	weak.remote = addr("10.0.0.2");
	f->n_sent = 0;
	send_probe(f, open_as(f, &weak), 1, "10.0.0.2");
	assert_int_equal(f->n_sent, 2);
	/* The newer one is back. */
	send_probe(f, proven, 3, "10.0.0.2");
	assert_int_equal(f->n_sent, 4);
}

/* The path to the claimed address is not ready: one challenge once it is. */
static void
test_challenge_waits(void **state)
{
	struct fake *f = *state;
	struct responder_open_request request = strong_request(1, 0);
	uint64_t session = open_as(f, &request);

	f->status = -EAGAIN;
	send_probe(f, session, 7, "10.0.0.2");
	f->status = 0;
	responder_path_ready(f->responder, &nic_a, &request.local, &request.remote, f->now);
	assert_int_equal(f->n_sent, 1);
	assert_int_equal(f->sent[0].message.type, PROBE_WIRE_CHALLENGE);
	send_echo(f, session, f->sent[0].message.token, "10.0.0.2");
	assert_int_equal(f->n_sent, 3);
}

/* The prober itself: it tells the number, and gets it again; a restart ends the old session. */
static void
test_proven(void **state)
{
	struct fake *f = *state;
	uint64_t session = open_proven(f, 1), next;
	struct responder_open_request request = strong_request(1, session);

	assert_true(open_as(f, &request) == session);
	next = open_proven(f, 2);
	assert_true(next != session);
	send_probe(f, session, 2, "10.0.0.2");
	assert_int_equal(f->n_sent, 0);
	send_probe(f, next, 2, "10.0.0.2");
	assert_int_equal(f->n_sent, 2);
}

/*
 * A third host asks in the name of a prober in all ways that there are, and sends probes with what
 * it gets: it is not told the number, changes no Q_Key, ends nothing, and gets few messages sent.
 */
static void
test_forged_request(void **state)
{
	struct fake *f = *state;
	uint64_t session = open_proven(f, 1), forged[3];
	struct responder_open_request request = strong_request(1, 0);

	forged[0] = open_as(f, &request);
	request.qkey = 0x8888;
	forged[1] = open_as(f, &request);
	request = strong_request(2, session + 1);
	forged[2] = open_as(f, &request);
	for (int i = 0; i < 3; i++)
		assert_true(forged[i] != session);
	for (uint64_t seq = 0; seq < 20; seq++)
		for (int i = 0; i < 3; i++)
			send_probe(f, forged[i], seq, "10.0.0.2");
	assert_int_equal(f->n_sent, 3);
	assert_int_equal(stats_of(f).challenges, 1 + 3);
	f->n_sent = 0;
	send_probe(f, session, 2, "10.0.0.2");
	assert_int_equal(f->n_sent, 2);
	assert_int_equal(f->sent[0].ack.qkey, 0x1234);
	assert_true(f->sent[0].message.session == session);
}

/* Floods of such requests: a bounded number of sessions, and the proven one stays. */
static void
test_forged_flood(void **state)
{
	struct fake *f = *state;
	uint64_t session = open_proven(f, 1);

	for (uint64_t i = 0; i < 1000; i++) {
		struct responder_open_request request = strong_request(i, 0);

		send_probe(f, open_as(f, &request), 1, "10.0.0.2");
		f->n_sent = 0;
	}
	assert_true(stats_of(f).sessions <= 1 + RESPONDER_UNPROVEN_MAX + 1);
	send_probe(f, session, 2, "10.0.0.2");
	assert_int_equal(f->n_sent, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FAKE(test_challenge),
		WITH_FAKE(test_many_names),
		WITH_FAKE(test_many_names_at_once),
		WITH_FAKE(test_admit_known),
		WITH_FAKE(test_challenge_flood),
		WITH_FAKE(test_weak_limit),
		WITH_FAKE(test_weak_request),
		WITH_FAKE(test_challenge_waits),
		WITH_FAKE(test_proven),
		WITH_FAKE(test_forged_request),
		WITH_FAKE(test_forged_flood),
	};

	return cmocka_run_group_tests_name("responder_proof", tests, NULL, NULL);
}

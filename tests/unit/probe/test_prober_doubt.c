/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe/prober_doubt: what becomes of probes that nobody answered while nobody knew why. The
 * network of the fake loses all that the test does not answer, so the number of lost probes is the
 * number of packets without an answer.
 */
#include "prober_fake.h"

#define INTERVAL (100 * MS)
#define OUTAGE (60 * SEC)

static void
answer_all(struct fake *f, uint32_t from)
{
	for (uint32_t i = from; i < f->n_packets; i++)
		fake_acks(f, i);
}

/* A path that answers, then loses everything; the peer is down. Returns the packets answered. */
static uint32_t
begin_outage(struct fake *f, struct prober_peer *peer)
{
	uint32_t answered;

	fake_target(f, peer, INTERVAL, 0);
	fake_run(f, SEC);
	answer_all(f, 0);
	answered = f->n_packets;
	fake_run(f, PROBER_SILENCE_NS + SEC);
	for (int i = 0; i < PROBER_RESOLVE_TRIES; i++)
		prober_resolve_silent(peer, "no answer", f->now);
	assert_int_equal(fake_state(peer), PROBER_PEER_DOWN);
	fake_run(f, OUTAGE);
	return answered;
}

/* SIDR is answered again by that incarnation, and so are probes, for three seconds. */
static void
heal(struct fake *f, struct prober_peer *peer, uint64_t incarnation)
{
	struct prober_session session = fake_session(incarnation, 500);
	uint64_t end_ns = f->now + 3 * SEC;

	prober_resolved(peer, &session, f->now, f->now);
	while (f->now < end_ns) {
		uint32_t before = f->n_packets;

		fake_run(f, INTERVAL);
		answer_all(f, before);
	}
}

static uint64_t
count(const struct prober_peer *peer, enum probe_class class)
{
	struct probe_totals totals;

	prober_peer_totals(peer, &totals);
	return totals.by_class[class];
}

static uint32_t
n_results(const struct fake *f, enum probe_class class, bool posted)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < f->n_results; i++)
		n += f->result[i].r.class == class && f->result[i].r.posted == posted;
	return n;
}

static void
test_same_incarnation(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	uint32_t answered = begin_outage(f, peer), lost = f->n_packets - answered, unposted;

	assert_true(lost > 50);
	assert_int_equal(count(peer, PROBE_LOST), 0);
	assert_int_equal(n_results(f, PROBE_UNREACHABLE, true), lost);
	unposted = n_results(f, PROBE_UNREACHABLE, false);
	assert_true(unposted > 500);
	heal(f, peer, 1);
	/* Each packet that the wire has lost is lost; what was not sent stays what it was. */
	assert_int_equal(f->n_corrected, lost);
	assert_int_equal(count(peer, PROBE_LOST), lost);
	assert_int_equal(count(peer, PROBE_UNREACHABLE), unposted);
	for (uint32_t i = 0; i < lost; i++) {
		const struct probe_result *r = &f->corrected[i].r;

		assert_int_equal(r->class, PROBE_LOST);
		assert_true(r->posted);
		assert_int_equal(r->t_ns[0], f->packet[answered + i].at_ns);
		assert_int_equal(r->seq, answered + i);
		assert_ptr_equal(f->corrected[i].user, f);
	}
	fake_check_totals(f);
}

/* The verdict on the path has seen them, too. */
static void
test_verdict(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_target_info info;

	begin_outage(f, peer);
	prober_target_info(prober_peer_next_target(peer, NULL), &info);
	assert_int_not_equal(info.loss.verdict, SEQUENTIAL_LOSSY);
	heal(f, peer, 1);
	prober_target_info(prober_peer_next_target(peer, NULL), &info);
	assert_int_equal(info.loss.verdict, SEQUENTIAL_LOSSY);
}

static void
test_other_incarnation(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	uint32_t answered = begin_outage(f, peer), lost = f->n_packets - answered;

	heal(f, peer, 2);
	assert_int_equal(f->n_corrected, 0);
	assert_int_equal(count(peer, PROBE_LOST), 0);
	assert_true(count(peer, PROBE_UNREACHABLE) >= lost);
	fake_check_totals(f);
}

/* Its host had stalled: it answers what waited there, so the network has lost nothing. */
static void
test_answered_at_last(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_session session = fake_session(1, 500);
	uint32_t answered = begin_outage(f, peer), lost = f->n_packets - answered, before;
	struct prober_stats stats;

	prober_resolved(peer, &session, f->now, f->now);
	before = f->n_packets;
	/* All but two. */
	for (uint32_t i = answered + 2; i < before; i++)
		fake_acks(f, i);
	heal(f, peer, 1);
	assert_int_equal(f->n_corrected, 2);
	assert_int_equal(count(peer, PROBE_LOST), 2);
	prober_stats(f->prober, &stats);
	assert_int_equal(stats.unknown, 2 * (lost - 2));
	fake_check_totals(f);
}

/* Nothing is expected of a peer that is down. After a late ACK1, its ACK2 is. */
static void
test_expects(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	uint32_t answered = begin_outage(f, peer);

	assert_int_equal(prober_device_expects(f->device), PROBER_EXPECTS_NOTHING);
	fake_ack1(f, answered);
	fake_ack1(f, answered + 1);
	assert_int_equal(prober_device_expects(f->device), PROBER_EXPECTS_SOLICITED);
	fake_ack2(f, answered);
	assert_int_equal(prober_device_expects(f->device), PROBER_EXPECTS_SOLICITED);
	fake_ack2(f, answered + 1);
	assert_int_equal(prober_device_expects(f->device), PROBER_EXPECTS_NOTHING);
	fake_ack1(f, answered + 2);
	assert_int_equal(prober_device_expects(f->device), PROBER_EXPECTS_SOLICITED);
	prober_target_remove(prober_peer_next_target(peer, NULL));
	assert_int_equal(prober_device_expects(f->device), PROBER_EXPECTS_NOTHING);
}

/* ... and says that it had stalled all the time: what it has not answered may be its own loss. */
static void
test_stalled(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_session session = fake_session(1, 500);
	uint32_t answered = begin_outage(f, peer), before;

	prober_resolved(peer, &session, f->now, f->now);
	before = f->n_packets;
	for (uint32_t i = answered; i < before; i++) {
		struct fake_ack ack2 = fake_ack(f, i, PROBE_WIRE_ACK2);

		if (i % 2)
			continue;
		ack2.message.ack2.noise = true;
		ack2.message.ack2.stall_ms = 60000;
		fake_ack1(f, i);
		fake_deliver(f, &ack2);
	}
	heal(f, peer, 1);
	assert_true(f->n_corrected > 20);
	for (uint32_t i = 0; i < f->n_corrected; i++) {
		assert_int_equal(f->corrected[i].r.class, PROBE_LOST);
		assert_true(f->corrected[i].r.stalled);
	}
	fake_check_totals(f);
}

/* The peer's QPs have gone meanwhile, such as by a reload of its driver: that is no network's. */
static void
test_other_qp(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_session session = fake_session(1, 501);
	uint64_t end_ns;

	session.qpn++;
	begin_outage(f, peer);
	prober_resolved(peer, &session, f->now, f->now);
	for (end_ns = f->now + 3 * SEC; f->now < end_ns;) {
		uint32_t at = f->n_packets;

		fake_run(f, INTERVAL);
		for (; at < f->n_packets; at++) {
			struct fake_ack ack1 = fake_ack(f, at, PROBE_WIRE_ACK1);
			struct fake_ack ack2 = fake_ack(f, at, PROBE_WIRE_ACK2);

			ack1.rx.src_qpn = ack2.rx.src_qpn = session.qpn;
			fake_deliver(f, &ack1);
			fake_deliver(f, &ack2);
		}
	}
	assert_true(count(peer, PROBE_OK) > 30);
	assert_int_equal(f->n_corrected, 0);
	assert_int_equal(count(peer, PROBE_LOST), 0);
}

/* SIDR alone proves that the host is there, but not that nothing of it waits in a queue. */
static void
test_sidr_alone(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_session session = fake_session(1, 500);

	begin_outage(f, peer);
	prober_resolved(peer, &session, f->now, f->now);
	fake_run(f, 100 * MS);
	assert_int_equal(f->n_corrected, 0);
}

/* Our own port has gone meanwhile: it may have been the reason. */
static void
test_own_port(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);

	begin_outage(f, peer);
	prober_device_down(f->device, "port is down", f->now);
	prober_device_up(f->device, f->now);
	fake_run(f, 0);
	heal(f, peer, 1);
	assert_int_equal(f->n_corrected, 0);
	fake_check_totals(f);
}

/* What is in doubt ends with its target, and with the prober. */
static void
test_ends(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_target *target;
	struct prober_stats stats;

	begin_outage(f, peer);
	prober_stats(f->prober, &stats);
	assert_int_equal(stats.in_flight, 0);
	target = prober_peer_next_target(peer, NULL);
	prober_target_remove(target);
	fake_target(f, peer, INTERVAL, 0);
	heal(f, peer, 1);
	assert_int_equal(f->n_corrected, 0);
	begin_outage(f, peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FAKE(test_same_incarnation), WITH_FAKE(test_verdict),
		WITH_FAKE(test_other_incarnation), WITH_FAKE(test_stalled),
		WITH_FAKE(test_other_qp), WITH_FAKE(test_answered_at_last), WITH_FAKE(test_expects),
		WITH_FAKE(test_sidr_alone),	   WITH_FAKE(test_own_port),
		WITH_FAKE(test_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/clock.h"
#include "probe/responder_impl.h"
#include "probe/wire.h"

#define SEC NSEC_PER_SEC
#define MS NSEC_PER_MSEC
#define ROOM 4096

struct sent_ack {
	struct responder_ack ack;
	struct wire_message message;
	bool want_sent;
};

struct fake {
	struct responder *responder;
	struct addr_net allow;
	uint64_t now;
	/* What send() answers: status; or error once, after sends_until_error more. */
	int status;
	int sends_until_error, error;
	bool done;
	uint64_t t4_ns;
	enum probe_clock t4_clock;
	struct sent_ack sent[ROOM];
	uint32_t n_sent;
	uint32_t n_calls;
};

static int nic_a, nic_b;

static int
fake_send(void *arg, void *device_user, const struct responder_ack *ack, bool want_sent, struct responder_tx *tx)
{
	struct fake *f = arg;
	struct sent_ack *sent = &f->sent[f->n_sent];

	assert_ptr_equal(device_user, &nic_a);
	assert_true(f->n_sent < ROOM);
	f->n_calls++;
	if (f->status < 0)
		return f->status;
	if (f->error && f->sends_until_error-- == 0)
		return f->error;
	sent->ack = *ack;
	sent->want_sent = want_sent;
	assert_int_equal(ack->size, PROBE_WIRE_SIZE_MIN);
	assert_int_equal(wire_decode(ack->payload, ack->size, &sent->message), 0);
	f->n_sent++;
	*tx = (struct responder_tx){
		.t_ns = f->done ? f->t4_ns : 0,
		.error_ns = f->done ? 30 : 0,
		.done = f->done,
		.clock = f->t4_clock,
	};
	return 0;
}

static const struct responder_ops fake_ops = {.send = fake_send};

static struct addr
addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static void
set_limits(struct fake *f, const char *net, uint32_t per_source, uint32_t total)
{
	struct responder_limits limits = {
		.allow = &f->allow,
		.n_allow = net ? 1 : 0,
		.per_source = per_source,
		.total = total,
	};

	if (net)
		assert_int_equal(addr_net_parse(net, &f->allow), 0);
	responder_set_limits(f->responder, &limits, f->now);
}

static int
setup(void **state)
{
	struct fake *f = calloc(1, sizeof(*f));
	struct responder_config config = {.ops = &fake_ops, .random = 42};

	assert_non_null(f);
	config.arg = f;
	f->now = 100 * SEC;
	f->done = true;
	f->t4_ns = 5000 + 700;
	assert_int_equal(responder_new(&config, &f->responder), 0);
	set_limits(f, "10.0.0.0/8", 1000, 100000);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fake *f = *state;

	responder_free(f->responder);
	free(f);
	return 0;
}

static struct responder_stats
stats_of(const struct fake *f)
{
	struct responder_stats stats;

	responder_stats(f->responder, &stats);
	return stats;
}

static struct responder_open_request
open_request(const char *remote, uint64_t incarnation)
{
	return (struct responder_open_request){
		.device_user = &nic_a,
		.local = addr("10.0.0.1"),
		.remote = addr(remote),
		.incarnation = incarnation,
		.qkey = 0x1234,
	};
}

static uint64_t
open_session(struct fake *f, const char *remote)
{
	struct responder_open_request request = open_request(remote, 1);
	uint64_t session = 0;

	assert_int_equal(responder_open(f->responder, &request, f->now, &session), 0);
	assert_true(session != 0);
	return session;
}

/* A probe; the test may bend `rx` and `message`. T3 is 5000. */
struct fake_probe {
	struct wire_message message;
	struct responder_rx rx;
	uint8_t payload[4096];
};

static struct fake_probe
probe(uint64_t session, uint64_t seq, const char *from)
{
	return (struct fake_probe){
		.message = {
			.type = PROBE_WIRE_PROBE,
			.length = 50,
			.seq = seq,
			.session = session,
			.probe = {.ack_flow_label = 0xbeef, .ack_traffic_class = 96, .ack_service_level = 3},
		},
		.rx = {
			.device_user = &nic_a,
			.src = addr(from),
			.dst = addr("10.0.0.1"),
			.src_qpn = 77,
			.t_ns = 5000,
			.error_ns = 40,
		},
	};
}

static void
deliver(struct fake *f, struct fake_probe *p)
{
	wire_encode(&p->message, p->payload);
	p->rx.payload = p->payload;
	p->rx.len = p->message.length;
	responder_received(f->responder, &p->rx, f->now);
}

static void
send_probe(struct fake *f, uint64_t session, uint64_t seq, const char *from)
{
	struct fake_probe p = probe(session, seq, from);

	deliver(f, &p);
}

static void
test_answer(void **state)
{
	struct fake *f = *state;
	uint64_t session = open_session(f, "10.0.0.2");
	struct fake_probe p = probe(session, 0x1122334455667788ULL, "10.0.0.2");
	struct addr remote = addr("10.0.0.2"), local = addr("10.0.0.1");

	p.message.length = 4096;
	deliver(f, &p);
	assert_int_equal(f->n_sent, 2);
	for (int i = 0; i < 2; i++) {
		const struct sent_ack *sent = &f->sent[i];

		assert_int_equal(sent->message.type, i ? PROBE_WIRE_ACK2 : PROBE_WIRE_ACK1);
		assert_true(sent->message.seq == 0x1122334455667788ULL);
		assert_true(sent->message.session == session);
		assert_int_equal(sent->want_sent, !i);
		assert_true(addr_equal(&sent->ack.remote, &remote) && addr_equal(&sent->ack.local, &local));
		assert_int_equal(sent->ack.qpn, 77);
		assert_int_equal(sent->ack.qkey, 0x1234);
		assert_int_equal(sent->ack.flow_label, 0xbeef);
		assert_int_equal(sent->ack.traffic_class, 96);
		assert_int_equal(sent->ack.service_level, 3);
	}
	assert_int_equal(f->sent[1].message.ack2.delay_ns, 700);
	assert_int_equal(f->sent[1].message.ack2.t3_ns, 5000);
	assert_int_equal(f->sent[1].message.ack2.error_ns, 70);
	assert_int_equal(f->sent[1].message.ack2.clock, PROBE_CLOCK_SW);
	assert_int_equal(stats_of(f).probes, 1);
	assert_int_equal(stats_of(f).ack1, 1);
	assert_int_equal(stats_of(f).ack2, 1);
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
		send_probe(f, session, i, "10.0.0.2");
		cookie[i] = f->sent[i].ack.cookie;
	}
	assert_int_equal(f->n_sent, 3);
	assert_true(cookie[0] != cookie[1] && cookie[1] != cookie[2] && cookie[0] != cookie[2]);
	responder_sent(f->responder, cookie[2], 0, 9000, 11, f->now);
	assert_int_equal(f->n_sent, 4);
	assert_int_equal(f->sent[3].message.type, PROBE_WIRE_ACK2);
	assert_int_equal(f->sent[3].message.seq, 2);
	assert_int_equal(f->sent[3].message.ack2.delay_ns, 4000);
	assert_int_equal(f->sent[3].message.ack2.error_ns, 51);
	responder_sent(f->responder, cookie[0], -EIO, 0, 0, f->now);
	assert_int_equal(f->n_sent, 4);
	assert_int_equal(stats_of(f).send_errors, 1);
	/* Twice, and of ACK2 itself: nothing. */
	responder_sent(f->responder, cookie[2], 0, 9000, 11, f->now);
	responder_sent(f->responder, f->sent[3].ack.cookie, 0, 9000, 11, f->now);
	assert_int_equal(f->n_sent, 4);
	/* The session has gone meanwhile. */
	set_limits(f, NULL, 1000, 1000);
	responder_sent(f->responder, cookie[1], 0, 9000, 11, f->now);
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
	f->t4_ns = 4000;
	send_probe(f, session, 1, "10.0.0.2");
	assert_int_equal(f->sent[1].message.ack2.delay_ns, 0);
	assert_int_equal(f->sent[1].message.ack2.error_ns, 1000);
	/* Two clocks: nothing is known. */
	f->t4_ns = 6000;
	f->t4_clock = PROBE_CLOCK_HW;
	send_probe(f, session, 2, "10.0.0.2");
	assert_int_equal(f->sent[3].message.ack2.delay_ns, 0);
	assert_int_equal(f->sent[3].message.ack2.error_ns, UINT32_MAX);
	assert_int_equal(f->sent[3].message.ack2.clock, PROBE_CLOCK_SW);
	p = probe(session, 3, "10.0.0.2");
	p.rx.clock = PROBE_CLOCK_HW;
	p.rx.error_ns = UINT64_MAX;
	deliver(f, &p);
	assert_int_equal(f->sent[5].message.ack2.delay_ns, 1000);
	assert_int_equal(f->sent[5].message.ack2.error_ns, UINT32_MAX);
	assert_int_equal(f->sent[5].message.ack2.clock, PROBE_CLOCK_HW);
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

static void
test_admit(void **state)
{
	struct fake *f = *state;
	struct addr inside = addr("10.0.0.2"), other = addr("10.0.0.3"), outside = addr("11.0.0.2");
	struct responder_open_request request = open_request("11.0.0.2", 1);
	uint64_t session;

	assert_int_equal(responder_admit(f->responder, &outside, f->now), -EACCES);
	assert_int_equal(responder_open(f->responder, &request, f->now, &session), -EACCES);
	assert_int_equal(stats_of(f).refused_network, 2);
	for (int i = 0; i < RESPONDER_OPENS_PER_S; i++)
		assert_int_equal(responder_admit(f->responder, &inside, f->now), 0);
	assert_int_equal(responder_admit(f->responder, &inside, f->now), -EBUSY);
	assert_int_equal(responder_admit(f->responder, &other, f->now), 0);
	assert_int_equal(stats_of(f).refused_opens, 1);
	/* Opening and closing a session does not bring the tokens back. */
	open_session(f, "10.0.0.2");
	responder_close_device(f->responder, &nic_a);
	assert_int_equal(responder_admit(f->responder, &inside, f->now), -EBUSY);
	f->now += SEC / RESPONDER_OPENS_PER_S;
	assert_int_equal(responder_admit(f->responder, &inside, f->now), 0);
	assert_int_equal(responder_admit(f->responder, &inside, f->now), -EBUSY);
	set_limits(f, NULL, 1, 1);
	assert_int_equal(responder_admit(f->responder, &inside, f->now + SEC), -EACCES);
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
	/* Another incarnation closes the older one. */
	request = open_request("10.0.0.2", 2);
	request.qkey = 0x9999;
	assert_int_equal(responder_open(f->responder, &request, f->now, &again), 0);
	assert_true(again != first);
	assert_int_equal(stats_of(f).sessions, 3);
	send_probe(f, first, 1, "10.0.0.2");
	assert_int_equal(stats_of(f).unknown_session, 1);
	send_probe(f, again, 1, "10.0.0.2");
	assert_int_equal(f->sent[0].ack.qkey, 0x9999);
	responder_close_device(f->responder, &nic_b);
	assert_int_equal(stats_of(f).sessions, 2);
	responder_close_device(f->responder, &nic_a);
	assert_int_equal(stats_of(f).sessions, 0);
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

/* T3 stays that of arrival while the path is prepared. */
static void
test_held(void **state)
{
	struct fake *f = *state;
	struct addr local = addr("10.0.0.1"), remote = addr("10.0.0.2"), other = addr("10.0.0.3");
	uint64_t session = open_session(f, "10.0.0.2");

	f->status = -EAGAIN;
	for (uint64_t i = 0; i < RESPONDER_HELD_MAX + 2; i++)
		send_probe(f, session, i, "10.0.0.2");
	assert_int_equal(stats_of(f).held, RESPONDER_HELD_MAX);
	assert_int_equal(stats_of(f).held_dropped, 2);
	f->now += 100 * MS;
	responder_path_ready(f->responder, &nic_a, &local, &remote, f->now);
	assert_int_equal(f->n_sent, 0);
	f->status = 0;
	f->t4_ns = 5000 + 100 * MS;
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

static struct addr
nth_addr(uint32_t i)
{
	struct addr a = addr("10.0.0.0");

	a.raw[13] = (uint8_t)(i >> 16);
	a.raw[14] = (uint8_t)(i >> 8);
	a.raw[15] = (uint8_t)i;
	return a;
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
	}
	request.remote = nth_addr(3000);
	assert_int_equal(responder_open(f->responder, &request, f->now, &number), -EBUSY);
	assert_int_equal(stats_of(f).refused_opens, 1);
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

		assert_int_equal(responder_admit(f->responder, &a, f->now), 0);
		assert_true(f->responder->n_sources <= 3000);
	}
	f->now += 10 * SEC;
	request.remote = nth_addr(1);
	assert_int_equal(responder_admit(f->responder, &request.remote, f->now), 0);
	assert_int_equal(f->responder->n_sources, 1);
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
	responder_sent(f->responder, first, 0, 9000, 0, f->now);
	assert_int_equal(f->n_sent, 1);
	responder_sent(f->responder, f->sent[0].ack.cookie, 0, 9000, 0, f->now);
	assert_int_equal(f->n_sent, 2);
}

#define WITH_FAKE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FAKE(test_answer),
		WITH_FAKE(test_completions),
		WITH_FAKE(test_send_errors),
		WITH_FAKE(test_measure),
		WITH_FAKE(test_refused),
		WITH_FAKE(test_admit),
		WITH_FAKE(test_limit_of_source),
		WITH_FAKE(test_limit_in_all),
		WITH_FAKE(test_sessions),
		WITH_FAKE(test_idle),
		WITH_FAKE(test_allow_list_change),
		WITH_FAKE(test_held),
		WITH_FAKE(test_held_dropped),
		WITH_FAKE(test_bounds),
		WITH_FAKE(test_pending_overflow),
	};

	return cmocka_run_group_tests_name("responder", tests, NULL, NULL);
}

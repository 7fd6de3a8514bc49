/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A world for the responder under test: what it wants sent is recorded, and answered as the test
 * says.
 */
#ifndef RPINGMESH_TESTS_RESPONDER_FAKE_H
#define RPINGMESH_TESTS_RESPONDER_FAKE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/clock.h"
#include "core/keys.h"
#include "probe/auth.h"
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
	struct hwclock_moment t4;
	uint16_t src_port;
	uint8_t hop_limit;
	struct sent_ack sent[ROOM];
	uint32_t n_sent;
	uint32_t n_calls;
	const struct keys *keys; /* that each ACK must be signed with */
};

static int nic_a;

static inline int
fake_send(void *arg, void *device_user, const struct responder_ack *ack, bool want_sent,
	  struct responder_tx *tx)
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
	assert_true(auth_check(f->keys, ack->payload, ack->size));
	assert_in_range(ack->size, PROBE_WIRE_SIZE_MIN, PROBE_WIRE_ACK_MAX);
	assert_int_equal(wire_decode(ack->payload, ack->size, &sent->message), 0);
	f->n_sent++;
	*tx = (struct responder_tx){
		.t4 = f->t4,
		.done = f->done,
		.src_port = f->src_port,
		.hop_limit = f->hop_limit,
	};
	return 0;
}

static const struct responder_ops fake_ops = {.send = fake_send};

static inline struct addr
addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static inline void
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

static inline int
setup(void **state)
{
	struct fake *f = calloc(1, sizeof(*f));
	struct responder_config config = {.ops = &fake_ops, .random = 42};

	assert_non_null(f);
	config.arg = f;
	f->now = 100 * SEC;
	f->done = true;
	f->t4 = (struct hwclock_moment){.ns = 5000 + 700, .error_ns = 30};
	assert_int_equal(responder_new(&config, &f->responder), 0);
	set_limits(f, "10.0.0.0/8", 1000, 100000);
	*state = f;
	return 0;
}

static inline int
teardown(void **state)
{
	struct fake *f = *state;

	responder_free(f->responder);
	free(f);
	return 0;
}

static inline struct responder_stats
stats_of(const struct fake *f)
{
	struct responder_stats stats;

	responder_stats(f->responder, &stats);
	return stats;
}

static inline struct responder_open_request
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

static inline uint64_t
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

static inline struct fake_probe
probe(uint64_t session, uint64_t seq, const char *from)
{
	return (struct fake_probe){
		.message = {
			.type = PROBE_WIRE_PROBE,
			.length = 50,
			.seq = seq,
			.session = session,
			.probe = {.ack_flow_label = 0xbeef, .ack_traffic_class = 96,
			.ack_service_level = 3},
		},
		.rx = {
			.device_user = &nic_a,
			.src = addr(from),
			.dst = addr("10.0.0.1"),
			.src_qpn = 77,
			.t3 = {.ns = 5000, .error_ns = 40},
		},
	};
}

static inline void
deliver(struct fake *f, struct fake_probe *p)
{
	wire_encode(&p->message, p->payload);
	p->rx.payload = p->payload;
	p->rx.len = p->message.length;
	responder_received(f->responder, &p->rx, f->now);
}

static inline void
send_probe(struct fake *f, uint64_t session, uint64_t seq, const char *from)
{
	struct fake_probe p = probe(session, seq, from);

	deliver(f, &p);
}

#define WITH_FAKE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif

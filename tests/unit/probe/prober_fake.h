/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A world for the prober under test: a virtual clock, a network that does only what the test says,
 * and a record of all that the prober wanted done.
 */
#ifndef RPINGMESH_TESTS_PROBER_FAKE_H
#define RPINGMESH_TESTS_PROBER_FAKE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/clock.h"
#include "probe/prober.h"
#include "probe/wire.h"

#define MS NSEC_PER_MSEC
#define SEC NSEC_PER_SEC
#define TIMEOUT (500 * MS)
#define FAKE_ROOM 4096

/* A probe on the wire. */
struct fake_packet {
	uint64_t seq, session, at_ns;
	uint32_t cookie, size, flow_label;
	void *peer_user;
	uint8_t head[PROBE_WIRE_SIZE_MIN];
};

struct fake_result {
	void *user;
	struct probe_result r;
};

struct fake {
	struct prober *prober;
	struct prober_device *device;
	uint64_t now;
	/* What send() answers. */
	int send_status;
	const char *send_reason;
	bool send_done;
	struct addr source;
	uint16_t src_port; /* 0: 50000 */
	struct hwclock_moment
		t2; /* of the last send; ticks and stamped are left as the test has set them */
	/* What was wanted. */
	struct fake_packet packet[FAKE_ROOM];
	uint32_t n_packets;
	struct fake_result result[FAKE_ROOM];
	uint32_t n_results;
	struct fake_result corrected[FAKE_ROOM];
	uint32_t n_corrected;
	void *done[FAKE_ROOM];
	uint32_t n_done;
	uint32_t n_resolves, n_states;
	uint64_t resolve_at[FAKE_ROOM];
	void *resolve_user;
	enum prober_peer_state last_from, last_to;
	struct wire_message echo; /* the last one */
	uint32_t n_echoes;
	bool in_callback;
	/* Called from within the callbacks, if set. */
	void (*on_result)(struct fake *f, void *user);
	void (*on_done)(struct fake *f, void *user);
};

static inline int
fake_send(void *arg, void *peer_user, const struct prober_packet *packet, struct prober_tx *tx,
	  const char **reason)
{
	struct fake *f = arg;
	struct wire_message m;

	assert_int_equal(wire_decode(packet->payload, packet->size, &m), 0);
	assert_int_equal(packet->echo, m.type == PROBE_WIRE_ECHO);
	if (m.type == PROBE_WIRE_ECHO) {
		f->echo = m;
		f->n_echoes++;
		*tx = (struct prober_tx){.t1_ns = f->now, .done = true};
		return f->send_status;
	}
	assert_int_equal(m.type, PROBE_WIRE_PROBE);
	assert_int_equal((uint32_t)m.seq, packet->cookie);
	assert_int_equal(m.probe.ack_flow_label, packet->flow_label);
	if (f->send_status < 0) {
		if (f->send_reason)
			*reason = f->send_reason;
		return f->send_status;
	}
	assert_true(f->n_packets < FAKE_ROOM);
	f->packet[f->n_packets++] = (struct fake_packet){
		.seq = m.seq,
		.session = m.session,
		.at_ns = f->now,
		.cookie = packet->cookie,
		.size = packet->size,
		.flow_label = packet->flow_label,
		.peer_user = peer_user,
	};
	memcpy(f->packet[f->n_packets - 1].head, packet->payload, PROBE_WIRE_SIZE_MIN);
	f->t2.ns = f->send_done ? f->now + 1000 : 0;
	f->t2.error_ns = f->send_done ? 10 : 0;
	*tx = (struct prober_tx){
		.t1_ns = f->now,
		.t2 = f->t2,
		.done = f->send_done,
		.source = f->source,
		.src_port = f->src_port ? f->src_port : 50000,
		.hop_limit = 64,
		.path = PROBE_PATH_EXACT,
	};
	return 0;
}

static inline void
fake_resolve(void *arg, void *peer_user)
{
	struct fake *f = arg;

	assert_true(f->n_resolves < FAKE_ROOM);
	f->resolve_at[f->n_resolves++] = f->now;
	f->resolve_user = peer_user;
}

static inline void
fake_result(void *arg, void *target_user, const struct probe_result *r)
{
	struct fake *f = arg;

	assert_true(f->n_results < FAKE_ROOM);
	assert_false(f->in_callback);
	f->in_callback = true;
	f->result[f->n_results++] = (struct fake_result){target_user, *r};
	if (f->on_result)
		f->on_result(f, target_user);
	f->in_callback = false;
}

static inline void
fake_corrected(void *arg, void *target_user, const struct probe_result *r)
{
	struct fake *f = arg;

	assert_true(f->n_corrected < FAKE_ROOM);
	assert_false(f->in_callback);
	f->corrected[f->n_corrected++] = (struct fake_result){target_user, *r};
}

static inline void
fake_target_done(void *arg, void *target_user)
{
	struct fake *f = arg;

	assert_true(f->n_done < FAKE_ROOM);
	assert_false(f->in_callback);
	f->in_callback = true;
	f->done[f->n_done++] = target_user;
	if (f->on_done)
		f->on_done(f, target_user);
	f->in_callback = false;
}

static inline void
fake_peer_state(void *arg, void *peer_user, enum prober_peer_state from, enum prober_peer_state to)
{
	struct fake *f = arg;

	(void)peer_user;
	assert_true(from != to);
	f->n_states++;
	f->last_from = from;
	f->last_to = to;
}

static const struct prober_ops fake_ops = {
	.send = fake_send,
	.resolve = fake_resolve,
	.result = fake_result,
	.corrected = fake_corrected,
	.target_done = fake_target_done,
	.peer_state = fake_peer_state,
};

/* With one device that is up and may send 10,000 probes/s. */
static inline int
fake_setup(void **state)
{
	struct fake *f = calloc(1, sizeof(*f));
	struct prober_config config = {
		.ops = &fake_ops,
		.timeout_ns = TIMEOUT,
		.epoch = 0xfeedface,
		.random = 1,
	};

	assert_non_null(f);
	config.arg = f;
	f->now = 100 * SEC;
	f->send_done = true;
	assert_int_equal(prober_new(&config, &f->prober), 0);
	assert_int_equal(prober_device_add(f->prober, 10000, &f->device), 0);
	prober_device_up(f->device, f->now);
	*state = f;
	return 0;
}

static inline int
fake_teardown(void **state)
{
	struct fake *f = *state;

	prober_free(f->prober);
	free(f);
	return 0;
}

/* Lets time pass, with the prober called exactly when it wants to be. */
static inline void
fake_run_to(struct fake *f, uint64_t until_ns)
{
	uint64_t next;

	while ((next = prober_next_ns(f->prober)) <= until_ns) {
		if (next > f->now)
			f->now = next;
		prober_advance(f->prober, f->now);
	}
	f->now = until_ns;
}

static inline void
fake_run(struct fake *f, uint64_t ns)
{
	fake_run_to(f, f->now + ns);
}

static inline struct prober_session
fake_session(uint64_t incarnation, uint64_t session)
{
	struct prober_session s = {.qpn = 17,
				   .incarnation = incarnation,
				   .session = session,
				   .max_size = 4096};

	s.addr.raw[15] = 2;
	return s;
}

static inline struct prober_peer *
fake_peer(struct fake *f, void *user)
{
	struct prober_peer *peer;

	assert_int_equal(prober_peer_add(f->prober, f->device, user, f->now, &peer), 0);
	return peer;
}

/* A peer that has been resolved, session 500 of incarnation 1. */
static inline struct prober_peer *
fake_peer_up(struct fake *f, void *user)
{
	struct prober_peer *peer = fake_peer(f, user);
	struct prober_session session = fake_session(1, 500);

	fake_run(f, 0);
	prober_resolved(peer, &session, f->now, f->now);
	return peer;
}

static inline struct prober_target_config
fake_target_config(uint64_t interval_ns)
{
	return (struct prober_target_config){
		.kind = PROBE_KIND_MESH,
		.interval_ns = interval_ns,
		.sizes = {50},
		.n_sizes = 1,
		.flow_label = 0x12345,
		.traffic_class = 96,
		.service_level = 3,
	};
}

static inline struct prober_target *
fake_target(struct fake *f, struct prober_peer *peer, uint64_t interval_ns, uint64_t count)
{
	struct prober_target_config config = fake_target_config(interval_ns);
	struct prober_target *target;

	config.count = count;
	assert_int_equal(prober_target_add(peer, &config, f, f->now, &target), 0);
	return target;
}

static inline enum prober_peer_state
fake_state(const struct prober_peer *peer)
{
	struct prober_peer_info info;

	prober_peer_info(peer, &info);
	return info.state;
}

/* An ACK as it would arrive now; to be bent by the test before it is delivered. */
struct fake_ack {
	struct wire_message message;
	struct prober_rx rx;
};

static inline struct fake_ack
fake_ack(const struct fake *f, uint32_t packet, enum probe_wire_type type)
{
	const struct prober_session session = fake_session(1, 500);
	struct fake_ack ack = {
		.message = {
			.type = type,
			.length = PROBE_WIRE_SIZE_MIN,
			.seq = f->packet[packet].seq,
			.session = f->packet[packet].session,
		},
		.rx = {.src = session.addr, .src_qpn = session.qpn, .t5 = {.ns = f->now - 500,
		.error_ns = 20}},
	};

	if (type == PROBE_WIRE_ACK2) {
		ack.message.ack2.delay_ns = 3000;
		ack.message.ack2.t3_ns = 7000000;
		ack.message.ack2.error_ns = 5;
		ack.message.ack2.src_port = 49153;
	}
	return ack;
}

static inline void
fake_deliver(struct fake *f, struct fake_ack *ack)
{
	uint8_t payload[PROBE_WIRE_SIZE_MIN];

	wire_encode(&ack->message, payload);
	ack->rx.payload = payload;
	ack->rx.len = sizeof(payload);
	prober_received(f->prober, &ack->rx, f->now);
}

/* The send completion of a packet. */
static inline void
fake_sent(struct fake *f, uint32_t packet, int status, uint64_t t2_ns, uint64_t error_ns)
{
	struct hwclock_moment t2 = {.ns = t2_ns, .error_ns = error_ns};

	prober_sent(f->prober, f->packet[packet].cookie, status, &t2, f->now);
}

static inline void
fake_ack1(struct fake *f, uint32_t packet)
{
	struct fake_ack ack = fake_ack(f, packet, PROBE_WIRE_ACK1);

	fake_deliver(f, &ack);
}

static inline void
fake_ack2(struct fake *f, uint32_t packet)
{
	struct fake_ack ack = fake_ack(f, packet, PROBE_WIRE_ACK2);

	fake_deliver(f, &ack);
}

static inline void
fake_acks(struct fake *f, uint32_t packet)
{
	fake_ack1(f, packet);
	fake_ack2(f, packet);
}

static inline const struct probe_result *
fake_last(const struct fake *f)
{
	assert_true(f->n_results > 0);
	return &f->result[f->n_results - 1].r;
}

static inline void
fake_check_totals(const struct fake *f)
{
	struct prober_stats stats;
	uint64_t sum = 0;

	prober_stats(f->prober, &stats);
	for (int i = 0; i < PROBE_CLASS_N; i++)
		sum += stats.totals.by_class[i];
	assert_int_equal(stats.totals.due, sum + stats.in_flight);
}

#define WITH_FAKE(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What the responder knows about the streams of probes that arrive. */
#include <stdio.h>

#include "responder_fake.h"

static uint64_t
open_strong(struct fake *f, const char *remote)
{
	struct responder_open_request request = open_request(remote, 1);
	struct fake_probe p;
	uint64_t session = 0;

	request.challenge = true;
	assert_int_equal(responder_open(f->responder, &request, f->now, &session), 0);
	p = probe(session, 1, remote);
	p.message.probe.src_port = 50001;
	p.message.probe.back_routers = 3;
	deliver(f, &p);
	assert_int_equal(f->sent[0].message.type, PROBE_WIRE_CHALLENGE);
	/* The probe of a prober that may be forged is nothing that was heard of it. */
	assert_null(responder_way_next(f->responder, NULL));
	p.message.type = PROBE_WIRE_ECHO;
	p.message.token = f->sent[0].message.token;
	deliver(f, &p);
	f->n_sent = 0;
	return session;
}

static struct responder_way_info
only_way(const struct fake *f)
{
	const struct responder_way *way = responder_way_next(f->responder, NULL);
	struct responder_way_info info;

	assert_non_null(way);
	assert_null(responder_way_next(f->responder, way));
	responder_way_info(way, &info);
	return info;
}

static void
arrive(struct fake *f, uint64_t session, uint32_t flow_label, uint8_t back)
{
	struct fake_probe p = probe(session, 2, "10.0.0.2");

	p.message.probe.ack_flow_label = flow_label;
	p.message.probe.src_port = 50001;
	p.message.probe.back_routers = back;
	deliver(f, &p);
	f->n_sent = 0;
}

/* All that is needed to trace the way back, from the probes of one stream. */
static void
test_way(void **state)
{
	struct fake *f = *state;
	struct addr local = addr("10.0.0.1"), remote = addr("10.0.0.2");
	struct responder_way_info info;
	uint64_t session;

	f->src_port = 49153;
	session = open_strong(f, "10.0.0.2");
	info = only_way(f);
	assert_ptr_equal(info.device_user, &nic_a);
	assert_true(addr_equal(&info.local, &local) && addr_equal(&info.remote, &remote));
	assert_int_equal(info.src_port, 50001);
	assert_int_equal(info.back_src_port, 49153);
	assert_int_equal(info.flow_label, 0xbeef);
	assert_int_equal(info.traffic_class, 96);
	assert_int_equal(info.remote_qpn, 77);
	assert_int_equal(info.routers_back, 2);
	assert_int_equal(info.received, 1);
	f->now += SEC;
	arrive(f, session, 0xbeef, 3);
	arrive(f, session, 0xbeef, 3);
	info = only_way(f);
	assert_int_equal(info.received, 3);
	assert_true(info.last_ns == f->now);
	/* The prober is not sure any more. */
	arrive(f, session, 0xbeef, 0);
	assert_int_equal(only_way(f).routers_back, -1);
	assert_int_equal(stats_of(f).ways, 1);
}

/* A session of an older build may be forged by a third host, which would have others traced. */
static void
test_older(void **state)
{
	struct fake *f = *state;
	uint64_t session = open_session(f, "10.0.0.2");

	for (int i = 0; i < 3; i++)
		arrive(f, session, 0xbeef, 3);
	assert_int_equal(only_way(f).routers_back, -1);
}

/* Each probe is taken once: answered ones, refused ones, and those that wait for the path back. */
static void
test_heard(void **state)
{
	struct fake *f = *state;
	uint64_t session = open_strong(f, "10.0.0.2");
	struct responder_way_info info;

	arrive(f, session, 0xbeef, 3);
	arrive(f, session, 0xcafe, 3);
	assert_int_equal(stats_of(f).ways, 2);
	assert_int_equal(responder_take_heard(f->responder, &info), 2);
	assert_int_equal(info.flow_label, 0xbeef);
	assert_int_equal(responder_take_heard(f->responder, &info), 1);
	assert_int_equal(info.flow_label, 0xcafe);
	assert_int_equal(responder_take_heard(f->responder, &info), 0);
	f->status = -EAGAIN;
	arrive(f, session, 0xcafe, 3);
	f->status = 0;
	for (int i = 0; i < 2000; i++)
		arrive(f, session, 0xcafe, 3);
	assert_true(stats_of(f).refused_source > 0);
	assert_int_equal(responder_take_heard(f->responder, &info), 2001);
	assert_int_equal(info.flow_label, 0xcafe);
	assert_int_equal(info.received, 2002);
	assert_int_equal(responder_take_heard(f->responder, &info), 0);
}

/* A stream that ends is forgotten, though its session lives on; with the session, all are. */
static void
test_forgotten(void **state)
{
	struct fake *f = *state;
	uint64_t session = open_strong(f, "10.0.0.2"), start = f->now;
	struct responder_way_info info;

	assert_int_equal(only_way(f).flow_label, 0xbeef);
	f->now += RESPONDER_IDLE_NS / 2;
	arrive(f, session, 0xcafe, 3);
	assert_true(responder_next_ns(f->responder) == start + RESPONDER_IDLE_NS);
	f->now = start + RESPONDER_IDLE_NS;
	responder_advance(f->responder, f->now);
	assert_int_equal(only_way(f).flow_label, 0xcafe);
	assert_int_equal(responder_take_heard(f->responder, &info), 1);
	assert_int_equal(info.flow_label, 0xcafe);
	arrive(f, session, 0xcafe, 3);
	responder_close_device(f->responder, &nic_a);
	assert_null(responder_way_next(f->responder, NULL));
	assert_int_equal(responder_take_heard(f->responder, &info), 0);
	assert_int_equal(stats_of(f).ways, 0);
}

/* One prober has so many ways, and all together so many; the rest is counted, and answered. */
static void
test_bounds(void **state)
{
	struct fake *f = *state;
	uint32_t n = RESPONDER_WAYS_SOURCE_MAX, hosts = RESPONDER_WAYS_MAX / n + 1;
	const struct responder_way *way = NULL;
	uint32_t walked = 0;

	set_limits(f, "10.0.0.0/8", 1000000, 1000000);
	for (uint32_t host = 0; host < hosts; host++) {
		char from[ADDR_TEXT];
		uint64_t session;

		snprintf(from, sizeof(from), "10.0.1.%u", host);
		f->now += SEC;
		session = open_session(f, from);
		for (uint32_t label = 0; label <= n; label++) {
			struct fake_probe p = probe(session, label, from);

			p.message.probe.ack_flow_label = label;
			deliver(f, &p);
			assert_int_equal(f->n_sent, 2);
			f->n_sent = 0;
		}
		assert_int_equal(stats_of(f).ways, host < hosts - 1 ? (host + 1) * n :
								      RESPONDER_WAYS_MAX);
	}
	assert_int_equal(stats_of(f).unknown_ways, hosts - 1 + n + 1);
	while ((way = responder_way_next(f->responder, way)))
		walked++;
	assert_int_equal(walked, RESPONDER_WAYS_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FAKE(test_way),
		WITH_FAKE(test_older),
		WITH_FAKE(test_heard),
		WITH_FAKE(test_forgotten),
		WITH_FAKE(test_bounds),
	};

	return cmocka_run_group_tests_name("responder_way", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* How a device's budget is shared between service flows and all other targets. */
#include "prober_fake.h"

#include <stdio.h>
#include <time.h>

#define BUDGET 150
#define MANY 10000

/* A world that counts what was sent, answers it at once, and knows targets by their flow label. */
struct share {
	struct prober *prober;
	struct prober_device *device;
	struct prober_peer *peer;
	uint64_t now;
	uint32_t sent[2];         /* mesh, service */
	uint32_t of_target[MANY];
	uint64_t answer[PROBER_SEND_BATCH]; /* sequence numbers of what was just sent */
	uint32_t n_answers, results;
	int send_status;
	bool send_fails_service;
};

#define LABEL_SERVICE 0x80000

static int
share_send(void *arg, void *peer_user, const struct prober_packet *packet, struct prober_tx *tx,
	   const char **reason)
{
	struct share *s = arg;
	bool service = packet->flow_label & LABEL_SERVICE;
	struct wire_message m;

	(void)peer_user;
	(void)reason;
	if (s->send_status < 0 && (service || !s->send_fails_service))
		return s->send_status;
	assert_int_equal(wire_decode(packet->payload, packet->size, &m), 0);
	assert_true(s->n_answers < PROBER_SEND_BATCH);
	s->answer[s->n_answers++] = m.seq;
	s->sent[service]++;
	if (service)
		s->of_target[packet->flow_label & ~LABEL_SERVICE]++;
	*tx = (struct prober_tx){.t1_ns = s->now, .t2.ns = s->now, .done = true};
	return 0;
}

static void
share_resolve(void *arg, void *peer_user)
{
	(void)arg;
	(void)peer_user;
}

static void
share_result(void *arg, void *target_user, const struct probe_result *r)
{
	struct share *s = arg;

	(void)target_user;
	(void)r;
	s->results++;
}

static void
share_target_done(void *arg, void *target_user)
{
	(void)arg;
	(void)target_user;
}

static void
share_peer_state(void *arg, void *peer_user, enum prober_peer_state from, enum prober_peer_state to)
{
	(void)arg;
	(void)peer_user;
	(void)from;
	(void)to;
}

static const struct prober_ops share_ops = {
	.send = share_send,
	.resolve = share_resolve,
	.result = share_result,
	.target_done = share_target_done,
	.peer_state = share_peer_state,
};

static int
share_setup(void **state)
{
	struct share *s = calloc(1, sizeof(*s));
	struct prober_session session = fake_session(1, 500);
	struct prober_config config = {.ops = &share_ops,
				       .arg = s,
				       .timeout_ns = TIMEOUT,
				       .epoch = 1,
				       .random = 1};

	assert_non_null(s);
	s->now = 100 * SEC;
	assert_int_equal(prober_new(&config, &s->prober), 0);
	assert_int_equal(prober_device_add(s->prober, BUDGET, &s->device), 0);
	prober_device_up(s->device, s->now);
	assert_int_equal(prober_peer_add(s->prober, s->device, s, s->now, &s->peer), 0);
	prober_advance(s->prober, s->now);
	prober_resolved(s->peer, &session, s->now, s->now);
	*state = s;
	return 0;
}

static int
share_teardown(void **state)
{
	struct share *s = *state;

	prober_free(s->prober);
	free(s);
	return 0;
}

static void
share_deliver(struct share *s, uint64_t seq, enum probe_wire_type type)
{
	const struct prober_session session = fake_session(1, 500);
	struct wire_message m = {.type = type,
				 .length = PROBE_WIRE_SIZE_MIN,
				 .seq = seq,
				 .session = session.session};
	struct prober_rx rx = {.src = session.addr, .src_qpn = session.qpn, .t5.ns = s->now};
	uint8_t payload[PROBE_WIRE_SIZE_MIN];

	wire_encode(&m, payload);
	rx.payload = payload;
	rx.len = sizeof(payload);
	prober_received(s->prober, &rx, s->now);
}

static void
share_advance(struct share *s)
{
	prober_advance(s->prober, s->now);
	for (uint32_t i = 0; i < s->n_answers; i++) {
		share_deliver(s, s->answer[i], PROBE_WIRE_ACK1);
		share_deliver(s, s->answer[i], PROBE_WIRE_ACK2);
	}
	s->n_answers = 0;
}

static void
share_run(struct share *s, uint64_t ns)
{
	uint64_t until_ns = s->now + ns, next;

	while ((next = prober_next_ns(s->prober)) <= until_ns) {
		if (next > s->now)
			s->now = next;
		share_advance(s);
	}
	s->now = until_ns;
}

/* What was sent in the next so many nanoseconds. */
static void
share_measure(struct share *s, uint64_t ns)
{
	memset(s->sent, 0, sizeof(s->sent));
	memset(s->of_target, 0, sizeof(s->of_target));
	share_run(s, ns);
}

static void
share_add(struct share *s, enum probe_kind kind, uint32_t n, uint64_t interval_ns)
{
	struct prober_target_config config = fake_target_config(interval_ns);
	struct prober_target *target;

	config.kind = kind;
	config.phase_ns = PROBER_PHASE_RANDOM;
	for (uint32_t i = 0; i < n; i++) {
		config.flow_label = kind == PROBE_KIND_SERVICE ? LABEL_SERVICE | i : i;
		assert_int_equal(prober_target_add(s->peer, &config, s, s->now, &target), 0);
	}
}

/*
 * 5 mesh targets want 50/s and get them; 10,000 service targets get the rest, each once before any
 * gets a second one.
 */
static void
test_mesh_does_not_starve(void **state)
{
	struct share *s = *state;
	uint32_t most = 0;

	share_add(s, PROBE_KIND_SERVICE, MANY, 10 * MS);
	share_run(s, SEC);
	share_add(s, PROBE_KIND_MESH, 5, 100 * MS);
	share_run(s, SEC);
	share_measure(s, 60 * SEC);
	assert_in_range(s->sent[0], 50 * 60 - 2, 50 * 60 + 2);
	assert_in_range(s->sent[0] + s->sent[1], BUDGET * 60 - 2, BUDGET * 60 + 2);
	for (int i = 0; i < MANY; i++)
		most = s->of_target[i] > most ? s->of_target[i] : most;
	assert_int_equal(most, 1);
}

static void
test_service_does_not_starve(void **state)
{
	struct share *s = *state;

	share_add(s, PROBE_KIND_MESH, 1000, 10 * MS);
	share_add(s, PROBE_KIND_PING, 1000, 10 * MS);
	share_run(s, SEC);
	share_add(s, PROBE_KIND_SERVICE, 4, 100 * MS);
	share_run(s, SEC);
	share_measure(s, 60 * SEC);
	assert_in_range(s->sent[1], 40 * 60 - 2, 40 * 60 + 2);
	assert_in_range(s->sent[0] + s->sent[1], BUDGET * 60 - 2, BUDGET * 60 + 2);
}

/*
 * Half each when both want more, also where the budget is odd or tiny; all for one that is alone.
 */
static void
test_halves(void **state)
{
	static const uint32_t rates[] = {1, 2, 3, 7, 75, 149, 150, 151, 999};
	struct share *s = *state;

	share_add(s, PROBE_KIND_SERVICE, 500, 10 * MS);
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		prober_device_set_rate(s->device, rates[i]);
		share_run(s, 10 * SEC);
		share_measure(s, 100 * SEC);
		assert_int_equal(s->sent[0], 0);
		assert_in_range(s->sent[1], rates[i] * 100 - 1, rates[i] * 100 + 1);
	}
	share_add(s, PROBE_KIND_MESH, 20, 10 * MS);
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		prober_device_set_rate(s->device, rates[i]);
		share_run(s, 10 * SEC);
		share_measure(s, 100 * SEC);
		assert_in_range(s->sent[0], rates[i] * 50 - 1, rates[i] * 50 + 1);
		assert_in_range(s->sent[1], rates[i] * 50 - 1, rates[i] * 50 + 1);
	}
}

/* Nobody saves up turns while the other one is idle. */
static void
test_no_credit(void **state)
{
	struct share *s = *state;

	share_add(s, PROBE_KIND_SERVICE, 100, 10 * MS);
	share_run(s, 100 * SEC);
	share_add(s, PROBE_KIND_MESH, 100, 10 * MS);
	share_run(s, 20 * MS);
	share_measure(s, SEC);
	assert_in_range(s->sent[0], BUDGET / 2 - 1, BUDGET / 2 + 1);
	assert_in_range(s->sent[1], BUDGET / 2 - 1, BUDGET / 2 + 1);
}

/* Probes that cannot be posted yet use up no turn, those whose post fails do. */
static void
test_failing_posts(void **state)
{
	struct share *s = *state;

	s->send_fails_service = true;
	s->send_status = -EAGAIN;
	share_add(s, PROBE_KIND_SERVICE, 100, 10 * MS);
	share_add(s, PROBE_KIND_MESH, 100, 10 * MS);
	share_run(s, SEC);
	share_measure(s, 10 * SEC);
	assert_in_range(s->sent[0], BUDGET * 10 - 1, BUDGET * 10 + 1);
	s->send_status = -ENOBUFS;
	prober_path_ready(s->peer, s->now);
	share_run(s, SEC);
	share_measure(s, 10 * SEC);
	assert_in_range(s->sent[0], BUDGET * 5 - 1, BUDGET * 5 + 1);
}

/*
 * A device that is down has thousands of service probes fail each second, but tells no more than
 * its budget.
 */
static void
test_device_down(void **state)
{
	struct share *s = *state;
	uint32_t before;

	share_add(s, PROBE_KIND_SERVICE, MANY, 10 * MS);
	share_run(s, 10 * SEC);
	prober_device_down(s->device, "test", s->now);
	share_run(s, SEC);
	before = s->results;
	share_run(s, 10 * SEC);
	assert_in_range(s->results - before, BUDGET * 10 - 2, BUDGET * 10 + 2);
	/* … while mesh probes fail each when it is due. */
	share_add(s, PROBE_KIND_MESH, 100, 100 * MS);
	share_run(s, SEC);
	before = s->results;
	share_run(s, 10 * SEC);
	assert_in_range(s->results - before, 11500 - 2, 11500 + 2);
}

static void
test_figures(void **state)
{
	struct share *s = *state;
	struct prober_device_info info;
	uint64_t skipped_mesh;

	share_add(s, PROBE_KIND_MESH, 2, 10 * MS);
	share_run(s, 10 * SEC);
	prober_device_info(s->device, s->now, &info);
	assert_int_equal(info.posted, s->sent[0]);
	assert_int_equal(info.posted_service, 0);
	assert_int_equal(info.skipped_service, 0);
	assert_in_range(info.posted_last_s, BUDGET - 1, BUDGET + 1);
	assert_int_equal(info.posted_service_last_s, 0);
	share_add(s, PROBE_KIND_SERVICE, 50, 10 * MS);
	prober_device_info(s->device, s->now, &info);
	skipped_mesh = info.skipped;
	share_run(s, 10 * SEC);
	prober_device_info(s->device, s->now, &info);
	assert_int_equal(info.posted, s->sent[0] + s->sent[1]);
	assert_int_equal(info.posted_service, s->sent[1]);
	assert_in_range(info.posted_last_s, BUDGET - 1, BUDGET + 1);
	assert_in_range(info.posted_service_last_s, BUDGET / 2 - 1, BUDGET / 2 + 1);
	/*
	 * 5,000/s are wanted, 75/s are sent; each of the 50 waits 2/3 s, and what it left out is
	 * known afterwards.
	 */
	assert_in_range(info.skipped_service, 49250 - 50 * 67, 49250);
	/* 200/s are wanted, 75/s are sent. */
	assert_in_range(info.skipped - info.skipped_service - skipped_mesh, 1250 - 30, 1250 + 30);
	prober_device_info(s->device, s->now + 5 * SEC, &info);
	assert_int_equal(info.posted_last_s, 0);
}

/*
 * No assertion on time: how much this costs is printed, that a waiting target costs no wake-up is
 * asserted.
 */
static void
test_many_are_cheap(void **state)
{
	struct share *s = *state;
	struct timespec from, to;
	uint32_t advances = 0;
	uint64_t until_ns, next;

	share_add(s, PROBE_KIND_SERVICE, MANY, 10 * MS);
	share_add(s, PROBE_KIND_MESH, 5, 100 * MS);
	share_run(s, SEC);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	until_ns = s->now + 10 * SEC;
	while ((next = prober_next_ns(s->prober)) <= until_ns) {
		s->now = next > s->now ? next : s->now;
		share_advance(s);
		advances++;
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	print_message("10,000 targets, 10 s: %u wake-ups, %.3f ms of CPU\n", advances,
		      (double)(to.tv_sec - from.tv_sec) * 1e3 +
			      (double)(to.tv_nsec - from.tv_nsec) / 1e6);
	/*
	 * For each probe: the token, its due time, its timeout and the one after it, with some
	 * room.
	 */
	assert_true(advances <= 5 * BUDGET * 10);
}

/* Each step halves what all but pings send, at any demand, and nothing is called skipped for it. */
static void
test_throttle_demand(void **state)
{
	struct share *s = *state;
	struct prober_device_info before, after;

	share_add(s, PROBE_KIND_MESH, 64, SEC);
	share_add(s, PROBE_KIND_SERVICE, 32, SEC);
	share_run(s, 10 * SEC);
	for (uint32_t step = 0; step <= 6; step++) {
		prober_set_throttle(s->prober, step, s->now);
		share_run(s, 64 * SEC);
		prober_device_info(s->device, s->now, &before);
		share_measure(s, 64 * SEC);
		prober_device_info(s->device, s->now, &after);
		assert_in_range(s->sent[0], (64 * 64 >> step) - 2, (64 * 64 >> step) + 2);
		assert_in_range(s->sent[1], (32 * 64 >> step) - 2, (32 * 64 >> step) + 2);
		assert_int_equal(after.skipped, before.skipped);
		assert_int_equal(prober_device_throttled_rate(s->device), BUDGET >> step);
	}
}

/* The same where far more is wanted than the budget allows; still half each. */
static void
test_throttle_budget(void **state)
{
	struct share *s = *state;

	share_add(s, PROBE_KIND_MESH, 1000, 10 * MS);
	share_add(s, PROBE_KIND_SERVICE, 1000, 10 * MS);
	share_run(s, 10 * SEC);
	for (uint32_t step = 0; step <= 6; step++) {
		uint32_t rate = BUDGET >> step;

		prober_set_throttle(s->prober, step, s->now);
		share_run(s, 10 * SEC);
		share_measure(s, 100 * SEC);
		assert_in_range(s->sent[0], rate * 50 - 2, rate * 50 + 2);
		assert_in_range(s->sent[1], rate * 50 - 2, rate * 50 + 2);
	}
	prober_device_set_rate(s->device, 10);
	assert_int_equal(prober_device_throttled_rate(s->device), 1);
	share_run(s, 10 * SEC);
	share_measure(s, 100 * SEC);
	assert_in_range(s->sent[0] + s->sent[1], 98, 102);
	prober_set_throttle(s->prober, UINT32_MAX, s->now);
	prober_set_throttle(s->prober, 0, s->now);
	share_run(s, 10 * SEC);
	share_measure(s, 100 * SEC);
	assert_in_range(s->sent[0] + s->sent[1], 998, 1002);
}

/*
 * A ping goes on as fast as before, waits behind nothing that is held back, and stays within the
 * whole budget.
 */
static void
test_throttle_spares_pings(void **state)
{
	struct share *s = *state;

	share_add(s, PROBE_KIND_SERVICE, 1000, 10 * MS);
	share_add(s, PROBE_KIND_PING, 1, 20 * MS);
	prober_set_throttle(s->prober, 6, s->now);
	share_run(s, 10 * SEC);
	share_measure(s, 100 * SEC);
	assert_in_range(s->sent[0], 5000 - 2, 5000 + 2);
	assert_in_range(s->sent[1], (BUDGET >> 6) * 100 - 2, (BUDGET >> 6) * 100 + 2);
	share_add(s, PROBE_KIND_PING, 1000, 10 * MS);
	share_run(s, 10 * SEC);
	share_measure(s, 100 * SEC);
	assert_in_range(s->sent[0] + s->sent[1], BUDGET * 100 - 2, BUDGET * 100 + 2);
}

/*
 * What stood spread over an interval stays spread over the longer and the shorter one: no burst at
 * a step.
 */
static void
test_throttle_spreads(void **state)
{
	struct share *s = *state;

	prober_device_set_rate(s->device, 100000);
	share_add(s, PROBE_KIND_MESH, 2000, SEC);
	share_run(s, 10 * SEC);
	for (uint32_t i = 0; i <= 12; i++) {
		uint32_t step = i <= 6 ? i : 12 - i;

		prober_set_throttle(s->prober, step, s->now);
		for (uint32_t part = 0; part < 8; part++) {
			share_measure(s, (SEC << step) / 8);
			/* 250 would be even; random phases: 6 sigma. */
			assert_in_range(s->sent[0], 250 - 90, 250 + 90);
		}
	}
}

#define WITH_SHARE(test) cmocka_unit_test_setup_teardown(test, share_setup, share_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SHARE(test_mesh_does_not_starve),
		WITH_SHARE(test_service_does_not_starve),
		WITH_SHARE(test_halves),
		WITH_SHARE(test_no_credit),
		WITH_SHARE(test_failing_posts),
		WITH_SHARE(test_device_down),
		WITH_SHARE(test_figures),
		WITH_SHARE(test_many_are_cheap),
		WITH_SHARE(test_throttle_demand),
		WITH_SHARE(test_throttle_budget),
		WITH_SHARE(test_throttle_spares_pings),
		WITH_SHARE(test_throttle_spreads),
	};

	return cmocka_run_group_tests_name("prober_share", tests, NULL, NULL);
}

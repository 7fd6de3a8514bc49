/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: schedules, budgets, counts, and what callbacks may remove. */
#include "prober_fake.h"

static void
test_schedule(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_target_config config = fake_target_config(100 * MS);
	struct prober_device_info info;
	struct prober_target *target;
	uint64_t start = f->now;

	config.phase_ns = 30 * MS;
	assert_int_equal(prober_target_add(peer, &config, f, f->now, &target), 0);
	assert_true(prober_next_ns(f->prober) == start + 30 * MS);
	/* The loop is 20 ms late: the next one is not. */
	f->now = start + 50 * MS;
	prober_advance(f->prober, f->now);
	assert_int_equal(f->n_packets, 1);
	fake_run_to(f, start + 129 * MS);
	assert_int_equal(f->n_packets, 1);
	fake_run_to(f, start + 130 * MS);
	assert_int_equal(f->n_packets, 2);
	/* Late by three intervals and a half: two are left out. */
	f->now = start + 580 * MS;
	fake_run(f, 0);
	assert_int_equal(f->n_packets, 4);
	prober_device_info(f->device, f->now, &info);
	assert_int_equal(info.skipped, 2);
	fake_run_to(f, start + 629 * MS);
	assert_int_equal(f->n_packets, 4);
	fake_run_to(f, start + 630 * MS);
	assert_int_equal(f->n_packets, 5);
	prober_target_remove(target);
	config.phase_ns = PROBER_PHASE_RANDOM;
	assert_int_equal(prober_target_add(peer, &config, f, f->now, &target), 0);
	fake_run(f, 100 * MS - 1);
	assert_int_equal(f->n_packets, 6);
}

/* The time that is left changes in proportion, and then the new interval holds. */
static void
test_interval_changes(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_target_config config = fake_target_config(100 * MS);
	struct prober_target *target;
	uint64_t start = f->now;

	config.phase_ns = 0;
	assert_int_equal(prober_target_add(peer, &config, f, f->now, &target), 0);
	fake_run_to(f, start + 40 * MS);
	assert_int_equal(f->n_packets, 1);
	/* 60 ms of 100 ms are left: 600 ms of a second. */
	prober_target_set_interval(target, SEC, f->now);
	fake_run_to(f, start + 638 * MS);
	assert_int_equal(f->n_packets, 1);
	fake_run_to(f, start + 642 * MS);
	assert_int_equal(f->n_packets, 2);
	fake_run_to(f, start + 1638 * MS);
	assert_int_equal(f->n_packets, 2);
	fake_run_to(f, start + 1642 * MS);
	assert_int_equal(f->n_packets, 3);
	/* At once again, not after the second that was planned. */
	prober_target_set_interval(target, 100 * MS, f->now);
	fake_run_to(f, start + 1742 * MS);
	assert_int_equal(f->n_packets, 4);
}

/* 100 targets want 10,000/s and get 150/s, in turn and spread in time. */
static void
test_budget(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_target *target[100];
	struct prober_device_info info;
	uint32_t least = UINT32_MAX, most = 0;

	prober_device_set_rate(f->device, 150);
	for (int i = 0; i < 100; i++)
		target[i] = fake_target(f, peer, 10 * MS, 0);
	for (uint32_t i = 0; i < 20; i++) {
		fake_run(f, 500 * MS);
		for (uint32_t k = i * 75; k < f->n_packets; k++)
			fake_acks(f, k);
	}
	assert_in_range(f->n_packets, 1500, 1503);
	for (uint32_t i = 4; i < f->n_packets; i++)
		assert_in_range(f->packet[i].at_ns - f->packet[i - 1].at_ns, SEC / 150,
				SEC / 150 + MS);
	for (int i = 0; i < 100; i++) {
		struct prober_target_info t;

		prober_target_info(target[i], &t);
		if (t.totals.posted < least)
			least = (uint32_t)t.totals.posted;
		if (t.totals.posted > most)
			most = (uint32_t)t.totals.posted;
	}
	assert_true(most - least <= 1);
	prober_device_info(f->device, f->now, &info);
	assert_true(info.deferred >= 1400);
	assert_true(info.skipped > 80000);
	fake_check_totals(f);
}

static void
test_batch(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_device_info info;

	prober_device_set_rate(f->device, 1000000);
	for (int i = 0; i < 100; i++)
		fake_target(f, peer, 100 * MS, 0);
	prober_advance(f->prober, f->now);
	assert_int_equal(f->n_packets, PROBER_SEND_BATCH);
	assert_true(prober_next_ns(f->prober) <= f->now);
	prober_advance(f->prober, f->now);
	assert_int_equal(f->n_packets, 2 * PROBER_SEND_BATCH);
	fake_run(f, 0);
	assert_int_equal(f->n_packets, 100);
	prober_device_info(f->device, f->now, &info);
	assert_int_equal(info.deferred, 0);
}

/* Targets of one peer each; the first probe of i leaves after phase_ms[i]. */
static void
together_start(struct fake *f, struct prober_peer *peer[], const uint64_t phase_ms[], size_t n)
{
	struct prober_target_config config = fake_target_config(SEC);
	struct prober_target *target;

	prober_device_set_rate(f->device, 1000);
	for (size_t i = 0; i < n; i++) {
		config.kind = i % 2 ? PROBE_KIND_SERVICE : PROBE_KIND_MESH;
		config.phase_ns = phase_ms[i] * MS;
		assert_int_equal(prober_target_add(peer[i], &config, f, f->now, &target), 0);
	}
}

/* Runs to at_ms, and checks that there have been n probes by then. */
static void
together_check(struct fake *f, uint64_t start, uint64_t at_ms, uint32_t n)
{
	fake_run_to(f, start + at_ms * MS);
	assert_int_equal(f->n_packets, n);
	for (uint32_t i = 0; i < n; i++)
		fake_acks(f, i);
}

/* Who is due within half of the interval leaves with the first, and stays with it. */
static void
test_together(void **state)
{
	static const uint64_t phase_ms[] = {10, 60, 510, 511};
	struct fake *f = *state;
	struct prober_peer *peer[4];
	uint64_t start;

	for (int i = 0; i < 4; i++)
		peer[i] = fake_peer_up(f, f);
	start = f->now;
	together_start(f, peer, phase_ms, 4);
	together_check(f, start, 9, 0);
	together_check(f, start, 10, 3);
	together_check(f, start, 510, 3);
	together_check(f, start, 511, 4);
	together_check(f, start, 1009, 4);
	together_check(f, start, 1010, 7);
	together_check(f, start, 1510, 7);
	together_check(f, start, 1511, 8);
	/* The loop is late: the next round is not. */
	f->now = start + 2050 * MS;
	together_check(f, start, 2050, 11);
	together_check(f, start, 3009, 12);
	together_check(f, start, 3010, 15);
	fake_check_totals(f);
}

/* Six together, no more. */
static void
test_together_limit(void **state)
{
	static const uint64_t phase_ms[] = {0, 1, 2, 3, 4, 5, 6, 7};
	struct fake *f = *state;
	struct prober_peer *peer[8];
	uint64_t start;

	for (int i = 0; i < 8; i++)
		peer[i] = fake_peer_up(f, f);
	start = f->now;
	together_start(f, peer, phase_ms, 8);
	together_check(f, start, 0, 6);
	together_check(f, start, 5, 6);
	together_check(f, start, 6, 8);
	together_check(f, start, 999, 8);
	together_check(f, start, 1000, 14);
	together_check(f, start, 1006, 16);
}

/* Two probes to a peer in an interval: each may be moved by half as much as one. */
static void
test_together_spread(void **state)
{
	static const uint64_t phase_ms[] = {0, 250, 251};
	struct fake *f = *state;
	struct prober_target_config config = fake_target_config(SEC);
	struct prober_peer *peer[3] = {fake_peer_up(f, f), fake_peer_up(f, f), fake_peer_up(f, f)};
	struct prober_target *target;
	uint64_t start = f->now;

	config.phase_ns = 750 * MS;
	for (int i = 1; i < 3; i++)
		assert_int_equal(prober_target_add(peer[i], &config, f, f->now, &target), 0);
	together_start(f, peer, phase_ms, 3);
	together_check(f, start, 0, 2);
	together_check(f, start, 250, 2);
	together_check(f, start, 251, 3);
	together_check(f, start, 750, 5);
	together_check(f, start, 1000, 7);
}

/* However many there are, each is moved once: 100 peers, 10 ms apart, of which 6 leave together. */
static void
test_together_stays(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer[100];
	uint64_t phase_ms[100], start;
	uint32_t acked = 0;

	for (uint64_t i = 0; i < 100; i++) {
		peer[i] = fake_peer_up(f, f);
		phase_ms[i] = 10 * i;
	}
	start = f->now;
	together_start(f, peer, phase_ms, 99);
	for (uint64_t at_ms = 0; at_ms < 10 * 1000; at_ms += 10) {
		fake_run_to(f, start + at_ms * MS);
		for (; acked < f->n_packets; acked++)
			fake_acks(f, acked);
	}
	assert_int_equal(f->n_packets, 10 * 99);
	for (uint32_t i = 99; i < f->n_packets; i++)
		assert_true(f->packet[i].at_ns == f->packet[i - 99].at_ns + SEC);
	/* A new one finds its place. */
	start += 10 * SEC;
	phase_ms[0] = 980;
	together_start(f, peer + 99, phase_ms, 1);
	together_check(f, start, 959, 99 * 11 - 3);
	together_check(f, start, 960, 99 * 11 + 1);
}

/* Each of these waits for its own time, 10 ms after the first. */
static void
test_not_together(void **state)
{
	static const uint64_t phase_ms[] = {0, 10};
	struct fake *f = *state;
	struct prober_target_config config = fake_target_config(SEC);
	struct prober_peer *peer[2] = {fake_peer_up(f, f), fake_peer_up(f, f)};
	struct prober_target *target;
	uint64_t start = f->now;

	config.phase_ns = 10 * MS;
	/* To the same peer. */
	together_start(f, peer, phase_ms, 1);
	assert_int_equal(prober_target_add(peer[0], &config, f, f->now, &target), 0);
	together_check(f, start, 9, 1);
	together_check(f, start, 10, 2);
	prober_target_remove(target);
	/* A ping, and what has another interval. */
	for (int i = 0; i < 2; i++) {
		start = f->now + SEC - 10 * MS;
		config.kind = i == 0 ? PROBE_KIND_PING : PROBE_KIND_SERVICE;
		config.interval_ns = i == 0 ? SEC : 5 * SEC;
		config.phase_ns = SEC;
		assert_int_equal(prober_target_add(peer[1], &config, f, f->now, &target), 0);
		together_check(f, start, 9, f->n_packets + 1);
		together_check(f, start, 10, f->n_packets + 1);
		prober_target_remove(target);
	}
}

/* The budget allows two, and one more a tenth of a second later. */
static void
test_together_budget(void **state)
{
	static const uint64_t phase_ms[] = {0, 10, 20};
	struct fake *f = *state;
	struct prober_peer *peer[3] = {fake_peer_up(f, f), fake_peer_up(f, f), fake_peer_up(f, f)};
	struct prober_device_info info;
	uint64_t start = f->now;

	together_start(f, peer, phase_ms, 3);
	prober_device_set_rate(f->device, 10);
	together_check(f, start, 0, 2);
	together_check(f, start, 99, 2);
	prober_device_info(f->device, f->now, &info);
	assert_int_equal(info.deferred, 1);
	together_check(f, start, 100, 3);
}

static void
test_path(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);

	f->send_status = -EAGAIN;
	fake_target(f, peer, 100 * MS, 2);
	fake_run(f, 100 * MS);
	assert_int_equal(f->n_results, 0);
	f->send_status = 0;
	prober_path_ready(peer, f->now);
	fake_run(f, 0);
	assert_int_equal(f->n_packets, 2);
	fake_acks(f, 0);
	fake_acks(f, 1);
	assert_int_equal(f->n_done, 1);
	/* Never ready: it waits no longer than the timeout. */
	f->send_status = -EAGAIN;
	fake_target(f, peer, 100 * MS, 1);
	fake_run(f, TIMEOUT - 1);
	prober_path_ready(peer, f->now);
	assert_int_equal(f->n_results, 2);
	fake_run(f, 1);
	assert_int_equal(f->n_results, 3);
	assert_int_equal(fake_last(f)->class, PROBE_LOCAL_ERROR);
	assert_false(fake_last(f)->posted);
	assert_int_equal(f->n_done, 2);
	/* The device goes down meanwhile: the probe does not wait for a path of no use. */
	fake_target(f, peer, 100 * MS, 1);
	fake_run(f, 0);
	prober_device_down(f->device, "x", f->now);
	fake_run(f, 0);
	assert_int_equal(f->n_results, 4);
	assert_string_equal(fake_last(f)->reason, "x");
}

/* So does the peer. */
static void
test_path_of_a_peer_that_goes_down(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);

	fake_target(f, peer, 100 * MS, 3);
	fake_run(f, 700 * MS);
	for (int i = 0; i < PROBER_RESOLVE_TRIES - 1; i++) {
		prober_resolve_failed(peer, "x", f->now);
		fake_run(f, PROBER_BACKOFF_MAX_NS);
	}
	assert_int_equal(fake_state(peer), PROBER_PEER_CHECKING);
	f->send_status = -EAGAIN;
	fake_target(f, peer, 100 * MS, 1);
	fake_run(f, 0);
	assert_int_equal(f->n_results, 0);
	prober_resolve_failed(peer, "x", f->now);
	fake_run(f, 0);
	assert_int_equal(f->n_results, 4);
	assert_int_equal(fake_last(f)->class, PROBE_PEER_DOWN);
	assert_false(fake_last(f)->posted);
}

static void
test_count_and_done(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_target *target = fake_target(f, peer, 100 * MS, 3);

	fake_run(f, 250 * MS);
	assert_int_equal(f->n_packets, 3);
	fake_acks(f, 2);
	fake_acks(f, 0);
	assert_int_equal(f->n_done, 0);
	fake_acks(f, 1);
	assert_int_equal(f->n_results, 3);
	assert_int_equal(f->n_done, 1);
	fake_run(f, 10 * SEC);
	assert_int_equal(f->n_packets, 3);
	prober_target_stop(target, f->now);
	fake_run(f, SEC);
	assert_int_equal(f->n_done, 1);
	/* Stopped with one in flight: done after it has ended. */
	target = fake_target(f, peer, 100 * MS, 0);
	fake_run(f, 0);
	prober_target_stop(target, f->now);
	fake_run(f, 200 * MS);
	assert_int_equal(f->n_packets, 4);
	assert_int_equal(f->n_done, 1);
	fake_acks(f, 3);
	assert_int_equal(f->n_done, 2);
	/* Stopped with none: done soon, not from within. */
	target = fake_target(f, peer, 100 * MS, 0);
	prober_target_stop(target, f->now);
	assert_int_equal(f->n_done, 2);
	assert_true(prober_next_ns(f->prober) <= f->now);
	fake_run(f, 0);
	assert_int_equal(f->n_done, 3);
}

static void
test_remove_in_flight(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_target *target = fake_target(f, peer, 100 * MS, 0);
	struct probe_totals totals;
	struct prober_stats stats;

	fake_target(f, peer, 100 * MS, 0);
	fake_run(f, 150 * MS);
	fake_acks(f, 0);
	prober_target_remove(target);
	fake_check_totals(f);
	prober_peer_totals(peer, &totals);
	assert_int_equal(totals.due, 3);
	assert_int_equal(totals.by_class[PROBE_OK], 1);
	for (uint32_t i = 0; i < f->n_packets; i++)
		fake_acks(f, i);
	prober_stats(f->prober, &stats);
	assert_int_equal(stats.unknown, 4);
	fake_run(f, SEC);
	prober_peer_remove(peer);
	fake_check_totals(f);
	for (uint32_t i = 0; i < f->n_packets; i++)
		fake_sent(f, i, 0, f->now, 0);
	/* What is left is the device's window. */
	assert_true(prober_next_ns(f->prober) % WINDOW_LEN_NS == 0);
	fake_run(f, WINDOW_LEN_NS);
	assert_true(prober_next_ns(f->prober) == UINT64_MAX);
}

static struct prober_target *reentrant_target[3];
static struct prober_peer *reentrant_peer;

static void
stop_and_add(struct fake *f, void *user)
{
	struct prober_target_config config = fake_target_config(100 * MS);
	struct prober_target *target;
	struct prober_peer *peer;

	(void)user;
	f->on_result = NULL;
	prober_target_stop(reentrant_target[0], f->now);
	config.count = 1;
	assert_int_equal(prober_target_add(reentrant_peer, &config, f, f->now, &target), 0);
	assert_int_equal(prober_peer_add(f->prober, f->device, f, f->now, &peer), 0);
}

static void
remove_peer(struct fake *f, void *user)
{
	(void)user;
	if (reentrant_peer)
		prober_peer_remove(reentrant_peer);
	reentrant_peer = NULL;
	f->on_done = NULL;
}

static void
test_reentrant(void **state)
{
	struct fake *f = *state;

	reentrant_peer = fake_peer_up(f, f);
	for (int i = 0; i < 3; i++)
		reentrant_target[i] = fake_target(f, reentrant_peer, 100 * MS, 0);
	fake_run(f, 150 * MS);
	assert_int_equal(f->n_packets, 6);
	f->on_result = stop_and_add;
	/* All six end at once; the first result stops a target whose others are not told yet. */
	prober_device_down(f->device, "x", f->now);
	assert_int_equal(f->n_results, 6);
	assert_int_equal(f->n_done, 1);
	fake_run(f, 0);
	assert_int_equal(f->n_done, 2);
	fake_run(f, 100 * MS);
	f->on_done = remove_peer;
	prober_target_stop(reentrant_target[1], f->now);
	prober_target_stop(reentrant_target[2], f->now);
	fake_run(f, SEC);
	assert_null(reentrant_peer);
	assert_int_equal(f->n_done, 3);
	fake_check_totals(f);
}

static void
take_device_down(struct fake *f, void *user)
{
	(void)user;
	prober_device_down(f->device, "x", f->now);
}

/* What a callback brings about is told after it, not from within (the fake looks). */
static void
test_results_do_not_nest(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);

	fake_target(f, peer, 100 * MS, 0);
	fake_run(f, 250 * MS);
	f->on_result = take_device_down;
	fake_acks(f, 0);
	assert_int_equal(f->n_results, 3);
	assert_int_equal(f->result[0].r.class, PROBE_OK);
	assert_int_equal(f->result[1].r.class, PROBE_LOCAL_ERROR);
}

#define MANY 10000

/* Many targets cost little: the table of flights and the heap grow and find their way. */
static void
test_many_targets(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_target_config config = fake_target_config(100 * SEC);
	struct prober_stats stats;

	prober_device_set_rate(f->device, 1000000);
	config.phase_ns = PROBER_PHASE_RANDOM;
	for (int i = 0; i < MANY; i++) {
		struct prober_target *target;

		assert_int_equal(prober_target_add(peer, &config, f, f->now, &target), 0);
	}
	for (int round = 0; round < 1000; round++) {
		fake_run(f, 100 * MS);
		for (uint32_t i = 0; i < f->n_packets; i++)
			fake_acks(f, i);
		assert_int_equal(f->n_results, f->n_packets);
		f->n_packets = f->n_results = 0;
	}
	prober_stats(f->prober, &stats);
	assert_in_range(stats.totals.due, MANY, MANY + 1);
	assert_int_equal(stats.totals.by_class[PROBE_OK], stats.totals.due);
}

/*
 * A probe leaves with hop limit 64, and arrives with this one. Its ACKs leave with 128, and come
 * back with that one.
 */
static struct wire_message
exchange(struct fake *f, uint8_t there, uint8_t back)
{
	struct wire_message probe;
	struct fake_ack ack;

	f->n_packets = 0;
	fake_run(f, 100 * MS);
	assert_int_equal(f->n_packets, 1);
	assert_int_equal(wire_decode(f->packet[0].head, PROBE_WIRE_SIZE_MIN, &probe), 0);
	ack = fake_ack(f, 0, PROBE_WIRE_ACK1);
	ack.message.ack1.hop_limit = there;
	ack.message.ack1.sent_hop_limit = 128;
	ack.rx.hop_limit = back;
	fake_deliver(f, &ack);
	fake_ack2(f, 0);
	return probe;
}

static void
expect_routers(const struct prober_target *target, int there, int back)
{
	struct prober_target_info info;

	prober_target_info(target, &info);
	assert_int_equal(info.routers_there, there);
	assert_int_equal(info.routers_back, back);
}

/* Three probes in a row tell the number of routers, and the next tells the peer. */
static void
test_routers(void **state)
{
	struct fake *f = *state;
	struct prober_target_config config = fake_target_config(100 * MS);
	struct prober_target_info info;
	struct prober_target *target;
	struct wire_message probe;

	config.phase_ns = 50 * MS;
	assert_int_equal(prober_target_add(fake_peer_up(f, f), &config, f, f->now, &target), 0);
	prober_target_info(target, &info);
	assert_int_equal(info.back_src_port, 0);
	expect_routers(target, -1, -1);
	probe = exchange(f, 61, 127);
	assert_int_equal(probe.probe.src_port, 0);
	assert_int_equal(probe.probe.back_routers, 0);
	exchange(f, 61, 127);
	expect_routers(target, -1, -1);
	probe = exchange(f, 61, 127);
	assert_int_equal(probe.probe.back_routers, 0);
	expect_routers(target, 3, 1);
	probe = exchange(f, 61, 127);
	assert_int_equal(probe.probe.src_port, 50000);
	assert_int_equal(probe.probe.back_routers, 2);
	prober_target_info(target, &info);
	assert_int_equal(info.back_src_port, 49153);
	/* Only the way back changes. */
	exchange(f, 61, 123);
	expect_routers(target, 3, -1);
	probe = exchange(f, 61, 123);
	assert_int_equal(probe.probe.back_routers, 0);
	exchange(f, 61, 123);
	expect_routers(target, 3, 5);
	/* The peer becomes one of an older build, which does not report. */
	exchange(f, 0, 123);
	expect_routers(target, -1, 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FAKE(test_schedule),
		WITH_FAKE(test_interval_changes),
		WITH_FAKE(test_budget),
		WITH_FAKE(test_batch),
		WITH_FAKE(test_together),
		WITH_FAKE(test_together_limit),
		WITH_FAKE(test_together_spread),
		WITH_FAKE(test_together_stays),
		WITH_FAKE(test_not_together),
		WITH_FAKE(test_together_budget),
		WITH_FAKE(test_path),
		WITH_FAKE(test_path_of_a_peer_that_goes_down),
		WITH_FAKE(test_count_and_done),
		WITH_FAKE(test_remove_in_flight),
		WITH_FAKE(test_reentrant),
		WITH_FAKE(test_results_do_not_nest),
		WITH_FAKE(test_many_targets),
		WITH_FAKE(test_routers),
	};

	return cmocka_run_group_tests_name("prober_target", tests, NULL, NULL);
}

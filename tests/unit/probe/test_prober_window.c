/* SPDX-License-Identifier: Apache-2.0 */
/* What the prober counts in windows, what it marks as host noise, which sizes it sends. */
#include "prober_fake.h"

#include "stat/noise.h"

#define WALL_NS ((int64_t)(1700000000 * SEC + 123456789))

/* The windows that were told. */
static struct {
	uint32_t n, targets, devices, cut, path;
	struct probe_totals target, device;
	uint64_t lost, lost_noise, noise, rtts, last_end_ns[2];
	struct window_size size[WINDOW_SIZES + 1];
	uint32_t n_sizes;
	struct sequential loss;
} told;

static void
take_sizes(const struct window *w)
{
	told.n_sizes = w->n_sizes;
	for (uint32_t i = 0; i < w->n_sizes; i++)
		told.size[i] = (struct window_size){.size = w->size[i].size,
						    .due = told.size[i].due + w->size[i].due};
}

static void
take_window(void *arg, struct prober_device *device, struct prober_target *target,
	    const struct window *w)
{
	struct fake *f = arg;
	struct probe_totals add = {.due = w->due, .posted = w->posted};
	struct prober_target_info info;
	uint64_t sum = 0;

	assert_ptr_equal(device, f->device);
	assert_int_equal(w->in_flight, 0);
	assert_true(w->due > 0);
	for (int i = 0; i < PROBE_CLASS_N; i++)
		sum += add.by_class[i] = w->by_class[i];
	assert_int_equal(sum, w->due);
	assert_true(w->start_ns < w->end_ns);
	told.n++;
	told.cut += w->cut != 0;
	told.path += (w->cut & WINDOW_CUT_WAY) != 0;
	if (!target) {
		told.devices++;
		probe_totals_add(&told.device, &add);
		assert_ptr_equal(prober_device_window(device, NULL), w);
		return;
	}
	prober_target_info(target, &info);
	assert_ptr_equal(prober_target_window(target), w);
	told.loss = info.loss;
	told.targets++;
	told.lost += w->lost;
	told.lost_noise += w->lost_noise;
	told.noise += w->noise[PROBE_NOISE_PROBER] + w->noise[PROBE_NOISE_RESPONDER] +
		      w->noise[PROBE_NOISE_BOTH];
	told.rtts += w->n_sizes ? w->size[0].rtt.count : 0;
	probe_totals_add(&told.target, &add);
	take_sizes(w);
}

static struct noise noise;

static int
setup(void **state)
{
	static struct prober_ops ops;
	struct prober_config config = {.ops = &ops,
				       .timeout_ns = TIMEOUT,
				       .epoch = 7,
				       .random = 9,
				       .noise = &noise};
	struct fake *f;
	int rc = fake_setup(state);

	memset(&told, 0, sizeof(told));
	memset(&noise, 0, sizeof(noise));
	if (rc < 0)
		return rc;
	f = *state;
	ops = fake_ops;
	ops.window = take_window;
	config.arg = f;
	prober_free(f->prober);
	assert_int_equal(prober_new(&config, &f->prober), 0);
	assert_int_equal(prober_device_add(f->prober, 1000, &f->device), 0);
	prober_device_up(f->device, f->now);
	prober_set_wall_offset(f->prober, WALL_NS, f->now);
	return 0;
}

static void
assert_told_all(struct fake *f)
{
	struct prober_stats stats;

	prober_stats(f->prober, &stats);
	assert_int_equal(stats.unwindowed, 0);
	assert_memory_equal(&told.target, &stats.totals, sizeof(stats.totals));
	assert_memory_equal(&told.device, &stats.totals, sizeof(stats.totals));
}

/* Answers what has been sent since packet `from`. */
static uint32_t
answer_all(struct fake *f, uint32_t from)
{
	for (; from < f->n_packets; from++)
		fake_acks(f, from);
	return from;
}

static void
test_windows(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	uint32_t answered = 0;

	fake_target(f, peer, 100 * MS, 0);
	fake_target(f, peer, 250 * MS, 0);
	for (int i = 0; i < 700; i++) {
		fake_run(f, 50 * MS);
		answered = answer_all(f, answered);
	}
	/*
	 * 35 s from the middle of a window on: three were closed of each, and the running one was
	 * not.
	 */
	assert_int_equal(told.devices, 3);
	assert_int_equal(told.targets, 6);
	assert_int_equal(told.cut, 0);
	assert_true(told.rtts > 0);
	prober_peer_remove(peer);
	assert_int_equal(told.targets, 8);
	fake_run(f, 10 * SEC);
	assert_int_equal(told.devices, 4);
	assert_told_all(f);
}

/* A target that goes hands out what it has; the device keeps its own until its time. */
static void
test_gone(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_target *target = fake_target(f, peer, 100 * MS, 0);

	fake_run(f, 350 * MS);
	fake_acks(f, 0);
	fake_acks(f, 1);
	assert_int_equal(told.n, 0);
	prober_target_remove(target);
	/* What was in flight had not come due. */
	assert_int_equal(told.targets, 1);
	assert_int_equal(told.target.due, 2);
	assert_int_equal(told.cut, 1);
	prober_peer_remove(peer);
	prober_device_remove(f->device);
	assert_int_equal(told.devices, 1);
	assert_told_all(f);
	assert_int_equal(prober_device_add(f->prober, 1000, &f->device), 0);
}

/*
 * The port changes while a probe is in flight, then the source address: each probe stands in the
 * window of the way it was sent by, and its result says which. The device's window is not cut.
 */
static void
test_way(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);

	fake_target(f, peer, 100 * MS, 0);
	fake_run(f, 350 * MS);
	assert_int_equal(f->n_packets, 4);
	f->src_port = 50001;
	fake_run(f, 200 * MS);
	assert_int_equal(f->n_packets, 6);
	f->source.raw[15] = 9;
	fake_run(f, 100 * MS);
	assert_int_equal(f->n_packets, 7);
	assert_int_equal(told.n, 0);
	answer_all(f, 0);
	assert_int_equal(f->n_results, 7);
	for (uint32_t i = 0; i < 7; i++) {
		assert_int_equal(f->result[i].r.src_port, i < 4 ? 50000 : 50001);
		assert_int_equal(f->result[i].r.source.raw[15], i < 6 ? 0 : 9);
	}
	fake_run(f, MS);
	assert_int_equal(told.targets, 2);
	assert_int_equal(told.cut, 2);
	assert_int_equal(told.devices, 0);
	assert_int_equal(told.target.due, 6);
	prober_peer_remove(peer);
	assert_int_equal(told.targets, 3);
	fake_run(f, 10 * SEC);
	assert_int_equal(told.devices, 1);
	assert_told_all(f);
}

/* A trace has found the target on another path: its window ends, once. */
static void
test_road(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_target *target = fake_target(f, peer, 100 * MS, 0);
	uint32_t answered = 0;

	fake_run(f, 350 * MS);
	assert_int_equal(f->n_packets, 4);
	answered = answer_all(f, answered);
	fake_run(f, 10 * MS);
	assert_int_equal(told.n, 0);
	prober_target_set_path(target, 1);
	for (int i = 0; i < 4; i++) {
		fake_run(f, 100 * MS);
		answered = answer_all(f, answered);
		prober_target_set_path(target, 1);
	}
	fake_run(f, MS);
	assert_int_equal(f->n_packets, 8);
	assert_int_equal(told.targets, 1);
	assert_int_equal(told.cut, 1);
	assert_int_equal(told.path, 1);
	assert_int_equal(told.target.due, 4);
	assert_int_equal(told.devices, 0);
	prober_peer_remove(peer);
	assert_int_equal(told.targets, 2);
	fake_run(f, 10 * SEC);
	assert_told_all(f);
}

/* Somebody sets the clock now and then, back and forth; no probe is lost or counted twice. */
static void
test_clock_steps(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	uint32_t answered = 0;
	int64_t wall = WALL_NS;

	srand(6);
	fake_target(f, peer, 100 * MS, 0);
	fake_target(f, peer, 170 * MS, 0);
	for (int i = 0; i < 2000 && f->n_packets < FAKE_ROOM - 10; i++) {
		if (i % 50 == 49)
			prober_set_wall_offset(f->prober,
					       wall += (int64_t)(rand() % 200 - 100) * (int64_t)SEC,
					       f->now);
		/* What reading two clocks makes is no step. */
		prober_set_wall_offset(f->prober, wall + rand() % 1000000, f->now);
		fake_run(f, (uint64_t)(rand() % 200) * MS);
		answered = answer_all(f, answered);
	}
	assert_true(told.cut > 60);
	prober_peer_remove(peer);
	fake_run(f, 10 * SEC);
	assert_told_all(f);
}

static void
test_length(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	uint32_t answered = 0;

	fake_target(f, peer, 100 * MS, 0);
	prober_set_window(f->prober, WINDOW_LEN_NS, f->now);
	assert_int_equal(told.n, 0);
	prober_set_window(f->prober, SEC, f->now);
	for (int i = 0; i < 100; i++) {
		fake_run(f, 100 * MS);
		answered = answer_all(f, answered);
	}
	assert_in_range(told.targets, 9, 10);
	prober_peer_remove(peer);
	fake_run(f, SEC);
	assert_told_all(f);
}

/* A dead peer: probes wait for proof for seconds, and so do their windows. */
static void
test_down(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);

	prober_set_window(f->prober, SEC, f->now);
	fake_target(f, peer, 100 * MS, 0);
	for (int i = 0; i < 30; i++) {
		fake_run(f, SEC);
		if (f->n_resolves > 0)
			prober_resolve_failed(peer, "no answer", f->now);
	}
	assert_true(told.target.by_class[PROBE_PEER_DOWN] > 0);
	assert_int_equal(told.lost, 0);
	prober_peer_remove(peer);
	fake_run(f, SEC);
	assert_told_all(f);
}

/* Thousands of windows that end at once are told in batches. */
static void
test_batches(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	uint32_t before;

	for (int i = 0; i < 100; i++)
		fake_target(f, peer, 9 * SEC, 0);
	fake_run(f, 9 * SEC);
	answer_all(f, 0);
	told.n = 0;
	f->now += 20 * SEC;
	while (prober_next_ns(f->prober) <= f->now) {
		before = told.n;
		prober_advance(f->prober, f->now);
		assert_true(told.n <= before + PROBER_WINDOW_BATCH);
	}
	assert_true(told.n > 100);
}

static struct prober_target *
sized_target(struct fake *f, struct prober_peer *peer, const uint16_t *sizes, uint32_t n, bool fit)
{
	struct prober_target_config config = fake_target_config(100 * MS);
	struct prober_target *target;

	memcpy(config.sizes, sizes, n * sizeof(*sizes));
	config.n_sizes = n;
	config.fit = fit;
	assert_int_equal(prober_target_add(peer, &config, f, f->now, &target), 0);
	return target;
}

static void
run_packets(struct fake *f, uint32_t n)
{
	while (f->n_packets < n)
		fake_run(f, 10 * MS);
}

/* The path MTU is what both the local port and the peer take. */
static void
test_sizes(void **state)
{
	static const uint16_t sizes[] = {50, 2000, PROBER_SIZE_MTU};
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);

	sized_target(f, peer, sizes, 3, true);
	run_packets(f, 3);
	assert_int_equal(f->packet[0].size, 50);
	assert_int_equal(f->packet[1].size, 2000);
	/* fake_session() takes 4096. */
	assert_int_equal(f->packet[2].size, 4096);
	prober_device_set_mtu(f->device, 1024);
	run_packets(f, 6);
	assert_int_equal(f->packet[4].size, 1024);
	assert_int_equal(f->packet[5].size, 1024);
	answer_all(f, 0);
	prober_peer_remove(peer);
	assert_int_equal(told.n_sizes, 4);
	assert_int_equal(told.size[0].due, 2);
	assert_int_equal(told.size[3].size, 1024);
	assert_int_equal(told.size[3].due, 2);
}

/* What a person asks for is not changed silently. */
static void
test_sizes_unfit(void **state)
{
	static const uint16_t sizes[] = {5000};
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);

	sized_target(f, peer, sizes, 1, false);
	fake_run(f, 300 * MS);
	assert_int_equal(f->n_packets, 0);
	assert_true(f->n_results > 0);
	assert_int_equal(f->result[0].r.class, PROBE_LOCAL_ERROR);
	assert_int_equal(f->result[0].r.size, 5000);
}

/*
 * A probe that is answered 100 ms after it was sent, with a stall of this host from a to b ms
 * after; whether it is marked.
 */
static enum probe_noise
noise_at(struct fake *f, struct prober_peer *peer, uint64_t from_ms, uint64_t to_ms)
{
	struct prober_target *target = fake_target(f, peer, SEC, 1);
	uint32_t packet = f->n_packets, result = f->n_results;
	uint64_t t1;

	fake_run(f, SEC);
	assert_int_equal(f->n_packets, packet + 1);
	t1 = f->packet[packet].at_ns;
	f->now = t1 + 100 * MS;
	noise_waiting(&noise, t1 + from_ms * MS, t1 + to_ms * MS);
	fake_acks(f, packet);
	assert_int_equal(f->n_results, result + 1);
	prober_target_remove(target);
	f->now += 10 * SEC;
	return f->result[result].r.host_noise;
}

/* Only a stall that touches a stamp counts, however long the flight is. */
static void
test_noise_answered(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);

	assert_int_equal(noise_at(f, peer, 90, 100), PROBE_NOISE_PROBER);
	assert_int_equal(noise_at(f, peer, 20, 90), PROBE_NOISE_NONE);
	assert_int_equal(noise_at(f, peer, 0, 20), PROBE_NOISE_PROBER);
	assert_int_equal(noise_at(f, peer, 98, 100), PROBE_NOISE_PROBER);
	/* Not a millisecond. */
	assert_int_equal(noise_at(f, peer, 100, 100), PROBE_NOISE_NONE);
}

static void
deliver_noisy(struct fake *f, uint32_t packet, uint16_t stall_ms)
{
	struct fake_ack ack = fake_ack(f, packet, PROBE_WIRE_ACK2);

	ack.message.ack2.noise = true;
	ack.message.ack2.stall_ms = stall_ms;
	fake_ack1(f, packet);
	fake_deliver(f, &ack);
}

/* The result of a target's probe. */
static const struct probe_result *
result_of(const struct fake *f, uint64_t seq)
{
	uint32_t i = 0;

	while (i < f->n_results && f->result[i].r.seq != seq)
		i++;
	assert_true(i < f->n_results);
	return &f->result[i].r;
}

/* Ten more probes that are answered: the proof that the peer lives. */
static void
answer_ten(struct fake *f)
{
	uint32_t from = f->n_packets;

	run_packets(f, from + 10);
	fake_run(f, 1 * MS);
	answer_all(f, from);
	fake_run(f, 5 * SEC);
}

/*
 * The responder says so; a loss around then is the responder's if it stalled for long, and else a
 * loss.
 */
static void
check_noise_responder(struct fake *f, uint16_t stall_ms, enum probe_noise lost)
{
	struct prober_peer *peer = fake_peer_up(f, f);

	fake_target(f, peer, 100 * MS, 14);
	run_packets(f, 4);
	fake_acks(f, 0);
	deliver_noisy(f, 2, stall_ms);
	deliver_noisy(f, 3, stall_ms);
	answer_ten(f);
	assert_int_equal(f->n_results, 14);
	assert_int_equal(result_of(f, 0)->host_noise, PROBE_NOISE_NONE);
	assert_int_equal(result_of(f, 1)->class, PROBE_LOST);
	assert_int_equal(result_of(f, 1)->host_noise, lost);
	assert_int_equal(result_of(f, 2)->host_noise, PROBE_NOISE_RESPONDER);
	assert_int_equal(result_of(f, 3)->host_noise, PROBE_NOISE_RESPONDER);
	assert_int_equal(result_of(f, 13)->host_noise, PROBE_NOISE_NONE);
	prober_peer_remove(peer);
	assert_int_equal(told.lost, lost == PROBE_NOISE_NONE);
	assert_int_equal(told.lost_noise, lost != PROBE_NOISE_NONE);
	assert_int_equal(told.noise, 2 + (lost != PROBE_NOISE_NONE));
	/*
	 * Two RTTs are in no histogram. A long stall might have lost three probes: they are no
	 * evidence for the verdict, whether they were lost or not.
	 */
	assert_int_equal(told.rtts, 11);
	assert_int_equal(told.loss.n, lost == PROBE_NOISE_NONE ? 14 : 11);
	assert_int_equal(told.loss.lost, lost == PROBE_NOISE_NONE);
}

static void
test_noise_responder(void **state)
{
	check_noise_responder(*state, 300, PROBE_NOISE_RESPONDER);
}

static void
test_noise_responder_short(void **state)
{
	check_noise_responder(*state, 20, PROBE_NOISE_NONE);
}

/*
 * A peer that claims a stall of 65 s in each ACK2 has been heard of all the time: what is lost
 * between its answers is the network's.
 */
static void
test_noise_responder_lies(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);

	fake_target(f, peer, 100 * MS, 30);
	for (uint32_t i = 0; i < 20; i++) {
		run_packets(f, i + 1);
		if (i % 5 != 1 && i % 5 != 3)
			deliver_noisy(f, i, UINT16_MAX);
	}
	answer_ten(f);
	assert_int_equal(f->n_results, 30);
	for (uint32_t i = 0; i < 20; i++)
		if (i % 5 == 1 || i % 5 == 3) {
			assert_int_equal(result_of(f, i)->class, PROBE_LOST);
			assert_int_equal(result_of(f, i)->host_noise, PROBE_NOISE_NONE);
		}
	prober_peer_remove(peer);
}

/* A short stall soon after a long one takes nothing back, and does not make the long one last. */
static void
test_noise_responder_again(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);

	fake_target(f, peer, 100 * MS, 34);
	run_packets(f, 4);
	fake_acks(f, 0);
	deliver_noisy(f, 2, 300);
	for (uint32_t i = 3; i < 23; i++) {
		run_packets(f, i + 1);
		deliver_noisy(f, i, 20);
	}
	run_packets(f, 24);
	answer_ten(f);
	assert_int_equal(f->n_results, 34);
	assert_int_equal(result_of(f, 1)->class, PROBE_LOST);
	assert_int_equal(result_of(f, 1)->host_noise, PROBE_NOISE_RESPONDER);
	assert_int_equal(result_of(f, 22)->host_noise, PROBE_NOISE_RESPONDER);
	assert_int_equal(result_of(f, 23)->class, PROBE_LOST);
	assert_int_equal(result_of(f, 23)->host_noise, PROBE_NOISE_NONE);
	prober_peer_remove(peer);
}

/*
 * A stall of this host of half the timeout may lose what waits; one of some milliseconds does not.
 */
static void
check_noise_lost(struct fake *f, uint64_t stall_ms, enum probe_noise want)
{
	struct prober_peer *peer = fake_peer_up(f, f);

	fake_target(f, peer, 100 * MS, 12);
	run_packets(f, 2);
	noise_waiting(&noise, f->now, f->now + stall_ms * MS);
	fake_acks(f, 1);
	answer_ten(f);
	assert_int_equal(f->n_results, 12);
	assert_int_equal(result_of(f, 0)->class, PROBE_LOST);
	assert_int_equal(result_of(f, 0)->host_noise, want);
}

static void
test_noise_lost(void **state)
{
	check_noise_lost(*state, 250, PROBE_NOISE_PROBER);
}

static void
test_noise_lost_short(void **state)
{
	check_noise_lost(*state, 249, PROBE_NOISE_NONE);
}

#define WINDOW_TEST(f) cmocka_unit_test_setup_teardown(f, setup, fake_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WINDOW_TEST(test_windows),
		WINDOW_TEST(test_gone),
		WINDOW_TEST(test_way),
		WINDOW_TEST(test_road),
		WINDOW_TEST(test_clock_steps),
		WINDOW_TEST(test_length),
		WINDOW_TEST(test_down),
		WINDOW_TEST(test_batches),
		WINDOW_TEST(test_sizes),
		WINDOW_TEST(test_sizes_unfit),
		WINDOW_TEST(test_noise_answered),
		WINDOW_TEST(test_noise_responder),
		WINDOW_TEST(test_noise_responder_short),
		WINDOW_TEST(test_noise_responder_again),
		WINDOW_TEST(test_noise_responder_lies),
		WINDOW_TEST(test_noise_lost),
		WINDOW_TEST(test_noise_lost_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Peers (the whole table of states and events), devices, schedules, budgets, and what callbacks may remove. */
#include "prober_fake.h"

#include "probe/prober_impl.h"

static void
test_names(void **state)
{
	(void)state;
	for (int s = 0; s < PROBER_PEER_STATE_N; s++)
		assert_string_not_equal(prober_peer_state_name((enum prober_peer_state)s), "?");
	for (int e = 0; e < PROBER_PEER_EVENT_N; e++)
		assert_string_not_equal(prober_peer_event_name((enum prober_peer_event)e), "?");
	assert_string_equal(prober_peer_state_name(PROBER_PEER_NO_DATA), "no_data");
	assert_string_equal(prober_peer_state_name(PROBER_PEER_STATE_N), "?");
	assert_string_equal(prober_peer_event_name(PROBER_PEER_EVENT_N), "?");
}

#define R PROBER_PEER_RESOLVING
#define U PROBER_PEER_UP
#define C PROBER_PEER_CHECKING
#define N PROBER_PEER_NO_DATA
#define D PROBER_PEER_DOWN

/* In the order of the events: same, new, failed, acked, timeouts, sign of life, renew, recheck. */
static const enum prober_peer_state next_state[PROBER_PEER_STATE_N][PROBER_PEER_EVENT_N] = {
	[R] = {U, U, R, R, R, R, R, R},
	[U] = {U, U, U, U, C, U, R, U},
	[C] = {N, U, C, U, C, C, R, C},
	[N] = {N, U, N, U, N, N, R, N},
	[D] = {U, U, D, U, D, D, D, D},
};
/* The same when the failure is the last of PROBER_RESOLVE_TRIES. */
static const enum prober_peer_state last_failure[PROBER_PEER_STATE_N] = {D, U, D, D, D};
/* Whether the peer wants to be asked at once. */
static const bool asks[PROBER_PEER_STATE_N][PROBER_PEER_EVENT_N] = {
	[R] = {0, 0, 0, 0, 0, 1, 1, 1},
	[U] = {0, 0, 0, 0, 1, 0, 1, 0},
	[C] = {0, 0, 0, 0, 0, 0, 1, 1},
	[N] = {0, 0, 0, 0, 0, 0, 1, 1},
	[D] = {0, 0, 0, 0, 0, 1, 1, 1},
};

static void
test_table(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);

	for (int s = 0; s < PROBER_PEER_STATE_N; s++) {
		for (int e = 0; e < PROBER_PEER_EVENT_N; e++) {
			uint32_t n_states = f->n_states;

			peer->state = (enum prober_peer_state)s;
			peer->failures = 1;
			assert_false(peer->ask_queued);
			prober_peer_fsm(peer, (enum prober_peer_event)e, f->now);
			assert_int_equal(peer->state, next_state[s][e]);
			assert_int_equal(peer->ask_queued, asks[s][e]);
			assert_int_equal(f->n_states - n_states, s != (int)peer->state);
			/* Put back what it wants. */
			if (peer->ask_queued) {
				fake_run(f, SEC);
				assert_true(peer->asking);
				peer->asking = false;
			}
			heap_remove(&f->prober->timers, &peer->timer.node);
		}
		peer->state = (enum prober_peer_state)s;
		peer->failures = PROBER_RESOLVE_TRIES;
		prober_peer_fsm(peer, PROBER_PEER_RESOLVE_FAILED, f->now);
		assert_int_equal(peer->state, last_failure[s]);
		heap_remove(&f->prober->timers, &peer->timer.node);
	}
}

/* Held, not due, until the first attempt has ended; then unresolved, with the reason; no burst. */
static void
test_unresolved(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer(f, f);
	struct prober_session session = fake_session(1, 500);
	struct prober_target *target = fake_target(f, peer, 100 * MS, 0);
	struct prober_target_info info;

	fake_run(f, 3 * SEC);
	assert_int_equal(f->n_resolves, 1);
	assert_int_equal(f->n_results, 0);
	prober_target_info(target, &info);
	assert_int_equal(info.totals.due, 0);
	prober_resolve_failed(peer, "no route", f->now);
	fake_run(f, 100 * MS);
	assert_int_equal(f->n_results, 2);
	assert_int_equal(fake_last(f)->class, PROBE_UNRESOLVED);
	assert_string_equal(fake_last(f)->reason, "no route");
	assert_true(fake_last(f)->due_ns == f->now);
	/* It never becomes peer_down, however often it fails. */
	for (int i = 0; i < 10; i++) {
		fake_run(f, SEC);
		prober_resolve_failed(peer, "no route", f->now);
	}
	assert_int_equal(fake_state(peer), PROBER_PEER_RESOLVING);
	assert_int_equal(fake_last(f)->class, PROBE_UNRESOLVED);
	prober_resolved(peer, &session, f->now, f->now);
	assert_int_equal(fake_state(peer), PROBER_PEER_UP);
	assert_int_equal(f->n_packets, 0);
	fake_run(f, 100 * MS);
	assert_int_equal(f->n_packets, 1);
	fake_check_totals(f);
}

static void
test_back_off(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer(f, f);
	uint64_t base = PROBER_BACKOFF_MIN_NS;

	fake_run(f, 0);
	for (int i = 0; i < 6; i++) {
		uint64_t failed = f->now, waited;

		prober_resolve_failed(peer, "x", f->now);
		fake_run(f, PROBER_BACKOFF_MAX_NS);
		assert_int_equal(f->n_resolves, i + 2);
		waited = f->resolve_at[i + 1] - failed;
		assert_in_range(waited, base - base / 4, base);
		base = 2 * base < PROBER_BACKOFF_MAX_NS ? 2 * base : PROBER_BACKOFF_MAX_NS;
	}
}

static void
test_resolve_rate(void **state)
{
	struct fake *f = *state;
	uint64_t start = f->now;

	for (int i = 0; i < 400; i++)
		fake_peer(f, f);
	fake_run(f, SEC);
	assert_in_range(f->n_resolves, PROBER_RESOLVES_PER_S, PROBER_RESOLVES_PER_S + 21);
	fake_run_to(f, start + 5 * SEC);
	assert_int_equal(f->n_resolves, 400);
}

/* no_data: asked again every second, still probed; an ACK ends it. */
static void
test_no_data(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_session session = fake_session(1, 500);
	uint32_t n;

	fake_target(f, peer, 100 * MS, 0);
	fake_run(f, 699 * MS);
	assert_int_equal(fake_state(peer), PROBER_PEER_UP);
	fake_run(f, 1 * MS);
	assert_int_equal(fake_state(peer), PROBER_PEER_CHECKING);
	prober_resolved(peer, &session, f->now, f->now);
	assert_int_equal(fake_state(peer), PROBER_PEER_NO_DATA);
	assert_int_equal(f->n_resolves, 2);
	n = f->n_packets;
	fake_run(f, PROBER_RECHECK_NS - 1);
	assert_int_equal(f->n_resolves, 2);
	fake_run(f, 1);
	assert_int_equal(f->n_resolves, 3);
	assert_int_equal(f->n_packets, n + 10);
	assert_int_equal(f->result[0].r.class, PROBE_LOST);
	fake_acks(f, f->n_packets - 1);
	assert_int_equal(fake_state(peer), PROBER_PEER_UP);
	/* The open question ends, whatever it says. */
	prober_resolve_failed(peer, "x", f->now);
	assert_int_equal(fake_state(peer), PROBER_PEER_UP);
	for (uint32_t i = 0; i < f->n_results; i++)
		assert_int_not_equal(f->result[i].r.class, PROBE_PEER_DOWN);
}

/* Answers in between keep a peer up: only timeouts in a row count. */
static void
test_timeouts_in_a_row(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);

	fake_target(f, peer, 100 * MS, 0);
	for (uint32_t i = 0; i < 40; i++) {
		fake_run(f, i ? 100 * MS : MS);
		if (i % 3 == 2)
			fake_acks(f, i);
	}
	assert_int_equal(fake_state(peer), PROBER_PEER_UP);
	assert_int_equal(f->n_resolves, 1);
}

static void
test_sign_of_life(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_session session = fake_session(2, 600);

	prober_sign_of_life(peer, f->now);
	fake_run(f, 0);
	assert_int_equal(f->n_resolves, 1);
	fake_target(f, peer, 100 * MS, 0);
	fake_run(f, SEC);
	for (int i = 0; i < PROBER_RESOLVE_TRIES; i++) {
		prober_resolve_failed(peer, "x", f->now);
		fake_run(f, i < PROBER_RESOLVE_TRIES - 1 ? PROBER_BACKOFF_MAX_NS : MS);
	}
	assert_int_equal(fake_state(peer), PROBER_PEER_DOWN);
	prober_sign_of_life(peer, f->now);
	assert_true(prober_next_ns(f->prober) <= f->now);
	fake_run(f, 0);
	assert_int_equal(f->n_resolves, 5);
	/* Not twice. */
	prober_sign_of_life(peer, f->now);
	fake_run(f, 100 * MS);
	assert_int_equal(f->n_resolves, 5);
	prober_resolved(peer, &session, f->now, f->now);
	assert_int_equal(fake_state(peer), PROBER_PEER_UP);
}

/* Our own path is void: probes in flight measured nothing, the answer that is on its way is ignored. */
static void
test_renew(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_session session = fake_session(1, 500);

	fake_target(f, peer, 100 * MS, 0);
	fake_run(f, 150 * MS);
	assert_int_equal(f->n_packets, 2);
	prober_peer_renew(peer, f->now);
	assert_int_equal(fake_state(peer), PROBER_PEER_RESOLVING);
	assert_int_equal(f->n_results, 2);
	assert_int_equal(fake_last(f)->class, PROBE_LOCAL_ERROR);
	assert_non_null(fake_last(f)->reason);
	fake_run(f, SEC);
	assert_int_equal(f->n_resolves, 2);
	prober_peer_renew(peer, f->now);
	prober_resolved(peer, &session, f->now, f->now);
	assert_int_equal(fake_state(peer), PROBER_PEER_RESOLVING);
	fake_run(f, SEC);
	assert_int_equal(f->n_resolves, 3);
	assert_int_equal(f->n_packets, 2);
	/* A peer that was known is held until it is down: unresolved would be wrong. */
	prober_resolve_failed(peer, "x", f->now);
	fake_run(f, PROBER_BACKOFF_MAX_NS);
	prober_resolve_failed(peer, "x", f->now);
	fake_run(f, PROBER_BACKOFF_MAX_NS);
	assert_int_equal(f->n_results, 2);
	prober_resolve_failed(peer, "x", f->now);
	assert_int_equal(fake_state(peer), PROBER_PEER_DOWN);
	fake_run(f, 0);
	assert_int_equal(fake_last(f)->class, PROBE_PEER_DOWN);
	fake_check_totals(f);
}

static void
test_device_down_and_up(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_session session = fake_session(1, 500);
	struct prober_device_info info;

	fake_target(f, peer, 100 * MS, 0);
	fake_run(f, 150 * MS);
	prober_device_down(f->device, "port is down", f->now);
	assert_int_equal(f->n_results, 2);
	assert_int_equal(fake_last(f)->class, PROBE_LOCAL_ERROR);
	assert_string_equal(fake_last(f)->reason, "port is down");
	prober_device_info(f->device, &info);
	assert_false(info.up);
	assert_int_equal(info.in_flight, 0);
	assert_int_equal(info.posted, 2);
	fake_run(f, 100 * MS);
	assert_int_equal(f->n_results, 3);
	assert_false(fake_last(f)->posted);
	assert_string_equal(fake_last(f)->reason, "port is down");
	prober_device_down(f->device, "cable is out", f->now);
	fake_run(f, 100 * MS);
	assert_string_equal(fake_last(f)->reason, "cable is out");
	prober_device_up(f->device, f->now);
	prober_device_up(f->device, f->now);
	assert_int_equal(fake_state(peer), PROBER_PEER_RESOLVING);
	fake_run(f, 50 * MS);
	assert_int_equal(f->n_resolves, 2);
	assert_int_equal(f->n_results, 4);
	prober_resolved(peer, &session, f->now, f->now);
	fake_run(f, 0);
	assert_int_equal(f->n_packets, 3);
	assert_int_equal(f->n_results, 4);
}

/* A question that was open when the device went away counts for nothing; the peer is asked again. */
static void
test_device_down_while_asking(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer(f, f);

	fake_run(f, 0);
	prober_device_down(f->device, "x", f->now);
	prober_resolve_failed(peer, "device is gone", f->now);
	fake_run(f, 10 * SEC);
	assert_int_equal(f->n_resolves, 1);
	prober_device_up(f->device, f->now);
	fake_run(f, 0);
	assert_int_equal(f->n_resolves, 2);
	prober_device_down(f->device, "x", f->now);
	prober_device_up(f->device, f->now);
	fake_run(f, 0);
	assert_int_equal(f->n_resolves, 2);
	prober_resolve_failed(peer, "device is gone", f->now);
	fake_run(f, 0);
	assert_int_equal(f->n_resolves, 3);
}

static void
test_device_starts_down(void **state)
{
	struct fake *f = *state;
	struct prober_device *device;
	struct prober_peer *peer;
	struct prober_peer_info info;

	assert_int_equal(prober_device_add(f->prober, 100, &device), 0);
	assert_int_equal(prober_peer_add(f->prober, device, f, f->now, &peer), 0);
	fake_target(f, peer, 100 * MS, 0);
	fake_run(f, 0);
	assert_int_equal(f->n_resolves, 0);
	assert_int_equal(fake_last(f)->class, PROBE_LOCAL_ERROR);
	prober_peer_info(peer, &info);
	assert_string_equal(info.reason, "device not started");
	prober_peer_remove(peer);
	prober_device_remove(device);
}

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
	prober_device_info(f->device, &info);
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
		assert_in_range(f->packet[i].at_ns - f->packet[i - 1].at_ns, SEC / 150, SEC / 150 + MS);
	for (int i = 0; i < 100; i++) {
		struct prober_target_info t;

		prober_target_info(target[i], &t);
		if (t.totals.posted < least)
			least = (uint32_t)t.totals.posted;
		if (t.totals.posted > most)
			most = (uint32_t)t.totals.posted;
	}
	assert_true(most - least <= 1);
	prober_device_info(f->device, &info);
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
	prober_device_info(f->device, &info);
	assert_int_equal(info.deferred, 0);
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
	/* The peer goes down meanwhile: the probe does not wait for a path of no use. */
	fake_target(f, peer, 100 * MS, 1);
	fake_run(f, 0);
	prober_device_down(f->device, "x", f->now);
	fake_run(f, 0);
	assert_int_equal(f->n_results, 4);
	assert_string_equal(fake_last(f)->reason, "x");
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
		prober_sent(f->prober, f->packet[i].cookie, 0, f->now, 0, f->now);
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

#define WITH_FAKE(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		WITH_FAKE(test_table),
		WITH_FAKE(test_unresolved),
		WITH_FAKE(test_back_off),
		WITH_FAKE(test_resolve_rate),
		WITH_FAKE(test_no_data),
		WITH_FAKE(test_timeouts_in_a_row),
		WITH_FAKE(test_sign_of_life),
		WITH_FAKE(test_renew),
		WITH_FAKE(test_device_down_and_up),
		WITH_FAKE(test_device_down_while_asking),
		WITH_FAKE(test_device_starts_down),
		WITH_FAKE(test_schedule),
		WITH_FAKE(test_budget),
		WITH_FAKE(test_batch),
		WITH_FAKE(test_path),
		WITH_FAKE(test_count_and_done),
		WITH_FAKE(test_remove_in_flight),
		WITH_FAKE(test_reentrant),
		WITH_FAKE(test_many_targets),
	};

	return cmocka_run_group_tests_name("prober_peer", tests, NULL, NULL);
}

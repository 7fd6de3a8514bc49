/* SPDX-License-Identifier: Apache-2.0 */
/* Peers, with the whole table of states and events, and devices. */
#include "prober_fake.h"

#include "probe/prober_impl.h"
#include "probe/responder.h"

#include <time.h>

static void
test_names(void **state)
{
	(void)state;
	for (int s = 0; s < PROBER_PEER_STATE_N; s++)
		assert_string_not_equal(prober_peer_state_name((enum prober_peer_state)s), "?");
	assert_string_equal(prober_peer_state_name(PROBER_PEER_NO_DATA), "no_data");
	assert_string_equal(prober_peer_state_name(PROBER_PEER_STATE_N), "?");
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
			assert_null(peer->asker_in);
			prober_peer_fsm(peer, (enum prober_peer_event)e, f->now);
			assert_int_equal(peer->state, next_state[s][e]);
			assert_int_equal(peer->asker_in != NULL, asks[s][e]);
			assert_int_equal(f->n_states - n_states, s != (int)peer->state);
			/* Put back what it wants. */
			if (peer->asker_in) {
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

/* 2,000 peers that never answer get their share, and one that comes up is asked at once. */
static void
test_dead_peers(void **state)
{
	static void *users[2000];
	static struct prober_peer *dead[2000];
	struct fake *f = *state;
	struct prober_peer *living;
	uint64_t asked_ns;

	for (int i = 0; i < 2000; i++)
		dead[i] = fake_peer(f, &users[i]);
	/* They are tried first: all of them, three times each. */
	for (int i = 0; i < 8000; i++) {
		f->n_resolves = 0;
		fake_run(f, 10 * MS);
		for (int p = 0; f->n_resolves && p < 2000; p++)
			if (dead[p]->asking)
				prober_resolve_silent(dead[p], "no answer", f->now);
	}
	for (int i = 0; i < 2000; i++)
		assert_true(dead[i]->failures >= PROBER_RESOLVE_TRIES);
	f->n_resolves = 0;
	for (int i = 0; i < 1000; i++) {
		fake_run(f, 10 * MS);
		for (int p = 0; p < 2000; p++)
			if (dead[p]->asking)
				prober_resolve_silent(dead[p], "no answer", f->now);
	}
	assert_in_range(f->n_resolves, 190, 230);
	asked_ns = f->now;
	living = fake_peer(f, f);
	while (!living->asking)
		fake_run(f, 1 * MS);
	assert_true(f->now <= asked_ns + 50 * MS);
	/* One of them asks us. */
	prober_sign_of_life(dead[1234], f->now);
	asked_ns = f->now;
	while (!dead[1234]->asking)
		fake_run(f, 1 * MS);
	assert_true(f->now <= asked_ns + 50 * MS);
}

/* Answers all open questions of `peers` with silence, for so long. */
static void
fake_silence(struct fake *f, struct prober_peer *const *peers, size_t n, uint64_t ns)
{
	for (uint64_t until_ns = f->now + ns; f->now < until_ns;) {
		fake_run(f, 10 * MS);
		for (size_t i = 0; i < n; i++)
			if (peers[i]->asking)
				prober_resolve_silent(peers[i], "no answer", f->now);
	}
}

/*
 * Of 1,003 peers that do not answer, three are configured: each of these is asked every second as
 * if the others, which need 50 seconds for a round, were not there.
 */
static void
test_dead_configured(void **state)
{
	static struct prober_peer *dead[1003];
	struct fake *f = *state;
	struct prober_peer_info info;
	uint64_t before[3];

	for (size_t i = 0; i < 1003; i++)
		dead[i] = fake_peer(f, f);
	fake_silence(f, dead, 1003, 40 * SEC);
	for (size_t i = 0; i < 3; i++) {
		assert_true(dead[i]->failures >= PROBER_RESOLVE_TRIES);
		prober_peer_set_configured(dead[i], true);
		prober_peer_info(dead[i], &info);
		before[i] = info.resolves;
	}
	fake_silence(f, dead, 1003, 20 * SEC);
	for (size_t i = 0; i < 3; i++) {
		prober_peer_info(dead[i], &info);
		assert_in_range(info.resolves - before[i], 15, 30);
	}
}

/* So long do 40 peers of the mesh, whose paths become void, wait until all have been asked. */
static uint64_t
recovery_ns(struct fake *f, struct prober_peer *const *mesh)
{
	uint64_t from_ns = f->now;

	for (int i = 0; i < 40; i++)
		prober_peer_renew(mesh[i], f->now);
	for (int i = 0; i < 40; i++)
		while (!mesh[i]->asking)
			fake_run(f, 1 * MS);
	return f->now - from_ns;
}

/* 640 pings to silent addresses start at the same moment: it takes at most twice as long. */
static void
test_pings_do_not_delay(void **state)
{
	struct prober_session session = fake_session(1, 500);
	struct fake *f = *state;
	struct prober_peer *mesh[40];
	uint64_t alone_ns, beside_ns;

	for (int i = 0; i < 40; i++)
		mesh[i] = fake_peer(f, f);
	fake_run(f, SEC);
	for (int i = 0; i < 40; i++)
		prober_resolved(mesh[i], &session, f->now, f->now);
	fake_run(f, SEC);
	alone_ns = recovery_ns(f, mesh);
	for (int i = 0; i < 40; i++)
		prober_resolved(mesh[i], &session, f->now, f->now);
	for (int i = 0; i < 640; i++)
		prober_peer_set_kind(fake_peer(f, f), PROBE_KIND_PING, f->now);
	beside_ns = recovery_ns(f, mesh);
	print_message("%.0f ms, beside pings %.0f ms\n", (double)alone_ns / MS,
		      (double)beside_ns / MS);
	assert_true(beside_ns <= 2 * alone_ns + 200 * MS); /* 200 ms: the burst that pings took */
}

/*
 * An interval of an hour, while a responder forgets who is silent for RESPONDER_IDLE_NS: it hears
 * of us in time, also if the first question is lost.
 */
static void
test_keep(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);
	struct prober_session session = fake_session(1, 500);
	uint64_t heard_ns = f->now;
	uint32_t acked = 0;

	fake_target(f, peer, 3600 * SEC, 0);
	for (int i = 0; i < 40; i++) {
		uint32_t n = f->n_resolves;

		while (f->n_resolves == n && f->now < heard_ns + RESPONDER_IDLE_NS) {
			fake_run(f, SEC);
			if (acked == f->n_packets)
				continue;
			fake_acks(f, acked++);
			heard_ns = f->now;
		}
		if (i % 3) {
			prober_resolve_silent(peer, "lost", f->now);
			continue;
		}
		assert_true(f->now < heard_ns + RESPONDER_IDLE_NS - SEC);
		prober_resolved(peer, &session, f->now, f->now);
		heard_ns = f->now;
		assert_int_equal(fake_state(peer), PROBER_PEER_UP);
	}
	assert_true(f->now > 100 * SEC + 2000 * SEC);
	/* Not while there are answers. */
	fake_target(f, peer, SEC, 0);
	for (int i = 0; i < 400; i++) {
		fake_run(f, SEC);
		if (i == 1)
			f->n_resolves = 0;
		if (f->n_packets)
			fake_acks(f, f->n_packets - 1);
	}
	assert_int_equal(f->n_resolves, 0);
}

static void
test_back_off(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer(f, f);
	uint64_t base = PROBER_BACKOFF_MIN_NS;
	bool jitter = false;

	fake_run(f, 0);
	for (int i = 0; i < 6; i++) {
		uint64_t failed = f->now, waited;

		prober_resolve_failed(peer, "x", f->now);
		fake_run(f, PROBER_BACKOFF_MAX_NS);
		assert_int_equal(f->n_resolves, i + 2);
		waited = f->resolve_at[i + 1] - failed;
		assert_in_range(waited, base - base / 4, base);
		jitter |= waited != base;
		base = 2 * base < PROBER_BACKOFF_MAX_NS ? 2 * base : PROBER_BACKOFF_MAX_NS;
	}
	assert_true(jitter);
}

/*
 * A peer that only flows want is asked less and less often, up to a minute; wanted by others again,
 * soon.
 */
static void
test_set_back_off(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer(f, f);
	uint64_t base = PROBER_BACKOFF_MIN_NS, failed;

	prober_peer_set_kind(peer, PROBE_KIND_SERVICE, f->now);
	fake_run(f, 0);
	for (int i = 0; i < 12; i++) {
		failed = f->now;
		prober_resolve_failed(peer, "x", f->now);
		fake_run(f, 60 * SEC);
		assert_int_equal(f->n_resolves, i + 2);
		assert_in_range(f->resolve_at[i + 1] - failed, base - base / 4, base);
		base = 2 * base < 60 * SEC ? 2 * base : 60 * SEC;
	}
	prober_resolve_failed(peer, "x", f->now);
	fake_run(f, 10 * SEC);
	assert_int_equal(f->n_resolves, 13);
	prober_peer_set_kind(peer, PROBE_KIND_PING, f->now);
	fake_run(f, PROBER_BACKOFF_MAX_NS);
	assert_int_equal(f->n_resolves, 14);
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

/*
 * An ACK brings the peer back; the probes from before, which time out later, do not count against
 * it again.
 */
static void
test_old_timeouts(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, f);

	fake_target(f, peer, 100 * MS, 13);
	fake_run(f, 701 * MS);
	assert_int_equal(fake_state(peer), PROBER_PEER_CHECKING);
	fake_acks(f, 7);
	assert_int_equal(fake_state(peer), PROBER_PEER_UP);
	for (uint32_t i = 8; i < 13; i++) {
		fake_run(f, 100 * MS);
		fake_acks(f, i);
	}
	fake_run(f, 4 * TIMEOUT);
	assert_int_equal(fake_state(peer), PROBER_PEER_UP);
	assert_int_equal(f->n_resolves, 2);
}

/*
 * A peer is silent, nobody can say why, and 4000 probes wait: each asks for proof every 1.5 s,
 * which must not make all the others be looked at each time: 16 million looks every 1.5 s would
 * take minutes of CPU time for this one, instead of a fraction of a second.
 */
static void
test_silence_is_cheap(void **state)
{
	struct fake *f = *state;
	struct prober_peer *peer = fake_peer_up(f, NULL);
	struct prober_stats stats;
	clock_t start = clock();

	fake_target(f, peer, MS, 4000);
	fake_run(f, 200 * SEC);
	prober_stats(f->prober, &stats);
	assert_int_equal(stats.in_flight, 4000);
	assert_true(clock() - start < 10 * CLOCKS_PER_SEC);
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

/*
 * Our own path is void: probes in flight measured nothing, the answer that is on its way is
 * ignored.
 */
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
	prober_device_info(f->device, f->now, &info);
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

/*
 * A question that was open when the device went away counts for nothing; the peer is asked again.
 */
static void
test_device_down_while_asking(void **state)
{
	struct fake *f = *state;
	struct prober_session session = fake_session(1, 500);
	struct prober_peer *peer = fake_peer(f, f);

	fake_run(f, 0);
	prober_device_down(f->device, "x", f->now);
	prober_resolved(peer, &session, f->now, f->now);
	assert_int_equal(fake_state(peer), PROBER_PEER_RESOLVING);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		WITH_FAKE(test_table),
		WITH_FAKE(test_unresolved),
		WITH_FAKE(test_keep),
		WITH_FAKE(test_dead_peers),
		WITH_FAKE(test_dead_configured),
		WITH_FAKE(test_back_off),
		WITH_FAKE(test_set_back_off),
		WITH_FAKE(test_resolve_rate),
		WITH_FAKE(test_no_data),
		WITH_FAKE(test_pings_do_not_delay),
		WITH_FAKE(test_timeouts_in_a_row),
		WITH_FAKE(test_old_timeouts),
		WITH_FAKE(test_silence_is_cheap),
		WITH_FAKE(test_sign_of_life),
		WITH_FAKE(test_renew),
		WITH_FAKE(test_device_down_and_up),
		WITH_FAKE(test_device_down_while_asking),
		WITH_FAKE(test_device_starts_down),
	};

	return cmocka_run_group_tests_name("prober_peer", tests, NULL, NULL);
}

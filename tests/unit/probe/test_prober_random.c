/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The prober against a simulated network, in seeded random runs.
 *
 * Whatever happens: each probe that came due ends in one class and is told once, and the totals of
 * targets, peers and prober add up at each step. Where the network loses nothing, and peers only
 * restart, nothing is ever lost, missing or down.
 */
#include "prober_fake.h"

#define PEERS 3
#define TARGETS 8
#define EVENTS 4096

struct world_target {
	struct prober_target *target; /* NULL: none */
	struct probe_totals told;
};

struct world_peer {
	struct prober_peer *peer;
	uint64_t incarnation, session;
	uint64_t delay_ns; /* one way */
	bool dead;
	struct world_target target[TARGETS];
};

enum world_kind {
	WORLD_PROBE,
	WORLD_REFUSED,
	WORLD_ACK1,
	WORLD_MEASURED,
	WORLD_ACK2,
	WORLD_SENT,
	WORLD_ASK,
	WORLD_ANSWER
};

struct world_event {
	uint64_t at_ns;
	enum world_kind kind;
	uint32_t peer, cookie;
	uint64_t seq, session;
	uint64_t asked_ns;
	bool failed;
};

struct world {
	struct prober *prober;
	struct prober_device *device;
	struct world_peer peer[PEERS];
	struct world_event event[EVENTS];
	uint32_t n_events;
	uint64_t now, random, next_session;
	bool chaos; /* loss, reordering, duplicates, errors; else only restarts */
	struct probe_totals told; /* all that was ever told */
};

static uint64_t
world_random(struct world *w, uint64_t n)
{
	w->random = w->random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (w->random >> 33) % n;
}

static bool
world_chance(struct world *w, uint64_t percent)
{
	return w->chaos && world_random(w, 100) < percent;
}

static uint64_t
world_delay(struct world *w, uint32_t peer)
{
	if (world_chance(w, 5))
		return world_random(w, 2 * TIMEOUT);
	return w->peer[peer].delay_ns + (w->chaos ? world_random(w, 5 * MS) : 0);
}

static void
world_post(struct world *w, struct world_event event, uint64_t delay_ns)
{
	event.at_ns = w->now + delay_ns;
	if (w->n_events < EVENTS)
		w->event[w->n_events++] = event;
}

static int
world_send(void *arg, void *peer_user, const struct prober_packet *packet, struct prober_tx *tx,
	   const char **reason)
{
	struct world *w = arg;
	struct world_peer *peer = peer_user;
	struct world_event event = {.kind = WORLD_PROBE,
				    .peer = (uint32_t)(peer - w->peer),
				    .cookie = packet->cookie};
	struct wire_message m;

	assert_int_equal(wire_decode(packet->payload, packet->size, &m), 0);
	if (world_chance(w, 3))
		return -EAGAIN;
	if (world_chance(w, 2)) {
		*reason = "test";
		return -ENOBUFS;
	}
	event.seq = m.seq;
	event.session = m.session;
	*tx = (struct prober_tx){.t1_ns = w->now, .t2.ns = w->now, .done = !world_chance(w, 30)};
	if (!world_chance(w, 10))
		world_post(w, event, world_delay(w, event.peer));
	event.kind = WORLD_SENT;
	event.failed = world_chance(w, 3);
	if (!tx->done && !world_chance(w, 2))
		world_post(w, event, world_random(w, 20 * MS));
	return 0;
}

static void
world_resolve(void *arg, void *peer_user)
{
	struct world *w = arg;
	struct world_peer *peer = peer_user;
	struct world_event event = {.kind = WORLD_ASK,
				    .peer = (uint32_t)(peer - w->peer),
				    .asked_ns = w->now};

	world_post(w, event, peer->delay_ns);
}

static void
world_result(void *arg, void *target_user, const struct probe_result *r)
{
	struct world *w = arg;
	struct world_target *target = target_user;

	assert_non_null(target->target);
	assert_true(r->class < PROBE_CLASS_N);
	assert_int_equal(r->measured, r->class == PROBE_OK || r->class == PROBE_LATE);
	assert_true(r->posted || r->class == PROBE_PEER_DOWN ||
		    r->class == PROBE_UNREACHABLE || r->class == PROBE_UNRESOLVED ||
		    r->class == PROBE_LOCAL_ERROR);
	target->told.by_class[r->class]++;
	w->told.by_class[r->class]++;
	if (world_chance(w, 1))
		prober_target_stop(target->target, w->now);
}

static void
world_target_done(void *arg, void *target_user)
{
	struct world *w = arg;
	struct world_target *target = target_user;
	struct prober_target_info info;

	prober_target_info(target->target, &info);
	assert_int_equal(info.in_flight, 0);
	assert_memory_equal(info.totals.by_class, target->told.by_class,
			    sizeof(target->told.by_class));
	if (world_random(w, 2)) {
		prober_target_remove(target->target);
		target->target = NULL;
	}
}

static void
world_peer_state(void *arg, void *peer_user, enum prober_peer_state from, enum prober_peer_state to)
{
	(void)arg;
	(void)peer_user;
	assert_true(from != to);
}

static const struct prober_ops world_ops = {
	.send = world_send,
	.resolve = world_resolve,
	.result = world_result,
	.target_done = world_target_done,
	.peer_state = world_peer_state,
};

static struct prober_session
world_session(const struct world *w, uint32_t peer)
{
	struct prober_session s = {
		.qpn = 100 + peer,
		.incarnation = w->peer[peer].incarnation,
		.session = w->peer[peer].session,
		.max_size = 1024,
	};

	s.addr.raw[15] = (uint8_t)peer;
	return s;
}

static void
world_deliver_ack(struct world *w, const struct world_event *event, enum probe_wire_type type)
{
	struct wire_message m = {
		.type = type,
		.length = PROBE_WIRE_SIZE_MIN,
		.seq = event->seq,
		.session = event->session,
	};
	uint8_t payload[PROBE_WIRE_SIZE_MIN];
	struct prober_rx rx = {.payload = payload,
			       .len = sizeof(payload),
			       .t5.ns = w->now,
			       .src_qpn = 100 + event->peer};

	wire_encode(&m, payload);
	rx.src.raw[15] = (uint8_t)event->peer;
	prober_received(w->prober, &rx, w->now);
}

static bool
world_knows_session(const struct world *w, const struct world_event *event)
{
	return !w->peer[event->peer].dead && w->peer[event->peer].session == event->session;
}

/* The peer's side: answers in the session that it has now. */
static void
world_probe_arrives(struct world *w, struct world_event event)
{
	if (!world_knows_session(w, &event))
		return;
	if (world_chance(w, 2)) {
		event.kind = WORLD_REFUSED;
		world_post(w, event, world_delay(w, event.peer));
		return;
	}
	event.kind = WORLD_ACK1;
	if (!world_chance(w, 5))
		world_post(w, event, world_delay(w, event.peer));
	if (world_chance(w, 3))
		world_post(w, event, world_delay(w, event.peer));
	event.kind = WORLD_MEASURED;
	world_post(w, event, MS);
}

/* ACK2 follows, unless the peer has restarted in between. */
static void
world_measured(struct world *w, struct world_event event)
{
	event.kind = WORLD_ACK2;
	if (world_knows_session(w, &event) && !world_chance(w, 5))
		world_post(w, event, world_delay(w, event.peer));
}

static void
world_answer(struct world *w, const struct world_event *event)
{
	struct prober_session session = world_session(w, event->peer);
	struct world_peer *peer = &w->peer[event->peer];

	if (!peer->peer)
		return;
	if (event->failed)
		prober_resolve_failed(peer->peer, "not there", w->now);
	else if (peer->dead)
		prober_resolve_silent(peer->peer, "no answer", w->now);
	else
		prober_resolved(peer->peer, &session, event->asked_ns, w->now);
}

static void
world_event_fires(struct world *w, struct world_event event)
{
	switch (event.kind) {
	case WORLD_PROBE:
		world_probe_arrives(w, event);
		break;
	case WORLD_REFUSED:
		world_deliver_ack(w, &event, PROBE_WIRE_REFUSED);
		break;
	case WORLD_ACK1:
		world_deliver_ack(w, &event, PROBE_WIRE_ACK1);
		break;
	case WORLD_MEASURED:
		world_measured(w, event);
		break;
	case WORLD_ACK2:
		world_deliver_ack(w, &event, PROBE_WIRE_ACK2);
		break;
	case WORLD_SENT:
		prober_sent(w->prober, event.cookie, event.failed ? -EIO : 0,
			    &(struct hwclock_moment){.ns = w->now}, w->now);
		break;
	case WORLD_ASK:
		event.kind = WORLD_ANSWER;
		event.failed = world_chance(w, 20);
		world_post(w, event, w->peer[event.peer].delay_ns);
		break;
	case WORLD_ANSWER:
		world_answer(w, &event);
		break;
	}
}

static void
world_run_to(struct world *w, uint64_t until_ns)
{
	for (;;) {
		uint64_t next = prober_next_ns(w->prober);
		uint32_t first = 0;

		for (uint32_t i = 1; i < w->n_events; i++) {
			if (w->event[i].at_ns < w->event[first].at_ns)
				first = i;
		}
		if (w->n_events && w->event[first].at_ns <= next &&
		    w->event[first].at_ns <= until_ns) {
			struct world_event event = w->event[first];

			/* In order: the network without chaos does not overtake. */
			memmove(&w->event[first], &w->event[first + 1],
				(--w->n_events - first) * sizeof(event));
			w->now = event.at_ns > w->now ? event.at_ns : w->now;
			world_event_fires(w, event);
		} else if (next <= until_ns) {
			w->now = next > w->now ? next : w->now;
			prober_advance(w->prober, w->now);
		} else {
			break;
		}
	}
	w->now = until_ns;
}

static void
world_restart(struct world *w, struct world_peer *peer)
{
	peer->incarnation++;
	peer->session = ++w->next_session;
}

static void
world_toggle_target(struct world *w, struct world_peer *peer, struct world_target *slot)
{
	struct prober_target_config config = fake_target_config((5 + world_random(w, 200)) * MS);

	if (slot->target) {
		if (world_random(w, 2)) {
			prober_target_stop(slot->target, w->now);
		} else {
			prober_target_remove(slot->target);
			slot->target = NULL;
		}
		return;
	}
	config.phase_ns = PROBER_PHASE_RANDOM;
	config.count = world_random(w, 2) ? world_random(w, 50) : 0;
	*slot = (struct world_target){0};
	assert_int_equal(prober_target_add(peer->peer, &config, slot, w->now, &slot->target), 0);
}

/* Something happens. */
static void
world_act(struct world *w)
{
	struct world_peer *peer = &w->peer[world_random(w, PEERS)];
	uint64_t dice = world_random(w, 100);

	if (dice < 10)
		world_toggle_target(w, peer, &peer->target[world_random(w, TARGETS)]);
	else if (dice < 12)
		world_restart(w, peer);
	else if (!w->chaos)
		return;
	else if (dice < 14)
		peer->dead = !peer->dead;
	else if (dice < 15)
		prober_device_down(w->device, "down", w->now);
	else if (dice < 20)
		prober_device_up(w->device, w->now);
	else if (dice < 21)
		prober_peer_renew(peer->peer, w->now);
	else if (dice < 22)
		prober_sign_of_life(peer->peer, w->now);
	else if (dice < 40)
		prober_path_ready(peer->peer, w->now);
	else if (dice < 41)
		peer->session = ++w->next_session; /* the responder forgets us */
}

static void
world_check_sum(const struct probe_totals *totals, uint64_t in_flight)
{
	uint64_t sum = 0;

	for (int i = 0; i < PROBE_CLASS_N; i++)
		sum += totals->by_class[i];
	assert_int_equal(totals->due, sum + in_flight);
	assert_true(totals->posted <= totals->due);
}

static void
world_check(const struct world *w)
{
	struct prober_device_info device;
	struct probe_totals peers = {0};
	struct prober_stats stats;
	uint64_t in_flight = 0;

	for (int p = 0; p < PEERS; p++) {
		uint64_t of_peer = 0;
		struct probe_totals totals;

		for (int t = 0; t < TARGETS; t++) {
			struct prober_target_info info;

			if (!w->peer[p].target[t].target)
				continue;
			prober_target_info(w->peer[p].target[t].target, &info);
			world_check_sum(&info.totals, info.in_flight);
			of_peer += info.in_flight;
		}
		prober_peer_totals(w->peer[p].peer, &totals);
		world_check_sum(&totals, of_peer);
		probe_totals_add(&peers, &totals);
		in_flight += of_peer;
	}
	prober_stats(w->prober, &stats);
	prober_device_info(w->device, w->now, &device);
	assert_int_equal(stats.in_flight, in_flight);
	assert_int_equal(device.in_flight, in_flight);
	assert_memory_equal(&stats.totals, &peers, sizeof(peers));
	assert_memory_equal(stats.totals.by_class, w->told.by_class, sizeof(w->told.by_class));
}

/* Every probe ends, in the end, when the world calms down. */
static void
world_settle(struct world *w)
{
	w->chaos = false;
	prober_device_up(w->device, w->now);
	for (int p = 0; p < PEERS; p++) {
		w->peer[p].dead = false;
		for (int t = 0; t < TARGETS; t++) {
			if (w->peer[p].target[t].target)
				prober_target_stop(w->peer[p].target[t].target, w->now);
		}
	}
	world_run_to(w, w->now + 60 * SEC);
	world_check(w);
	for (int p = 0; p < PEERS; p++) {
		for (int t = 0; t < TARGETS; t++) {
			struct prober_target_info info;

			if (!w->peer[p].target[t].target)
				continue;
			prober_target_info(w->peer[p].target[t].target, &info);
			assert_int_equal(info.in_flight, 0);
		}
	}
}

static void
world_begin(struct world *w, uint64_t seed, bool chaos)
{
	struct prober_config config = {
		.ops = &world_ops,
		.arg = w,
		.timeout_ns = TIMEOUT,
		.epoch = (uint32_t)seed,
		.random = seed,
	};

	*w = (struct world){.now = 1000 * SEC, .random = seed, .chaos = chaos};
	assert_int_equal(prober_new(&config, &w->prober), 0);
	assert_int_equal(prober_device_add(w->prober, chaos ? 300 : 100000, &w->device), 0);
	prober_device_up(w->device, w->now);
	for (int p = 0; p < PEERS; p++) {
		struct world_peer *peer = &w->peer[p];

		world_restart(w, peer);
		peer->delay_ns = (1 + world_random(w, 30)) * MS;
		assert_int_equal(prober_peer_add(w->prober, w->device, peer, w->now, &peer->peer),
				 0);
	}
}

static void
world_live(struct world *w, uint64_t seed, bool chaos, int steps, struct probe_totals *sum)
{
	struct prober_stats stats;

	world_begin(w, seed, chaos);
	for (int i = 0; i < steps; i++) {
		world_act(w);
		world_run_to(w, w->now + world_random(w, 20 * MS));
		world_check(w);
	}
	world_settle(w);
	prober_stats(w->prober, &stats);
	probe_totals_add(sum, &stats.totals);
	prober_free(w->prober);
}

static struct world world;

static void
test_chaos(void **state)
{
	struct probe_totals sum = {0};

	(void)state;
	for (uint64_t seed = 1; seed <= 200; seed++)
		world_live(&world, seed, true, 2000, &sum);
	/* The run is worth something only if it went everywhere. */
	for (int i = 0; i < PROBE_CLASS_N; i++)
		assert_true(sum.by_class[i] > 100);
}

/* Only restarts: no probe may look as if the network had lost it. */
static void
test_restarts(void **state)
{
	struct probe_totals sum = {0};

	(void)state;
	for (uint64_t seed = 1; seed <= 50; seed++)
		world_live(&world, seed, false, 2000, &sum);
	assert_true(sum.by_class[PROBE_OK] > 10000);
	assert_true(sum.by_class[PROBE_PEER_RESTARTED] > 1000);
	assert_int_equal(sum.by_class[PROBE_LOST], 0);
	assert_int_equal(sum.by_class[PROBE_LATE], 0);
	assert_int_equal(sum.by_class[PROBE_ACK1_MISSING], 0);
	assert_int_equal(sum.by_class[PROBE_ACK2_MISSING], 0);
	assert_int_equal(sum.by_class[PROBE_PEER_DOWN], 0);
	assert_int_equal(sum.by_class[PROBE_UNRESOLVED], 0);
	assert_int_equal(sum.by_class[PROBE_LOCAL_ERROR], 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chaos),
		cmocka_unit_test(test_restarts),
	};

	return cmocka_run_group_tests_name("prober_random", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loss while our own host stalls again and again. The network loses a known share of the probes,
 * and the host reads nothing while it does not run; a queue that overflows then loses more. The
 * 95 % intervals of the windows must hold the share that the network loses. Or a peer claims that
 * its host stalls, for ever.
 */
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
#include "stat/noise.h"

#define MS NSEC_PER_MSEC
#define SEC NSEC_PER_SEC
#define LOSS 0.2
#define RTT (30 * MS)
#define QUEUE 64 /* ACKs that fit into the receive queue */
#define ROOM 4096
#define SEEDS 60

struct stall_ack {
	uint64_t seq, at_ns;
};

struct world {
	struct prober *prober;
	struct prober_peer *peer;
	struct noise noise;
	uint64_t now, random;
	struct stall_ack ack[ROOM]; /* a ring, in the order of arrival */
	uint32_t head, tail;
	bool asked;
	bool liar; /* all ACKs claim a stall of 65 s; our own host does not stall */
	uint32_t windows, held, overflows;
};

static double
draw(struct world *w)
{
	uint64_t z = w->random += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

static struct prober_session
session_of_peer(void)
{
	struct prober_session s = {.qpn = 17, .incarnation = 1, .session = 500, .max_size = 4096};

	s.addr.raw[15] = 2;
	return s;
}

static int
world_send(void *arg, void *peer_user, const struct prober_packet *packet, struct prober_tx *tx,
	   const char **reason)
{
	struct world *w = arg;
	struct wire_message m;

	(void)peer_user;
	(void)reason;
	assert_int_equal(wire_decode(packet->payload, packet->size, &m), 0);
	if (draw(w) >= LOSS) {
		w->ack[w->tail++ % ROOM] = (struct stall_ack){m.seq, w->now + RTT};
		assert_true(w->tail - w->head < ROOM);
	}
	*tx = (struct prober_tx){.t1_ns = w->now, .t2.ns = w->now, .done = true};
	return 0;
}

static void
world_resolve(void *arg, void *peer_user)
{
	(void)peer_user;
	((struct world *)arg)->asked = true;
}

static void
world_result(void *arg, void *target_user, const struct probe_result *r)
{
	(void)arg;
	(void)target_user;
	(void)r;
}

static void
world_done(void *arg, void *target_user)
{
	(void)arg;
	(void)target_user;
}

static void
world_state(void *arg, void *peer_user, enum prober_peer_state from, enum prober_peer_state to)
{
	(void)arg;
	(void)peer_user;
	(void)from;
	(void)to;
}

static void
world_window(void *arg, struct prober_device *device, struct prober_target *target,
	     const struct window *window)
{
	struct world *w = arg;
	struct interval loss;

	(void)device;
	if (!target || window->cut)
		return;
	window_loss(window, 0.95, &loss);
	w->windows++;
	w->held += loss.low <= LOSS && LOSS <= loss.high;
}

static const struct prober_ops ops = {
	.send = world_send,
	.resolve = world_resolve,
	.result = world_result,
	.target_done = world_done,
	.window = world_window,
	.peer_state = world_state,
};

static void
deliver(struct world *w, uint64_t seq, enum probe_wire_type type)
{
	const struct prober_session session = session_of_peer();
	struct wire_message m = {.type = type,
				 .length = PROBE_WIRE_SIZE_MIN,
				 .seq = seq,
				 .session = session.session};
	const bool claims = w->liar && type == PROBE_WIRE_ACK2;
	uint8_t payload[PROBE_WIRE_SIZE_MIN];
	struct prober_rx rx = {.src = session.addr,
			       .src_qpn = session.qpn,
			       .payload = payload,
			       .len = sizeof(payload),
			       .t5.ns = w->now};

	if (claims) {
		m.ack2.noise = true;
		m.ack2.stall_ms = 65000;
	}
	wire_encode(&m, payload);
	prober_received(w->prober, &rx, w->now);
}

/* All that has arrived; of what came while nobody read, only as much as the queue holds. */
static void
read_acks(struct world *w)
{
	uint32_t n = 0;

	for (; w->head != w->tail && w->ack[w->head % ROOM].at_ns <= w->now; w->head++) {
		if (n++ >= QUEUE) {
			w->overflows++;
			continue;
		}
		deliver(w, w->ack[w->head % ROOM].seq, PROBE_WIRE_ACK1);
		deliver(w, w->ack[w->head % ROOM].seq, PROBE_WIRE_ACK2);
	}
}

static uint64_t
next_ns(const struct world *w)
{
	uint64_t next = prober_next_ns(w->prober);

	if (w->head != w->tail && w->ack[w->head % ROOM].at_ns < next)
		next = w->ack[w->head % ROOM].at_ns;
	return next;
}

/* The loop wakes: late by a stall or not. */
static void
wake(struct world *w, uint64_t asked_ns, uint64_t late_ns)
{
	const struct prober_session session = session_of_peer();

	if (asked_ns < w->now)
		asked_ns = w->now;
	w->now = asked_ns + late_ns;
	noise_woke(&w->noise, asked_ns, w->now);
	read_acks(w);
	prober_advance(w->prober, w->now);
	if (w->asked) {
		w->asked = false;
		prober_resolved(w->peer, &session, w->now, w->now);
	}
}

static struct prober_target *
begin(struct world *w, uint64_t seed, uint64_t interval_ns)
{
	struct prober_config config = {.ops = &ops,
				       .arg = w,
				       .timeout_ns = 500 * MS,
				       .epoch = (uint32_t)seed,
				       .random = seed,
				       .noise = &w->noise};
	struct prober_target_config target = {.kind = PROBE_KIND_MESH,
					      .interval_ns = interval_ns,
					      .sizes = {50},
					      .n_sizes = 1};
	struct prober_device *device;
	struct prober_target *out;

	*w = (struct world){.now = 100 * SEC, .random = seed, .windows = w->windows,
			    .held = w->held, .overflows = w->overflows};
	assert_int_equal(prober_new(&config, &w->prober), 0);
	assert_int_equal(prober_device_add(w->prober, 10000, &device), 0);
	prober_device_up(device, w->now);
	assert_int_equal(prober_peer_add(w->prober, device, w, w->now, &w->peer), 0);
	assert_int_equal(prober_target_add(w->peer, &target, w, w->now, &out), 0);
	return out;
}

static void
live(struct world *w, uint64_t seed)
{
	uint64_t stall_ns;

	begin(w, seed, 10 * MS);
	stall_ns = w->now + 5 * SEC;
	while (w->now < 200 * SEC) {
		uint64_t late_ns = 20000;

		if (w->now >= stall_ns) {
			late_ns = (uint64_t)((0.3 + 1.2 * draw(w)) * (double)SEC);
			stall_ns = w->now + late_ns + (uint64_t)((0.5 + 2 * draw(w)) * (double)SEC);
		}
		wake(w, next_ns(w), late_ns);
	}
	prober_free(w->prober);
}

static void
test_loss_under_stalls(void **state)
{
	static struct world world;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		live(&world, seed);
	print_message("%u of %u windows hold it\n", world.held, world.windows);
	assert_true(world.windows > 8 * SEEDS);
	assert_true(10 * world.held >= 9 * world.windows);
}

/* What the windows are without is said. */
static void
test_claimed_for_ever(void **state)
{
	static struct world world;
	struct prober_target_info info;

	(void)state;
	for (int liar = 0; liar < 2; liar++) {
		const struct prober_target *target = begin(&world, 1, SEC);

		world.liar = liar;
		while (world.now < 400 * SEC)
			wake(&world, next_ns(&world), 20000);
		prober_target_info(target, &info);
		assert_int_equal(lasting_since_ns(&info.lasting, LASTING_NOISY) != 0, liar);
		prober_free(world.prober);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loss_under_stalls),
		cmocka_unit_test(test_claimed_for_ever),
	};

	return cmocka_run_group_tests_name("prober_stall", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flow table in a long and busy life: 100,000 QPs, 10,000 of them coming and 10,000 going each
 * simulated second.
 *
 * The kernel (truth) tells what it does through a bounded ring, which drops events when it is full
 * and knows what it dropped. The consumer takes events in at a limited speed and stops now and
 * then. Dumps run beside the events, and some fail midway. A mirror takes in the same events by the
 * simplest means: arrays, and the words of flows.h.
 *
 * Whatever happens: table and mirror have the same QPs and flows, each event is in the ring,
 * dropped, or counted once, flows begin and end in pairs, and memory stays in its bounds. After
 * each complete dump during which nothing was dropped, the table is the truth.
 *
 *     sim_flows [seeds [first seed [simulated seconds]]]
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/trace/flows_fake.h"
#include "trace/flows.h"

#define DEVICES 2
#define QPNS 65536
#define NUMBERS (DEVICES * QPNS)
#define ALIVE 100000
#define PATHS 20000             /* of a device; 0 is none */
#define RING 16384              /* events */
#define TICK_NS 1000000ULL
#define CHANGES 10              /* QPs that come, and that go, each tick */
#define BUDGET 3000             /* events taken in each tick */
#define LISTED 1500             /* numbers that a dump gets through each tick */
#define DUMP_EVERY 1500         /* ticks */
#define NO_STATE 255
#define MAX_FLOW_ID (1u << 24)

/* A QP, in truth or in the mirror. */
struct sim_qp {
	bool alive, outlives;
	uint8_t state;
	uint16_t path;
	uint32_t owner;
	uint32_t place;         /* in the list of those that are alive, or of free numbers */
};

struct sim {
	uint64_t seed, random, now_ns;
	const char *failed;     /* the first invariant that did not hold */
	bool limited; /* less room than there are QPs: the mirror does not know what got in */
	struct flows *flows;

	struct sim_qp truth[NUMBERS], mirror[NUMBERS];
	uint32_t number[NUMBERS];       /* those alive first, then the free ones */
	uint32_t n_alive, n_mirror, n_mirror_flows;
	uint32_t members[DEVICES][PATHS];

	struct qp_event ring[RING];
	uint32_t first, n;
	uint64_t produced, dropped, consumed, bad, unknown, dropped_before_dump;
	uint32_t pause;         /* ticks */

	bool dumping, dump_fails;
	uint32_t cursor;
	uint64_t dump_began_ns;
	uint32_t dumps, dumps_exact, dumps_failed;

	uint8_t living[MAX_FLOW_ID / 8];
	uint64_t began, ended;
};

static uint32_t
sim_random(struct sim *s, uint32_t n)
{
	s->random = s->random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)((s->random >> 33) % n);
}

static void
sim_check(struct sim *s, bool holds, const char *what)
{
	if (!holds && !s->failed)
		s->failed = what;
}

/* What the table tells. */

static uint64_t
sim_id(struct sim *s, const struct flow *flow)
{
	struct flow_info info;

	flow_info(flow, &info);
	sim_check(s, info.id > 0 && info.id < MAX_FLOW_ID, "ids are small");
	return info.id % MAX_FLOW_ID;
}

static bool
sim_is_living(struct sim *s, uint64_t id)
{
	return s->living[id / 8] & 1u << id % 8;
}

static void
sim_began(void *arg, struct flow *flow)
{
	struct sim *s = arg;
	uint64_t id = sim_id(s, flow);

	sim_check(s, !sim_is_living(s, id), "a flow begins once");
	s->living[id / 8] |= (uint8_t)(1u << id % 8);
	s->began++;
}

static void
sim_ended(void *arg, struct flow *flow)
{
	struct sim *s = arg;
	uint64_t id = sim_id(s, flow);

	sim_check(s, sim_is_living(s, id), "a flow ends once, after it began");
	s->living[id / 8] &= (uint8_t)~(1u << id % 8);
	s->ended++;
}

static void
sim_event(void *arg, const struct qp_event *e, const struct flow_qp *qp)
{
	struct sim *s = arg;

	sim_check(s, qp->qpn == e->qpn && qp->device_index == e->device_index,
		  "an event is told with its QP");
	sim_check(s, !qp->flow || sim_is_living(s, sim_id(s, qp->flow)),
		  "no event of a flow that has ended");
}

/* The mirror. */

static uint16_t
sim_flow_of(const struct sim_qp *qp)
{
	return qp->alive && qp->state >= FAKE_RTR && qp->state <= FAKE_SQE ? qp->path : 0;
}

static void
mirror_set(struct sim *s, uint32_t number, struct sim_qp to)
{
	struct sim_qp *qp = &s->mirror[number];
	uint32_t *members = s->members[number / QPNS];
	uint16_t before = sim_flow_of(qp), after = sim_flow_of(&to);

	if (after && members[after]++ == 0)
		s->n_mirror_flows++;
	if (before && --members[before] == 0)
		s->n_mirror_flows--;
	s->n_mirror += to.alive;
	s->n_mirror -= qp->alive;
	*qp = to;
}

static void
mirror_take(struct sim *s, const struct qp_event *e)
{
	uint32_t number = e->device_index * QPNS + e->qpn % QPNS;
	struct sim_qp qp = s->mirror[number];
	bool another = !qp.alive || e->type == QP_EVENT_CREATE || qp.owner != e->owner_tgid;

	if (e->qpn >= QPNS) { /* the only bad ones here */
		s->bad++;
		return;
	}
	if (e->type == QP_EVENT_DESTROY) {
		s->unknown += another;
		if (!another)
			mirror_set(s, number, (struct sim_qp){0});
		return;
	}
	if (another)
		qp = (struct sim_qp){.alive = true, .state = NO_STATE, .owner = e->owner_tgid};
	qp.outlives |= s->dumping && e->time_ns >= s->dump_began_ns;
	if (e->flags & QP_EVENT_HAS_STATE)
		qp.state = e->state;
	if (e->flags & QP_EVENT_HAS_AV)
		qp.path = (uint16_t)(e->dgid[14] << 8 | e->dgid[15]);
	if (qp.state < FAKE_RTR)
		qp.path = 0;
	mirror_set(s, number, qp);
}

/* The ring. */

static void
ring_push(struct sim *s, const struct qp_event *e)
{
	s->produced++;
	if (s->n == RING) {
		s->dropped++;
		return;
	}
	s->ring[(s->first + s->n++) % RING] = *e;
}

static void
ring_take(struct sim *s, uint32_t most)
{
	for (; s->n && most; most--) {
		const struct qp_event *e = &s->ring[s->first];

		mirror_take(s, e);
		flows_event(s->flows, e, s->now_ns);
		s->consumed++;
		s->first = (s->first + 1) % RING;
		s->n--;
	}
}

/* The kernel. */

static struct qp_event
truth_event(const struct sim *s, uint8_t type, uint32_t number)
{
	struct qp_event e = fake_event(type, number / QPNS, number % QPNS);

	e.time_ns = s->now_ns;
	e.owner_tgid = s->truth[number].owner;
	return e;
}

/* to: of enum ib_qp_state; path: 0 if the call says nothing of it */
static void
truth_modify(struct sim *s, uint32_t number, uint8_t to, uint16_t path)
{
	struct sim_qp *qp = &s->truth[number];
	struct qp_event e = truth_event(s, QP_EVENT_MODIFY, number);

	fake_state(&e, to);
	qp->state = to;
	if (path) {
		fake_path(&e, path, 0x11);
		qp->path = path;
	}
	if (to < FAKE_RTR)
		qp->path = 0;
	ring_push(s, &e);
}

static void
truth_connect(struct sim *s, uint32_t number)
{
	truth_modify(s, number, FAKE_INIT, 0);
	truth_modify(s, number, FAKE_RTR, (uint16_t)(1 + sim_random(s, PATHS - 1)));
	if (sim_random(s, 20))
		truth_modify(s, number, FAKE_RTS, 0);
}

static void
truth_swap(struct sim *s, uint32_t a, uint32_t b)
{
	uint32_t number = s->number[a];

	s->number[a] = s->number[b];
	s->number[b] = number;
}

static void
truth_create(struct sim *s)
{
	/* as often as not the number that was freed last */
	uint32_t at = s->n_alive + (sim_random(s, 2) ? 0 : sim_random(s, NUMBERS - s->n_alive));
	uint32_t number = s->number[at];

	truth_swap(s, at, s->n_alive++);
	s->truth[number] =
		(struct sim_qp){.alive = true, .state = NO_STATE, .owner = 1 + sim_random(s, 50)};
	struct qp_event e = truth_event(s, QP_EVENT_CREATE, number);

	ring_push(s, &e);
	if (sim_random(s, 50)) /* a few stay as they were born */
		truth_connect(s, number);
}

static void
truth_destroy(struct sim *s)
{
	uint32_t at = sim_random(s, s->n_alive), number = s->number[at];
	struct qp_event e = truth_event(s, QP_EVENT_DESTROY, number);

	if (sim_random(s, 2))
		truth_modify(s, number, FAKE_ERR, 0);
	ring_push(s, &e);
	s->truth[number].alive = false;
	truth_swap(s, at, --s->n_alive);
}

/* Something in the life of a QP. */
static void
truth_change(struct sim *s)
{
	uint32_t number = s->number[sim_random(s, s->n_alive)];
	struct qp_event e = truth_event(s, QP_EVENT_MODIFY, number);

	switch (sim_random(s, 4)) {
	case 0:
		truth_modify(s, number, FAKE_ERR, 0);
		truth_modify(s, number, FAKE_RESET, 0);
		truth_connect(s, number);
		break;
	case 1:
		if (s->truth[number].path)
			truth_modify(s, number, FAKE_SQD, (uint16_t)(1 + sim_random(s, PATHS - 1)));
		break;
	case 2:
		e.qpn |= 1u << 24; /* cannot be */
		ring_push(s, &e);
		break;
	default:
		ring_push(s, &e); /* timers and the like: no state, no path */
		break;
	}
}

static void
truth_tick(struct sim *s)
{
	for (uint32_t i = 0; i < CHANGES; i++) {
		truth_destroy(s);
		truth_create(s);
	}
	truth_change(s);
}

/* What ib_query_qp() returns of it. */
static void
truth_query(struct sim *s, uint32_t number)
{
	const struct sim_qp *qp = &s->truth[number];
	struct qp_event e = truth_event(s, QP_EVENT_QUERY, number);

	fake_state(&e, qp->state == NO_STATE ? FAKE_RESET : qp->state);
	if (qp->path)
		fake_path(&e, qp->path, 0x11);
	ring_push(s, &e);
}

/* Dumps. */

static void
dump_begin(struct sim *s)
{
	s->dumping = true;
	s->dump_fails = sim_random(s, 4) == 0;
	s->cursor = 0;
	s->dump_began_ns = s->now_ns;
	s->dropped_before_dump = s->dropped;
	flows_dump_begin(s->flows, s->now_ns);
	for (uint32_t i = 0; i < NUMBERS; i++)
		s->mirror[i].outlives = false;
}

static void
dump_list(struct sim *s)
{
	for (uint32_t i = 0; i < LISTED && s->cursor < NUMBERS; i++, s->cursor++) {
		if (!s->truth[s->cursor].alive)
			continue;
		truth_query(s, s->cursor);
		flows_dump_qp(s->flows, s->cursor / QPNS, s->cursor % QPNS);
		s->mirror[s->cursor].outlives = true;
	}
}

/* Every QP in every flow is one of the truth's, and no other is missing. */
static void
dump_check_truth(struct sim *s)
{
	struct flow_info info = {.id = 0};
	struct flows_stats stats;
	struct flow *flow;
	uint32_t in_flows = 0;

	for (uint32_t i = 0; i < NUMBERS; i++)
		in_flows += sim_flow_of(&s->truth[i]) != 0;
	flows_stats(s->flows, &stats);
	sim_check(s, stats.qps == s->n_alive, "after a dump: as many QPs as there are");
	while ((flow = flows_next(s->flows, info.id))) {
		const struct flow_qp_ref *ref = NULL;
		struct flow_qp qp;

		flow_info(flow, &info);
		while ((ref = flow_next_qp(flow, ref, &qp))) {
			const struct sim_qp *truth = &s->truth[qp.device_index * QPNS + qp.qpn];

			sim_check(s,
				  sim_flow_of(truth) ==
					  (info.key.dgid.raw[14] << 8 | info.key.dgid.raw[15]),
				  "after a dump: each QP is in its flow");
			sim_check(s, truth->state == qp.state && truth->owner == qp.owner_tgid,
				  "after a dump: state and owner");
			in_flows--;
		}
	}
	sim_check(s, in_flows == 0, "after a dump: no QP is missing in its flow");
	s->dumps_exact++;
}

static void
dump_end(struct sim *s)
{
	ring_take(s, RING);
	flows_dump_end(s->flows, !s->dump_fails, s->now_ns);
	s->dumping = false;
	s->dumps++;
	s->dumps_failed += s->dump_fails;
	if (s->dump_fails)
		return;
	for (uint32_t i = 0; i < NUMBERS; i++)
		if (s->mirror[i].alive && !s->mirror[i].outlives)
			mirror_set(s, i, (struct sim_qp){0});
	if (!s->limited && s->dropped == s->dropped_before_dump)
		dump_check_truth(s);
}

static void
dump_tick(struct sim *s, uint32_t tick)
{
	if (!s->dumping && tick % DUMP_EVERY == 0)
		dump_begin(s);
	if (!s->dumping)
		return;
	dump_list(s);
	if (s->cursor == NUMBERS || (s->dump_fails && s->cursor > NUMBERS / 2))
		dump_end(s);
}

/* All of it. */

static void
sim_check_sums(struct sim *s, uint32_t max_qps)
{
	struct flows_stats stats;

	flows_stats(s->flows, &stats);
	sim_check(s, stats.qps <= max_qps, "no more QPs than may be");
	sim_check(s, s->produced == s->consumed + s->dropped + s->n,
		  "each event is taken, dropped, or in the ring");
	sim_check(s, stats.events == s->consumed, "each event is counted");
	sim_check(s, stats.bad == s->bad, "bad events are counted");
	sim_check(s, stats.created + stats.found == stats.destroyed + stats.vanished + stats.qps,
		  "QPs come and go in pairs");
	sim_check(s, stats.flows_began == s->began && stats.flows_ended == s->ended,
		  "beginnings and ends are counted");
	sim_check(s, s->began - s->ended == stats.flows,
		  "flows that are alive began and have not ended");
	sim_check(s, s->limited == (stats.over_qps > 0) || stats.events == 0,
		  "only what has no room is over");
	if (s->limited)
		return;
	sim_check(s, stats.qps == s->n_mirror, "as many QPs as in the mirror");
	sim_check(s, stats.flows == s->n_mirror_flows, "as many flows as in the mirror");
	sim_check(s, stats.destroyed_unknown == s->unknown, "ends of unknown QPs are counted");
}

static void
sim_tick(struct sim *s, uint32_t tick)
{
	s->now_ns += TICK_NS;
	truth_tick(s);
	if (s->pause) {
		s->pause--;
		return;
	}
	dump_tick(s, tick);
	ring_take(s, BUDGET);
	if (sim_random(s, 1000) == 0)
		s->pause = sim_random(s, 400); /* the ring is full after about 270 */
}

static void
sim_populate(struct sim *s)
{
	for (uint32_t i = 0; i < NUMBERS; i++)
		s->number[i] = i;
	for (uint32_t i = 0; i < NUMBERS - 1; i++)
		truth_swap(s, i, i + sim_random(s, NUMBERS - i));
	while (s->n_alive < ALIVE)
		truth_create(s);
	/* nobody listened */
	s->n = 0;
	s->produced = s->dropped = 0;
}

static int
sim_run(struct sim *s, uint64_t seed, uint32_t ticks)
{
	static const struct flows_ops ops = {.began = sim_began,
					     .ended = sim_ended,
					     .event = sim_event};
	struct flows_config config = {
		.max_qps = seed % 3 ? NUMBERS : ALIVE / 4, .max_flows = DEVICES * PATHS,
		.kernel = {6, 1, true}, .ops = &ops, .arg = s};
	uint32_t tick;

	memset(s, 0, sizeof(*s));
	s->seed = s->random = seed;
	s->limited = config.max_qps < ALIVE;
	if (flows_new(&config, &s->flows))
		return -ENOMEM;
	sim_populate(s);
	for (tick = 0; tick < ticks && !s->failed; tick++) {
		sim_tick(s, tick);
		if (tick > DUMP_EVERY)
			sim_check_sums(s, config.max_qps);
	}
	sim_check(s, s->dumps > 0, "dumps were run");
	flows_free(s->flows);
	sim_check(s, s->began == s->ended, "all flows end");
	printf("# seed %llu: %llu events, %llu dropped, %u dumps, %u failed, %u compared with the "
	       "truth, %llu flows\n",
	       (unsigned long long)seed, (unsigned long long)s->produced,
	       (unsigned long long)s->dropped, s->dumps, s->dumps_failed, s->dumps_exact,
	       (unsigned long long)s->began);
	if (s->failed)
		printf("# seed %llu, tick %u: broken: %s\n", (unsigned long long)seed, tick,
		       s->failed);
	return s->failed ? -EINVAL : 0;
}

int
main(int argc, char **argv)
{
	unsigned long long seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : 3,
			   first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	uint32_t seconds = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 10;
	struct sim *s = malloc(sizeof(*s));
	bool failed = false;

	if (!s)
		return EXIT_FAILURE;
	printf("1..%llu\n", seeds);
	for (unsigned long long i = 0; i < seeds; i++) {
		bool ok = sim_run(s, first + i, seconds * 1000) == 0;

		printf("%sok %llu - flows, seed %llu\n", ok ? "" : "not ", i + 1, first + i);
		fflush(stdout);
		failed |= !ok;
	}
	free(s);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

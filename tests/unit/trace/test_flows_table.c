/* SPDX-License-Identifier: Apache-2.0 */
/* The flow table as a whole: limits, dumps, walks, memory, and a random life against a model. */
#include "flows_told.h"

#include <errno.h>

/* Allocations until one fails; negative: never. */
static long memory = -1;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);

static bool
memory_left(void)
{
	return memory < 0 || memory-- > 0;
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return memory_left() ? __real_calloc(n, size) : NULL;
}

void *
__wrap_malloc(size_t size)
{
	return memory_left() ? __real_malloc(size) : NULL;
}

void *
__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return memory_left() ? __real_reallocarray(p, n, size) : NULL;
}

/* What finds no room is counted, and taken in by a later dump when there is room again. */
static void
test_max_qps(void **state)
{
	struct flows *flows = table_new(2, 10);

	(void)state;
	connect_qp(flows, 5, 2);
	connect_qp(flows, 6, 2);
	uint32_t events = told.events;

	connect_qp(flows, 7, 2);
	destroy(flows, 7);
	assert_int_equal(told.events, events);
	assert_int_equal(stats(flows).qps, 2);
	assert_int_equal(stats(flows).over_qps, 4);
	assert_int_equal(stats(flows).destroyed_unknown, 1);
	destroy(flows, 5);
	query(flows, 7, FAKE_RTS, 3);
	assert_int_equal(stats(flows).qps, 2);
	assert_int_equal(stats(flows).flows, 2);
	assert_true(told.qp.found);
	table_free(flows);
}

static void
test_max_flows(void **state)
{
	struct flows *flows = table_new(10, 1);

	(void)state;
	connect_qp(flows, 5, 2);
	connect_qp(flows, 6, 3);
	query(flows, 6, FAKE_RTS, 3);
	assert_int_equal(stats(flows).flows, 1);
	assert_int_equal(stats(flows).over_flows, 1); /* a QP, not each of its events */
	destroy(flows, 5);
	uint32_t events = told.events;

	query(flows, 6, FAKE_RTS, 3); /* says nothing new, but there is room now */
	assert_int_equal(stats(flows).flows, 1);
	assert_int_equal(stats(flows).over_flows, 1);
	assert_int_equal(told.events, events + 1);
	assert_non_null(told.qp.flow);
	table_free(flows);
}

static void
test_dump(void **state)
{
	struct flows *flows = table_new(10, 10);

	(void)state;
	connect_qp(flows, 5, 2);
	connect_qp(flows, 6, 3);
	create(flows, 7);
	flows_dump_end(flows, true, 100); /* of no dump */
	flows_dump_begin(flows, 100);
	flows_dump_qp(flows, 1, 5);
	flows_dump_qp(flows, 1, 99);
	flows_dump_qp(flows, 2, 6); /* another device's */
	flows_dump_end(flows, false, 200);
	assert_int_equal(stats(flows).qps, 3);
	flows_dump_begin(flows, 300);
	flows_dump_qp(flows, 1, 6);
	flows_dump_begin(flows, 400); /* anew: what the first one listed does not count */
	flows_dump_qp(flows, 1, 5);
	flows_dump_end(flows, true, 500);
	assert_int_equal(stats(flows).qps, 1);
	assert_int_equal(stats(flows).flows, 1);
	assert_int_equal(stats(flows).vanished, 2);
	assert_int_equal(told.last_ended, 2);
	flows_dump_begin(flows, 600);
	flows_dump_end(flows, true, 700);
	assert_int_equal(stats(flows).qps, 0);
	table_free(flows);
}

static void
event_at(struct flows *flows, uint8_t type, uint32_t qpn, uint64_t time_ns)
{
	struct qp_event e = fake_event(type, 1, qpn);

	e.time_ns = time_ns;
	flows_event(flows, &e, 1000);
}

/* Only what happened since the dump began shows that a QP outlives it. */
static void
test_events_during_a_dump(void **state)
{
	struct flows *flows = table_new(10, 10);

	(void)state;
	for (uint32_t qpn = 1; qpn <= 4; qpn++)
		create(flows, qpn);
	flows_dump_begin(flows, 500);
	event_at(flows, QP_EVENT_MODIFY, 1, 499); /* waited in the ring: its DESTROY may be lost */
	event_at(flows, QP_EVENT_MODIFY, 2, 500);
	event_at(flows, QP_EVENT_CREATE, 5, 499); /* as old: a QP that lives would be listed */
	event_at(flows, QP_EVENT_CREATE, 6, 501);
	event_at(flows, QP_EVENT_CREATE, 3, 502); /* a new QP by a known number */
	flows_dump_qp(flows, 1, 4);
	event_at(flows, QP_EVENT_DESTROY, 4, 503);
	flows_dump_end(flows, true, 600);
	assert_int_equal(stats(flows).qps, 3);
	assert_int_equal(stats(flows).vanished, 3);
	destroy(flows, 2);
	destroy(flows, 3);
	destroy(flows, 6);
	assert_int_equal(stats(flows).qps, 0);
	table_free(flows);
}

/* Ids with gaps: each walk from anywhere sees those that are alive, in order. */
static void
test_walk(void **state)
{
	struct flows *flows = table_new(1000, 1000);
	struct flow_info info;

	(void)state;
	assert_null(flows_next(flows, 0));
	for (uint32_t i = 1; i <= 1000; i++)
		connect_qp(flows, i, (uint16_t)i);
	for (uint32_t i = 1; i <= 1000; i++)
		if (i % 7 || i > 900)
			destroy(flows, i);
	for (uint64_t after = 0; after < 1100; after++) {
		uint64_t expect = after / 7 * 7 + 7;
		struct flow *flow = flows_next(flows, after);

		if (expect > 900) {
			assert_null(flow);
			continue;
		}
		assert_non_null(flow);
		flow_info(flow, &info);
		assert_int_equal(info.id, expect);
	}
	assert_null(flows_next(flows, UINT64_MAX));
	/* the gaps are closed on the way, and ids go on */
	for (uint32_t i = 1; i <= 900; i++)
		if (i % 7)
			connect_qp(flows, i, (uint16_t)i);
	uint64_t id = 0;
	uint32_t n = 0;

	for (struct flow *flow = flows_next(flows, 0); flow; flow = flows_next(flows, id)) {
		flow_info(flow, &info);
		assert_true(info.id > id);
		id = info.id;
		n++;
	}
	assert_int_equal(n, 900);
	assert_int_equal(id, 1000 + 900 - 900 / 7);
	table_free(flows);
}

static void
test_walk_of_qps(void **state)
{
	struct flows *flows = table_new(10, 10);
	const struct flow_qp_ref *ref = NULL;
	struct flow_qp qp;
	uint32_t expect[] = {1, 3, 4}, n = 0;

	(void)state;
	for (uint32_t i = 1; i <= 4; i++)
		connect_qp(flows, i, 2);
	destroy(flows, 2);
	while ((ref = flow_next_qp(flows_next(flows, 0), ref, &qp)))
		assert_int_equal(qp.qpn, expect[n++]);
	assert_int_equal(n, 3);
	table_free(flows);
}

static void
test_clear(void **state)
{
	struct flows *flows = table_new(10, 10);

	(void)state;
	flows_free(NULL);
	connect_qp(flows, 5, 2);
	connect_qp(flows, 6, 3);
	flows_dump_begin(flows, 100);
	flows_clear(flows);
	flows_dump_end(flows, true, 100);
	assert_int_equal(stats(flows).qps, 0);
	assert_int_equal(stats(flows).flows_ended, 2);
	assert_int_equal(stats(flows).vanished, 2);
	connect_qp(flows, 5, 2);
	assert_int_equal(stats(flows).flows, 1);
	table_free(flows);
}

/* Each allocation fails once: the QP or flow has no room then, and has it the next time. */
static void
test_no_memory(void **state)
{
	struct flows_config config = {.max_qps = 1000,
				      .max_flows = 1000,
				      .ops = &told_ops,
				      .arg = &told};
	uint64_t over = 0;
	struct flows *flows;

	(void)state;
	memory = 0;
	assert_int_equal(flows_new(&config, &flows), -ENOMEM);
	memory = -1;
	flows = table_new(1000, 1000);
	for (uint32_t i = 1; i <= 1000; i++) {
		for (memory = 0; stats(flows).flows < i; memory++) {
			long left = memory;

			query(flows, i, FAKE_RTS, (uint16_t)i);
			memory = left;
		}
		memory = -1;
		over = stats(flows).over_qps + stats(flows).over_flows;
	}
	/* at least: the QP, its flow */
	assert_true(over >= 2 * 1000);
	assert_int_equal(stats(flows).qps, 1000);
	for (uint32_t i = 1; i <= 1000; i++)
		destroy(flows, i);
	assert_int_equal(stats(flows).flows, 0);
	assert_int_equal(stats(flows).destroyed, 1000);
	table_free(flows);
}

/*
 * The model: for each QP, what a reader of the header expects of it. Paths are numbers (0: none),
 * so that a flow is a device and a path.
 */
#define MODEL_DEVICES 2
#define MODEL_QPNS 24
#define MODEL_PATHS 5

struct model_qp {
	bool known, outlives;
	int state; /* -1: not known */
	uint16_t path;
};

struct model {
	struct model_qp qp[MODEL_DEVICES][MODEL_QPNS];
	uint64_t random, now;
	bool dumping;
};

static uint32_t
model_random(struct model *m, uint32_t n)
{
	m->random = m->random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)((m->random >> 33) % n);
}

static uint16_t
model_flow(const struct model_qp *qp)
{
	return qp->known && qp->state >= FAKE_RTR && qp->state <= FAKE_SQE ? qp->path : 0;
}

static void
model_event(struct model *m, struct flows *flows)
{
	uint32_t device = model_random(m, MODEL_DEVICES), qpn = model_random(m, MODEL_QPNS);
	struct model_qp *qp = &m->qp[device][qpn];
	uint8_t type = (uint8_t)(1 + model_random(m, 4)),
		to = (uint8_t)model_random(m, FAKE_N_STATES);
	struct qp_event e = fake_event(type, device, qpn);

	e.time_ns = m->now;
	if (type == QP_EVENT_DESTROY || type == QP_EVENT_CREATE)
		*qp = (struct model_qp){.known = type == QP_EVENT_CREATE,
					.state = -1,
					.outlives = m->dumping};
	if (type == QP_EVENT_MODIFY || type == QP_EVENT_QUERY) {
		if (!qp->known)
			*qp = (struct model_qp){.known = true, .state = -1};
		qp->outlives |= m->dumping;
		uint16_t path = (uint16_t)model_random(m, MODEL_PATHS + 1);

		if (model_random(m, 4)) {
			fake_state(&e, to);
			qp->state = to;
		}
		if (path) {
			fake_path(&e, path, path);
			qp->path = path;
		}
		if (qp->state == FAKE_RESET || qp->state == FAKE_INIT)
			qp->path = 0;
	}
	flows_event(flows, &e, m->now);
}

static void
model_dump(struct model *m, struct flows *flows)
{
	if (!m->dumping) {
		flows_dump_begin(flows, m->now);
		m->dumping = true;
		for (int i = 0; i < MODEL_DEVICES * MODEL_QPNS; i++)
			m->qp[i / MODEL_QPNS][i % MODEL_QPNS].outlives = false;
		return;
	}
	bool complete = model_random(m, 3) > 0;

	for (uint32_t i = 0; i < MODEL_DEVICES * MODEL_QPNS; i++) {
		struct model_qp *qp = &m->qp[i / MODEL_QPNS][i % MODEL_QPNS];

		if (model_random(m, 2)) {
			flows_dump_qp(flows, i / MODEL_QPNS, i % MODEL_QPNS);
			qp->outlives = true;
		}
		if (complete && !qp->outlives)
			qp->known = false;
	}
	flows_dump_end(flows, complete, m->now);
	m->dumping = false;
}

static void
model_check(const struct model *m, const struct flows *flows)
{
	uint32_t n_qps = 0, n_flows = 0, in_flows = 0,
		 members[MODEL_DEVICES][MODEL_PATHS + 1] = {{0}};
	struct flow_info info = {.id = 0};
	struct flow *flow;

	for (uint32_t d = 0; d < MODEL_DEVICES; d++)
		for (uint32_t i = 0; i < MODEL_QPNS; i++) {
			uint16_t path = model_flow(&m->qp[d][i]);

			n_qps += m->qp[d][i].known;
			n_flows += path && members[d][path]++ == 0;
			in_flows += path != 0;
		}
	assert_int_equal(stats(flows).qps, n_qps);
	assert_int_equal(stats(flows).flows, n_flows);
	while ((flow = flows_next(flows, info.id))) {
		const struct flow_qp_ref *ref = NULL;
		struct flow_qp qp;

		flow_info(flow, &info);
		assert_int_equal(info.n_qps, members[info.key.device_index][info.key.dgid.raw[15]]);
		while ((ref = flow_next_qp(flow, ref, &qp))) {
			assert_int_equal(model_flow(&m->qp[qp.device_index][qp.qpn]),
					 info.key.dgid.raw[15]);
			in_flows--;
		}
		n_flows--;
	}
	assert_int_equal(n_flows, 0);
	assert_int_equal(in_flows, 0);
}

static void
test_random_life(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct model m = {.random = seed, .now = 10};
		struct flows *flows = table_new(1000, 1000);

		for (int step = 0; step < 2000; step++) {
			m.now++;
			if (model_random(&m, 30))
				model_event(&m, flows);
			else
				model_dump(&m, flows);
			model_check(&m, flows);
		}
		table_free(flows);
	}
}

/* Bytes of any kind: nothing but the bounds and the sums can be said. */
static void
test_random_bytes(void **state)
{
	struct flows *flows = table_new(40, 3);
	struct model m = {.random = 1};

	(void)state;
	for (int step = 0; step < 200000; step++) {
		struct qp_event e;

		for (size_t i = 0; i < sizeof(e); i++)
			((uint8_t *)&e)[i] = (uint8_t)model_random(&m, 256);
		e.type = (uint8_t)model_random(&m, 6);
		e.device_index = 0;
		e.qpn = model_random(&m, 100) ? model_random(&m, 64) : e.qpn;
		e.qp_type = (uint8_t)(model_random(&m, 10) ? FAKE_RC : e.qp_type);
		e.state = (uint8_t)model_random(&m, 8);
		e.gid_type = (uint8_t)model_random(&m, 5);
		e.owner_tgid = model_random(&m, 20) == 0;
		e.flow_label &= 0x100003;
		e.remote_qpn &= 0x1000fff;
		if (model_random(&m, 2)) {
			memset(e.sgid, 0, sizeof(e.sgid));
			memset(e.dgid, model_random(&m, 3) == 0, sizeof(e.dgid));
			e.traffic_class = e.service_level = 0;
			e.flags |= QP_EVENT_HAS_AV | QP_EVENT_HAS_GRH | QP_EVENT_HAS_SGID |
				   QP_EVENT_HAS_STATE;
		}
		flows_event(flows, &e, (uint64_t)step);
		struct flows_stats s = stats(flows);

		assert_in_range(s.qps, 0, 40);
		assert_in_range(s.flows, 0, 3);
	}
	struct flows_stats s = stats(flows);

	/* the bytes went everywhere */
	assert_true(s.bad > 1000);
	assert_true(s.destroyed > 1000);
	assert_true(s.destroyed_unknown > 1000);
	assert_true(s.vanished > 1000);
	assert_true(s.over_qps > 1000);
	assert_true(s.over_flows > 100);
	assert_true(s.flows_began > 100);
	table_free(flows);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_max_qps),
		cmocka_unit_test(test_max_flows),
		cmocka_unit_test(test_dump),
		cmocka_unit_test(test_events_during_a_dump),
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_walk_of_qps),
		cmocka_unit_test(test_clear),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_random_life),
		cmocka_unit_test(test_random_bytes),
	};

	return cmocka_run_group_tests_name("flows_table", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A flow table whose words are kept, for its tests. */
#ifndef RPINGMESH_TESTS_FLOWS_TOLD_H
#define RPINGMESH_TESTS_FLOWS_TOLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "flows_fake.h"
#include "trace/flows.h"

/* What the table told. Each flow that is alive carries `alive` as its user pointer. */
static struct {
	uint32_t began, ended, events;
	uint8_t type;           /* of the last event, and its QP */
	struct flow_qp qp;
	uint64_t last_began, last_ended;
	char alive;
} told;

static void
told_began(void *arg, struct flow *flow)
{
	struct flow_info info;
	struct flow_qp qp;

	assert_ptr_equal(arg, &told);
	flow_info(flow, &info);
	assert_int_equal(info.n_qps, 1);
	assert_null(info.user);
	assert_non_null(flow_next_qp(flow, NULL, &qp));
	assert_ptr_equal(qp.flow, flow);
	assert_true(info.id > told.last_began);
	flow_set_user(flow, &told.alive);
	told.last_began = info.id;
	told.began++;
}

static void
told_ended(void *arg, struct flow *flow)
{
	struct flow_info info;
	struct flow_qp qp;

	assert_ptr_equal(arg, &told);
	flow_info(flow, &info);
	assert_int_equal(info.n_qps, 0);
	assert_null(flow_next_qp(flow, NULL, &qp));
	assert_ptr_equal(info.user, &told.alive);
	flow_set_user(flow, NULL);
	told.last_ended = info.id;
	told.ended++;
}

static void
told_event(void *arg, const struct qp_event *e, const struct flow_qp *qp)
{
	struct flow_info info;

	assert_ptr_equal(arg, &told);
	assert_int_equal(qp->qpn, e->qpn);
	if (qp->flow) {
		flow_info(qp->flow, &info);
		assert_ptr_equal(info.user, &told.alive);
	}
	told.events++;
	told.type = e->type;
	told.qp = *qp;
}

static const struct flows_ops told_ops = {.began = told_began,
					  .ended = told_ended,
					  .event = told_event};

static inline struct flows *
table_new(uint32_t max_qps, uint32_t max_flows)
{
	struct flows_config config = {
		.max_qps = max_qps, .max_flows = max_flows, .kernel = {6, 1, true},
		.ops = &told_ops, .arg = &told};
	struct flows *flows;

	memset(&told, 0, sizeof(told));
	assert_int_equal(flows_new(&config, &flows), 0);
	return flows;
}

static inline struct flows_stats
stats(const struct flows *flows)
{
	struct flows_stats s;

	flows_stats(flows, &s);
	assert_int_equal(s.created + s.found, s.destroyed + s.vanished + s.qps);
	assert_int_equal(s.flows_began, s.flows_ended + s.flows);
	assert_int_equal(s.flows_began, told.began);
	assert_int_equal(s.flows_ended, told.ended);
	return s;
}

static inline void
table_free(struct flows *flows)
{
	flows_free(flows);
	assert_int_equal(told.began, told.ended);
}

static inline void
create(struct flows *flows, uint32_t qpn)
{
	struct qp_event e = fake_event(QP_EVENT_CREATE, 1, qpn);

	flows_event(flows, &e, 10);
}

static inline void
modify(struct flows *flows, uint32_t qpn, uint8_t state)
{
	struct qp_event e = fake_event(QP_EVENT_MODIFY, 1, qpn);

	fake_state(&e, state);
	flows_event(flows, &e, 10);
}

static inline struct qp_event
rtr(uint32_t qpn, uint16_t to)
{
	struct qp_event e = fake_event(QP_EVENT_MODIFY, 1, qpn);

	fake_state(&e, FAKE_RTR);
	fake_path(&e, to, 0x11);
	return e;
}

static inline void
connect_qp(struct flows *flows, uint32_t qpn, uint16_t to)
{
	struct qp_event e = rtr(qpn, to);

	create(flows, qpn);
	modify(flows, qpn, FAKE_INIT);
	flows_event(flows, &e, 10);
	modify(flows, qpn, FAKE_RTS);
}

static inline void
destroy(struct flows *flows, uint32_t qpn)
{
	struct qp_event e = fake_event(QP_EVENT_DESTROY, 1, qpn);

	flows_event(flows, &e, 10);
}

static inline void
query(struct flows *flows, uint32_t qpn, uint8_t state, uint16_t to)
{
	struct qp_event e = fake_event(QP_EVENT_QUERY, 1, qpn);

	fake_state(&e, state);
	if (to)
		fake_path(&e, to, 0x11);
	flows_event(flows, &e, 10);
}

#endif

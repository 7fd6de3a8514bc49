/* SPDX-License-Identifier: Apache-2.0 */
#include "flows_told.h"

/*
 * Every event in every state. Rows: what is known of the QP; columns: the state that the event
 * tells, RESET to ERR.
 * '.' is known and in no flow, 'F' is in a flow.
 */
#define NOTHING_KNOWN 0
#define NO_STATE 1
#define STATE 2
static const char *const with_path = "..FFFF.";
static const char *const without_path[STATE + FAKE_N_STATES] = {
	[NOTHING_KNOWN] = ".......",	  [NO_STATE] = ".......",
	[STATE + FAKE_RESET] = ".......", [STATE + FAKE_INIT] = ".......",
	[STATE + FAKE_RTR] = "..FFFF.",	  [STATE + FAKE_RTS] = "..FFFF.",
	[STATE + FAKE_SQD] = "..FFFF.",	  [STATE + FAKE_SQE] = "..FFFF.",
	[STATE + FAKE_ERR] = "..FFFF.",
};

static struct flows *
table_in(int row)
{
	struct flows *flows = table_new(10, 10);
	uint8_t state = (uint8_t)(row - STATE);

	if (row >= NO_STATE)
		create(flows, 5);
	if (row >= STATE + FAKE_RTR)
		connect_qp(flows, 5, 2);
	if (row >= STATE)
		modify(flows, 5, state);
	return flows;
}

static void
walk_check(int row, uint8_t type, int column, bool path, char expect)
{
	struct flows *flows = table_in(row);
	struct qp_event e = fake_event(type, 1, 5);
	uint32_t before = told.events, n_flows = stats(flows).flows, began = told.began;
	bool news = type != QP_EVENT_QUERY || column != row - STATE;
	struct flow *same = flows_next(flows, 0);

	fake_state(&e, (uint8_t)column);
	if (path)
		fake_path(&e, 2, 0x11);
	e.port = 0; /* not said: it would be news, whatever the state */
	flows_event(flows, &e, 20);
	struct flows_stats s = stats(flows);

	if (s.qps != 1 || s.flows != (expect == 'F') || told.events - before != news)
		fail_msg("row %d type %d state %d path %d: %u qps %u flows %u told", row, type,
			 column, path, s.qps, s.flows, told.events - before);
	/* a flow that goes on is the same one */
	if (n_flows && s.flows) {
		assert_ptr_equal(flows_next(flows, 0), same);
		assert_int_equal(told.began, began);
	}
	if (news)
		assert_int_equal(told.qp.flow != NULL, expect == 'F');
	table_free(flows);
}

static void
test_every_event_in_every_state(void **state)
{
	(void)state;
	for (int row = 0; row < STATE + FAKE_N_STATES; row++)
		for (int column = 0; column < FAKE_N_STATES; column++) {
			walk_check(row, QP_EVENT_MODIFY, column, false, without_path[row][column]);
			walk_check(row, QP_EVENT_MODIFY, column, true, with_path[column]);
			walk_check(row, QP_EVENT_QUERY, column, false, without_path[row][column]);
			walk_check(row, QP_EVENT_QUERY, column, true, with_path[column]);
		}
}

static void
test_create_and_destroy_in_every_state(void **state)
{
	(void)state;
	for (int row = 0; row < STATE + FAKE_N_STATES; row++) {
		struct flows *flows = table_in(row);
		bool in_flow = stats(flows).flows == 1;
		uint32_t events = told.events;
		uint64_t vanished = stats(flows).vanished;

		destroy(flows, 5);
		assert_int_equal(stats(flows).qps, 0);
		assert_int_equal(stats(flows).flows, 0);
		assert_int_equal(stats(flows).destroyed_unknown, row == NOTHING_KNOWN);
		assert_int_equal(told.events - events, row != NOTHING_KNOWN);
		/* a destroyed QP is shown in the flow that it leaves */
		assert_int_equal(row != NOTHING_KNOWN && told.qp.flow != NULL, in_flow);
		assert_int_equal(stats(flows).vanished, vanished);
		table_free(flows);

		flows = table_in(row);
		vanished = stats(flows).vanished;
		create(flows, 5);
		assert_int_equal(stats(flows).qps, 1);
		assert_int_equal(stats(flows).flows, 0);
		assert_int_equal(stats(flows).vanished - vanished, row != NOTHING_KNOWN);
		assert_false(told.qp.has_state || told.qp.has_av || told.qp.found);
		table_free(flows);
	}
}

static void
test_view(void **state)
{
	struct flows *flows = table_new(10, 10);
	struct qp_event e = rtr(5, 2);
	struct flow_info info;
	struct flow_qp qp;

	(void)state;
	create(flows, 5);
	assert_int_equal(told.qp.since_ns, 1);
	assert_false(told.qp.found);
	flows_event(flows, &e, 33);
	modify(flows, 5, FAKE_RTS);
	flow_info(flows_next(flows, 0), &info);
	assert_int_equal(info.id, 1);
	assert_string_equal(info.device, "rdma1");
	assert_int_equal(info.key.device_index, 1);
	assert_memory_equal(info.key.sgid.raw, e.sgid, 16);
	assert_memory_equal(info.key.dgid.raw, e.dgid, 16);
	/* flow label 0x11 by the kernel's folding */
	assert_int_equal(info.key.src_port, 0xc011);
	assert_int_equal(info.key.traffic_class, 106);
	assert_int_equal(info.key.service_level, 3);
	assert_int_equal(info.port, 1);
	assert_int_equal(info.driver_id, FAKE_DRIVER_MLX5);
	assert_int_equal(info.gid_type, QP_EVENT_GID_ROCE_V2);
	assert_int_equal(info.path_mtu, 5);
	assert_int_equal(info.since_ns, 33);
	/* what RTR said is still there after RTS, which says nothing of it */
	assert_non_null(flow_next_qp(flows_next(flows, 0), NULL, &qp));
	assert_int_equal(qp.state, FAKE_RTS);
	assert_true(qp.user && qp.has_state && qp.has_remote && qp.has_av && qp.has_sgid);
	assert_int_equal(qp.remote_qpn, 0x102);
	assert_int_equal(qp.flow_label, 0x11);
	assert_int_equal(qp.hop_limit, 64);
	assert_int_equal(qp.owner_tgid, 1000);
	assert_int_equal(qp.cgroup_id, 77);
	assert_string_equal(qp.owner, "train");
	assert_int_equal(qp.src_port, 0xc011);
	modify(flows, 5, FAKE_RESET);
	assert_false(told.qp.has_remote || told.qp.has_av || told.qp.has_sgid);
	assert_int_equal(told.qp.remote_qpn, 0);
	assert_int_equal(told.qp.src_port, UDP_PORT_UNKNOWN);
	table_free(flows);
}

/* How many flows two QPs make whose second differs as `change` says. */
static uint32_t
flows_of_two(void (*change)(struct qp_event *e))
{
	struct flows *flows = table_new(10, 10);
	struct qp_event first = rtr(5, 2), second = rtr(6, 2);

	change(&second);
	flows_event(flows, &first, 10);
	flows_event(flows, &second, 10);
	uint32_t n = stats(flows).flows;

	table_free(flows);
	return n;
}

static void same(struct qp_event *e) { (void)e; }
static void other_device(struct qp_event *e) { e->device_index = 2; }
static void other_sgid(struct qp_event *e) { e->sgid[15]++; }
static void other_dgid(struct qp_event *e) { e->dgid[0]++; }
static void other_label(struct qp_event *e) { e->flow_label++; }
static void other_class(struct qp_event *e) { e->traffic_class = 0; }
static void other_level(struct qp_event *e) { e->service_level++; }
static void other_remote(struct qp_event *e) { e->remote_qpn++; }
static void other_owner(struct qp_event *e) { e->owner_tgid++; }
static void other_mtu(struct qp_event *e) { e->path_mtu = 3; }
static void other_type(struct qp_event *e) { e->qp_type = FAKE_UC; }
static void loopback(struct qp_event *e) { memcpy(e->dgid, e->sgid, 16); }
static void
no_remote(struct qp_event *e)
{
	e->flow_label = 0;
	e->flags &= ~(uint32_t)QP_EVENT_HAS_REMOTE;
}
static void no_type(struct qp_event *e) { e->gid_type = QP_EVENT_GID_UNKNOWN; }
/* these are in no flow at all */
static void is_ud(struct qp_event *e) { e->qp_type = FAKE_UD; }
static void is_odd(struct qp_event *e) { e->qp_type = 200; }
static void is_roce_v1(struct qp_event *e) { e->gid_type = QP_EVENT_GID_ROCE_V1; }
static void is_ib(struct qp_event *e) { e->gid_type = QP_EVENT_GID_IB; }
static void no_sgid(struct qp_event *e) { e->flags &= ~(uint32_t)QP_EVENT_HAS_SGID; }
static void no_grh(struct qp_event *e) { e->flags &= ~(uint32_t)QP_EVENT_HAS_GRH; }
static void no_state(struct qp_event *e) { e->flags &= ~(uint32_t)QP_EVENT_HAS_STATE; }

static void
test_what_makes_a_flow(void **state)
{
	static void (*const one[])(struct qp_event *
				   e) = {same,	  other_remote, other_owner, other_mtu,	 other_type,
					 no_type, is_ud,	is_odd,	     is_roce_v1, is_ib,
					 no_sgid, no_grh,	no_state};
	static void (*const two[])(struct qp_event * e) = {other_device, other_sgid,  other_dgid,
							   other_label,	 other_class, other_level,
							   loopback,	 no_remote};

	(void)state;
	for (size_t i = 0; i < sizeof(one) / sizeof(one[0]); i++)
		if (flows_of_two(one[i]) != 1)
			fail_msg("one[%zu]", i);
	for (size_t i = 0; i < sizeof(two) / sizeof(two[0]); i++)
		if (flows_of_two(two[i]) != 2)
			fail_msg("two[%zu]", i);
}

static void
test_qp_types(void **state)
{
	(void)state;
	for (int type = 0; type < 256; type++) {
		struct flows *flows = table_new(10, 10);
		struct qp_event e = rtr(5, 2);

		e.qp_type = (uint8_t)type;
		flows_event(flows, &e, 10);
		assert_int_equal(stats(flows).flows, type == FAKE_RC || type == FAKE_UC ||
							     type == FAKE_XRC_INI ||
							     type == FAKE_XRC_TGT);
		table_free(flows);
	}
}

/*
 * Ports that soft-RoCE of Linux 5.10 was seen to use, and none where nothing is known: flows are
 * kept apart by them.
 */
static void
test_source_ports(void **state)
{
	struct flows_config config = {.max_qps = 9,
				      .max_flows = 9,
				      .kernel = {5, 10, true},
				      .ops = &told_ops,
				      .arg = &told};
	struct qp_event e = rtr(17, 2), other = rtr(18, 2);
	struct flows *flows;

	(void)state;
	memset(&told, 0, sizeof(told));
	assert_int_equal(flows_new(&config, &flows), 0);
	e.driver_id = other.driver_id = FAKE_DRIVER_RXE;
	flows_event(flows, &e, 10);
	assert_int_equal(told.qp.src_port, 57236);
	flows_event(flows, &other, 10);
	assert_int_equal(stats(flows).flows, 2);
	e = rtr(20, 2);
	e.driver_id = FAKE_DRIVER_BNXT_RE;
	flows_event(flows, &e, 10);
	assert_int_equal(told.qp.src_port, UDP_PORT_UNKNOWN);
	assert_int_equal(stats(flows).flows, 3);
	/* the standard rule without a label needs both QPNs */
	e = rtr(21, 2);
	e.driver_id = FAKE_DRIVER_MLX5;
	no_remote(&e);
	flows_event(flows, &e, 10);
	assert_int_equal(told.qp.src_port, UDP_PORT_UNKNOWN);
	e.flags |= QP_EVENT_HAS_REMOTE;
	flows_event(flows, &e, 10);
	assert_int_not_equal(told.qp.src_port, UDP_PORT_UNKNOWN);
	table_free(flows);
}

static void
test_path_change_moves(void **state)
{
	struct flows *flows = table_new(10, 10);
	struct qp_event e = rtr(6, 3);

	(void)state;
	connect_qp(flows, 5, 2);
	connect_qp(flows, 6, 2);
	assert_int_equal(stats(flows).flows, 1);
	e.state = FAKE_SQD;
	flows_event(flows, &e, 10);
	assert_int_equal(stats(flows).flows, 2);
	e = rtr(5, 3);
	flows_event(flows, &e, 10);
	assert_int_equal(stats(flows).flows, 1);
	assert_int_equal(told.last_ended, 1);
	struct flow_info info;

	flow_info(told.qp.flow, &info);
	assert_int_equal(info.id, 2);
	assert_int_equal(info.n_qps, 2);
	table_free(flows);
}

/*
 * A QP of a new connection that is known only from a QUERY without path keeps nothing of the old
 * one.
 */
static void
test_another_remote(void **state)
{
	struct flows *flows = table_new(10, 10);
	struct qp_event e = fake_event(QP_EVENT_QUERY, 1, 5);

	(void)state;
	connect_qp(flows, 5, 2);
	fake_state(&e, FAKE_RTS);
	e.flags |= QP_EVENT_HAS_REMOTE;
	e.remote_qpn = 0x102;
	flows_event(flows, &e, 10);
	assert_int_equal(stats(flows).flows, 1);
	e.remote_qpn = 0x103;
	flows_event(flows, &e, 10);
	assert_int_equal(stats(flows).flows, 0);
	assert_int_equal(told.qp.remote_qpn, 0x103);
	table_free(flows);
}

/* Numbers are given again; where the owner or the type differs, it is another QP. */
static void
test_another_owner(void **state)
{
	struct flows *flows = table_new(10, 10);
	struct qp_event e = fake_event(QP_EVENT_DESTROY, 1, 5);

	(void)state;
	connect_qp(flows, 5, 2);
	e.owner_tgid = 999;
	flows_event(flows, &e, 10); /* comes late: of the one before */
	assert_int_equal(stats(flows).flows, 1);
	assert_int_equal(stats(flows).destroyed_unknown, 1);
	e.type = QP_EVENT_QUERY;
	fake_state(&e, FAKE_INIT);
	flows_event(flows, &e, 10);
	assert_int_equal(stats(flows).flows, 0);
	assert_int_equal(stats(flows).vanished, 1);
	assert_int_equal(stats(flows).found, 1);
	assert_int_equal(told.qp.owner_tgid, 999);
	e.qp_type = FAKE_UD;
	flows_event(flows, &e, 10);
	assert_int_equal(stats(flows).vanished, 2);
	assert_int_equal(stats(flows).qps, 1);
	table_free(flows);
}

static void
test_news_of_a_query(void **state)
{
	struct flows *flows = table_new(10, 10);
	struct qp_event e = fake_event(QP_EVENT_QUERY, 1, 5);

	(void)state;
	fake_state(&e, FAKE_RTS);
	fake_path(&e, 2, 0x11);
	flows_event(flows, &e, 10);
	assert_int_equal(told.events, 1);
	assert_true(told.qp.found);
	flows_event(flows, &e, 11);
	assert_int_equal(told.events, 1);
	e.cgroup_id++;
	flows_event(flows, &e, 12);
	assert_int_equal(told.events, 2);
	e.hop_limit--;
	flows_event(flows, &e, 13);
	assert_int_equal(told.events, 3);
	e.path_mtu--;
	flows_event(flows, &e, 14);
	assert_int_equal(told.events, 4);
	strcpy(e.owner, "tra");
	flows_event(flows, &e, 15);
	assert_int_equal(told.events, 5);
	assert_string_equal(told.qp.owner, "tra");
	struct qp_event bare = {.type = QP_EVENT_QUERY, .device_index = 1, .qpn = 9};

	flows_event(flows, &bare, 15); /* that there is such a QP is news enough */
	assert_int_equal(told.events, 6);
	assert_true(told.qp.found);
	flows_event(flows, &bare, 15);
	e.cgroup_id = 0; /* not known: nothing new */
	e.owner[0] = '\0';
	flows_event(flows, &e, 16);
	assert_int_equal(told.events, 6);
	table_free(flows);
}

/*
 * rxe answers each query with service level 0: what the owner set stays, and so does the flow,
 * until the path is another.
 */
static void
test_service_level_of_a_query(void **state)
{
	struct flows *flows = table_new(10, 10);
	struct qp_event e = fake_event(QP_EVENT_MODIFY, 1, 5);

	(void)state;
	fake_state(&e, FAKE_RTR);
	fake_path(&e, 2, 0x11);
	flows_event(flows, &e, 10);
	assert_int_equal(told.qp.service_level, 3);
	e.type = QP_EVENT_QUERY;
	e.service_level = 0;
	flows_event(flows, &e, 11);
	assert_int_equal(told.events, 1);
	assert_int_equal(told.began, 1);
	assert_int_equal(told.ended, 0);
	e.traffic_class += 4;
	flows_event(flows, &e, 12);
	assert_int_equal(told.events, 2);
	assert_int_equal(told.qp.service_level, 0);
	assert_int_equal(told.ended, 1);
	e.type = QP_EVENT_MODIFY;
	e.service_level = 5;
	flows_event(flows, &e, 13);
	assert_int_equal(told.qp.service_level, 5);
	table_free(flows);
}

static void
test_bad_events(void **state)
{
	struct flows *flows = table_new(10, 10);
	uint32_t n = 0;

	(void)state;
#define BAD(change) do { \
		struct qp_event e = rtr(5, 2); \
		change; \
		flows_event(flows, &e, 10); \
		assert_int_equal(stats(flows).bad, ++n); \
	} while (0)
	BAD(e.type = 0);
	BAD(e.type = QP_EVENT_QUERY + 1);
	BAD(e.type = 255);
	BAD(e.qpn = 0x1000000);
	BAD(e.remote_qpn = 0xffffffff);
	BAD(e.state = 7);
	BAD(e.state = 99);
	BAD(e.flow_label = 0x100000);
	BAD(e.gid_type = QP_EVENT_GID_ROCE_V2 + 1);
	assert_int_equal(stats(flows).qps, 0);
	assert_int_equal(stats(flows).events, n);
	assert_int_equal(told.events, 0);
	table_free(flows);
}

/* Odd, but possible: taken in. What a flag does not claim is not looked at. */
static void
test_odd_events(void **state)
{
	struct flows *flows = table_new(10, 10);
	struct qp_event e = rtr(0xffffff, 2);

	(void)state;
	memset(e.device, 'd', sizeof(e.device));
	memset(e.owner, 'o', sizeof(e.owner));
	e.path_mtu = 77;
	e.driver_id = 4711;
	e.qp_type = 200;
	flows_event(flows, &e, 10);
	assert_int_equal(strlen(told.qp.device), QP_EVENT_DEVICE_NAME - 1);
	assert_int_equal(strlen(told.qp.owner), QP_EVENT_OWNER_NAME - 1);
	assert_null(flow_qp_type_name(told.qp.qp_type));
	assert_null(flow_driver_name(told.qp.driver_id));
	assert_int_equal(flow_mtu_bytes(told.qp.path_mtu), 0);
	e.type = QP_EVENT_QUERY;
	flows_event(flows, &e, 10);
	assert_int_equal(told.events, 1);
	e = fake_event(QP_EVENT_MODIFY, 1, 6);
	e.state = 99;
	e.remote_qpn = e.flow_label = 0xffffffff;
	e.gid_type = 99;
	e.time_ns = UINT64_MAX;
	flows_event(flows, &e, 10);
	assert_int_equal(stats(flows).bad, 0);
	assert_false(told.qp.has_state || told.qp.has_remote || told.qp.has_av || told.qp.has_sgid);
	assert_int_equal(told.qp.since_ns, 10);
	table_free(flows);
}

static void
test_names(void **state)
{
	(void)state;
	assert_string_equal(flow_qp_type_name(2), "RC");
	assert_string_equal(flow_qp_type_name(3), "UC");
	assert_string_equal(flow_qp_type_name(4), "UD");
	assert_string_equal(flow_qp_type_name(10), "XRC_TGT");
	assert_string_equal(flow_qp_type_name(255), "DRIVER");
	assert_null(flow_qp_type_name(7));
	assert_null(flow_qp_type_name(11));
	assert_string_equal(flow_qp_state_name(0), "RESET");
	assert_string_equal(flow_qp_state_name(6), "ERR");
	assert_null(flow_qp_state_name(7));
	assert_string_equal(flow_driver_name(1), "mlx5");
	assert_string_equal(flow_driver_name(6), "bnxt_re");
	assert_string_equal(flow_driver_name(9), "irdma");
	assert_string_equal(flow_driver_name(14), "rxe");
	assert_string_equal(flow_driver_name(19), "erdma");
	assert_string_equal(flow_driver_name(20), "mana");
	assert_string_equal(flow_driver_name(21), "ionic");
	assert_null(flow_driver_name(0));
	assert_null(flow_driver_name(UINT32_MAX));
	assert_int_equal(flow_mtu_bytes(0), 0);
	assert_int_equal(flow_mtu_bytes(1), 256);
	assert_int_equal(flow_mtu_bytes(5), 4096);
	assert_int_equal(flow_mtu_bytes(6), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_event_in_every_state),
		cmocka_unit_test(test_create_and_destroy_in_every_state),
		cmocka_unit_test(test_view),
		cmocka_unit_test(test_what_makes_a_flow),
		cmocka_unit_test(test_qp_types),
		cmocka_unit_test(test_source_ports),
		cmocka_unit_test(test_path_change_moves),
		cmocka_unit_test(test_another_remote),
		cmocka_unit_test(test_another_owner),
		cmocka_unit_test(test_news_of_a_query),
		cmocka_unit_test(test_service_level_of_a_query),
		cmocka_unit_test(test_bad_events),
		cmocka_unit_test(test_odd_events),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("flows", tests, NULL, NULL);
}

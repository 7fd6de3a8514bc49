/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tracing programs make of a call, on the layouts of four kernels: their logic under
 * BPF_PROG_TEST_RUN.
 */
#include "qp_fake.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

/* enum ib_qp_attr_mask of <rdma/ib_verbs.h>, as ibv_modify_qp(3) numbers it. */
#define MASK_STATE 1U
#define MASK_ACCESS 8U
#define MASK_PKEY_INDEX 16U
#define MASK_PORT 32U
#define MASK_AV 128U
#define MASK_MTU 256U
#define MASK_TIMEOUT 512U
#define MASK_RETRY 1024U
#define MASK_DEST_QPN 1048576U
#define MASK_RTR (MASK_STATE | MASK_AV | MASK_MTU | MASK_DEST_QPN)

enum { HOOK_MODIFY_USER, HOOK_MODIFY_KERNEL, HOOK_DESTROY, HOOK_QUERY };

static const char *const kernels[] = {"5.10", "6.1", "6.12", "7.2"};
#define KERNELS (sizeof(kernels) / sizeof(kernels[0]))

static void
begins(int hook, uint32_t mask)
{
	fake_run(&(struct qp_test_call){.op = QP_TEST_CALL_BEGINS,
					.hook = (uint32_t)hook,
					.object = fake_address(QP),
					.attr = fake_address(ATTR),
					.mask = mask});
}

static void
ends(int hook, int ret)
{
	fake_run(&(
		struct qp_test_call){.op = QP_TEST_CALL_ENDS, .hook = (uint32_t)hook, .ret = ret});
	fake_collect();
}

/* A whole call; the number of events that it told, in fake_events[]. */
static int
call(int hook, uint32_t mask, int ret)
{
	fake_n_events = 0;
	begins(hook, mask);
	ends(hook, ret);
	return fake_n_events;
}

static int
destroy(enum slot qp, int ret)
{
	fake_n_events = 0;
	fake_run(&(struct qp_test_call){.op = QP_TEST_DESTROY_BEGINS, .object = fake_address(qp)});
	memset(fake_skel->bss->qp_test_memory, 0x5a, QP_TEST_MEMORY); /* freed by the call */
	fake_run(&(struct qp_test_call){.op = QP_TEST_DESTROY_ENDS, .ret = ret});
	fake_collect();
	fake_build();
	return fake_n_events;
}

static int
create(void)
{
	uint32_t size;

	fake_n_events = 0;
	fake_run(&(struct qp_test_call){.op = QP_TEST_CREATED,
					.object = fake_address(QP) +
						  fake_offset("ib_qp", "res", &size)});
	fake_collect();
	return fake_n_events;
}

/* What every event of the QP of fake_build() says. */
static void
expect_qp(const struct qp_event *e, enum qp_event_type type)
{
	assert_int_equal(e->type, type);
	assert_true(e->time_ns != 0);
	assert_int_equal(e->device_index, 7);
	assert_int_equal(e->driver_id, 1);
	assert_string_equal(e->device, "mlx5_bond_0");
	assert_int_equal(e->qpn, 22);
	assert_int_equal(e->qp_type, RC);
	assert_int_equal(e->port, 2);
	assert_true(e->flags & QP_EVENT_USER);
	assert_int_equal(e->owner_tgid, 4242);
	assert_string_equal(e->owner, "train.py");
	assert_int_equal(e->cgroup_id, 0x1234567890);
}

static void
expect_path(const struct qp_event *e)
{
	assert_int_equal(e->remote_qpn, 0x123456);
	assert_int_equal(e->path_mtu, 5);
	assert_int_equal(e->service_level, 3);
	assert_int_equal(e->traffic_class, 104);
	assert_int_equal(e->hop_limit, 64);
	assert_int_equal(e->flow_label, 0xabcde);
	assert_int_equal(e->sgid_index, 3);
	assert_memory_equal(e->sgid, fake_sgid, 16);
	assert_memory_equal(e->dgid, fake_dgid, 16);
	assert_int_equal(e->gid_type, QP_EVENT_GID_ROCE_V2);
}

/* Nothing of what the flags do not promise. */
static void
expect_no_path(const struct qp_event *e)
{
	static const uint8_t zero[16];

	assert_int_equal(e->remote_qpn | e->path_mtu | e->service_level | e->traffic_class |
				 e->hop_limit | e->flow_label,
			 0);
	assert_int_equal(e->sgid_index, 0);
	assert_int_equal(e->gid_type, QP_EVENT_GID_UNKNOWN);
	assert_memory_equal(e->sgid, zero, 16);
	assert_memory_equal(e->dgid, zero, 16);
}

#define FLAGS_PATH \
	(QP_EVENT_HAS_REMOTE | QP_EVENT_HAS_AV | QP_EVENT_HAS_GRH | QP_EVENT_HAS_SGID | \
	 QP_EVENT_HAS_MTU)
#define FLAGS_ALL (QP_EVENT_USER | QP_EVENT_HAS_STATE | FLAGS_PATH)

static void
test_rtr(void **state)
{
	(void)state;
	for (int hook = HOOK_MODIFY_USER; hook <= HOOK_MODIFY_KERNEL; hook++) {
		assert_int_equal(call(hook, MASK_RTR | MASK_ACCESS, 0), 1);
		expect_qp(&fake_events[0], QP_EVENT_MODIFY);
		expect_path(&fake_events[0]);
		assert_int_equal(fake_events[0].flags, FLAGS_ALL);
		assert_int_equal(fake_events[0].state, RTR);
		assert_int_equal(fake_events[0].attr_mask, MASK_RTR | MASK_ACCESS);
	}
}

static void
test_rts(void **state)
{
	(void)state;
	fake_put(ATTR, "ib_qp_attr", "qp_state", RTS);
	assert_int_equal(call(HOOK_MODIFY_USER, MASK_STATE | MASK_TIMEOUT | MASK_RETRY, 0), 1);
	expect_qp(&fake_events[0], QP_EVENT_MODIFY);
	expect_no_path(&fake_events[0]);
	assert_int_equal(fake_events[0].flags, QP_EVENT_USER | QP_EVENT_HAS_STATE);
	assert_int_equal(fake_events[0].state, RTS);
}

static void
test_each_bit(void **state)
{
	static const struct {
		uint32_t mask, flags;
	} bits[] = {
		{MASK_STATE, QP_EVENT_HAS_STATE},
		{MASK_PORT, 0},
		{MASK_MTU, QP_EVENT_HAS_MTU},
		{MASK_DEST_QPN, QP_EVENT_HAS_REMOTE},
		{MASK_AV, QP_EVENT_HAS_AV | QP_EVENT_HAS_GRH | QP_EVENT_HAS_SGID},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		assert_int_equal(call(HOOK_MODIFY_USER, bits[i].mask, 0), 1);
		expect_qp(&fake_events[0], QP_EVENT_MODIFY);
		assert_int_equal(fake_events[0].flags, QP_EVENT_USER | bits[i].flags);
	}
}

static void
test_nothing_to_tell(void **state)
{
	(void)state;
	assert_int_equal(call(HOOK_MODIFY_USER, MASK_ACCESS | MASK_PKEY_INDEX | MASK_TIMEOUT, 0),
			 0);
	assert_int_equal(call(HOOK_MODIFY_USER, MASK_RTR, -EINVAL), 0);
	assert_int_equal(call(HOOK_MODIFY_KERNEL, MASK_RTR, -ETIMEDOUT), 0);
	ends(HOOK_MODIFY_USER, 0); /* a return whose entry nobody saw */
	assert_int_equal(fake_n_events, 0);
	assert_int_equal(fake_skel->bss->qp_counters.sent, 0);
	assert_int_equal(fake_skel->bss->qp_counters.missed_returns, 0);
}

static void
expect_gid_type(const char *kernel_name, const char *ah_type, enum qp_event_gid_type expected)
{
	fake_put(GID, "ib_gid_attr", "gid_type",
		 (uint64_t)fake_enumerator("ib_gid_type", kernel_name));
	if (ah_type)
		fake_put(ATTR, "ib_qp_attr", "ah_attr.type",
			 (uint64_t)fake_enumerator("rdma_ah_attr_type", ah_type));
	else
		fake_put(ATTR, "ib_qp_attr", "ah_attr.type", 1); /* RDMA_AH_ATTR_TYPE_IB */
	assert_int_equal(call(HOOK_MODIFY_USER, MASK_RTR, 0), 1);
	assert_int_equal(fake_events[0].gid_type, expected);
}

static void
test_gid_types(void **state)
{
	(void)state;
	expect_gid_type("IB_GID_TYPE_ROCE_UDP_ENCAP", "RDMA_AH_ATTR_TYPE_ROCE",
			QP_EVENT_GID_ROCE_V2);
	expect_gid_type("IB_GID_TYPE_ROCE", "RDMA_AH_ATTR_TYPE_ROCE", QP_EVENT_GID_ROCE_V1);
	expect_gid_type("IB_GID_TYPE_IB", NULL, QP_EVENT_GID_IB); /* before 5.10 the same number */
	fake_put(GID, "ib_gid_attr", "gid_type", 77);
	assert_int_equal(call(HOOK_MODIFY_USER, MASK_RTR, 0), 1);
	assert_int_equal(fake_events[0].gid_type, QP_EVENT_GID_UNKNOWN);
	assert_int_equal(fake_events[0].flags, FLAGS_ALL);
}

static void
test_no_grh(void **state)
{
	(void)state;
	fake_put(ATTR, "ib_qp_attr", "ah_attr.type", 1);
	fake_put(ATTR, "ib_qp_attr", "ah_attr.ah_flags", 0);
	assert_int_equal(call(HOOK_MODIFY_USER, MASK_AV, 0), 1);
	assert_int_equal(fake_events[0].flags, QP_EVENT_USER | QP_EVENT_HAS_AV);
	assert_int_equal(fake_events[0].service_level, 3);
	fake_events[0].service_level = 0;
	expect_no_path(&fake_events[0]);
}

/* RoCE has a GRH even where the flag was not set. */
static void
test_roce_without_flag(void **state)
{
	(void)state;
	fake_put(ATTR, "ib_qp_attr", "ah_attr.ah_flags", 0);
	assert_int_equal(call(HOOK_MODIFY_USER, MASK_RTR, 0), 1);
	assert_int_equal(fake_events[0].flags, FLAGS_ALL);
	expect_path(&fake_events[0]);
}

static void
test_no_sgid(void **state)
{
	static const uint8_t zero[16];

	(void)state;
	fake_point(QP, "ib_qp", "av_sgid_attr", NOTHING);
	assert_int_equal(call(HOOK_MODIFY_USER, MASK_RTR, 0), 1);
	assert_int_equal(fake_events[0].flags, FLAGS_ALL & ~QP_EVENT_HAS_SGID);
	assert_memory_equal(fake_events[0].sgid, zero, 16);
	assert_int_equal(fake_events[0].gid_type, QP_EVENT_GID_UNKNOWN);
}

/* The QP's own port is not set before INIT; the address vector has it too. */
static void
test_port(void **state)
{
	(void)state;
	fake_put(QP, "ib_qp", "port", 0);
	assert_int_equal(create(), 1);
	assert_int_equal(fake_events[0].port, 0);
	assert_int_equal(call(HOOK_MODIFY_USER, MASK_RTR, 0), 1);
	assert_int_equal(fake_events[0].port, 2);
}

static void
test_create(void **state)
{
	(void)state;
	assert_int_equal(create(), 1);
	expect_qp(&fake_events[0], QP_EVENT_CREATE);
	expect_no_path(&fake_events[0]);
	assert_int_equal(fake_events[0].flags, QP_EVENT_USER);
	assert_int_equal(fake_events[0].attr_mask, 0);
	fake_put(QP, "ib_qp", "res.type",
		 (uint64_t)fake_enumerator("rdma_restrack_type", "RDMA_RESTRACK_QP") + 1);
	assert_int_equal(create(), 0);
}

static void
test_destroy(void **state)
{
	(void)state;
	assert_int_equal(destroy(QP, 0), 1);
	expect_qp(&fake_events[0], QP_EVENT_DESTROY);
	expect_no_path(&fake_events[0]);
	assert_int_equal(fake_events[0].flags, QP_EVENT_USER);
	assert_int_equal(destroy(QP, -EBUSY), 0);
}

/* A second opening of a shared QP: it names the real one, and closing it ends nothing. */
static void
test_shared(void **state)
{
	(void)state;
	fake_point(SHARED, "ib_qp", "real_qp", QP);
	fake_put(SHARED, "ib_qp", "qp_num", 99);
	fake_n_events = 0;
	fake_run(&(struct qp_test_call){.op = QP_TEST_CALL_BEGINS,
					.hook = HOOK_MODIFY_USER,
					.object = fake_address(SHARED),
					.attr = fake_address(ATTR),
					.mask = MASK_RTR});
	ends(HOOK_MODIFY_USER, 0);
	assert_int_equal(fake_n_events, 1);
	expect_qp(&fake_events[0], QP_EVENT_MODIFY);
	expect_path(&fake_events[0]);
	assert_int_equal(destroy(SHARED, 0), 0);
}

static void
test_kernel_owner(void **state)
{
	(void)state;
	fake_put(QP, "ib_qp", "res.user", 0);
	fake_point(QP, "ib_qp", "res.task", NOTHING);
	fake_point(QP, "ib_qp", "res.kern_name", TEXT);
	strcpy(fake_skel->bss->qp_test_memory + TEXT * SLOT, "nvme_rdma");
	assert_int_equal(create(), 1);
	assert_int_equal(fake_events[0].flags, 0);
	assert_string_equal(fake_events[0].owner, "nvme_rdma");
	assert_int_equal(fake_events[0].owner_tgid, 0);
	assert_int_equal(fake_events[0].cgroup_id, 0);
}

static void
test_names(void **state)
{
	char name[64];

	(void)state;
	memset(name, 'n', sizeof(name));
	fake_put_bytes(DEVICE, "ib_device", "name", name, sizeof(name));
	fake_put_bytes(LEADER, "task_struct", "comm", name, 16);
	assert_int_equal(create(), 1);
	assert_int_equal(strlen(fake_events[0].device), QP_EVENT_DEVICE_NAME - 1);
	assert_true(strlen(fake_events[0].owner) < QP_EVENT_OWNER_NAME);
	assert_int_equal(strncmp(fake_events[0].owner, name, 15), 0);
}

/* The leader's memory may belong to somebody else by now. */
static void
test_stale_leader(void **state)
{
	(void)state;
	fake_put(LEADER, "task_struct", "tgid", 1);
	assert_int_equal(create(), 1);
	assert_int_equal(fake_events[0].owner_tgid, 4242);
	assert_string_equal(fake_events[0].owner, "worker-7");
}

static void
test_own(void **state)
{
	(void)state;
	fake_skel->bss->qp_own_tgid = 4242;
	assert_int_equal(create(), 0);
	assert_int_equal(call(HOOK_MODIFY_USER, MASK_RTR, 0), 0);
	assert_int_equal(call(HOOK_QUERY, 0, 0), 0);
	assert_int_equal(destroy(QP, 0), 0);
	assert_int_equal(fake_skel->bss->qp_counters.own, 4);
	assert_int_equal(fake_skel->bss->qp_counters.queries, 1);
	assert_int_equal(fake_skel->bss->qp_counters.sent, 0);
	fake_skel->bss->qp_own_tgid = 4243;
	assert_int_equal(create(), 1);
}

static int
query(int type, int qp_state)
{
	fake_put(QP, "ib_qp", "qp_type", (uint64_t)type);
	fake_put(ATTR, "ib_qp_attr", "qp_state", (uint64_t)qp_state);
	assert_int_equal(call(HOOK_QUERY, 0, 0), 1);
	assert_int_equal(fake_events[0].type, QP_EVENT_QUERY);
	assert_int_equal(fake_events[0].state, qp_state);
	assert_int_equal(fake_events[0].attr_mask, 0);
	return (int)fake_events[0].flags;
}

static void
test_query(void **state)
{
	const int only_state = QP_EVENT_USER | QP_EVENT_HAS_STATE;

	(void)state;
	assert_int_equal(query(RC, RTS), FLAGS_ALL);
	expect_qp(&fake_events[0], QP_EVENT_QUERY);
	expect_path(&fake_events[0]);
	assert_int_equal(query(UC, RTR), FLAGS_ALL);
	assert_int_equal(query(XRC_TGT, SQD), FLAGS_ALL);
	assert_int_equal(query(RC, ERR), FLAGS_ALL);
	assert_int_equal(query(RC, RESET), only_state);
	assert_int_equal(query(RC, INIT), only_state);
	expect_no_path(&fake_events[0]);
	assert_int_equal(query(UD, RTS), only_state);
	fake_point(QP, "ib_qp", "av_sgid_attr", NOTHING);
	assert_int_equal(query(RC, ERR), only_state);
	assert_int_equal(fake_skel->bss->qp_counters.queries, 8);
	assert_int_equal(call(HOOK_QUERY, 0, -EINVAL), 0);
	ends(HOOK_QUERY, 0);
	assert_int_equal(fake_skel->bss->qp_counters.queries, 10);
}

static void
test_missed_return(void **state)
{
	(void)state;
	fake_n_events = 0;
	begins(HOOK_MODIFY_USER, MASK_STATE);
	begins(HOOK_MODIFY_USER, MASK_RTR);
	ends(HOOK_MODIFY_USER, 0);
	ends(HOOK_MODIFY_USER, 0);
	assert_int_equal(fake_n_events, 1);
	assert_int_equal(fake_events[0].attr_mask, MASK_RTR);
	assert_int_equal(fake_skel->bss->qp_counters.missed_returns, 1);
	assert_int_equal(fake_skel->bss->qp_counters.lost_calls, 0);
}

static void
test_nested(void **state)
{
	(void)state;
	fake_n_events = 0;
	begins(HOOK_MODIFY_USER, MASK_RTR);
	begins(HOOK_QUERY, 0);
	ends(HOOK_QUERY, 0);
	ends(HOOK_MODIFY_USER, 0);
	assert_int_equal(fake_n_events, 2);
	assert_int_equal(fake_events[0].type, QP_EVENT_QUERY);
	assert_int_equal(fake_events[1].type, QP_EVENT_MODIFY);
	assert_int_equal(fake_skel->bss->qp_counters.missed_returns, 0);
}

/*
 * Kernels that lack a field: what is read from it is not told, and its flag not set; all else is.
 */

static void
test_lacks_task(void **state)
{
	(void)state;
	fake_point(QP, "ib_qp", "res.kern_name", NOTHING);
	assert_int_equal(create(), 1);
	assert_int_equal(fake_events[0].qpn, 22);
	assert_int_equal(fake_events[0].flags, 0);
	assert_int_equal(fake_events[0].owner_tgid, 0);
	assert_string_equal(fake_events[0].owner, "");
}

static void
test_lacks_cgroup(void **state)
{
	(void)state;
	assert_int_equal(create(), 1);
	assert_int_equal(fake_events[0].cgroup_id, 0);
	fake_events[0].cgroup_id = 0x1234567890;
	expect_qp(&fake_events[0], QP_EVENT_CREATE);
}

static void
test_lacks_sgid(void **state)
{
	(void)state;
	assert_int_equal(call(HOOK_MODIFY_USER, MASK_RTR, 0), 1);
	assert_int_equal(fake_events[0].flags, FLAGS_ALL & ~QP_EVENT_HAS_SGID);
	assert_int_equal(fake_events[0].gid_type, QP_EVENT_GID_UNKNOWN);
	assert_memory_equal(fake_events[0].dgid, fake_dgid, 16);
	assert_int_equal(query(RC, RTS), FLAGS_ALL & ~QP_EVENT_HAS_SGID);
	/* whether it ever had a path cannot be told */
	assert_int_equal(query(RC, ERR), QP_EVENT_USER | QP_EVENT_HAS_STATE);
}

static void
test_lacks_flow_label(void **state)
{
	static const uint8_t zero[16];

	(void)state;
	assert_int_equal(call(HOOK_MODIFY_USER, MASK_RTR, 0), 1);
	assert_int_equal(fake_events[0].flags, FLAGS_ALL & ~QP_EVENT_HAS_GRH);
	assert_memory_equal(fake_events[0].dgid, zero, 16);
	assert_memory_equal(fake_events[0].sgid, fake_sgid, 16);
	assert_int_equal(fake_events[0].hop_limit | fake_events[0].traffic_class, 0);
}

static void
test_lacks_sl(void **state)
{
	(void)state;
	assert_int_equal(call(HOOK_MODIFY_USER, MASK_RTR, 0), 1);
	assert_int_equal(fake_events[0].flags, QP_EVENT_USER | QP_EVENT_HAS_STATE |
						       QP_EVENT_HAS_REMOTE | QP_EVENT_HAS_MTU);
	assert_int_equal(fake_events[0].remote_qpn, 0x123456);
	assert_int_equal(fake_events[0].path_mtu, 5);
	fake_events[0].remote_qpn = fake_events[0].path_mtu = 0;
	expect_no_path(&fake_events[0]);
}

static void
test_lacks_restrack_type(void **state)
{
	(void)state;
	assert_int_equal(create(), 0);
	assert_int_equal(call(HOOK_MODIFY_USER, MASK_RTR, 0), 1);
	expect_qp(&fake_events[0], QP_EVENT_MODIFY);
	assert_int_equal(fake_events[0].flags, FLAGS_ALL);
}

/* The map of calls holds one in this test. */
static void
test_lost_calls(void **state)
{
	(void)state;
	fake_n_events = 0;
	begins(HOOK_MODIFY_USER, MASK_RTR);
	begins(HOOK_MODIFY_KERNEL, MASK_RTR);
	assert_int_equal(fake_skel->bss->qp_counters.lost_calls, 1);
	ends(HOOK_MODIFY_KERNEL, 0);
	assert_int_equal(fake_n_events, 0);
	ends(HOOK_MODIFY_USER, 0);
	assert_int_equal(fake_n_events, 1);
}

/* A page holds some 20 events. */
static void
test_lost_ring(void **state)
{
	const int n = 50;
	uint32_t size;

	(void)state;
	fake_n_events = 0;
	for (int i = 0; i < n; i++)
		fake_run(&(struct qp_test_call){.op = QP_TEST_CREATED,
						.object = fake_address(QP) +
							  fake_offset("ib_qp", "res", &size)});
	fake_run(&(struct qp_test_call){.op = QP_TEST_DESTROY_BEGINS, .object = fake_address(QP)});
	fake_run(&(struct qp_test_call){.op = QP_TEST_DESTROY_ENDS, .ret = 0});
	begins(HOOK_MODIFY_USER, MASK_RTR);
	fake_run(&(
		struct qp_test_call){.op = QP_TEST_CALL_ENDS, .hook = HOOK_MODIFY_USER, .ret = 0});
	fake_collect();
	assert_in_range(fake_n_events, 4096 / (sizeof(struct qp_event) + 8) - 2,
			4096 / sizeof(struct qp_event));
	assert_int_equal(fake_skel->bss->qp_counters.sent, fake_n_events);
	assert_int_equal(fake_skel->bss->qp_counters.lost_ring, n + 2 - fake_n_events);
	assert_int_equal(create(), 1);
	assert_int_equal(fake_skel->bss->qp_counters.lost_ring,
			 n + 2 - (int)fake_skel->bss->qp_counters.sent + 1);
}

/* epoll(7) learns of new events through wake-ups alone. */
static bool
woken(int timeout_ms)
{
	struct epoll_event event;

	return epoll_wait(ring_buffer__epoll_fd(fake_ring), &event, 1, timeout_ms) == 1;
}

/* None of these wakes anybody by what it is. */
static void
three_events(void)
{
	uint32_t size;

	fake_run(&(struct qp_test_call){.op = QP_TEST_CREATED,
					.object = fake_address(QP) +
						  fake_offset("ib_qp", "res", &size)});
	fake_put(ATTR, "ib_qp_attr", "qp_state", INIT);
	begins(HOOK_MODIFY_USER, MASK_STATE | MASK_PORT);
	fake_run(&(struct qp_test_call){.op = QP_TEST_CALL_ENDS, .hook = HOOK_MODIFY_USER});
	fake_put(ATTR, "ib_qp_attr", "qp_state", RTR);
	begins(HOOK_MODIFY_USER, MASK_RTR);
	fake_run(&(struct qp_test_call){.op = QP_TEST_CALL_ENDS, .hook = HOOK_MODIFY_USER});
}

/* A reader that looks by itself is left alone, one that rests is woken once. */
static void
test_wakeup_rest(void **state)
{
	(void)state;
	three_events();
	assert_false(woken(100));
	fake_skel->bss->qp_reader_rests = 1;
	fake_run(&(struct qp_test_call){.op = QP_TEST_DESTROY_BEGINS, .object = fake_address(QP)});
	assert_int_equal(fake_skel->bss->qp_reader_rests, 1);
	fake_run(&(struct qp_test_call){.op = QP_TEST_DESTROY_ENDS, .ret = 0});
	assert_true(woken(20000)); /* behind three events that woke nobody */
	assert_int_equal(fake_skel->bss->qp_reader_rests, 0);
	fake_n_events = 0;
	fake_collect();
	assert_int_equal(fake_n_events, 4);
	assert_int_equal(fake_skel->bss->qp_counters.sent, 4);
	assert_false(woken(0));
	three_events();
	assert_false(woken(100));
}

/* The ring is a page: a quarter of it are five events and a bit. */
static void
test_wakeup_quarter(void **state)
{
	(void)state;
	three_events();
	assert_false(woken(100));
	three_events();
	assert_true(woken(20000));
}

static void
test_wakeup_always(void **state)
{
	uint32_t size;

	(void)state;
	fake_run(&(struct qp_test_call){.op = QP_TEST_CREATED,
					.object = fake_address(QP) +
						  fake_offset("ib_qp", "res", &size)});
	assert_true(woken(20000));
}

/* A test, and what differs from the programs' own settings in it. */
static const struct logic_case {
	const char *name;
	CMUnitTestFunction function;
	struct fake_config config;
} cases[] = {
	{.name = "rtr", .function = test_rtr},
	{.name = "rts", .function = test_rts},
	{.name = "each_bit", .function = test_each_bit},
	{.name = "nothing_to_tell", .function = test_nothing_to_tell},
	{.name = "gid_types", .function = test_gid_types},
	{.name = "gid_types before 5.10", .function = test_gid_types, .config.old_gid_types = true},
	{.name = "no_grh", .function = test_no_grh},
	{.name = "roce_without_flag", .function = test_roce_without_flag},
	{.name = "no_sgid", .function = test_no_sgid},
	{.name = "port", .function = test_port},
	{.name = "create", .function = test_create},
	{.name = "destroy", .function = test_destroy},
	{.name = "shared", .function = test_shared},
	{.name = "kernel_owner", .function = test_kernel_owner},
	{.name = "names", .function = test_names},
	{.name = "stale_leader", .function = test_stale_leader},
	{.name = "own", .function = test_own},
	{.name = "query", .function = test_query},
	{.name = "lacks task", .function = test_lacks_task, .config.lacks = {"rdma_restrack_entry",
	 "task"}},
	{.name = "lacks cgroup", .function = test_lacks_cgroup, .config.lacks = {"css_set",
	 "dfl_cgrp"}},
	{.name = "lacks sgid", .function = test_lacks_sgid, .config.lacks = {"ib_qp",
	 "av_sgid_attr"}},
	{.name = "lacks flow label", .function = test_lacks_flow_label,
	 .config.lacks = {"ib_global_route", "flow_label"}},
	{.name = "lacks sl", .function = test_lacks_sl, .config.lacks = {"rdma_ah_attr", "sl"}},
	{.name = "lacks restrack type", .function = test_lacks_restrack_type,
	 .config.lacks = {"rdma_restrack_entry", "type"}},
	{.name = "missed_return", .function = test_missed_return},
	{.name = "nested", .function = test_nested},
	{.name = "lost_calls", .function = test_lost_calls, .config.calls = 1},
	{.name = "lost_ring", .function = test_lost_ring, .config.ring_bytes = 4096},
	{.name = "wakeup_rest", .function = test_wakeup_rest},
	{.name = "wakeup_quarter", .function = test_wakeup_quarter, .config.ring_bytes = 4096},
	{.name = "wakeup_always", .function = test_wakeup_always, .config.wakeup_always = true},
};
#define CASES (sizeof(cases) / sizeof(cases[0]))

/* A test on one kernel's layout. */
static struct instance {
	const struct logic_case *test;
	struct fake_config config;
	char name[64];
} instances[KERNELS * CASES];

static int
setup(void **state)
{
	const struct instance *instance = *state;

	return fake_setup(&instance->config);
}

static int
teardown(void **state)
{
	(void)state;
	fake_teardown();
	return 0;
}

static void
run_case(void **state)
{
	const struct instance *instance = *state;

	if (!fake_ring)
		skip();
	instance->test->function(state);
}

int
main(void)
{
	struct CMUnitTest tests[KERNELS * CASES];

	for (size_t i = 0; i < KERNELS * CASES; i++) {
		struct instance *in = &instances[i];

		in->test = &cases[i % CASES];
		in->config = in->test->config;
		in->config.kernel = kernels[i / CASES];
		snprintf(in->name, sizeof(in->name), "%s on Linux %s", in->test->name,
			 in->config.kernel);
		tests[i] = (struct CMUnitTest){in->name, run_case, setup, teardown, in};
	}
	return cmocka_run_group_tests_name("bpf_logic", tests, NULL, NULL);
}

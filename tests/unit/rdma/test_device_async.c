/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <infiniband/verbs.h>

#include "rdma/device_async.h"

/*
 * ibv_get_async_event(3) lists them; what concerns QPs that we do not have says nothing about us.
 */
static void
test_each_event(void **state)
{
	static const struct {
		enum ibv_event_type type;
		enum device_async kind;
		int change;
	} all[] = {
		{IBV_EVENT_CQ_ERR, DEVICE_ASYNC_CQ_ERROR, DEVICE_CHANGED_CQ},
		{IBV_EVENT_QP_FATAL, DEVICE_ASYNC_QP_ERROR, DEVICE_CHANGED_QP},
		{IBV_EVENT_QP_REQ_ERR, DEVICE_ASYNC_QP_ERROR, DEVICE_CHANGED_QP},
		{IBV_EVENT_QP_ACCESS_ERR, DEVICE_ASYNC_QP_ERROR, DEVICE_CHANGED_QP},
		{IBV_EVENT_COMM_EST, DEVICE_ASYNC_OTHER, 0},
		{IBV_EVENT_SQ_DRAINED, DEVICE_ASYNC_OTHER, 0},
		{IBV_EVENT_PATH_MIG, DEVICE_ASYNC_OTHER, 0},
		{IBV_EVENT_PATH_MIG_ERR, DEVICE_ASYNC_OTHER, 0},
		{IBV_EVENT_DEVICE_FATAL, DEVICE_ASYNC_FATAL, DEVICE_CHANGED_FATAL},
		{IBV_EVENT_PORT_ACTIVE, DEVICE_ASYNC_PORT_ACTIVE, 0},
		{IBV_EVENT_PORT_ERR, DEVICE_ASYNC_PORT_ERROR, 0},
		{IBV_EVENT_LID_CHANGE, DEVICE_ASYNC_LID_CHANGE, DEVICE_CHANGED_FABRIC},
		{IBV_EVENT_PKEY_CHANGE, DEVICE_ASYNC_PKEY_CHANGE, DEVICE_CHANGED_FABRIC},
		{IBV_EVENT_SM_CHANGE, DEVICE_ASYNC_SM_CHANGE, DEVICE_CHANGED_FABRIC},
		{IBV_EVENT_SRQ_ERR, DEVICE_ASYNC_OTHER, 0},
		{IBV_EVENT_SRQ_LIMIT_REACHED, DEVICE_ASYNC_OTHER, 0},
		{IBV_EVENT_QP_LAST_WQE_REACHED, DEVICE_ASYNC_OTHER, 0},
		{IBV_EVENT_CLIENT_REREGISTER, DEVICE_ASYNC_REREGISTER, DEVICE_CHANGED_FABRIC},
		{IBV_EVENT_GID_CHANGE, DEVICE_ASYNC_GID_CHANGE, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		assert_int_equal(device_async_classify(all[i].type), all[i].kind);
		assert_int_equal(device_async_change(all[i].kind), all[i].change);
	}
	assert_int_equal(device_async_classify((enum ibv_event_type)4711), DEVICE_ASYNC_OTHER);
	for (int a = 0; a < DEVICE_ASYNC_N; a++)
		assert_string_not_equal(device_async_name((enum device_async)a), "?");
	assert_string_equal(device_async_name(DEVICE_ASYNC_N), "?");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_event),
	};

	return cmocka_run_group_tests_name("device_async", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "rdma/device_async.h"

#include <assert.h>
#include <infiniband/verbs.h>

static const char *const device_async_names[] = {
	[DEVICE_ASYNC_FATAL] = "fatal",
	[DEVICE_ASYNC_PORT_ACTIVE] = "port_active",
	[DEVICE_ASYNC_PORT_ERROR] = "port_error",
	[DEVICE_ASYNC_GID_CHANGE] = "gid_change",
	[DEVICE_ASYNC_REREGISTER] = "client_reregister",
	[DEVICE_ASYNC_LID_CHANGE] = "lid_change",
	[DEVICE_ASYNC_PKEY_CHANGE] = "pkey_change",
	[DEVICE_ASYNC_SM_CHANGE] = "sm_change",
	[DEVICE_ASYNC_QP_ERROR] = "qp_error",
	[DEVICE_ASYNC_CQ_ERROR] = "cq_error",
	[DEVICE_ASYNC_OTHER] = "other",
};
static_assert(sizeof(device_async_names) / sizeof(device_async_names[0]) == DEVICE_ASYNC_N,
	      "a name for each kind");

const char *
device_async_name(enum device_async a)
{
	return (unsigned int)a < DEVICE_ASYNC_N ? device_async_names[a] : "?";
}

enum device_async
device_async_classify(int type)
{
	switch (type) {
	case IBV_EVENT_DEVICE_FATAL:
		return DEVICE_ASYNC_FATAL;
	case IBV_EVENT_PORT_ACTIVE:
		return DEVICE_ASYNC_PORT_ACTIVE;
	case IBV_EVENT_PORT_ERR:
		return DEVICE_ASYNC_PORT_ERROR;
	case IBV_EVENT_GID_CHANGE:
		return DEVICE_ASYNC_GID_CHANGE;
	case IBV_EVENT_CLIENT_REREGISTER:
		return DEVICE_ASYNC_REREGISTER;
	case IBV_EVENT_LID_CHANGE:
		return DEVICE_ASYNC_LID_CHANGE;
	case IBV_EVENT_PKEY_CHANGE:
		return DEVICE_ASYNC_PKEY_CHANGE;
	case IBV_EVENT_SM_CHANGE:
		return DEVICE_ASYNC_SM_CHANGE;
	case IBV_EVENT_QP_FATAL:
	case IBV_EVENT_QP_REQ_ERR:
	case IBV_EVENT_QP_ACCESS_ERR:
		return DEVICE_ASYNC_QP_ERROR;
	case IBV_EVENT_CQ_ERR:
		return DEVICE_ASYNC_CQ_ERROR;
	default:
		return DEVICE_ASYNC_OTHER;
	}
}

int
device_async_change(enum device_async a)
{
	switch (a) {
	case DEVICE_ASYNC_FATAL:
		return DEVICE_CHANGED_FATAL;
	case DEVICE_ASYNC_REREGISTER:
	case DEVICE_ASYNC_LID_CHANGE:
	case DEVICE_ASYNC_PKEY_CHANGE:
	case DEVICE_ASYNC_SM_CHANGE:
		return DEVICE_CHANGED_FABRIC;
	case DEVICE_ASYNC_QP_ERROR:
		return DEVICE_CHANGED_QP;
	case DEVICE_ASYNC_CQ_ERROR:
		return DEVICE_CHANGED_CQ;
	case DEVICE_ASYNC_PORT_ACTIVE:
	case DEVICE_ASYNC_PORT_ERROR:
	case DEVICE_ASYNC_GID_CHANGE:
	case DEVICE_ASYNC_OTHER:
	case DEVICE_ASYNC_N:
		break;
	}
	return 0;
}

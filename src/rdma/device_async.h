/* SPDX-License-Identifier: Apache-2.0 */
/* The meaning of the asynchronous events of a device: ibv_get_async_event(3). Pure. */
#ifndef RPINGMESH_RDMA_DEVICE_ASYNC_H
#define RPINGMESH_RDMA_DEVICE_ASYNC_H

/* The argument of device_ops.changed, or-ed. */
enum device_change {
	DEVICE_CHANGED_STATE = 1, /* device_is_up(), or its reason */
	DEVICE_CHANGED_GIDS = 2,  /* an address came, went or moved to another index */
	DEVICE_CHANGED_MTU = 4,
	DEVICE_CHANGED_GONE = 8,   /* it was removed, or the kernel has taken it from the context:
				      free all objects on it, then the device */
	DEVICE_CHANGED_FATAL = 16, /* it has failed: free it in the same way; it may work again
				      after a reset */
	DEVICE_CHANGED_QP = 32,	   /* a QP on it is in error: replace the endpoints */
	DEVICE_CHANGED_CQ = 64,	   /* a CQ on it has overrun: replace the endpoints */
	DEVICE_CHANGED_FABRIC =
		128, /* client re-register, or change of LID, P_Key or SM: resolve again */
};

/* The asynchronous events of ibv_get_async_event(3), grouped by their meaning. */
enum device_async {
	DEVICE_ASYNC_FATAL,
	DEVICE_ASYNC_PORT_ACTIVE,
	DEVICE_ASYNC_PORT_ERROR,
	DEVICE_ASYNC_GID_CHANGE,
	DEVICE_ASYNC_REREGISTER,
	DEVICE_ASYNC_LID_CHANGE,
	DEVICE_ASYNC_PKEY_CHANGE,
	DEVICE_ASYNC_SM_CHANGE,
	DEVICE_ASYNC_QP_ERROR, /* IBV_EVENT_QP_FATAL, _QP_REQ_ERR, _QP_ACCESS_ERR */
	DEVICE_ASYNC_CQ_ERROR,
	DEVICE_ASYNC_OTHER,    /* does not concern us */
	DEVICE_ASYNC_N
};
/* "fatal", "port_active", …; "?" for a value out of range. */
const char *device_async_name(enum device_async a);

/*
 * type: enum ibv_event_type. Any number is allowed, because a kernel may have more events than
 * verbs.h.
 */
enum device_async device_async_classify(int type);
/* The enum device_change of the event, or 0; in any case everything has to be read again. */
int device_async_change(enum device_async a);

#endif

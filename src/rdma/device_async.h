/* SPDX-License-Identifier: Apache-2.0 */
/* What the asynchronous events of a device mean to us: ibv_get_async_event(3). */
#ifndef RPINGMESH_RDMA_DEVICE_ASYNC_H
#define RPINGMESH_RDMA_DEVICE_ASYNC_H

/* What device_ops.changed is told, or'ed. */
enum device_change {
	DEVICE_CHANGED_STATE = 1, /* device_is_up() or why not */
	DEVICE_CHANGED_GIDS = 2,  /* an address came, went or moved to another index */
	DEVICE_CHANGED_MTU = 4,
	DEVICE_CHANGED_GONE = 8,   /* removed, or the kernel has taken the context from it: free
				      everything on it, then it */
	DEVICE_CHANGED_FATAL = 16, /* failed: likewise, and it may work again once it is reset */
	DEVICE_CHANGED_QP = 32,	   /* a QP on it is in error: replace the endpoints */
	DEVICE_CHANGED_CQ = 64,	   /* a CQ on it has overrun: likewise */
	DEVICE_CHANGED_FABRIC =
		128, /* client re-register, or LID, P_Key or SM change: what was resolved is void */
};

/* Asynchronous events of ibv_get_async_event(3), by what they mean here. */
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
	DEVICE_ASYNC_OTHER,    /* says nothing about us */
	DEVICE_ASYNC_N
};
/* "fatal", "port_active", …; "?" for what is none. */
const char *device_async_name(enum device_async a);

/*
 * type: enum ibv_event_type. Any number is allowed: a kernel may know more events than verbs.h.
 */
enum device_async device_async_classify(int type);
/* The change that it means beside "read everything again", or 0. */
int device_async_change(enum device_async a);

#endif

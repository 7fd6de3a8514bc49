/* SPDX-License-Identifier: Apache-2.0 */
/* QP events as the tracer hands them over, for tests of the flow table. */
#ifndef RPINGMESH_TESTS_FLOWS_FAKE_H
#define RPINGMESH_TESTS_FLOWS_FAKE_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "rpingmesh/qp_event.h"

/* By number, as the kernel's ABI has them. */
enum { FAKE_RC = 2, FAKE_UC = 3, FAKE_UD = 4, FAKE_XRC_INI = 9, FAKE_XRC_TGT = 10 };
enum { FAKE_RESET, FAKE_INIT, FAKE_RTR, FAKE_RTS, FAKE_SQD, FAKE_SQE, FAKE_ERR, FAKE_N_STATES };
enum { FAKE_DRIVER_MLX5 = 1, FAKE_DRIVER_BNXT_RE = 6, FAKE_DRIVER_RXE = 14 };

/* An RC QP of a process, by device "rdma<index>". */
static inline struct qp_event
fake_event(uint8_t type, uint32_t device_index, uint32_t qpn)
{
	struct qp_event e = {
		.time_ns = 1, .type = type, .device_index = device_index,
		.driver_id = FAKE_DRIVER_MLX5, .qpn = qpn,
		.qp_type = FAKE_RC, .flags = QP_EVENT_USER, .owner_tgid = 1000, .cgroup_id = 77,
		.owner = "train",
	};

	snprintf(e.device, sizeof(e.device), "rdma%u", device_index);
	return e;
}

static inline void
fake_state(struct qp_event *e, uint8_t state)
{
	e->flags |= QP_EVENT_HAS_STATE;
	e->state = state;
}

/* From ::ffff:10.0.0.1 to ::ffff:10.0.<to>, by a flow label. */
static inline void
fake_path(struct qp_event *e, uint16_t to, uint32_t flow_label)
{
	static const uint8_t v4[16] = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1};

	e->flags |= QP_EVENT_HAS_REMOTE | QP_EVENT_HAS_AV | QP_EVENT_HAS_GRH | QP_EVENT_HAS_SGID |
		    QP_EVENT_HAS_MTU;
	e->remote_qpn = 0x100u + to;
	e->flow_label = flow_label;
	e->traffic_class = 106;
	e->hop_limit = 64;
	e->service_level = 3;
	e->path_mtu = 5;
	e->port = 1;
	e->gid_type = QP_EVENT_GID_ROCE_V2;
	memcpy(e->sgid, v4, sizeof(v4));
	memcpy(e->dgid, v4, sizeof(v4));
	e->dgid[14] = (uint8_t)(to >> 8);
	e->dgid[15] = (uint8_t)to;
}

#endif

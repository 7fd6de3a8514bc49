/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The UDP source port in the packets of a connected QP, which depends on driver and kernel. If the
 * rule is not certain, the result is UDP_PORT_UNKNOWN, never a guess. rdma/sport.h does the same
 * for our own probes.
 */
#ifndef RPINGMESH_TRACE_FLOW_PORT_H
#define RPINGMESH_TRACE_FLOW_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/udp_port.h"

enum flow_port_rule {
	FLOW_PORT_RULE_UNKNOWN,
	/* rdma_get_udp_sport(flow label, local QPN, remote QPN), kernel include/rdma/ib_verbs.h */
	FLOW_PORT_RULE_STANDARD,
	/* 0xc000 + (hash_32(local QPN, 14) & 0x3fff): rxe before Linux 5.17 */
	FLOW_PORT_RULE_RXE_QPN,
};

struct flow_port_kernel {
	unsigned int major, minor;
	bool mainline; /* false: the kernel of a distribution that adopts newer RDMA code (RHEL and
			  its relatives: ".el9" in the release; SUSE) */
};

/* release: from uname(2), such as "6.1.0-28-amd64". If it is not valid, *out is all zero. */
void flow_port_kernel_parse(const char *release, struct flow_port_kernel *out);

/*
 * driver_id: enum rdma_driver_id of <rdma/ib_user_ioctl_verbs.h>. If a kernel is not mainline, it
 * has the standard rule where mainline of the same version has it; otherwise the rule is unknown.
 * Drivers from outside the kernel (a vendor's package) cannot be recognised and count as the
 * kernel's own. A port that a program has set itself (mlx5dv_modify_qp_udp_sport(3)) is not
 * noticed.
 */
enum flow_port_rule flow_port_rule_of(uint32_t driver_id, const struct flow_port_kernel *kernel);

/* The source port of a connected QP. flow_label: 0 if it has none. */
uint16_t flow_port_of(enum flow_port_rule rule, uint32_t flow_label, uint32_t qpn,
		      uint32_t remote_qpn);

#endif

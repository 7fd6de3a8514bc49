/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The UDP source port that a connected QP's packets carry, by driver and kernel. Where the rule is
 * not known for certain, the answer is UDP_PORT_UNKNOWN: never a guess. (For our own UD probes:
 * rdma/sport.h.)
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
	bool mainline; /* false: a distribution kernel that takes over newer RDMA code (RHEL and
			  kin: ".el9" in the release; SUSE) */
};

/* release: as uname(2) says, "6.1.0-28-amd64". All zeros, not mainline, if it cannot be read. */
void flow_port_kernel_parse(const char *release, struct flow_port_kernel *out);

/*
 * driver_id: enum rdma_driver_id of <rdma/ib_user_ioctl_verbs.h>. Kernels that are not mainline
 * have what their base version has, and nothing is known of them below it. Drivers from outside the
 * kernel (a vendor's package) cannot be told from the kernel's own, and are taken for them; so is a
 * port that a program sets for itself (mlx5dv_modify_qp_udp_sport(3)) not seen.
 */
enum flow_port_rule flow_port_rule_of(uint32_t driver_id, const struct flow_port_kernel *kernel);

/* Of a connected QP. flow_label: 0 if none. */
uint16_t flow_port_of(enum flow_port_rule rule, uint32_t flow_label, uint32_t qpn,
		      uint32_t remote_qpn);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The UDP source ports of UD QPs. RoCE v2 networks spread load over equal-cost paths by the UDP
 * source port, which the driver chooses. This contains the known rules of drivers; for other
 * drivers the port is unknown.
 */
#ifndef RPINGMESH_RDMA_SPORT_H
#define RPINGMESH_RDMA_SPORT_H

#include <stdint.h>

enum sport_rule {
	SPORT_RULE_UNKNOWN,
	/*
	 * Each QP has one port, independent of the AH: rxe (kernel:
	 * drivers/infiniband/sw/rxe/rxe_qp.c, rxe_qp_init_req).
	 */
	SPORT_RULE_QP,
	/*
	 * The port is the AH's flow label, folded to 14 bits (kernel:
	 * rdma_flow_label_to_udp_sport(), ibv_flow_label_to_udp_sport(3)). With flow label 0 the
	 * driver chooses: mlx5.
	 */
	SPORT_RULE_FLOW_LABEL,
};

/* driver: from device_get_driver(). */
enum sport_rule sport_rule_of(const char *driver);

/* The source port of a UD send, or UDP_PORT_UNKNOWN. */
uint16_t sport_of(enum sport_rule rule, uint32_t qpn, uint32_t flow_label);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UDP source ports. RoCE v2 networks spread load over equal-cost paths by the UDP source port,
 * which the driver chooses. What is known of the drivers' rules for UD QPs; where nothing is known,
 * that is the answer.
 */
#ifndef RPINGMESH_RDMA_SPORT_H
#define RPINGMESH_RDMA_SPORT_H

#include <stdint.h>

enum sport_rule {
	SPORT_RULE_UNKNOWN,
	/*
	 * One port per QP, whatever the AH says: rxe (kernel: drivers/infiniband/sw/rxe/rxe_qp.c,
	 * rxe_qp_init_req).
	 */
	SPORT_RULE_QP,
	/*
	 * The AH's flow label folded to 14 bits (kernel: rdma_flow_label_to_udp_sport(),
	 * ibv_flow_label_to_udp_sport(3)); with flow label 0 the driver chooses: mlx5.
	 */
	SPORT_RULE_FLOW_LABEL,
};

/* driver: as device_get_driver() gives it. */
enum sport_rule sport_rule_of(const char *driver);

/* Source port of a UD send. UDP_PORT_UNKNOWN if the rule does not tell. */
uint16_t sport_of(enum sport_rule rule, uint32_t qpn, uint32_t flow_label);

#endif

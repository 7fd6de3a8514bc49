/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How RoCE v2 drivers make a UDP source port, whichever driver it is: the arithmetic of the kernel,
 * once for our own probes (rdma/sport.h) and for services (trace/flow_port.h).
 */
#ifndef RPINGMESH_CORE_UDP_PORT_H
#define RPINGMESH_CORE_UDP_PORT_H

#include <stdint.h>

#define UDP_PORT_UNKNOWN 0
#define UDP_PORT_MIN 0xc000u /* RoCE v2 ports go from here to 65535 */

/* rdma_flow_label_to_udp_sport(), kernel include/rdma/ib_verbs.h: the label folded to 14 bits. */
uint16_t udp_port_of_label(uint32_t flow_label);
/* rxe_qp_init_req(), kernel drivers/infiniband/sw/rxe/rxe_qp.c: hash_32(QPN, 14). */
uint16_t udp_port_of_qpn(uint32_t qpn);

/* A flow label, never 0, that is folded to `port`; 0 when there is none. */
uint32_t udp_port_label(uint16_t port);

#endif

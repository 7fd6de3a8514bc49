/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the kernel's RoCE v2 drivers compute a UDP source port. rdma/sport.h uses this for our own
 * probes, trace/flow_port.h for services. Pure.
 */
#ifndef RPINGMESH_CORE_UDP_PORT_H
#define RPINGMESH_CORE_UDP_PORT_H

#include <stdint.h>

#define UDP_PORT_UNKNOWN 0
#define UDP_PORT_MIN 0xc000u /* RoCE v2 uses the ports from here to 65535 */

/* Folds the label to 14 bits: rdma_flow_label_to_udp_sport(), kernel include/rdma/ib_verbs.h. */
uint16_t udp_port_of_label(uint32_t flow_label);
/* hash_32(QPN, 14): rxe_qp_init_req(), kernel drivers/infiniband/sw/rxe/rxe_qp.c. */
uint16_t udp_port_of_qpn(uint32_t qpn);

/* A flow label, never 0, that folds to `port`; 0 if there is none (port < UDP_PORT_MIN). */
uint32_t udp_port_label(uint16_t port);

#endif

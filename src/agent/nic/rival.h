/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two daemons of one host that want the same address: rdma_cm tells only the second one. So who
 * listens on an address also has a datagram socket with an abstract name of address and port
 * (unix(7)), and who cannot listen there sends a message to it. The kernel tells the sender's
 * process. Like rdma_cm's ports, the names belong to the network namespace.
 */
#ifndef RPINGMESH_AGENT_NIC_RIVAL_H
#define RPINGMESH_AGENT_NIC_RIVAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/addr.h"

/* The socket of an address that this daemon listens on, which the caller closes; or -errno. */
int rival_open(const struct addr *local, uint16_t port);
/*
 * Whether a message has come since the last call. *pid: the process that sent the last one; 0: of
 * another PID namespace. Does not block. fd < 0: false.
 */
bool rival_heard(int fd, pid_t *pid);
/* Sends a message to the daemon that listens there, if it has a socket. */
void rival_tell(const struct addr *local, uint16_t port);

#endif

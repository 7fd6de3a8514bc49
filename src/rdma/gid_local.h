/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds out whether an entry of a GID table is ours. The kernel fills the table with addresses of
 * all network namespaces with interfaces on top of the port's, such as a macvlan in a container.
 * The index of the interface in an entry is that of its namespace.
 */
#ifndef RPINGMESH_RDMA_GID_LOCAL_H
#define RPINGMESH_RDMA_GID_LOCAL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/addr.h"

/*
 * Whether an address belongs to this network namespace: a socket can be bound to it (in the VRF of
 * the interface, if there is one), or it is the link-local address that the kernel makes from the
 * MAC address of the interface. True if this is unknown. ifindex: of the entry; 0: unknown. Makes a
 * few system calls; none waits for the kernel's RTNL lock.
 */
bool gid_local(const struct addr *addr, uint32_t ifindex);

#endif

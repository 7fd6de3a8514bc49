/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose an entry of a GID table is. The kernel fills the table with the addresses of all network
 * namespaces whose interfaces lie above the port's, such as a macvlan in a container, and gives the
 * interface's index as that namespace counts.
 */
#ifndef RPINGMESH_RDMA_GID_LOCAL_H
#define RPINGMESH_RDMA_GID_LOCAL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/addr.h"

/*
 * Whether an address is one of this network namespace: it can be bound to (in its VRF if the
 * interface is in one), or is the link-local address that the kernel makes from the MAC address of
 * the interface. True if that cannot be found out. ifindex: of the entry; 0: unknown. A few system
 * calls, none of which waits for the kernel's RTNL lock.
 */
bool gid_local(const struct addr *addr, uint32_t ifindex);

#endif

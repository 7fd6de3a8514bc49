/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel says about an RDMA port in sysfs(5), read without the daemon: to compare the two.
 * `root` is "" for the real files; tests give a directory with a tree of their own. Functions
 * return 0, or -errno; they set *out only with 0. Names come from the daemon: one that is no single
 * file name is -EINVAL.
 */
#ifndef RPINGMESH_CTL_WIRE_KERNELNIC_H
#define RPINGMESH_CTL_WIRE_KERNELNIC_H

#include <stdint.h>

#include "core/addr.h"

#define KERNELNIC_TEXT 64

/* An RDMA port and its network interface. */
struct kernelnic {
	const char *root, *device, *netdev;
	uint8_t port;
};

/* The address, the protocol ("RoCE v2") and the interface of an entry of the GID table. */
int kernelnic_gid(const struct kernelnic *nic, unsigned int index, struct addr *address,
		  char type[KERNELNIC_TEXT], char netdev[KERNELNIC_TEXT]);

/* The MTU of the network interface, in bytes. */
int kernelnic_mtu(const struct kernelnic *nic, uint64_t *out);

/*
 * A counter by the name that the daemon gives it: of the interface with "net_", else of the port
 * (hw_counters or counters). Those of ethtool(8) are in no file: -ENOENT.
 */
int kernelnic_counter(const struct kernelnic *nic, const char *name, uint64_t *out);

/*
 * The largest path MTU of InfiniBand (256 to 4096 bytes) whose packets fit an interface with this
 * MTU, as iboe_get_mtu() of Linux computes it: 96 bytes are for headers. 0: not even 256.
 */
unsigned int kernelnic_path_mtu(uint64_t mtu);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `ethtool -S` prints of an interface: the driver's own statistics (ETHTOOL_GSTATS,
 * linux/ethtool.h; net/ethtool/ioctl.c). On RoCE NICs they have what lossless fabrics are debugged
 * with: pause frames by priority (rx_prio3_pause), discards (rx_discards_phy), links that went down
 * (link_down_events_phy). No privilege is needed.
 */
#ifndef RPINGMESH_RDMA_ETHTOOL_H
#define RPINGMESH_RDMA_ETHTOOL_H

#include <stdint.h>

#define ETHTOOL_NAME 32 /* ETH_GSTRING_LEN, with its '\0' */
#define ETHTOOL_MAX 8192 /* statistics of one interface; one with more has none */

/*
 * Reads all statistics at once and calls `each` for those that are of the whole port: names of
 * single queues, channels and CPUs are left out. 0; -EOPNOTSUPP the driver has none; -E2BIG; else
 * -errno of the kernel. Blocks under the RTNL lock while the driver answers: hardware and firmware,
 * tens of microseconds to milliseconds.
 */
int ethtool_read(const char *netdev, void (*each)(void *arg, const char *name, uint64_t value),
		 void *arg);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks the kernel for its present route between two addresses, over rtnetlink(7). Sends nothing to
 * the network and does not wait for it.
 */
#ifndef RPINGMESH_CTL_WIRE_ROUTE_H
#define RPINGMESH_CTL_WIRE_ROUTE_H

#define ROUTE_TEXT 160

/*
 * Writes "by eth0, direct" or "by eth0 via 10.0.0.254". netdev: the interface that packets must
 * leave by, or NULL. Returns 0, or -errno; among others -ENETUNREACH, and -EINVAL if an address is
 * not valid or the families differ.
 */
int route_text(const char *source, const char *destination, const char *netdev,
	       char text[ROUTE_TEXT]);

#endif

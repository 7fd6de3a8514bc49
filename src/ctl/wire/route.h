/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's route between two addresses as it is now, over rtnetlink(7). Neither sends nor waits
 * for the network.
 */
#ifndef RPINGMESH_CTL_WIRE_ROUTE_H
#define RPINGMESH_CTL_WIRE_ROUTE_H

#define ROUTE_TEXT 160

/*
 * "by eth0, direct" or "by eth0 via 10.0.0.254". netdev: leave by this interface, or NULL. 0 and
 * text, or -errno: -ENETUNREACH, -EINVAL for addresses that are none or not of one family.
 */
int route_text(const char *source, const char *destination, const char *netdev,
	       char text[ROUTE_TEXT]);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this host can find out about the other ends of its RDMA ports: the switches that LLDP names,
 * the first routers, the subnet; and how fast the port is.
 *
 * uplink_ask() reads files, asks other daemons and the kernel, and so blocks. It runs in a worker
 * thread. The rest is pure.
 */
#ifndef RPINGMESH_AGENT_CLUSTER_UPLINK_H
#define RPINGMESH_AGENT_CLUSTER_UPLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "lldp/lldp.h"
#include "record/registration.h"

#define UPLINK_LINKS_MAX 8u

/* A network interface with a cable: the port's own, or one below it (a bond, a VLAN). */
struct uplink_link {
	uint32_t ifindex;
	struct lldp_switches lldp;
};

struct uplink {
	/* What is asked about. */
	char device[REGISTRATION_DEVICE];
	uint8_t port;
	struct addr own;
	uint32_t ifindex;

	/* The answers. */
	struct uplink_link links[UPLINK_LINKS_MAX];
	size_t n_links;
	char routers[REGISTRATION_TORS_MAX][REGISTRATION_NAME];
	size_t n_routers;
	char subnet[REGISTRATION_NAME]; /* "": unknown, or a link of two ends */
	uint64_t speed_mbps;            /* 0: unknown */
};

struct uplink_places {
	const char *sys;                /* "/sys" */
	struct lldp_places lldp;
};

/* Fills in the answers. */
void uplink_ask(const struct uplink_places *places, struct uplink *uplinks, size_t n);

/* Parts of it. */

/* Finds the interfaces below one: links/lower_NAME of sysfs, at most UPLINK_LINKS_MAX. */
void uplink_find_links(const char *sys, const char *netdev, struct uplink *uplink);
/* Reads "100 Gb/sec (4X EDR)" of sysfs. Returns Mbit/s; 0: unknown. */
uint64_t uplink_speed(const char *text);
/*
 * Makes the subnet of an address whose prefix has so many of 128 bits (see struct addr_net), and
 * the names of those of `gateways` in it. There are none if it has room for two ends only: then
 * each host has a router address and a subnet of its own.
 */
void uplink_set_subnet(struct uplink *uplink, uint8_t bits, const struct addr *gateways, size_t n);

/*
 * Finds the gateways of the routes over an interface, of the family of `own`: of its routes with
 * the shortest prefix, and of all tables. Returns 0, or -errno.
 */
#define UPLINK_GATEWAYS_MAX 4u
struct uplink_gateways {
	struct addr addrs[UPLINK_GATEWAYS_MAX]; /* sorted */
	size_t n;
};
int uplink_gateways(uint32_t ifindex, const struct addr *own, struct uplink_gateways *out);

#endif

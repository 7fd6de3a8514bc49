/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cluster/uplink.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UPLINK_DEPTH_MAX 4u /* a VLAN on a bond on an interface has three */
#define UPLINK_LOWER "lower_"

/* ---- the interfaces with a cable ---- */

static void
uplink_add_link(struct uplink *uplink, uint32_t ifindex)
{
	for (size_t i = 0; i < uplink->n_links; i++)
		if (uplink->links[i].ifindex == ifindex)
			return;
	if (uplink->n_links < UPLINK_LINKS_MAX)
		uplink->links[uplink->n_links++].ifindex = ifindex;
}

/* Reads a file of one line. Returns false if there is none. */
static bool
uplink_read(const char *path, char *line, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, line, size - 1);
	close(fd);
	if (n < 0)
		return false;
	line[n] = '\0';
	return true;
}

static void
uplink_find_below(const char *sys, const char *netdev, unsigned int depth, struct uplink *uplink)
{
	char path[PATH_MAX], line[32];
	const struct dirent *entry;
	bool lowest = true;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/class/net/%s", sys, netdev);
	dir = depth ? opendir(path) : NULL;
	while (dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, UPLINK_LOWER, strlen(UPLINK_LOWER)) != 0)
			continue;
		uplink_find_below(sys, entry->d_name + strlen(UPLINK_LOWER), depth - 1, uplink);
		lowest = false;
	}
	if (dir)
		closedir(dir);
	snprintf(path, sizeof(path), "%s/class/net/%s/ifindex", sys, netdev);
	if (lowest && uplink_read(path, line, sizeof(line)) && strtoul(line, NULL, 10))
		uplink_add_link(uplink, (uint32_t)strtoul(line, NULL, 10));
}

void
uplink_find_links(const char *sys, const char *netdev, struct uplink *uplink)
{
	uplink_find_below(sys, netdev, UPLINK_DEPTH_MAX, uplink);
}

/* ---- speed ---- */

uint64_t
uplink_speed(const char *text)
{
	char *end;
	double gbit = strtod(text, &end);

	if (strncmp(end, " Gb/sec", strlen(" Gb/sec")) != 0 || !(gbit > 0 && gbit < 1e6))
		return 0;
	return (uint64_t)(gbit * 1000 + 0.5);
}

static void
uplink_ask_speed(const char *sys, struct uplink *uplink)
{
	char path[PATH_MAX], line[64];

	snprintf(path, sizeof(path), "%s/class/infiniband/%s/ports/%u/rate", sys, uplink->device,
		 uplink->port);
	if (uplink_read(path, line, sizeof(line)))
		uplink->speed_mbps = uplink_speed(line);
}

/* ---- router and subnet ---- */

void
uplink_set_subnet(struct uplink *uplink, uint8_t bits, const struct addr *gateways, size_t n)
{
	unsigned int width = addr_is_v4(&uplink->own) ? 32 : 128;
	char text[ADDR_NET_TEXT], base[ADDR_TEXT];
	struct addr_net net;

	if (bits <= 128 - width || bits >= 126)
		return;
	snprintf(text, sizeof(text), "%s/%u", addr_text(&uplink->own, base), bits + width - 128);
	if (addr_net_parse(text, &net) < 0)
		return;
	snprintf(uplink->subnet, sizeof(uplink->subnet), "%s/%u", addr_text(&net.base, base),
		 bits + width - 128);
	for (size_t i = 0; i < n && uplink->n_routers < REGISTRATION_TORS_MAX; i++)
		if (addr_net_has(&net, &gateways[i]) && !addr_equal(&gateways[i], &uplink->own))
			addr_text(&gateways[i], uplink->routers[uplink->n_routers++]);
}

/* The number of bits that are set in a netmask, of 128. */
static uint8_t
uplink_mask_bits(const struct sockaddr *mask)
{
	struct addr addr;
	unsigned int bits = 0;

	if (!mask || addr_from_sockaddr(mask, &addr) < 0)
		return 0;
	for (size_t i = addr_is_v4(&addr) ? 12 : 0; i < sizeof(addr.raw); i++)
		bits += (unsigned int)__builtin_popcount(addr.raw[i]);
	return (uint8_t)(bits + (addr_is_v4(&addr) ? 96 : 0));
}

static void
uplink_ask_subnet(const struct ifaddrs *list, struct uplink *uplink)
{
	struct uplink_gateways gateways = {.n = 0};
	struct addr addr;

	for (const struct ifaddrs *i = list; i; i = i->ifa_next) {
		if (!i->ifa_addr || addr_from_sockaddr(i->ifa_addr, &addr) < 0 ||
		    !addr_equal(&addr, &uplink->own))
			continue;
		uplink_gateways(uplink->ifindex, &uplink->own, &gateways);
		uplink_set_subnet(uplink, uplink_mask_bits(i->ifa_netmask), gateways.addrs,
				  gateways.n);
		return;
	}
}

/* ---- all ---- */

static void
uplink_ask_lldp(const struct lldp *lldp, struct uplink *uplink)
{
	char name[IF_NAMESIZE];

	for (size_t i = 0; i < uplink->n_links; i++)
		if (if_indextoname(uplink->links[i].ifindex, name))
			lldp_switches(lldp, name, uplink->links[i].ifindex,
				      &uplink->links[i].lldp);
}

void
uplink_ask(const struct uplink_places *places, struct uplink *uplinks, size_t n)
{
	struct lldp *lldp = lldp_ask(&places->lldp);
	struct ifaddrs *list = NULL;
	char name[IF_NAMESIZE];

	if (getifaddrs(&list) < 0)
		list = NULL;
	for (size_t i = 0; i < n; i++) {
		uplink_ask_speed(places->sys, &uplinks[i]);
		uplink_ask_subnet(list, &uplinks[i]);
		if (uplinks[i].ifindex && if_indextoname(uplinks[i].ifindex, name))
			uplink_find_links(places->sys, name, &uplinks[i]);
		if (lldp)
			uplink_ask_lldp(lldp, &uplinks[i]);
	}
	if (list)
		freeifaddrs(list);
	lldp_free(lldp);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "rdma/gid_local.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static socklen_t
gid_sockaddr(const struct addr *addr, uint32_t ifindex, struct sockaddr_storage *ss)
{
	socklen_t len = addr_to_sockaddr(addr, 0, ss);

	if (addr_is_link_local(addr))
		((struct sockaddr_in6 *)ss)->sin6_scope_id = ifindex;
	return len;
}

/* Binds a socket to the address and, unless it is NULL, to the device. Returns 0 or -errno. */
static int
gid_bind(const struct addr *addr, uint32_t ifindex, const char *device)
{
	struct sockaddr_storage ss;
	socklen_t len = gid_sockaddr(addr, ifindex, &ss);
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc = 0;

	if (fd < 0)
		return -errno;
	if (device && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device,
				 (socklen_t)strlen(device) + 1) < 0)
		rc = -errno;
	else if (bind(fd, (const struct sockaddr *)&ss, len) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

/*
 * Whether the address is the modified EUI-64 of the device's MAC address (RFC 4291, appendix A). A
 * port has this GID even if its interface has no IPv6 address.
 */
static bool
gid_is_default(const struct addr *addr, const char *device)
{
	struct ifreq ifr = {0};
	const uint8_t *eui = addr->raw + 8, *mac = (const uint8_t *)ifr.ifr_hwaddr.sa_data;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc;

	if (fd < 0)
		return true;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", device);
	rc = ioctl(fd, SIOCGIFHWADDR, &ifr);
	close(fd);
	return rc == 0 && eui[0] == (mac[0] ^ 2) && memcmp(eui + 1, mac + 1, 2) == 0 &&
	       memcmp(eui + 5, mac + 3, 3) == 0;
}

static bool
gid_is_elsewhere(int err)
{
	return err == -EADDRNOTAVAIL || err == -ENODEV;
}

bool
gid_local(const struct addr *addr, uint32_t ifindex)
{
	char device[IF_NAMESIZE];

	if (!gid_is_elsewhere(gid_bind(addr, ifindex, NULL)))
		return true;
	if (!if_indextoname(ifindex, device))
		return false;
	if (addr_is_link_local(addr))
		return gid_is_default(addr, device);
	return !gid_is_elsewhere(gid_bind(addr, ifindex, device));
}

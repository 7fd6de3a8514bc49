/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/peer/peer_impl.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What RoCE v2 adds to a message: IP and UDP headers, BTH, DETH, ICRC. */
#define PEER_HEADERS_4 (20 + 8 + 12 + 8 + 4)
#define PEER_HEADERS_6 (40 + 8 + 12 + 8 + 4)

/*
 * The source address by the kernel's routes. connect(2) on a UDP socket sends nothing.
 */
static int
peer_routed_source(const struct addr *remote, struct addr *out)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(remote, 9, &ss);
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int rc = -errno;

	if (fd < 0)
		return rc;
	rc = -EHOSTUNREACH;
	if (connect(fd, (struct sockaddr *)&ss, len) == 0) {
		len = sizeof(ss);
		if (getsockname(fd, (struct sockaddr *)&ss, &len) == 0)
			rc = addr_from_sockaddr((struct sockaddr *)&ss, out);
	}
	close(fd);
	return rc;
}

/*
 * The MTU of the kernel's route, which knows what ICMP has said and what the administrator has set.
 * 0: unknown.
 */
static uint32_t
peer_route_mtu(const struct addr *local, const struct addr *remote)
{
	struct sockaddr_storage from, to;
	socklen_t from_len = addr_to_sockaddr(local, 0, &from), to_len, len = sizeof(int);
	bool v4 = addr_is_v4(remote);
	int fd = socket(from.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int mtu = 0;

	if (fd < 0)
		return 0;
	to_len = addr_to_sockaddr(remote, 9, &to);
	if (bind(fd, (struct sockaddr *)&from, from_len) != 0 ||
	    connect(fd, (struct sockaddr *)&to, to_len) != 0 ||
	    getsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_MTU : IPV6_MTU, &mtu, &len) != 0)
		mtu = 0;
	close(fd);
	return mtu > 0 ? (uint32_t)mtu : 0;
}

void
peer_follow_mtu(const struct peer *peer)
{
	uint32_t headers = addr_is_v4(&peer->remote) ? PEER_HEADERS_4 : PEER_HEADERS_6;
	uint32_t mtu = peer_route_mtu(&peer->local, &peer->remote);

	/* RoCE pads a message to whole words. */
	prober_peer_set_mtu(peer->prober, mtu > headers ? (mtu - headers) & ~3u : 0);
}

const struct device_gid *
peer_source_on(const struct peer *peer, const struct nic *nic)
{
	struct addr wanted;

	if (!nic_device(nic) ||
	    (peer->config.device && strcmp(peer->config.device, nic_name(nic)) != 0))
		return NULL;
	if (!peer->config.source)
		return device_source_for(nic_device(nic), &peer->remote);
	if (addr_parse(peer->config.source, &wanted) < 0 ||
	    addr_is_v4(&wanted) != addr_is_v4(&peer->remote))
		return NULL;
	return device_find_gid(nic_device(nic), &wanted);
}

bool
peer_source_choose(const struct peer *peer, struct peer_source *out)
{
	bool asked = false, have_route = false;
	struct addr routed;

	*out = (struct peer_source){0};
	for (struct nic *nic = NULL; (nic = nics_next(peer->peers->env.nics, nic));) {
		const struct device_gid *g = peer_source_on(peer, nic);

		if (!g)
			continue;
		if (!asked)
			have_route = peer_routed_source(&peer->remote, &routed) == 0;
		asked = true;
		if (have_route && !peer->config.source &&
		    device_find_gid(nic_device(nic), &routed)) {
			g = device_find_gid(nic_device(nic), &routed);
			*out = (struct peer_source){.nic = nic, .gid = g, .routed = true};
			return true;
		}
		if (!out->nic || addr_common_bits(&g->addr, &peer->remote) >
					 addr_common_bits(&out->gid->addr, &peer->remote))
			*out = (struct peer_source){.nic = nic, .gid = g};
	}
	return out->nic != NULL;
}

const char *
peer_source_missing(const struct peer *peer)
{
	if (!nics_next(peer->peers->env.nics, NULL))
		return "no local RDMA device";
	if (peer->config.source)
		return "no local RDMA device has the configured source address (of the peer's "
		       "address family)";
	if (peer->config.device)
		return "the configured device is missing or has no address of the peer's family";
	return "no local RDMA device has an address of the peer's family";
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "agent/cluster/uplink.h"

#define UPLINK_ROUTE_SEQ 1u
#define UPLINK_ROUTE_BYTES 32768u
#define UPLINK_ROUTE_WAIT_S 2

struct uplink_route_search {
	uint32_t ifindex;
	unsigned int prefix; /* of the routes that were found, in bits; 129: none */
	struct uplink_gateways *found;
};

static void
uplink_route_add(struct uplink_gateways *to, const struct addr *gateway)
{
	size_t at = 0;
	int order = 1;

	while (at < to->n &&
	       (order = memcmp(to->addrs[at].raw, gateway->raw, sizeof(gateway->raw))) < 0)
		at++;
	if ((at < to->n && order == 0) || to->n == UPLINK_GATEWAYS_MAX)
		return;
	memmove(&to->addrs[at + 1], &to->addrs[at], (to->n - at) * sizeof(to->addrs[0]));
	to->addrs[at] = *gateway;
	to->n++;
}

/* A way that a route takes: an interface, and the gateway there. */
static void
uplink_route_hop(struct uplink_route_search *s, unsigned int prefix, uint32_t ifindex,
		 const struct nlattr *gateway)
{
	struct addr addr = {.raw = {[10] = 0xff, [11] = 0xff}};

	if (ifindex != s->ifindex || !gateway || prefix > s->prefix)
		return;
	if (mnl_attr_get_payload_len(gateway) == 4)
		memcpy(addr.raw + 12, mnl_attr_get_payload(gateway), 4);
	else if (mnl_attr_get_payload_len(gateway) == 16)
		memcpy(addr.raw, mnl_attr_get_payload(gateway), 16);
	else
		return;
	if (prefix < s->prefix)
		s->found->n = 0;
	s->prefix = prefix;
	uplink_route_add(s->found, &addr);
}

static int
uplink_route_attribute(const struct nlattr *attribute, void *data)
{
	const struct nlattr **attributes = data;

	if (mnl_attr_type_valid(attribute, RTA_MAX) > 0)
		attributes[mnl_attr_get_type(attribute)] = attribute;
	return MNL_CB_OK;
}

/* The hops of a multipath route. */
static void
uplink_route_hops(struct uplink_route_search *s, unsigned int prefix, const struct nlattr *list)
{
	const char *at = mnl_attr_get_payload(list);
	size_t left = mnl_attr_get_payload_len(list), size;
	const struct rtnexthop *hop;

	for (; left >= sizeof(*hop); at += size, left -= size) {
		const struct nlattr *attributes[RTA_MAX + 1] = {0};

		hop = (const void *)at;
		size = MNL_ALIGN(hop->rtnh_len);
		if (hop->rtnh_len < sizeof(*hop) || size > left)
			return;
		mnl_attr_parse_payload(hop + 1, hop->rtnh_len - sizeof(*hop),
				       uplink_route_attribute, attributes);
		uplink_route_hop(s, prefix, (uint32_t)hop->rtnh_ifindex, attributes[RTA_GATEWAY]);
	}
}

static int
uplink_route_message(const struct nlmsghdr *head, void *data)
{
	const struct nlattr *attributes[RTA_MAX + 1] = {0}, *out;
	const struct rtmsg *route = mnl_nlmsg_get_payload(head);
	struct uplink_route_search *s = data;

	if (head->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(head) < sizeof(*route) ||
	    route->rtm_type != RTN_UNICAST ||
	    mnl_attr_parse(head, sizeof(*route), uplink_route_attribute, attributes) < 0)
		return MNL_CB_OK;
	out = attributes[RTA_OIF];
	if (out && mnl_attr_get_payload_len(out) == sizeof(uint32_t))
		uplink_route_hop(s, route->rtm_dst_len, mnl_attr_get_u32(out),
				 attributes[RTA_GATEWAY]);
	if (attributes[RTA_MULTIPATH])
		uplink_route_hops(s, route->rtm_dst_len, attributes[RTA_MULTIPATH]);
	return MNL_CB_OK;
}

static int
uplink_route_answer(struct mnl_socket *nl, struct uplink_route_search *s)
{
	char *bytes = malloc(UPLINK_ROUTE_BYTES);
	ssize_t n;
	int rc = bytes ? MNL_CB_OK : MNL_CB_ERROR;

	while (rc > MNL_CB_STOP) {
		n = mnl_socket_recvfrom(nl, bytes, UPLINK_ROUTE_BYTES);
		rc = n < 0 ? MNL_CB_ERROR
			   : mnl_cb_run(bytes, (size_t)n, UPLINK_ROUTE_SEQ,
					mnl_socket_get_portid(nl), uplink_route_message, s);
	}
	rc = rc == MNL_CB_ERROR ? -errno : 0;
	free(bytes);
	return rc;
}

static int
uplink_route_dump(struct mnl_socket *nl, unsigned char family, struct uplink_route_search *s)
{
	const struct timeval limit = {.tv_sec = UPLINK_ROUTE_WAIT_S};
	_Alignas(struct nlmsghdr) char bytes[256];
	struct nlmsghdr *head = mnl_nlmsg_put_header(bytes);
	struct rtmsg *route;
	int yes = 1;

	head->nlmsg_type = RTM_GETROUTE;
	head->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	head->nlmsg_seq = UPLINK_ROUTE_SEQ;
	route = mnl_nlmsg_put_extra_header(head, sizeof(*route));
	route->rtm_family = family;
	/* From Linux 4.20 on, the kernel sends only routes over the interface. */
	mnl_attr_put_u32(head, RTA_OIF, s->ifindex);
	mnl_socket_setsockopt(nl, NETLINK_GET_STRICT_CHK, &yes, sizeof(yes));
	setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(nl, head, head->nlmsg_len) < 0)
		return -errno;
	return uplink_route_answer(nl, s);
}

int
uplink_gateways(uint32_t ifindex, const struct addr *own, struct uplink_gateways *out)
{
	struct uplink_route_search s = {.ifindex = ifindex, .prefix = 129, .found = out};
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int rc;

	if (!nl)
		return -errno;
	rc = uplink_route_dump(nl, addr_is_v4(own) ? AF_INET : AF_INET6, &s);
	mnl_socket_close(nl);
	return rc;
}

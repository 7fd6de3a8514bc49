/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/road/road_impl.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#define ROAD_ROUTE_SEQ 1u
#define ROAD_ROUTE_TOS 0x1c /* the bits that IPv4's routing knows: the kernel's IPTOS_RT_MASK */

static void
road_route_request(struct nlmsghdr *head, const struct hops_tuple *tuple, uint32_t ifindex)
{
	bool v4 = addr_is_v4(&tuple->destination);
	size_t skip = v4 ? 12 : 0, len = sizeof(tuple->source.raw) - skip;
	struct rtmsg *route;

	head->nlmsg_type = RTM_GETROUTE;
	head->nlmsg_flags = NLM_F_REQUEST;
	head->nlmsg_seq = ROAD_ROUTE_SEQ;
	route = mnl_nlmsg_put_extra_header(head, sizeof(*route));
	route->rtm_family = v4 ? AF_INET : AF_INET6;
	route->rtm_src_len = route->rtm_dst_len = (unsigned char)(8 * len);
	route->rtm_tos = v4 ? tuple->traffic_class & ROAD_ROUTE_TOS : 0;
	/* The entry of the table, of which there is none if the kernel only assumes a neighbour. */
	route->rtm_flags = RTM_F_FIB_MATCH;
	mnl_attr_put(head, RTA_SRC, len, tuple->source.raw + skip);
	mnl_attr_put(head, RTA_DST, len, tuple->destination.raw + skip);
	mnl_attr_put_u32(head, RTA_OIF, ifindex);
}

/* Whether a way of the route leads over this interface. IPv6 also finds others. */
static bool
road_route_leads(const struct nlmsghdr *head, uint32_t ifindex)
{
	struct nlattr *attr;

	mnl_attr_for_each(attr, head, sizeof(struct rtmsg)) {
		const struct rtnexthop *hop = mnl_attr_get_payload(attr);
		size_t left = mnl_attr_get_payload_len(attr);

		if (mnl_attr_get_type(attr) == RTA_OIF && left == sizeof(uint32_t))
			return mnl_attr_get_u32(attr) == ifindex;
		if (mnl_attr_get_type(attr) != RTA_MULTIPATH)
			continue;
		for (; left >= sizeof(*hop) && hop->rtnh_len >= sizeof(*hop) &&
		       hop->rtnh_len <= left;
		     left -= hop->rtnh_len, hop = (const void *)((const char *)hop + hop->rtnh_len))
			if ((uint32_t)hop->rtnh_ifindex == ifindex)
				return true;
	}
	return false;
}

/* The answer comes while the request is sent. */
static int
road_route_ask(struct mnl_socket *nl, const struct nlmsghdr *request, uint32_t ifindex)
{
	_Alignas(struct nlmsghdr) char bytes[4096];
	const struct nlmsghdr *head = (const void *)bytes;
	const struct rtmsg *route;
	ssize_t n;

	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(nl, request, request->nlmsg_len) < 0)
		return -errno;
	n = recv(mnl_socket_get_fd(nl), bytes, sizeof(bytes), MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	if (!mnl_nlmsg_ok(head, (int)n))
		return -EBADMSG;
	if (head->nlmsg_type == NLMSG_ERROR &&
	    mnl_nlmsg_get_payload_len(head) >= sizeof(struct nlmsgerr))
		return ((const struct nlmsgerr *)mnl_nlmsg_get_payload(head))->error;
	if (head->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(head) < sizeof(*route))
		return -EBADMSG;
	route = mnl_nlmsg_get_payload(head);
	if (route->rtm_type != RTN_UNICAST || !road_route_leads(head, ifindex))
		return -EHOSTUNREACH;
	return 0;
}

int
road_route_check(const struct hops_tuple *tuple, const char **reason)
{
	_Alignas(struct nlmsghdr) char bytes[256];
	uint32_t ifindex = if_nametoindex(tuple->netdev);
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	struct nlmsghdr *head = mnl_nlmsg_put_header(bytes);
	int rc;

	*reason = "the kernel cannot be asked for its routes";
	if (!nl)
		return -errno;
	road_route_request(head, tuple, ifindex);
	rc = ifindex ? road_route_ask(nl, head, ifindex) : -ENODEV;
	mnl_socket_close(nl);
	if (rc == -EHOSTUNREACH || rc == -ENETUNREACH || rc == -ENODEV)
		*reason = "no route leads from the source address over its device to the "
			  "destination: the host needs policy routing (ip-rule(8))";
	return rc;
}

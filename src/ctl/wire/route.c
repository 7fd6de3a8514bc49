/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/wire/route.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define ROUTE_SEQ 1u

struct route_answer {
	char *text;
	bool told;
};

static int
route_attribute(const struct nlattr *attribute, void *data)
{
	const struct nlattr **attributes = data;

	if (mnl_attr_type_valid(attribute, RTA_MAX) > 0)
		attributes[mnl_attr_get_type(attribute)] = attribute;
	return MNL_CB_OK;
}

/* Makes the text from the answer. */
static int
route_tell(const struct nlmsghdr *head, void *data)
{
	const struct nlattr *attributes[RTA_MAX + 1] = {0}, *out, *gateway;
	const struct rtmsg *route = mnl_nlmsg_get_payload(head);
	char via[INET6_ADDRSTRLEN] = "", device[IF_NAMESIZE] = "?";
	struct route_answer *answer = data;

	if (head->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(head) < sizeof(*route) ||
	    mnl_attr_parse(head, sizeof(*route), route_attribute, attributes) < 0) {
		errno = EBADMSG;
		return MNL_CB_ERROR;
	}
	out = attributes[RTA_OIF];
	gateway = attributes[RTA_GATEWAY];
	if (out && mnl_attr_get_payload_len(out) == sizeof(uint32_t) &&
	    !if_indextoname(mnl_attr_get_u32(out), device))
		snprintf(device, sizeof(device), "#%u", mnl_attr_get_u32(out));
	if (gateway && mnl_attr_get_payload_len(gateway) == (route->rtm_family == AF_INET ? 4 : 16))
		inet_ntop(route->rtm_family, mnl_attr_get_payload(gateway), via, sizeof(via));
	if (route->rtm_type == RTN_LOCAL)
		snprintf(answer->text, ROUTE_TEXT, "by %s: it is an address of this host", device);
	else
		snprintf(answer->text, ROUTE_TEXT, "by %s%s%s", device,
			 via[0] ? " via " : ", direct", via);
	answer->told = true;
	return MNL_CB_STOP;
}

static int
route_ask(struct mnl_socket *nl, const struct nlmsghdr *request, char text[ROUTE_TEXT])
{
	const struct timeval limit = {.tv_sec = 2};
	struct route_answer answer = {.text = text};
	_Alignas(struct nlmsghdr) char bytes[4096];
	ssize_t n;

	setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(nl, request, request->nlmsg_len) < 0)
		return -errno;
	n = mnl_socket_recvfrom(nl, bytes, sizeof(bytes));
	if (n < 0 || mnl_cb_run(bytes, (size_t)n, ROUTE_SEQ, mnl_socket_get_portid(nl), route_tell,
				&answer) < 0)
		return -errno;
	return answer.told ? 0 : -EBADMSG;
}

int
route_text(const char *source, const char *destination, const char *netdev, char text[ROUTE_TEXT])
{
	int family = strchr(destination, ':') ? AF_INET6 : AF_INET, rc;
	size_t len = family == AF_INET ? 4 : 16;
	uint32_t index = netdev ? if_nametoindex(netdev) : 0;
	_Alignas(struct nlmsghdr) char bytes[256];
	struct nlmsghdr *head = mnl_nlmsg_put_header(bytes);
	unsigned char src[16], dst[16];
	struct mnl_socket *nl;
	struct rtmsg *route;

	if (inet_pton(family, source, src) != 1 || inet_pton(family, destination, dst) != 1)
		return -EINVAL;
	head->nlmsg_type = RTM_GETROUTE;
	head->nlmsg_flags = NLM_F_REQUEST;
	head->nlmsg_seq = ROUTE_SEQ;
	route = mnl_nlmsg_put_extra_header(head, sizeof(*route));
	route->rtm_family = (unsigned char)family;
	route->rtm_src_len = route->rtm_dst_len = (unsigned char)(8 * len);
	mnl_attr_put(head, RTA_SRC, len, src);
	mnl_attr_put(head, RTA_DST, len, dst);
	if (index)
		mnl_attr_put_u32(head, RTA_OIF, index);
	nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!nl)
		return -errno;
	rc = route_ask(nl, head, text);
	mnl_socket_close(nl);
	return rc;
}

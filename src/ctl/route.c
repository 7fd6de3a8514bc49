/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/route.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

struct route_request {
	struct nlmsghdr head;
	struct rtmsg route;
	char attributes[128];
};

static void
route_put(struct route_request *r, uint16_t type, const void *data, size_t len)
{
	struct rtattr *a = (struct rtattr *)(void *)((char *)r + NLMSG_ALIGN(r->head.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(len);
	memcpy(RTA_DATA(a), data, len);
	r->head.nlmsg_len = NLMSG_ALIGN(r->head.nlmsg_len) + (uint32_t)RTA_ALIGN(a->rta_len);
}

/* The answer's text. */
static void
route_tell(struct rtmsg *route, size_t len, char text[ROUTE_TEXT])
{
	char gateway[INET6_ADDRSTRLEN] = "", device[IF_NAMESIZE] = "?";
	int left = (int)len;

	for (struct rtattr *a = RTM_RTA(route); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		uint32_t index;

		if (a->rta_type == RTA_OIF && RTA_PAYLOAD(a) == sizeof(index)) {
			memcpy(&index, RTA_DATA(a), sizeof(index));
			if (!if_indextoname(index, device))
				snprintf(device, sizeof(device), "#%u", index);
		} else if (a->rta_type == RTA_GATEWAY && RTA_PAYLOAD(a) == (route->rtm_family == AF_INET ? 4 : 16)) {
			inet_ntop(route->rtm_family, RTA_DATA(a), gateway, sizeof(gateway));
		}
	}
	if (route->rtm_type == RTN_LOCAL)
		snprintf(text, ROUTE_TEXT, "by %s: it is an address of this host", device);
	else
		snprintf(text, ROUTE_TEXT, "by %s%s%s", device, gateway[0] ? " via " : ", direct", gateway);
}

static int
route_ask(int fd, struct route_request *request, char text[ROUTE_TEXT])
{
	union {
		struct nlmsghdr head;
		char bytes[4096];
	} answer;
	const struct nlmsgerr *error = NLMSG_DATA(&answer.head);
	const struct timeval limit = {.tv_sec = 2};
	ssize_t n;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (send(fd, request, request->head.nlmsg_len, 0) < 0)
		return -errno;
	n = recv(fd, &answer, sizeof(answer), 0);
	if (n < 0)
		return -errno;
	if (!NLMSG_OK(&answer.head, (size_t)n))
		return -EBADMSG;
	if (answer.head.nlmsg_type == NLMSG_ERROR)
		return answer.head.nlmsg_len >= NLMSG_LENGTH(sizeof(*error)) && error->error ? error->error : -EBADMSG;
	if (answer.head.nlmsg_type != RTM_NEWROUTE || answer.head.nlmsg_len < NLMSG_LENGTH(sizeof(struct rtmsg)))
		return -EBADMSG;
	route_tell(NLMSG_DATA(&answer.head), RTM_PAYLOAD(&answer.head), text);
	return 0;
}

int
route_text(const char *source, const char *destination, const char *netdev, char text[ROUTE_TEXT])
{
	int family = strchr(destination, ':') ? AF_INET6 : AF_INET, fd, rc;
	size_t len = family == AF_INET ? 4 : 16;
	uint32_t index = netdev ? if_nametoindex(netdev) : 0;
	unsigned char src[16], dst[16];
	struct route_request request = {
		.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)), .nlmsg_type = RTM_GETROUTE, .nlmsg_flags = NLM_F_REQUEST},
		.route = {.rtm_family = (unsigned char)family, .rtm_src_len = (unsigned char)(8 * len), .rtm_dst_len = (unsigned char)(8 * len)},
	};

	if (inet_pton(family, source, src) != 1 || inet_pton(family, destination, dst) != 1)
		return -EINVAL;
	route_put(&request, RTA_SRC, src, len);
	route_put(&request, RTA_DST, dst, len);
	if (index)
		route_put(&request, RTA_OIF, &index, sizeof(index));
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		return -errno;
	rc = route_ask(fd, &request, text);
	close(fd);
	return rc;
}

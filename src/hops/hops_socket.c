/* SPDX-License-Identifier: Apache-2.0 */
#include "hops/hops_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <linux/in6.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HOPS_PORT 4791         /* RoCE v2: InfiniBand Architecture, Annex A17 */
#define HOPS_SEND_TRIES 4      /* earlier errors that one send may meet */

/* ---- opening ---- */

static int
hops_socket_set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int
hops_socket_set_v4(int fd, const struct hops_tuple *tuple)
{
	int rc = hops_socket_set(fd, SOL_IP, IP_RECVERR, 1);

	if (rc == 0)
		rc = hops_socket_set(fd, SOL_IP, IP_TOS, tuple->traffic_class);
	/* As RoCE: do not fragment. */
	return rc < 0 ? rc : hops_socket_set(fd, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
}

/* The kernel sends only flow labels that the socket holds: its net/ipv6/ip6_flowlabel.c. */
static int
hops_socket_lease_label(int fd, const struct hops_tuple *tuple)
{
	struct in6_flowlabel_req request = {
		.flr_label = htonl(tuple->flow_label),
		.flr_action = IPV6_FL_A_GET,
		.flr_share = IPV6_FL_S_ANY,
		.flr_flags = IPV6_FL_F_CREATE,
	};

	memcpy(&request.flr_dst, tuple->destination.raw, sizeof(request.flr_dst));
	if (setsockopt(fd, SOL_IPV6, IPV6_FLOWLABEL_MGR, &request, sizeof(request)) < 0)
		return -errno;
	return hops_socket_set(fd, SOL_IPV6, IPV6_FLOWINFO_SEND, 1);
}

static int
hops_socket_set_v6(int fd, const struct hops_tuple *tuple)
{
	int rc = hops_socket_set(fd, SOL_IPV6, IPV6_RECVERR, 1);

	if (rc == 0)
		rc = hops_socket_set(fd, SOL_IPV6, IPV6_TCLASS, tuple->traffic_class);
	/* A label that the kernel makes up is not that of the RoCE packets. */
	if (rc == 0)
		rc = hops_socket_set(fd, SOL_IPV6, IPV6_AUTOFLOWLABEL, 0);
	if (rc == 0)
		rc = hops_socket_set(fd, SOL_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO);
	return rc < 0 || tuple->flow_label == 0 ? rc : hops_socket_lease_label(fd, tuple);
}

static const char *
hops_socket_bind_reason(int error)
{
	switch (error) {
	case EADDRINUSE:
		return "another process uses the source port";
	case EADDRNOTAVAIL:
		return "the source address is not this host's";
	case EACCES:
		return "the source port is privileged";
	default:
		return "the source address and port cannot be bound";
	}
}

static int
hops_socket_set_up(int fd, const struct hops_tuple *tuple, const char **reason)
{
	struct sockaddr_storage source;
	socklen_t len = addr_to_sockaddr(&tuple->source, tuple->src_port, &source);
	int rc;

	*reason = "the socket does not take its options";
	rc = addr_is_v4(&tuple->source) ? hops_socket_set_v4(fd, tuple) :
					  hops_socket_set_v6(fd, tuple);
	if (rc < 0)
		return rc;
	if (tuple->netdev[0] && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, tuple->netdev,
					   (socklen_t)strnlen(tuple->netdev, IF_NAMESIZE)) < 0) {
		*reason = "the network device cannot be used";
		return -errno;
	}
	if (bind(fd, (struct sockaddr *)&source, len) < 0) {
		rc = -errno;
		*reason = hops_socket_bind_reason(-rc);
		return rc;
	}
	*reason = NULL;
	return 0;
}

int
hops_socket_open(const struct hops_tuple *tuple, const char **reason)
{
	bool v4 = addr_is_v4(&tuple->source);
	int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int rc;

	if (fd < 0) {
		rc = -errno;
		*reason = "no socket can be opened";
		return rc;
	}
	rc = hops_socket_set_up(fd, tuple, reason);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	return fd;
}

/* ---- sending ---- */

static bool
hops_socket_is_of_earlier(int error)
{
	return error == EHOSTUNREACH || error == ENETUNREACH || error == ECONNREFUSED ||
	       error == EPROTO || error == EACCES || error == EMSGSIZE;
}

int
hops_socket_send(int fd, const struct hops_tuple *tuple, uint8_t ttl, uint32_t nonce)
{
	struct hops_payload payload = {.begin = HOPS_BEGIN, .ttl = ttl, .nonce = htonl(nonce),
				       .qpn = {(uint8_t)(tuple->qpn >> 16),
					       (uint8_t)(tuple->qpn >> 8), (uint8_t)tuple->qpn}};
	struct iovec iov = {.iov_base = &payload, .iov_len = sizeof(payload)};
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct sockaddr_storage to;
	struct msghdr m = {.msg_name = &to, .msg_iov = &iov, .msg_iovlen = 1,
			   .msg_control = &control, .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	bool v4 = addr_is_v4(&tuple->destination);
	int value = ttl;

	m.msg_namelen = addr_to_sockaddr(&tuple->destination, HOPS_PORT, &to);
	if (!v4 && tuple->flow_label)
		((struct sockaddr_in6 *)&to)->sin6_flowinfo = htonl(tuple->flow_label);
	c->cmsg_len = CMSG_LEN(sizeof(int));
	c->cmsg_level = v4 ? SOL_IP : SOL_IPV6;
	c->cmsg_type = v4 ? IP_TTL : IPV6_HOPLIMIT;
	memcpy(CMSG_DATA(c), &value, sizeof(value));
	for (int i = 0; i < HOPS_SEND_TRIES; i++) {
		if (sendmsg(fd, &m, MSG_NOSIGNAL) >= 0)
			return 0;
		if (!hops_socket_is_of_earlier(errno))
			break;
	}
	return -errno;
}

/* ---- answers ---- */

/* The error in the control messages, or NULL. */
static const struct sock_extended_err *
hops_socket_error(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		bool v4 = c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR;
		bool v6 = c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_RECVERR;
		size_t offender = v4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);

		if ((v4 || v6) &&
		    c->cmsg_len >= CMSG_LEN(sizeof(struct sock_extended_err) + offender))
			return (const struct sock_extended_err *)CMSG_DATA(c);
	}
	return NULL;
}

/* 0: the quote ends before it tells. -EBADMSG: it quotes nothing of this trace. */
static int
hops_socket_quoted_ttl(const void *data, size_t n, uint32_t nonce)
{
	struct hops_payload payload;

	if (n < HOPS_QUOTE)
		return 0;
	memcpy(&payload, data, HOPS_QUOTE);
	if (memcmp(payload.begin, HOPS_BEGIN, sizeof(payload.begin)) != 0 ||
	    ntohl(payload.nonce) != nonce ||
	    payload.ttl == 0 || payload.ttl > HOPS_MAX)
		return -EBADMSG;
	return payload.ttl;
}

int
hops_socket_parse(struct msghdr *m, const void *data, size_t n, uint32_t nonce,
		  struct trace_answer *out)
{
	const struct sock_extended_err *e = hops_socket_error(m);
	int ttl = hops_socket_quoted_ttl(data, n, nonce);

	if (!e || ttl < 0 ||
	    (e->ee_origin != SO_EE_ORIGIN_ICMP && e->ee_origin != SO_EE_ORIGIN_ICMP6))
		return 0;
	*out = (struct trace_answer){.ttl = (uint8_t)ttl, .type = e->ee_type, .code = e->ee_code};
	/* As SO_EE_OFFENDER() of the kernel, which casts const away. */
	if (addr_from_sockaddr((const void *)(e + 1), &out->from) < 0 || addr_is_zero(&out->from))
		return 0;
	return 1;
}

int
hops_socket_take(int fd, uint32_t nonce, struct trace_answer *out)
{
	uint8_t data[HOPS_QUOTE];
	struct iovec iov = {.iov_base = data, .iov_len = sizeof(data)};
	union {
		char bytes[256];
		struct cmsghdr align;
	} control;
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			   .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT);

	return n < 0 ? -errno : hops_socket_parse(&m, data, (size_t)n, nonce, out);
}

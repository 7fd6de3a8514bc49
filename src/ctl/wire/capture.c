/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/wire/capture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CAPTURE_PORT 4791 /* IBTA Annex A17 */
#define CAPTURE_HEADERS 128 /* bytes of each datagram: IP with options, UDP */
#define CAPTURE_V4 20 /* RFC 791: without options */
#define CAPTURE_V6 40 /* RFC 8200 */
#define CAPTURE_UDP 8

static uint16_t
capture_u16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static bool
capture_v4(const uint8_t *data, size_t n, struct capture_packet *out, size_t *udp)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	size_t length = (size_t)(data[0] & 15) * 4;

	if (n < CAPTURE_V4 || length < CAPTURE_V4 || data[9] != IPPROTO_UDP ||
	    (capture_u16(data + 6) & 0x1fff) != 0)
		return false;
	memcpy(out->source.raw, mapped, sizeof(mapped));
	memcpy(out->destination.raw, mapped, sizeof(mapped));
	memcpy(out->source.raw + 12, data + 12, 4);
	memcpy(out->destination.raw + 12, data + 16, 4);
	*udp = length;
	return true;
}

static bool
capture_v6(const uint8_t *data, size_t n, struct capture_packet *out, size_t *udp)
{
	if (n < CAPTURE_V6 || data[6] != IPPROTO_UDP)
		return false;
	memcpy(out->source.raw, data + 8, sizeof(out->source.raw));
	memcpy(out->destination.raw, data + 24, sizeof(out->destination.raw));
	*udp = CAPTURE_V6;
	return true;
}

bool
capture_parse(const uint8_t *data, size_t n, struct capture_packet *out)
{
	size_t udp;

	if (n == 0)
		return false;
	if (data[0] >> 4 == 4 ? !capture_v4(data, n, out, &udp) :
	    data[0] >> 4 != 6 || !capture_v6(data, n, out, &udp))
		return false;
	if (n < udp + CAPTURE_UDP || capture_u16(data + udp + 2) != CAPTURE_PORT)
		return false;
	out->src_port = capture_u16(data + udp);
	return true;
}

int
capture_open(const char *netdev)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL), /* only this one sees what is sent */
		.sll_ifindex = (int)if_nametoindex(netdev),
	};
	int fd, rc;

	if (at.sll_ifindex == 0)
		return -ENODEV;
	fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

bool
capture_next(int fd, struct capture_packet *out)
{
	uint8_t data[CAPTURE_HEADERS];
	struct sockaddr_ll from;
	socklen_t size = sizeof(from);

	for (unsigned int i = 0; i < CAPTURE_AT_ONCE; i++, size = sizeof(from)) {
		ssize_t n = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &size);

		if (n < 0)
			break;
		if (from.sll_pkttype == PACKET_OUTGOING && capture_parse(data, (size_t)n, out))
			return true;
	}
	return false;
}

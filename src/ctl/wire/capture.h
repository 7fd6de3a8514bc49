/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Captures the RoCE v2 datagrams (UDP port 4791) that leave a network interface, by packet(7). It
 * sees what passes the kernel: all of soft-RoCE, and nothing of most RNICs, which send by
 * themselves. Needs CAP_NET_RAW. Does not block.
 */
#ifndef RPINGMESH_CTL_WIRE_CAPTURE_H
#define RPINGMESH_CTL_WIRE_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"

struct capture_packet {
	struct addr source, destination;
	uint16_t src_port;
};

/*
 * Reads the addresses and the UDP source port of an IP datagram of n bytes. Returns false if it is
 * none of RoCE v2: another protocol or port, a fragment without the UDP header, too short.
 */
bool capture_parse(const uint8_t *data, size_t n, struct capture_packet *out);

/*
 * Begins to capture on an interface. Returns a descriptor that the caller closes, or -errno: -EPERM
 * without the right, -ENODEV if there is no such interface.
 */
int capture_open(const char *netdev);

/*
 * Takes the next datagram out of the socket. Returns false if there is none among the next
 * CAPTURE_AT_ONCE packets of the interface, which may carry much else.
 */
#define CAPTURE_AT_ONCE 1000u
bool capture_next(int fd, struct capture_packet *out);

#endif

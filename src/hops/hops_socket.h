/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The socket of one trace. It is never connected: connect(2) gives a socket a random hash, which
 * Linux takes for that of the 5-tuple, on bonds and as a router.
 */
#ifndef RPINGMESH_HOPS_HOPS_SOCKET_H
#define RPINGMESH_HOPS_HOPS_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "hops/trace.h"

/*
 * Payload of a datagram, in network byte order: a base transport header (BTH; InfiniBand
 * Architecture 9.2), and the room of a datagram header and an ICRC. If one arrives at a NIC after
 * all, because routes have changed, it is dropped for its transport version, before anything else
 * of it is looked at. It may not be shorter than a BTH: soft-RoCE of Linux 6.1 then reads a pointer
 * that it has not set, and the kernel dies.
 */
struct hops_payload {
	uint8_t begin[4]; /* HOPS_BEGIN */
	uint8_t ttl;      /* reserved in a BTH */
	uint8_t qpn[3];   /* of the tuple */
	uint32_t nonce;   /* of the trace; where a BTH has its PSN */
	uint8_t rest[12]; /* 0 */
};
/* UD SEND only; transport version 15, which there is not; the default partition. */
#define HOPS_BEGIN "\x64\x0f\xff\xff"
#define HOPS_QUOTE 12u /* so much of the payload must be quoted to tell the TTL */

/*
 * Opens the socket of a tuple, non-blocking. Returns the descriptor, which the caller owns, or
 * -errno and sets *reason to static text.
 */
int hops_socket_open(const struct hops_tuple *tuple, const char **reason);

/*
 * Sends a datagram. Errors of datagrams before, which sendmsg(2) reports once, are not errors of
 * this one. Returns 0, or -errno.
 */
int hops_socket_send(int fd, const struct hops_tuple *tuple, uint8_t ttl, uint32_t nonce);

/*
 * Takes the next error from the queue. Returns 1 and sets *out, 0 if it is none that belongs to the
 * trace with this nonce, or -errno: -EAGAIN if there is none.
 */
int hops_socket_take(int fd, uint32_t nonce, struct trace_answer *out);

/*
 * Reads what recvmsg(2) with MSG_ERRQUEUE has returned: n bytes of the quote, at data, and the
 * control messages in m. Returns 1 or 0 as above. Pure.
 */
int hops_socket_parse(struct msghdr *m, const void *data, size_t n, uint32_t nonce,
		      struct trace_answer *out);

#endif

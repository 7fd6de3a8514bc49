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
 * Payload of a datagram, in network byte order. 8 bytes are shorter than a base transport header,
 * so nothing that parses RoCE takes it for a packet.
 */
struct hops_payload {
	uint8_t magic[2]; /* HOPS_MAGIC */
	uint8_t ttl;
	uint8_t unused;   /* 0 */
	uint32_t nonce;   /* of the trace */
};
#define HOPS_MAGIC "rp"

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

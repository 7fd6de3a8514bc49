/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The routers on the path of a 5-tuple of RoCE v2: datagrams with the tuple's addresses, source
 * port and traffic class and a small TTL, to port 4791; each router answers one with "time
 * exceeded" (RFC 792, RFC 4443 section 3.3). The errors come through the socket's own error queue
 * (ip(7), IP_RECVERR), so no capability is needed. The caller says how many routers there are, and
 * no datagram has a larger TTL: none arrives at the destination.
 */
#ifndef RPINGMESH_HOPS_HOPS_H
#define RPINGMESH_HOPS_HOPS_H

#include <stddef.h>
#include <stdint.h>

#include "hops/hops_path.h"

#define HOPS_WAITING_MAX 20000u /* requests that wait */
#define HOPS_RUNNING_MAX 64u   /* paths that are traced at once: a socket each */

struct hops;
struct hops_request;
struct loop;

/* The first that has waited is traced first within one of these. */
enum hops_urgency {
	HOPS_ASKED,  /* somebody waits for it */
	HOPS_LOSING, /* it has begun to lose */
	HOPS_NEW,
	HOPS_AGAIN,
	HOPS_URGENCY_N
};

struct hops_stats {
	uint64_t traced;       /* paths, complete or not */
	uint64_t failed;       /* of them with an error */
	uint64_t refused;      /* requests, because HOPS_WAITING_MAX were waiting */
	uint64_t sent;         /* datagrams */
	uint64_t answers;      /* that belong to one of them */
	uint64_t foreign;      /* errors that belong to none, or are malformed */
	size_t waiting, running;
};

/* Returns 0 and sets *out, which the caller owns, or -errno. The loop is borrowed. */
int hops_new(struct loop *loop, const struct hops_config *config, struct hops **out);
/* Ends all requests without calling `done`. NULL is allowed. */
void hops_free(struct hops *hops);
void hops_configure(struct hops *hops, const struct hops_config *config);

/*
 * Asks for the path of a tuple across `routers` routers (1 to HOPS_MAX). Each router is asked
 * `asks` times (1 or 2: twice shows a fabric that sprays). before: an earlier path of the tuple,
 * which is copied, or NULL; it tells which switches will answer. `done` is called once, from the
 * loop; path is borrowed until it returns. Of requests with one source address and port one runs at
 * a time. Returns 0 and sets *out for hops_cancel(), -EINVAL, -ENOMEM, or -ENOBUFS if too many
 * wait. Never blocks.
 */
struct hops_ask {
	struct hops_tuple tuple;
	enum hops_urgency urgency;
	uint8_t routers, asks;
	const struct hops_path *before;
	void (*done)(void *arg, const struct hops_path *path);
	void *arg;
};
int hops_trace(struct hops *hops, const struct hops_ask *ask, struct hops_request **out);
/* Ends a request whose `done` has not been called. NULL is allowed. */
void hops_cancel(struct hops_request *request);

void hops_stats(const struct hops *hops, struct hops_stats *out);

#endif

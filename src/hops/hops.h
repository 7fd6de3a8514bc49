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

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"

#define HOPS_MAX 30u           /* routers of a path */
#define HOPS_WAITING_MAX 20000u /* requests that wait */
#define HOPS_RUNNING_MAX 64u   /* paths that are traced at once: a socket each */

struct hops;
struct hops_request;
struct loop;

struct hops_tuple {
	struct addr source, destination; /* of one address family */
	uint16_t src_port;
	uint8_t traffic_class;
	uint32_t flow_label;    /* of IPv6, 0 to 0xfffff; the one that the address handle has */
	char netdev[IF_NAMESIZE]; /* by which it leaves; "": as the routing table says */
};

/* The first that has waited is traced first within one of these. */
enum hops_urgency {
	HOPS_ASKED,  /* somebody waits for it */
	HOPS_LOSING, /* it has begun to lose */
	HOPS_NEW,
	HOPS_AGAIN,
	HOPS_URGENCY_N
};

struct hops_hop {
	struct addr address; /* zero: no answer */
	struct addr other;   /* of a second answer that disagrees with the first; zero: none */
	uint64_t rtt_ns;     /* of the first answer */
	uint8_t type, code;  /* of the ICMP error */
};

struct hops_path {
	struct hops_tuple tuple;
	uint64_t time_ns;  /* CLOCK_REALTIME at which the trace ended */
	int error;         /* 0, or -errno: nothing could be sent, no hop is known */
	const char *reason; /* of the error, static; else NULL */
	uint8_t n_hops;    /* hops[0] is the first router */
	bool reached;      /* the last router has answered that the TTL was exceeded there */
	bool stable;       /* no two answers disagree. false: the fabric sprays this tuple, or the
			      path has changed meanwhile: there is no one path */
	uint32_t sent;     /* datagrams */
	struct hops_hop hops[HOPS_MAX];
};

struct hops_config {
	uint32_t per_s;        /* datagrams of this host, 1 to 100,000 */
	uint32_t burst;        /* 1 or more; so many may be sent at once */
	uint32_t switch_per_s; /* datagrams that one address answers, 1 to 100,000; the same for
				  those of one TTL from one source of which nobody knows who
				  will answer */
	uint32_t switch_burst; /* 1 or more */
};
/* A Linux router answers each host six times, and then once a second (icmp(7), icmp_ratelimit). */
#define HOPS_CONFIG_DEFAULT ((struct hops_config){ \
	.per_s = 50, .burst = 64, .switch_per_s = 1, .switch_burst = 5})

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

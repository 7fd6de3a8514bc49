/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked, what comes of it, and how much may be asked. */
#ifndef RPINGMESH_HOPS_HOPS_PATH_H
#define RPINGMESH_HOPS_HOPS_PATH_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/addr.h"

#define HOPS_MAX 30u /* routers of a path */

struct hops_tuple {
	struct addr source, destination; /* of one address family */
	uint16_t src_port;
	uint8_t traffic_class;
	uint32_t flow_label;    /* of IPv6, 0 to 0xfffff; the one that the address handle has */
	char netdev[IF_NAMESIZE]; /* by which it leaves; "": as the routing table says */
	uint32_t qpn;           /* of the QP that RoCE packets of the tuple go to, 0: not known; for
				   switches that look into the BTH */
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
	/* In the long run so much time lies between two datagrams of this host, even if per_s says
	   less: its share of what a cluster may send. 0: as per_s says. */
	uint64_t share_ns;
};
/* A Linux router answers each host six times, and then once a second (icmp(7), icmp_ratelimit). */
#define HOPS_CONFIG_DEFAULT ((struct hops_config){ \
	.per_s = 50, .burst = 64, .switch_per_s = 1, .switch_burst = 5})

#endif

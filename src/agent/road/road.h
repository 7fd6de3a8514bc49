/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The paths of the 5-tuples that this host sends: of its probes, to peers of the configuration and
 * of the pinglist, of pings that last, along flows of services; and of its ACKs, which is the way
 * back of others' probes. Each 5-tuple is a road. It is traced (hops/hops.h) if the number of its
 * routers is known: no datagram of a trace goes beyond the last router.
 *
 * What central asks for is traced first, then new roads, then those that begin to lose, then the
 * one whose path is the oldest. Each is traced again every `cluster.trace_s`. A road goes some time
 * after its last probe.
 */
#ifndef RPINGMESH_AGENT_ROAD_ROAD_H
#define RPINGMESH_AGENT_ROAD_ROAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "hops/hops_path.h"
#include "rpingmesh/states.h"

struct config;
struct loop;
struct names;
struct nics;
struct peer;
struct peer_stream;
struct peers;
struct probe_result;
struct prober_target;
struct responder;
struct road;
struct roads;
struct services;

#define ROADS_MAX 20000u /* the rest is not traced, and counted */

const char *road_kind_name(enum road_kind kind);
const char *road_state_name(enum road_state state);

/* The number of routers of a road is not known, or is not the same for two probes in a row. */
#define ROAD_ROUTERS_UNKNOWN (-1)

struct road_hop {
	struct addr address; /* zero: no answer */
	uint64_t rtt_ns;
};

/* hops[0] is the first router, whose TTL is 1. */
struct road_path {
	uint64_t time_ns;  /* wall clock at which the trace ended */
	bool reached;      /* the last router has answered */
	bool complete;     /* all routers have answered */
	bool stable;       /* no two answers disagree; if false, there is no one path */
	uint8_t n_hops;
	struct road_hop hops[];
};

/* Borrowed until the next return to the loop. */
struct road_info {
	uint64_t id;                    /* grows along the list; no two roads have one */
	const struct hops_tuple *tuple; /* without its netdev */
	enum road_kind kind;
	int routers;                    /* ROAD_ROUTERS_UNKNOWN */
	enum road_state state;
	const char *reason;             /* static, of ROAD_NOT and ROAD_FAILED; else NULL */
	bool losing;                    /* it has lost probes within the last minute */
	const struct road_path *path;   /* the present one; NULL: not known */
	/*
	 * The last one that was complete and stable before the road began to lose, or took another
	 * path; NULL: none, or that was long ago.
	 */
	const struct road_path *before;
	uint64_t changed_ns; /* wall clock of the last trace that found another path; 0: none */
	uint32_t changes;    /* how often one did */
};

enum road_event {
	ROAD_PATH, /* it has its first path, another one, one that was asked for, or none */
	ROAD_GONE, /* it is about to go */
};

struct roads_ops {
	/* Calls only functions that read. NULL is allowed. */
	void (*event)(void *arg, const struct road *road, enum road_event event);
};

/* All borrowed. */
struct roads_env {
	struct loop *loop;
	struct names *names;
	struct nics *nics;
	struct peers *peers;
	struct services *services;
	struct responder *responder;
	const struct roads_ops *ops;
	void *arg;
};

/* Returns 0 and sets *out, which traces nothing yet, or -errno. */
int roads_new(const struct roads_env *env, struct roads **out);
/* Without events. NULL is allowed. */
void roads_free(struct roads *roads);
/* Applies cluster.trace_s and cluster.trace_per_s. */
void roads_configure(struct roads *roads, const struct config *config);
/* In the long run, one datagram in this time at most, until this is called again; 0: no bound. */
void roads_share(struct roads *roads, uint64_t share_ns);

/*
 * Traces the road of a tuple now, before others; any flow label is right. Returns 0, -ENOENT if
 * there is no such road or its routers are not known, or -EALREADY if it waits for this, or has
 * been traced within the last ROADS_ASK_AGAIN_NS.
 */
#define ROADS_ASK_AGAIN_NS 5000000000ULL
int roads_ask(struct roads *roads, const struct hops_tuple *tuple);

/* For peers_ops.event, PEER_UNBOUND: nothing of this peer is used any more. */
void roads_peer_unbound(struct roads *roads, const struct peer *peer);
/* For prober_ops.result: a probe of this stream was lost. */
void roads_lost(struct roads *roads, const struct peer_stream *stream,
		const struct probe_result *result);

/* Walks the roads in the order of their ids: begins with NULL, ends with NULL. */
const struct road *roads_next(const struct roads *roads, const struct road *road);
void road_info(const struct road *road, struct road_info *out);
/* The road of a tuple, by addresses, source port, class and, with IPv6, flow label; or NULL. */
struct road *roads_find(const struct roads *roads, const struct hops_tuple *tuple);
/* The tuple of the last probe of a target. Returns false if its source port is not known. */
bool roads_tuple(const struct prober_target *target, struct hops_tuple *out);

/* The name of a hop in the DNS (PTR); NULL: none, or not known yet. Asks for it. */
const char *roads_name(struct roads *roads, const struct addr *hop);

struct roads_stats {
	uint32_t by_state[ROAD_STATE_N];
	uint32_t unstable, incomplete; /* of those that are traced */
	uint32_t silent;   /* of those that are traced, without a single answer */
	uint64_t traces, failed;       /* ended since the start; failed: of them */
	uint64_t sent, answers;        /* datagrams */
	uint64_t changes;  /* paths that were found to be others */
	uint64_t refused;  /* roads beyond ROADS_MAX, or for which there was no memory */
	uint64_t oldest_ns;            /* time of the oldest path, wall clock; 0: there is none */
	const char *not_reason, *failed_reason; /* of one road in that state; NULL: none is */
	uint64_t interval_s;           /* cluster.trace_s; 0: nothing is traced */
	uint64_t share_ns;             /* of roads_share() */
};
void roads_stats(const struct roads *roads, struct roads_stats *out);

/* Calls fn with a sentence for what keeps all traces from working. */
void roads_degraded(const struct roads *roads, degraded_hear *fn, void *arg);

#endif

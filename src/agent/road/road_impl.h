/* SPDX-License-Identifier: Apache-2.0 */
/* Only for road*.c. */
#ifndef RPINGMESH_AGENT_ROAD_ROAD_IMPL_H
#define RPINGMESH_AGENT_ROAD_ROAD_IMPL_H

#include <sys/queue.h>

#include "agent/road/road.h"
#include "agent/road/road_queue.h"
#include "core/clock.h"
#include "core/siphash.h"
#include "hops/hops.h"

#define ROADS_BUCKETS 4096u /* a power of two */
#define ROAD_IDLE_NS (120 * NSEC_PER_SEC)   /* a road goes so long after its last probe */
#define ROAD_LOSING_NS (60 * NSEC_PER_SEC)  /* it loses until so long after the last lost probe */
#define ROAD_BEFORE_NS (3600 * NSEC_PER_SEC) /* the path before is kept so long */

/* Reasons of ROAD_NOT. */
#define ROAD_REASON_ROUTERS \
	"the number of routers is not known: no answer has come yet, the daemon there is too " \
	"old, or the driver does not say it"
#define ROAD_REASON_NONE "there is no router on the way"
#define ROAD_REASON_OFF "switched off by cluster.trace_s"

struct roads_names;

struct road {
	TAILQ_ENTRY(road) entry;   /* of all roads */
	LIST_ENTRY(road) in_bucket;
	struct roads *roads;
	uint64_t id;
	struct hops_tuple tuple;
	uint64_t cycle;            /* of the walk that has last found a stream with it */
	uint64_t seen_ns;          /* when */
	enum road_kind kind, found_kind; /* found: by the walk so far */
	int routers, found_routers;
	enum road_state state;
	const char *reason;

	struct road_turn turn;     /* while it waits for a trace */
	struct hops_request *request; /* while it is traced */
	enum road_why why;         /* of that trace */
	uint32_t fails;            /* traces that failed in a row */
	bool asked;                /* central has asked for a trace, and it has not ended */
	bool again;                /* that trace repeats one that was worse than the path */

	struct road_path *path, *before; /* owned */
	uint64_t before_ns;        /* since when it is the one before */
	uint64_t lost_ns;          /* the last lost probe; 0: none */
	uint64_t asked_ns;         /* when central has asked for a trace; 0: never */
	uint64_t changed_ns;
	uint32_t changes;
};
TAILQ_HEAD(road_list, road);

struct roads {
	struct roads_env env;
	uint64_t interval_ns;      /* 0: off */
	struct road_list list;
	LIST_HEAD(road_bucket, road) bucket[ROADS_BUCKETS];
	uint8_t key[SIPHASH_KEY];
	uint32_t n;
	uint64_t last_id, refused;

	/* road_look.c */
	struct loop_timer *look;
	uint64_t cycle;            /* grows with each walk over all streams */
	const struct peer *next;   /* bound; the walk goes on with it. NULL: a walk begins */
	uint32_t visits, last_visits; /* of this walk, of the one before */
	uint64_t swept_ns;

	/* road_trace.c */
	struct hops *hops;
	struct hops_config hops_config;
	struct loop_timer *begin;
	struct road_queue queue;
	uint32_t asked;            /* traces that hops has */
	uint64_t changes;

	struct roads_names *names; /* road_names.c */
};

/* road.c */
/* The road of the tuple, which is made if necessary. NULL: there is no room, or no memory. */
struct road *roads_get(struct roads *roads, const struct hops_tuple *tuple);
void road_free(struct road *road);
void road_tell(const struct road *road, enum road_event event);

/* road_look.c */
/* The tuple of a result of this stream, as roads_tuple(). */
bool roads_tuple_of(const struct peer_stream *stream, const struct probe_result *result,
		    struct hops_tuple *out);
int roads_look_start(struct roads *roads);
void roads_look_stop(struct roads *roads);

/* road_trace.c */
int roads_trace_start(struct roads *roads);
void roads_trace_stop(struct roads *roads);
/* Lets the road wait for a trace, for this reason and from now on. */
void road_want(struct road *road, enum road_why why);
/* It is not traced any more: sets ROAD_NOT and the reason, and forgets its path. */
void road_leave(struct road *road, const char *reason);
/* Keeps its path beside those to come, and wants a trace. */
void road_begins_to_lose(struct road *road);
/* Ends what goes on for it. */
void road_stop(struct road *road);

/* road_route.c */
/*
 * Asks the kernel's routing tables how packets of the tuple leave the host by tuple->netdev. They
 * are asked, because without a route IPv4 takes the destination for a neighbour. Returns 0, or
 * -errno and sets *reason to static text. Does not wait.
 */
int road_route_check(const struct hops_tuple *tuple, const char **reason);

/* road_names.c */
int roads_names_new(struct roads *roads);
void roads_names_free(struct roads *roads);

#endif

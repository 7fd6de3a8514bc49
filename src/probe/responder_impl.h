/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by responder.c (probes and ACKs), responder_session.c (sessions and sources) and
 * responder_way.c (ways).
 */
#ifndef RPINGMESH_PROBE_RESPONDER_IMPL_H
#define RPINGMESH_PROBE_RESPONDER_IMPL_H

#include <sys/queue.h>

#include "core/bucket.h"
#include "probe/responder.h"
#include "probe/routers.h"
#include "stat/histogram.h"

#define RESPONDER_PENDING_MIN 64 /* ACK1s whose send is not complete yet; powers of two */
#define RESPONDER_PENDING_N 4096

/* A probe that is being answered. */
struct responder_answer {
	uint64_t session; /* a number, not a pointer, because the session may go meanwhile */
	uint64_t seq;
	struct hwclock_moment t3;
	uint32_t qpn;
	uint32_t flow_label;
	uint8_t traffic_class, service_level;
	bool held; /* it had to wait for its path */
	bool challenged; /* held until its session is proven; it has taken no token yet */
	bool takes_refused;
	uint16_t src_port; /* of its ACKs; PROBE_PORT_UNKNOWN */
	uint8_t hop_limit; /* at which it arrived */
	uint8_t back_routers; /* PROBE_WIRE_OFF_BACK_ROUTERS */
	uint16_t from_port;     /* of the probe, as the prober says */
};

/* An ACK1 that has been posted. ACK2 follows when its send is complete. */
struct responder_pending {
	bool used;
	uint32_t cookie;
	struct responder_answer answer;
};

/* A probe that waits for the path back. Its session owns it. */
struct responder_held {
	TAILQ_ENTRY(responder_held) in_session, in_responder;
	struct responder_session *owner;
	uint64_t since_ns;
	struct responder_answer answer;
};
TAILQ_HEAD(responder_held_list, responder_held);

/*
 * An address that has asked for a session. It lives while it has sessions, and a while longer.
 */
struct responder_source {
	LIST_ENTRY(responder_source) in_hash;
	TAILQ_ENTRY(responder_source) in_idle; /* if n_sessions is 0; the longest idle first */
	struct addr addr;
	uint32_t n_sessions;
	uint64_t last_ns;
	uint32_t n_ways;   /* of its sessions */
	uint64_t newer_ns; /* the last probe of a proven prober that knows CHALLENGE; 0: never */
	struct bucket opens;
	struct bucket probes[2]; /* [1]: of sessions that know challenges */
};
LIST_HEAD(responder_source_head, responder_source);
TAILQ_HEAD(responder_source_list, responder_source);

struct responder_way {
	LIST_ENTRY(responder_way) in_hash, in_session;
	TAILQ_ENTRY(responder_way) in_order; /* the longest idle first */
	TAILQ_ENTRY(responder_way) in_heard; /* if heard is not 0 */
	struct responder_session *session;
	uint32_t flow_label;
	uint8_t traffic_class;
	uint8_t back_routers;   /* as the prober says: PROBE_WIRE_OFF_BACK_ROUTERS */
	uint8_t ack_hop_limit;  /* with which the last ACK has left; 0: unknown */
	uint16_t src_port, back_src_port;
	uint32_t remote_qpn;    /* of the prober */
	uint64_t heard; /* probes that responder_take_heard() has not returned yet */
	uint64_t received, last_ns;
};
LIST_HEAD(responder_way_head, responder_way);
TAILQ_HEAD(responder_way_list, responder_way);

struct responder_session {
	LIST_ENTRY(responder_session) in_numbers, in_paths;
	TAILQ_ENTRY(responder_session) in_order; /* the longest idle first */
	TAILQ_ENTRY(responder_session) in_unproven; /* unless proven; the oldest first */
	bool proven;                             /* the prober receives at its address */
	struct responder_source *source;
	uint64_t number, token;                  /* random */
	uint64_t challenged_ns;                  /* when the last challenge was sent; 0: never */
	struct responder_open_request request;   /* the last one */
	uint64_t last_ns;
	struct responder_held_list held;
	uint32_t n_held;
	struct responder_way_head ways;
};
LIST_HEAD(responder_session_head, responder_session);
TAILQ_HEAD(responder_session_list, responder_session);

struct responder {
	const struct responder_ops *ops;
	void *arg;
	struct responder_limits limits;
	const struct keys *keys;                /* borrowed, or NULL */
	struct bucket total;
	struct bucket refusals;
	struct bucket_rate total_rate, source_rate, open_rate, refusal_rate;
	uint64_t hash_key;
	const struct noise *noise;              /* borrowed, or NULL */
	uint32_t sessions_max;                  /* RESPONDER_SESSIONS_MAX; less in tests */
	uint32_t n_hash;                        /* size of the three tables below; power of two */
	struct responder_session_head *numbers; /* by session number */
	struct responder_session_head *paths;	/* by device, local and remote address; each has one
						   proven session and some unproven ones */
	struct responder_source_head *sources;  /* by address */
	struct responder_session_list order, unproven;
	struct responder_source_list idle_sources;
	uint32_t n_sources;
	struct responder_held_list held;        /* the oldest first */
	uint32_t n_held;
	uint32_t cookie;
	uint32_t n_claims;                      /* addresses that are being resolved */
	struct responder_stats stats;           /* with stats.sessions up to date */
	struct histogram delays;                /* since responder_take_delays() */
	struct responder_pending *pending;      /* by cookie */
	struct responder_way_head *ways;        /* by session, flow label and class */
	uint32_t n_way_hash;                    /* size of this table; power of two */
	struct responder_way_list way_order, heard;
	uint32_t n_pending;                     /* at most RESPONDER_PENDING_N; power of two */
};

/* responder_session.c */
int responder_tables_new(struct responder *responder);
void responder_tables_free(struct responder *responder);
/* Fits the bucket of each source to a new rate. */
void responder_fit_sources(struct responder *responder, uint64_t now_ns);
bool responder_is_allowed(const struct responder *responder, const struct addr *addr);
/* Whether this is a request of an older build in the name of a newer one: a forged one. */
bool responder_is_outdated(const struct responder_open_request *request,
			   const struct responder_source *source, uint64_t now_ns);
struct responder_session *responder_find(const struct responder *responder, uint64_t number);
/* Walks the sessions of a path: begins with after = NULL, ends with NULL. */
struct responder_session *responder_next_on_path(const struct responder *responder,
						 const void *device_user, const struct addr *local,
						 const struct addr *remote,
						 const struct responder_session *after);
/* The session has been used, and lives for RESPONDER_IDLE_NS from now on. */
void responder_touch(struct responder *responder, struct responder_session *session,
		     uint64_t now_ns);
/*
 * The prober receives at its address. Closes the others on the path; those that know CHALLENGE only
 * if this one does.
 */
void responder_prove(struct responder *responder, struct responder_session *session);
/* Frees the session with all that it holds. */
void responder_close(struct responder *responder, struct responder_session *session);
void responder_expire_sessions(struct responder *responder, uint64_t now_ns);

/* responder_way.c */
int responder_ways_new(struct responder *responder);
/* After the last session has gone. */
void responder_ways_free(struct responder *responder);
/*
 * A probe of a proven session has arrived. Returns its way, which is valid until the next one
 * arrives, or NULL if it is not known.
 */
struct responder_way *responder_hear(struct responder *responder, struct responder_session *session,
				     const struct responder_answer *answer, uint64_t now_ns);
void responder_ways_close(struct responder *responder, struct responder_session *session);
void responder_expire_ways(struct responder *responder, uint64_t now_ns);
/* The time of the next responder_expire_ways(), or UINT64_MAX. */
uint64_t responder_ways_next_ns(const struct responder *responder);

/* responder.c */
/* Removes it from its lists and frees it. */
void responder_held_free(struct responder *responder, struct responder_held *held);

#endif

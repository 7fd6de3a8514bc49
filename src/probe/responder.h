/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The responder answers probes with two ACKs, measures its own delay, and protects its host and
 * others. It is pure: it knows neither libevent nor verbs. The caller passes the time, and messages
 * go out through struct responder_ops.
 *
 * A session belongs to one prober (address and incarnation), which gets it over SIDR.
 * responder_open() makes it. The responder owns it, and keeps it until RESPONDER_IDLE_NS after the
 * last probe. A session owns its ways, one for each stream of probes that has arrived.
 *
 * A request only claims its address. An ECHO of a token that was sent to this address in a
 * CHALLENGE proves the session. Until then its probes are held, and the responder sends at most one
 * CHALLENGE per RESPONDER_CHALLENGE_NS. So a forged request neither ends nor changes another
 * session, is told the number of no other session, and makes the responder send no more than it
 * receives. Many forged requests in the name of a prober can only delay its next session, because
 * RESPONDER_OPENS_PER_S limits requests by the address that they claim. Requests of older builds,
 * which know no CHALLENGE, are the exception: their first probe proves a session, and only ends
 * sessions of their kind. An address from which a proven prober that does know CHALLENGE has sent a
 * probe within RESPONDER_NEWER_NS has no such session: its requests and probes are refused.
 * include/rpingmesh/probe_wire.h lists what this promises. Answers go only to the address of the
 * session, and to the QP that sent the probe.
 */
#ifndef RPINGMESH_PROBE_RESPONDER_H
#define RPINGMESH_PROBE_RESPONDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "core/hwclock.h"
#include "stat/result.h"

struct histogram;
struct keys;
struct noise;
struct responder;
struct responder_session;

#define RESPONDER_SESSIONS_MAX 65536
#define RESPONDER_IDLE_NS 600000000000ULL
/* Probes that wait for the path back: of one session, which may use as many labels; of all. */
#define RESPONDER_HELD_MAX 1024
#define RESPONDER_HELD_ALL_MAX 16384
#define RESPONDER_CHALLENGED_MAX 64 /* of one session until it is proven; half of all places */
#define RESPONDER_HELD_NS 1000000000ULL
/*
 * The RNIC's T4 - T3 may be longer than the software's by so much, while a stalled host makes a
 * probe wait. If it is even longer, a timestamp has jumped.
 */
#define RESPONDER_STALL_NS 1000000000ULL
/* Sessions of one path: a host may be a peer under many names, and others may ask in its name. */
#define RESPONDER_UNPROVEN_MAX 256
#define RESPONDER_SAME_MAX 1024 /* of one prober */
#define RESPONDER_CHALLENGE_NS 100000000ULL
#define RESPONDER_NEWER_NS 10000000000ULL /* a host with an older build again waits so long */
#define RESPONDER_CLAIMS_MAX 64 /* a neighbour table has 1024 entries; a claim takes seconds */
#define RESPONDER_OPENS_PER_S 20  /* answers to SIDR requests of one source, with equal burst */
#define RESPONDER_REFUSALS_PER_S 1000 /* messages REFUSED to all sources, with equal burst */

struct responder_ack {
	const uint8_t *payload;
	uint32_t size;
	struct addr local, remote; /* source and destination */
	uint32_t qpn, qkey;        /* of the prober */
	uint32_t flow_label;
	uint8_t traffic_class, service_level;
	uint32_t cookie;           /* for responder_sent() */
	bool proven;               /* somebody receives messages at `remote` */
	bool solicited;            /* the prober waits for it: all but ACK2 */
};

struct responder_tx {
	struct hwclock_moment t4; /* sent; valid if done */
	bool done;                /* false: responder_sent() follows */
	uint16_t src_port;        /* UDP source port of the ACK; PROBE_PORT_UNKNOWN */
	uint8_t hop_limit;        /* with which it leaves; 0: unknown */
};

struct responder_ops {
	/*
	 * Posts an ACK through `device_user` (from responder_open()). Returns 0 and sets *tx.
	 * -EAGAIN: the path is being prepared, and responder_path_ready() or
	 * responder_path_failed() follows. Other -errno: the ACK is dropped and counted. want_sent:
	 * responder_sent() is needed (ACK1). Must not call back.
	 */
	int (*send)(void *arg, void *device_user, const struct responder_ack *ack, bool want_sent,
		    struct responder_tx *tx);
};

struct responder_limits {
	const struct addr_net *allow; /* borrowed until the next responder_set_limits() */
	size_t n_allow;               /* 0: no address is allowed */
	uint32_t per_source; /* answers/s to each address; burst: the same number, but at least
				32 */
	uint32_t total;               /* answers/s to all addresses */
};

struct responder_config {
	const struct responder_ops *ops;
	void *arg;
	uint64_t random; /* seed; session numbers come from getrandom(2) */
	const struct noise *noise; /* stalls of this host, for ACK2; borrowed, outlives the
				      responder; NULL: unknown */
};

int responder_new(const struct responder_config *config, struct responder **out);
void responder_free(struct responder *responder);
/* Sets the limits. Closes sessions whose address is not allowed any more. */
void responder_set_limits(struct responder *responder, const struct responder_limits *limits,
			  uint64_t now_ns);

/* What is signed, and must be; NULL or none: nothing. Borrowed until the next call. */
void responder_set_keys(struct responder *responder, const struct keys *keys);
/* A SIDR request that was not signed with one of them: counted. */
void responder_unauthenticated(struct responder *responder);

/*
 * Whether a SIDR request of this address may be handled now. Returns 0, or counts it and returns
 * -EACCES (the address is not allowed) or -EBUSY (too many requests). A request that names the
 * proven session of this address (session, or 0) does not count as one of them.
 */
int responder_admit(struct responder *responder, const struct addr *remote, uint64_t session,
		    uint64_t now_ns);

/*
 * An address that a request claims, and that is not proven yet, is about to be resolved. Returns 0;
 * then the caller calls responder_claim_over() when the result is known. If RESPONDER_CLAIMS_MAX
 * are being resolved already, counts this and returns -EBUSY. A flood of claims would fill the
 * host's neighbour table.
 */
int responder_claim(struct responder *responder);
void responder_claim_over(struct responder *responder);

struct responder_open_request {
	void *device_user;          /* the device that has received it */
	struct hwclock
		*clock; /* of that device; borrowed until responder_close_device(); NULL: none */
	struct addr local, remote;
	uint64_t incarnation;       /* of the prober */
	bool challenge;             /* it knows challenges */
	uint64_t session;           /* that it has, if it knows challenges; 0: none */
	uint32_t qkey;              /* of the prober's QPs */
	char hostname[65];
};
/*
 * Gets a session for the prober: its present one, or a new one. A prober that knows CHALLENGE must
 * tell the number of its present session; for others, device, local and remote address, incarnation
 * and Q_Key must be the same. When a new session is proven, it closes those of other incarnations
 * on its path. Before that, it closes the oldest unproven one if there are RESPONDER_UNPROVEN_MAX,
 * or one of an older build. If the table is full, the oldest unproven session is closed. Returns 0
 * and sets *session_number, or -EACCES, -EBUSY (the table is full of proven sessions, or the
 * request is that of an older build and its address has a newer one), -ENOMEM, or -EIO (there are
 * no random numbers).
 */
int responder_open(struct responder *responder, const struct responder_open_request *request,
		   uint64_t now_ns, uint64_t *session_number);
/* Closes all sessions on a device, before it goes away. */
void responder_close_device(struct responder *responder, void *device_user);

/* A message received by a responder QP. It has not been checked. */
struct responder_rx {
	void *device_user;
	struct addr src, dst;       /* from the GRH */
	uint8_t hop_limit;          /* also; 0: unknown */
	uint32_t src_qpn;
	const uint8_t *payload;
	uint32_t len;
	struct hwclock_moment t3;   /* received */
};
void responder_received(struct responder *responder, const struct responder_rx *rx,
			uint64_t now_ns);
void responder_sent(struct responder *responder, uint32_t cookie, int status,
		    const struct hwclock_moment *t4, uint64_t now_ns);
/* Answers, or drops, the held probes of sessions from `local` to `remote` on that device. */
void responder_path_ready(struct responder *responder, void *device_user, const struct addr *local,
			  const struct addr *remote, uint64_t now_ns);
void responder_path_failed(struct responder *responder, void *device_user, const struct addr *local,
			   const struct addr *remote, uint64_t now_ns);

/* The time of the next responder_advance(), which ends idle sessions and drops held probes. */
uint64_t responder_next_ns(const struct responder *responder);
void responder_advance(struct responder *responder, uint64_t now_ns);

/*
 * A way: a stream of probes of a proven session, by the flow label and the traffic class of its
 * ACKs. It lives until RESPONDER_IDLE_NS after its last probe, but not longer than its session. At
 * most RESPONDER_WAYS_MAX ways are known, and RESPONDER_WAYS_SOURCE_MAX of one prober's address;
 * others are counted in stats.unknown_ways.
 */
#define RESPONDER_WAYS_MAX 65536
#define RESPONDER_WAYS_SOURCE_MAX 4096

struct responder_way_info {
	void *device_user;
	struct addr local, remote;
	uint16_t src_port;      /* of the probes, as the prober says; PROBE_PORT_UNKNOWN */
	uint16_t back_src_port; /* of the ACKs; PROBE_PORT_UNKNOWN */
	uint32_t flow_label;    /* of the ACKs */
	uint8_t traffic_class;  /* of the ACKs */
	uint32_t remote_qpn;    /* that the ACKs go to */
	/*
	 * The number of routers on the way of the ACKs, as the prober says, or ROUTERS_UNKNOWN. If
	 * it lies, only its own address can be hurt by this.
	 */
	int routers_back;
	uint64_t received; /* probes that have arrived, answered or not, since the way is known */
	uint64_t last_ns;  /* when the last one was handled */
};
/*
 * Walks all ways, the longest idle first: begins with after = NULL, ends with NULL. Valid until
 * another call of the responder.
 */
const struct responder_way *responder_way_next(const struct responder *responder,
					       const struct responder_way *after);
void responder_way_info(const struct responder_way *way, struct responder_way_info *out);
/*
 * What has been received of whom: takes one way with probes that nobody has taken yet. Returns
 * their number and sets *out, or returns 0 if there is none. So calls until 0 give each probe once;
 * only those of a session that ends meanwhile are lost. There is one taker.
 */
uint64_t responder_take_heard(struct responder *responder, struct responder_way_info *out);

/*
 * Adds to *out how long answers took since the last call: T4 - T3, without those that had to wait
 * for a path. Without memory, they remain.
 */
void responder_take_delays(struct responder *responder, struct histogram *out);

struct responder_stats {
	uint32_t sessions;
	uint32_t ways;
	uint64_t opened;
	uint64_t probes;            /* valid probes with a session */
	uint64_t challenges;        /* sent */
	uint64_t ack1, ack2;        /* sent */
	uint64_t refused_network;   /* SIDR requests and probes from outside the allowed networks */
	uint64_t refused_opens;     /* SIDR requests: too many, the table is full, or of an older
				       build in the name of a newer one */
	uint64_t refused_source;    /* probes above the limit of their source */
	uint64_t refused_total;     /* probes above the limit of all sources */
	uint64_t refused_told;      /* of these two, the probes that were answered by REFUSED */
	uint64_t refused_claims;    /* SIDR requests: too many addresses are unresolved */
	uint64_t malformed;
	uint64_t unauthenticated;   /* SIDR requests and probes not signed with one of our keys */
	uint64_t unknown_session;
	uint64_t unknown_ways;      /* probes of streams for which there is no room */
	uint64_t wrong_source;      /* probes with a session number of another address, or of an
				       older build in the name of a newer one */
	uint64_t send_errors;
	uint64_t held, held_dropped;
};
void responder_stats(const struct responder *responder, struct responder_stats *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The responder: answers probes with two ACKs, measures its own delay, and protects its host and
 * others. Pure: no libevent, no verbs; time comes in, messages go out through struct responder_ops.
 *
 * A session is what one prober (address and incarnation) was given over SIDR. It is made by
 * responder_open(), lives while probes come and RESPONDER_IDLE_NS longer, and is owned by the
 * responder. It is proven by its first probe: who sends that has received our SIDR reply at the
 * address that the request claimed to come from. Until then it takes nothing away from anybody: a
 * forged request neither ends a session nor keeps others from getting one. Answers go to the
 * session's own address and to the QP that the probe came from, nowhere else.
 */
#ifndef RPINGMESH_PROBE_RESPONDER_H
#define RPINGMESH_PROBE_RESPONDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "core/hwclock.h"
#include "stat/result.h"

struct noise;
struct responder;
struct responder_session;

#define RESPONDER_SESSIONS_MAX 65536
#define RESPONDER_IDLE_NS 600000000000ULL
/* Probes that wait for the path back: of one session, which may have as many labels; of all. */
#define RESPONDER_HELD_MAX 1024
#define RESPONDER_HELD_ALL_MAX 16384
#define RESPONDER_HELD_NS 1000000000ULL
/*
 * How much longer than the software's the RNIC's T4 - T3 may be: the time that a probe waited for a
 * host that did not run. A longer one counts as a timestamp that has jumped.
 */
#define RESPONDER_STALL_NS 1000000000ULL
#define RESPONDER_OPENS_PER_S 20  /* SIDR requests answered per source address, burst of as many */
#define RESPONDER_REFUSALS_PER_S 1000 /* messages that say "refused", in all; burst of as many */

struct responder_ack {
	const uint8_t *payload;
	uint32_t size;
	struct addr local, remote; /* from, to */
	uint32_t qpn, qkey;        /* of the prober */
	uint32_t flow_label;
	uint8_t traffic_class, service_level;
	uint32_t cookie;           /* for responder_sent() */
};

struct responder_tx {
	struct hwclock_moment t4; /* sent; valid if done */
	bool done;                /* false: responder_sent() follows */
	uint16_t src_port;        /* UDP source port of the ACK; PROBE_PORT_UNKNOWN */
};

struct responder_ops {
	/*
	 * Posts an ACK through `device_user` (what responder_open() got). 0 and *tx; -EAGAIN: the
	 * path is being prepared, responder_path_ready() or responder_path_failed() follows; other
	 * -errno: dropped, counted. want_sent: responder_sent() matters (ACK1). Must not call back.
	 */
	int (*send)(void *arg, void *device_user, const struct responder_ack *ack, bool want_sent,
		    struct responder_tx *tx);
};

struct responder_limits {
	const struct addr_net *allow; /* borrowed until the next responder_set_limits() */
	size_t n_allow;               /* 0: nobody */
	uint32_t per_source; /* probes/s answered per session's address; burst: the same number, ≥
				32 */
	uint32_t total;               /* probes/s answered in all */
};

struct responder_config {
	const struct responder_ops *ops;
	void *arg;
	uint64_t random; /* seed; session numbers come from getrandom(2) */
	const struct noise *noise; /* stalls of this host, told to probers; borrowed, outlives the
				      responder; NULL: not known */
};

int responder_new(const struct responder_config *config, struct responder **out);
void responder_free(struct responder *responder);
/* Sessions whose address is not allowed any more are closed. */
void responder_set_limits(struct responder *responder, const struct responder_limits *limits,
			  uint64_t now_ns);

/*
 * Whether a SIDR request from there may be followed up now (allow-list, rate): 0, -EACCES, -EBUSY;
 * counted.
 */
int responder_admit(struct responder *responder, const struct addr *remote, uint64_t now_ns);

struct responder_open_request {
	void *device_user;          /* the device that it came in on */
	struct hwclock
		*clock; /* of that device; borrowed until responder_close_device(); NULL: none */
	struct addr local, remote;
	uint64_t incarnation;       /* of the prober */
	uint32_t qkey;              /* of the prober's QPs */
	char hostname[65];
};
/*
 * A session for the prober: a new one, or the one that it has (same device, local and remote
 * address, incarnation). One of another incarnation is closed by the new one's first probe, at once
 * if it was never proven itself. A full table gives up the oldest session that is not proven. 0 and
 * *session_number, -EACCES, -EBUSY (table full of proven sessions), -ENOMEM, -EIO (no random
 * numbers).
 */
int responder_open(struct responder *responder, const struct responder_open_request *request,
		   uint64_t now_ns, uint64_t *session_number);
/* All sessions on a device: it is going away. */
void responder_close_device(struct responder *responder, void *device_user);

/* A message that arrived at a responder QP. Nothing of it has been checked. */
struct responder_rx {
	void *device_user;
	struct addr src, dst;       /* from the GRH */
	uint32_t src_qpn;
	const uint8_t *payload;
	uint32_t len;
	struct hwclock_moment t3;   /* received */
};
void responder_received(struct responder *responder, const struct responder_rx *rx,
			uint64_t now_ns);
void responder_sent(struct responder *responder, uint32_t cookie, int status,
		    const struct hwclock_moment *t4, uint64_t now_ns);
/* Held probes of sessions from `local` to `remote` on that device: try again, or drop them. */
void responder_path_ready(struct responder *responder, void *device_user, const struct addr *local,
			  const struct addr *remote, uint64_t now_ns);
void responder_path_failed(struct responder *responder, void *device_user, const struct addr *local,
			   const struct addr *remote, uint64_t now_ns);

/* When responder_advance() should be called next, to expire sessions and what is held. */
uint64_t responder_next_ns(const struct responder *responder);
void responder_advance(struct responder *responder, uint64_t now_ns);

struct responder_stats {
	uint32_t sessions;
	uint64_t opened;
	uint64_t probes;            /* valid probes with a session */
	uint64_t ack1, ack2;        /* sent */
	uint64_t refused_network;   /* SIDR requests and probes from outside the allowed networks */
	uint64_t refused_opens;     /* SIDR requests too often or table full */
	uint64_t refused_source;    /* probes over the limit of their source */
	uint64_t refused_total;     /* probes over the limit in all */
	uint64_t refused_told;      /* of these two, those whose prober was told so */
	uint64_t malformed;
	uint64_t unknown_session;
	uint64_t wrong_source;      /* session number from another address */
	uint64_t send_errors;
	uint64_t held, held_dropped;
};
void responder_stats(const struct responder *responder, struct responder_stats *out);

#endif

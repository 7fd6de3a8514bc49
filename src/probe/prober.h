/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The prober: when to send which probe to whom, and what became of it. Pure: it knows neither
 * libevent nor verbs; time comes in as now_ns (CLOCK_MONOTONIC), what it wants done goes out
 * through struct prober_ops. R-Pingmesh (SIGCOMM 2024) section 4.
 *
 * A device is a local RNIC port with its budget. A peer is a remote daemon's address as seen from
 * one device, with the state machine below. A target is a stream of probes to a peer: one flow
 * label, one class, sizes in turn, an interval. Devices own nothing; peers are owned by the prober
 * until prober_peer_remove(), targets until prober_target_remove() or their peer goes.
 *
 * A probe that timed out is not lost yet: it becomes `lost` only when the same incarnation of the
 * peer has proven to be alive a timeout after the probe was posted (an ACK to a probe posted then
 * or later, or a SIDR reply to such a request) and twice the timeout has passed (an ACK until then
 * makes it `late`). A SIDR reply may overtake what waits at a host that has stalled: with no other
 * proof one more timeout passes, without any ACK. A SIDR reply of another incarnation makes it
 * `peer_restarted`, and so does one with another session if no ACK comes; no answer at all, in the
 * end, `peer_down`. An ACK2 that is missing is judged like the probe, from ACK1 on, and one
 * timeout later. An ACK1 that is missing needs no proof, only that timeout: ACK2 leaves after it,
 * whatever becomes of the peer then. Late is what arrived late (T5): a host that stalls makes no
 * peer late.
 *
 *   state      due probes are        leaves by
 *   resolving  held until the first  RESOLVED -> up; PROBER_RESOLVE_TRIES failures in a row -> down
 *              attempt has failed,   if it ever answered before (it is held until then)
 *              then unresolved
 *   up         posted                TIMEOUTS -> checking (asks SIDR); RENEW -> resolving
 *   checking   posted                ACKED -> up; RESOLVED same session -> no_data; other -> up;
 *                                    PROBER_RESOLVE_TRIES failures in a row -> down; RENEW ->
 *                                    resolving
 *   no_data    posted                as checking, asks SIDR again every PROBER_RECHECK_NS
 *   down       peer_down             RESOLVED -> up; ACKED -> up
 *
 * Held probes are not due: they leave no result, and when they are released the schedule starts
 * anew with its phase. RENEW is prober_peer_renew() or the device's return.
 *
 * TIMEOUTS is raised by PROBER_TIMEOUTS consecutive timeouts, or when a timed-out probe has waited
 * for a proof for three times the timeout. A device that is down makes due and in-flight probes
 * `local_error`; when it returns, its peers are resolved anew at once.
 */
#ifndef RPINGMESH_PROBE_PROBER_H
#define RPINGMESH_PROBE_PROBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "core/hwclock.h"
#include "rpingmesh/states.h"
#include "stat/result.h"
#include "stat/sequential.h"
#include "stat/stats.h"
#include "stat/window.h"

struct noise;
struct prober;
struct prober_device;
struct prober_peer;
struct prober_target;

#define PROBER_TIMEOUTS 3
#define PROBER_RESOLVE_TRIES 3
#define PROBER_RECHECK_NS 1000000000ULL
#define PROBER_BACKOFF_MIN_NS 250000000ULL  /* after a failed resolve; doubles */
#define PROBER_BACKOFF_MAX_NS \
	1000000000ULL /* … up to this; each with up to 25 % jitter taken off */
#define PROBER_RESOLVES_PER_S 100           /* over all peers */
#define PROBER_SIZES_MAX 64
#define PROBER_SIZE_MTU 0                   /* among a target's sizes: the path MTU */
#define PROBER_WALL_STEP_NS 10000000ULL
#define PROBER_WINDOW_BATCH 32
#define PROBER_DEVICE_WINDOWS 6 /* closed windows that are kept per device; 1 per target */
#define PROBER_THROTTLE_MAX 16              /* steps */
#define PROBER_SEND_BATCH 32                /* probes sent in one prober_advance() at most */

const char *prober_peer_state_name(enum prober_peer_state s);

/* One probe to post. payload is size bytes, valid during the call. */
struct prober_packet {
	const uint8_t *payload;
	uint32_t size;
	enum probe_kind kind;
	uint32_t flow_label;
	uint8_t traffic_class, service_level;
	uint32_t cookie; /* for prober_sent(); unique among probes in flight */
};

/* What is known right after posting. */
struct prober_tx {
	uint64_t t1_ns;      /* just before the post, CLOCK_MONOTONIC */
	struct hwclock_moment t2; /* sent; valid if done */
	bool done;           /* false: prober_sent() follows */
	struct addr source;
	uint16_t src_port;   /* PROBE_PORT_UNKNOWN if so */
	enum probe_path path;
};

struct prober_ops {
	/*
	 * Posts a probe. 0 and *tx. -EAGAIN: the path is being prepared, prober_path_ready()
	 * follows; the probe waits, but no longer than the timeout. Other -errno: `local_error`
	 * with *reason, a static text. Must not call back into the prober.
	 */
	int (*send)(void *arg, void *peer_user, const struct prober_packet *packet,
		    struct prober_tx *tx, const char **reason);
	/*
	 * Starts one SIDR resolution; ends in exactly one of prober_resolved() and
	 * prober_resolve_failed(), later, never from within, unless the peer is removed. The prober
	 * never has two at once per peer.
	 */
	void (*resolve)(void *arg, void *peer_user);
	/*
	 * Each probe that came due, once. The target may be removed by it only through
	 * prober_target_stop().
	 */
	void (*result)(void *arg, void *target_user, const struct probe_result *r);
	/*
	 * A target with a count has had its last result, or prober_target_stop() has. May remove
	 * it.
	 */
	void (*target_done)(void *arg, void *target_user);
	/*
	 * A window has been closed: the device's, or that of one of its targets if target is not
	 * NULL. Valid during the call; prober_device_window() and prober_target_window() give the
	 * last ones later. Called from prober_advance(), PROBER_WINDOW_BATCH times at most, and for
	 * what was left of a target's or device's windows when it is removed, also by
	 * prober_peer_remove(), but not by prober_free(). May ask for …_info() of what is there;
	 * must not call back otherwise. NULL is allowed.
	 */
	void (*window)(void *arg, struct prober_device *device, struct prober_target *target,
		       const struct window *w);
	/*
	 * Called after each change; reason as in prober_peer_info. For logging: must not call back.
	 */
	void (*peer_state)(void *arg, void *peer_user, enum prober_peer_state from,
			   enum prober_peer_state to);
};

struct prober_config {
	const struct prober_ops *ops;
	void *arg;
	uint64_t timeout_ns; /* of targets that have none of their own */
	uint32_t epoch;      /* random: high half of each sequence number */
	uint64_t random;     /* seed for phases and jitter */
	uint64_t window_ns;  /* length of windows, 1 s to 1 h; 0: WINDOW_LEN_NS */
	const struct noise
		*noise; /* stalls of this host; borrowed, outlives the prober; NULL: not known */
};

/* 0 and *out, or -ENOMEM. */
int prober_new(const struct prober_config *config, struct prober **out);
/* Drops everything without results. NULL is allowed. */
void prober_free(struct prober *prober);
/* Windows of this length from now on (stat/window.h); those that run are cut if it is another. */
void prober_set_window(struct prober *prober, uint64_t len_ns, uint64_t now_ns);
/*
 * What the wall clock is ahead of CLOCK_MONOTONIC. To be told often: a change of
 * PROBER_WALL_STEP_NS or more, summed up, means that somebody has set the clock, and cuts the
 * windows that run. Less is taken for the error of reading two clocks.
 */
void prober_set_wall_offset(struct prober *prober, int64_t offset_ns, uint64_t now_ns);

/* For targets made from now on. */
void prober_set_timeout(struct prober *prober, uint64_t timeout_ns);

/*
 * Self-protection: from now on all but pings come due 2^step times less often than their targets
 * say, and no more than max_per_s / 2^step of them, but one, are sent per second and device. Pings
 * go on as before and count against the whole budget. What has been scheduled moves along, so that
 * probes stay spread in time.
 */
void prober_set_throttle(struct prober *prober, uint32_t step, uint64_t now_ns);

/*
 * When prober_advance() should be called next, in the past if at once; UINT64_MAX: not before
 * something else happens. Any other call may change it.
 */
uint64_t prober_next_ns(const struct prober *prober);
/* Sends what is due, times out what is over, asks for resolutions. */
void prober_advance(struct prober *prober, uint64_t now_ns);

/*
 * A device's budget is shared by service flows (PROBE_KIND_SERVICE) and all else: when probes of
 * both wait they take turns, when only one's do it gets everything. In the same way all else is
 * shared by pings (PROBE_KIND_PING) and the mesh. Inside each of these three lanes: first in, first
 * out over targets. A service probe that cannot be posted (device or peer down) takes its turn and
 * its share of the budget all the same: there may be thousands, each every few milliseconds. Other
 * probes end at once then.
 *
 * Devices start down. Removing one requires that its peers are gone.
 */
int prober_device_add(struct prober *prober, uint32_t max_per_s, struct prober_device **out);
void prober_device_remove(struct prober_device *device);
void prober_device_set_rate(struct prober_device *device, uint32_t max_per_s);
/*
 * The clock that the device's moments are stamped with. Borrowed, outlives the device; NULL, the
 * default: none. Never to be set while probes are in flight.
 */
void prober_device_set_clock(struct prober_device *device, struct hwclock *clock);
/* What all but pings get together now: the rate, throttled. */
uint32_t prober_device_throttled_rate(const struct prober_device *device);
/*
 * The longest message that the port sends, bytes; unless told, there is no limit. For probes from
 * now on.
 */
void prober_device_set_mtu(struct prober_device *device, uint32_t bytes);
/* reason: static text, kept; shown in local_error results. Idempotent. */
void prober_device_down(struct prober_device *device, const char *reason, uint64_t now_ns);
void prober_device_up(struct prober_device *device, uint64_t now_ns);

struct prober_device_info {
	bool up;
	uint64_t posted;       /* probes */
	uint64_t posted_service; /* of these, of kind PROBE_KIND_SERVICE */
	uint64_t deferred;     /* times that a probe had to wait for the budget */
	uint64_t skipped; /* intervals left out because the loop or the budget was more than one
			     behind */
	uint64_t skipped_service; /* of these, of kind PROBE_KIND_SERVICE */
	uint32_t posted_last_s, posted_service_last_s; /* in the last whole second */
	uint32_t in_flight;
};
void prober_device_info(const struct prober_device *device, uint64_t now_ns,
			struct prober_device_info *out);
/*
 * The last closed windows, the newest first: NULL begins, NULL ends. Valid until the prober is
 * called otherwise.
 */
const struct window *prober_device_window(const struct prober_device *device,
					  const struct window *after);

int prober_peer_add(struct prober *prober, struct prober_device *device, void *user,
		    uint64_t now_ns, struct prober_peer **out);
/* Targets and probes in flight go without results (target_done is not called). */
void prober_peer_remove(struct prober_peer *peer);

/* What SIDR said. addr and qpn are where ACKs must come from. */
struct prober_session {
	struct addr addr;
	uint32_t qpn;
	uint64_t incarnation;
	uint64_t session;
	uint32_t max_size; /* longest message that the peer takes */
};
/* asked_ns: when the request was made: the peer was alive at some time after. */
void prober_resolved(struct prober_peer *peer, const struct prober_session *session,
		     uint64_t asked_ns, uint64_t now_ns);
/* reason: static text, kept until the next outcome. */
void prober_resolve_failed(struct prober_peer *peer, const char *reason, uint64_t now_ns);
/* The peer was heard of by other means (its SIDR request): ask at once if it was thought down. */
void prober_sign_of_life(struct prober_peer *peer, uint64_t now_ns);
/* ops->send said -EAGAIN before. */
void prober_path_ready(struct prober_peer *peer, uint64_t now_ns);
/*
 * Our own paths to the peer are void (source address moved): resolve anew, without judging the
 * peer. Probes in flight end as `local_error`: their ACKs go where we are not.
 */
void prober_peer_renew(struct prober_peer *peer, uint64_t now_ns);

/*
 * The longest pause between two attempts while it does not answer; PROBER_BACKOFF_MAX_NS unless
 * set.
 */
void prober_peer_set_backoff(struct prober_peer *peer, uint64_t max_ns, uint64_t now_ns);

struct prober_peer_info {
	enum prober_peer_state state;
	const char *reason; /* why it is resolving or down; NULL if there is nothing to say */
	bool has_session;
	struct prober_session session; /* the last one */
	uint64_t state_since_ns;
	uint64_t resolves, restarts;   /* attempts; changes of incarnation */
	uint64_t last_ok_ns;           /* 0: never */
	uint64_t last_rtt_ns;
	uint64_t wrong_source;         /* ACKs with our session from another address or QPN */
	uint64_t impossible;           /* as in struct prober_stats */
};
void prober_peer_info(const struct prober_peer *peer, struct prober_peer_info *out);
/* Sum over all targets that the peer has had. */
void prober_peer_totals(const struct prober_peer *peer, struct probe_totals *out);
void prober_peer_summary(const struct prober_peer *peer, uint64_t now_ns,
			 struct probe_summary *out);
/* Walks the targets of a peer: NULL begins, NULL ends. */
struct prober_target *prober_peer_next_target(const struct prober_peer *peer,
					      const struct prober_target *after);

struct prober_target_config {
	enum probe_kind kind;
	uint64_t interval_ns;  /* ≥ 1 ms */
	uint64_t phase_ns; /* first probe this long after now; PROBER_PHASE_RANDOM: somewhere in the
			      interval */
	uint64_t timeout_ns;   /* 0: the prober's */
	uint64_t count;        /* stop after this many; 0: never */
	uint16_t sizes[PROBER_SIZES_MAX]; /* bytes, ≥ 50, or PROBER_SIZE_MTU; taken in turn */
	uint32_t n_sizes;
	bool fit; /* a size above the path MTU is sent at the path MTU; else it ends as local_error
		   */
	uint32_t flow_label;
	uint8_t traffic_class, service_level;
};
#define PROBER_PHASE_RANDOM UINT64_MAX

/* 0 and *out; -EINVAL: an interval, a size or n_sizes out of range; -ENOMEM. Calls nothing back. */
int prober_target_add(struct prober_peer *peer, const struct prober_target_config *config,
		      void *user, uint64_t now_ns, struct prober_target **out);
/*
 * No further probes; target_done is called, later and never from within, when those in flight have
 * ended.
 */
void prober_target_stop(struct prober_target *target, uint64_t now_ns);
/* At once; probes in flight end without results. Its totals stay in the peer's. */
void prober_target_remove(struct prober_target *target);

struct prober_target_info {
	struct prober_target_config config;
	void *user;
	uint32_t in_flight;
	uint16_t src_port;     /* of the last probe */
	enum probe_path path;  /* of the last probe */
	struct probe_totals totals;
	/*
	 * Loss at a low rate: answered and lost probes, but for those whose host_noise is set.
	 * Times are CLOCK_MONOTONIC.
	 */
	struct sequential loss;
};
void prober_target_info(const struct prober_target *target, struct prober_target_info *out);
void prober_target_summary(const struct prober_target *target, uint64_t now_ns,
			   struct probe_summary *out);
/* The last closed window; NULL: none yet. Valid until the prober is called otherwise. */
const struct window *prober_target_window(const struct prober_target *target);

/* A probe's send completion, if tx.done was false. status 0, or -errno for a failed CQE. */
void prober_sent(struct prober *prober, uint32_t cookie, int status,
		 const struct hwclock_moment *t2, uint64_t now_ns);

/* A message that arrived at one of our prober QPs. Nothing of it has been checked. */
struct prober_rx {
	struct addr src;       /* from the GRH */
	uint32_t src_qpn;      /* from the completion */
	const uint8_t *payload;
	uint32_t len;
	struct hwclock_moment t5; /* received */
};
/* now_ns is T6: read after the message was received, not cached before. */
void prober_received(struct prober *prober, const struct prober_rx *rx, uint64_t now_ns);

struct prober_stats {
	uint32_t in_flight;
	uint64_t malformed;     /* messages that are none of this protocol's ACKs */
	uint64_t unknown;       /* ACKs to no probe in flight: too late, or not ours */
	uint64_t wrong_source;
	uint64_t duplicates;
	uint64_t impossible;    /* answered probes whose responder delay cannot be: without times */
	uint64_t unwindowed;    /* probes that are in no window for want of memory */
	struct probe_totals totals; /* of everything since the start */
};
void prober_stats(const struct prober *prober, struct prober_stats *out);

#endif

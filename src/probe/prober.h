/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The prober decides when to send which probe, and determines its result. It is pure: it knows
 * neither libevent nor verbs. now_ns (CLOCK_MONOTONIC) is the time; its actions go out through
 * struct prober_ops. R-Pingmesh (SIGCOMM 2024) section 4.
 *
 * A device is a local RNIC port with its budget. A peer is the address of a remote daemon as seen
 * from one device, with the state machine below. A target is a stream of probes to a peer, with one
 * flow label, one traffic class, one or more sizes in turn, and an interval. Devices own nothing.
 * The prober owns a peer until prober_peer_remove(), and a target until prober_target_remove() or
 * the removal of its peer.
 *
 * After its timeout, a probe is not lost yet. It becomes `lost` only if the same incarnation of the
 * peer was certainly alive one timeout after the post, and if twice the timeout has passed; an ACK
 * within this time makes it `late`. The proof is an ACK to a probe that was posted then or later,
 * or a SIDR reply to such a request. At a host that has stalled, a SIDR reply may overtake waiting
 * probes; if it is the only proof, one more timeout without any ACK must pass. If a SIDR reply is
 * of another incarnation, the probe is `peer_restarted`; also if it has another session and no ACK
 * comes. If the peer answers nothing at all, the probe is finally `peer_down` if its host reports
 * so, otherwise `unreachable`. If it was posted, and the same incarnation answers later probes, the
 * network has lost it: the totals are corrected, and ops->corrected() is called. A missing ACK2 is
 * judged like the probe, but the time begins at ACK1 and is one timeout longer. A missing ACK1
 * needs no proof, only that time, because the peer sends ACK1 before ACK2. The arrival of an ACK
 * (T5) decides whether it is late, so a stall of our own host makes no peer late.
 *
 *   state      due probes are        leaves by
 *   resolving  held until the first  RESOLVED -> up; PROBER_RESOLVE_TRIES failures in a row -> down
 *              attempt has failed,   if it ever answered before (it is held until then)
 *              then unresolved
 *   up         posted                TIMEOUTS -> checking (asks SIDR); RENEW -> resolving; asks
 *                                    SIDR after PROBER_KEEP_NS without an ACK, and stays up
 *   checking   posted                ACKED -> up; RESOLVED same session -> no_data; other -> up;
 *                                    PROBER_RESOLVE_TRIES failures in a row -> down, if silent
 *                                    not before PROBER_SILENCE_NS without an ACK; RENEW ->
 *                                    resolving
 *   no_data    posted                like checking; asks SIDR again every PROBER_RECHECK_NS
 *   down       peer_down if the last RESOLVED -> up; ACKED -> up
 *              attempt was answered,
 *              else unreachable
 *
 * Held probes are not due and have no result. When they are released, the schedule starts again
 * with its phase. RENEW is prober_peer_renew() or the return of the device.
 *
 * PROBER_TIMEOUTS timeouts in a row raise TIMEOUTS, and so does a probe that has waited for a proof
 * for three times the timeout. While a device is down, its due probes and those in flight are
 * `local_error`; when it returns, its peers are resolved again at once.
 */
#ifndef RPINGMESH_PROBE_PROBER_H
#define RPINGMESH_PROBE_PROBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "core/hwclock.h"
#include "rpingmesh/states.h"
#include "probe/routers.h"
#include "stat/result.h"
#include "stat/lasting.h"
#include "stat/sequential.h"
#include "stat/stats.h"
#include "stat/window.h"

struct keys;
struct noise;
struct prober;
struct prober_device;
struct prober_peer;
struct prober_target;

#define PROBER_TIMEOUTS 3
#define PROBER_RESOLVE_TRIES 3
#define PROBER_SILENCE_NS 5000000000ULL /* without an ACK, before silence of SIDR means anything */
#define PROBER_RECHECK_NS 1000000000ULL
/*
 * A peer that is up, but has sent nothing for so long, is asked again, so that its responder keeps
 * the session. This is three times in RESPONDER_IDLE_NS, because a message may be lost.
 */
#define PROBER_KEEP_NS 200000000000ULL
#define PROBER_BACKOFF_MIN_NS 250000000ULL  /* after a failed resolve; doubles */
#define PROBER_BACKOFF_MAX_NS \
	1000000000ULL /* the maximum; each is shortened by a jitter of up to 25 % */
#define PROBER_BACKOFF_SERVICE_NS 60000000000ULL
#define PROBER_RESOLVES_PER_S 100           /* over all peers */
/* Of these, for peers that did not answer PROBER_RESOLVE_TRIES times in a row: they may be many. */
#define PROBER_RESOLVES_DEAD_PER_S 20
#define PROBER_SIZES_MAX 64
#define PROBER_SIZE_MAX 8192 /* bytes: longer than any MTU of InfiniBand and RoCE */
#define PROBER_SIZE_MTU 0 /* a size of a target: the path MTU; small unless the peer is up */
#define PROBER_WALL_STEP_NS 10000000ULL
#define PROBER_WINDOW_BATCH 32
#define PROBER_DEVICE_WINDOWS 6 /* closed windows that a device keeps; a target keeps 1 */
#define PROBER_THROTTLE_MAX 16              /* steps */
#define PROBER_SEND_BATCH 32                /* the most probes in one prober_advance() */
/*
 * Probes (not pings) that leave together, so that they share a wake-up. More would be a burst. And
 * the part of the time between two probes to a peer by which one may be moved, once, to an earlier
 * time. The phase of each target alone stays random, and its intervals stay exact. But targets that
 * leave together meet the same short events of this host.
 */
#define PROBER_TOGETHER 6
#define PROBER_TOGETHER_PART 2

const char *prober_peer_state_name(enum prober_peer_state s);

/* A probe to post. payload has `size` bytes and is valid during the call. */
struct prober_packet {
	const uint8_t *payload;
	uint32_t size;
	enum probe_kind kind;
	uint32_t flow_label;
	uint8_t traffic_class, service_level;
	bool echo;       /* of a challenge, not a probe: the responder's limit does not count it */
	uint32_t cookie; /* for prober_sent(); unique among probes in flight */
};

/* What is known after the post. */
struct prober_tx {
	uint64_t t1_ns;      /* just before the post, CLOCK_MONOTONIC */
	struct hwclock_moment t2; /* sent; valid if done */
	bool done;           /* false: prober_sent() follows */
	struct addr source;
	uint16_t src_port;   /* or PROBE_PORT_UNKNOWN */
	uint8_t hop_limit;   /* with which it left; 0: unknown */
	enum probe_path path;
};

struct prober_ops {
	/*
	 * Posts a probe. Returns 0 and sets *tx. -EAGAIN: the path is being prepared, and
	 * prober_path_ready() follows; the probe waits for it, but not longer than the timeout.
	 * Other -errno: the probe is a `local_error`; *reason is static text. Must not call back
	 * into the prober.
	 */
	int (*send)(void *arg, void *peer_user, const struct prober_packet *packet,
		    struct prober_tx *tx, const char **reason);
	/*
	 * Starts a SIDR resolution. Later, never from inside this call, one call of
	 * prober_resolved() or prober_resolve_failed() must follow, unless the peer is removed. For
	 * each peer, only one resolution runs at a time.
	 */
	void (*resolve)(void *arg, void *peer_user);
	/*
	 * Called once for each probe that came due. To end the target, it may only call
	 * prober_target_stop().
	 */
	void (*result)(void *arg, void *target_user, const struct probe_result *r);
	/*
	 * A probe whose result was `unreachable` was lost: its peer has answered later, in the same
	 * incarnation. r has the new class. Windows do not change any more. It may do what result()
	 * may. NULL is allowed.
	 */
	void (*corrected)(void *arg, void *target_user, const struct probe_result *r);
	/*
	 * A target with a count, or after prober_target_stop(), has had its last result. May remove
	 * the target.
	 */
	void (*target_done)(void *arg, void *target_user);
	/*
	 * A window has closed: that of a target, or that of the device if target is NULL. It is
	 * valid during the call; prober_device_window() and prober_target_window() return the last
	 * ones later. prober_advance() calls this PROBER_WINDOW_BATCH times at most. The removal of
	 * a target, a peer or a device calls it for the rest of their windows; prober_free() does
	 * not. May call only …_info() functions. NULL is allowed.
	 */
	void (*window)(void *arg, struct prober_device *device, struct prober_target *target,
		       const struct window *w);
	/*
	 * Called after each change, for the log; prober_peer_info() has the reason. Must not call
	 * back otherwise.
	 */
	void (*peer_state)(void *arg, void *peer_user, enum prober_peer_state from,
			   enum prober_peer_state to);
};

struct prober_config {
	const struct prober_ops *ops;
	void *arg;
	uint64_t timeout_ns; /* of targets without their own */
	uint32_t epoch;      /* random; with `random`, the key of the random half of each seq */
	uint64_t random;     /* seed for phases and jitter */
	uint64_t window_ns;  /* length of windows, 1 s to 1 h; 0: WINDOW_LEN_NS */
	const struct noise
		*noise; /* stalls of this host; borrowed, outlives the prober; NULL: unknown */
};

/* Returns 0 and sets *out, which the caller owns, or -ENOMEM. */
int prober_new(const struct prober_config *config, struct prober **out);
/* Drops everything without results. NULL is allowed. */
void prober_free(struct prober *prober);
/* Sets the length of windows (stat/window.h). If it changes, cuts the present windows. */
void prober_set_window(struct prober *prober, uint64_t len_ns, uint64_t now_ns);
/*
 * Sets the difference wall clock minus CLOCK_MONOTONIC. Call this often: if the changes add up to
 * PROBER_WALL_STEP_NS, the clock has been set, and the present windows are cut. Smaller changes
 * count as the error of reading two clocks.
 */
void prober_set_wall_offset(struct prober *prober, int64_t offset_ns, uint64_t now_ns);

/* Sets the timeout of targets that are made from now on. */
void prober_set_timeout(struct prober *prober, uint64_t timeout_ns);
/* What is signed, and must be; NULL or none: nothing. Borrowed until the next call. */
void prober_set_keys(struct prober *prober, const struct keys *keys);

/*
 * Self-protection: from now on, all probes but pings come due 2^step times less often than their
 * targets' intervals, and a device sends at most max_per_s / 2^step of them per second, but at
 * least one. Pings continue unchanged and count against the whole budget. Scheduled probes are
 * moved in proportion, so that they stay spread in time.
 */
void prober_set_throttle(struct prober *prober, uint32_t step, uint64_t now_ns);

/*
 * The time of the next prober_advance(). It may be in the past, which means at once; UINT64_MAX:
 * none is necessary. Any other call may change it.
 */
uint64_t prober_next_ns(const struct prober *prober);
/* Sends due probes, handles timeouts, starts resolutions, and closes windows. */
void prober_advance(struct prober *prober, uint64_t now_ns);

/*
 * Service flows (PROBE_KIND_SERVICE) and all other probes share the budget of a device. If probes
 * of both wait, they take turns; otherwise one may use all. In the same way, pings
 * (PROBE_KIND_PING) and the mesh share the second half. Each of these three lanes is first in,
 * first out over targets. If a probe cannot be posted because the device or the peer is down, it
 * ends at once. But a service probe even then uses its turn and its share of the budget, because
 * there may be thousands of them, each every few milliseconds.
 *
 * A device starts down. Before its removal, all its peers must be removed.
 */
int prober_device_add(struct prober *prober, uint32_t max_per_s, struct prober_device **out);
void prober_device_remove(struct prober_device *device);
void prober_device_set_rate(struct prober_device *device, uint32_t max_per_s);
/*
 * Sets the clock of the device's timestamps. Borrowed, must outlive the device; NULL, the default:
 * there is none. Do not call this while probes are in flight.
 */
void prober_device_set_clock(struct prober_device *device, struct hwclock *clock);
/* The present limit in probes per second for all lanes but pings. */
uint32_t prober_device_throttled_rate(const struct prober_device *device);
/*
 * Sets the longest message of the port in bytes, for probes from now on. The default is no limit.
 */
void prober_device_set_mtu(struct prober_device *device, uint32_t bytes);
/* reason: static text, kept for local_error results. Idempotent. */
void prober_device_down(struct prober_device *device, const char *reason, uint64_t now_ns);
void prober_device_up(struct prober_device *device, uint64_t now_ns);

struct prober_device_info {
	bool up;
	uint64_t posted;       /* probes */
	uint64_t posted_service; /* of these, of kind PROBE_KIND_SERVICE */
	uint64_t deferred;     /* how often a probe had to wait for the budget */
	uint64_t skipped; /* intervals without a probe because the loop or the budget was more than
			     one interval behind */
	uint64_t skipped_service; /* of these, of kind PROBE_KIND_SERVICE */
	uint32_t posted_last_s, posted_service_last_s; /* in the last whole second */
	uint32_t in_flight;
};
void prober_device_info(const struct prober_device *device, uint64_t now_ns,
			struct prober_device_info *out);
/*
 * What is expected from the network. ACK2s of the mesh and of services may be handled some
 * milliseconds after they arrive, also if their probe has ended as unreachable meanwhile. So if the
 * peers solicit (probe_wire.h) all other answers, only solicited messages are urgent. All are
 * urgent while a ping is in flight, or a probe without ACK1 to a peer that has not reported in an
 * ACK1 of this session that it solicits.
 */
enum prober_expects { PROBER_EXPECTS_NOTHING, PROBER_EXPECTS_SOLICITED, PROBER_EXPECTS_ANY };
enum prober_expects prober_device_expects(const struct prober_device *device);
/*
 * Walks the last closed windows, the newest first: begins with after = NULL, ends with NULL. Valid
 * until another call of the prober.
 */
const struct window *prober_device_window(const struct prober_device *device,
					  const struct window *after);

int prober_peer_add(struct prober *prober, struct prober_device *device, void *user,
		    uint64_t now_ns, struct prober_peer **out);
/*
 * Sets the longest message that the route to the peer takes, for probes from now on. 0, the
 * default: there is no limit but those of port and peer.
 */
void prober_peer_set_mtu(struct prober_peer *peer, uint32_t bytes);
/* Removes its targets and probes in flight without calls of result() and target_done(). */
void prober_peer_remove(struct prober_peer *peer);

/* The contents of a SIDR reply. ACKs must come from addr and qpn. */
struct prober_session {
	struct addr addr;
	uint32_t qpn;
	uint64_t incarnation;
	uint64_t session;
	uint32_t max_size; /* longest message that the peer takes */
};
/* asked_ns: the time of the request; the peer was alive after that. */
void prober_resolved(struct prober_peer *peer, const struct prober_session *session,
		     uint64_t asked_ns, uint64_t now_ns);
/*
 * An attempt to resolve has failed. reason: static text, kept until the next result. _failed: there
 * was an answer that the peer is not there, or refuses us. _silent: there was no answer, so the
 * state of the peer is unknown.
 */
void prober_resolve_failed(struct prober_peer *peer, const char *reason, uint64_t now_ns);
void prober_resolve_silent(struct prober_peer *peer, const char *reason, uint64_t now_ns);
/* There was another sign of the peer (its SIDR request). If it is down, resolves it at once. */
void prober_sign_of_life(struct prober_peer *peer, uint64_t now_ns);
/* The path is ready, after ops->send() has returned -EAGAIN. */
void prober_path_ready(struct prober_peer *peer, uint64_t now_ns);
/*
 * Our own paths to the peer are not valid any more (the source address has moved). Resolves the
 * peer again, which says nothing about the peer. Probes in flight end as `local_error`, because
 * their ACKs go to the old address.
 */
void prober_peer_renew(struct prober_peer *peer, uint64_t now_ns);

/*
 * What the peer is wanted for; the default is the mesh. Peers of each kind take turns to be
 * resolved, and at least half of the turns are the mesh's. Peers that only services want are asked
 * less and less often while they do not answer, with pauses up to PROBER_BACKOFF_SERVICE_NS.
 */
void prober_peer_set_kind(struct prober_peer *peer, enum probe_kind kind, uint64_t now_ns);
/*
 * Whether the configuration of this host has the peer. Such peers have every second one of
 * PROBER_RESOLVES_DEAD_PER_S, however many others do not answer.
 */
void prober_peer_set_configured(struct prober_peer *peer, bool configured);

struct prober_peer_info {
	enum prober_peer_state state;
	const char *reason; /* why it is resolving or down; NULL: none */
	bool has_session;
	struct prober_session session; /* the last one */
	uint64_t state_since_ns;
	uint64_t resolves, restarts;   /* attempts to resolve; changes of incarnation */
	uint64_t last_ok_ns;           /* 0: never */
	uint64_t last_rtt_ns;
	uint64_t wrong_source;         /* ACKs with our session from another address or QPN */
	uint64_t impossible;           /* as in struct prober_stats */
	uint32_t targets;
};
void prober_peer_info(const struct prober_peer *peer, struct prober_peer_info *out);
/* The sum over all past and present targets of the peer. */
void prober_peer_totals(const struct prober_peer *peer, struct probe_totals *out);
void prober_peer_summary(const struct prober_peer *peer, uint64_t now_ns,
			 struct probe_summary *out);
/* Walks the targets of a peer: begins with after = NULL, ends with NULL. */
struct prober_target *prober_peer_next_target(const struct prober_peer *peer,
					      const struct prober_target *after);

struct prober_target_config {
	enum probe_kind kind;
	uint64_t interval_ns;  /* ≥ 1 ms */
	uint64_t phase_ns; /* time until the first probe; PROBER_PHASE_RANDOM: a random part of the
			      interval */
	uint64_t timeout_ns;   /* 0: that of the prober */
	uint64_t count;        /* the number of probes; 0: no limit */
	uint16_t sizes[PROBER_SIZES_MAX]; /* bytes, 50 to PROBER_SIZE_MAX, or PROBER_SIZE_MTU;
					     used in turn */
	uint32_t n_sizes;
	bool fit; /* a size above the path MTU is reduced to it; otherwise it is a local_error */
	uint32_t flow_label;
	uint8_t traffic_class, service_level;
};
#define PROBER_PHASE_RANDOM UINT64_MAX

/*
 * Returns 0 and sets *out, or -EINVAL (interval, a size or n_sizes out of range), or -ENOMEM. Calls
 * nothing back.
 */
int prober_target_add(struct prober_peer *peer, const struct prober_target_config *config,
		      void *user, uint64_t now_ns, struct prober_target **out);
/* Sets its interval, ≥ 1 ms. The time until the next probe changes in proportion. */
void prober_target_set_interval(struct prober_target *target, uint64_t interval_ns,
				uint64_t now_ns);
/*
 * Sends no more probes. When those in flight have ended, target_done() is called, never from inside
 * this call.
 */
void prober_target_stop(struct prober_target *target, uint64_t now_ns);
/* Removes the target at once; probes in flight have no results. The peer keeps its totals. */
void prober_target_remove(struct prober_target *target);

/*
 * Probes from now on take another path than those before, if `road` is another number than in the
 * call before; the first number is 0. Their window begins with the first of them.
 */
void prober_target_set_path(struct prober_target *target, uint32_t road);

struct prober_target_info {
	struct prober_target_config config;
	void *user;
	uint32_t in_flight;
	uint16_t src_port;     /* of the last probe */
	enum probe_path path;  /* of the last probe */
	uint16_t back_src_port; /* of the last ACKs; PROBE_PORT_UNKNOWN */
	uint32_t remote_qpn;   /* that its probes go to; 0: not known */
	/* The numbers of routers on the way of probes and of ACKs, or ROUTERS_UNKNOWN. */
	int routers_there, routers_back;
	struct probe_totals totals;
	/*
	 * The test for loss at a low rate, of answered and lost probes without host noise. Times
	 * are CLOCK_MONOTONIC.
	 */
	struct sequential loss;
	struct lasting lasting; /* verdicts on what lasts, from its windows */
};
void prober_target_info(const struct prober_target *target, struct prober_target_info *out);
void prober_target_summary(const struct prober_target *target, uint64_t now_ns,
			   struct probe_summary *out);
/* The last closed window, or NULL. Valid until another call of the prober. */
const struct window *prober_target_window(const struct prober_target *target);

/* The send of a probe is complete, if tx.done was false. status: 0, or -errno of a failed CQE. */
void prober_sent(struct prober *prober, uint32_t cookie, int status,
		 const struct hwclock_moment *t2, uint64_t now_ns);

/* A message received by one of our prober QPs. It has not been checked. */
struct prober_rx {
	struct addr src;       /* from the GRH */
	uint8_t hop_limit;     /* also; 0: unknown */
	uint32_t src_qpn;      /* from the completion */
	const uint8_t *payload;
	uint32_t len;
	struct hwclock_moment t5; /* received */
};
/* now_ns is T6: the caller reads the clock after it has received the message. */
void prober_received(struct prober *prober, const struct prober_rx *rx, uint64_t now_ns);

struct prober_stats {
	uint32_t in_flight;
	uint64_t malformed;     /* messages that are not ACKs of this protocol */
	uint64_t unauthenticated; /* ACKs not signed with one of our keys */
	uint64_t unknown;       /* ACKs without a probe in flight: too late, or not ours */
	uint64_t wrong_source;
	uint64_t duplicates;
	uint64_t impossible;    /* answered probes with an impossible responder delay: no times */
	uint64_t unwindowed;    /* probes that are in no window for lack of memory */
	struct probe_totals totals; /* of all probes since the start */
};
void prober_stats(const struct prober *prober, struct prober_stats *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the files of the prober: prober.c (devices, budget, time), prober_peer.c (state
 * machine, SIDR), prober_target.c (schedules), prober_probe.c (probes in flight and their results),
 * prober_doubt.c (those that nobody answered), prober_measure.c (their times) and prober_count.c
 * (totals and windows).
 *
 * The callbacks ops->result() and ops->target_done() run only in prober_drain(), when no function
 * of the prober uses a pointer any more. So they may remove objects.
 */
#ifndef RPINGMESH_PROBE_PROBER_IMPL_H
#define RPINGMESH_PROBE_PROBER_IMPL_H

#include <stddef.h>
#include <sys/queue.h>

#include "core/bucket.h"
#include "core/heap.h"
#include "core/siphash.h"
#include "probe/prober.h"

#define PROBER_CONTAINER(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

enum prober_peer_event {
	PROBER_PEER_RESOLVED_SAME,  /* SIDR reply: the session that we have */
	PROBER_PEER_RESOLVED_NEW,   /* SIDR reply: another session, or the first */
	PROBER_PEER_RESOLVE_FAILED,
	PROBER_PEER_ACKED,          /* a valid ACK */
	PROBER_PEER_TIMEOUTS,       /* probes have no answer */
	PROBER_PEER_SIGN_OF_LIFE,   /* the peer has asked us */
	PROBER_PEER_RENEW,          /* our paths to it are not valid, or the device has returned */
	PROBER_PEER_RECHECK,        /* the timer to ask again */
	PROBER_PEER_EVENT_N
};

struct prober_timer {
	struct heap_node node;
	void (*fire)(struct prober_timer *timer, uint64_t now_ns);
};

/* A probe that came due. Its target owns it until its result has been reported. */
struct prober_probe {
	struct prober_timer timer;
	struct prober_target *target;
	TAILQ_ENTRY(prober_probe) in_target;
	TAILQ_ENTRY(prober_probe) in_unproven; /* of its peer; or in doubtful */
	TAILQ_ENTRY(prober_probe) in_ended;    /* of the prober */
	bool flying, unproven, ended;          /* it is in flight; it is in these two lists */
	bool timed_out, ack1, ack2;
	bool awaited; /* it is one of the device's `awaited` */
	bool echoed; /* a challenge, once */
	bool doubtful; /* it has ended as unreachable, and is kept: prober_doubt.c */
	bool arrived;   /* … and has been answered since */
	bool ack2_due;  /* … and is one of the device's `ack2_due` */
	bool corrected; /* … and has been found lost */
	uint64_t last_ack_ns;                  /* time of handling; valid if ack1 or ack2 */
	uint64_t proven_ns; /* when the proof came that the peer was alive; 0: not yet */
	enum probe_class class;                /* valid once it has ended */
	const char *reason;
	uint64_t wire_seq, seq, due_ns;
	uint32_t size;
	struct prober_session session;         /* under which it was posted */
	struct prober_tx tx;                   /* done is set when the send completion comes */
	struct hwclock_moment t5;              /* valid if ack1 */
	uint64_t t6_ns;
	struct hwclock_elapsed elapsed;        /* T5 - T2, valid once complete */
	enum probe_clock elapsed_clock;
	bool possible; /* the responder's delay is possible; valid once complete */
	uint64_t heard_ns; /* the peer's alive_ns before its own ACKs; valid if ack1 or ack2 */
	uint64_t delay_ns, t3_ns;              /* valid if ack2 */
	uint32_t delay_error_ns;
	uint16_t return_src_port;              /* PROBE_PORT_UNKNOWN; also without ack2 */
	enum probe_clock delay_clock;
	bool peer_noise;                       /* the responder's host has stalled */
	enum probe_noise host_noise;           /* valid once it has ended */
	bool stalled;                          /* valid once it has ended */
	struct window *window, *device_window; /* its windows; NULL: no memory */
};
TAILQ_HEAD(prober_probe_list, prober_probe);

enum prober_target_place {
	PROBER_TARGET_IDLE,   /* waits for its timer, or for nothing */
	PROBER_TARGET_QUEUED, /* due, in its device's queue */
	PROBER_TARGET_PATH,   /* due, waits for prober_path_ready() */
};

/* The config of a target without its sizes: most targets have one size, but up to 64 fit. */
struct prober_target_plan {
	enum probe_kind kind;
	bool fit;
	uint8_t traffic_class, service_level;
	uint32_t flow_label;
	uint32_t n_sizes;
	uint64_t interval_ns, phase_ns, timeout_ns, count;
};

struct prober_target {
	struct prober_timer timer; /* the next probe is due, or has waited too long for its path */
	struct prober_peer *peer;
	TAILQ_ENTRY(prober_target) in_peer;
	TAILQ_ENTRY(prober_target) in_place; /* in the list of `place` */
	TAILQ_ENTRY(prober_target) in_done;  /* of the prober */
	enum prober_target_place place;
	bool stopped, done;           /* done: target_done() will be called, or has been */
	bool done_listed;
	bool placed;                  /* a probe has left since prober_target_start() */
	struct prober_target_plan config;
	void *user;
	uint64_t due_ns;              /* of the next or the waiting probe */
	uint64_t path_since_ns;       /* since when it waits for its path; 0: it does not */
	uint64_t seq;                 /* of the next probe */
	struct prober_probe_list probes; /* in flight, or ended but not reported yet */
	uint32_t in_flight;
	struct probe_totals totals;
	uint64_t usual_rtt_ns;       /* the last one without host noise; 0: none yet */
	uint32_t road;               /* prober_target_set_path() */
	struct probe_recent recent;
	struct window_series windows;
	struct sequential loss;
	struct lasting lasting;
	struct routers there, back;
	uint16_t back_src_port;      /* of the last ACKs; PROBE_PORT_UNKNOWN */
	uint16_t sizes[];             /* config.n_sizes */
};
TAILQ_HEAD(prober_target_list, prober_target);

TAILQ_HEAD(prober_peer_list, prober_peer);

/* The dead: peers of the configuration, and others. */
enum prober_dead { PROBER_DEAD_CONFIGURED, PROBER_DEAD_OTHER, PROBER_DEAD_N };

struct prober_peer {
	struct prober_timer timer;   /* to ask again */
	struct prober *prober;
	struct prober_device *device;
	TAILQ_ENTRY(prober_peer) in_device;
	TAILQ_ENTRY(prober_peer) in_askers;
	struct prober_peer_list *asker_in; /* where it waits to be resolved, or NULL */
	enum probe_kind kind;        /* what it is wanted for */
	bool configured;             /* has its own turn among the dead */
	bool solicits;               /* as its last ACK1 in this session says */
	void *user;
	enum prober_peer_state state;
	uint64_t state_since_ns;
	const char *reason;
	bool has_session;
	bool held;                   /* targets are not scheduled */
	bool attempted;              /* an attempt to resolve has ended since the last renewal */
	bool asking;                 /* is being resolved */
	bool void_answer;            /* the result of the present resolution does not count */
	uint32_t mtu;                /* of the route, 0: no limit */
	uint32_t failures, timeouts; /* in a row */
	bool silent;                 /* the last failure was that there was no answer */
	uint64_t backoff_ns;
	uint64_t resolved_ns;        /* the time of the last SIDR reply */
	uint64_t alive_ns;           /* this incarnation was alive after this time */
	uint64_t answered_ns; /* the time of the post of the latest probe that has an ACK */
	uint64_t acked_ns;           /* the time of the last ACK */
	struct prober_session session;
	struct prober_target_list targets, path_targets;
	uint32_t n_targets;
	struct prober_probe_list
		unproven; /* after twice their timeout, without proof that the peer was alive */
	struct prober_probe_list doubtful; /* ended as unreachable; the oldest first */
	struct probe_totals totals;
	uint64_t resolves, restarts, last_ok_ns, last_rtt_ns, wrong_source, impossible;
	/*
	 * The last stall of its host, by our clock, and the length that it has reported.
	 */
	uint64_t noise_from_ns, noise_to_ns, noise_stall_ns;
};

/* The lanes, which take turns if the budget is short. */
enum prober_lane_id { PROBER_LANE_MESH, PROBER_LANE_PING, PROBER_LANE_SERVICE, PROBER_LANE_N };

struct prober_lane {
	struct prober_target_list queue;
	uint64_t posted, skipped;
	struct probe_rate posted_rate;
};

struct prober_device {
	struct prober_timer timer; /* the budget allows the next probe */
	struct prober *prober;
	TAILQ_ENTRY(prober_device) in_prober;
	struct hwclock *clock; /* borrowed, may be NULL */
	bool up;
	const char *reason;
	uint32_t max_per_s;
	struct bucket bucket;
	struct bucket_rate rate;
	struct bucket throttle_bucket; /* while throttled: also limits all lanes but pings */
	struct bucket_rate throttle_rate;
	struct prober_peer_list peers;
	struct prober_lane lane[PROBER_LANE_N];
	uint32_t turn;             /* the next lane if several wait: index into prober_turns */
	uint32_t n_queue, in_flight;
	uint32_t awaited; /* of these: pings, and those that wait for an ACK1 not solicited */
	uint32_t ack2_due; /* doubtful probes with ACK1, to which ACK2 may still come */
	uint32_t mtu;              /* 0: no limit */
	uint64_t deferred;
	struct prober_probe spare; /* for a probe that is not posted, until it is reported */
	struct window_series windows;
};
TAILQ_HEAD(prober_device_list, prober_device);

static inline enum prober_lane_id
prober_target_lane_id(const struct prober_target *target)
{
	switch (target->config.kind) {
	case PROBE_KIND_SERVICE:
		return PROBER_LANE_SERVICE;
	case PROBE_KIND_PING:
		return PROBER_LANE_PING;
	case PROBE_KIND_MESH:
	case PROBE_KIND_N:
		break;
	}
	return PROBER_LANE_MESH;
}

static inline struct prober_lane *
prober_target_lane(const struct prober_target *target)
{
	return &target->peer->device->lane[prober_target_lane_id(target)];
}

/* A hash table of probes in flight by the low half of their sequence number; at most half full. */
struct prober_flights {
	struct prober_probe **slot;
	uint32_t size; /* power of two, or 0 */
	uint32_t n;
	uint32_t next; /* low half of the next sequence number */
};

/* The targets that have come due in this prober_advance(). */
struct prober_batch {
	uint32_t n;
	const struct prober_peer *peer; /* of the last one; only compared */
	uint64_t due_ns, interval_ns;   /* of the last one */
};

struct prober {
	const struct prober_ops *ops;
	void *arg;
	const struct keys *keys; /* borrowed, or NULL */
	uint64_t timeout_ns;
	uint8_t seq_key[SIPHASH_KEY]; /* of the random half of sequence numbers */
	uint64_t drawn;               /* sequence numbers so far */
	uint64_t random;
	uint32_t throttle; /* steps */
	struct heap timers;
	uint32_t n_timers; /* objects with a timer, armed or not */
	struct prober_flights flights; /* also of doubtful probes */
	uint32_t n_doubtful;
	struct prober_device_list devices;
	struct prober_peer_list askers[PROBE_KIND_N], dead_askers[PROBER_DEAD_N];
	uint32_t ask_turn, dead_turn;
	struct bucket ask_bucket, dead_bucket; /* dead_askers take from both */
	struct bucket_rate ask_rate, dead_rate;
	struct prober_probe_list ended;
	struct prober_target_list done;
	const struct noise *noise; /* borrowed, may be NULL */
	struct window_clock windows;
	uint64_t now_ns;           /* the latest time of any call */
	bool wall_known;           /* prober_set_wall_offset() has been called */
	bool ending;               /* nothing more is reported */
	uint64_t unwindowed;
	bool draining;
	struct prober_batch batch;
	uint64_t malformed, unauthenticated, unknown, wrong_source, duplicates, impossible;
	struct probe_totals totals;
	uint8_t payload[PROBER_SIZE_MAX];
};

/* prober.c */
uint64_t prober_random(struct prober *prober);
/* Makes room for one more object with a timer. Returns 0, or -ENOMEM. */
int prober_timer_new(struct prober *prober, struct prober_timer *timer,
		     void (*fire)(struct prober_timer *timer, uint64_t now_ns));
void prober_timer_free(struct prober *prober, struct prober_timer *timer);
void prober_timer_set(struct prober *prober, struct prober_timer *timer, uint64_t at_ns);
void prober_timer_stop(struct prober *prober, struct prober_timer *timer);
/*
 * Reports all that has ended. Public functions do this last, because pointers may be invalid
 * afterwards.
 */
void prober_drain(struct prober *prober);
void prober_device_enqueue(struct prober_device *device, struct prober_target *target,
			   uint64_t now_ns);
void prober_device_dequeue(struct prober_device *device, struct prober_target *target);
/* The number of probes of that lane that the budget allows now, those that wait included. */
uint32_t prober_device_tokens(const struct prober_device *device, enum prober_lane_id lane,
			      uint64_t now_ns);
/* Takes a token for the target's probe. Another lane is next. */
void prober_device_take(struct prober_device *device, const struct prober_target *target,
			uint64_t now_ns);

/* The class of a probe to a peer that is down. */
static inline enum probe_class
prober_peer_away_class(const struct prober_peer *peer)
{
	return peer->silent ? PROBE_UNREACHABLE : PROBE_PEER_DOWN;
}

/* prober_peer.c */
void prober_peer_fsm(struct prober_peer *peer, enum prober_peer_event event, uint64_t now_ns);
void prober_peer_device_down(struct prober_peer *peer, uint64_t now_ns);
void prober_peer_device_up(struct prober_peer *peer, uint64_t now_ns);
/* A probe that was posted at posted_ns has an ACK. */
void prober_peer_acked(struct prober_peer *peer, uint64_t posted_ns, uint64_t now_ns);
/* A probe that was posted at posted_ns has no ACK after its timeout. */
void prober_peer_timed_out(struct prober_peer *peer, uint64_t posted_ns, uint64_t now_ns);
/* Starts as many resolutions as are allowed now. */
void prober_peer_ask_next(struct prober *prober, uint64_t now_ns);
/* The time at which the limits allow the next one; UINT64_MAX: no peer waits. */
uint64_t prober_peer_ask_ns(const struct prober *prober);

/* prober_target.c */
/* Starts the schedule again, with its phase. */
void prober_target_start(struct prober_target *target, uint64_t now_ns);
/* Stops the schedule. Probes that wait in a queue count as not due. */
void prober_target_hold(struct prober_target *target);
/* Makes the next prober_advance() handle a due probe of this target again. */
void prober_target_requeue(struct prober_target *target);
/*
 * The throttle has changed the interval. Moves the next probe in proportion.
 */
void prober_target_rethrottle(struct prober_target *target, uint32_t from, uint64_t now_ns);
/* Sends the probe of a target at the head of its device's queue. */
void prober_target_fire(struct prober_target *target, uint64_t now_ns);
/*
 * Whether this is the timer of a target whose first probe may leave with the last one of the batch.
 * If so, it is due at the same time, from now on.
 */
bool prober_target_joins(struct prober_timer *timer, const struct prober_batch *batch,
			 uint64_t now_ns);
void prober_target_check_done(struct prober_target *target);

/* prober_count.c */
/* Counts a probe that has come due. now_ns is T1 if it was posted. */
void prober_count_due(struct prober_probe *probe, bool posted, uint64_t now_ns);
/* Takes this back. */
void prober_count_forget(struct prober_probe *probe);
/* The host that stalled while the probe was in flight. Call it when the probe has ended. */
enum probe_noise prober_noise_of(const struct prober_probe *probe);
/*
 * Whether a host stalled while it had to handle the probe or its ACKs, so long that it may have
 * lost them. This does not depend on whether they were lost, so the loss ratio is without as large
 * a share of the answered probes as of the lost ones. Call it when the probe has ended.
 */
bool prober_is_stalled(const struct prober_probe *probe);
/*
 * The probe's ACK2 reports a stall of the responder's host. The stall cannot be longer than the
 * time since the peer was last known to be alive.
 */
void prober_noise_told(struct prober_probe *probe, uint32_t stall_ms, uint64_t now_ns);
void prober_count_result(struct prober_probe *probe, const struct probe_result *r, uint64_t now_ns);
/* A probe that was counted as unreachable is lost. */
void prober_count_corrected(const struct prober_probe *probe, const struct probe_result *r,
			    uint64_t now_ns);
/* Closes at most PROBER_WINDOW_BATCH windows. */
void prober_windows_advance(struct prober *prober, uint64_t now_ns);
/* Closes and frees all windows of a target or device without probes in flight. */
void prober_windows_end(struct prober *prober, struct window_series *series);

/* prober_measure.c */
/* Computes T5 - T2 and its clock, for a probe with send completion and both ACKs. */
void prober_measure(struct prober_probe *probe);
/* Fills in the result of a probe that has ended. */
void prober_measure_result(const struct prober_probe *probe, struct probe_result *r);

/* prober_probe.c */
/* Makes a probe with an unused sequence number. NULL: no memory. */
struct prober_probe *prober_probe_new(struct prober_target *target, uint32_t size);
void prober_probe_free(struct prober_probe *probe);
/* The probe has been posted. */
void prober_probe_fly(struct prober_probe *probe, const struct prober_tx *tx, uint64_t now_ns);
/* Ends the target's due probe, which was not posted. */
void prober_probe_unposted(struct prober_target *target, uint32_t size, enum probe_class class,
			   const char *reason, uint64_t now_ns);
void prober_probe_end(struct prober_probe *probe, enum probe_class class, const char *reason,
		      uint64_t now_ns);
/* Puts a probe into the table of flights, or takes it out. */
void prober_probe_list(struct prober_probe *probe, bool listed);
/* Ends all probes of the peer that are in flight, as local_error. */
void prober_probe_end_all(struct prober_peer *peer, const char *reason, uint64_t now_ns);
/* Ends as peer_restarted all probes to another incarnation than that of the session. */
void prober_probe_end_restarted(struct prober_peer *peer, uint64_t now_ns);
/* Ends those probes that wait for a proof and can be decided now. */
void prober_probe_judge_unproven(struct prober_peer *peer, uint64_t now_ns);
/* Frees all probes of a target without reporting them. */
void prober_probe_forget(struct prober_target *target);
/* Calls ops->result or ops->corrected and frees the probe. */
void prober_probe_tell(struct prober_probe *probe);

/* prober_doubt.c */
/* The probe was posted and ends as unreachable. Keeps a copy of it. */
void prober_doubt_keep(const struct prober_probe *probe);
/* It has been answered. */
void prober_doubt_arrived(struct prober_probe *probe);
/* There is nothing to be found out about it any more. */
void prober_doubt_drop(struct prober_probe *probe);
/* The same for all of the peer, or only those of one of its targets. */
void prober_doubt_drop_all(struct prober_peer *peer, const struct prober_target *target);
/* The peer has answered a probe that was posted at posted_ns. */
void prober_doubt_judge(struct prober_peer *peer, uint64_t posted_ns, uint64_t now_ns);

#endif

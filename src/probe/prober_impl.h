/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the prober: what prober.c (devices, pacing, time), prober_peer.c (state machine, SIDR),
 * prober_target.c (schedules), prober_probe.c (probes in flight and what became of them) and
 * prober_measure.c (their figures) share.
 *
 * Callbacks that report (ops->result, ops->target_done) run only in prober_drain(), when no
 * function of the prober holds a pointer to anything: they may remove what they like.
 */
#ifndef RPINGMESH_PROBE_PROBER_IMPL_H
#define RPINGMESH_PROBE_PROBER_IMPL_H

#include <stddef.h>
#include <sys/queue.h>

#include "core/bucket.h"
#include "core/heap.h"
#include "probe/prober.h"

#define PROBER_CONTAINER(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

enum prober_peer_event {
	PROBER_PEER_RESOLVED_SAME,  /* SIDR reply: the session that we have */
	PROBER_PEER_RESOLVED_NEW,   /* SIDR reply: another session, or the first */
	PROBER_PEER_RESOLVE_FAILED,
	PROBER_PEER_ACKED,          /* a valid ACK */
	PROBER_PEER_TIMEOUTS,       /* probes stay without answer */
	PROBER_PEER_SIGN_OF_LIFE,   /* the peer asked us */
	PROBER_PEER_RENEW,          /* our paths to it are void, or the device has come back */
	PROBER_PEER_RECHECK,        /* the timer that asks again */
	PROBER_PEER_EVENT_N
};

struct prober_timer {
	struct heap_node node;
	void (*fire)(struct prober_timer *timer, uint64_t now_ns);
};

/* One probe that came due. Owned by its target until its result has been reported. */
struct prober_probe {
	struct prober_timer timer;
	struct prober_target *target;
	TAILQ_ENTRY(prober_probe) in_target;
	TAILQ_ENTRY(prober_probe) in_unproven; /* of its peer */
	TAILQ_ENTRY(prober_probe) in_ended;    /* of the prober */
	bool flying, unproven, ended;          /* in flight; in these two lists */
	bool timed_out, ack1, ack2;
	uint64_t last_ack_ns;                  /* when it was handled; valid if ack1 or ack2 */
	uint64_t proven_ns; /* when it was first seen that the peer had lived; 0: not yet */
	enum probe_class class;                /* once ended */
	const char *reason;
	uint64_t wire_seq, seq, due_ns;
	uint32_t size;
	struct prober_session session;         /* under which it was posted */
	struct prober_tx tx;                   /* done is set when the send completion comes */
	struct hwclock_moment t5;              /* valid if ack1 */
	uint64_t t6_ns;
	struct hwclock_elapsed elapsed;        /* T5 - T2, valid once complete */
	enum probe_clock elapsed_clock;
	bool possible; /* so is the responder's delay; valid once complete */
	uint64_t heard_ns; /* the peer's alive_ns before its own ACKs; valid if ack1 or ack2 */
	uint64_t delay_ns, t3_ns;              /* valid if ack2 */
	uint32_t delay_error_ns;
	uint16_t return_src_port;              /* PROBE_PORT_UNKNOWN; also without ack2 */
	enum probe_clock delay_clock;
	bool peer_noise;                       /* the responder's host did not run for a while */
	enum probe_noise host_noise;           /* once ended */
	struct window *window, *device_window; /* that it belongs to; NULL: no memory */
};
TAILQ_HEAD(prober_probe_list, prober_probe);

enum prober_target_place {
	PROBER_TARGET_IDLE,   /* waits for its timer, if for anything */
	PROBER_TARGET_QUEUED, /* due, in its device's queue */
	PROBER_TARGET_PATH,   /* due, waits for prober_path_ready() */
};

struct prober_target {
	struct prober_timer timer; /* due, or has waited for its path too long */
	struct prober_peer *peer;
	TAILQ_ENTRY(prober_target) in_peer;
	TAILQ_ENTRY(prober_target) in_place; /* the list that place names */
	TAILQ_ENTRY(prober_target) in_done;  /* of the prober */
	enum prober_target_place place;
	bool stopped, done;           /* done: target_done is to be called, or has been */
	bool done_listed;
	struct prober_target_config config;
	void *user;
	uint64_t due_ns;              /* of the next probe, or of the one that waits */
	uint64_t path_since_ns;       /* 0: has not waited for its path */
	uint64_t seq;                 /* of the next probe */
	struct prober_probe_list probes; /* in flight, or ended and not yet reported */
	uint32_t in_flight;
	struct probe_totals totals;
	struct probe_recent recent;
	struct window_series windows;
	struct sequential loss;
};
TAILQ_HEAD(prober_target_list, prober_target);

struct prober_peer {
	struct prober_timer timer;   /* asks again */
	struct prober *prober;
	struct prober_device *device;
	TAILQ_ENTRY(prober_peer) in_device;
	TAILQ_ENTRY(prober_peer) in_askers; /* of the prober, if ask_queued */
	void *user;
	enum prober_peer_state state;
	uint64_t state_since_ns;
	const char *reason;
	bool has_session;
	bool held;                   /* targets are not scheduled */
	bool attempted;              /* an attempt to resolve has ended since the last renewal */
	bool ask_queued, asking;     /* wants to be resolved; ops->resolve() runs */
	bool void_answer;            /* what ops->resolve() will say is out of date */
	uint32_t failures, timeouts; /* in a row */
	uint64_t backoff_ns, backoff_max_ns;
	uint64_t alive_ns;           /* this incarnation was alive at some time after */
	uint64_t answered_ns; /* when the youngest of its probes that has an ACK was posted */
	uint64_t acked_ns;           /* when the last ACK came */
	struct prober_session session;
	struct prober_target_list targets, path_targets;
	struct prober_probe_list
		unproven; /* timed out twice over, without proof that the peer lived */
	struct probe_totals totals;
	uint64_t resolves, restarts, last_ok_ns, last_rtt_ns, wrong_source, impossible;
	/*
	 * The last time that its host was known not to run, in our time, and for how long it said.
	 */
	uint64_t noise_from_ns, noise_to_ns, noise_stall_ns;
};
TAILQ_HEAD(prober_peer_list, prober_peer);

/* The two kinds of probes that take turns when the budget is short. */
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
	struct bucket throttle_bucket; /* what all but pings are held to besides, while throttled */
	struct bucket_rate throttle_rate;
	struct prober_peer_list peers;
	struct prober_lane lane[PROBER_LANE_N];
	uint32_t turn;             /* whose probe goes first if several wait: prober_turns */
	uint32_t n_queue, in_flight;
	uint32_t mtu;              /* 0: not told */
	uint64_t deferred;
	struct prober_probe spare; /* for a probe that is not posted, until it is told */
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

/* Probes in flight by the low 32 bits of their sequence number; at most half full. */
struct prober_flights {
	struct prober_probe **slot;
	uint32_t size; /* power of two, or 0 */
	uint32_t n;
	uint32_t next; /* low half of the next sequence number */
};

struct prober {
	const struct prober_ops *ops;
	void *arg;
	uint64_t timeout_ns;
	uint32_t epoch;
	uint64_t random;
	uint32_t throttle; /* steps */
	struct heap timers;
	uint32_t n_timers; /* objects with a timer, whether set or not */
	struct prober_flights flights;
	struct prober_device_list devices;
	struct prober_peer_list askers;
	struct bucket ask_bucket;
	struct bucket_rate ask_rate;
	struct prober_probe_list ended;
	struct prober_target_list done;
	const struct noise *noise; /* borrowed, may be NULL */
	struct window_clock windows;
	uint64_t now_ns;           /* the latest that it was told */
	bool wall_known;           /* prober_set_wall_offset() was called */
	bool ending;               /* nothing is reported any more */
	uint64_t unwindowed;
	bool draining;
	uint64_t malformed, unknown, wrong_source, duplicates, impossible;
	struct probe_totals totals;
	uint8_t payload[UINT16_MAX];
};

/* prober.c */
uint64_t prober_random(struct prober *prober);
/* Room for one more object with a timer: 0, or -ENOMEM. */
int prober_timer_new(struct prober *prober, struct prober_timer *timer,
		     void (*fire)(struct prober_timer *timer, uint64_t now_ns));
void prober_timer_free(struct prober *prober, struct prober_timer *timer);
void prober_timer_set(struct prober *prober, struct prober_timer *timer, uint64_t at_ns);
void prober_timer_stop(struct prober *prober, struct prober_timer *timer);
/*
 * Tells what has ended. The last thing that a public function does: pointers are void afterwards.
 */
void prober_drain(struct prober *prober);
void prober_device_enqueue(struct prober_device *device, struct prober_target *target,
			   uint64_t now_ns);
void prober_device_dequeue(struct prober_device *device, struct prober_target *target);
/* The target's probe uses up budget: another lane is next. */
void prober_device_take(struct prober_device *device, const struct prober_target *target,
			uint64_t now_ns);

/* prober_peer.c */
const char *prober_peer_event_name(enum prober_peer_event e);
void prober_peer_fsm(struct prober_peer *peer, enum prober_peer_event event, uint64_t now_ns);
void prober_peer_device_down(struct prober_peer *peer, uint64_t now_ns);
void prober_peer_device_up(struct prober_peer *peer, uint64_t now_ns);
/* A probe that was posted at posted_ns has been acknowledged. */
void prober_peer_acked(struct prober_peer *peer, uint64_t posted_ns, uint64_t now_ns);
/* A probe that was posted at posted_ns has had no ACK within its timeout. */
void prober_peer_timed_out(struct prober_peer *peer, uint64_t posted_ns, uint64_t now_ns);
/* Asks for resolutions, as many as are allowed now. */
void prober_peer_ask_next(struct prober *prober, uint64_t now_ns);

/* prober_target.c */
/* Starts the schedule again, with its phase. */
void prober_target_start(struct prober_target *target, uint64_t now_ns);
/* Due probes that wait are taken back, as if they had not come due; no further ones. */
void prober_target_hold(struct prober_target *target);
/* A due probe that waits in a queue is looked at again at the next prober_advance(). */
void prober_target_requeue(struct prober_target *target);
/*
 * The next probe moves to where it stands between two when their interval is what the throttle has
 * made of it.
 */
void prober_target_rethrottle(struct prober_target *target, uint32_t from, uint64_t now_ns);
/* It has come to the head of its device's queue. */
void prober_target_fire(struct prober_target *target, uint64_t now_ns);
void prober_target_check_done(struct prober_target *target);

/* prober_count.c */
/* The probe has come due: now_ns is T1 if it was posted. */
void prober_count_due(struct prober_probe *probe, bool posted, uint64_t now_ns);
/* As if it had not. */
void prober_count_forget(struct prober_probe *probe);
/* Whose host has stalled while the probe was under way. Once it has ended. */
enum probe_noise prober_noise_of(const struct prober_probe *probe);
/*
 * Its ACK2 says that the responder's host did not run for so long. That is no longer than since
 * when the peer is known to have been alive.
 */
void prober_noise_told(struct prober_probe *probe, uint32_t stall_ms, uint64_t now_ns);
void prober_count_result(struct prober_probe *probe, const struct probe_result *r, uint64_t now_ns);
/* Closes windows, at most PROBER_WINDOW_BATCH. */
void prober_windows_advance(struct prober *prober, uint64_t now_ns);
/* The target's or device's windows come to their end and go. None of its probes is in flight. */
void prober_windows_end(struct prober *prober, struct window_series *series);

/* prober_measure.c */
/* A probe with send completion and both ACKs: settles T5 - T2, and which clock has measured it. */
void prober_measure(struct prober_probe *probe);
/* What is known of a probe that has ended. */
void prober_measure_result(const struct prober_probe *probe, struct probe_result *r);

/* prober_probe.c */
/* A probe with a sequence number that is not in use, or NULL (no memory). */
struct prober_probe *prober_probe_new(struct prober_target *target, uint32_t size);
void prober_probe_free(struct prober_probe *probe);
/* It has been posted. */
void prober_probe_fly(struct prober_probe *probe, const struct prober_tx *tx, uint64_t now_ns);
/* The target's due probe ends without having been posted. */
void prober_probe_unposted(struct prober_target *target, uint32_t size, enum probe_class class,
			   const char *reason, uint64_t now_ns);
void prober_probe_end(struct prober_probe *probe, enum probe_class class, const char *reason,
		      uint64_t now_ns);
/* Ends all that fly. */
void prober_probe_end_all(struct prober_peer *peer, const char *reason, uint64_t now_ns);
/* Ends as peer_restarted what was posted to another incarnation than the session's. */
void prober_probe_end_restarted(struct prober_peer *peer, uint64_t now_ns);
/* Ends what can be decided of the probes that wait for proof. */
void prober_probe_judge_unproven(struct prober_peer *peer, uint64_t now_ns);
/* Forgets all of a target's probes, reported or not. */
void prober_probe_forget(struct prober_target *target);
/* Calls ops->result and frees the probe. */
void prober_probe_tell(struct prober_probe *probe);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mesh of simulated hosts on a virtual clock and a virtual network. Everything that src/probe
 * does here is done by the project's own code; what the kernel, the RNIC and the wire would do is
 * done by the simulator, and it knows what it did.
 *
 * True time is sim->now_ns. A host has a clock of its own, with an offset and a drift, and its
 * RNICs may have others. Everything that happens follows from the seed: parameters, faults,
 * delays, the random numbers that the code under test draws.
 *
 *   sim_main.c   seeds, processes, progress        sim_host.c   a host: prober, responder, loop,
 *                                                               queues, start and end
 *   sim_seed.c   parameters from the seed          sim_peer.c   peers, targets; SIDR on both sides
 *   sim_queue.c  what happens next; random numbers sim_port.c   RNIC ports: sends, completions,
 *                                                               stamps
 *   sim_net.c    the wire                          sim_fault.c  what goes wrong, and when
 *   sim_check.c  the oracle and the invariants     sim_alloc.c  memory, counted
 *   sim_window.c windows                           sim_fsm.c    the ports' own state machine
 *   sim_attack.c a hostile host
 */
#ifndef RPINGMESH_TESTS_SIM_H
#define RPINGMESH_TESTS_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "core/addr.h"
#include "core/clock.h"
#include "core/hwclock.h"
#include "stat/noise.h"
#include "agent/nic/port_fsm.h"
#include "probe/prober.h"
#include "probe/responder.h"
#include "probe/wire.h"

#define MS NSEC_PER_MSEC
#define SEC NSEC_PER_SEC
#define US NSEC_PER_USEC
#define SIM_HOSTS_MAX 2000
#define SIM_PORTS_MAX 2        /* of a host */
#define SIM_PATHS 4            /* between two ports; the UDP source port decides */
#define SIM_RECV_DEPTH 1024    /* as NIC_RESPONDER_RECV: what does not fit is dropped */
#define SIM_DRAIN 128          /* as ENDPOINT_CQES_PER_WAKEUP */
#define SIM_SIDR_TIMEOUT_NS (1500 * MS)
#define SIM_SIDR_RETRY_NS (500 * MS)
#define SIM_CHANCE 1000000u    /* chances are in millionths */

struct sim;
struct sim_host;
struct sim_port;
struct sim_target;

/* ---- random numbers: one stream for the world, one for each host ---- */

struct sim_random {
	uint64_t state;
};
uint64_t sim_random_u64(struct sim_random *random);
/* 0 to n - 1; n ≥ 1 */
uint64_t sim_random_below(struct sim_random *random, uint64_t n);
bool sim_random_chance(struct sim_random *random, uint32_t millionths);
/* From min to max, each order of magnitude as likely as the next; min ≥ 1. */
uint64_t sim_random_log(struct sim_random *random, uint64_t min, uint64_t max);
uint64_t sim_hash(uint64_t a, uint64_t b);

/* ---- what happens ---- */

enum sim_kind {
	SIM_WAKE,         /* a host's pump */
	SIM_RESUME,       /* a stall is over, or a backlog goes on */
	SIM_MESSAGE,      /* arrives at a port */
	SIM_SENT,         /* a send completion */
	SIM_SIDR_REQUEST, /* arrives at a port */
	SIM_SIDR_REPLY,   /* arrives at the one who asked */
	SIM_SIDR_RETRY,   /* the kernel of the one who asked sends the request again */
	SIM_SIDR_TIMEOUT, /* … and gives up */
	SIM_PATH,         /* a prober's path to a peer is ready */
	SIM_RETURN_PATH,  /* a responder's path back is ready, or is not */
	SIM_PORT_ANSWER,  /* a port was opened or built, or could not be */
	SIM_PORT_TIMER,   /* of a port's state machine */
	SIM_BOOT,
	SIM_HEAL,         /* a fault ends */
	SIM_FAULT,        /* another one begins */
	SIM_SWEEP,        /* everything is checked */
	SIM_ATTACK,       /* the hostile host does something */
	SIM_KIND_N
};
const char *sim_kind_name(enum sim_kind kind);

struct sim_message {
	uint32_t src_host, src_port;   /* indices */
	uint32_t src_qpn, dst_qpn;
	uint32_t size;
	bool tainted; /* its bits, or those of what it answers, were changed on the way */
	bool copy;                     /* not the first of its kind */
	bool src_moved, dst_moved;     /* which address of the port (sim_port_addr()) */
	uint64_t sent_ns;              /* true time */
	uint8_t head[PROBE_WIRE_SIZE_MIN]; /* the rest is zero */
};

struct sim_sidr {
	uint32_t src_host, src_port;   /* who asks */
	uint32_t peer;                 /* its number there */
	uint32_t question, asker_boot;
	int status;                    /* of a reply: 0, or -errno as rdma_cm has it */
	uint32_t len;
	bool tainted;
	bool forged;                   /* by the hostile host; so src_host has not asked */
	bool src_moved;                /* the address that asks; the first one is asked */
	uint8_t data[PROBE_WIRE_REPLY_MAX];
};

struct sim_event {
	TAILQ_ENTRY(sim_event) in_queue; /* of a host that has not come to it */
	uint64_t at_ns, order;
	enum sim_kind kind;
	uint32_t host, port;           /* whom it is for */
	uint32_t boot;                 /* of the host, if it is for a process that may be gone */
	uint64_t arrived_ns;           /* true time: it may wait in a queue afterwards */
	union {
		struct sim_message message;
		struct sim_sidr sidr;
		struct {
			bool responder;
			uint32_t cookie;
			int status;
			struct hwclock_moment left;
		} sent;
		struct {
			uint32_t peer, remote_host, remote_port;
			bool failed, remote_moved;
		} path;
		struct {
			enum port_event event;
			uint32_t number;
		} answer;
		struct {
			uint32_t fault;
		} heal;
	};
};
TAILQ_HEAD(sim_event_list, sim_event);

/* An event to be filled in and put; zeroed. */
struct sim_event *sim_event_new(struct sim *sim, enum sim_kind kind, uint32_t host, uint32_t port);
void sim_event_put(struct sim *sim, struct sim_event *event, uint64_t at_ns);
struct sim_event *sim_event_next(struct sim *sim);
void sim_event_free(struct sim *sim, struct sim_event *event);
void sim_events_clear(struct sim *sim);

/* ---- what the seed says ---- */

enum sim_profile {
	SIM_CALM,     /* nothing goes wrong: everything is ok */
	SIM_RESTARTS, /* only restarts and new QPs */
	SIM_LOSS,     /* only loss, always the same: figures must agree with it */
	SIM_STORM,    /* everything */
	SIM_PROFILE_N
};

/* Chances in millionths, of each message or call. */
struct sim_params {
	enum sim_profile profile;
	uint32_t n_hosts, n_ports, n_peers, n_targets; /* per host, host, host, peer */
	uint64_t interval_ns, timeout_ns, faults_ns, settle_ns, calm_ns;
	uint64_t delay_min_ns, delay_max_ns, jitter_ns;
	uint32_t loss, sidr_loss, dup, reorder, very_late, corrupt, corrupt_delivered;
	uint64_t reorder_ns;
	uint32_t bad_path, bad_path_loss;       /* paths that lose more */
	uint32_t hw_port;                       /* ports that have a clock of their own */
	uint32_t again, return_again, path_fails, send_error, send_not_done, send_fails, send_never;
	uint32_t build_fails;
	uint32_t sidr_refused, sidr_late, sidr_dup;
	uint32_t per_source, total;             /* responder's limits */
	uint32_t max_per_s;                     /* prober's budget of a device */
	uint64_t attack_every_ns;               /* mean, of the hostile host; 0: there is none */
	uint64_t fault_every_ns;                /* mean, over all hosts; 0: none */
	uint32_t faults;                        /* which: bits of enum sim_fault_kind */
	uint32_t out_of_memory;
	uint64_t window_ns;
	bool schedstat;                         /* hosts know how long they waited for a CPU */
	int32_t drift_ppb;                      /* at most, either way */
};
/* Of sim_fault.c's kinds: restart, rebuild, forget, asked. */
#define SIM_FAULTS_RESTART 15u
void sim_params_from_seed(struct sim_params *params, struct sim_random *random);
const char *sim_profile_name(enum sim_profile profile);

/* ---- hosts ---- */

struct sim_port {
	struct sim_host *host;
	uint32_t index;
	struct addr addr;              /* the first one, by which others know it */
	bool moved;                    /* it has the other one instead */
	bool exists, link, address;    /* as the world has it */
	bool open, built, up;          /* as the host has it; up: it probes */
	struct port_fsm *fsm;          /* NULL while the host is down */
	enum port_state state;         /* as it was told */
	uint32_t n_asked;              /* to open or to build; older answers are void */
	uint64_t armed_ns;             /* the host's clock */
	bool cut;                      /* the wire, which the host does not see */
	bool hw;                       /* it stamps completions */
	uint64_t hw_khz, hw_mask, hw_offset;
	struct hwclock clock;
	struct prober_device *device;  /* NULL while the host is down */
	uint32_t prober_qpn, responder_qpn;
	uint64_t incarnation;
	uint32_t mtu;
	struct probe_totals told, windowed; /* results, and those that windows have told of */
	uint64_t window_end_ns;
	uint64_t rebuilt_ns; /* true time of the last change of QPs, or of the host's end */
	uint64_t salt;                 /* source ports follow from it */
	uint64_t tainted_until_ns;     /* it may be answering what was changed on the way */
	uint64_t away_until_ns;        /* no path back to … */
	uint32_t away_host, away_port;
	bool away_moved;
};

/*
 * A probe that was posted, and what the world did with it. Lives until its result is told, or its
 * target goes.
 */
struct sim_probe {
	TAILQ_ENTRY(sim_probe) in_target;
	struct sim_probe *next;        /* in a chain of the host's table */
	struct sim_target *target;
	uint64_t wire_seq, incarnation, session;
	uint64_t t1_ns;                /* as told to the prober */
	uint64_t posted_ns, left_ns;   /* true time; left_ns: T2 */
	uint64_t arrived_ns, ack1_left_ns, ack1_ns; /* true time; T3, T4, T5 */
	uint64_t killed_ns;            /* true time: arrived where nobody was any more */
	uint64_t
		waited_ns; /* T3 or T5 was stamped this much too late, by a host that did not run */
	uint64_t late_ns;              /* the latest arrival of anything of it, true time */
	uint16_t src_port, return_src_port; /* the latter: 0 until an ACK2 is sent */
	bool hw;                       /* the port's clock */
	bool src_moved;
	bool dropped, ack1_dropped, ack2_dropped; /* dropped: the probe or its ACK1 */
	bool refused, held, tainted, copied;
	bool doubtful;                 /* its result was told: unreachable */
	bool refusal_given;
	bool sent_failed, sent_never,
		troubled;	       /* troubled: its device went down, or its path was renewed */
	bool ack1_given, ack2_given;   /* to the prober */
	uint64_t t5_ns, t2_ns;         /* stamps */
	uint64_t delay_ns;             /* from the first ACK2 given */
};
TAILQ_HEAD(sim_probe_list, sim_probe);

#define SIM_TARGET_ALIVE 0x7a46e7a1u
#define SIM_PEER_ALIVE 0x9ee7a11fu

struct sim_peer {
	TAILQ_ENTRY(sim_peer) in_host;
	uint32_t magic, number;
	struct sim_host *host;
	struct sim_port *port, *remote;
	struct prober_peer *peer;
	TAILQ_HEAD(, sim_target) targets;
	bool asking, voided, removed;
	uint32_t question, failures;
	bool silent; /* nobody answered the last question */
	bool ever_resolved, tainted;
	uint64_t asked_ns;             /* the host's clock */
	uint64_t path_until_ns;        /* true time; no path until then */
	enum prober_peer_state state;
};
TAILQ_HEAD(sim_peer_list, sim_peer);

struct sim_target {
	TAILQ_ENTRY(sim_target) in_peer;
	uint32_t magic;
	struct sim_peer *peer;
	struct prober_target *target;
	uint64_t interval_ns, timeout_ns;
	uint32_t flow_label;
	enum probe_kind kind;
	struct probe_totals told, windowed;
	uint64_t window_end_ns;
	bool too_large;                /* some of its sizes do not fit, and are not made to */
	uint64_t posted, errors;       /* errors: sends that were refused and not told yet */
	bool again;                    /* the last send was told to wait */
	bool stopped, done, removed;
	struct prober_target_info last; /* before its peer went */
	struct sim_probe_list probes;
};

/* What a host is configured to probe. */
struct sim_wish {
	uint32_t port, remote_host, remote_port;
};

#define SIM_WISHES 16
#define SIM_TABLE 256

/* When the daemon is killed, in the middle of a resolution. */
enum sim_dies {
	SIM_DIES_NOT,
	SIM_DIES_ASKED,  /* before or after it answers the next request */
	SIM_DIES_ASKING, /* when it has asked */
};

struct sim_host {
	struct sim *sim;
	uint32_t index, boot;
	struct sim_random random;
	bool alive, powered;           /* the daemon runs; the host runs */
	enum sim_dies dies;
	uint64_t offset_ns;
	int64_t drift_ppb;
	uint64_t read_ns;              /* the last time that it read its clock, and what it read */
	uint64_t stalled_until_ns;
	bool backlog;                  /* SIM_RESUME will come */
	struct noise noise;
	uint64_t asked_ns;             /* when the pump was wanted, by the host's clock */
	uint64_t waited_ns, waits_since_ns; /* for a CPU, in all; since when something waits, true
					       time, 0: nothing does */
	int64_t wall_ns;               /* wall clock - host's clock */
	uint64_t wall_told_ns;
	uint64_t wake_ns;              /* when SIM_WAKE will come; older ones are void */
	bool did_something;            /* an operation was called since the pump began */
	uint32_t idle_wakes;
	struct sim_port port[SIM_PORTS_MAX];
	struct sim_wish wish[SIM_WISHES];
	uint32_t n_wishes;
	struct prober *prober;
	struct responder *responder;
	struct addr_net allow;
	struct sim_peer_list peers, graveyard;
	TAILQ_HEAD(, sim_target) buried;
	uint32_t n_peers_made, n_targets_made;
	struct sim_event_list acks, probes, other; /* wait for the loop */
	uint32_t n_acks, n_probes;
	struct sim_probe *table[SIM_TABLE]; /* posted, by sequence number */
	struct sim_probe *free_probes;
	uint32_t n_records;
	struct probe_totals told;
	uint64_t epoch;
};

#define SIM_ATTACK_SESSIONS 32
#define SIM_ATTACK_HEARD 32

/* What the hostile host has got. */
struct sim_attack {
	struct sim_random random;
	struct sim_attack_session {
		uint64_t number;
		bool strong; /* its prober must echo a challenge */
		struct sim_port *target, *claimed;
	} session[SIM_ATTACK_SESSIONS];
	struct sim_attack_heard {
		struct sim_message message;
		uint32_t host, port; /* where it went */
	} heard[SIM_ATTACK_HEARD];
	uint32_t n_sessions, n_heard;
};

#define SIM_STORY 512
#define SIM_HOST_BYTES \
	(2 << 20) /* of tested code's memory, on average; an idle prober and responder have 0.4 MB \
		   */

struct sim {
	uint64_t seed, now_ns, order;
	struct sim_random random;
	struct sim_params params;
	struct sim_host *host;
	uint32_t n_hosts;
	struct sim_event **heap;
	uint32_t n_heap, heap_room;
	struct sim_event_list free_events;
	uint64_t faults_end_ns, calm_from_ns, end_ns;
	bool partition;                /* even and odd hosts do not hear each other */
	uint64_t hash;
	struct sim_attack attack;
	uint64_t n_events, n_probes, n_faults, n_attacks;
	uint64_t n_corrected;  /* results that were unreachable, and then lost */
	uint64_t n_impossible; /* results that were answered and, for good reason, not measured */
	struct probe_totals told;
	bool trace;
	char failed[SIM_STORY];        /* the first invariant that did not hold */
	uint64_t failed_ns;
};

/* sim_seed.c, sim_main.c */
int sim_run(struct sim *sim, uint64_t seed, bool trace);
void sim_story(struct sim *sim, const struct sim_host *host, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void sim_mix(struct sim *sim, uint64_t value);

/* sim_host.c */
uint64_t sim_clock_at(const struct sim_host *host, uint64_t true_ns);
/* Reads the host's clock: never less than before. */
uint64_t sim_host_now(struct sim_host *host);
void sim_host_spend(struct sim_host *host, uint64_t ns);
void sim_host_init(struct sim *sim, uint32_t index);
void sim_host_boot(struct sim_host *host);
/* The daemon ends; graceful or not makes no difference to others. */
void sim_host_kill(struct sim_host *host);
void sim_host_free(struct sim_host *host);
/* Whether it runs a build that knows no challenges. */
bool sim_host_is_old(const struct sim_host *host);
void sim_host_event(struct sim *sim, struct sim_event *event);
void sim_host_stall(struct sim_host *host, uint64_t ns);
/* What its QPs have received and nobody has looked at is gone. */
void sim_host_flush(struct sim_port *port);
/* Probes in flight on a port, or to one peer, will be local errors. */
void sim_host_trouble(struct sim_port *port, struct sim_peer *peer);
/* The pump is due again; called after all that was done to the host. */
void sim_host_rearm(struct sim_host *host);

/* sim_port.c */
extern const struct responder_ops sim_responder_ops;
int sim_port_send_probe(void *arg, void *peer_user, const struct prober_packet *packet,
			struct prober_tx *tx, const char **reason);
/* Draws QPNs and an incarnation. */
void sim_port_number(struct sim_port *port);
/* Its first address or, moved, the other one. */
struct addr sim_port_addr(const struct sim_port *port, bool moved);
void sim_port_arrived(struct sim_host *host, struct sim_event *event);
void sim_port_completed(struct sim_host *host, const struct sim_event *event);

/* sim_fsm.c */
int sim_fsm_begin(struct sim_port *port);
void sim_fsm_end(struct sim_port *port);
void sim_fsm_event(struct sim_port *port, enum port_event event);
void sim_fsm_answered(struct sim_port *port, enum port_event answer, uint32_t number);
void sim_fsm_set_exists(struct sim_port *port, bool exists);
void sim_fsm_set_link(struct sim_port *port, bool link);
void sim_fsm_set_address(struct sim_port *port, bool address);

/* sim_peer.c */
extern const struct prober_ops sim_prober_ops;
struct sim_peer *sim_peer_add(struct sim_host *host, const struct sim_wish *wish);
void sim_peer_remove(struct sim_peer *peer);
struct sim_peer *sim_peer_find(struct sim_host *host, uint32_t number);
struct sim_target *sim_target_add(struct sim_peer *peer, enum probe_kind kind, uint64_t count);
void sim_target_remove(struct sim_target *target);
void sim_peer_renew(struct sim_peer *peer);
/* All of a port. */
void sim_peers_renew(struct sim_port *port);
/* Whether one waits for an answer to SIDR. */
bool sim_peers_ask(const struct sim_host *host);
void sim_peers_bury(struct sim_host *host);
void sim_sidr_requested(struct sim_host *host, struct sim_event *event);
void sim_sidr_refused(struct sim_host *host, const struct sim_event *event);
void sim_sidr_answered(struct sim_host *host, struct sim_event *event);
bool sim_session_is_open(const struct sim_host *host, uint64_t session);
void sim_sidr_retry(struct sim_host *host, const struct sim_event *event);

/* sim_net.c */
uint16_t sim_net_port(const struct sim_port *port, uint32_t flow_label);
/* These take the event over: it arrives once, not at all (false), or twice. */
void sim_net_send(struct sim *sim, struct sim_event *event, uint32_t src_host, uint32_t src_port,
		  uint16_t udp_port, uint64_t leaves_ns);
/* A message that was sent before arrives once more. Takes the event over. */
void sim_net_replay(struct sim *sim, struct sim_event *event);
const char *sim_message_name(enum probe_wire_type type);
bool sim_net_sidr(struct sim *sim, struct sim_event *event, uint32_t src_host, uint32_t src_port,
		  uint64_t leaves_ns);

/* sim_fault.c */
void sim_fault_begin(struct sim *sim);
void sim_fault_event(struct sim *sim, const struct sim_event *event);
void sim_fault_heal_all(struct sim *sim);
/* The daemon ends, and starts again later. */
void sim_fault_kill(struct sim_host *host);

/* sim_attack.c */
void sim_attack_begin(struct sim *sim);
void sim_attack_event(struct sim *sim);
/* Its request is answered; NULL: nobody is there. */
void sim_attack_answered(struct sim *sim, const struct sim_event *request,
			 const struct wire_reply *reply);
/* Whether it got that session in another's name, and the other would have to prove it. */
bool sim_attack_has_strong(const struct sim *sim, uint64_t session);
/* A message that it may replay. */
void sim_attack_heard(struct sim *sim, const struct sim_event *event);

/* sim_check.c */
void sim_check(struct sim *sim, const struct sim_host *host, bool holds, const char *what);
struct sim_probe *sim_probe_new(struct sim_target *target, uint64_t wire_seq);
struct sim_probe *sim_probe_find(struct sim_host *host, uint64_t wire_seq);
void sim_probe_free(struct sim_probe *probe);
/* It arrived where nobody is any more; or was dropped after it had arrived. */
void sim_probe_killed(struct sim *sim, const struct sim_event *event);
void sim_probe_dropped(struct sim *sim, const struct sim_event *event);
void sim_check_result(struct sim_target *target, const struct probe_result *r);
void sim_check_corrected(struct sim_target *target, const struct probe_result *r);
void sim_check_host(struct sim_host *host);
void sim_check_sweep(struct sim *sim);
void sim_check_calm(struct sim *sim);
/* What was lost agrees with what the wire loses. */
void sim_check_loss(struct sim *sim);
void sim_check_end(struct sim *sim);

/* sim_window.c */
void sim_window_closed(void *arg, struct prober_device *device, struct prober_target *target,
		       const struct window *w);
/* When they have been removed. last: just before. */
void sim_window_check_target(const struct sim_target *target,
			     const struct prober_target_info *last);
void sim_window_check_port(const struct sim_port *port);

/* sim_alloc.c: the simulator's own memory is not counted and does not fail */
void *sim_alloc(size_t n, size_t size);
void sim_free(void *p);
struct sim_memory {
	int64_t blocks, bytes, peak_bytes;
	uint64_t failed;
};
extern struct sim_memory sim_memory;
/*
 * From now on the tested code's allocations fail with that chance; sim NULL: never, and no random
 * numbers.
 */
void sim_alloc_of(struct sim *sim, struct sim_host *host, uint32_t out_of_memory);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state machine of a local RoCE port, whose device comes, fails, flaps and goes. Pure: it knows
 * neither libevent nor verbs. Facts come in as events with now_ns (CLOCK_MONOTONIC), and actions go
 * out through struct port_fsm_ops.
 *
 *   state        means                                        leaves by
 *   closed       the kernel has no such device                FOUND -> opening
 *   opening      ops->open was called                         OPENED -> by the facts;
 *                                                             OPEN_FAILED -> backing_off
 *   down         the port is not active                       LINK_UP
 *   no_address   active, but no RoCE v2 address               ADDRESS
 *   building     ops->build was called                        BUILT -> up; BUILD_FAILED ->
 *                                                             backing_off
 *   up           probing                                      LINK_DOWN, NO_ADDRESS; QP_ERROR,
 *                                                             CQ_ERROR and RECONFIGURED -> building
 *   backing_off  an open, a build or the device has failed    TIMER -> by the facts
 *   given_up     that has happened too often: it waits        TIMER, RETRY -> by the facts
 *
 * GONE and NOT_CONFIGURED lead from any state to closed, and FATAL from any state with an open
 * device. "By the facts" is the first of these states that fits: given_up until its time is over,
 * closed, opening, down, no_address, building, up.
 *
 * Back-off begins with PORT_FSM_BACKOFF_MIN_NS and doubles up to PORT_FSM_BACKOFF_MAX_NS. Only the
 * first queue error is answered at once. After PORT_FSM_STABLE_NS in `up`, earlier failures do not
 * count any more. A fall is leaving `up`, or a failure in another state. After PORT_FSM_FALLS falls
 * within PORT_FSM_FALLS_NS, the port is given up for PORT_FSM_GIVE_UP_NS. If it then fails once
 * before it has been stable, it is given up again.
 *
 * When a port goes down, its endpoints remain. On its return nothing is built, and peers resolve
 * each other again.
 */
#ifndef RPINGMESH_AGENT_NIC_PORT_FSM_H
#define RPINGMESH_AGENT_NIC_PORT_FSM_H

#include <stdbool.h>
#include <stdint.h>

#include "rpingmesh/states.h"

struct port_fsm;

#define PORT_FSM_BACKOFF_MIN_NS 1000000000ULL
#define PORT_FSM_BACKOFF_MAX_NS 16000000000ULL
#define PORT_FSM_FALLS 5
#define PORT_FSM_FALLS_NS 60000000000ULL
#define PORT_FSM_GIVE_UP_NS 60000000000ULL
#define PORT_FSM_STABLE_NS 60000000000ULL

/* "closed", …; "?" for a value out of range. */
const char *port_state_name(enum port_state s);

enum port_event {
	PORT_EVENT_FOUND,  /* the kernel has the device */
	PORT_EVENT_GONE,   /* the kernel has it no more, or has taken it from our context */
	PORT_EVENT_FATAL,  /* the device has failed; a reset may cure it */
	PORT_EVENT_OPENED, /* answers ops->open; LINK_* and ADDRESS come before it */
	PORT_EVENT_OPEN_FAILED, /* answers ops->open */
	PORT_EVENT_LINK_UP,	/* the port is active; may be repeated */
	PORT_EVENT_LINK_DOWN,
	PORT_EVENT_ADDRESS,    /* it has an address, or its addresses have changed */
	PORT_EVENT_NO_ADDRESS, /* the last address has gone */
	PORT_EVENT_MTU,	       /* the active MTU has changed */
	PORT_EVENT_REREGISTER, /* client re-register, or change of LID, P_Key or SM: resolve again
				*/
	PORT_EVENT_QP_ERROR,   /* one of our QPs is in error */
	PORT_EVENT_CQ_ERROR,   /* one of our CQs has overrun */
	PORT_EVENT_BUILT,      /* answers ops->build */
	PORT_EVENT_BUILD_FAILED,   /* answers ops->build */
	PORT_EVENT_TIMER,	   /* the time of ops->arm may have come */
	PORT_EVENT_RETRY,	   /* a user asks to forget failures and to try again */
	PORT_EVENT_RECONFIGURED,   /* the configuration needs other endpoints */
	PORT_EVENT_NOT_CONFIGURED, /* the configuration excludes the port */
	PORT_EVENT_N
};
/* "found", …; "?" for a value out of range. */
const char *port_event_name(enum port_event e);
/* Whether a user has caused the event. Then leaving `up` is no fall and no flap. */
bool port_event_is_wanted(enum port_event e);

/* A change of state. */
struct port_transition {
	uint64_t at_ns;        /* CLOCK_MONOTONIC */
	uint64_t lasted_ns;    /* the time in `from` */
	enum port_state from, to;
	enum port_event event; /* its cause */
	int error;             /* -errno of the event, or 0 */
};

/* open() and build() are called last, so they may answer at once. The others must not call back. */
struct port_fsm_ops {
	/*
	 * Opens the device. Answered by LINK_*, ADDRESS or NO_ADDRESS, then OPENED; or by
	 * OPEN_FAILED alone.
	 */
	void (*open)(void *arg);
	/*
	 * Frees all objects on the device and closes it. A pending open() or build() is not
	 * answered any more.
	 */
	void (*close)(void *arg);
	/* Makes the endpoints. Answered by BUILT or BUILD_FAILED. */
	void (*build)(void *arg);
	/* Frees the endpoints. */
	void (*unbuild)(void *arg);
	/*
	 * Stops probing: probes in flight and due probes become local errors. May be called again
	 * with another reason, which is static text.
	 */
	void (*pause)(void *arg, const char *reason);
	/* The port is up. */
	void (*resume)(void *arg);
	/*
	 * The event has changed addresses, MTU or fabric while the device is open, so paths may not
	 * be valid any more.
	 */
	void (*renew)(void *arg, enum port_event event);
	/* Asks for TIMER at this time, instead of an earlier request. UINT64_MAX: never. */
	void (*arm)(void *arg, uint64_t at_ns);
	/* For log and history. */
	void (*moved)(void *arg, const struct port_transition *t);
};

/* Returns 0 and sets *out, in state closed, or -ENOMEM. Calls nothing. */
int port_fsm_new(const struct port_fsm_ops *ops, void *arg, uint64_t now_ns, struct port_fsm **out);
/* Send NOT_CONFIGURED before, to close the device, because this calls nothing. NULL is allowed. */
void port_fsm_free(struct port_fsm *fsm);

/*
 * Handles an event. Any event is allowed in any state; one without a meaning there is only counted.
 * error: -errno, or 0.
 */
void port_fsm_event(struct port_fsm *fsm, enum port_event event, int error, uint64_t now_ns);

struct port_fsm_info {
	enum port_state state;
	const char *reason;      /* why it is not up, static; NULL: it is up */
	int error; /* -errno of the failure that keeps the port from being up, or 0 */
	uint64_t since_ns;       /* when it entered this state */
	uint64_t retry_ns;       /* the time of the next TIMER; UINT64_MAX: none */
	uint64_t backoff_ns;     /* length of the next back-off; 0: none yet */
	bool open, built, link, address; /* facts */
	uint64_t events[PORT_EVENT_N];   /* how often each came */
	uint64_t entered[PORT_STATE_N];  /* how often each state was entered */
};
void port_fsm_info(const struct port_fsm *fsm, struct port_fsm_info *out);
enum port_state port_fsm_state(const struct port_fsm *fsm);

#endif

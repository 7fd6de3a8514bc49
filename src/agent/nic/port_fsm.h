/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of one local RoCE port while its device comes, fails, flaps and goes. Pure: it
 * knows neither libevent nor verbs; facts come in as events with now_ns (CLOCK_MONOTONIC), what it
 * wants done goes out through struct port_fsm_ops.
 *
 *   state        means                                        leaves by
 *   closed       the kernel has no such device                FOUND -> opening
 *   opening      ops->open was called                         OPENED -> where the facts say;
 *                                                             OPEN_FAILED -> backing_off
 *   down         the port is not active                       LINK_UP
 *   no_address   active, but no RoCE v2 address               ADDRESS
 *   building     ops->build was called                        BUILT -> up; BUILD_FAILED ->
 *                                                             backing_off
 *   up           probing                                      LINK_DOWN, NO_ADDRESS; QP_ERROR,
 *                                                             CQ_ERROR and RECONFIGURED -> building
 *   backing_off  an open, a build or the device has failed    TIMER -> where the facts say
 *   given_up     that happened too often: left alone          TIMER, RETRY -> where the facts say
 *
 * GONE and NOT_CONFIGURED close from any state, FATAL from any in which the device is open. "Where
 * the facts say" is the first that holds: given_up while that lasts, closed, opening, down,
 * no_address, building, up.
 *
 * Back-off begins with PORT_FSM_BACKOFF_MIN_NS and doubles up to PORT_FSM_BACKOFF_MAX_NS; a queue
 * error is answered at once the first time. After PORT_FSM_STABLE_NS in `up` all is forgiven. A
 * fall is leaving `up`, or a failure outside of it; PORT_FSM_FALLS falls within PORT_FSM_FALLS_NS,
 * and the port is left alone for PORT_FSM_GIVE_UP_NS. The first failure after that, before it has
 * been stable, leaves it alone again.
 *
 * Endpoints outlive a port that goes down: on its return nothing is built, peers ask anew for each
 * other.
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

/* "closed", …; "?" for what is none. */
const char *port_state_name(enum port_state s);

enum port_event {
	PORT_EVENT_FOUND,  /* the kernel has the device */
	PORT_EVENT_GONE,   /* it has it no more, or has taken our context from it */
	PORT_EVENT_FATAL,  /* the device has failed; a reset may cure it */
	PORT_EVENT_OPENED, /* answers ops->open; LINK_* and ADDRESS before it say what was found */
	PORT_EVENT_OPEN_FAILED, /* answers ops->open */
	PORT_EVENT_LINK_UP,	/* the port is active; may be repeated */
	PORT_EVENT_LINK_DOWN,
	PORT_EVENT_ADDRESS,    /* it has an address; addresses may have changed */
	PORT_EVENT_NO_ADDRESS, /* the last one has left */
	PORT_EVENT_MTU,	       /* the active MTU has changed */
	PORT_EVENT_REREGISTER, /* client re-register, or LID, P_Key or SM change: what was resolved
				  is void */
	PORT_EVENT_QP_ERROR,   /* a queue pair of ours is in error */
	PORT_EVENT_CQ_ERROR,   /* a completion queue of ours has overrun */
	PORT_EVENT_BUILT,      /* answers ops->build */
	PORT_EVENT_BUILD_FAILED,   /* answers ops->build */
	PORT_EVENT_TIMER,	   /* the time that ops->arm said may have come */
	PORT_EVENT_RETRY,	   /* somebody has asked to forget what was and to try again */
	PORT_EVENT_RECONFIGURED,   /* other endpoints are wanted */
	PORT_EVENT_NOT_CONFIGURED, /* not wanted any more */
	PORT_EVENT_N
};
/* "found", …; "?" for what is none. */
const char *port_event_name(enum port_event e);
/* Whether somebody wanted it so: leaving up by it is no fall, and no flap. */
bool port_event_is_wanted(enum port_event e);

/* A change of state. */
struct port_transition {
	uint64_t at_ns;        /* CLOCK_MONOTONIC */
	uint64_t lasted_ns;    /* how long it had been in `from` */
	enum port_state from, to;
	enum port_event event; /* that led to it */
	int error;             /* -errno that came with the event; 0 */
};

/* open() and build() may answer from within; they are called last. Nothing else may call back. */
struct port_fsm_ops {
	/*
	 * Opens the device. Answered by LINK_*, ADDRESS or NO_ADDRESS, then OPENED; or by
	 * OPEN_FAILED alone.
	 */
	void (*open)(void *arg);
	/*
	 * Frees everything on the device, and closes it; voids open() and build() that are not
	 * answered.
	 */
	void (*close)(void *arg);
	/* Makes the endpoints. Answered by BUILT or BUILD_FAILED. */
	void (*build)(void *arg);
	/* Frees the endpoints. */
	void (*unbuild)(void *arg);
	/*
	 * No probing: those in flight and those due are local errors. May be repeated with another
	 * reason, a static text.
	 */
	void (*pause)(void *arg, const char *reason);
	/* The port is up. */
	void (*resume)(void *arg);
	/*
	 * Addresses, MTU or fabric have changed (the event) while the device is open: paths may be
	 * void.
	 */
	void (*renew)(void *arg, enum port_event event);
	/* Deliver TIMER at this time; replaces what was asked for. UINT64_MAX: not at all. */
	void (*arm)(void *arg, uint64_t at_ns);
	/* For log and history. */
	void (*moved)(void *arg, const struct port_transition *t);
};

/* 0 and *out, in state closed, or -ENOMEM. Calls nothing. */
int port_fsm_new(const struct port_fsm_ops *ops, void *arg, uint64_t now_ns, struct port_fsm **out);
/* Calls nothing: deliver NOT_CONFIGURED before, so that the device is closed. NULL is allowed. */
void port_fsm_free(struct port_fsm *fsm);

/*
 * Any event in any state is allowed; what means nothing there is counted and ignored. error:
 * -errno, or 0.
 */
void port_fsm_event(struct port_fsm *fsm, enum port_event event, int error, uint64_t now_ns);

struct port_fsm_info {
	enum port_state state;
	const char *reason;      /* why it is not up; static; NULL: up */
	int error; /* -errno of the last failure, while it keeps the port from being up; 0 */
	uint64_t since_ns;       /* in this state */
	uint64_t retry_ns;       /* when TIMER is wanted; UINT64_MAX: not */
	uint64_t backoff_ns;     /* how long the next one will be; 0: none yet */
	bool open, built, link, address; /* facts */
	uint64_t events[PORT_EVENT_N];   /* how often each came */
	uint64_t entered[PORT_STATE_N];  /* how often each state was entered */
};
void port_fsm_info(const struct port_fsm *fsm, struct port_fsm_info *out);
enum port_state port_fsm_state(const struct port_fsm *fsm);

#endif

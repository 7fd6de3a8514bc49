/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: port
 *
 * An event first changes the facts (present, open, link, address, built). Then port_fsm_settle()
 * goes to the state of these facts. Only port_fsm_set_state() writes the state. open() and build()
 * may answer at once, so functions here call them last.
 *
 * There is one deadline, of the back-off or of giving up; the caller has the timer.
 */
#include "agent/nic/port_fsm.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct port_fsm {
	const struct port_fsm_ops *ops;
	void *arg;
	enum port_state state;
	uint64_t since_ns;
	enum port_event cause;      /* of the last failure or the last event that moved it */
	int error;
	bool present, open, built, link, address;
	bool probation;             /* it has not been stable since it was given up */
	uint64_t backoff_ns;        /* of the next failure; 0: no failure since it was stable */
	uint64_t retry_ns;          /* UINT64_MAX: it does not wait */
	uint64_t given_up_until_ns; /* 0: it is not given up */
	uint64_t falls_ns[PORT_FSM_FALLS]; /* times of the last falls, a ring; 0: none */
	uint32_t n_falls;
	uint64_t events[PORT_EVENT_N];
	uint64_t entered[PORT_STATE_N];
};

static const char *const port_state_names[] = PORT_STATE_NAMES;
static_assert(sizeof(port_state_names) / sizeof(port_state_names[0]) == PORT_STATE_N,
	      "a name for each state");

static const char *const port_event_names[] = {
	[PORT_EVENT_FOUND] = "found",
	[PORT_EVENT_GONE] = "gone",
	[PORT_EVENT_FATAL] = "fatal",
	[PORT_EVENT_OPENED] = "opened",
	[PORT_EVENT_OPEN_FAILED] = "open_failed",
	[PORT_EVENT_LINK_UP] = "link_up",
	[PORT_EVENT_LINK_DOWN] = "link_down",
	[PORT_EVENT_ADDRESS] = "address",
	[PORT_EVENT_NO_ADDRESS] = "no_address",
	[PORT_EVENT_MTU] = "mtu",
	[PORT_EVENT_REREGISTER] = "reregister",
	[PORT_EVENT_QP_ERROR] = "qp_error",
	[PORT_EVENT_CQ_ERROR] = "cq_error",
	[PORT_EVENT_BUILT] = "built",
	[PORT_EVENT_BUILD_FAILED] = "build_failed",
	[PORT_EVENT_TIMER] = "timer",
	[PORT_EVENT_RETRY] = "retry",
	[PORT_EVENT_RECONFIGURED] = "reconfigured",
	[PORT_EVENT_NOT_CONFIGURED] = "not_configured",
};
static_assert(sizeof(port_event_names) / sizeof(port_event_names[0]) == PORT_EVENT_N,
	      "a name for each event");

const char *
port_state_name(enum port_state s)
{
	return (unsigned int)s < PORT_STATE_N ? port_state_names[s] : "?";
}

const char *
port_event_name(enum port_event e)
{
	return (unsigned int)e < PORT_EVENT_N ? port_event_names[e] : "?";
}

bool
port_event_is_wanted(enum port_event e)
{
	return e == PORT_EVENT_RECONFIGURED || e == PORT_EVENT_NOT_CONFIGURED;
}

/* The reason of the back-off. */
static const char *
port_fsm_failure(const struct port_fsm *fsm)
{
	switch ((int)fsm->cause) {
	case PORT_EVENT_FATAL:
		return "device has failed; trying again soon";
	case PORT_EVENT_OPEN_FAILED:
		return "device could not be opened; trying again soon";
	case PORT_EVENT_BUILD_FAILED:
		return "endpoint could not be made; trying again soon";
	default:
		return "endpoint failed; trying again soon";
	}
}

static const char *
port_fsm_reason(const struct port_fsm *fsm)
{
	switch (fsm->state) {
	case PORT_CLOSED:
		return "device is gone";
	case PORT_OPENING:
		return "device is being opened";
	case PORT_DOWN:
		return "port is down";
	case PORT_NO_ADDRESS:
		return "no RoCE v2 address";
	case PORT_BUILDING:
		return "endpoints are being made";
	case PORT_UP:
		return NULL;
	case PORT_BACKING_OFF:
		return port_fsm_failure(fsm);
	case PORT_GIVEN_UP:
		return "failed or flapped too often: left alone for a minute";
	case PORT_STATE_N:
		break;
	}
	return "?";
}

/* ---- falls ---- */

static void
port_fsm_fall(struct port_fsm *fsm, uint64_t now_ns)
{
	fsm->falls_ns[fsm->n_falls++ % PORT_FSM_FALLS] = now_ns;
}

/* The next element of the ring is the oldest. */
static bool
port_fsm_falls_too_often(const struct port_fsm *fsm, uint64_t now_ns)
{
	return fsm->n_falls >= PORT_FSM_FALLS &&
	       now_ns - fsm->falls_ns[fsm->n_falls % PORT_FSM_FALLS] <= PORT_FSM_FALLS_NS;
}

static void
port_fsm_forgive(struct port_fsm *fsm)
{
	fsm->backoff_ns = 0;
	fsm->n_falls = 0;
	fsm->probation = false;
	fsm->given_up_until_ns = 0;
}

/* ---- state ---- */

static void
port_fsm_blame(struct port_fsm *fsm, enum port_event event, int error)
{
	fsm->cause = event;
	fsm->error = error;
}

static void
port_fsm_arm(struct port_fsm *fsm, uint64_t at_ns)
{
	if (fsm->retry_ns == at_ns)
		return;
	fsm->retry_ns = at_ns;
	fsm->ops->arm(fsm->arg, at_ns);
}

static void
port_fsm_set_state(struct port_fsm *fsm, enum port_state to, uint64_t now_ns)
{
	struct port_transition t = {
		.at_ns = now_ns,
		.lasted_ns = now_ns - fsm->since_ns,
		.from = fsm->state,
		.to = to,
		.event = fsm->cause,
		.error = fsm->error,
	};

	if (t.from == PORT_UP && !port_event_is_wanted(t.event))
		port_fsm_fall(fsm, now_ns);
	fsm->state = to;
	fsm->since_ns = now_ns;
	fsm->entered[to]++;
	if (to == PORT_UP)
		fsm->ops->resume(fsm->arg);
	else
		fsm->ops->pause(fsm->arg, port_fsm_reason(fsm));
	fsm->ops->moved(fsm->arg, &t);
}

static void
port_fsm_give_up(struct port_fsm *fsm, uint64_t now_ns)
{
	if (now_ns >= fsm->given_up_until_ns)
		fsm->given_up_until_ns = now_ns + PORT_FSM_GIVE_UP_NS;
	fsm->n_falls = 0;
	fsm->backoff_ns = 0;
	fsm->probation = true;
	port_fsm_set_state(fsm, PORT_GIVEN_UP, now_ns);
	port_fsm_arm(fsm, fsm->given_up_until_ns);
}

/* The state of the present facts. */
static enum port_state
port_fsm_target(const struct port_fsm *fsm)
{
	if (!fsm->present)
		return PORT_CLOSED;
	if (!fsm->open)
		return PORT_OPENING;
	if (!fsm->link)
		return PORT_DOWN;
	if (!fsm->address)
		return PORT_NO_ADDRESS;
	return fsm->built ? PORT_UP : PORT_BUILDING;
}

static void
port_fsm_settle(struct port_fsm *fsm, uint64_t now_ns)
{
	enum port_state to = port_fsm_target(fsm);
	bool returning = to == PORT_OPENING || to == PORT_BUILDING || to == PORT_UP;

	if (to == fsm->state)
		return;
	if (returning &&
	    (now_ns < fsm->given_up_until_ns || port_fsm_falls_too_often(fsm, now_ns))) {
		port_fsm_give_up(fsm, now_ns);
		return;
	}
	port_fsm_arm(fsm, UINT64_MAX);
	port_fsm_set_state(fsm, to, now_ns);
	if (to == PORT_OPENING)
		fsm->ops->open(fsm->arg);
	else if (to == PORT_BUILDING)
		fsm->ops->build(fsm->arg);
}

static void
port_fsm_back_off(struct port_fsm *fsm, uint64_t now_ns)
{
	if (fsm->backoff_ns < PORT_FSM_BACKOFF_MIN_NS)
		fsm->backoff_ns = PORT_FSM_BACKOFF_MIN_NS;
	port_fsm_set_state(fsm, PORT_BACKING_OFF, now_ns);
	port_fsm_arm(fsm, now_ns + fsm->backoff_ns);
	fsm->backoff_ns = fsm->backoff_ns < PORT_FSM_BACKOFF_MAX_NS / 2 ? 2 * fsm->backoff_ns :
									  PORT_FSM_BACKOFF_MAX_NS;
}

/* An open, a build or the device has failed. */
static void
port_fsm_failed(struct port_fsm *fsm, uint64_t now_ns)
{
	if (fsm->state == PORT_GIVEN_UP || fsm->state == PORT_BACKING_OFF)
		return;
	if (fsm->probation) {
		port_fsm_give_up(fsm, now_ns);
		return;
	}
	if (fsm->state != PORT_UP)
		port_fsm_fall(fsm, now_ns);
	port_fsm_back_off(fsm, now_ns);
}

/* ---- events ---- */

/* Handles a queue error. If the port is not up, the queues are made again when it comes up. */
static void
port_fsm_queues(struct port_fsm *fsm, enum port_event event, int error, uint64_t now_ns)
{
	bool wanted = port_event_is_wanted(event);

	if (!fsm->built)
		return;
	fsm->built = false;
	fsm->ops->pause(fsm->arg, wanted ? "endpoints are being made" : "endpoint failed");
	fsm->ops->unbuild(fsm->arg);
	if (fsm->state != PORT_UP) {
		/* The reason does not change. */
		fsm->ops->pause(fsm->arg, port_fsm_reason(fsm));
		return;
	}
	port_fsm_blame(fsm, event, error);
	if (!wanted && (fsm->backoff_ns > 0 || fsm->probation)) {
		port_fsm_failed(fsm, now_ns);
		return;
	}
	if (!wanted)
		fsm->backoff_ns = PORT_FSM_BACKOFF_MIN_NS;
	port_fsm_settle(fsm, now_ns);
}

/* Handles events that change the facts of an open or opening port. */
static void
port_fsm_fact(struct port_fsm *fsm, enum port_event event, uint64_t now_ns)
{
	bool settled =
		fsm->state == PORT_DOWN || fsm->state == PORT_NO_ADDRESS || fsm->state == PORT_UP;

	if (!fsm->open && fsm->state != PORT_OPENING)
		return;
	if (event == PORT_EVENT_LINK_UP || event == PORT_EVENT_LINK_DOWN)
		fsm->link = event == PORT_EVENT_LINK_UP;
	else
		fsm->address = event == PORT_EVENT_ADDRESS;
	if (fsm->open && (event == PORT_EVENT_ADDRESS || event == PORT_EVENT_NO_ADDRESS))
		fsm->ops->renew(fsm->arg, event);
	if (!settled)
		return;
	port_fsm_blame(fsm, event, 0);
	port_fsm_settle(fsm, now_ns);
}

static void
port_fsm_timer(struct port_fsm *fsm, uint64_t now_ns)
{
	if (fsm->retry_ns == UINT64_MAX)
		return;
	if (now_ns < fsm->retry_ns) {
		fsm->ops->arm(fsm->arg, fsm->retry_ns);
		return;
	}
	port_fsm_blame(fsm, PORT_EVENT_TIMER, 0);
	port_fsm_settle(fsm, now_ns);
}

static void
port_fsm_answer(struct port_fsm *fsm, enum port_event event, int error, uint64_t now_ns)
{
	bool opening = event == PORT_EVENT_OPENED || event == PORT_EVENT_OPEN_FAILED;

	if (fsm->state != (opening ? PORT_OPENING : PORT_BUILDING))
		return;
	port_fsm_blame(fsm, event, error);
	if (event == PORT_EVENT_OPENED || event == PORT_EVENT_BUILT) {
		*(opening ? &fsm->open : &fsm->built) = true;
		port_fsm_settle(fsm, now_ns);
		return;
	}
	if (opening)
		fsm->link = fsm->address = false;
	port_fsm_failed(fsm, now_ns);
}

/* Closes the device, because it has gone, has failed, or is not wanted. */
static void
port_fsm_close(struct port_fsm *fsm, const char *reason)
{
	bool opened = fsm->open || fsm->state == PORT_OPENING;

	fsm->open = fsm->built = fsm->link = fsm->address = false;
	fsm->ops->pause(fsm->arg, reason);
	if (opened)
		fsm->ops->close(fsm->arg);
}

static void
port_fsm_gone(struct port_fsm *fsm, enum port_event event, int error, uint64_t now_ns)
{
	port_fsm_blame(fsm, event, error);
	fsm->present = false;
	port_fsm_close(fsm, "device is gone");
	port_fsm_settle(fsm, now_ns);
}

static void
port_fsm_fatal(struct port_fsm *fsm, int error, uint64_t now_ns)
{
	if (!fsm->open)
		return;
	port_fsm_blame(fsm, PORT_EVENT_FATAL, error);
	port_fsm_close(fsm, "device has failed");
	port_fsm_failed(fsm, now_ns);
}

/* Handles FOUND and RETRY: continues from the present state. */
static void
port_fsm_go_on(struct port_fsm *fsm, enum port_event event, uint64_t now_ns)
{
	port_fsm_blame(fsm, event, 0);
	port_fsm_settle(fsm, now_ns);
}

void
port_fsm_event(struct port_fsm *fsm, enum port_event event, int error, uint64_t now_ns)
{
	fsm->events[event]++;
	if (fsm->state == PORT_UP && now_ns - fsm->since_ns >= PORT_FSM_STABLE_NS)
		port_fsm_forgive(fsm);
	switch (event) {
	case PORT_EVENT_FOUND:
		fsm->present = true;
		if (fsm->state == PORT_CLOSED)
			port_fsm_go_on(fsm, event, now_ns);
		return;
	case PORT_EVENT_RETRY:
		port_fsm_forgive(fsm);
		if (fsm->retry_ns != UINT64_MAX)
			port_fsm_go_on(fsm, event, now_ns);
		return;
	case PORT_EVENT_GONE:
	case PORT_EVENT_NOT_CONFIGURED:
		port_fsm_gone(fsm, event, error, now_ns);
		return;
	case PORT_EVENT_FATAL:
		port_fsm_fatal(fsm, error, now_ns);
		return;
	case PORT_EVENT_OPENED:
	case PORT_EVENT_OPEN_FAILED:
	case PORT_EVENT_BUILT:
	case PORT_EVENT_BUILD_FAILED:
		port_fsm_answer(fsm, event, error, now_ns);
		return;
	case PORT_EVENT_LINK_UP:
	case PORT_EVENT_LINK_DOWN:
	case PORT_EVENT_ADDRESS:
	case PORT_EVENT_NO_ADDRESS:
		port_fsm_fact(fsm, event, now_ns);
		return;
	case PORT_EVENT_MTU:
	case PORT_EVENT_REREGISTER:
		if (fsm->open)
			fsm->ops->renew(fsm->arg, event);
		return;
	case PORT_EVENT_QP_ERROR:
	case PORT_EVENT_CQ_ERROR:
	case PORT_EVENT_RECONFIGURED:
		port_fsm_queues(fsm, event, error, now_ns);
		return;
	case PORT_EVENT_TIMER:
		port_fsm_timer(fsm, now_ns);
		return;
	case PORT_EVENT_N:
		break;
	}
}

int
port_fsm_new(const struct port_fsm_ops *ops, void *arg, uint64_t now_ns, struct port_fsm **out)
{
	struct port_fsm *fsm = calloc(1, sizeof(*fsm));

	if (!fsm)
		return -ENOMEM;
	fsm->ops = ops;
	fsm->arg = arg;
	fsm->state = PORT_CLOSED;
	fsm->since_ns = now_ns;
	fsm->retry_ns = UINT64_MAX;
	fsm->entered[PORT_CLOSED] = 1;
	*out = fsm;
	return 0;
}

void
port_fsm_free(struct port_fsm *fsm)
{
	free(fsm);
}

enum port_state
port_fsm_state(const struct port_fsm *fsm)
{
	return fsm->state;
}

void
port_fsm_info(const struct port_fsm *fsm, struct port_fsm_info *out)
{
	*out = (struct port_fsm_info){
		.state = fsm->state,
		.reason = port_fsm_reason(fsm),
		.error = fsm->error,
		.since_ns = fsm->since_ns,
		.retry_ns = fsm->retry_ns,
		.backoff_ns = fsm->backoff_ns,
		.open = fsm->open,
		.built = fsm->built,
		.link = fsm->link,
		.address = fsm->address,
	};
	memcpy(out->events, fsm->events, sizeof(out->events));
	memcpy(out->entered, fsm->entered, sizeof(out->entered));
}

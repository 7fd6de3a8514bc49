/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The port's own state machine (agent/nic/port_fsm.h) at work: what the device, the link and the
 * address do comes in, what it wants done goes to the prober, the responder and the QPs, as in the
 * daemon. Opening and building fail now and then, and answer at once or later.
 */
#include <errno.h>

#include "sim.h"

static void
fsm_later(struct sim_port *port, enum sim_kind kind, enum port_event answer, uint64_t at_ns)
{
	struct sim *sim = port->host->sim;
	struct sim_event *event = sim_event_new(sim, kind, port->host->index, port->index);

	event->answer.event = answer;
	event->answer.number = port->n_asked;
	sim_event_put(sim, event, at_ns);
}

static void
fsm_answer(struct sim_port *port, enum port_event good, enum port_event bad)
{
	struct sim_host *host = port->host;
	enum port_event answer =
		sim_random_chance(&host->random, host->sim->params.build_fails) ? bad : good;

	bool at_once = host->sim->params.faults == 0 || sim_random_below(&host->random, 2);

	port->n_asked++;
	if (at_once)
		sim_fsm_answered(port, answer, port->n_asked);
	else
		fsm_later(port, SIM_PORT_ANSWER, answer,
			  host->sim->now_ns + sim_random_log(&host->random, 10 * US, 50 * MS));
}

static void
fsm_open(void *arg)
{
	struct sim_port *port = arg;

	sim_check(port->host->sim, port->host, port->exists && !port->open,
		  "port: opened when it is there and closed");
	fsm_answer(port, PORT_EVENT_OPENED, PORT_EVENT_OPEN_FAILED);
}

static void
fsm_unbuild(void *arg)
{
	struct sim_port *port = arg;

	sim_check(port->host->sim, port->host, !port->up, "port: QPs go when nothing probes");
	port->built = false;
	responder_close_device(port->host->responder, port);
	sim_host_flush(port);
	port->prober_qpn = port->responder_qpn = 0;
	port->rebuilt_ns = port->host->sim->now_ns;
}

static void
fsm_close(void *arg)
{
	struct sim_port *port = arg;

	fsm_unbuild(port);
	port->open = false;
	port->n_asked++;
}

static void
fsm_build(void *arg)
{
	struct sim_port *port = arg;

	sim_check(port->host->sim, port->host, port->open && !port->built,
		  "port: built when it is open and has no QPs");
	fsm_answer(port, PORT_EVENT_BUILT, PORT_EVENT_BUILD_FAILED);
}

void
sim_fsm_answered(struct sim_port *port, enum port_event answer, uint32_t number)
{
	struct sim_host *host = port->host;
	uint64_t now_ns = sim_host_now(host);

	if (number != port->n_asked)
		return;
	if (answer == PORT_EVENT_OPENED) {
		port->open = true;
		port_fsm_event(port->fsm, port->link ? PORT_EVENT_LINK_UP : PORT_EVENT_LINK_DOWN, 0,
			       now_ns);
		port_fsm_event(port->fsm,
			       port->address ? PORT_EVENT_ADDRESS : PORT_EVENT_NO_ADDRESS, 0,
			       now_ns);
	}
	if (answer == PORT_EVENT_BUILT) {
		port->built = true;
		sim_port_number(port);
	}
	port_fsm_event(port->fsm, answer,
		       answer == PORT_EVENT_OPENED || answer == PORT_EVENT_BUILT ? 0 : -EIO,
		       now_ns);
}

static void
fsm_pause(void *arg, const char *reason)
{
	struct sim_port *port = arg;
	struct prober_device_info info;

	sim_check(port->host->sim, port->host, reason != NULL, "port: there is a reason");
	sim_host_trouble(port, NULL);
	port->up = false;
	prober_device_down(port->device, reason, sim_host_now(port->host));
	prober_device_info(port->device, sim_host_now(port->host), &info);
	sim_check(port->host->sim, port->host, info.in_flight == 0,
		  "port: nothing is in flight when it goes down");
}

static void
fsm_resume(void *arg)
{
	struct sim_port *port = arg;

	sim_check(port->host->sim, port->host,
		  port->exists && port->link && port->address && port->open && port->built,
		  "port: up when all is there");
	port->up = true;
	prober_device_up(port->device, sim_host_now(port->host));
}

static void
fsm_renew(void *arg, enum port_event event)
{
	if (event == PORT_EVENT_REREGISTER)
		sim_peers_renew(arg);
}

static void
fsm_arm(void *arg, uint64_t at_ns)
{
	struct sim_port *port = arg;
	struct sim_host *host = port->host;

	port->armed_ns = at_ns;
	sim_check(host->sim, host, at_ns > sim_host_now(host), "port: the timer is in the future");
	if (at_ns != UINT64_MAX)
		fsm_later(port, SIM_PORT_TIMER, PORT_EVENT_TIMER,
			  host->sim->now_ns + at_ns - sim_host_now(host) + MS);
}

static void
fsm_moved(void *arg, const struct port_transition *t)
{
	struct sim_port *port = arg;

	sim_check(port->host->sim, port->host, t->from == port->state && t->from != t->to,
		  "port: states change one from the other");
	port->state = t->to;
	sim_mix(port->host->sim, (uint64_t)t->to << 8 | (uint64_t)t->event);
	sim_story(port->host->sim, port->host, "port %u: %s -> %s, %s", port->index,
		  port_state_name(t->from), port_state_name(t->to), port_event_name(t->event));
}

static const struct port_fsm_ops fsm_ops = {
	.open = fsm_open,
	.close = fsm_close,
	.build = fsm_build,
	.unbuild = fsm_unbuild,
	.pause = fsm_pause,
	.resume = fsm_resume,
	.renew = fsm_renew,
	.arm = fsm_arm,
	.moved = fsm_moved,
};

int
sim_fsm_begin(struct sim_port *port)
{
	port->state = PORT_CLOSED;
	port->open = port->built = port->up = false;
	return port_fsm_new(&fsm_ops, port, sim_host_now(port->host), &port->fsm);
}

void
sim_fsm_event(struct sim_port *port, enum port_event event)
{
	struct sim_host *host = port->host;

	if (!host->alive)
		return;
	port_fsm_event(port->fsm, event, 0, sim_host_now(host));
	sim_check(host->sim, host, port->up == (port_fsm_state(port->fsm) == PORT_UP),
		  "port: probes when it is up");
	sim_host_rearm(host);
}

void
sim_fsm_end(struct sim_port *port)
{
	sim_fsm_event(port, PORT_EVENT_NOT_CONFIGURED);
	sim_check(port->host->sim, port->host, !port->open && !port->built,
		  "port: closed in the end");
	port_fsm_free(port->fsm);
	port->fsm = NULL;
}

/* What the world does to it; the daemon hears of it if it runs. */
void
sim_fsm_set_exists(struct sim_port *port, bool exists)
{
	port->exists = exists;
	sim_fsm_event(port, exists ? PORT_EVENT_FOUND : PORT_EVENT_GONE);
}

void
sim_fsm_set_link(struct sim_port *port, bool link)
{
	port->link = link;
	sim_fsm_event(port, link ? PORT_EVENT_LINK_UP : PORT_EVENT_LINK_DOWN);
}

void
sim_fsm_set_address(struct sim_port *port, bool address)
{
	port->address = address;
	sim_fsm_event(port, address ? PORT_EVENT_ADDRESS : PORT_EVENT_NO_ADDRESS);
}

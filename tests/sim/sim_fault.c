/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes wrong: one fault after the other, of the kinds that the seed allows, each on a host
 * drawn at random; those that last end by themselves. When the time for faults is over all is
 * healed at once, and the wire loses nothing any more.
 */
#include <assert.h>

#include "sim.h"

enum fault {
	FAULT_RESTART,  /* the daemon ends and starts again */
	FAULT_REBUILD,  /* new QPs */
	FAULT_FORGET,   /* the responder's sessions end */
	FAULT_ASKED,    /* the daemon is killed in the middle of a resolution */
	FAULT_REBOOT,   /* the host is away, its clock starts anew */
	FAULT_PORT,     /* a port goes down and comes back */
	FAULT_CUT,      /* its wire, unseen by the host */
	FAULT_PARTITION,/* the fabric is in two */
	FAULT_STALL,    /* the host does not run */
	FAULT_SOURCES,  /* flow labels have other source ports, and other paths */
	FAULT_RENEW,    /* the path to a peer becomes void */
	FAULT_LIMITS,   /* the responder answers little */
	FAULT_TARGETS,  /* targets come and go */
	FAULT_PEERS,    /* peers come and go */
	FAULT_SIGN,     /* signs of life, paths that are ready, for no reason */
	FAULT_RATE,     /* the budget of a device */
	FAULT_CLOCK,    /* the wall clock is set */
	FAULT_THROTTLE, /* the daemon is over its own budget */
	FAULT_MTU,      /* of a port */
	FAULT_DEVICE,   /* is removed, and added again */
	FAULT_FATAL,    /* fails, and is there still */
	FAULT_ADDRESS,  /* a port loses its address */
	FAULT_MOVE,     /* it gets another address, and the old one back */
	FAULT_FABRIC,   /* client re-register and the like */
	FAULT_N
};

static const char *const fault_names[] = {
	"restart", "rebuild", "forget",  "asked",    "reboot", "port",   "cut",     "partition",
	"stall",   "sources", "renew",   "limits",   "targets", "peers", "sign",    "rate",
	"clock",   "throttle", "mtu",    "device",   "fatal",  "address", "move",   "fabric",
};
static_assert(sizeof(fault_names) / sizeof(fault_names[0]) == FAULT_N, "a name for each fault");
static_assert(SIM_FAULTS_RESTART ==
		      (1u << FAULT_RESTART | 1u << FAULT_REBUILD | 1u << FAULT_FORGET |
		       1u << FAULT_ASKED),
	      "what starts anew");

static void
fault_next(struct sim *sim)
{
	uint64_t in_ns = 1 + sim_random_below(&sim->random, 2 * sim->params.fault_every_ns);

	if (sim->params.fault_every_ns && sim->now_ns + in_ns < sim->faults_end_ns)
		sim_event_put(sim, sim_event_new(sim, SIM_FAULT, 0, 0), sim->now_ns + in_ns);
}

void
sim_fault_begin(struct sim *sim)
{
	fault_next(sim);
}

static void
fault_heals(struct sim *sim, const struct sim_port *port, enum fault fault)
{
	struct sim_event *event = sim_event_new(sim, SIM_HEAL, port->host->index, port->index);
	uint64_t ns = sim_random_log(&sim->random, 100 * US, 8 * SEC);

	event->heal.fault = fault;
	sim_event_put(sim, event,
		      sim->now_ns + ns < sim->faults_end_ns ? sim->now_ns + ns :
							      sim->faults_end_ns);
}

static void
fault_set_limits(struct sim_host *host, uint32_t per_source)
{
	struct responder_limits limits = {
		.allow = &host->allow, .n_allow = 1, .per_source = per_source,
		.total = host->sim->params.total};

	if (host->alive)
		responder_set_limits(host->responder, &limits, sim_host_now(host));
}

static void
fault_end_host(struct sim_host *host, bool reboot)
{
	struct sim *sim = host->sim;
	uint64_t down_ns = sim_random_log(&sim->random, 10 * US, reboot ? 10 * SEC : 2 * SEC);

	if (!host->alive)
		return;
	sim_host_kill(host);
	if (reboot) {
		host->powered = false;
		host->offset_ns = sim_random_log(&sim->random, 1, 100 * SEC);
		host->read_ns = 0;
	}
	if (sim->now_ns + down_ns > sim->faults_end_ns)
		down_ns = sim->faults_end_ns - sim->now_ns;
	sim_event_put(sim, sim_event_new(sim, SIM_BOOT, host->index, 0), sim->now_ns + down_ns);
}

void
sim_fault_kill(struct sim_host *host)
{
	sim_story(host->sim, host, "is killed while it %s",
		  host->dies == SIM_DIES_ASKED ? "is asked" : "asks");
	fault_end_host(host, false);
}

/* Others know the port by its first address. What it has asked from the old one is void. */
static void
fault_move(struct sim_port *port, bool moved)
{
	port->moved = moved;
	if (port->host->alive)
		sim_peers_renew(port);
}

static struct sim_peer *
fault_peer(struct sim_host *host)
{
	uint64_t n = 0, i;
	struct sim_peer *peer;

	TAILQ_FOREACH(peer, &host->peers, in_host)
		n++;
	if (n == 0)
		return NULL;
	i = sim_random_below(&host->random, n);
	TAILQ_FOREACH(peer, &host->peers, in_host)
		if (i-- == 0)
			break;
	return peer;
}

static void
fault_targets(struct sim_host *host)
{
	struct sim_peer *peer = fault_peer(host);
	struct sim_target *target;
	enum probe_kind kind;

	if (!peer)
		return;
	target = TAILQ_FIRST(&peer->targets);
	kind = (enum probe_kind)sim_random_below(&host->random, PROBE_KIND_N);
	switch (sim_random_below(&host->random, 3)) {
	case 0:
		sim_target_add(peer, kind,
			       kind == PROBE_KIND_PING ? 1 + sim_random_below(&host->random, 20) :
							 0);
		break;
	case 1:
		if (target)
			sim_target_remove(target);
		break;
	default:
		if (target && !target->stopped) {
			target->stopped = true;
			prober_target_stop(target->target, sim_host_now(host));
		}
		break;
	}
}

static void
fault_peers(struct sim_host *host)
{
	struct sim_peer *peer = fault_peer(host);

	if (peer && sim_random_below(&host->random, 2)) {
		sim_peer_remove(peer);
	} else if (host->n_wishes) {
		peer = sim_peer_add(host,
				    &host->wish[sim_random_below(&host->random, host->n_wishes)]);
		if (peer)
			sim_target_add(peer, PROBE_KIND_MESH, 0);
	}
}

static void
fault_sign(struct sim_host *host)
{
	struct sim_peer *peer = fault_peer(host);

	if (!peer)
		return;
	if (sim_random_below(&host->random, 2))
		prober_sign_of_life(peer->peer, sim_host_now(host));
	else
		prober_path_ready(peer->peer, sim_host_now(host));
}

static void
fault_set_mtu(struct sim_port *port)
{
	port->mtu = sim_random_below(&port->host->random, 2) ? 1024 : 4096;
	prober_device_set_mtu(port->device, port->mtu);
	sim_fsm_event(port, PORT_EVENT_MTU);
}

/* Of the faults that need the daemon to run. */
static void
fault_in_daemon(struct sim_port *port, enum fault fault)
{
	struct sim_host *host = port->host;
	struct sim_peer *peer = fault_peer(host);

	if (!host->alive)
		return;
	if (fault == FAULT_REBUILD)
		sim_fsm_event(port, sim_random_below(&host->random, 2) ? PORT_EVENT_QP_ERROR :
									 PORT_EVENT_CQ_ERROR);
	else if (fault == FAULT_FATAL)
		sim_fsm_event(port, PORT_EVENT_FATAL);
	else if (fault == FAULT_FABRIC)
		sim_fsm_event(port, PORT_EVENT_REREGISTER);
	else if (fault == FAULT_ASKED)
		host->dies = sim_random_below(&host->random, 2) ? SIM_DIES_ASKED : SIM_DIES_ASKING;
	else if (fault == FAULT_FORGET)
		responder_close_device(host->responder, port);
	else if (fault == FAULT_STALL)
		sim_host_stall(host, sim_random_log(&host->random, 100 * US, 4 * SEC));
	else if (fault == FAULT_RENEW && peer)
		sim_peer_renew(peer);
	else if (fault == FAULT_TARGETS)
		fault_targets(host);
	else if (fault == FAULT_PEERS)
		fault_peers(host);
	else if (fault == FAULT_SIGN)
		fault_sign(host);
	else if (fault == FAULT_RATE)
		prober_device_set_rate(port->device,
				       1 + (uint32_t)sim_random_below(&host->random, 200));
	else if (fault == FAULT_CLOCK)
		host->wall_ns +=
			(int64_t)sim_random_below(&host->random, 20 * SEC) - (int64_t)(10 * SEC);
	else if (fault == FAULT_THROTTLE)
		prober_set_throttle(host->prober,
				    (uint32_t)sim_random_below(&host->random, PROBER_THROTTLE_MAX),
				    sim_host_now(host));
	else if (fault == FAULT_MTU)
		fault_set_mtu(port);
	else if (fault == FAULT_LIMITS)
		fault_set_limits(host, (uint32_t)sim_random_below(&host->random, 50));
}

static void
fault_strike(struct sim_port *port, enum fault fault)
{
	struct sim *sim = port->host->sim;

	sim_story(sim, port->host, "fault: %s, port %u", fault_names[fault], port->index);
	if (fault == FAULT_RESTART || fault == FAULT_REBOOT) {
		fault_end_host(port->host, fault == FAULT_REBOOT);
		return;
	}
	if (fault == FAULT_PARTITION)
		sim->partition = true;
	else if (fault == FAULT_CUT)
		port->cut = true;
	else if (fault == FAULT_SOURCES)
		port->salt = sim_random_u64(&sim->random);
	else if (fault == FAULT_PORT)
		sim_fsm_set_link(port, false);
	else if (fault == FAULT_DEVICE)
		sim_fsm_set_exists(port, false);
	else if (fault == FAULT_ADDRESS)
		sim_fsm_set_address(port, false);
	else if (fault == FAULT_MOVE)
		fault_move(port, true);
	else
		fault_in_daemon(port, fault);
	if (fault == FAULT_PARTITION || fault == FAULT_CUT || fault == FAULT_PORT ||
	    fault == FAULT_LIMITS || fault == FAULT_RATE || fault == FAULT_THROTTLE ||
	    fault == FAULT_DEVICE || fault == FAULT_ADDRESS || fault == FAULT_MOVE)
		fault_heals(sim, port, fault);
}

static void
fault_heal(struct sim_port *port, enum fault fault)
{
	struct sim_host *host = port->host;
	const struct sim_params *p = &host->sim->params;

	if (fault == FAULT_PARTITION)
		host->sim->partition = false;
	else if (fault == FAULT_CUT)
		port->cut = false;
	else if (fault == FAULT_PORT && !port->link)
		sim_fsm_set_link(port, true);
	else if (fault == FAULT_DEVICE && !port->exists)
		sim_fsm_set_exists(port, true);
	else if (fault == FAULT_ADDRESS && !port->address)
		sim_fsm_set_address(port, true);
	else if (fault == FAULT_MOVE && port->moved)
		fault_move(port, false);
	else if (fault == FAULT_LIMITS)
		fault_set_limits(host, p->per_source);
	else if (fault == FAULT_THROTTLE && host->alive)
		prober_set_throttle(host->prober, 0, sim_host_now(host));
	else if (fault == FAULT_RATE && host->alive)
		prober_device_set_rate(port->device, p->max_per_s);
}

void
sim_fault_event(struct sim *sim, const struct sim_event *event)
{
	struct sim_host *host = &sim->host[event->host];
	struct sim_port *port = &host->port[event->port];
	enum fault fault = (enum fault)sim_random_below(&sim->random, FAULT_N);

	if (event->kind == SIM_HEAL) {
		sim_alloc_of(sim, host, 0);
		fault_heal(port, (enum fault)event->heal.fault);
		if (host->alive)
			sim_host_rearm(host);
		return;
	}
	host = &sim->host[sim_random_below(&sim->random, sim->n_hosts)];
	port = &host->port[sim_random_below(&sim->random, sim->params.n_ports)];
	sim_alloc_of(sim, host, sim->params.out_of_memory);
	if (sim->params.faults & 1u << fault) {
		sim->n_faults++;
		fault_strike(port, fault);
		if (host->alive) {
			sim_host_rearm(host);
			sim_check_host(host);
		}
	}
	fault_next(sim);
}

void
sim_fault_heal_all(struct sim *sim)
{
	struct sim_params *p = &sim->params;

	if (p->profile == SIM_LOSS)
		return;
	sim_story(sim, NULL, "the faults are over");
	p->loss = p->sidr_loss = p->dup = p->reorder = p->very_late = p->corrupt =
		p->corrupt_delivered = p->bad_path_loss = 0;
	p->again = p->return_again = p->send_error = p->send_fails = p->send_never =
		p->out_of_memory = 0;
	p->sidr_refused = p->sidr_late = p->build_fails = 0;
	p->per_source = 1000000;
	for (uint32_t i = 0; i < sim->n_hosts; i++) {
		sim_alloc_of(sim, &sim->host[i], 0);
		sim->host[i].dies = SIM_DIES_NOT;
		fault_set_limits(&sim->host[i], p->per_source);
		/* Somebody looks at the ports that were left alone. */
		for (uint32_t n = 0; n < p->n_ports; n++)
			sim_fsm_event(&sim->host[i].port[n], PORT_EVENT_RETRY);
	}
}

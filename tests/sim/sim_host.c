/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host: the daemon's loop around prober and responder.
 *
 * While a host does not run (a stall), its RNIC and kernel go on: what arrives waits in queues,
 * messages in as many buffers as there are. When it runs again it goes round as the daemon's loop
 * does: up to SIM_DRAIN messages of each queue, then the timers, then the rest.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define HOST_IDLE_WAKES 200

uint64_t
sim_clock_at(const struct sim_host *host, uint64_t true_ns)
{
	return host->offset_ns + true_ns +
	       (uint64_t)((int64_t)true_ns * host->drift_ppb / 1000000000);
}

/* The first moment at which its clock shows that. */
static uint64_t
host_true_at(const struct sim_host *host, uint64_t clock_ns)
{
	uint64_t since_ns = clock_ns > host->offset_ns ? clock_ns - host->offset_ns : 0;
	uint64_t true_ns = since_ns - (uint64_t)((int64_t)since_ns * host->drift_ppb / 1000000000);

	while (sim_clock_at(host, true_ns) < clock_ns)
		true_ns += 1 + (clock_ns - sim_clock_at(host, true_ns)) / 2;
	return true_ns;
}

uint64_t
sim_host_now(struct sim_host *host)
{
	uint64_t now_ns = sim_clock_at(host, host->sim->now_ns);

	if (now_ns > host->read_ns)
		host->read_ns = now_ns;
	return host->read_ns;
}

void
sim_host_spend(struct sim_host *host, uint64_t ns)
{
	host->read_ns = sim_host_now(host) + ns;
}

/* ---- start and end ---- */

static void
host_draw_wishes(struct sim_host *host)
{
	const struct sim_params *p = &host->sim->params;

	for (uint32_t i = 0; i < p->n_peers && host->n_wishes < SIM_WISHES; i++) {
		struct sim_wish wish = {
			.port = (uint32_t)sim_random_below(&host->random, p->n_ports),
			.remote_host = (uint32_t)sim_random_below(&host->random, p->n_hosts),
			.remote_port = (uint32_t)sim_random_below(&host->random, p->n_ports),
		};

		if (wish.remote_host != host->index)
			host->wish[host->n_wishes++] = wish;
	}
}

void
sim_host_init(struct sim *sim, uint32_t index)
{
	struct sim_host *host = &sim->host[index];
	const struct sim_params *p = &sim->params;

	host->sim = sim;
	host->index = index;
	host->random.state = sim_hash(sim->seed, index + 1);
	host->powered = true;
	host->offset_ns = sim_random_log(&host->random, 1, 4000000 * SEC);
	host->drift_ppb = p->drift_ppb ? (int64_t)sim_random_below(&host->random,
								   2 * (uint64_t)p->drift_ppb + 1) -
						 p->drift_ppb :
					 0;
	TAILQ_INIT(&host->peers);
	TAILQ_INIT(&host->graveyard);
	TAILQ_INIT(&host->buried);
	TAILQ_INIT(&host->acks);
	TAILQ_INIT(&host->probes);
	TAILQ_INIT(&host->other);
	for (uint32_t i = 0; i < p->n_ports; i++) {
		struct sim_port *port = &host->port[i];
		uint32_t number = index * SIM_PORTS_MAX + i;

		port->host = host;
		port->index = i;
		port->exists = port->link = port->address = true;
		port->addr = (struct addr){{[10] = 0xff,
					    [11] = 0xff,
					    [12] = 10,
					    [13] = (uint8_t)(number >> 16),
					    [14] = (uint8_t)(number >> 8),
					    [15] = (uint8_t)number}};
		port->hw = sim_random_chance(&host->random, p->hw_port);
		port->hw_khz = sim_random_log(&host->random, 156250, 1000000);
		port->hw_mask = UINT64_MAX >> sim_random_below(&host->random, 40);
		port->hw_offset = sim_random_u64(&host->random);
		port->salt = sim_random_u64(&host->random);
	}
	host_draw_wishes(host);
}

static void
host_set_clock(struct sim_port *port)
{
	hwclock_init(&port->clock, "port", "the port has none");
	if (port->hw)
		hwclock_set(&port->clock, port->hw_khz, port->hw_mask);
	prober_device_set_clock(port->device, &port->clock);
}

static int
host_make_rooms(struct sim_host *host)
{
	const struct sim_params *p = &host->sim->params;
	struct prober_config prober = {
		.ops = &sim_prober_ops,
		.arg = host,
		.timeout_ns = p->timeout_ns,
		.epoch = (uint32_t)sim_random_u64(&host->random),
		.random = sim_random_u64(&host->random),
		.window_ns = p->window_ns,
		.noise = &host->noise,
	};
	struct responder_config responder = {
		.ops = &sim_responder_ops, .arg = host, .random = sim_random_u64(&host->random),
		.noise = &host->noise};
	struct responder_limits limits = {.allow = &host->allow,
					  .n_allow = 1,
					  .per_source = p->per_source,
					  .total = p->total};
	int rc;

	host->noise = (struct noise){0};
	host->waited_ns = host->waits_since_ns = host->wall_told_ns = 0;
	rc = prober_new(&prober, &host->prober);
	if (rc < 0)
		return rc;
	host->epoch = prober.epoch;
	rc = responder_new(&responder, &host->responder);
	if (rc < 0)
		return rc;
	host->allow =
		(struct addr_net){.base = {{[10] = 0xff, [11] = 0xff, [12] = 10}}, .bits = 104};
	responder_set_limits(host->responder, &limits, sim_host_now(host));
	for (uint32_t i = 0; i < p->n_ports; i++) {
		rc = prober_device_add(host->prober, p->max_per_s, &host->port[i].device);
		if (rc < 0)
			return rc;
		rc = sim_fsm_begin(&host->port[i]);
		if (rc < 0)
			return rc;
		host_set_clock(&host->port[i]);
		host->port[i].mtu = sim_random_below(&host->random, 2) ? 1024 : 4096;
		prober_device_set_mtu(host->port[i].device, host->port[i].mtu);
	}
	return 0;
}

static void
host_drop_rooms(struct sim_host *host)
{
	prober_free(host->prober);
	responder_free(host->responder);
	host->prober = NULL;
	host->responder = NULL;
	for (uint32_t i = 0; i < SIM_PORTS_MAX; i++) {
		port_fsm_free(host->port[i].fsm);
		host->port[i].fsm = NULL;
		host->port[i].device = NULL;
	}
}

void
sim_host_boot(struct sim_host *host)
{
	struct sim *sim = host->sim;

	sim_check(sim, host, !host->alive, "a daemon starts once");
	if (host_make_rooms(host) < 0) {
		/* systemd tries again. */
		host_drop_rooms(host);
		sim_event_put(sim, sim_event_new(sim, SIM_BOOT, host->index, 0),
			      sim->now_ns + 100 * MS);
		return;
	}
	host->alive = true;
	host->told = (struct probe_totals){0};
	host->wall_ns = (int64_t)(1700000000 * SEC + sim_random_below(&host->random, 1000 * SEC)) -
			(int64_t)sim_host_now(host);
	host->wake_ns = UINT64_MAX;
	for (uint32_t i = 0; i < sim->params.n_ports; i++) {
		host->port[i].told = host->port[i].windowed = (struct probe_totals){0};
		host->port[i].window_end_ns = 0;
		if (host->port[i].exists)
			sim_fsm_event(&host->port[i], PORT_EVENT_FOUND);
	}
	sim_story(sim, host, "starts");
	for (uint32_t i = 0; i < host->n_wishes; i++) {
		struct sim_peer *peer = sim_peer_add(host, &host->wish[i]);

		for (uint32_t t = 0; peer && t < sim->params.n_targets; t++)
			sim_target_add(peer, PROBE_KIND_MESH, 0);
	}
	sim_host_rearm(host);
}

static void
host_drop_queue(struct sim_host *host, struct sim_event_list *queue, const struct sim_port *port,
		uint32_t *n)
{
	struct sim_event *event = TAILQ_FIRST(queue), *next;

	for (; event; event = next) {
		next = TAILQ_NEXT(event, in_queue);
		if (port && event->port != port->index)
			continue;
		TAILQ_REMOVE(queue, event, in_queue);
		if (n)
			(*n)--;
		if (event->kind == SIM_MESSAGE)
			sim_probe_killed(host->sim, event);
		sim_event_free(host->sim, event);
	}
}

void
sim_host_flush(struct sim_port *port)
{
	struct sim_host *host = port->host;
	struct sim_event *event;

	host_drop_queue(host, &host->acks, port, &host->n_acks);
	host_drop_queue(host, &host->probes, port, &host->n_probes);
	/* Completions of the old QPs do not come. */
	TAILQ_FOREACH(event, &host->other, in_queue)
		if (event->kind == SIM_SENT && event->port == port->index)
			event->boot = 0;
}

void
sim_host_kill(struct sim_host *host)
{
	if (!host->alive)
		return;
	sim_story(host->sim, host, "ends");
	host_drop_queue(host, &host->acks, NULL, &host->n_acks);
	host_drop_queue(host, &host->probes, NULL, &host->n_probes);
	host_drop_queue(host, &host->other, NULL, NULL);
	sim_peers_bury(host);
	for (uint32_t i = 0; i < host->sim->params.n_ports; i++) {
		sim_fsm_end(&host->port[i]);
		prober_device_remove(host->port[i].device);
		sim_window_check_port(&host->port[i]);
		host->port[i].rebuilt_ns = host->sim->now_ns;
	}
	host_drop_rooms(host);
	host->alive = false;
	host->dies = SIM_DIES_NOT;
	host->boot++;
	host->backlog = false;
	host->stalled_until_ns = 0;
	host->idle_wakes = 0;
}

void
sim_host_free(struct sim_host *host)
{
	sim_host_kill(host);
}

void
sim_host_trouble(struct sim_port *port, struct sim_peer *peer)
{
	struct sim_host *host = port->host;
	struct sim_peer *other;

	for (uint32_t i = 0; i < SIM_TABLE; i++) {
		for (struct sim_probe *probe = host->table[i]; probe; probe = probe->next)
			if (probe->target->peer->port == port &&
			    (!peer || probe->target->peer == peer))
				probe->troubled = true;
	}
	/* What SIDR will say to a question that is open is void. */
	TAILQ_FOREACH(other, &host->peers, in_host)
		if (other->port == port && (!peer || other == peer))
			other->voided = other->asking;
}

bool
sim_host_is_old(const struct sim_host *host)
{
	return host->index % 5 == 4;
}

/* ---- the loop ---- */

static uint64_t
host_next_ns(const struct sim_host *host)
{
	uint64_t prober_ns = prober_next_ns(host->prober),
		 responder_ns = responder_next_ns(host->responder);

	return prober_ns < responder_ns ? prober_ns : responder_ns;
}

void
sim_host_rearm(struct sim_host *host)
{
	struct sim *sim = host->sim;
	uint64_t next_ns, at_ns;

	if (!host->alive || host->backlog)
		return;
	next_ns = host_next_ns(host);
	if (next_ns == UINT64_MAX)
		return;
	/* epoll comes a little late, at times more. */
	at_ns = host_true_at(host, next_ns) + sim_random_below(&host->random, 60 * US);
	if (sim_random_chance(&host->random, 3000))
		at_ns += sim_random_below(&host->random, 5 * MS);
	if (at_ns < sim->now_ns)
		at_ns = sim->now_ns;
	if (at_ns >= host->wake_ns)
		return;
	host->wake_ns = at_ns;
	host->asked_ns = next_ns > sim_host_now(host) ? next_ns : sim_host_now(host);
	sim_event_put(sim, sim_event_new(sim, SIM_WAKE, host->index, 0), at_ns);
}

static void
host_pump(struct sim_host *host)
{
	noise_woke(&host->noise, host->asked_ns, sim_host_now(host));
	host->wake_ns = host->asked_ns = UINT64_MAX;
	host->did_something = false;
	if (host->wall_told_ns == 0 || sim_host_now(host) >= host->wall_told_ns + SEC) {
		host->wall_told_ns = sim_host_now(host);
		prober_set_wall_offset(host->prober, host->wall_ns, sim_host_now(host));
	}
	prober_advance(host->prober, sim_host_now(host));
	responder_advance(host->responder, sim_host_now(host));
	if (host->did_something || host_next_ns(host) > sim_host_now(host))
		host->idle_wakes = 0;
	else
		host->idle_wakes++;
	sim_check(host->sim, host, host->idle_wakes < HOST_IDLE_WAKES, "the pump does not spin");
}

static void
host_path(struct sim_host *host, const struct sim_event *event)
{
	struct sim_port *port = &host->port[event->port];
	struct sim_peer *peer;
	struct addr remote;

	if (event->kind == SIM_PATH) {
		peer = sim_peer_find(host, event->path.peer);
		if (peer)
			prober_path_ready(peer->peer, sim_host_now(host));
		return;
	}
	remote = sim_port_addr(
		&host->sim->host[event->path.remote_host].port[event->path.remote_port],
		event->path.remote_moved);
	if (event->path.failed)
		responder_path_failed(host->responder, port, &port->addr, &remote,
				      sim_host_now(host));
	else
		responder_path_ready(host->responder, port, &port->addr, &remote,
				     sim_host_now(host));
}

/*
 * As the daemon does whenever its loop comes to something: is the host late, was it kept from
 * running?
 */
static void
host_look(struct sim_host *host, uint64_t from_ns)
{
	uint64_t now_ns = sim_host_now(host);

	noise_waiting(&host->noise, host->asked_ns, now_ns);
	if (host->sim->params.schedstat && noise_wants_waited(&host->noise, from_ns, now_ns))
		noise_waited(&host->noise, host->waited_ns, now_ns);
}

/* The loop has come to it. */
static void
host_handle(struct sim_host *host, struct sim_event *event)
{
	host_look(host, event->kind == SIM_WAKE ? host->asked_ns : 0);
	switch (event->kind) {
	case SIM_WAKE:
		host_pump(host);
		break;
	case SIM_MESSAGE:
		sim_port_arrived(host, event);
		break;
	case SIM_SENT:
		if (event->boot == host->boot)
			sim_port_completed(host, event);
		break;
	case SIM_SIDR_REQUEST:
		sim_sidr_requested(host, event);
		break;
	case SIM_SIDR_REPLY:
	case SIM_SIDR_TIMEOUT:
		sim_sidr_answered(host, event);
		break;
	case SIM_PATH:
	case SIM_RETURN_PATH:
		host_path(host, event);
		break;
	case SIM_PORT_ANSWER:
		sim_fsm_answered(&host->port[event->port], event->answer.event,
				 event->answer.number);
		break;
	case SIM_PORT_TIMER:
		sim_fsm_event(&host->port[event->port], PORT_EVENT_TIMER);
		break;
	case SIM_RESUME:
	case SIM_SIDR_RETRY:
	case SIM_BOOT:
	case SIM_HEAL:
	case SIM_FAULT:
	case SIM_SWEEP:
	case SIM_ATTACK:
	case SIM_KIND_N:
		assert(!"not for the loop");
	}
}

static void
host_drain(struct sim_host *host, struct sim_event_list *queue, uint32_t *n, uint32_t most)
{
	struct sim_event *event;

	while (most-- > 0 && (event = TAILQ_FIRST(queue))) {
		TAILQ_REMOVE(queue, event, in_queue);
		if (n)
			(*n)--;
		sim_host_spend(host, 1 + sim_random_below(&host->random, 2 * US));
		host_handle(host, event);
		sim_event_free(host->sim, event);
	}
}

/* One round of a loop that has fallen behind. */
static void
host_resume(struct sim_host *host)
{
	struct sim *sim = host->sim;
	uint32_t first = (uint32_t)sim_random_below(&host->random, 3);

	if (!host->alive || sim->now_ns < host->stalled_until_ns)
		return;
	if (host->waits_since_ns)
		host->waited_ns += sim->now_ns - host->waits_since_ns;
	host->waits_since_ns = 0;
	host_look(host, 0);
	for (uint32_t i = 0; i < 3; i++) {
		if ((first + i) % 3 == 0)
			host_drain(host, &host->other, NULL, UINT32_MAX);
		else if ((first + i) % 3 == 1)
			host_drain(host, &host->acks, &host->n_acks, SIM_DRAIN);
		else
			host_drain(host, &host->probes, &host->n_probes, SIM_DRAIN);
	}
	if (host_next_ns(host) <= sim_host_now(host))
		host_pump(host);
	host->wake_ns = UINT64_MAX;
	host->backlog = host->n_acks || host->n_probes || !TAILQ_EMPTY(&host->other);
	if (host->backlog)
		sim_event_put(sim, sim_event_new(sim, SIM_RESUME, host->index, 0),
			      sim->now_ns + sim_host_now(host) - sim_clock_at(host, sim->now_ns) +
				      1);
}

void
sim_host_stall(struct sim_host *host, uint64_t ns)
{
	struct sim *sim = host->sim;

	if (!host->alive || host->stalled_until_ns > sim->now_ns)
		return;
	sim_story(sim, host, "does not run for %llu us", (unsigned long long)(ns / US));
	host->stalled_until_ns = sim->now_ns + ns;
	host->backlog = true;
	sim_event_put(sim, sim_event_new(sim, SIM_RESUME, host->index, 0), host->stalled_until_ns);
}

/* Kept for later; false: there was no room. */
static bool
host_queue(struct sim_host *host, struct sim_event *event)
{
	bool is_probe = event->kind == SIM_MESSAGE &&
			event->message.dst_qpn == host->port[event->port].responder_qpn;

	if (!host->waits_since_ns && host->sim->now_ns < host->stalled_until_ns)
		host->waits_since_ns = host->sim->now_ns;
	/* The pump comes with the loop's first round. */
	if (event->kind == SIM_WAKE)
		return false;
	if (event->kind != SIM_MESSAGE) {
		TAILQ_INSERT_TAIL(&host->other, event, in_queue);
		return true;
	}
	if ((is_probe ? host->n_probes : host->n_acks) >= SIM_RECV_DEPTH) {
		sim_probe_dropped(host->sim, event);
		return false;
	}
	if (is_probe)
		TAILQ_INSERT_TAIL(&host->probes, event, in_queue);
	else
		TAILQ_INSERT_TAIL(&host->acks, event, in_queue);
	*(is_probe ? &host->n_probes : &host->n_acks) += 1;
	return true;
}

/* What the RNIC and the kernel do with it. True: it is for the daemon. */
static bool
host_takes(struct sim_host *host, struct sim_event *event)
{
	const struct sim_port *port = &host->port[event->port];

	if (event->kind == SIM_MESSAGE) {
		if (!port->exists || !port->link || port->moved != event->message.dst_moved)
			sim_probe_dropped(host->sim, event);
		else if (!host->alive || (event->message.dst_qpn != port->responder_qpn &&
					  event->message.dst_qpn != port->prober_qpn))
			sim_probe_killed(host->sim, event);
		else
			return true;
		return false;
	}
	if (event->kind == SIM_SIDR_REQUEST) {
		if (!host->powered || !port->exists || !port->link || !port->address ||
		    port->moved || (host->alive && !port->built))
			return false;
		if (!host->alive)
			sim_sidr_refused(host, event);
		return host->alive;
	}
	if (!host->alive || event->boot != host->boot)
		return false;
	if (event->kind == SIM_SIDR_REPLY && port->moved != event->sidr.src_moved)
		return false;
	if (event->kind == SIM_SIDR_RETRY)
		sim_sidr_retry(host, event);
	if (event->kind == SIM_WAKE && event->at_ns != host->wake_ns)
		return false;
	return event->kind != SIM_SIDR_RETRY;
}

/* Takes the event over. */
void
sim_host_event(struct sim *sim, struct sim_event *event)
{
	struct sim_host *host = &sim->host[event->host];
	bool dies = host->alive && host->dies == SIM_DIES_ASKED && event->kind == SIM_SIDR_REQUEST;

	sim_alloc_of(sim, host, sim->now_ns < sim->faults_end_ns ? sim->params.out_of_memory : 0);
	if (dies && sim_random_below(&host->random, 2)) {
		/* The request waits for it in the kernel, and goes with it. */
		sim_fault_kill(host);
	} else if (event->kind == SIM_RESUME) {
		if (event->boot == host->boot)
			host_resume(host);
	} else if (host_takes(host, event)) {
		if (host->backlog && host_queue(host, event))
			event = NULL;
		else if (!host->backlog)
			host_handle(host, event);
	}
	if (event)
		sim_event_free(sim, event);
	if (!host->alive)
		return;
	sim_host_rearm(host);
	sim_check_host(host);
	if (dies || (host->dies == SIM_DIES_ASKING && sim_peers_ask(host)))
		sim_fault_kill(host);
}

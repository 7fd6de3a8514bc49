/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peers and targets as the daemon has them, and SIDR on both sides: the question of a peer, asked
 * again by the kernel while nobody answers, and the responder's answer. What is freed is buried,
 * not given back, until its host ends: a pointer that is used afterwards shows.
 */
#include <errno.h>
#include <string.h>

#include "probe/responder_impl.h"
#include "sim.h"

#define PEER_SIZE_MAX 4096

/* ---- targets ---- */

struct sim_target *
sim_target_add(struct sim_peer *peer, enum probe_kind kind, uint64_t count)
{
	static const uint32_t sizes[] = {50, 50, 50, 1024, PEER_SIZE_MAX, PROBER_SIZE_MTU};
	struct sim_host *host = peer->host;
	const struct sim_params *p = &host->sim->params;
	struct sim_target *target = sim_alloc(1, sizeof(*target));
	struct prober_target_config config = {
		.kind = kind,
		.interval_ns = p->interval_ns / 2 + sim_random_below(&host->random, p->interval_ns),
		.phase_ns = PROBER_PHASE_RANDOM,
		.count = count,
		.flow_label = ++host->n_targets_made & 0xfffff,
		.traffic_class = (uint8_t)sim_random_below(&host->random, 256),
		.service_level = (uint8_t)sim_random_below(&host->random, 16),
		.n_sizes = 1 + (uint32_t)sim_random_below(&host->random, 4),
	};

	if (sim_random_chance(&host->random, 300000))
		config.timeout_ns =
			p->timeout_ns / 2 + sim_random_below(&host->random, p->timeout_ns);
	for (uint32_t i = 0; i < config.n_sizes; i++)
		config.sizes[i] =
			sizes[sim_random_below(&host->random, sizeof(sizes) / sizeof(sizes[0]))];
	config.fit = host->sim->params.profile != SIM_STORM || sim_random_below(&host->random, 2);
	target->too_large = !config.fit;
	target->magic = SIM_TARGET_ALIVE;
	target->peer = peer;
	target->kind = kind;
	target->flow_label = config.flow_label;
	target->interval_ns = config.interval_ns;
	target->timeout_ns = config.timeout_ns ? config.timeout_ns : p->timeout_ns;
	TAILQ_INIT(&target->probes);
	TAILQ_INSERT_TAIL(&peer->targets, target, in_peer);
	if (prober_target_add(peer->peer, &config, target, sim_host_now(host), &target->target) <
	    0) {
		TAILQ_REMOVE(&peer->targets, target, in_peer);
		sim_free(target);
		return NULL;
	}
	return target;
}

static void
target_bury(struct sim_target *target, const struct prober_target_info *last)
{
	struct sim_peer *peer = target->peer;
	struct sim_probe *probe;

	sim_window_check_target(target, last);
	while ((probe = TAILQ_FIRST(&target->probes)))
		sim_probe_free(probe);
	target->removed = true;
	target->magic = 0;
	TAILQ_REMOVE(&peer->targets, target, in_peer);
	TAILQ_INSERT_TAIL(&peer->host->buried, target, in_peer);
}

void
sim_target_remove(struct sim_target *target)
{
	struct prober_target_info last;

	prober_target_info(target->target, &last);
	prober_target_remove(target->target);
	target_bury(target, &last);
}

/* ---- peers ---- */

struct sim_peer *
sim_peer_add(struct sim_host *host, const struct sim_wish *wish)
{
	struct sim_peer *peer = sim_alloc(1, sizeof(*peer));

	peer->magic = SIM_PEER_ALIVE;
	peer->number = ++host->n_peers_made;
	peer->host = host;
	peer->port = &host->port[wish->port];
	peer->remote = &host->sim->host[wish->remote_host].port[wish->remote_port];
	TAILQ_INIT(&peer->targets);
	if (prober_peer_add(host->prober, peer->port->device, peer, sim_host_now(host),
			    &peer->peer) < 0) {
		sim_free(peer);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&host->peers, peer, in_host);
	return peer;
}

void
sim_peer_remove(struct sim_peer *peer)
{
	struct sim_target *target;

	TAILQ_FOREACH(target, &peer->targets, in_peer)
		prober_target_info(target->target, &target->last);
	prober_peer_remove(peer->peer);
	while ((target = TAILQ_FIRST(&peer->targets)))
		target_bury(target, &target->last);
	peer->removed = true;
	peer->magic = 0;
	TAILQ_REMOVE(&peer->host->peers, peer, in_host);
	TAILQ_INSERT_TAIL(&peer->host->graveyard, peer, in_host);
}

struct sim_peer *
sim_peer_find(struct sim_host *host, uint32_t number)
{
	struct sim_peer *peer;

	TAILQ_FOREACH(peer, &host->peers, in_host)
		if (peer->number == number)
			return peer;
	return NULL;
}

void
sim_peer_renew(struct sim_peer *peer)
{
	sim_host_trouble(peer->port, peer);
	prober_peer_renew(peer->peer, sim_host_now(peer->host));
	sim_host_rearm(peer->host);
}

void
sim_peers_renew(struct sim_port *port)
{
	struct sim_peer *peer;

	TAILQ_FOREACH(peer, &port->host->peers, in_host)
		if (peer->port == port)
			sim_peer_renew(peer);
}

bool
sim_peers_ask(const struct sim_host *host)
{
	const struct sim_peer *peer;

	TAILQ_FOREACH(peer, &host->peers, in_host)
		if (peer->asking)
			return true;
	return false;
}

void
sim_peers_bury(struct sim_host *host)
{
	struct sim_target *target;
	struct sim_peer *peer;

	while ((peer = TAILQ_FIRST(&host->peers)))
		sim_peer_remove(peer);
	while ((target = TAILQ_FIRST(&host->buried))) {
		TAILQ_REMOVE(&host->buried, target, in_peer);
		sim_free(target);
	}
	while ((peer = TAILQ_FIRST(&host->graveyard))) {
		TAILQ_REMOVE(&host->graveyard, peer, in_host);
		sim_free(peer);
	}
}

/* ---- SIDR: who asks ---- */

static void
sidr_request(struct sim_peer *peer)
{
	struct sim_host *host = peer->host;
	struct sim_event *event = sim_event_new(host->sim, SIM_SIDR_REQUEST,
						peer->remote->host->index, peer->remote->index);
	struct wire_request request = {.versions = WIRE_VERSIONS,
				       .qkey = (uint32_t)host->epoch,
				       .incarnation = sim_hash(host->epoch, host->boot)};
	struct prober_peer_info info;

	prober_peer_info(peer->peer, &info);
	if (!sim_host_is_old(host)) {
		request.nonce = 1 + host->boot;
		request.session = info.has_session ? info.session.session : 0;
	}

	event->sidr.src_host = host->index;
	event->sidr.src_port = peer->port->index;
	event->sidr.src_moved = peer->port->moved;
	event->sidr.peer = peer->number;
	event->sidr.question = peer->question;
	event->sidr.asker_boot = host->boot;
	event->sidr.len = (uint32_t)wire_encode_request(&request, event->sidr.data);
	sim_net_sidr(host->sim, event, host->index, peer->port->index, host->sim->now_ns);
}

static void
sidr_later(struct sim_peer *peer, enum sim_kind kind, uint64_t in_ns)
{
	struct sim *sim = peer->host->sim;
	struct sim_event *event = sim_event_new(sim, kind, peer->host->index, peer->port->index);

	event->sidr.peer = peer->number;
	event->sidr.question = peer->question;
	event->sidr.asker_boot = peer->host->boot;
	event->sidr.status = -ETIMEDOUT;
	sim_event_put(sim, event, sim->now_ns + in_ns);
}

static void
peer_resolve(void *arg, void *peer_user)
{
	struct sim_host *host = arg;
	struct sim_peer *peer = peer_user;

	host->did_something = true;
	sim_check(host->sim, host, peer->magic == SIM_PEER_ALIVE, "a peer that asks is there");
	sim_check(host->sim, host, !peer->asking, "a peer has one question at a time");
	sim_check(host->sim, host, peer->port->up, "no peer asks on a device that is down");
	peer->asking = true;
	peer->voided = false;
	peer->question++;
	peer->asked_ns = sim_host_now(host);
	sidr_request(peer);
	sidr_later(peer, SIM_SIDR_RETRY, SIM_SIDR_RETRY_NS);
	sidr_later(peer, SIM_SIDR_TIMEOUT, SIM_SIDR_TIMEOUT_NS);
}

/* The peer whose open question that is; NULL: none. */
static struct sim_peer *
sidr_asker(struct sim_host *host, const struct sim_event *event)
{
	struct sim_peer *peer =
		event->sidr.asker_boot == host->boot ? sim_peer_find(host, event->sidr.peer) : NULL;

	return peer && peer->asking && peer->question == event->sidr.question ? peer : NULL;
}

void
sim_sidr_retry(struct sim_host *host, const struct sim_event *event)
{
	struct sim_peer *peer = sidr_asker(host, event);

	if (!peer)
		return;
	sidr_request(peer);
	sidr_later(peer, SIM_SIDR_RETRY, SIM_SIDR_RETRY_NS);
}

void
sim_sidr_answered(struct sim_host *host, struct sim_event *event)
{
	struct sim_peer *peer = sidr_asker(host, event);
	struct prober_session session;
	enum prober_peer_state before;
	struct wire_reply reply;
	int status = event->sidr.status;

	if (!peer)
		return;
	peer->asking = false;
	peer->tainted |= event->sidr.tainted;
	if (status == 0 && wire_decode_reply(event->sidr.data, event->sidr.len, &reply) < 0)
		status = -EBADMSG;
	if (status == 0 && reply.status != PROBE_WIRE_ACCEPTED)
		status = -ECONNREFUSED;
	if (status < 0) {
		peer->failures++;
		sim_story(host->sim, host, "peer %u.%u: SIDR fails", peer->remote->host->index,
			  peer->remote->index);
		if (!peer->voided)
			peer->silent = status == -ETIMEDOUT;
		if (status == -ETIMEDOUT)
			prober_resolve_silent(peer->peer, "silence", sim_host_now(host));
		else
			prober_resolve_failed(peer->peer, "it says no", sim_host_now(host));
		return;
	}
	if (!peer->voided)
		peer->failures = 0;
	peer->ever_resolved |= !peer->voided;
	session = (struct prober_session){
		.addr = peer->remote->addr,
		.qpn = reply.qpn,
		.incarnation = reply.incarnation,
		.session = reply.session,
		.max_size = reply.max_size,
	};
	before = peer->state;
	prober_resolved(peer->peer, &session, peer->asked_ns, sim_host_now(host));
	sim_check(host->sim, host, !peer->voided || peer->state == before,
		  "an answer from before the renewal says nothing");
}

/* ---- SIDR: who is asked ---- */

static void
sidr_reply(struct sim_host *host, const struct sim_event *request, const struct wire_reply *reply,
	   int status)
{
	struct sim *sim = host->sim;
	struct sim_event *event =
		sim_event_new(sim, SIM_SIDR_REPLY, request->sidr.src_host, request->sidr.src_port);
	uint64_t leaves_ns = sim->now_ns;

	if (request->sidr.forged) {
		sim_attack_answered(sim, request, reply);
		sim_event_free(sim, event);
		return;
	}
	event->sidr = request->sidr;
	event->sidr.status = status;
	event->sidr.len = status == 0 ? (uint32_t)wire_encode_reply(reply, event->sidr.data) : 0;
	event->sidr.tainted = request->sidr.tainted;
	if (sim_random_chance(&host->random, sim->params.sidr_late))
		leaves_ns += sim_random_below(&host->random, 2 * SIM_SIDR_TIMEOUT_NS);
	sim_net_sidr(sim, event, host->index, request->port, leaves_ns);
}

void
sim_sidr_refused(struct sim_host *host, const struct sim_event *event)
{
	sidr_reply(host, event, NULL, -ECONNREFUSED);
}

bool
sim_session_is_open(const struct sim_host *host, uint64_t session)
{
	return host->responder && responder_find(host->responder, session);
}

static void
sidr_sign_of_life(struct sim_host *host, const struct sim_port *port, const struct sim_port *from)
{
	struct sim_peer *peer;

	TAILQ_FOREACH(peer, &host->peers, in_host)
		if (peer->port == port && peer->remote == from)
			prober_sign_of_life(peer->peer, sim_host_now(host));
}

void
sim_sidr_requested(struct sim_host *host, struct sim_event *event)
{
	struct sim_port *port = &host->port[event->port];
	const struct sim_port *from =
		&host->sim->host[event->sidr.src_host].port[event->sidr.src_port];
	struct responder_open_request open = {
		.device_user = port, .clock = &port->clock, .local = port->addr,
		.remote = sim_port_addr(from, event->sidr.src_moved)};
	struct wire_reply reply = {.status = PROBE_WIRE_BUSY,
				   .version = PROBE_WIRE_VERSION,
				   .versions = WIRE_VERSIONS};
	struct wire_request request;
	uint64_t now_ns = sim_host_now(host);

	if (!port->built) /* meanwhile */
		return;
	if (wire_decode_request(event->sidr.data, event->sidr.len, &request) < 0)
		request.session = 0;
	if (responder_admit(host->responder, &open.remote, request.session, now_ns) < 0 ||
	    sim_random_chance(&host->random, host->sim->params.sidr_refused)) {
		sidr_reply(host, event, &reply, 0);
		return;
	}
	if (wire_decode_request(event->sidr.data, event->sidr.len, &request) < 0) {
		reply.status = PROBE_WIRE_BAD_REQUEST;
		sidr_reply(host, event, &reply, 0);
		return;
	}
	open.incarnation = request.incarnation;
	open.qkey = request.qkey;
	open.challenge = request.nonce != 0;
	open.session = request.session;
	if (responder_open(host->responder, &open, now_ns, &reply.session) == 0) {
		reply.status = PROBE_WIRE_ACCEPTED;
		reply.qkey = 1;
		reply.qpn = port->responder_qpn;
		reply.incarnation = port->incarnation;
		reply.max_size = PEER_SIZE_MAX;
	}
	sidr_reply(host, event, &reply, 0);
	if (!event->sidr.src_moved)
		sidr_sign_of_life(host, port, from);
}

/* ---- what the prober tells ---- */

static void
peer_result(void *arg, void *target_user, const struct probe_result *r)
{
	struct sim_host *host = arg;
	struct sim_target *target = target_user;

	host->did_something = true;
	sim_check(host->sim, host, target->magic == SIM_TARGET_ALIVE,
		  "a result is for a target that is there");
	if (target->magic != SIM_TARGET_ALIVE)
		return;
	sim_check_result(target, r);
	if (host->sim->params.profile == SIM_STORM && sim_random_chance(&host->random, 300) &&
	    !target->stopped) {
		target->stopped = true;
		prober_target_stop(target->target, sim_host_now(host));
	}
}

static void
peer_corrected(void *arg, void *target_user, const struct probe_result *r)
{
	struct sim_host *host = arg;
	struct sim_target *target = target_user;

	host->did_something = true;
	sim_check(host->sim, host, target->magic == SIM_TARGET_ALIVE,
		  "a correction is for a target that is there");
	if (target->magic == SIM_TARGET_ALIVE)
		sim_check_corrected(target, r);
}

static void
peer_target_done(void *arg, void *target_user)
{
	struct sim_host *host = arg;
	struct sim_target *target = target_user;
	struct prober_target_info info;

	host->did_something = true;
	sim_check(host->sim, host, target->magic == SIM_TARGET_ALIVE && !target->done,
		  "a target is done once, and is there");
	if (target->magic != SIM_TARGET_ALIVE)
		return;
	target->done = true;
	prober_target_info(target->target, &info);
	sim_check(host->sim, host, info.in_flight == 0,
		  "a target that is done has nothing in flight");
	if (sim_random_below(&host->random, 2))
		sim_target_remove(target);
}

static void
peer_state(void *arg, void *peer_user, enum prober_peer_state from, enum prober_peer_state to)
{
	struct sim_host *host = arg;
	struct sim_peer *peer = peer_user;

	sim_check(host->sim, host, peer->magic == SIM_PEER_ALIVE,
		  "a peer whose state changes is there");
	sim_check(host->sim, host, peer->state == from && from != to,
		  "states change one from the other");
	sim_check(host->sim, host, to != PROBER_PEER_DOWN || peer->failures >= PROBER_RESOLVE_TRIES,
		  "a peer is down only after as many failures");
	peer->state = to;
	sim_mix(host->sim, (uint64_t)to << 8 | (uint64_t)from);
	sim_story(host->sim, host, "peer %u.%u: %s -> %s", peer->remote->host->index,
		  peer->remote->index, prober_peer_state_name(from), prober_peer_state_name(to));
}

const struct prober_ops sim_prober_ops = {
	.send = sim_port_send_probe,
	.resolve = peer_resolve,
	.result = peer_result,
	.corrected = peer_corrected,
	.target_done = peer_target_done,
	.window = sim_window_closed,
	.peer_state = peer_state,
};

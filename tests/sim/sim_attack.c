/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile host on the fabric. It runs no daemon, reads nothing that is not sent to it, and sends
 * what it likes under the addresses of others: SIDR requests, probes and echoes with the sessions
 * that it gets for them, and answers whose fields it guesses. A message may also come once more,
 * much later (replay). The oracle knows nothing of all this: whatever an attacker does, results
 * must follow from what became of the probes. What is checked here: no session of another is told,
 * and no ACK is sent for a session that was asked for in another's name.
 */
#include <string.h>

#include "sim.h"

static struct sim_port *
attack_port(struct sim *sim)
{
	struct sim_random *random = &sim->attack.random;
	struct sim_host *host = &sim->host[sim_random_below(random, sim->n_hosts)];

	return &host->port[sim_random_below(random, sim->params.n_ports)];
}

/* Two ports of different hosts: of one that is asked or answers, and of an impersonated one. */
static void
attack_pair(struct sim *sim, struct sim_port **target, struct sim_port **claimed)
{
	*target = attack_port(sim);
	do
		*claimed = attack_port(sim);
	while ((*claimed)->host == (*target)->host);
}

/*
 * Requests like those of older builds are nothing that builds of their kind are safe from, so only
 * newer ones are impersonated in this way.
 */
static void
attack_ask(struct sim *sim)
{
	struct sim_random *random = &sim->attack.random;
	struct wire_request request = {.versions = WIRE_VERSIONS,
				       .qkey = (uint32_t)sim_random_u64(random),
				       .incarnation = sim_random_u64(random),
				       .nonce = 1};
	struct sim_port *target, *claimed;
	struct sim_event *event;

	attack_pair(sim, &target, &claimed);
	if (sim_random_below(random, 2))
		request.incarnation = sim_hash(claimed->host->epoch, claimed->host->boot);
	if (sim_random_below(random, 2))
		request.qkey = (uint32_t)claimed->host->epoch;
	if (sim_random_below(random, 4) == 0)
		request.session = sim_random_u64(random);
	if (!sim_host_is_old(claimed->host) && sim_random_below(random, 4) == 0)
		request.nonce = request.session = 0;
	event = sim_event_new(sim, SIM_SIDR_REQUEST, target->host->index, target->index);
	event->sidr.src_host = claimed->host->index;
	event->sidr.src_port = claimed->index;
	event->sidr.forged = true;
	event->sidr.len = (uint32_t)wire_encode_request(&request, event->sidr.data);
	sim_event_put(sim, event, sim->now_ns + 10 * US);
}

/* The session that a prober at this port has at the other one; 0: none. */
static bool
attack_is_session_of(const struct sim_port *prober, const struct sim_port *responder,
		     uint64_t session)
{
	const struct sim_peer *peer;
	struct prober_peer_info info;

	TAILQ_FOREACH(peer, &prober->host->peers, in_host) {
		if (peer->port != prober || peer->remote != responder)
			continue;
		prober_peer_info(peer->peer, &info);
		if (info.has_session && info.session.session == session)
			return true;
	}
	return false;
}

void
sim_attack_answered(struct sim *sim, const struct sim_event *request,
		    const struct wire_reply *reply)
{
	struct sim_port *target = &sim->host[request->host].port[request->port],
			*claimed = &sim->host[request->sidr.src_host].port[request->sidr.src_port];
	struct wire_request asked = {0};
	struct sim_attack_session *slot;

	if (!reply || reply->status != PROBE_WIRE_ACCEPTED)
		return;
	sim_check(sim, target->host,
		  !claimed->host->alive || !attack_is_session_of(claimed, target, reply->session),
		  "nobody is told the session of another");
	wire_decode_request(request->sidr.data, request->sidr.len, &asked);
	slot = &sim->attack.session[sim->attack.n_sessions++ % SIM_ATTACK_SESSIONS];
	*slot = (struct sim_attack_session){.number = reply->session,
					    .strong = asked.nonce != 0,
					    .target = target,
					    .claimed = claimed};
}

bool
sim_attack_has_strong(const struct sim *sim, uint64_t session)
{
	for (uint32_t i = 0; i < SIM_ATTACK_SESSIONS; i++)
		if (sim->attack.session[i].number == session && sim->attack.session[i].strong)
			return true;
	return false;
}

static void
attack_send(struct sim *sim, const struct sim_port *from, uint32_t src_qpn,
	    const struct sim_port *to, uint32_t dst_qpn, const struct wire_message *m)
{
	struct sim_event *event = sim_event_new(sim, SIM_MESSAGE, to->host->index, to->index);

	event->message = (struct sim_message){.src_host = from->host->index,
					      .src_port = from->index,
					      .src_qpn = src_qpn,
					      .dst_qpn = dst_qpn,
					      .size = m->length,
					      .sent_ns = sim->now_ns};
	wire_encode(m, event->message.head);
	event->arrived_ns = sim->now_ns + 10 * US;
	sim_event_put(sim, event, event->arrived_ns);
}

/* A probe, or an echo with a guessed token, of a session that it got, or of a guessed one. */
static void
attack_probe(struct sim *sim)
{
	struct sim_random *random = &sim->attack.random;
	struct wire_message m = {.type = PROBE_WIRE_PROBE,
				 .length = PROBE_WIRE_SIZE_MIN,
				 .seq = sim_random_u64(random),
				 .session = sim_random_u64(random)};
	const struct sim_attack_session *got =
		&sim->attack.session[sim_random_below(random, SIM_ATTACK_SESSIONS)];
	struct sim_port *target, *claimed;

	attack_pair(sim, &target, &claimed);
	if (got->number) {
		m.session = got->number;
		target = got->target;
		claimed = got->claimed;
	}
	if (sim_random_below(random, 4) == 0) {
		m.type = PROBE_WIRE_ECHO;
		m.token = sim_random_u64(random);
	}
	attack_send(sim, claimed, claimed->prober_qpn, target, target->responder_qpn, &m);
}

/* An answer to the impersonated host. The low half of sequence numbers can be guessed. */
static void
attack_answer(struct sim *sim)
{
	static const enum probe_wire_type types[] = {PROBE_WIRE_ACK1, PROBE_WIRE_ACK2,
						     PROBE_WIRE_REFUSED, PROBE_WIRE_CHALLENGE};
	struct sim_random *random = &sim->attack.random;
	struct wire_message m = {.type = types[sim_random_below(random, 4)],
				 .length = PROBE_WIRE_SIZE_MIN,
				 .seq = sim_random_u64(random),
				 .session = sim_random_u64(random)};
	struct sim_port *responder, *prober;
	uint64_t drawn = 0;

	attack_pair(sim, &responder, &prober);
	if (prober->host->alive)
		drawn = prober->told.posted + sim_random_below(random, 64);
	m.seq = (m.seq & ~(uint64_t)UINT32_MAX) | (drawn & UINT32_MAX);
	if (m.type == PROBE_WIRE_ACK2)
		m.ack2.delay_ns = sim_random_u64(random);
	else if (m.type == PROBE_WIRE_REFUSED)
		m.refused.why = PROBE_WIRE_WHY_SOURCE;
	else if (m.type == PROBE_WIRE_CHALLENGE)
		m.token = sim_random_u64(random);
	attack_send(sim, responder, responder->responder_qpn, prober, prober->prober_qpn, &m);
}

void
sim_attack_heard(struct sim *sim, const struct sim_event *event)
{
	struct sim_attack *attack = &sim->attack;
	struct sim_attack_heard *slot;

	if (!sim->params.attack_every_ns || sim_random_below(&attack->random, 16))
		return;
	slot = &attack->heard[attack->n_heard++ % SIM_ATTACK_HEARD];
	*slot = (struct sim_attack_heard){event->message, event->host, event->port};
}

static void
attack_replay(struct sim *sim)
{
	const struct sim_attack_heard *heard =
		&sim->attack.heard[sim_random_below(&sim->attack.random, SIM_ATTACK_HEARD)];
	struct sim_event *event;

	if (!heard->message.size)
		return;
	event = sim_event_new(sim, SIM_MESSAGE, heard->host, heard->port);
	event->message = heard->message;
	sim_net_replay(sim, event);
}

void
sim_attack_begin(struct sim *sim)
{
	sim->attack.random.state = sim_hash(sim->seed, 2);
	if (sim->params.attack_every_ns)
		sim_event_put(sim, sim_event_new(sim, SIM_ATTACK, 0, 0), SEC);
}

void
sim_attack_event(struct sim *sim)
{
	static void (*const attacks[])(struct sim *sim) = {attack_ask, attack_probe, attack_probe,
							   attack_answer, attack_replay};
	struct sim_random *random = &sim->attack.random;

	attacks[sim_random_below(random, sizeof(attacks) / sizeof(attacks[0]))](sim);
	sim->n_attacks++;
	sim_event_put(sim, sim_event_new(sim, SIM_ATTACK, 0, 0),
		      sim->now_ns + 1 + sim_random_below(random, 2 * sim->params.attack_every_ns));
}

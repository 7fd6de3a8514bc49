/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RNIC ports: posts, send completions, arrivals, and the stamps that go with them.
 *
 * A port with a clock of its own stamps exactly. Without one, a send is known to have left within
 * the time that posting and polling took, and an arrival is stamped when the loop comes to it: what
 * a host that does not run adds is nowhere declared, and goes into the record (waited_ns).
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "sim.h"

#define PORT_QPNS 6 /* numbers are taken again soon */
#define PORT_MOVED 0x80 /* in byte 13: the other address of a port */

/* The RNIC's counter drifts the other way than the host's clock. */
static void
port_stamp_hw(const struct sim_port *port, uint64_t true_ns, struct hwclock_moment *moment)
{
	uint64_t ns = true_ns - (uint64_t)((int64_t)true_ns * port->host->drift_ppb / 1000000000);

	moment->stamped = port->hw;
	if (port->hw)
		moment->ticks =
			(port->hw_offset + hwclock_ns_to_ticks(ns, port->hw_khz)) & port->hw_mask;
}

/* ---- sends ---- */

/* What is known of a message that is posted now. */
struct port_stamp {
	uint64_t t1_ns;        /* host's clock */
	struct hwclock_moment left;
	uint64_t left_ns;      /* true time */
	uint64_t seen_ns;      /* true time of the completion, if it comes later */
	bool done;
};

static struct port_stamp
port_post(struct sim_port *port, uint32_t not_done)
{
	struct sim_host *host = port->host;
	uint64_t window_ns = 600 + sim_random_below(&host->random, 8 * US);
	struct port_stamp s = {.t1_ns = sim_host_now(host), .done = true};
	uint64_t behind_ns = s.t1_ns - sim_clock_at(host, host->sim->now_ns);

	if (sim_random_chance(&host->random, not_done)) {
		s.done = false;
		window_ns += sim_random_below(&host->random, 300 * US);
	}
	s.left_ns = host->sim->now_ns + behind_ns + sim_random_below(&host->random, window_ns + 1);
	s.seen_ns = host->sim->now_ns + behind_ns + window_ns;
	s.left = (struct hwclock_moment){.ns = s.t1_ns + window_ns / 2,
					 .error_ns = window_ns - window_ns / 2 + 1};
	port_stamp_hw(port, s.left_ns, &s.left);
	sim_host_spend(host, s.done ? window_ns : 500);
	return s;
}

static void
port_completes(struct sim_port *port, bool responder, uint32_t cookie, const struct port_stamp *s,
	       int status)
{
	struct sim *sim = port->host->sim;
	struct sim_event *event = sim_event_new(sim, SIM_SENT, port->host->index, port->index);

	event->sent.responder = responder;
	event->sent.cookie = cookie;
	event->sent.status = status;
	event->sent.left = s->left;
	sim_event_put(sim, event, s->seen_ns);
}

struct addr
sim_port_addr(const struct sim_port *port, bool moved)
{
	struct addr addr = port->addr;

	if (moved)
		addr.raw[13] |= PORT_MOVED;
	return addr;
}

static struct sim_port *
port_of_addr(struct sim *sim, const struct addr *addr)
{
	uint32_t number = (uint32_t)(addr->raw[13] & ~PORT_MOVED) << 16 |
			  (uint32_t)addr->raw[14] << 8 | addr->raw[15];
	uint32_t host = number / SIM_PORTS_MAX, port = number % SIM_PORTS_MAX;

	return host < sim->n_hosts && port < sim->params.n_ports ? &sim->host[host].port[port] :
								   NULL;
}

static void
port_wire(struct sim_port *port, const uint8_t *payload, uint32_t size, const struct addr *dst,
	  uint32_t src_qpn, uint32_t dst_qpn, uint16_t udp_port, uint64_t left_ns)
{
	struct sim *sim = port->host->sim;
	const struct sim_port *to = port_of_addr(sim, dst);
	struct sim_event *event;

	assert(to);
	event = sim_event_new(sim, SIM_MESSAGE, to->host->index, to->index);
	event->message.src_moved = port->moved;
	event->message.dst_moved = dst->raw[13] & PORT_MOVED;
	event->message.size = size;
	event->message.src_qpn = src_qpn;
	event->message.dst_qpn = dst_qpn;
	event->message.tainted = port->tainted_until_ns > sim->now_ns;
	memcpy(event->message.head, payload, PROBE_WIRE_SIZE_MIN);
	sim_net_send(sim, event, port->host->index, port->index, udp_port, left_ns);
}

static struct sim_target *
port_target(struct sim_peer *peer, const struct prober_packet *packet)
{
	struct sim_target *target;

	TAILQ_FOREACH(target, &peer->targets, in_peer)
		if (target->flow_label == packet->flow_label && target->kind == packet->kind)
			return target;
	return NULL;
}

static bool
port_path_is_away(struct sim_host *host, struct sim_peer *peer)
{
	struct sim *sim = host->sim;
	struct sim_event *event;
	uint64_t wait_ns;

	if (sim->now_ns < peer->path_until_ns)
		return true;
	if (!sim_random_chance(&host->random, sim->params.again))
		return false;
	wait_ns = sim_random_log(&host->random, 10 * US, 200 * MS);
	if (sim_random_chance(&host->random, sim->params.path_fails)) {
		peer->path_until_ns = sim->now_ns + 2 * sim->params.timeout_ns;
		return true;
	}
	event = sim_event_new(sim, SIM_PATH, host->index, peer->port->index);
	event->path.peer = peer->number;
	peer->path_until_ns = sim->now_ns + wait_ns;
	sim_event_put(sim, event, peer->path_until_ns);
	return true;
}

static void
port_check_packet(struct sim_host *host, const struct sim_peer *peer,
		  const struct prober_packet *packet, const struct wire_message *m,
		  const struct prober_peer_info *info)
{
	struct sim *sim = host->sim;

	sim_check(sim, host, peer->magic == SIM_PEER_ALIVE && !peer->removed,
		  "a probe is sent to a peer that is there");
	sim_check(sim, host, peer->port->up, "nothing is sent on a device that is down");
	sim_check(sim, host,
		  info->state == PROBER_PEER_UP || info->state == PROBER_PEER_CHECKING ||
			  info->state == PROBER_PEER_NO_DATA,
		  "nothing is sent to a peer without session");
	sim_check(sim, host, m->type == PROBE_WIRE_PROBE && m->session == info->session.session,
		  "a probe carries the peer's session");
	sim_check(sim, host, (uint32_t)m->seq == packet->cookie,
		  "sequence numbers are the prober's own");
	sim_check(sim, host, !sim_probe_find(host, m->seq),
		  "sequence numbers in flight are unique");
	sim_check(sim, host,
		  packet->size >= PROBE_WIRE_SIZE_MIN && packet->size <= info->session.max_size,
		  "a probe has a size that goes");
}

/* What stops a probe before it is posted: 0, or what the send returns. */
static int
port_refuses(struct sim_host *host, struct sim_peer *peer, struct sim_target *target,
	     const struct prober_packet *packet, const char **reason)
{
	target->again = port_path_is_away(host, peer);
	if (target->again)
		return -EAGAIN;
	if (packet->size > peer->port->mtu) {
		sim_check(host->sim, host, target->too_large, "what can be made to fit fits");
		target->errors++;
		*reason = "larger than the MTU of the local port";
		return -EMSGSIZE;
	}
	if (sim_random_chance(&host->random, host->sim->params.send_error)) {
		target->errors++;
		*reason = "send queue is full";
		return -ENOBUFS;
	}
	return 0;
}

/* What the simulation remembers of a probe that is posted. */
static struct sim_probe *
port_note_probe(struct sim_host *host, const struct sim_peer *peer, struct sim_target *target,
		const struct prober_packet *packet, uint64_t seq,
		const struct prober_session *session, const struct port_stamp *s)
{
	struct sim_probe *probe = sim_probe_new(target, seq);

	probe->session = session->session;
	probe->incarnation = session->incarnation;
	probe->t1_ns = s->t1_ns;
	probe->t2_ns = s->left.ns;
	probe->posted_ns = host->sim->now_ns;
	probe->left_ns = s->left_ns;
	probe->hw = peer->port->hw;
	probe->src_moved = peer->port->moved;
	probe->src_port = sim_net_port(peer->port, packet->flow_label);
	return probe;
}

/* A send that is not done at once completes later, fails, or is never told of. */
static void
port_finish_probe(struct sim_host *host, struct sim_port *port, struct sim_probe *probe,
		  uint32_t cookie, const struct port_stamp *s)
{
	const struct sim_params *p = &host->sim->params;

	if (s->done)
		return;
	if (sim_random_chance(&host->random, p->send_never)) {
		probe->sent_never = true;
		return;
	}
	probe->sent_failed = sim_random_chance(&host->random, p->send_fails);
	port_completes(port, false, cookie, s, probe->sent_failed ? -EIO : 0);
}

/* A challenge is answered: no probe, and nobody waits for its completion. */
static int
port_send_echo(struct sim_peer *peer, const struct prober_packet *packet,
	       const struct wire_message *m, const struct prober_peer_info *info,
	       struct prober_tx *tx)
{
	struct sim_host *host = peer->host;
	struct port_stamp s;

	sim_check(host->sim, host, sim_probe_find(host, m->seq) != NULL,
		  "an echo belongs to a probe in flight");
	if (port_path_is_away(host, peer))
		return -EAGAIN;
	s = port_post(peer->port, 0);
	*tx = (struct prober_tx){.t1_ns = s.t1_ns, .t2 = s.left, .done = true};
	port_wire(peer->port, packet->payload, packet->size, &peer->remote->addr,
		  peer->port->prober_qpn, info->session.qpn,
		  sim_net_port(peer->port, packet->flow_label), s.left_ns);
	return 0;
}

int
sim_port_send_probe(void *arg, void *peer_user, const struct prober_packet *packet,
		    struct prober_tx *tx, const char **reason)
{
	struct sim_host *host = arg;
	struct sim_peer *peer = peer_user;
	struct sim_target *target = port_target(peer, packet);
	struct prober_peer_info info;
	struct sim_probe *probe;
	struct wire_message m;
	struct port_stamp s;
	int rc;

	host->did_something = true;
	prober_peer_info(peer->peer, &info);
	sim_check(host->sim, host, wire_decode(packet->payload, packet->size, &m) == 0,
		  "a probe can be decoded");
	sim_check(host->sim, host, target != NULL, "a probe belongs to a target");
	if (!target || host->sim->failed[0])
		return -EINVAL;
	if (m.type == PROBE_WIRE_ECHO)
		return port_send_echo(peer, packet, &m, &info, tx);
	port_check_packet(host, peer, packet, &m, &info);
	rc = port_refuses(host, peer, target, packet, reason);
	if (rc < 0)
		return rc;
	s = port_post(peer->port, host->sim->params.send_not_done);
	probe = port_note_probe(host, peer, target, packet, m.seq, &info.session, &s);
	*tx = (struct prober_tx){
		.t1_ns = s.t1_ns,
		.t2 = s.done ? s.left : (struct hwclock_moment){0},
		.done = s.done,
		.source = sim_port_addr(peer->port, peer->port->moved),
		.src_port = probe->src_port,
		.path = PROBE_PATH_EXACT,
	};
	port_finish_probe(host, peer->port, probe, packet->cookie, &s);
	if (host->sim->trace)
		sim_story(host->sim, host, "posts probe %llx to %u.%u, flow label %u",
			  (unsigned long long)m.seq, peer->remote->host->index, peer->remote->index,
			  packet->flow_label);
	if (!probe->sent_failed)
		port_wire(peer->port, packet->payload, packet->size, &peer->remote->addr,
			  peer->port->prober_qpn, info.session.qpn, probe->src_port, s.left_ns);
	return 0;
}

/* ---- the responder's sends ---- */

static bool
port_return_is_away(struct sim_port *port, const struct sim_port *to, bool moved)
{
	struct sim *sim = port->host->sim;
	struct sim_random *random = &port->host->random;
	struct sim_event *event;

	if (sim->now_ns < port->away_until_ns)
		return port->away_host == to->host->index && port->away_port == to->index &&
		       port->away_moved == moved;
	if (!sim_random_chance(random, sim->params.return_again))
		return false;
	port->away_host = to->host->index;
	port->away_port = to->index;
	port->away_moved = moved;
	port->away_until_ns = sim->now_ns + sim_random_log(random, 10 * US, 2 * SEC);
	event = sim_event_new(sim, SIM_RETURN_PATH, port->host->index, port->index);
	event->path.remote_host = to->host->index;
	event->path.remote_port = to->index;
	event->path.remote_moved = moved;
	event->path.failed = sim_random_chance(random, sim->params.path_fails);
	sim_event_put(sim, event, port->away_until_ns);
	return true;
}

/* The record of a probe that is answered; NULL: it is over. */
static struct sim_probe *
port_answered(const struct responder_ack *ack, const struct sim_port *to, struct wire_message *m)
{
	return wire_decode(ack->payload, ack->size, m) == 0 ? sim_probe_find(to->host, m->seq) :
							      NULL;
}

static int
port_send_ack(void *arg, void *device_user, const struct responder_ack *ack, bool want_sent,
	      struct responder_tx *tx)
{
	struct sim_host *host = arg;
	struct sim_port *port = device_user, *to = port_of_addr(host->sim, &ack->remote);
	const struct sim_params *p = &host->sim->params;
	struct sim_probe *probe;
	struct wire_message m = {0};
	struct port_stamp s;
	int status;

	host->did_something = true;
	sim_check(host->sim, host, to != NULL && addr_equal(&ack->local, &port->addr),
		  "an ACK goes to a prober, from our address");
	if (!to)
		return -EINVAL;
	probe = port_answered(ack, to, &m);
	sim_check(host->sim, host,
		  (m.type != PROBE_WIRE_ACK1 && m.type != PROBE_WIRE_ACK2) ||
			  !sim_attack_has_strong(host->sim, m.session),
		  "no ACK is sent for what a third host asks in another's name");
	if (!port->built || port->moved ||
	    port_return_is_away(port, to, ack->remote.raw[13] & PORT_MOVED)) {
		/* Once ACK1 is out there is nobody who would send ACK2 later. */
		if (probe && m.type == PROBE_WIRE_ACK2)
			probe->ack2_dropped = true;
		return port->built && !port->moved ? -EAGAIN : -ENODEV;
	}
	if (sim_random_chance(&host->random, p->send_error)) {
		if (probe && m.type == PROBE_WIRE_ACK1)
			probe->refused = true;
		else if (probe)
			probe->ack2_dropped = true;
		return -ENOBUFS;
	}
	s = port_post(port, p->send_not_done);
	*tx = (struct responder_tx){.t4 = s.done ? s.left : (struct hwclock_moment){0},
				    .done = s.done,
				    .src_port = sim_net_port(port, ack->flow_label)};
	if (probe && m.type == PROBE_WIRE_ACK2)
		probe->return_src_port = sim_net_port(port, ack->flow_label);
	status = !s.done && sim_random_chance(&host->random, p->send_fails) ? -EIO : 0;
	if (!s.done && want_sent)
		port_completes(port, true, ack->cookie, &s, status);
	if (probe && status < 0 && m.type != PROBE_WIRE_ACK2)
		probe->refused = probe->ack2_dropped = true;
	else if (probe && status < 0)
		probe->ack2_dropped = true;
	if (status == 0)
		port_wire(port, ack->payload, ack->size, &ack->remote, port->responder_qpn,
			  ack->qpn, sim_net_port(port, ack->flow_label), s.left_ns);
	return 0;
}

const struct responder_ops sim_responder_ops = {.send = port_send_ack};

/* ---- completions and arrivals ---- */

void
sim_port_completed(struct sim_host *host, const struct sim_event *event)
{
	if (event->sent.responder)
		responder_sent(host->responder, event->sent.cookie, event->sent.status,
			       &event->sent.left, sim_host_now(host));
	else
		prober_sent(host->prober, event->sent.cookie, event->sent.status, &event->sent.left,
			    sim_host_now(host));
}

/* When a message that the loop has come to was received, as far as this port can tell. */
static struct hwclock_moment
port_received_at(const struct sim_port *port, const struct sim_event *event, uint64_t *waited_ns)
{
	uint64_t arrived_ns = sim_clock_at(port->host, event->arrived_ns);
	struct hwclock_moment moment = {
		.ns = sim_host_now(port->host),
		.error_ns = sim_random_below(&port->host->random, 10 * US),
	};

	port_stamp_hw(port, event->arrived_ns, &moment);
	*waited_ns = moment.ns > arrived_ns + moment.error_ns ?
			     moment.ns - arrived_ns - moment.error_ns :
			     0;
	return moment;
}

static const uint8_t *
port_payload(const struct sim_message *message)
{
	static uint8_t payload[UINT16_MAX];

	memcpy(payload, message->head, PROBE_WIRE_SIZE_MIN);
	return payload;
}

/* Seen from the prober's record: which of the responder's answers it was. */
static void
port_note_refusal(struct sim_probe *probe, const struct responder_stats *before,
		  const struct responder_stats *after, uint64_t arrived_ns)
{
	uint64_t refused = after->refused_source - before->refused_source +
			   (after->refused_total - before->refused_total);

	if (refused != after->refused_told - before->refused_told ||
	    after->send_errors != before->send_errors)
		probe->refused = true;
	else if (after->held != before->held || after->held_dropped != before->held_dropped)
		probe->held = true;
	else if (after->unknown_session != before->unknown_session ||
		 after->wrong_source != before->wrong_source)
		probe->killed_ns = arrived_ns;
}

static void
port_probe_arrived(struct sim_port *port, const struct sim_event *event, struct sim_probe *probe)
{
	struct sim_host *host = port->host;
	struct sim *sim = host->sim;
	const struct sim_message *message = &event->message;
	struct responder_stats before, after;
	struct responder_rx rx = {
		.device_user = port,
		.src = sim_port_addr(&sim->host[message->src_host].port[message->src_port],
				     message->src_moved),
		.dst = port->addr,
		.src_qpn = message->src_qpn,
		.payload = port_payload(message),
		.len = message->size,
	};
	uint64_t waited_ns;

	rx.t3 = port_received_at(port, event, &waited_ns);
	if (message->tainted)
		port->tainted_until_ns = sim->now_ns + 5 * SEC;
	if (probe && probe->arrived_ns == 0)
		probe->arrived_ns = event->arrived_ns;
	if (probe)
		probe->waited_ns += waited_ns;
	responder_stats(host->responder, &before);
	responder_received(host->responder, &rx, sim_host_now(host));
	responder_stats(host->responder, &after);
	if (sim->trace)
		sim_story(sim, host, "probe %llx from %u.%u%s",
			  probe ? (unsigned long long)probe->wire_seq : 0, message->src_host,
			  message->src_port, after.ack1 != before.ack1 ? ", answered" : "");
	if (probe)
		port_note_refusal(probe, &before, &after, event->arrived_ns);
	sim_check(sim, host, after.sessions <= 2 * sim->n_hosts * SIM_PORTS_MAX *
					  (RESPONDER_SAME_MAX + RESPONDER_UNPROVEN_MAX + 2),
		  "sessions are bounded by who asked");
}

static void
port_ack_arrived(struct sim_port *port, const struct sim_event *event, const struct wire_message *m,
		 struct sim_probe *probe)
{
	struct sim_host *host = port->host;
	const struct sim_message *message = &event->message;
	struct prober_rx rx = {
		.src = sim_port_addr(&host->sim->host[message->src_host].port[message->src_port],
				     message->src_moved),
		.src_qpn = message->src_qpn,
		.payload = port_payload(message),
		.len = message->size,
	};
	uint64_t waited_ns;

	rx.t5 = port_received_at(port, event, &waited_ns);
	if (host->sim->trace)
		sim_story(host->sim, host, "%s of %llx from %u.%u%s", sim_message_name(m->type),
			  (unsigned long long)m->seq, message->src_host, message->src_port,
			  probe ? "" : ", too late");
	if (probe && message->tainted)
		probe->tainted = probe->target->peer->tainted = true;
	if (probe && m->type == PROBE_WIRE_ACK1 && !probe->ack1_given) {
		probe->ack1_given = true;
		probe->ack1_ns = event->arrived_ns;
		probe->ack1_left_ns = message->sent_ns;
		probe->t5_ns = rx.t5.ns;
		probe->waited_ns += waited_ns;
	} else if (probe && m->type == PROBE_WIRE_REFUSED) {
		probe->refusal_given = true;
	} else if (probe && m->type == PROBE_WIRE_ACK2 && !probe->ack2_given) {
		probe->ack2_given = true;
		probe->delay_ns = m->ack2.delay_ns;
	}
	prober_received(host->prober, &rx, sim_host_now(host));
}

void
sim_port_arrived(struct sim_host *host, struct sim_event *event)
{
	struct sim_port *port = &host->port[event->port];
	struct sim_message *message = &event->message;
	struct wire_message m = {.type = PROBE_WIRE_PROBE};
	struct sim_probe *probe = NULL;
	bool is_probe = message->dst_qpn == port->responder_qpn;
	uint8_t head[PROBE_WIRE_SIZE_MIN];

	memcpy(head, message->head, sizeof(head));
	head[PROBE_WIRE_OFF_LENGTH] = 0;
	head[PROBE_WIRE_OFF_LENGTH + 1] = PROBE_WIRE_SIZE_MIN;
	if (wire_decode(head, sizeof(head), &m) == 0)
		probe = sim_probe_find(is_probe ? &host->sim->host[message->src_host] : host,
				       m.seq);
	if (is_probe)
		port_probe_arrived(port, event, m.type == PROBE_WIRE_ECHO ? NULL : probe);
	else
		port_ack_arrived(port, event, &m, m.type == PROBE_WIRE_PROBE ? NULL : probe);
}

/* ---- what becomes of a port ---- */

void
sim_port_number(struct sim_port *port)
{
	struct sim_random *random = &port->host->random;
	uint32_t base = 0x100 + 32 * port->index;

	port->prober_qpn = base + 2 * (uint32_t)sim_random_below(random, PORT_QPNS);
	port->responder_qpn = base + 1 + 2 * (uint32_t)sim_random_below(random, PORT_QPNS);
	port->incarnation = sim_random_u64(random);
	port->rebuilt_ns = port->host->sim->now_ns;
}

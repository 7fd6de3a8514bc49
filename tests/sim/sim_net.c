/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire. Between two ports there are SIM_PATHS paths, each with a delay of its own in each
 * direction; the UDP source port says which is taken. What happens to a message is written down in
 * the record of the probe that it belongs to.
 */
#include <errno.h>
#include <string.h>

#include "sim.h"
#include "stat/interval.h"

uint16_t
sim_net_port(const struct sim_port *port, uint32_t flow_label)
{
	return (uint16_t)(0xc000 | (sim_hash(port->salt, flow_label) & 0x3fff));
}

static uint64_t
net_route(const struct sim_event *event, uint32_t src_host, uint32_t src_port)
{
	return sim_hash((uint64_t)src_host << 32 | src_port,
			(uint64_t)event->host << 32 | event->port);
}

static bool
net_is_cut(const struct sim *sim, const struct sim_event *event, uint32_t src_host,
	   uint32_t src_port)
{
	if (sim->partition && (src_host ^ event->host) & 1)
		return true;
	return sim->host[src_host].port[src_port].cut ||
	       sim->host[event->host].port[event->port].cut;
}

static uint64_t
net_delay(struct sim *sim, uint64_t route, uint64_t path)
{
	const struct sim_params *p = &sim->params;
	struct sim_random fixed = {sim_hash(sim->seed, sim_hash(route, path))};
	uint64_t delay_ns = sim_random_log(&fixed, p->delay_min_ns, p->delay_max_ns);

	if (p->jitter_ns)
		delay_ns += sim_random_below(&sim->random, p->jitter_ns);
	if (sim_random_chance(&sim->random, p->reorder))
		delay_ns += sim_random_below(&sim->random, p->reorder_ns + 1);
	if (sim_random_chance(&sim->random, p->very_late))
		delay_ns += sim_random_below(&sim->random, 4 * p->timeout_ns);
	return delay_ns;
}

static bool
net_loses(struct sim *sim, uint64_t route, uint64_t path)
{
	const struct sim_params *p = &sim->params;

	if (sim_random_chance(&sim->random, p->loss))
		return true;
	if (!p->bad_path_loss || sim_hash(route ^ path, sim->seed) % SIM_CHANCE >= p->bad_path)
		return false;
	return sim_random_chance(&sim->random, p->bad_path_loss);
}

/*
 * The record that a message belongs to: by what its sender wrote. NULL: it is over, or its host has
 * ended.
 */
static struct sim_probe *
net_record(struct sim *sim, const struct sim_event *event, struct wire_message *m)
{
	uint32_t prober;

	if (wire_decode(event->message.head, PROBE_WIRE_SIZE_MIN, m) < 0) {
		/* A probe that is longer: the length is the only thing wrong with it. */
		uint8_t head[PROBE_WIRE_SIZE_MIN];

		memcpy(head, event->message.head, sizeof(head));
		head[PROBE_WIRE_OFF_LENGTH] = 0;
		head[PROBE_WIRE_OFF_LENGTH + 1] = PROBE_WIRE_SIZE_MIN;
		if (wire_decode(head, sizeof(head), m) < 0)
			return NULL;
	}
	prober = m->type == PROBE_WIRE_PROBE || m->type == PROBE_WIRE_ECHO ?
			 event->message.src_host :
			 event->host;
	return sim_probe_find(&sim->host[prober], m->seq);
}

const char *
sim_message_name(enum probe_wire_type type)
{
	static const char *const names[] = {"?",       "probe",     "ACK1", "ACK2",
					    "REFUSED", "CHALLENGE", "ECHO"};

	return names[(size_t)type < sizeof(names) / sizeof(names[0]) ? type : 0];
}

static void
net_drop(struct sim *sim, struct sim_event *event, struct sim_probe *probe,
	 const struct wire_message *m, const char *why)
{
	if (probe && m->type == PROBE_WIRE_ACK2)
		probe->ack2_dropped = true;
	else if (probe)
		probe->dropped = true;
	if (probe && m->type == PROBE_WIRE_ACK1)
		probe->ack1_dropped = true;
	if (sim->trace)
		sim_story(sim, &sim->host[event->host], "%s of %llx from %u.%u dropped: %s",
			  sim_message_name(m->type),
			  (unsigned long long)m->seq, event->message.src_host,
			  event->message.src_port, why);
	sim_event_free(sim, event);
}

/*
 * One bit of what the codec reads is another one. Whatever this probe's result will be, nothing is
 * said about it.
 */
static void
net_corrupt(struct sim *sim, struct sim_event *event, struct sim_probe *probe)
{
	uint64_t bit = sim_random_below(&sim->random, PROBE_WIRE_SIZE_MIN * 8);

	event->message.head[bit / 8] ^= (uint8_t)(1u << bit % 8);
	event->message.tainted = true;
	if (probe) {
		probe->tainted = true;
		probe->target->peer->tainted = true;
	}
}

static void
net_deliver(struct sim *sim, struct sim_event *event, struct sim_probe *probe, uint64_t at_ns)
{
	if (probe && at_ns > probe->late_ns)
		probe->late_ns = at_ns;
	event->arrived_ns = at_ns;
	sim_event_put(sim, event, at_ns);
}

static void
net_copy(struct sim *sim, const struct sim_event *event, struct sim_probe *probe, uint64_t at_ns)
{
	struct sim_event *copy = sim_event_new(sim, event->kind, event->host, event->port);

	copy->message = event->message;
	copy->message.copy = true;
	if (probe)
		probe->copied = true;
	net_deliver(sim, copy, probe, at_ns);
}

void
sim_net_send(struct sim *sim, struct sim_event *event, uint32_t src_host, uint32_t src_port,
	     uint16_t udp_port, uint64_t leaves_ns)
{
	const struct sim_params *p = &sim->params;
	uint64_t route = net_route(event, src_host, src_port),
		 path = sim_hash(route, udp_port) % SIM_PATHS;
	struct wire_message m = {.type = PROBE_WIRE_PROBE};
	struct sim_probe *probe;

	event->message.src_host = src_host;
	event->message.src_port = src_port;
	event->message.sent_ns = leaves_ns;
	sim_attack_heard(sim, event);
	probe = net_record(sim, event, &m);
	if (probe && event->message.tainted)
		probe->tainted = true;
	if (net_is_cut(sim, event, src_host, src_port)) {
		net_drop(sim, event, probe, &m, "cut");
		return;
	}
	if (net_loses(sim, route, path)) {
		net_drop(sim, event, probe, &m, "lost");
		return;
	}
	/* The ICRC of RoCE sees to it that what was changed is dropped; what if it were not? */
	if (sim_random_chance(&sim->random, p->corrupt)) {
		net_drop(sim, event, probe, &m, "corrupt");
		return;
	}
	if (sim_random_chance(&sim->random, p->corrupt_delivered))
		net_corrupt(sim, event, probe);
	if (sim_random_chance(&sim->random, p->dup))
		net_copy(sim, event, probe,
			 leaves_ns + net_delay(sim, route, path) +
				 sim_random_below(&sim->random, 20 * MS));
	net_deliver(sim, event, probe, leaves_ns + net_delay(sim, route, path));
}

void
sim_net_replay(struct sim *sim, struct sim_event *event)
{
	struct wire_message m = {.type = PROBE_WIRE_PROBE};

	net_copy(sim, event, net_record(sim, event, &m), sim->now_ns + 10 * US);
	sim_event_free(sim, event);
}

bool
sim_net_sidr(struct sim *sim, struct sim_event *event, uint32_t src_host, uint32_t src_port,
	     uint64_t leaves_ns)
{
	const struct sim_params *p = &sim->params;
	uint64_t route = net_route(event, src_host, src_port);

	if (net_is_cut(sim, event, src_host, src_port) ||
	    sim_random_chance(&sim->random, p->sidr_loss)) {
		sim_event_free(sim, event);
		return false;
	}
	if (event->sidr.len && sim_random_chance(&sim->random, p->corrupt_delivered)) {
		uint64_t bit = sim_random_below(&sim->random, event->sidr.len * 8);

		event->sidr.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		event->sidr.tainted = true;
	}
	if (sim_random_chance(&sim->random, p->sidr_dup)) {
		struct sim_event *copy = sim_event_new(sim, event->kind, event->host, event->port);

		copy->sidr = event->sidr;
		copy->boot = event->boot;
		sim_event_put(sim, copy,
			      leaves_ns + net_delay(sim, route, 0) +
				      sim_random_below(&sim->random, 100 * MS));
	}
	sim_event_put(sim, event, leaves_ns + net_delay(sim, route, 0));
	return true;
}

/* ---- what it loses ---- */

/*
 * The wire loses each message with the same chance, alone: what was lost is binomial. Level: of
 * 10^6 seeds of this kind with three figures each not one fails by chance in a thousand such runs.
 */
#define NET_LEVEL (1 - 1e-10)

static void
net_share(struct sim *sim, uint64_t n, uint64_t of, double share, const char *what)
{
	struct interval interval;

	interval_proportion(n, of, NET_LEVEL, &interval);
	sim_check(sim, NULL, interval.low <= share && share <= interval.high, what);
}

void
sim_check_loss(struct sim *sim)
{
	const uint64_t *told = sim->told.by_class;
	uint64_t lost = told[PROBE_LOST], ack1 = told[PROBE_ACK1_MISSING];
	uint64_t ack2 = told[PROBE_ACK2_MISSING], some = told[PROBE_OK] + ack1 + ack2;
	double loss = (double)sim->params.loss / SIM_CHANCE;
	uint64_t held = 0;

	/* A probe whose challenge was lost is held, and may be answered after the next one. */
	for (uint32_t i = 0; i < sim->n_hosts; i++) {
		struct responder_stats stats = {0};

		if (sim->host[i].responder)
			responder_stats(sim->host[i].responder, &stats);
		held += stats.held;
	}
	sim_check(sim, NULL,
		  told[PROBE_PEER_RESTARTED] + told[PROBE_LOCAL_ERROR] == 0 &&
			  told[PROBE_LATE] <= held,
		  "loss is only loss");
	net_share(sim, lost, lost + some, loss + (1 - loss) * loss * loss,
		    "lost: as much as the wire loses of a probe, or of both ACKs");
	net_share(sim, ack1, some, loss / (1 + loss), "ack1_missing: where not both ACKs are");
	net_share(sim, ack2, some, loss / (1 + loss), "ack2_missing: where not both ACKs are");
}

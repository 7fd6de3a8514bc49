/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The oracle. Each probe that was posted has a record, into which the world writes what it did with
 * it; when its result is told the class must follow from the record, and the times must agree with
 * true time. A record is there from the post to the result: a second result finds none, a missing
 * one leaves it behind.
 *
 * With every event of a host: its prober's totals, as told and as counted. At every sweep: each of
 * its objects. When the faults are over and some time has passed: everything is up and ok. At the
 * end: nothing is left.
 */
#include <stdio.h>
#include <string.h>

#include "sim.h"

void
sim_check(struct sim *sim, const struct sim_host *host, bool holds, const char *what)
{
	if (holds || sim->failed[0])
		return;
	sim->failed_ns = sim->now_ns;
	if (host)
		snprintf(sim->failed, sizeof(sim->failed), "host %u: %s", host->index, what);
	else
		snprintf(sim->failed, sizeof(sim->failed), "%s", what);
	sim_story(sim, host, "BROKEN: %s", what);
}

/* ---- records ---- */

static struct sim_probe **
check_slot(struct sim_host *host, uint64_t wire_seq)
{
	return &host->table[wire_seq % SIM_TABLE];
}

struct sim_probe *
sim_probe_new(struct sim_target *target, uint64_t wire_seq)
{
	struct sim_host *host = target->peer->host;
	struct sim_probe **slot = check_slot(host, wire_seq), *probe = host->free_probes;

	if (probe)
		host->free_probes = probe->next;
	else
		probe = sim_alloc(1, sizeof(*probe));
	*probe = (struct sim_probe){.target = target, .wire_seq = wire_seq, .next = *slot};
	*slot = probe;
	TAILQ_INSERT_TAIL(&target->probes, probe, in_target);
	target->posted++;
	host->n_records++;
	return probe;
}

struct sim_probe *
sim_probe_find(struct sim_host *host, uint64_t wire_seq)
{
	struct sim_probe *probe = *check_slot(host, wire_seq);

	while (probe && probe->wire_seq != wire_seq)
		probe = probe->next;
	return probe;
}

void
sim_probe_free(struct sim_probe *probe)
{
	struct sim_host *host = probe->target->peer->host;
	struct sim_probe **at = check_slot(host, probe->wire_seq);

	while (*at != probe)
		at = &(*at)->next;
	*at = probe->next;
	TAILQ_REMOVE(&probe->target->probes, probe, in_target);
	host->n_records -= !probe->doubtful;
	probe->next = host->free_probes;
	host->free_probes = probe;
}

/* The record of the probe that a message is of, or answers. */
static struct sim_probe *
check_record(struct sim *sim, const struct sim_event *event, uint8_t *type)
{
	const uint8_t *head = event->message.head;
	uint64_t seq = 0;

	*type = head[PROBE_WIRE_OFF_TYPE];
	for (int i = 0; i < 8; i++)
		seq = seq << 8 | head[PROBE_WIRE_OFF_SEQ + i];
	return sim_probe_find(&sim->host[*type == PROBE_WIRE_PROBE ? event->message.src_host :
								     event->host],
			      seq);
}

void
sim_probe_killed(struct sim *sim, const struct sim_event *event)
{
	uint8_t type;
	struct sim_probe *probe = check_record(sim, event, &type);

	if (probe && type != PROBE_WIRE_ACK2)
		probe->killed_ns = sim->now_ns;
}

void
sim_probe_dropped(struct sim *sim, const struct sim_event *event)
{
	uint8_t type;
	struct sim_probe *probe = check_record(sim, event, &type);

	if (!probe)
		return;
	probe->dropped |= type != PROBE_WIRE_ACK2;
	probe->ack1_dropped |= type == PROBE_WIRE_ACK1;
	probe->ack2_dropped |= type == PROBE_WIRE_ACK2;
}

/* ---- results ---- */

/* Whether what the probe was sent to is no more. */
static bool
check_is_restarted(const struct sim_probe *probe)
{
	struct sim_peer *peer = probe->target->peer;
	struct sim_port *remote = peer->remote;

	if (!remote->host->alive || remote->incarnation != probe->incarnation)
		return true;
	return !sim_session_is_open(remote->host, probe->session);
}

/* ACKs that are on their way, or came after the horizon. */
static bool
check_is_too_late(const struct sim_probe *probe)
{
	return probe->late_ns > probe->left_ns + 2 * probe->target->timeout_ns - MS;
}

/*
 * The host that answers did not run: what it holds in its queues cannot be told from what was lost.
 */
static bool
check_waits_there(const struct sim_probe *probe)
{
	const struct sim_host *remote = probe->target->peer->remote->host;

	return probe->arrived_ns == 0 && remote->backlog;
}

/*
 * `lost` needs a message that the wire took, or that the responder's limits took without a word, or
 * an ACK beyond the horizon. What came too late to find anybody (within the timeout) is the
 * restart's doing, not the network's.
 */
static void
check_lost(struct sim_host *host, const struct sim_probe *probe, const struct probe_result *r)
{
	bool excused = probe->dropped || probe->refused || check_is_too_late(probe) ||
		       check_waits_there(probe);

	if (r->class == PROBE_LOST) {
		sim_check(host->sim, host, !probe->ack1_given && !probe->ack2_given,
			  "lost: it has no ACK");
		if (probe->held)
			excused |= probe->killed_ns == 0;
		if (probe->killed_ns &&
		    probe->killed_ns > probe->left_ns + probe->target->timeout_ns)
			excused = true;
		sim_check(host->sim, host, excused,
			  probe->killed_ns ? "lost: but it came to a restarted peer" :
					     "lost: but nothing was dropped");
		return;
	}
	sim_check(host->sim, host, probe->ack1_given, "ack2_missing: it has an ACK1");
	sim_check(host->sim, host, excused || probe->ack2_dropped,
		  "ack2_missing: but nothing was dropped");
}

/* `ack1_missing` needs no peer that lives: its ACK2 says that ACK1 had been sent. */
static void
check_ack1_missing(struct sim_host *host, const struct sim_probe *probe)
{
	sim_check(host->sim, host, probe->ack2_given && !probe->ack1_given,
		  "ack1_missing: it has an ACK2, and no ACK1");
	sim_check(host->sim, host, probe->arrived_ns != 0, "ack1_missing: the way there was good");
	sim_check(host->sim, host, probe->ack1_dropped || check_is_too_late(probe),
		  "ack1_missing: but nothing was dropped");
}

static uint64_t
check_distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/*
 * A hardware clock that wraps is unwrapped by what software measured. A host that did not run for
 * half as long as a wrap makes that worthless, and does not know.
 */
static bool
check_may_have_wrapped(const struct sim_probe *probe)
{
	const struct sim_peer *peer = probe->target->peer;
	uint64_t near_ns = hwclock_wrap_ns(&peer->port->clock),
		 far_ns = hwclock_wrap_ns(&peer->remote->clock);

	return (near_ns && 2 * probe->waited_ns > near_ns) ||
	       (far_ns && 2 * probe->waited_ns > far_ns);
}

/*
 * The network's time against what was measured. Two clocks that drift do not agree on how long
 * anything took.
 */
static void
check_times(struct sim_host *host, const struct sim_probe *probe, const struct probe_result *r)
{
	uint64_t out_ns = probe->arrived_ns - probe->left_ns,
		 back_ns = probe->ack1_ns - probe->ack1_left_ns;
	uint64_t span_ns = probe->ack1_ns - probe->left_ns;
	uint64_t drift_ns = 2 * span_ns * (uint64_t)host->sim->params.drift_ppb / 1000000000 + 16;
	bool hw = probe->hw && probe->target->peer->remote->hw;
	uint64_t low_ns = r->error_ns + drift_ns,
		 high_ns = low_ns + (r->clock == PROBE_CLOCK_HW ? 0 : probe->waited_ns);

	sim_story(host->sim, host,
		  "true %llu ns out, %llu back, %llu waited; told %llu, %s, error %llu, responder "
		  "%llu, prober %llu",
		  (unsigned long long)out_ns, (unsigned long long)back_ns,
		  (unsigned long long)probe->waited_ns, (unsigned long long)r->rtt_ns,
		  probe_clock_name(r->clock), (unsigned long long)r->error_ns,
		  (unsigned long long)r->responder_delay_ns,
		  (unsigned long long)r->prober_delay_ns);
	sim_check(host->sim, host, r->error_ns < SEC, "an error bound says something");
	sim_check(host->sim, host, r->rtt_ns + low_ns >= out_ns + back_ns,
		  "rtt: not less than the network took");
	sim_check(host->sim, host, r->rtt_ns <= out_ns + back_ns + high_ns,
		  "rtt: not more than the network took");
	sim_check(host->sim, host, r->responder_delay_ns == probe->delay_ns,
		  "the responder's delay is the responder's");
	sim_check(host->sim, host,
		  check_distance(r->t_ns[5] - r->t_ns[0],
				 r->rtt_ns + r->responder_delay_ns + r->prober_delay_ns) <=
			  r->error_ns + drift_ns,
		  "the delays add up");
	sim_check(host->sim, host, hw || r->clock == PROBE_CLOCK_SW,
		  "hw is said of two hardware clocks");
}

/* What a host's stall has changed by more than counts as noise anywhere is marked. */
static void
check_noise(struct sim_host *host, const struct sim_probe *probe, const struct probe_result *r)
{
	if (host->sim->params.schedstat && r->clock == PROBE_CLOCK_SW)
		sim_check(host->sim, host,
			  r->host_noise ||
				  probe->waited_ns <= 2 * (NOISE_STALL_MAX_NS + NOISE_AFTER_NS),
			  "noise: what a stall has touched is marked");
	if (host->sim->params.profile == SIM_CALM)
		sim_check(host->sim, host,
			  r->host_noise == PROBE_NOISE_NONE ||
				  r->prober_delay_ns + r->responder_delay_ns > 0,
			  "noise: something was there");
}

static void
check_answered(struct sim_host *host, const struct sim_probe *probe, const struct probe_result *r)
{
	uint64_t answered_ns = probe->t5_ns > probe->t2_ns ? probe->t5_ns - probe->t2_ns : 0;

	sim_check(host->sim, host, probe->ack1_given && probe->ack2_given,
		  "ok: both ACKs were delivered");
	sim_check(host->sim, host, !probe->sent_failed && !probe->sent_never, "ok: it was sent");
	sim_check(host->sim, host,
		  (answered_ns > probe->target->timeout_ns) == (r->class == PROBE_LATE),
		  "late is late, ok is not");
	if (!probe->copied && !(r->host_noise && r->clock == PROBE_CLOCK_HW) &&
	    !check_may_have_wrapped(probe))
		check_times(host, probe, r);
	check_noise(host, probe, r);
}

/* Silence is not called down, and an answer that says no is not called silence. */
static void
check_away(struct sim_host *host, const struct sim_peer *peer, const struct probe_result *r)
{
	sim_check(host->sim, host, peer->failures >= PROBER_RESOLVE_TRIES,
		  "peer_down, unreachable: SIDR has failed often enough");
	sim_check(host->sim, host, peer->silent == (r->class == PROBE_UNREACHABLE),
		  "peer_down: somebody has said so; unreachable: nobody has said anything");
}

static void
check_posted(struct sim_host *host, const struct sim_probe *probe, const struct probe_result *r)
{
	struct sim *sim = host->sim;
	const struct sim_peer *peer = probe->target->peer;
	struct addr source = sim_port_addr(peer->port, probe->src_moved);
	bool complete =
		probe->ack1_given && probe->ack2_given && !probe->sent_failed && !probe->sent_never;

	sim_check(sim, host,
		  r->t_ns[0] == probe->t1_ns && r->src_port == probe->src_port &&
			  addr_equal(&r->source, &source),
		  "a result tells T1, source port and source address");
	if (probe->tainted)
		return;
	sim_check(sim, host,
		  r->return_src_port == (probe->ack2_given ? probe->return_src_port : 0),
		  "a result tells the ACKs' source port once there is an ACK2");
	switch (r->class) {
	case PROBE_OK:
	case PROBE_LATE:
		check_answered(host, probe, r);
		break;
	case PROBE_LOST:
	case PROBE_ACK2_MISSING:
		if (!peer->tainted)
			check_lost(host, probe, r);
		break;
	case PROBE_ACK1_MISSING:
		check_ack1_missing(host, probe);
		break;
	case PROBE_PEER_RESTARTED:
		sim_check(sim, host, peer->tainted || check_is_restarted(probe),
			  "peer_restarted: it is not as it was");
		break;
	case PROBE_PEER_DOWN:
	case PROBE_UNREACHABLE:
		check_away(host, peer, r);
		break;
	case PROBE_LOCAL_ERROR:
		sim_check(sim, host, probe->troubled || probe->sent_failed || probe->sent_never,
			  "local_error: there was one");
		break;
	case PROBE_REFUSED:
		sim_check(sim, host, probe->refusal_given && !probe->ack1_given,
			  "refused: the peer has said so, and nothing else");
		break;
	case PROBE_UNRESOLVED:
	case PROBE_CLASS_N:
		sim_check(sim, host, false, "unresolved: it was not posted");
		break;
	}
	if (r->class != PROBE_OK && r->class != PROBE_LATE && !probe->troubled)
		sim_check(sim, host, !complete, "what has both ACKs is answered");
}

static void
check_unposted(struct sim_host *host, struct sim_target *target, const struct probe_result *r)
{
	struct sim *sim = host->sim;
	const struct sim_peer *peer = target->peer;

	if (r->class == PROBE_PEER_DOWN || r->class == PROBE_UNREACHABLE) {
		check_away(host, peer, r);
	} else if (r->class == PROBE_UNRESOLVED) {
		sim_check(sim, host, !peer->ever_resolved, "unresolved: it never answered");
	} else if (r->class == PROBE_LOCAL_ERROR && target->errors) {
		target->errors--;
	} else {
		bool sizes = peer->tainted || target->too_large;

		sim_check(sim, host, r->class == PROBE_LOCAL_ERROR,
			  "what was not posted is a local error, or its peer is away");
		sim_check(sim, host,
			  !peer->port->up || target->again || sizes || sim->params.out_of_memory,
			  "local_error: there was one");
	}
}

static struct sim_probe *
check_find(struct sim_target *target, uint64_t t1_ns)
{
	struct sim_probe *probe;

	TAILQ_FOREACH(probe, &target->probes, in_target)
		if (probe->t1_ns == t1_ns)
			return probe;
	return NULL;
}

/* Told to whoever looks at the results, and kept for those who replay. */
static void
check_tell(struct sim_host *host, const struct sim_target *target, const struct probe_result *r)
{
	struct sim *sim = host->sim;

	sim_mix(sim, sim_hash(r->seq, (uint64_t)r->class << 32 | host->index));
	sim_mix(sim, r->rtt_ns ^ r->error_ns << 20 ^ r->due_ns);
	if (sim->trace)
		sim_story(sim, host,
			  "to %u.%u, flow label %u, %s probe %llu: %s%s%s%s, rtt %llu us",
			  target->peer->remote->host->index, target->peer->remote->index,
			  target->flow_label, probe_kind_name(r->kind), (unsigned long long)r->seq,
			  probe_class_name(r->class), r->reason ? " (" : "",
			  r->reason ? r->reason : "", r->reason ? ")" : "",
			  (unsigned long long)(r->rtt_ns / US));
}

void
sim_check_result(struct sim_target *target, const struct probe_result *r)
{
	struct sim_host *host = target->peer->host;
	struct sim *sim = host->sim;
	struct sim_probe *probe = r->posted ? check_find(target, r->t_ns[0]) : NULL;

	check_tell(host, target, r);
	sim_check(sim, host, r->class < PROBE_CLASS_N && r->kind == target->kind,
		  "a result has a class, and the target's kind");
	sim_check(sim, host, r->due_ns <= sim_host_now(host) + 10 * MS,
		  "nothing comes due in the future");
	/*
	 * The ACK1 may be that of one copy of a probe and the ACK2 that of another, or the network
	 * has garbled the ACK2.
	 */
	if (probe && (probe->copied || probe->tainted) && probe_class_is_answered(r->class) &&
	    !r->measured)
		sim->n_impossible++;
	else
		sim_check(sim, host,
			  r->measured == (r->class == PROBE_OK || r->class == PROBE_LATE),
			  "measured is what was answered");
	sim_check(sim, host, !r->posted || probe, "a probe that was posted has one result");
	target->told.by_class[r->class]++;
	host->told.by_class[r->class]++;
	target->peer->port->told.by_class[r->class]++;
	sim->told.by_class[r->class]++;
	sim->n_probes++;
	if (sim->now_ns >= sim->calm_from_ns && (!probe || probe->posted_ns >= sim->calm_from_ns))
		sim_check(sim, host, r->class == PROBE_OK || (!r->posted && target->too_large),
			  "all is ok when the faults are over");
	if (sim->params.profile == SIM_CALM)
		sim_check(sim, host, r->class == PROBE_OK, "nothing went wrong: all is ok");
	if (probe)
		check_posted(host, probe, r);
	else
		check_unposted(host, target, r);
	if (probe && r->class == PROBE_UNREACHABLE) {
		/* It may be corrected. */
		probe->doubtful = true;
		host->n_records--;
	} else if (probe) {
		sim_probe_free(probe);
	}
}

static void
check_move(struct probe_totals *totals, enum probe_class to)
{
	totals->by_class[PROBE_UNREACHABLE]--;
	totals->by_class[to]++;
}

/* A correction says what a result would have said: all is checked that is checked of `lost`. */
void
sim_check_corrected(struct sim_target *target, const struct probe_result *r)
{
	struct sim_host *host = target->peer->host;
	struct sim_port *port = target->peer->port;
	struct sim_probe *probe = check_find(target, r->t_ns[0]);

	check_tell(host, target, r);
	sim_check(host->sim, host, probe && probe->doubtful && r->posted,
		  "corrected: it was posted, and told as unreachable");
	if (!probe)
		return;
	sim_check(host->sim, host, r->class == PROBE_LOST || r->class == PROBE_ACK2_MISSING,
		  "corrected: it is a loss");
	if (!probe->tainted && !target->peer->tainted)
		check_lost(host, probe, r);
	check_move(&target->told, r->class);
	check_move(&target->windowed, r->class);
	check_move(&host->told, r->class);
	check_move(&port->told, r->class);
	check_move(&port->windowed, r->class);
	check_move(&host->sim->told, r->class);
	host->sim->n_corrected++;
	sim_probe_free(probe);
}

/* ---- sums ---- */

static uint64_t
check_sum(const struct probe_totals *totals)
{
	uint64_t sum = 0;

	for (int i = 0; i < PROBE_CLASS_N; i++)
		sum += totals->by_class[i];
	return sum;
}

void
sim_check_host(struct sim_host *host)
{
	struct prober_stats stats;

	prober_stats(host->prober, &stats);
	sim_check(host->sim, host, stats.totals.due == check_sum(&stats.totals) + stats.in_flight,
		  "due = ended + in flight");
	sim_check(host->sim, host, stats.totals.posted <= stats.totals.due,
		  "no more posted than due");
	sim_check(host->sim, host,
		  memcmp(stats.totals.by_class, host->told.by_class, sizeof(host->told.by_class)) ==
			  0,
		  "what is counted has been told");
	sim_check(host->sim, host, stats.in_flight == host->n_records,
		  "what is in flight was posted and has not ended");
}

static void
check_target(const struct sim_target *target, uint32_t *in_flight, struct probe_totals *sum)
{
	struct sim_host *host = target->peer->host;
	struct prober_target_info info;

	prober_target_info(target->target, &info);
	sim_check(host->sim, host, info.user == target, "a target is its user's");
	sim_check(host->sim, host, info.totals.due == check_sum(&info.totals) + info.in_flight,
		  "target: due = ended + in flight");
	sim_check(host->sim, host,
		  memcmp(info.totals.by_class, target->told.by_class,
			 sizeof(target->told.by_class)) == 0,
		  "target: what is counted has been told");
	sim_check(host->sim, host, info.totals.posted == target->posted,
		  "target: what is counted as posted was posted");
	*in_flight += info.in_flight;
	probe_totals_add(sum, &info.totals);
}

static void
check_peer(const struct sim_peer *peer, uint32_t *in_flight)
{
	struct sim_host *host = peer->host;
	struct probe_totals totals, sum = {0};
	const struct sim_target *target;
	struct prober_peer_info info;
	uint32_t of_peer = 0;

	TAILQ_FOREACH(target, &peer->targets, in_peer)
		check_target(target, &of_peer, &sum);
	prober_peer_totals(peer->peer, &totals);
	prober_peer_info(peer->peer, &info);
	sim_check(host->sim, host, totals.due == check_sum(&totals) + of_peer,
		  "peer: due = ended + in flight");
	sim_check(host->sim, host, totals.due >= sum.due && totals.posted >= sum.posted,
		  "peer: no less than its targets");
	sim_check(host->sim, host, info.state == peer->state, "peer: its state was told");
	sim_check(host->sim, host, info.state_since_ns <= sim_host_now(host),
		  "peer: no change in the future");
	*in_flight += of_peer;
}

static void
check_devices(struct sim_host *host, uint32_t in_flight)
{
	struct prober_device_info info;
	uint32_t of_devices = 0;

	for (uint32_t i = 0; i < host->sim->params.n_ports; i++) {
		prober_device_info(host->port[i].device, sim_host_now(host), &info);
		sim_check(host->sim, host, info.up == host->port[i].up, "device: as the port is");
		of_devices += info.in_flight;
	}
	sim_check(host->sim, host, of_devices == in_flight,
		  "devices: in flight is what their targets have in flight");
}

void
sim_check_sweep(struct sim *sim)
{
	for (uint32_t i = 0; i < sim->n_hosts && !sim->failed[0]; i++) {
		struct sim_host *host = &sim->host[i];
		const struct sim_peer *peer;
		uint32_t in_flight = 0;

		if (!host->alive)
			continue;
		TAILQ_FOREACH(peer, &host->peers, in_host)
			check_peer(peer, &in_flight);
		sim_check(sim, host, in_flight == host->n_records,
			  "what is in flight has a record");
		check_devices(host, in_flight);
	}
}

static bool
check_is_probed(const struct sim_peer *peer)
{
	const struct sim_target *target;

	TAILQ_FOREACH(target, &peer->targets, in_peer)
		if (!target->stopped && !target->done && !target->too_large)
			return true;
	return false;
}

/* Faults are over, and there was time to notice: for those that probe. */
void
sim_check_calm(struct sim *sim)
{
	for (uint32_t i = 0; i < sim->n_hosts; i++) {
		struct sim_host *host = &sim->host[i];
		const struct sim_peer *peer;

		sim_check(sim, host, host->alive, "all hosts run in the end");
		for (uint32_t n = 0; n < sim->params.n_ports && host->alive; n++)
			sim_check(sim, host, host->port[n].state == PORT_UP,
				  "all ports are up when the faults are over");
		TAILQ_FOREACH(peer, &host->peers, in_host)
			sim_check(sim, host,
				  peer->state == PROBER_PEER_UP || !check_is_probed(peer),
				  "all peers are up when the faults are over");
	}
}

void
sim_check_end(struct sim *sim)
{
	for (uint32_t i = 0; i < sim->n_hosts; i++) {
		struct sim_host *host = &sim->host[i];
		struct sim_probe *probe;

		sim_check(sim, host, host->n_records == 0,
			  "nothing is left of a host that has ended");
		while ((probe = host->free_probes)) {
			host->free_probes = probe->next;
			sim_free(probe);
		}
	}
	sim_check(sim, NULL, sim_memory.blocks == 0, "all memory is given back");
	sim_check(sim, NULL, sim_memory.peak_bytes < (int64_t)sim->n_hosts * SIM_HOST_BYTES,
		  "memory is bounded");
}

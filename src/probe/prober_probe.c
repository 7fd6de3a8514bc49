/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probes in flight and their results. A probe lives from its post until its result has been
 * reported. Its timer fires first at its timeout, which is only counted. It fires again at twice
 * the timeout, or one timeout after a late ACK; then the probe is judged. Without a proof, it fires
 * at intervals of three timeouts, and the peer is asked for a proof. Each proof (an ACK to a later
 * probe, a SIDR reply, the peer going down) judges all unproven probes again.
 *
 * A probe that ends is removed from the table of flights, is counted, and waits in the list `ended`
 * of the prober until prober_drain() reports its result. An ACK after that counts as unknown; if
 * the probe was unreachable, it still shows that the network has not lost it (prober_doubt.c).
 */
#include "probe/prober_impl.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "probe/auth.h"
#include "probe/wire.h"

#define PROBE_FLIGHTS_MIN 64

static struct prober *
probe_prober(const struct prober_probe *probe)
{
	return probe->target->peer->prober;
}

static struct prober_probe **
flights_slot(const struct prober_flights *flights, uint32_t cookie)
{
	return &flights->slot[cookie & (flights->size - 1)];
}

static int
flights_grow(struct prober_flights *flights)
{
	struct prober_flights grown = *flights;

	grown.size = flights->size ? 2 * flights->size : PROBE_FLIGHTS_MIN;
	grown.slot = calloc(grown.size, sizeof(struct prober_probe *));
	if (!grown.slot)
		return -ENOMEM;
	for (uint32_t i = 0; i < flights->size; i++) {
		if (flights->slot[i])
			*flights_slot(&grown, (uint32_t)flights->slot[i]->wire_seq) =
				flights->slot[i];
	}
	free(flights->slot);
	*flights = grown;
	return 0;
}

/*
 * Draws the low half of a sequence number with a free slot. Numbers whose slot is in use are
 * skipped, so the size of the table depends on the number of probes in flight, not on their age.
 */
static int
flights_number(struct prober_flights *flights, uint32_t *out)
{
	if (2 * (flights->n + 1) > flights->size) {
		int err = flights_grow(flights);

		if (err < 0)
			return err;
	}
	while (*flights_slot(flights, flights->next))
		flights->next++;
	*out = flights->next++;
	return 0;
}

static struct prober_probe *
flights_find(const struct prober_flights *flights, uint32_t cookie)
{
	struct prober_probe *probe = flights->size ? *flights_slot(flights, cookie) : NULL;

	return probe && (uint32_t)probe->wire_seq == cookie ? probe : NULL;
}

/* Nobody who has seen some of these bits can tell the next. */
static uint64_t
flights_random(struct prober *prober)
{
	prober->drawn++;
	return siphash(prober->seq_key, &prober->drawn, sizeof(prober->drawn));
}

static void probe_timer(struct prober_timer *timer, uint64_t now_ns);

struct prober_probe *
prober_probe_new(struct prober_target *target, uint32_t size)
{
	struct prober *prober = target->peer->prober;
	struct prober_probe *probe;
	uint32_t number;

	if (flights_number(&prober->flights, &number) < 0)
		return NULL;
	probe = calloc(1, sizeof(*probe));
	if (!probe)
		return NULL;
	if (prober_timer_new(prober, &probe->timer, probe_timer) < 0) {
		free(probe);
		return NULL;
	}
	probe->target = target;
	probe->size = size;
	probe->wire_seq = flights_random(prober) << 32 | number;
	probe->seq = target->seq;
	probe->session = target->peer->session;
	return probe;
}

void
prober_probe_free(struct prober_probe *probe)
{
	prober_timer_free(probe_prober(probe), &probe->timer);
	free(probe);
}

void
prober_probe_list(struct prober_probe *probe, bool listed)
{
	struct prober_flights *flights = &probe_prober(probe)->flights;

	*flights_slot(flights, (uint32_t)probe->wire_seq) = listed ? probe : NULL;
	if (listed)
		flights->n++;
	else
		flights->n--;
}

void
prober_probe_fly(struct prober_probe *probe, const struct prober_tx *tx, uint64_t now_ns)
{
	struct prober_target *target = probe->target;
	struct prober *prober = probe_prober(probe);
	struct prober_lane *lane = prober_target_lane(target);

	probe->tx = *tx;
	probe->due_ns = tx->t1_ns;
	probe->flying = true;
	prober_probe_list(probe, true);
	TAILQ_INSERT_TAIL(&target->probes, probe, in_target);
	target->in_flight++;
	target->peer->device->in_flight++;
	probe->awaited = target->config.kind == PROBE_KIND_PING || !target->peer->solicits;
	target->peer->device->awaited += probe->awaited;
	lane->posted++;
	probe_rate_add(&lane->posted_rate, now_ns);
	prober_count_due(probe, true, tx->t1_ns);
	prober_timer_set(prober, &probe->timer, tx->t1_ns + target->config.timeout_ns);
}

static void
probe_set_unproven(struct prober_probe *probe, bool unproven)
{
	struct prober_peer *peer = probe->target->peer;

	if (unproven == probe->unproven)
		return;
	probe->unproven = unproven;
	if (unproven)
		TAILQ_INSERT_TAIL(&peer->unproven, probe, in_unproven);
	else
		TAILQ_REMOVE(&peer->unproven, probe, in_unproven);
}

/* What it waits for is not urgent any more. */
static void
probe_unawait(struct prober_probe *probe)
{
	if (!probe->awaited)
		return;
	probe->awaited = false;
	probe->target->peer->device->awaited--;
}

static void
probe_land(struct prober_probe *probe)
{
	struct prober_target *target = probe->target;
	struct prober *prober = probe_prober(probe);

	if (!probe->flying)
		return;
	probe->flying = false;
	prober_probe_list(probe, false);
	target->in_flight--;
	target->peer->device->in_flight--;
	probe_unawait(probe);
	prober_timer_stop(prober, &probe->timer);
	probe_set_unproven(probe, false);
}

void
prober_probe_end(struct prober_probe *probe, enum probe_class class, const char *reason,
		 uint64_t now_ns)
{
	struct prober_target *target = probe->target;
	bool posted = probe->flying;
	struct probe_result r;

	probe_land(probe);
	if (posted && class == PROBE_UNREACHABLE)
		prober_doubt_keep(probe);
	probe->class = class;
	probe->reason = reason;
	probe->ended = true;
	TAILQ_INSERT_TAIL(&probe_prober(probe)->ended, probe, in_ended);
	probe->host_noise = prober_noise_of(probe);
	probe->stalled = prober_is_stalled(probe);
	prober_measure_result(probe, &r);
	prober_count_result(probe, &r, now_ns);
	if (r.measured) {
		target->peer->last_ok_ns = now_ns;
		target->peer->last_rtt_ns = r.rtt_ns;
		if (r.host_noise == PROBE_NOISE_NONE)
			target->usual_rtt_ns = r.rtt_ns;
	} else if (probe_class_is_answered(class)) {
		target->peer->impossible++;
		target->peer->prober->impossible++;
	}
	prober_target_check_done(target);
}

void
prober_probe_unposted(struct prober_target *target, uint32_t size, enum probe_class class,
		      const char *reason, uint64_t now_ns)
{
	struct prober_probe *probe = &target->peer->device->spare;

	/* Between two due probes of a device, prober_drain() has run. */
	assert(!probe->ended);
	*probe = (struct prober_probe){
		.target = target,
		.seq = target->seq,
		.due_ns = target->due_ns,
		.size = size,
	};
	TAILQ_INSERT_TAIL(&target->probes, probe, in_target);
	prober_count_due(probe, false, now_ns);
	prober_probe_end(probe, class, reason, now_ns);
}

static void
probe_unlink(struct prober_probe *probe)
{
	TAILQ_REMOVE(&probe->target->probes, probe, in_target);
	if (probe->ended)
		TAILQ_REMOVE(&probe_prober(probe)->ended, probe, in_ended);
	probe->ended = false;
	if (probe != &probe->target->peer->device->spare)
		prober_probe_free(probe);
}

void
prober_probe_tell(struct prober_probe *probe)
{
	struct prober *prober = probe_prober(probe);
	void *user = probe->target->user;
	bool corrected = probe->corrected;
	struct probe_result r;

	prober_measure_result(probe, &r);
	probe_unlink(probe);
	if (!corrected)
		prober->ops->result(prober->arg, user, &r);
	else if (prober->ops->corrected)
		prober->ops->corrected(prober->arg, user, &r);
}

void
prober_probe_forget(struct prober_target *target)
{
	struct prober_probe *probe;

	while ((probe = TAILQ_FIRST(&target->probes))) {
		/* They have no class, so count them as not due; then the totals add up. */
		if (probe->flying)
			prober_count_forget(probe);
		probe_land(probe);
		probe_unlink(probe);
	}
	prober_doubt_drop_all(target->peer, target);
}

static void
probe_complete(struct prober_probe *probe, uint64_t now_ns)
{
	prober_measure(probe);
	/*
	 * The time of arrival counts, not that of handling, so a stall of our host makes no peer
	 * late. This always uses the host's clock.
	 */
	if (probe->t5.ns > probe->tx.t2.ns + probe->target->config.timeout_ns)
		prober_probe_end(probe, PROBE_LATE, NULL, now_ns);
	else
		prober_probe_end(probe, PROBE_OK, NULL, now_ns);
}

static bool
probe_is_complete(const struct prober_probe *probe)
{
	return probe->ack1 && probe->ack2 && probe->tx.done;
}

static uint64_t
probe_judge_ns(const struct prober_probe *probe)
{
	uint64_t timeout_ns = probe->target->config.timeout_ns;
	uint64_t at_ns = probe->tx.t1_ns + 2 * timeout_ns;

	if ((probe->ack1 || probe->ack2) && probe->last_ack_ns + timeout_ns > at_ns)
		at_ns = probe->last_ack_ns + timeout_ns;
	return at_ns;
}

/*
 * If the incarnation was alive at this time, its end is not the reason for a missing answer. It is
 * one timeout after the post: a probe that takes another path, or waits in a queue, may arrive
 * later than a probe that was posted after it, and after a restart.
 */
static uint64_t
probe_lived_ns(const struct prober_probe *probe)
{
	return (probe->ack1 ? probe->t6_ns : probe->tx.t1_ns) + probe->target->config.timeout_ns;
}

static bool
probe_is_proven(const struct prober_probe *probe)
{
	return probe->target->peer->alive_ns >= probe_lived_ns(probe);
}

/*
 * Whether there was an ACK to a probe that was posted one timeout later. Then none comes to this
 * one, or none that counts.
 */
static bool
probe_is_overtaken(const struct prober_probe *probe)
{
	return !probe->ack1 && probe->target->peer->answered_ns >= probe_lived_ns(probe);
}

/*
 * The time at which a weaker proof counts. At a host that has stalled, thousands of messages may
 * wait in the queues of the data path, and a SIDR reply overtakes them. The ACK1 of one probe may
 * overtake the ACK2 of another. So wait one more timeout, also after the last ACK: while ACKs come,
 * the peer still works off its queue.
 */
static uint64_t
probe_grace_ns(const struct prober_probe *probe)
{
	uint64_t since_ns = probe->proven_ns;

	if (!probe->ack1 && probe->target->peer->acked_ns > since_ns)
		since_ns = probe->target->peer->acked_ns;
	return since_ns + probe->target->config.timeout_ns;
}

static void
probe_judge_proven(struct prober_probe *probe, uint64_t now_ns)
{
	if (!probe->proven_ns)
		probe->proven_ns = now_ns;
	if (now_ns >= probe_grace_ns(probe))
		prober_probe_end(probe, probe->ack1 ? PROBE_ACK2_MISSING : PROBE_LOST, NULL,
				 now_ns);
	else
		prober_timer_set(probe_prober(probe), &probe->timer, probe_grace_ns(probe));
}

/* Ends a probe that has waited long enough, if the reason for the missing answer is known. */
static void
probe_judge(struct prober_probe *probe, uint64_t now_ns)
{
	const struct prober_peer *peer = probe->target->peer;

	if (!probe->tx.done)
		prober_probe_end(probe, PROBE_LOCAL_ERROR, "no send completion", now_ns);
	else if (probe->ack2)
		prober_probe_end(probe, PROBE_ACK1_MISSING, NULL, now_ns);
	else if (probe->session.incarnation != peer->session.incarnation)
		prober_probe_end(probe, PROBE_PEER_RESTARTED, NULL, now_ns);
	else if (probe->session.session != peer->session.session)
		prober_probe_end(probe, PROBE_PEER_RESTARTED, "the peer had ended the session",
				 now_ns);
	else if (probe_is_overtaken(probe))
		prober_probe_end(probe, PROBE_LOST, NULL, now_ns);
	else if (peer->state == PROBER_PEER_DOWN)
		prober_probe_end(probe, prober_peer_away_class(peer), peer->reason, now_ns);
	else if (probe_is_proven(probe))
		probe_judge_proven(probe, now_ns);
}

void
prober_probe_judge_unproven(struct prober_peer *peer, uint64_t now_ns)
{
	struct prober_probe *probe = TAILQ_FIRST(&peer->unproven);

	while (probe) {
		struct prober_probe *next = TAILQ_NEXT(probe, in_unproven);

		probe_judge(probe, now_ns);
		probe = next;
	}
}

/* There is no proof yet: asks for one every three timeouts. */
static void
probe_await_proof(struct prober_probe *probe, uint64_t now_ns)
{
	uint64_t wait_ns = 3 * probe->target->config.timeout_ns;
	uint64_t ask_ns = probe->tx.t1_ns + probe->target->config.timeout_ns + wait_ns;
	bool ask = now_ns >= ask_ns;

	probe_set_unproven(probe, true);
	if (probe->proven_ns)
		return;
	prober_timer_set(probe_prober(probe), &probe->timer, ask ? now_ns + wait_ns : ask_ns);
	if (ask)
		prober_peer_fsm(probe->target->peer, PROBER_PEER_TIMEOUTS, now_ns);
}

static void
probe_timer(struct prober_timer *timer, uint64_t now_ns)
{
	struct prober_probe *probe = PROBER_CONTAINER(timer, struct prober_probe, timer);

	if (!probe->timed_out) {
		probe->timed_out = true;
		if (probe->tx.done && !probe->ack1 && !probe->ack2)
			prober_peer_timed_out(probe->target->peer, probe->tx.t1_ns, now_ns);
	}
	if (now_ns < probe_judge_ns(probe)) {
		prober_timer_set(probe_prober(probe), &probe->timer, probe_judge_ns(probe));
		return;
	}
	probe_judge(probe, now_ns);
	if (probe->flying)
		probe_await_proof(probe, now_ns);
}

void
prober_probe_end_all(struct prober_peer *peer, const char *reason, uint64_t now_ns)
{
	struct prober_target *target;
	struct prober_probe *probe;

	prober_doubt_drop_all(peer, NULL);
	TAILQ_FOREACH(target, &peer->targets, in_peer) {
		TAILQ_FOREACH(probe, &target->probes, in_target) {
			if (probe->flying)
				prober_probe_end(probe, PROBE_LOCAL_ERROR, reason, now_ns);
		}
	}
}

void
prober_probe_end_restarted(struct prober_peer *peer, uint64_t now_ns)
{
	struct prober_target *target;
	struct prober_probe *probe;

	TAILQ_FOREACH(target, &peer->targets, in_peer) {
		TAILQ_FOREACH(probe, &target->probes, in_target) {
			/* With ACK2, it waits for nothing that the peer still has to send. */
			if (probe->flying && !probe->ack2 &&
			    probe->session.incarnation != peer->session.incarnation)
				prober_probe_end(probe, PROBE_PEER_RESTARTED, NULL, now_ns);
		}
	}
}

void
prober_sent(struct prober *prober, uint32_t cookie, int status, const struct hwclock_moment *t2,
	    uint64_t now_ns)
{
	struct prober_probe *probe = flights_find(&prober->flights, cookie);

	if (!probe || probe->tx.done)
		return;
	if (status < 0) {
		prober_probe_end(probe, PROBE_LOCAL_ERROR, "send completion with error", now_ns);
	} else {
		probe->tx.done = true;
		probe->tx.t2 = *t2;
		if (probe_is_complete(probe))
			probe_complete(probe, now_ns);
	}
	prober_drain(prober);
}

static bool
probe_came_from(const struct prober_probe *probe, const struct prober_rx *rx)
{
	return addr_equal(&probe->session.addr, &rx->src) && probe->session.qpn == rx->src_qpn;
}

/* Returns false if it had this ACK already. */
static bool
probe_take_ack(struct prober_probe *probe, const struct wire_message *message,
	       const struct prober_rx *rx, uint64_t now_ns)
{
	if (message->type == PROBE_WIRE_ACK1 ? probe->ack1 : probe->ack2)
		return false;
	if (!probe->ack1 && !probe->ack2)
		probe->heard_ns = probe->target->peer->alive_ns;
	probe->last_ack_ns = now_ns;
	if (message->type == PROBE_WIRE_ACK1) {
		probe->ack1 = true;
		if (probe->session.session == probe->target->peer->session.session)
			probe->target->peer->solicits = message->ack1.solicited;
		if (probe->target->config.kind != PROBE_KIND_PING)
			probe_unawait(probe);
		probe->t5 = rx->t5;
		probe->t6_ns = now_ns;
		routers_saw(&probe->target->there, probe->tx.hop_limit, message->ack1.hop_limit);
		routers_saw(&probe->target->back, message->ack1.sent_hop_limit, rx->hop_limit);
		return true;
	}
	probe->ack2 = true;
	probe->delay_ns = message->ack2.delay_ns;
	probe->t3_ns = message->ack2.t3_ns;
	probe->delay_error_ns = message->ack2.error_ns;
	probe->return_src_port = message->ack2.src_port;
	probe->target->back_src_port = message->ack2.src_port;
	probe->delay_clock = (enum probe_clock)message->ack2.clock;
	if (message->ack2.noise)
		prober_noise_told(probe, message->ack2.stall_ms, now_ns);
	return true;
}

/* An ACK has come to a probe that waits for a proof. It gets more time for the other ACK. */
static void
probe_after_ack(struct prober_probe *probe, uint64_t now_ns)
{
	probe->proven_ns = 0;
	if (probe_is_complete(probe)) {
		probe_complete(probe, now_ns);
	} else if (probe->unproven && now_ns < probe_judge_ns(probe)) {
		probe_set_unproven(probe, false);
		prober_timer_set(probe_prober(probe), &probe->timer, probe_judge_ns(probe));
	}
}

/* The peer has received the probe, but refuses to answer. */
static void
probe_take_refusal(struct prober_probe *probe, const struct wire_message *message, uint64_t now_ns)
{
	static const char *const why[] = {
		[0] = "the peer refuses to answer",
		[PROBE_WIRE_WHY_SOURCE] = "the peer answers no more probes/s from this host",
		[PROBE_WIRE_WHY_TOTAL] = "the peer answers no more probes/s in all",
	};
	size_t n = sizeof(why) / sizeof(why[0]), i = message->refused.why;

	prober_probe_end(probe, PROBE_REFUSED, why[i < n ? i : 0], now_ns);
}

/* The probe of an ACK, after all checks. If there is none, counts this and returns NULL. */
static struct prober_probe *
probe_of_ack(struct prober *prober, const struct wire_message *message, const struct prober_rx *rx)
{
	struct prober_probe *probe = flights_find(&prober->flights, (uint32_t)message->seq);

	if (!probe || probe->wire_seq != message->seq ||
	    probe->session.session != message->session) {
		prober->unknown++;
		return NULL;
	}
	if (!probe_came_from(probe, rx)) {
		prober->wrong_source++;
		probe->target->peer->wrong_source++;
		return NULL;
	}
	return probe;
}

/*
 * Repeats the token of a challenge, on the way of the probe that it came for. What becomes of the
 * echo shows in the ACKs; its completion counts as the probe's, which comes before it.
 */
static void
probe_echo(struct prober_probe *probe, const struct wire_message *challenge)
{
	const struct prober_target_plan *config = &probe->target->config;
	struct prober *prober = probe_prober(probe);
	struct wire_message echo = {
		.type = PROBE_WIRE_ECHO,
		.length = PROBE_WIRE_SIZE_MIN,
		.seq = challenge->seq,
		.session = challenge->session,
		.token = challenge->token,
	};
	struct prober_packet packet = {
		.payload = prober->payload,
		.size = PROBE_WIRE_SIZE_MIN,
		.kind = config->kind,
		.flow_label = config->flow_label,
		.traffic_class = config->traffic_class,
		.service_level = config->service_level,
		.echo = true,
		.cookie = (uint32_t)probe->wire_seq,
	};
	struct prober_tx tx;
	const char *reason;

	if (probe->echoed || probe->session.session != probe->target->peer->session.session)
		return;
	wire_encode(&echo, prober->payload);
	auth_sign(prober->keys, prober->payload, PROBE_WIRE_SIZE_MIN);
	probe->echoed = prober->ops->send(prober->arg, probe->target->peer->user, &packet, &tx,
					  &reason) == 0;
}

/*
 * An answer to a probe that has ended as unreachable: it has arrived. If its peer stalled
 * meanwhile, the peer may have lost other probes, which the network did not.
 */
static void
probe_take_late(struct prober_probe *probe, const struct wire_message *message, uint64_t now_ns)
{
	/* ACK2, which follows, tells of stalls. */
	prober_doubt_arrived(probe);
	if (message->type != PROBE_WIRE_ACK2)
		return;
	if (message->ack2.noise) {
		/* SIDR may have been answered meanwhile, by the same process after its stall. */
		probe->heard_ns = probe->target->peer->acked_ns;
		prober_noise_told(probe, message->ack2.stall_ms, now_ns);
	}
	prober_doubt_drop(probe);
}

/* Returns false if this is no news. */
static bool
probe_take(struct prober_probe *probe, const struct wire_message *message,
	   const struct prober_rx *rx, uint64_t now_ns)
{
	if (message->type == PROBE_WIRE_REFUSED) {
		/* A probe that has been answered cannot be refused. */
		if (probe->ack1 || probe->ack2)
			return false;
		probe_take_refusal(probe, message, now_ns);
		return true;
	}
	if (!probe_take_ack(probe, message, rx, now_ns))
		return false;
	probe_after_ack(probe, now_ns);
	return true;
}

void
prober_received(struct prober *prober, const struct prober_rx *rx, uint64_t now_ns)
{
	struct wire_message message;
	struct prober_probe *probe;
	struct prober_peer *peer;
	uint64_t posted_ns;

	if (wire_decode(rx->payload, rx->len, &message) < 0 || message.type == PROBE_WIRE_PROBE ||
	    message.type == PROBE_WIRE_ECHO) {
		prober->malformed++;
		return;
	}
	if (!auth_check(prober->keys, rx->payload, rx->len)) {
		prober->unauthenticated++;
		return;
	}
	probe = probe_of_ack(prober, &message, rx);
	if (!probe)
		return;
	if (probe->doubtful) {
		prober->unknown++;
		probe_take_late(probe, &message, now_ns);
		return;
	}
	if (message.type == PROBE_WIRE_CHALLENGE) {
		probe_echo(probe, &message);
		return;
	}
	peer = probe->target->peer;
	posted_ns = probe->tx.t1_ns;
	if (!probe_take(probe, &message, rx, now_ns)) {
		prober->duplicates++;
		return;
	}
	prober_peer_acked(peer, posted_ns, now_ns);
	/* ACK2 comes last, and tells of stalls of the peer. */
	if (message.type == PROBE_WIRE_ACK2)
		prober_doubt_judge(peer, posted_ns, now_ns);
	prober_drain(prober);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probes and their two ACKs. A probe that passes the checks (format, session, address, limits)
 * becomes an answer, in one of five ways:
 *
 *   refused                 the limits allow no answer: REFUSED, if the prober accepts that
 *   sent at once            ACK1, T4 known, ACK2
 *   pending                 ACK1 is posted; when its send is complete, T4 is known; then ACK2
 *   held                    the path back is being prepared; T3 is kept, so T4 - T3 is right
 *   challenged              held until the session is proven
 *
 * A ring contains the pending answers by cookie. It grows as it needs to, and in the end is larger
 * than any send queue, so an answer that is overwritten would have got no completion any more. Both
 * ACKs have PROBE_WIRE_SIZE_MIN bytes, the minimum of a probe. So the answers to a forged probe
 * have at most twice its size.
 */
#include "probe/responder_impl.h"

#include <errno.h>
#include <stdlib.h>

#include "core/clock.h"
#include "stat/noise.h"
#include "probe/auth.h"
#include "probe/wire.h"

#define RESPONDER_BURST_MIN 32

static uint32_t
responder_burst(uint32_t per_s)
{
	return per_s > RESPONDER_BURST_MIN ? per_s : RESPONDER_BURST_MIN;
}

int
responder_new(const struct responder_config *config, struct responder **out)
{
	struct responder *responder = calloc(1, sizeof(*responder));

	if (!responder)
		return -ENOMEM;
	responder->ops = config->ops;
	responder->arg = config->arg;
	responder->hash_key = config->random;
	responder->noise = config->noise;
	responder->sessions_max = RESPONDER_SESSIONS_MAX;
	bucket_rate_set(&responder->open_rate, RESPONDER_OPENS_PER_S, RESPONDER_OPENS_PER_S);
	bucket_rate_set(&responder->refusal_rate, RESPONDER_REFUSALS_PER_S,
			RESPONDER_REFUSALS_PER_S);
	TAILQ_INIT(&responder->held);
	responder->n_pending = RESPONDER_PENDING_MIN;
	responder->pending = calloc(responder->n_pending, sizeof(*responder->pending));
	if (!responder->pending || responder_ways_new(responder) < 0 ||
	    responder_tables_new(responder) < 0) {
		responder_ways_free(responder);
		free(responder->pending);
		free(responder);
		return -ENOMEM;
	}
	*out = responder;
	return 0;
}

void
responder_free(struct responder *responder)
{
	if (!responder)
		return;
	responder_tables_free(responder);
	responder_ways_free(responder);
	histogram_clear(&responder->delays);
	free(responder->pending);
	free(responder);
}

void
responder_set_limits(struct responder *responder, const struct responder_limits *limits,
		     uint64_t now_ns)
{
	struct responder_session *session = TAILQ_FIRST(&responder->order);

	responder->limits = *limits;
	bucket_rate_set(&responder->source_rate, limits->per_source,
			responder_burst(limits->per_source));
	bucket_rate_set(&responder->total_rate, limits->total, responder_burst(limits->total));
	bucket_fit(&responder->total, &responder->total_rate, now_ns);
	responder_fit_sources(responder, now_ns);
	while (session) {
		struct responder_session *next = TAILQ_NEXT(session, in_order);

		if (!responder_is_allowed(responder, &session->request.remote))
			responder_close(responder, session);
		session = next;
	}
}

void
responder_set_keys(struct responder *responder, const struct keys *keys)
{
	responder->keys = keys;
}

void
responder_unauthenticated(struct responder *responder)
{
	responder->stats.unauthenticated++;
}

static int
responder_post(struct responder *responder, const struct responder_session *session,
	       const struct responder_answer *answer, const struct wire_message *message,
	       bool want_sent, struct responder_tx *tx)
{
	uint8_t payload[PROBE_WIRE_ACK_MAX];
	struct wire_message full = *message;
	struct responder_ack ack = {
		.payload = payload,
		.local = session->request.local,
		.remote = session->request.remote,
		.qpn = answer->qpn,
		.qkey = session->request.qkey,
		.flow_label = answer->flow_label,
		.traffic_class = answer->traffic_class,
		.service_level = answer->service_level,
		.cookie = responder->cookie,
		.proven = session->proven,
		.solicited = message->type != PROBE_WIRE_ACK2,
	};

	full.length = (uint16_t)(message->length + auth_extra(responder->keys, message->type));
	ack.size = full.length;
	wire_encode(&full, payload);
	auth_sign(responder->keys, payload, full.length);
	return responder->ops->send(responder->arg, session->request.device_user, &ack, want_sent,
				    tx);
}

static uint64_t
responder_less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static uint64_t
responder_sum(uint64_t a, uint64_t b)
{
	return a + b < a ? UINT64_MAX : a + b;
}

/*
 * Computes T4 - T3 and its error, by the RNIC's clock if possible. It is not shorter than the time
 * between reading the probe and posting ACK1. A negative result becomes 0, and is part of the
 * error.
 */
static void
responder_measure(const struct responder_session *session, const struct hwclock_moment *t3,
		  const struct hwclock_moment *t4, struct wire_message *ack2)
{
	uint64_t delay_ns = responder_less(t4->ns, t3->ns),
		 error_ns = responder_sum(t3->error_ns, t4->error_ns);
	struct hwclock_bounds bounds = {
		.min_ns = responder_less(delay_ns, t4->error_ns),
		.max_ns = responder_sum(responder_sum(delay_ns, error_ns), RESPONDER_STALL_NS),
		.near_ns = delay_ns,
		.error_ns = error_ns,
	};
	struct hwclock_elapsed elapsed;

	ack2->ack2.t3_ns = t3->ns;
	if (hwclock_elapsed(session->request.clock, t3, t4, &bounds, &elapsed)) {
		ack2->ack2.clock = PROBE_CLOCK_HW;
	} else {
		ack2->ack2.clock = PROBE_CLOCK_SW;
		elapsed.ns = delay_ns;
		elapsed.error_ns = error_ns;
		if (elapsed.error_ns < responder_less(t3->ns, t4->ns))
			elapsed.error_ns = responder_less(t3->ns, t4->ns);
	}
	ack2->ack2.delay_ns = elapsed.ns;
	ack2->ack2.error_ns =
		elapsed.error_ns < UINT32_MAX ? (uint32_t)elapsed.error_ns : UINT32_MAX;
}

/*
 * Reports to the prober whether this host has stalled while it had the probe, or before it read the
 * probe. The wait for a path is no stall.
 */
static void
responder_tell_noise(const struct responder *responder, const struct responder_answer *answer,
		     const struct hwclock_moment *t4, struct wire_message *ack2)
{
	uint64_t back_ns = responder_sum(answer->t3.error_ns, NOISE_AFTER_NS), stall_ns;

	if (!responder->noise)
		return;
	stall_ns =
		noise_overlap_ns(responder->noise, responder_less(answer->t3.ns, back_ns), t4->ns);
	if (!answer->held && responder_less(t4->ns, answer->t3.ns) > stall_ns)
		stall_ns = t4->ns - answer->t3.ns;
	if (stall_ns < noise_threshold_ns(responder->noise))
		return;
	ack2->ack2.noise = true;
	ack2->ack2.stall_ms = stall_ns / NSEC_PER_MSEC < UINT16_MAX ?
				      (uint16_t)(stall_ns / NSEC_PER_MSEC) :
				      UINT16_MAX;
}

void
responder_take_delays(struct responder *responder, struct histogram *out)
{
	if (histogram_merge(out, &responder->delays) == 0)
		histogram_clear(&responder->delays);
}

/* ACK1 was sent at t4. */
static void
responder_send_ack2(struct responder *responder, const struct responder_session *session,
		    const struct responder_answer *answer, const struct hwclock_moment *t4)
{
	struct wire_message message = {
		.type = PROBE_WIRE_ACK2,
		.length = PROBE_WIRE_SIZE_MIN,
		.seq = answer->seq,
		.session = session->number,
		.ack2.src_port = answer->src_port,
	};
	struct responder_tx tx = {0};

	responder->stats.ack1++;
	responder->cookie++;
	responder_measure(session, &answer->t3, t4, &message);
	if (!answer->held) /* without memory, one is missing */
		histogram_add(&responder->delays, message.ack2.delay_ns);
	responder_tell_noise(responder, answer, t4, &message);
	if (responder_post(responder, session, answer, &message, false, &tx) < 0)
		responder->stats.send_errors++;
	else
		responder->stats.ack2++;
}

static struct responder_pending *
responder_pending_slot(struct responder *responder, uint32_t cookie)
{
	return &responder->pending[cookie % responder->n_pending];
}

/* Answers that have slots of their own keep them if the ring is twice as long. */
static bool
responder_pending_grow(struct responder *responder)
{
	struct responder_pending *before = responder->pending, *grown;
	uint32_t n = responder->n_pending;

	grown = n < RESPONDER_PENDING_N ? calloc(2 * (size_t)n, sizeof(*grown)) : NULL;
	if (!grown)
		return false;
	responder->pending = grown;
	responder->n_pending = 2 * n;
	for (uint32_t i = 0; i < n; i++)
		if (before[i].used)
			*responder_pending_slot(responder, before[i].cookie) = before[i];
	free(before);
	return true;
}

static void
responder_await_sent(struct responder *responder, const struct responder_answer *answer)
{
	struct responder_pending *pending = responder_pending_slot(responder, responder->cookie);

	while (pending->used && responder_pending_grow(responder))
		pending = responder_pending_slot(responder, responder->cookie);
	if (pending->used)
		responder->stats.send_errors++;
	*pending = (struct responder_pending){
		.used = true,
		.cookie = responder->cookie,
		.answer = *answer,
	};
}

/*
 * Returns 0 (sent, pending, or dropped and counted) or -EAGAIN (there is no path yet). way: learns
 * port and hop limit of the ACK, which reports that of the one before; may be NULL.
 */
static int
responder_send_ack1(struct responder *responder, const struct responder_session *session,
		    const struct responder_answer *answer, struct responder_way *way)
{
	struct responder_answer sent = *answer;
	struct wire_message message = {
		.type = PROBE_WIRE_ACK1,
		.length = PROBE_WIRE_SIZE_MIN,
		.seq = answer->seq,
		.session = session->number,
		.ack1 = {.hop_limit = answer->hop_limit,
			 .sent_hop_limit = way ? way->ack_hop_limit : 0,
			 .solicited = true},
	};
	struct responder_tx tx = {0};
	int err;

	responder->cookie++;
	err = responder_post(responder, session, answer, &message, true, &tx);
	if (err == -EAGAIN)
		return err;
	sent.src_port = tx.src_port;
	if (way && err == 0) {
		way->back_src_port = tx.src_port;
		way->ack_hop_limit = tx.hop_limit;
	}
	if (err < 0)
		responder->stats.send_errors++;
	else if (tx.done)
		responder_send_ack2(responder, session, &sent, &tx.t4);
	else
		responder_await_sent(responder, &sent);
	return 0;
}

void
responder_held_free(struct responder *responder, struct responder_held *held)
{
	TAILQ_REMOVE(&responder->held, held, in_responder);
	TAILQ_REMOVE(&held->owner->held, held, in_session);
	held->owner->n_held--;
	responder->n_held--;
	free(held);
}

static void
responder_hold(struct responder *responder, struct responder_session *session,
	       const struct responder_answer *answer, uint64_t now_ns)
{
	struct responder_held *held = NULL;
	bool room = answer->challenged ? session->n_held < RESPONDER_CHALLENGED_MAX &&
						 responder->n_held < RESPONDER_HELD_ALL_MAX / 2 :
					 session->n_held < RESPONDER_HELD_MAX &&
						 responder->n_held < RESPONDER_HELD_ALL_MAX;

	if (room)
		held = calloc(1, sizeof(*held));
	if (!held) {
		responder->stats.held_dropped++;
		return;
	}
	held->owner = session;
	held->since_ns = now_ns;
	held->answer = *answer;
	held->answer.held = true;
	TAILQ_INSERT_TAIL(&responder->held, held, in_responder);
	TAILQ_INSERT_TAIL(&session->held, held, in_session);
	session->n_held++;
	responder->n_held++;
	responder->stats.held++;
}

/* Takes a token for one probe and returns 0. Without a token, counts and returns the reason. */
static uint8_t
responder_take(struct responder *responder, const struct responder_session *session,
	       uint64_t now_ns)
{
	/* A session of an older build proves nothing, so it must not use up the limit of others. */
	struct bucket *probes = &session->source->probes[session->request.challenge];

	if (!bucket_is_ready(probes, &responder->source_rate, now_ns)) {
		responder->stats.refused_source++;
		return PROBE_WIRE_WHY_SOURCE;
	}
	if (!bucket_is_ready(&responder->total, &responder->total_rate, now_ns)) {
		responder->stats.refused_total++;
		return PROBE_WIRE_WHY_TOTAL;
	}
	bucket_take(probes, &responder->source_rate, now_ns);
	bucket_take(&responder->total, &responder->total_rate, now_ns);
	return 0;
}

/*
 * Sends REFUSED, because without an answer the prober would count the probe as lost. It is one
 * message instead of two, and also limited; above this limit, refusals are only counted.
 */
static void
responder_refuse(struct responder *responder, const struct responder_session *session,
		 const struct responder_answer *answer, uint8_t why, uint64_t now_ns)
{
	struct wire_message message = {
		.type = PROBE_WIRE_REFUSED,
		.length = PROBE_WIRE_SIZE_MIN,
		.seq = answer->seq,
		.session = session->number,
		.refused.why = why,
	};
	struct responder_tx tx = {0};

	if (!bucket_is_ready(&responder->refusals, &responder->refusal_rate, now_ns))
		return;
	bucket_take(&responder->refusals, &responder->refusal_rate, now_ns);
	responder->cookie++;
	if (responder_post(responder, session, answer, &message, false, &tx) == 0)
		responder->stats.refused_told++;
}

/*
 * Asks who claims the session's address to repeat its token, which the probe of `answer` gives the
 * occasion for. If the path is not ready, responder_path_ready() comes here again.
 */
static void
responder_challenge(struct responder *responder, struct responder_session *session,
		    const struct responder_answer *answer, uint64_t now_ns)
{
	struct wire_message message = {
		.type = PROBE_WIRE_CHALLENGE,
		.length = PROBE_WIRE_SIZE_MIN,
		.seq = answer->seq,
		.session = session->number,
		.token = session->token,
	};
	struct responder_tx tx = {0};
	int err;

	if (session->challenged_ns && now_ns < session->challenged_ns + RESPONDER_CHALLENGE_NS)
		return;
	responder->cookie++;
	err = responder_post(responder, session, answer, &message, false, &tx);
	if (err == -EAGAIN)
		return;
	session->challenged_ns = now_ns;
	if (err < 0)
		responder->stats.send_errors++;
	else
		responder->stats.challenges++;
}

/* Answers, refuses or holds a probe whose session is proven. */
static void
responder_answer_probe(struct responder *responder, struct responder_session *session,
		       const struct responder_answer *answer, uint64_t now_ns)
{
	struct responder_way *way = responder_hear(responder, session, answer, now_ns);
	uint8_t why = responder_take(responder, session, now_ns);

	if (session->request.challenge)
		session->source->newer_ns = now_ns;
	if (why && answer->takes_refused)
		responder_refuse(responder, session, answer, why, now_ns);
	if (!why && responder_send_ack1(responder, session, answer, way) == -EAGAIN)
		responder_hold(responder, session, answer, now_ns);
}

/* The token has come back. Its probes are answered, as if they had waited for their path. */
static void
responder_echoed(struct responder *responder, struct responder_session *session,
		 const struct wire_message *echo, uint64_t now_ns)
{
	struct responder_held *held, *next;

	if (session->proven)
		return;
	if (!session->request.challenge || echo->token != session->token) {
		responder->stats.unknown_session++;
		return;
	}
	responder_touch(responder, session, now_ns);
	responder_prove(responder, session);
	for (held = TAILQ_FIRST(&session->held); held; held = next) {
		struct responder_answer answer = held->answer;
		bool challenged = answer.challenged;

		next = TAILQ_NEXT(held, in_session);
		answer.challenged = false;
		if (!challenged)
			continue;
		responder_held_free(responder, held);
		responder_answer_probe(responder, session, &answer, now_ns);
	}
}

/* The session of a probe. If there is none, counts this and returns NULL. */
static struct responder_session *
responder_session_of(struct responder *responder, uint64_t number, const struct responder_rx *rx,
		     uint64_t now_ns)
{
	struct responder_session *session = responder_find(responder, number);

	if (!session) {
		if (responder_is_allowed(responder, &rx->src))
			responder->stats.unknown_session++;
		else
			responder->stats.refused_network++;
		return NULL;
	}
	if (session->request.device_user != rx->device_user ||
	    !addr_equal(&session->request.remote, &rx->src) ||
	    !addr_equal(&session->request.local, &rx->dst) ||
	    responder_is_outdated(&session->request, session->source, now_ns)) {
		responder->stats.wrong_source++;
		return NULL;
	}
	return session;
}

void
responder_received(struct responder *responder, const struct responder_rx *rx, uint64_t now_ns)
{
	struct responder_session *session;
	struct responder_answer answer;
	struct wire_message message;

	if (wire_decode(rx->payload, rx->len, &message) < 0 ||
	    (message.type != PROBE_WIRE_PROBE && message.type != PROBE_WIRE_ECHO)) {
		responder->stats.malformed++;
		return;
	}
	if (!auth_check(responder->keys, rx->payload, rx->len)) {
		responder->stats.unauthenticated++;
		return;
	}
	session = responder_session_of(responder, message.session, rx, now_ns);
	if (!session)
		return;
	if (message.type == PROBE_WIRE_ECHO) {
		responder_echoed(responder, session, &message, now_ns);
		return;
	}
	responder->stats.probes++;
	answer = (struct responder_answer){
		.session = session->number,
		.seq = message.seq,
		.t3 = rx->t3,
		.qpn = rx->src_qpn,
		.hop_limit = rx->hop_limit,
		.back_routers = message.probe.back_routers,
		.from_port = message.probe.src_port,
		.flow_label = message.probe.ack_flow_label,
		.traffic_class = message.probe.ack_traffic_class,
		.service_level = message.probe.ack_service_level,
		.takes_refused = message.probe.takes_refused,
	};
	if (session->request.challenge && !session->proven) {
		answer.challenged = true;
		responder_hold(responder, session, &answer, now_ns);
		responder_challenge(responder, session, &answer, now_ns);
		return;
	}
	responder_touch(responder, session, now_ns);
	responder_prove(responder, session);
	responder_answer_probe(responder, session, &answer, now_ns);
}

void
responder_sent(struct responder *responder, uint32_t cookie, int status,
	       const struct hwclock_moment *t4, uint64_t now_ns)
{
	struct responder_pending *pending = responder_pending_slot(responder, cookie);
	struct responder_session *session;

	(void)now_ns;
	if (!pending->used || pending->cookie != cookie)
		return;
	pending->used = false;
	if (status < 0) {
		responder->stats.send_errors++;
		return;
	}
	session = responder_find(responder, pending->answer.session);
	if (session)
		responder_send_ack2(responder, session, &pending->answer, t4);
}

static void
responder_release_held(struct responder *responder, struct responder_session *session,
		       uint64_t now_ns)
{
	struct responder_held *held = TAILQ_FIRST(&session->held);

	if (held && held->answer.challenged) {
		responder_challenge(responder, session, &held->answer, now_ns);
		return;
	}
	while (held) {
		struct responder_held *next = TAILQ_NEXT(held, in_session);

		/* Each flow label has its own path, which may not be ready yet. */
		if (responder_send_ack1(responder, session, &held->answer, NULL) != -EAGAIN)
			responder_held_free(responder, held);
		held = next;
	}
}

static void
responder_drop_held(struct responder *responder, struct responder_session *session)
{
	struct responder_held *held;

	while ((held = TAILQ_FIRST(&session->held))) {
		responder->stats.held_dropped++;
		responder_held_free(responder, held);
	}
}

void
responder_path_ready(struct responder *responder, void *device_user, const struct addr *local,
		     const struct addr *remote, uint64_t now_ns)
{
	struct responder_session *session = NULL;

	while ((session = responder_next_on_path(responder, device_user, local, remote, session)))
		responder_release_held(responder, session, now_ns);
}

void
responder_path_failed(struct responder *responder, void *device_user, const struct addr *local,
		      const struct addr *remote, uint64_t now_ns)
{
	struct responder_session *session = NULL;

	(void)now_ns;
	while ((session = responder_next_on_path(responder, device_user, local, remote, session)))
		responder_drop_held(responder, session);
}

uint64_t
responder_next_ns(const struct responder *responder)
{
	const struct responder_session *session = TAILQ_FIRST(&responder->order);
	const struct responder_held *held = TAILQ_FIRST(&responder->held);
	uint64_t next_ns = session ? session->last_ns + RESPONDER_IDLE_NS : UINT64_MAX;

	if (held && held->since_ns + RESPONDER_HELD_NS < next_ns)
		next_ns = held->since_ns + RESPONDER_HELD_NS;
	if (responder_ways_next_ns(responder) < next_ns)
		next_ns = responder_ways_next_ns(responder);
	return next_ns;
}

void
responder_advance(struct responder *responder, uint64_t now_ns)
{
	struct responder_held *held;

	while ((held = TAILQ_FIRST(&responder->held)) &&
	       held->since_ns + RESPONDER_HELD_NS <= now_ns) {
		responder->stats.held_dropped++;
		responder_held_free(responder, held);
	}
	responder_expire_ways(responder, now_ns);
	responder_expire_sessions(responder, now_ns);
}

void
responder_stats(const struct responder *responder, struct responder_stats *out)
{
	*out = responder->stats;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of a peer. prober_peer_fsm() is the state machine of the table in prober.h. Its events
 * come from SIDR (resolved, failed), from probes (acked, timeouts), from the daemon (sign of life,
 * renew) and from the timer of the peer (recheck), which only raises its event.
 *
 * A peer that needs to be resolved waits in a list of askers: of its kind, or of the dead.
 * prober_peer_ask_next() serves them at PROBER_RESOLVES_PER_S. The kinds take turns, so hundreds of
 * pings to silent addresses cannot delay the mesh. Of the dead, those of the configuration and the
 * others take turns, so a pinglist of silent addresses cannot delay the configured peers. A peer
 * has at most one open question. If RENEW makes its answer useless, the answer is marked void and
 * the question is repeated.
 *
 * While a peer is held, its targets have no schedule: see peer_should_hold().
 */
#include "probe/prober_impl.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define PEER_COUNT(names) (sizeof(names) / sizeof((names)[0]))
#define PEER_ASK_TURNS 4

static const char *const state_names[] = PROBER_PEER_STATE_NAMES;
static_assert(PEER_COUNT(state_names) == PROBER_PEER_STATE_N, "a name for each state");

const char *
prober_peer_state_name(enum prober_peer_state s)
{
	return (unsigned int)s < PROBER_PEER_STATE_N ? state_names[s] : "?";
}

static void
peer_set_state(struct prober_peer *peer, enum prober_peer_state to, uint64_t now_ns)
{
	enum prober_peer_state from = peer->state;

	if (from == to)
		return;
	peer->state = to;
	peer->state_since_ns = now_ns;
	peer->prober->ops->peer_state(peer->prober->arg, peer->user, from, to);
}

/* Stops asking; an open question stays open. */
static void
peer_stop_asking(struct prober_peer *peer)
{
	prober_timer_stop(peer->prober, &peer->timer);
	if (peer->asker_in)
		TAILQ_REMOVE(peer->asker_in, peer, in_askers);
	peer->asker_in = NULL;
}

/* It has been silent for long, and nothing says that it is back. */
static bool
peer_seems_dead(const struct prober_peer *peer)
{
	return peer->failures >= PROBER_RESOLVE_TRIES && peer->backoff_ns != 0;
}

static void
peer_ask(struct prober_peer *peer)
{
	struct prober *prober = peer->prober;
	struct prober_peer_list *list = &prober->askers[peer->kind];

	if (peer_seems_dead(peer))
		list = &prober->dead_askers[peer->configured ? PROBER_DEAD_CONFIGURED :
							       PROBER_DEAD_OTHER];

	if (!peer->device->up || peer->asking || peer->asker_in == list)
		return;
	peer_stop_asking(peer);
	peer->asker_in = list;
	TAILQ_INSERT_TAIL(list, peer, in_askers);
}

static bool
peer_any_asker(const struct prober *prober)
{
	for (int i = 0; i < PROBE_KIND_N; i++) {
		if (!TAILQ_EMPTY(&prober->askers[i]))
			return true;
	}
	return false;
}

/* The next one of the dead, or NULL. */
static struct prober_peer *
peer_dead_by_turn(const struct prober *prober)
{
	struct prober_peer *peer = TAILQ_FIRST(&prober->dead_askers[prober->dead_turn]);

	return peer ? peer : TAILQ_FIRST(&prober->dead_askers[!prober->dead_turn]);
}

uint64_t
prober_peer_ask_ns(const struct prober *prober)
{
	uint64_t ask_ns = bucket_ready_ns(&prober->ask_bucket, &prober->ask_rate), dead_ns;

	if (peer_any_asker(prober))
		return ask_ns;
	if (!peer_dead_by_turn(prober))
		return UINT64_MAX;
	dead_ns = bucket_ready_ns(&prober->dead_bucket, &prober->dead_rate);
	return dead_ns > ask_ns ? dead_ns : ask_ns;
}

/* The mesh has half of the turns; a kind that has no peer to ask leaves its turn to the next. */
static struct prober_peer *
peer_ask_by_turn(struct prober *prober)
{
	static const enum probe_kind turns[PEER_ASK_TURNS] = {PROBE_KIND_MESH, PROBE_KIND_PING,
							    PROBE_KIND_MESH, PROBE_KIND_SERVICE};

	for (uint32_t i = 0; i < PEER_ASK_TURNS; i++) {
		uint32_t turn = (prober->ask_turn + i) % PEER_ASK_TURNS;
		struct prober_peer *peer = TAILQ_FIRST(&prober->askers[turns[turn]]);

		if (!peer)
			continue;
		prober->ask_turn = turn + 1;
		return peer;
	}
	return NULL;
}

/* Thousands of dead peers keep the others from nothing but their share. */
static struct prober_peer *
peer_ask_first(struct prober *prober, uint64_t now_ns)
{
	struct prober_peer *dead = peer_dead_by_turn(prober);

	if (!bucket_is_ready(&prober->ask_bucket, &prober->ask_rate, now_ns))
		return NULL;
	if (!dead || !bucket_is_ready(&prober->dead_bucket, &prober->dead_rate, now_ns))
		return peer_ask_by_turn(prober);
	bucket_take(&prober->dead_bucket, &prober->dead_rate, now_ns);
	prober->dead_turn = !prober->dead_turn;
	return dead;
}

void
prober_peer_ask_next(struct prober *prober, uint64_t now_ns)
{
	struct prober_peer *peer;

	while ((peer = peer_ask_first(prober, now_ns))) {
		bucket_take(&prober->ask_bucket, &prober->ask_rate, now_ns);
		peer_stop_asking(peer);
		peer->asking = true;
		peer->resolves++;
		prober->ops->resolve(prober->arg, peer->user);
	}
}

static uint64_t
peer_backoff_max_ns(const struct prober_peer *peer)
{
	return peer->kind == PROBE_KIND_SERVICE ? PROBER_BACKOFF_SERVICE_NS : PROBER_BACKOFF_MAX_NS;
}

/* Asks again after a pause, which doubles each time. */
static void
peer_back_off(struct prober_peer *peer, uint64_t now_ns)
{
	struct prober *prober = peer->prober;
	uint64_t backoff_ns = peer->backoff_ns ? 2 * peer->backoff_ns : PROBER_BACKOFF_MIN_NS;

	if (backoff_ns > peer_backoff_max_ns(peer))
		backoff_ns = peer_backoff_max_ns(peer);
	peer->backoff_ns = backoff_ns;
	prober_timer_set(prober, &peer->timer,
			 now_ns + backoff_ns - prober_random(prober) % (backoff_ns / 4 + 1));
}

void
prober_peer_set_kind(struct prober_peer *peer, enum probe_kind kind, uint64_t now_ns)
{
	uint64_t max_ns;

	peer->kind = kind;
	if (peer->asker_in)
		peer_ask(peer);
	max_ns = peer_backoff_max_ns(peer);
	if (peer->backoff_ns <= max_ns)
		return;
	peer->backoff_ns = max_ns;
	if (!peer->asking && !peer->asker_in &&
	    (peer->state == PROBER_PEER_RESOLVING || peer->state == PROBER_PEER_DOWN))
		prober_timer_set(peer->prober, &peer->timer, now_ns + max_ns);
}

void
prober_peer_set_configured(struct prober_peer *peer, bool configured)
{
	peer->configured = configured;
	if (peer->asker_in)
		peer_ask(peer);
}

/* Asks a peer that is up, because without a message from us its session would end. */
static void
peer_keep(struct prober_peer *peer, uint64_t now_ns)
{
	uint64_t heard_ns = peer->acked_ns > peer->resolved_ns ? peer->acked_ns :
								  peer->resolved_ns;

	if (now_ns >= heard_ns + PROBER_KEEP_NS)
		peer_ask(peer);
	else
		prober_timer_set(peer->prober, &peer->timer, heard_ns + PROBER_KEEP_NS);
}

static void
peer_goes_up(struct prober_peer *peer, uint64_t now_ns)
{
	peer->reason = NULL;
	peer->timeouts = 0;
	peer_stop_asking(peer);
	peer_keep(peer, now_ns);
	peer_set_state(peer, PROBER_PEER_UP, now_ns);
}

static void
peer_goes_checking(struct prober_peer *peer, uint64_t now_ns)
{
	peer_set_state(peer, PROBER_PEER_CHECKING, now_ns);
	peer->failures = 0;
	peer->backoff_ns = 0;
	peer_ask(peer);
}

/* Resolves the peer again from the start, without judging it. */
static void
peer_starts_anew(struct prober_peer *peer, uint64_t now_ns)
{
	peer->reason = NULL;
	peer->attempted = false;
	peer->failures = 0;
	peer->backoff_ns = 0;
	peer_set_state(peer, PROBER_PEER_RESOLVING, now_ns);
	peer_ask(peer);
}

/*
 * A path that loses many probes also loses messages of SIDR. So missing answers to SIDR say nothing
 * while the peer answers probes, and for a while after.
 */
static bool
peer_is_heard(const struct prober_peer *peer, uint64_t now_ns)
{
	return peer->silent && peer->state != PROBER_PEER_RESOLVING && peer->acked_ns &&
	       now_ns < peer->acked_ns + PROBER_SILENCE_NS;
}

/* After PROBER_RESOLVE_TRIES failures in a row, a peer that has answered before is down. */
static void
peer_failed(struct prober_peer *peer, uint64_t now_ns)
{
	if (peer->has_session && peer->failures >= PROBER_RESOLVE_TRIES &&
	    !peer_is_heard(peer, now_ns))
		peer_set_state(peer, PROBER_PEER_DOWN, now_ns);
	peer_back_off(peer, now_ns);
}

static void
peer_resolving(struct prober_peer *peer, enum prober_peer_event event, uint64_t now_ns)
{
	switch (event) {
	case PROBER_PEER_RESOLVED_SAME:
	case PROBER_PEER_RESOLVED_NEW:
		peer_goes_up(peer, now_ns);
		break;
	case PROBER_PEER_RESOLVE_FAILED:
		peer_failed(peer, now_ns);
		break;
	case PROBER_PEER_RENEW:
		peer_starts_anew(peer, now_ns);
		break;
	case PROBER_PEER_SIGN_OF_LIFE:
		peer->backoff_ns = 0;
		peer_ask(peer);
		break;
	case PROBER_PEER_RECHECK:
		peer_ask(peer);
		break;
	case PROBER_PEER_ACKED:
	case PROBER_PEER_TIMEOUTS:
	case PROBER_PEER_EVENT_N:
		break;
	}
}

static void
peer_up(struct prober_peer *peer, enum prober_peer_event event, uint64_t now_ns)
{
	switch (event) {
	case PROBER_PEER_TIMEOUTS:
		peer_goes_checking(peer, now_ns);
		break;
	case PROBER_PEER_RENEW:
		peer_starts_anew(peer, now_ns);
		break;
	case PROBER_PEER_RESOLVED_SAME:
	case PROBER_PEER_RESOLVED_NEW:
	case PROBER_PEER_RECHECK:
		peer_keep(peer, now_ns);
		break;
	case PROBER_PEER_RESOLVE_FAILED:
		peer_back_off(peer, now_ns);
		break;
	case PROBER_PEER_ACKED:
	case PROBER_PEER_SIGN_OF_LIFE:
	case PROBER_PEER_EVENT_N:
		break;
	}
}

/* The states checking and no_data: probes have no answer, and SIDR is asked for the reason. */
static void
peer_doubted(struct prober_peer *peer, enum prober_peer_event event, uint64_t now_ns)
{
	switch (event) {
	case PROBER_PEER_RESOLVED_SAME:
		peer_set_state(peer, PROBER_PEER_NO_DATA, now_ns);
		prober_timer_set(peer->prober, &peer->timer, now_ns + PROBER_RECHECK_NS);
		break;
	case PROBER_PEER_RESOLVED_NEW:
	case PROBER_PEER_ACKED:
		peer_goes_up(peer, now_ns);
		break;
	case PROBER_PEER_RESOLVE_FAILED:
		peer_failed(peer, now_ns);
		break;
	case PROBER_PEER_RENEW:
		peer_starts_anew(peer, now_ns);
		break;
	case PROBER_PEER_RECHECK:
		peer_ask(peer);
		break;
	case PROBER_PEER_TIMEOUTS:
	case PROBER_PEER_SIGN_OF_LIFE:
	case PROBER_PEER_EVENT_N:
		break;
	}
}

static void
peer_down(struct prober_peer *peer, enum prober_peer_event event, uint64_t now_ns)
{
	switch (event) {
	case PROBER_PEER_RESOLVED_SAME:
	case PROBER_PEER_RESOLVED_NEW:
	case PROBER_PEER_ACKED:
		peer_goes_up(peer, now_ns);
		break;
	case PROBER_PEER_RESOLVE_FAILED:
		peer_failed(peer, now_ns);
		break;
	case PROBER_PEER_SIGN_OF_LIFE:
	case PROBER_PEER_RENEW:
		peer->backoff_ns = 0;
		peer_ask(peer);
		break;
	case PROBER_PEER_RECHECK:
		peer_ask(peer);
		break;
	case PROBER_PEER_TIMEOUTS:
	case PROBER_PEER_EVENT_N:
		break;
	}
}

/*
 * Before the end of the first attempt to resolve, the result of a probe is unknown, so probes are
 * held. A peer that has answered before cannot be `unresolved`, so it has PROBER_RESOLVE_TRIES
 * attempts.
 */
static bool
peer_should_hold(const struct prober_peer *peer)
{
	return peer->device->up && peer->state == PROBER_PEER_RESOLVING &&
	       (peer->has_session || !peer->attempted);
}

static void
peer_update_hold(struct prober_peer *peer, uint64_t now_ns)
{
	bool hold = peer_should_hold(peer);
	struct prober_target *target;

	if (hold == peer->held)
		return;
	peer->held = hold;
	TAILQ_FOREACH(target, &peer->targets, in_peer) {
		if (hold)
			prober_target_hold(target);
		else
			prober_target_start(target, now_ns);
	}
}

/* Queues targets again that wait for a path, because the path may have changed or be useless. */
static void
peer_requeue_path_targets(struct prober_peer *peer)
{
	struct prober_target *target;

	while ((target = TAILQ_FIRST(&peer->path_targets)))
		prober_target_requeue(target);
}

void
prober_peer_fsm(struct prober_peer *peer, enum prober_peer_event event, uint64_t now_ns)
{
	enum prober_peer_state before = peer->state;

	switch (peer->state) {
	case PROBER_PEER_RESOLVING:
		peer_resolving(peer, event, now_ns);
		break;
	case PROBER_PEER_UP:
		peer_up(peer, event, now_ns);
		break;
	case PROBER_PEER_CHECKING:
	case PROBER_PEER_NO_DATA:
		peer_doubted(peer, event, now_ns);
		break;
	case PROBER_PEER_DOWN:
		peer_down(peer, event, now_ns);
		break;
	case PROBER_PEER_STATE_N:
		break;
	}
	peer_update_hold(peer, now_ns);
	if (peer->state != before)
		peer_requeue_path_targets(peer);
	/*
	 * TIMEOUTS proves nothing. While a peer is silent, each of its probes raises it, and it
	 * would take long to judge all probes each time.
	 */
	if (event != PROBER_PEER_TIMEOUTS)
		prober_probe_judge_unproven(peer, now_ns);
}

static void
peer_timer(struct prober_timer *timer, uint64_t now_ns)
{
	prober_peer_fsm(PROBER_CONTAINER(timer, struct prober_peer, timer), PROBER_PEER_RECHECK,
			now_ns);
}

int
prober_peer_add(struct prober *prober, struct prober_device *device, void *user, uint64_t now_ns,
		struct prober_peer **out)
{
	struct prober_peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return -ENOMEM;
	if (prober_timer_new(prober, &peer->timer, peer_timer) < 0) {
		free(peer);
		return -ENOMEM;
	}
	peer->prober = prober;
	peer->device = device;
	peer->user = user;
	peer->state = PROBER_PEER_RESOLVING;
	peer->state_since_ns = now_ns;
	TAILQ_INIT(&peer->targets);
	TAILQ_INIT(&peer->path_targets);
	TAILQ_INIT(&peer->unproven);
	TAILQ_INIT(&peer->doubtful);
	TAILQ_INSERT_TAIL(&device->peers, peer, in_device);
	peer_update_hold(peer, now_ns);
	peer_ask(peer);
	*out = peer;
	return 0;
}

void
prober_peer_remove(struct prober_peer *peer)
{
	struct prober_target *target;

	while ((target = TAILQ_FIRST(&peer->targets)))
		prober_target_remove(target);
	peer_stop_asking(peer);
	TAILQ_REMOVE(&peer->device->peers, peer, in_device);
	prober_timer_free(peer->prober, &peer->timer);
	free(peer);
}

static bool
peer_has_session(const struct prober_peer *peer, const struct prober_session *session)
{
	const struct prober_session *have = &peer->session;

	return peer->has_session && have->incarnation == session->incarnation &&
	       have->session == session->session && have->qpn == session->qpn &&
	       addr_equal(&have->addr, &session->addr);
}

/*
 * Whether an answer counts. It does not if the device has gone or RENEW has come meanwhile.
 */
static bool
peer_takes_answer(struct prober_peer *peer)
{
	bool is_void = peer->void_answer || !peer->device->up;

	peer->asking = false;
	peer->void_answer = false;
	if (is_void)
		peer_ask(peer);
	return !is_void;
}

static void
peer_take_session(struct prober_peer *peer, const struct prober_session *session, uint64_t asked_ns,
		  uint64_t now_ns)
{
	bool restarted = peer->has_session && peer->session.incarnation != session->incarnation;

	if (peer->session.session != session->session)
		peer->solicits = false;
	peer->session = *session;
	peer->has_session = true;
	peer->resolved_ns = now_ns;
	peer->attempted = true;
	peer->failures = 0;
	peer->backoff_ns = 0;
	if (restarted) {
		peer->restarts++;
		peer->alive_ns = 0;
		peer->answered_ns = 0;
		prober_probe_end_restarted(peer, now_ns);
	}
	if (asked_ns > peer->alive_ns)
		peer->alive_ns = asked_ns;
}

void
prober_resolved(struct prober_peer *peer, const struct prober_session *session, uint64_t asked_ns,
		uint64_t now_ns)
{
	bool same = peer_has_session(peer, session);

	if (!peer_takes_answer(peer))
		return;
	peer_take_session(peer, session, asked_ns, now_ns);
	prober_peer_fsm(peer, same ? PROBER_PEER_RESOLVED_SAME : PROBER_PEER_RESOLVED_NEW, now_ns);
	prober_drain(peer->prober);
}

static void
peer_resolve_failed(struct prober_peer *peer, const char *reason, bool silent, uint64_t now_ns)
{
	if (!peer_takes_answer(peer))
		return;
	peer->attempted = true;
	peer->failures++;
	peer->silent = silent;
	if (peer->state != PROBER_PEER_UP)
		peer->reason = reason;
	prober_peer_fsm(peer, PROBER_PEER_RESOLVE_FAILED, now_ns);
	prober_drain(peer->prober);
}

void
prober_resolve_failed(struct prober_peer *peer, const char *reason, uint64_t now_ns)
{
	peer_resolve_failed(peer, reason, false, now_ns);
}

void
prober_resolve_silent(struct prober_peer *peer, const char *reason, uint64_t now_ns)
{
	peer_resolve_failed(peer, reason, true, now_ns);
}

void
prober_sign_of_life(struct prober_peer *peer, uint64_t now_ns)
{
	prober_peer_fsm(peer, PROBER_PEER_SIGN_OF_LIFE, now_ns);
	prober_drain(peer->prober);
}

void
prober_path_ready(struct prober_peer *peer, uint64_t now_ns)
{
	(void)now_ns;
	peer_requeue_path_targets(peer);
}

static void
peer_renew(struct prober_peer *peer, uint64_t now_ns)
{
	peer->void_answer = peer->asking;
	prober_probe_end_all(peer, "path to the peer became void", now_ns);
	prober_peer_fsm(peer, PROBER_PEER_RENEW, now_ns);
}

void
prober_peer_renew(struct prober_peer *peer, uint64_t now_ns)
{
	peer_renew(peer, now_ns);
	prober_drain(peer->prober);
}

void
prober_peer_device_up(struct prober_peer *peer, uint64_t now_ns)
{
	peer_renew(peer, now_ns);
}

void
prober_peer_device_down(struct prober_peer *peer, uint64_t now_ns)
{
	struct prober_target *target;

	peer_stop_asking(peer);
	prober_probe_end_all(peer, peer->device->reason, now_ns);
	peer_update_hold(peer, now_ns);
	TAILQ_FOREACH(target, &peer->targets, in_peer)
		prober_target_requeue(target);
}

void
prober_peer_acked(struct prober_peer *peer, uint64_t posted_ns, uint64_t now_ns)
{
	peer->timeouts = 0;
	peer->acked_ns = now_ns;
	if (posted_ns > peer->answered_ns)
		peer->answered_ns = posted_ns;
	if (posted_ns > peer->alive_ns)
		peer->alive_ns = posted_ns;
	prober_peer_fsm(peer, PROBER_PEER_ACKED, now_ns);
}

void
prober_peer_timed_out(struct prober_peer *peer, uint64_t posted_ns, uint64_t now_ns)
{
	/* A probe from before the last change of state was part of its cause. */
	if (posted_ns < peer->state_since_ns)
		return;
	if (++peer->timeouts >= PROBER_TIMEOUTS)
		prober_peer_fsm(peer, PROBER_PEER_TIMEOUTS, now_ns);
}

void
prober_peer_info(const struct prober_peer *peer, struct prober_peer_info *out)
{
	*out = (struct prober_peer_info){
		.state = peer->state,
		.reason = peer->state == PROBER_PEER_RESOLVING && !peer->device->up ?
				  peer->device->reason :
				  peer->reason,
		.has_session = peer->has_session,
		.session = peer->session,
		.state_since_ns = peer->state_since_ns,
		.resolves = peer->resolves,
		.restarts = peer->restarts,
		.last_ok_ns = peer->last_ok_ns,
		.last_rtt_ns = peer->last_rtt_ns,
		.impossible = peer->impossible,
		.wrong_source = peer->wrong_source,
		.targets = peer->n_targets,
	};
}

void
prober_peer_totals(const struct prober_peer *peer, struct probe_totals *out)
{
	*out = peer->totals;
}

void
prober_peer_summary(const struct prober_peer *peer, uint64_t now_ns, struct probe_summary *out)
{
	const struct probe_recent **recents;
	const struct prober_target *target;
	uint32_t n = 0;

	*out = (struct probe_summary){0};
	TAILQ_FOREACH(target, &peer->targets, in_peer)
		n++;
	recents = calloc(n ? n : 1, sizeof(*recents));
	if (!recents)
		return;
	n = 0;
	TAILQ_FOREACH(target, &peer->targets, in_peer)
		recents[n++] = &target->recent;
	probe_recent_summary(recents, n, now_ns, out);
	free(recents);
}

struct prober_target *
prober_peer_next_target(const struct prober_peer *peer, const struct prober_target *after)
{
	return after ? TAILQ_NEXT(after, in_peer) : TAILQ_FIRST(&peer->targets);
}

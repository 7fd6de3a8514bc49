/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time and budget. One heap contains all timers of the prober: for a target's next probe, a probe's
 * timeout, a peer's next question, a device's next token. prober_advance() fires the expired ones,
 * then starts resolutions and sends probes from the devices' queues: first in, first out over
 * targets, as fast as the token bucket of each device allows, PROBER_SEND_BATCH at a time.
 *
 * A target is in its device's queue at most once and without a timer. So a target cannot get more
 * than its share of a short budget, and waiting costs nothing. A device has a queue for each lane.
 * Services and the others take turns; of the others, pings and the mesh take turns. So each gets at
 * least half if it needs it, and may use what the other does not need.
 *
 * A wake-up costs as much as several probes. So when a probe is due, others join it: the first ones
 * of targets that would begin within a PROBER_TOGETHER_PART of the time between two probes to their
 * peer, up to PROBER_TOGETHER probes of equal intervals. They keep this place in time, so the same
 * probes leave together from then on, and intervals are exact. Two probes in a row go to different
 * peers.
 *
 * While throttled, a second bucket limits all lanes but pings. These lanes take from both buckets,
 * so that all lanes together stay within the device's budget.
 */
#include "probe/prober_impl.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PROBER_ASK_BURST 20

uint64_t
prober_random(struct prober *prober)
{
	/*
	 * splitmix64 (Steele, Lea and Flood, OOPSLA 2014). It only spreads phases and need not be
	 * secret.
	 */
	uint64_t z = prober->random += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

int
prober_timer_new(struct prober *prober, struct prober_timer *timer,
		 void (*fire)(struct prober_timer *timer, uint64_t now_ns))
{
	int err = heap_reserve(&prober->timers, prober->n_timers + 1);

	if (err < 0)
		return err;
	prober->n_timers++;
	timer->fire = fire;
	return 0;
}

void
prober_timer_free(struct prober *prober, struct prober_timer *timer)
{
	prober_timer_stop(prober, timer);
	prober->n_timers--;
}

void
prober_timer_set(struct prober *prober, struct prober_timer *timer, uint64_t at_ns)
{
	heap_set(&prober->timers, &timer->node, at_ns);
}

void
prober_timer_stop(struct prober *prober, struct prober_timer *timer)
{
	heap_remove(&prober->timers, &timer->node);
}

int
prober_new(const struct prober_config *config, struct prober **out)
{
	struct prober *prober = calloc(1, sizeof(*prober));

	if (!prober)
		return -ENOMEM;
	prober->ops = config->ops;
	prober->arg = config->arg;
	prober->timeout_ns = config->timeout_ns;
	memcpy(prober->seq_key, &config->random, sizeof(config->random));
	memcpy(prober->seq_key + sizeof(config->random), &config->epoch, sizeof(config->epoch));
	prober->random = config->random;
	prober->noise = config->noise;
	window_clock_init(&prober->windows, config->window_ns ? config->window_ns : WINDOW_LEN_NS);
	bucket_rate_set(&prober->ask_rate, PROBER_RESOLVES_PER_S, PROBER_ASK_BURST);
	TAILQ_INIT(&prober->devices);
	bucket_rate_set(&prober->dead_rate, PROBER_RESOLVES_DEAD_PER_S, PROBER_ASK_BURST);
	for (int i = 0; i < PROBE_KIND_N; i++)
		TAILQ_INIT(&prober->askers[i]);
	for (int i = 0; i < PROBER_DEAD_N; i++)
		TAILQ_INIT(&prober->dead_askers[i]);
	TAILQ_INIT(&prober->ended);
	TAILQ_INIT(&prober->done);
	*out = prober;
	return 0;
}

void
prober_free(struct prober *prober)
{
	struct prober_device *device;
	struct prober_peer *peer;

	if (!prober)
		return;
	prober->ending = true;
	while ((device = TAILQ_FIRST(&prober->devices))) {
		while ((peer = TAILQ_FIRST(&device->peers)))
			prober_peer_remove(peer);
		prober_device_remove(device);
	}
	free(prober->flights.slot);
	heap_clear(&prober->timers);
	free(prober);
}

void
prober_set_timeout(struct prober *prober, uint64_t timeout_ns)
{
	prober->timeout_ns = timeout_ns;
}

void
prober_set_keys(struct prober *prober, const struct keys *keys)
{
	prober->keys = keys;
}

uint64_t
prober_next_ns(const struct prober *prober)
{
	const struct heap_node *first = heap_first(&prober->timers);
	uint64_t next_ns = window_clock_next_ns(&prober->windows);
	uint64_t ask_ns;

	if (first && first->key < next_ns)
		next_ns = first->key;

	if (!TAILQ_EMPTY(&prober->ended) || !TAILQ_EMPTY(&prober->done))
		return 0;
	ask_ns = prober_peer_ask_ns(prober);
	return ask_ns < next_ns ? ask_ns : next_ns;
}

void
prober_drain(struct prober *prober)
{
	struct prober_probe *probe;
	struct prober_target *target;

	if (prober->draining)
		return;
	prober->draining = true;
	for (;;) {
		if ((probe = TAILQ_FIRST(&prober->ended))) {
			prober_probe_tell(probe);
		} else if ((target = TAILQ_FIRST(&prober->done))) {
			TAILQ_REMOVE(&prober->done, target, in_done);
			target->done_listed = false;
			prober->ops->target_done(prober->arg, target->user);
		} else {
			break;
		}
	}
	prober->draining = false;
}

static void
prober_fire(struct prober *prober, struct prober_timer *timer, uint64_t now_ns)
{
	prober_timer_stop(prober, timer);
	timer->fire(timer, now_ns);
	prober_drain(prober);
}

/*
 * Fires at most as many timers as were set at the start, so that callbacks which start new targets
 * cannot keep it busy.
 */
static void
prober_run_timers(struct prober *prober, uint64_t now_ns)
{
	struct heap_node *node;

	prober->batch = (struct prober_batch){0};
	for (uint32_t n = prober->timers.n; n > 0; n--) {
		node = heap_first(&prober->timers);
		if (!node || node->key > now_ns)
			break;
		prober_fire(prober, PROBER_CONTAINER(node, struct prober_timer, node), now_ns);
	}
}

/*
 * If probes are due, takes along others that would be due soon: prober_target_joins(). Each that
 * joins sets the timer of its device, which may be due at once.
 */
static void
prober_fill_batch(struct prober *prober, uint64_t now_ns)
{
	for (uint32_t n = prober->timers.n; n > 0; n--) {
		struct heap_node *node = heap_first(&prober->timers);
		struct prober_timer *timer;

		if (!node || prober->batch.n == 0 || prober->batch.n >= PROBER_TOGETHER)
			break;
		timer = PROBER_CONTAINER(node, struct prober_timer, node);
		if (node->key > now_ns && !prober_target_joins(timer, &prober->batch, now_ns))
			break;
		prober_fire(prober, timer, now_ns);
	}
}

/* The timer only has to wake prober_advance(). */
static void
prober_device_timer(struct prober_timer *timer, uint64_t now_ns)
{
	(void)timer;
	(void)now_ns;
}

/* The lanes of each turn: the second one is used if the first has nothing to send. */
static const enum prober_lane_id prober_turns[][2] = {
	{PROBER_LANE_MESH, PROBER_LANE_PING},
	{PROBER_LANE_SERVICE, PROBER_LANE_SERVICE},
	{PROBER_LANE_PING, PROBER_LANE_MESH},
	{PROBER_LANE_SERVICE, PROBER_LANE_SERVICE},
};
#define PROBER_TURNS (sizeof(prober_turns) / sizeof(prober_turns[0]))

static bool
prober_device_holds_back(const struct prober_device *device, enum prober_lane_id lane)
{
	return device->prober->throttle > 0 && lane != PROBER_LANE_PING;
}

/* The time from which on the budget allows a probe of that lane. */
static uint64_t
prober_lane_ready_ns(const struct prober_device *device, enum prober_lane_id lane)
{
	uint64_t ready_ns = bucket_ready_ns(&device->bucket, &device->rate), held_ns;

	if (!prober_device_holds_back(device, lane))
		return ready_ns;
	held_ns = bucket_ready_ns(&device->throttle_bucket, &device->throttle_rate);
	return held_ns > ready_ns ? held_ns : ready_ns;
}

static void
prober_device_arm(struct prober_device *device)
{
	enum prober_lane_id lane = TAILQ_EMPTY(&device->lane[PROBER_LANE_PING].queue) ?
					   PROBER_LANE_MESH :
					   PROBER_LANE_PING;

	if (device->n_queue == 0)
		prober_timer_stop(device->prober, &device->timer);
	else
		prober_timer_set(device->prober, &device->timer,
				 prober_lane_ready_ns(device, lane));
}

uint32_t
prober_device_tokens(const struct prober_device *device, enum prober_lane_id lane, uint64_t now_ns)
{
	uint32_t tokens = bucket_tokens(&device->bucket, &device->rate, now_ns), held;

	if (!prober_device_holds_back(device, lane))
		return tokens;
	held = bucket_tokens(&device->throttle_bucket, &device->throttle_rate, now_ns);
	return held < tokens ? held : tokens;
}

void
prober_device_enqueue(struct prober_device *device, struct prober_target *target, uint64_t now_ns)
{
	target->place = PROBER_TARGET_QUEUED;
	TAILQ_INSERT_TAIL(&prober_target_lane(target)->queue, target, in_place);
	device->n_queue++;
	if (prober_device_tokens(device, prober_target_lane_id(target), now_ns) < device->n_queue)
		device->deferred++;
	prober_device_arm(device);
}

void
prober_device_dequeue(struct prober_device *device, struct prober_target *target)
{
	TAILQ_REMOVE(&prober_target_lane(target)->queue, target, in_place);
	device->n_queue--;
	target->place = PROBER_TARGET_IDLE;
	prober_device_arm(device);
}

void
prober_device_take(struct prober_device *device, const struct prober_target *target,
		   uint64_t now_ns)
{
	enum prober_lane_id lane = prober_target_lane_id(target);

	bucket_take(&device->bucket, &device->rate, now_ns);
	if (prober_device_holds_back(device, lane))
		bucket_take(&device->throttle_bucket, &device->throttle_rate, now_ns);
	if (lane == PROBER_LANE_SERVICE)
		device->turn = (device->turn + device->turn % 2) % PROBER_TURNS;
	else
		device->turn = lane == PROBER_LANE_MESH ? 1 : 3;
}

static struct prober_target *
prober_lane_first(const struct prober_device *device, enum prober_lane_id lane, uint64_t now_ns)
{
	return prober_lane_ready_ns(device, lane) <= now_ns ?
		       TAILQ_FIRST(&device->lane[lane].queue) :
		       NULL;
}

/* The target whose probe is sent next, or NULL if none may be sent now. */
static struct prober_target *
prober_device_first(const struct prober_device *device, uint64_t now_ns)
{
	for (uint32_t i = 0; device->n_queue > 0 && i < PROBER_TURNS; i++) {
		const enum prober_lane_id *lanes = prober_turns[(device->turn + i) % PROBER_TURNS];
		struct prober_target *target = prober_lane_first(device, lanes[0], now_ns);

		if (!target)
			target = prober_lane_first(device, lanes[1], now_ns);
		if (target)
			return target;
	}
	return NULL;
}

static bool
prober_device_send_one(struct prober_device *device, uint64_t now_ns)
{
	struct prober_target *target = prober_device_first(device, now_ns);

	if (!target)
		return false;
	prober_device_dequeue(device, target);
	prober_target_fire(target, now_ns);
	prober_device_arm(device);
	return true;
}

/* Sends one probe of each device in turn. */
static void
prober_send(struct prober *prober, uint64_t now_ns)
{
	uint32_t left = PROBER_SEND_BATCH;
	bool sent = true;
	struct prober_device *device = TAILQ_FIRST(&prober->devices);

	if (!device)
		return;
	/* Begin with another device each time, because the batch may end within a round. */
	TAILQ_REMOVE(&prober->devices, device, in_prober);
	TAILQ_INSERT_TAIL(&prober->devices, device, in_prober);
	while (sent && left > 0) {
		sent = false;
		TAILQ_FOREACH(device, &prober->devices, in_prober) {
			if (left > 0 && prober_device_send_one(device, now_ns)) {
				sent = true;
				left--;
			}
		}
		prober_drain(prober);
	}
}

void
prober_advance(struct prober *prober, uint64_t now_ns)
{
	if (now_ns > prober->now_ns)
		prober->now_ns = now_ns;
	prober_drain(prober);
	prober_run_timers(prober, now_ns);
	prober_fill_batch(prober, now_ns);
	prober_windows_advance(prober, now_ns);
	prober_peer_ask_next(prober, now_ns);
	prober_send(prober, now_ns);
}

int
prober_device_add(struct prober *prober, uint32_t max_per_s, struct prober_device **out)
{
	struct prober_device *device = calloc(1, sizeof(*device));

	if (!device)
		return -ENOMEM;
	if (prober_timer_new(prober, &device->timer, prober_device_timer) < 0) {
		free(device);
		return -ENOMEM;
	}
	device->prober = prober;
	device->reason = "device not started";
	window_series_init(&device->windows, PROBER_DEVICE_WINDOWS, device, false);
	TAILQ_INIT(&device->peers);
	for (int i = 0; i < PROBER_LANE_N; i++)
		TAILQ_INIT(&device->lane[i].queue);
	TAILQ_INSERT_TAIL(&prober->devices, device, in_prober);
	prober_device_set_rate(device, max_per_s);
	*out = device;
	return 0;
}

void
prober_device_remove(struct prober_device *device)
{
	struct prober *prober = device->prober;

	assert(TAILQ_EMPTY(&device->peers));
	prober_windows_end(prober, &device->windows);
	TAILQ_REMOVE(&prober->devices, device, in_prober);
	prober_timer_free(prober, &device->timer);
	free(device);
}

/* A small burst, because probes should be spread in time. */
static uint32_t
prober_device_burst(uint32_t per_s)
{
	return per_s / 50 > 2 ? per_s / 50 : 2;
}

uint32_t
prober_device_throttled_rate(const struct prober_device *device)
{
	uint32_t step = device->prober->throttle, rate = step < 32 ? device->max_per_s >> step : 0;

	return rate > 0 || device->max_per_s == 0 ? rate : 1;
}

static void
prober_device_rethrottle(struct prober_device *device)
{
	uint32_t rate = prober_device_throttled_rate(device);

	bucket_rate_set(&device->throttle_rate, rate, prober_device_burst(rate));
	device->throttle_bucket = (struct bucket){0};
	prober_device_arm(device);
}

void
prober_device_set_clock(struct prober_device *device, struct hwclock *clock)
{
	device->clock = clock;
}

void
prober_device_set_rate(struct prober_device *device, uint32_t max_per_s)
{
	device->max_per_s = max_per_s;
	bucket_rate_set(&device->rate, max_per_s, prober_device_burst(max_per_s));
	device->bucket = (struct bucket){0};
	prober_device_rethrottle(device);
}

void
prober_set_throttle(struct prober *prober, uint32_t step, uint64_t now_ns)
{
	uint32_t from = prober->throttle;
	struct prober_device *device;
	struct prober_peer *peer;
	struct prober_target *target;

	prober->throttle = step < PROBER_THROTTLE_MAX ? step : PROBER_THROTTLE_MAX;
	if (prober->throttle == from)
		return;
	TAILQ_FOREACH(device, &prober->devices, in_prober) {
		prober_device_rethrottle(device);
		TAILQ_FOREACH(peer, &device->peers, in_device)
			TAILQ_FOREACH(target, &peer->targets, in_peer)
				prober_target_rethrottle(target, from, now_ns);
	}
}

void
prober_device_set_mtu(struct prober_device *device, uint32_t bytes)
{
	device->mtu = bytes;
}

void
prober_device_down(struct prober_device *device, const char *reason, uint64_t now_ns)
{
	struct prober_peer *peer;

	device->reason = reason;
	if (!device->up)
		return;
	device->up = false;
	TAILQ_FOREACH(peer, &device->peers, in_device)
		prober_peer_device_down(peer, now_ns);
	prober_drain(device->prober);
}

void
prober_device_up(struct prober_device *device, uint64_t now_ns)
{
	struct prober_peer *peer;

	if (device->up)
		return;
	device->up = true;
	device->reason = NULL;
	TAILQ_FOREACH(peer, &device->peers, in_device)
		prober_peer_device_up(peer, now_ns);
	prober_drain(device->prober);
}

enum prober_expects
prober_device_expects(const struct prober_device *device)
{
	if (device->awaited > 0)
		return PROBER_EXPECTS_ANY;
	return device->in_flight > 0 || device->ack2_due > 0 ? PROBER_EXPECTS_SOLICITED :
							       PROBER_EXPECTS_NOTHING;
}

void
prober_device_info(const struct prober_device *device, uint64_t now_ns,
		   struct prober_device_info *out)
{
	const struct prober_lane *mesh = &device->lane[PROBER_LANE_MESH],
				 *ping = &device->lane[PROBER_LANE_PING];
	const struct prober_lane *service = &device->lane[PROBER_LANE_SERVICE];
	uint32_t service_last_s = probe_rate_last(&service->posted_rate, now_ns);

	*out = (struct prober_device_info){
		.up = device->up,
		.posted = mesh->posted + ping->posted + service->posted,
		.posted_service = service->posted,
		.deferred = device->deferred,
		.skipped = mesh->skipped + ping->skipped + service->skipped,
		.skipped_service = service->skipped,
		.posted_last_s = probe_rate_last(&mesh->posted_rate, now_ns) +
				 probe_rate_last(&ping->posted_rate, now_ns) + service_last_s,
		.posted_service_last_s = service_last_s,
		.in_flight = device->in_flight,
	};
}

void
prober_stats(const struct prober *prober, struct prober_stats *out)
{
	*out = (struct prober_stats){
		.in_flight = prober->flights.n - prober->n_doubtful,
		.malformed = prober->malformed,
		.unauthenticated = prober->unauthenticated,
		.unknown = prober->unknown,
		.wrong_source = prober->wrong_source,
		.duplicates = prober->duplicates,
		.impossible = prober->impossible,
		.unwindowed = prober->unwindowed,
		.totals = prober->totals,
	};
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schedules. The timer of a target fires when its next probe is due. The probe waits in the queue
 * of its device for the budget, and is posted. Then the next probe is scheduled, one interval after
 * the time at which this one was due, so that the schedule does not drift.
 *
 * `due` counts a probe when it is posted or ends unposted, not while it waits in a queue. A probe
 * that is held while the peer is being resolved measures nothing and has no result.
 */
#include "probe/prober_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "probe/auth.h"
#include "probe/wire.h"

static void
target_leave(struct prober_target *target)
{
	if (target->place == PROBER_TARGET_QUEUED)
		prober_device_dequeue(target->peer->device, target);
	else if (target->place == PROBER_TARGET_PATH)
		TAILQ_REMOVE(&target->peer->path_targets, target, in_place);
	target->place = PROBER_TARGET_IDLE;
	prober_timer_stop(target->peer->prober, &target->timer);
}

/*
 * The interval between two probes: the configured one, or a longer one while throttled. Pings are
 * not throttled.
 */
static uint64_t
target_interval_ns(const struct prober_target *target)
{
	uint32_t step = target->config.kind == PROBE_KIND_PING ? 0 : target->peer->prober->throttle;

	return target->config.interval_ns << step;
}

void
prober_target_rethrottle(struct prober_target *target, uint32_t from, uint64_t now_ns)
{
	uint32_t to = target->peer->prober->throttle;
	uint64_t left_ns;

	if (target->config.kind == PROBE_KIND_PING || target->place != PROBER_TARGET_IDLE ||
	    target->timer.node.position == 0 || target->due_ns <= now_ns)
		return;
	left_ns = target->due_ns - now_ns;
	target->due_ns = now_ns + (to > from ? left_ns << (to - from) : left_ns >> (from - to));
	prober_timer_set(target->peer->prober, &target->timer, target->due_ns);
}

void
prober_target_set_path(struct prober_target *target, uint32_t road)
{
	target->road = road;
}

void
prober_target_set_interval(struct prober_target *target, uint64_t interval_ns, uint64_t now_ns)
{
	double part = (double)interval_ns / (double)target->config.interval_ns;

	if (target->config.interval_ns == interval_ns)
		return;
	target->config.interval_ns = interval_ns;
	if (target->place != PROBER_TARGET_IDLE || target->timer.node.position == 0 ||
	    target->due_ns <= now_ns)
		return;
	target->due_ns = now_ns + (uint64_t)((double)(target->due_ns - now_ns) * part);
	prober_timer_set(target->peer->prober, &target->timer, target->due_ns);
}

void
prober_target_start(struct prober_target *target, uint64_t now_ns)
{
	uint64_t phase_ns = target->config.phase_ns;

	if (target->stopped)
		return;
	target_leave(target);
	if (phase_ns == PROBER_PHASE_RANDOM)
		phase_ns = prober_random(target->peer->prober) % target_interval_ns(target);
	target->due_ns = now_ns + phase_ns;
	target->placed = false;
	target->path_since_ns = 0;
	prober_timer_set(target->peer->prober, &target->timer, target->due_ns);
}

void
prober_target_hold(struct prober_target *target)
{
	target_leave(target);
}

void
prober_target_requeue(struct prober_target *target)
{
	if (target->place == PROBER_TARGET_IDLE)
		return;
	target_leave(target);
	prober_timer_set(target->peer->prober, &target->timer, target->due_ns);
}

void
prober_peer_set_mtu(struct prober_peer *peer, uint32_t bytes)
{
	peer->mtu = bytes;
}

/* The longest probe for the local port, the route and the peer; UINT16_MAX: all are unknown. */
static uint32_t
target_path_mtu(const struct prober_target *target)
{
	const struct prober_peer *peer = target->peer;
	uint32_t mtu = UINT16_MAX;

	if (peer->device->mtu && peer->device->mtu < mtu)
		mtu = peer->device->mtu;
	if (peer->mtu && peer->mtu < mtu)
		mtu = peer->mtu;
	if (peer->has_session && peer->session.max_size < mtu)
		mtu = peer->session.max_size;
	return mtu > PROBE_WIRE_SIZE_MIN ? mtu : PROBE_WIRE_SIZE_MIN;
}

/*
 * While the peer answers nothing, the path may take less than it did, and some kernels spin on a
 * message that does not fit (soft-RoCE of Linux 6.1). So only small ones ask for it then.
 */
static uint32_t
target_size(const struct prober_target *target)
{
	uint32_t size = target->sizes[target->seq % target->config.n_sizes];
	uint32_t mtu = target_path_mtu(target);

	if (size == PROBER_SIZE_MTU &&
	    (mtu == UINT16_MAX || target->peer->state != PROBER_PEER_UP))
		return PROBE_WIRE_SIZE_MIN;
	if (mtu > PROBER_SIZE_MAX)
		mtu = PROBER_SIZE_MAX;
	return size == PROBER_SIZE_MTU || (target->config.fit && size > mtu) ? mtu : size;
}

/* Whether a due probe cannot be posted. If so, sets its class and the reason. */
static bool
target_is_blocked(const struct prober_target *target, enum probe_class *class, const char **reason)
{
	const struct prober_peer *peer = target->peer;

	if (!peer->device->up) {
		*class = PROBE_LOCAL_ERROR;
		*reason = peer->device->reason;
	} else if (peer->state == PROBER_PEER_RESOLVING) {
		*class = PROBE_UNRESOLVED;
		*reason = peer->reason;
	} else if (peer->state == PROBER_PEER_DOWN) {
		*class = prober_peer_away_class(peer);
		*reason = peer->reason;
	} else if (target_size(target) > peer->session.max_size ||
		   target_size(target) > UINT16_MAX) {
		*class = PROBE_LOCAL_ERROR;
		*reason = "larger than the peer takes";
	} else {
		return false;
	}
	return true;
}

/* The due probe has been posted or has ended. Schedules the next one. */
static void
target_next(struct prober_target *target, uint64_t now_ns)
{
	uint64_t interval_ns = target_interval_ns(target), behind;

	target->seq++;
	target->placed = true;
	target->path_since_ns = 0;
	if (target->config.count && target->seq >= target->config.count) {
		target->stopped = true;
		prober_target_check_done(target);
		return;
	}
	target->due_ns += interval_ns;
	if (now_ns >= target->due_ns + interval_ns) {
		behind = (now_ns - target->due_ns) / interval_ns;
		target->due_ns += behind * interval_ns;
		prober_target_lane(target)->skipped += behind;
	}
	prober_timer_set(target->peer->prober, &target->timer, target->due_ns);
}

static void
target_unposted(struct prober_target *target, enum probe_class class, const char *reason,
		uint64_t now_ns)
{
	prober_probe_unposted(target, target_size(target), class, reason, now_ns);
	target_next(target, now_ns);
}

static void
target_await_path(struct prober_target *target, uint64_t now_ns)
{
	if (target->path_since_ns == 0)
		target->path_since_ns = now_ns;
	target->place = PROBER_TARGET_PATH;
	TAILQ_INSERT_TAIL(&target->peer->path_targets, target, in_place);
	prober_timer_set(target->peer->prober, &target->timer,
			 target->path_since_ns + target->config.timeout_ns);
}

static void
target_encode(const struct prober_target *target, const struct prober_probe *probe)
{
	struct prober *prober = target->peer->prober;
	struct wire_message message = {
		.type = PROBE_WIRE_PROBE,
		.length = (uint16_t)probe->size,
		.seq = probe->wire_seq,
		.session = probe->session.session,
		.probe = {
			.ack_flow_label = target->config.flow_label,
			.ack_traffic_class = target->config.traffic_class,
			.ack_service_level = target->config.service_level,
			.takes_refused = true,
			.back_routers = routers_encode(routers_number(&target->back)),
			.src_port = target->windows.way.src_port,
		},
	};

	wire_encode(&message, prober->payload);
	auth_sign(prober->keys, prober->payload, message.length);
}

static void
target_post(struct prober_target *target, uint64_t now_ns)
{
	struct prober_device *device = target->peer->device;
	struct prober *prober = device->prober;
	struct prober_probe *probe = prober_probe_new(target, target_size(target));
	struct prober_packet packet = {
		.payload = prober->payload,
		.kind = target->config.kind,
		.flow_label = target->config.flow_label,
		.traffic_class = target->config.traffic_class,
		.service_level = target->config.service_level,
	};
	const char *reason = "send failed";
	struct prober_tx tx = {0};
	int err;

	if (!probe) {
		target_unposted(target, PROBE_LOCAL_ERROR, "out of memory", now_ns);
		return;
	}
	packet.size = probe->size;
	packet.cookie = (uint32_t)probe->wire_seq;
	target_encode(target, probe);
	err = prober->ops->send(prober->arg, target->peer->user, &packet, &tx, &reason);
	if (err == -EAGAIN) {
		prober_probe_free(probe);
		target_await_path(target, now_ns);
		return;
	}
	prober_device_take(device, target, now_ns);
	if (err < 0) {
		prober_probe_free(probe);
		target_unposted(target, PROBE_LOCAL_ERROR, reason, now_ns);
		return;
	}
	prober_probe_fly(probe, &tx, now_ns);
	target_next(target, now_ns);
}

void
prober_target_fire(struct prober_target *target, uint64_t now_ns)
{
	enum probe_class class;
	const char *reason;

	if (!target_is_blocked(target, &class, &reason)) {
		target_post(target, now_ns);
		return;
	}
	if (target->config.kind == PROBE_KIND_SERVICE)
		prober_device_take(target->peer->device, target, now_ns);
	target_unposted(target, class, reason, now_ns);
}

/* A ping leaves when its user wants it. */
static bool
target_is_batched(const struct prober_target *target)
{
	return target->config.kind != PROBE_KIND_PING;
}

/* By how much a probe may be moved: a part of what is between two probes to the peer. */
static uint64_t
target_slack_ns(const struct prober_target *target)
{
	return target_interval_ns(target) / target->peer->n_targets / PROBER_TOGETHER_PART;
}

static void
target_batch_add(const struct prober_target *target)
{
	struct prober_batch *batch = &target->peer->prober->batch;

	if (!target_is_batched(target))
		return;
	batch->n++;
	batch->peer = target->peer;
	batch->due_ns = target->due_ns;
	batch->interval_ns = target_interval_ns(target);
}

static void
target_timer(struct prober_timer *timer, uint64_t now_ns)
{
	struct prober_target *target = PROBER_CONTAINER(timer, struct prober_target, timer);
	enum probe_class class;
	const char *reason;

	if (target->place == PROBER_TARGET_PATH) {
		target_leave(target);
		target_unposted(target, PROBE_LOCAL_ERROR, "path not ready in time", now_ns);
	} else if (target->config.kind != PROBE_KIND_SERVICE &&
		   target_is_blocked(target, &class, &reason)) {
		target_unposted(target, class, reason, now_ns);
	} else {
		target_batch_add(target);
		prober_device_enqueue(target->peer->device, target, now_ns);
	}
}

bool
prober_target_joins(struct prober_timer *timer, const struct prober_batch *batch, uint64_t now_ns)
{
	struct prober_target *target = PROBER_CONTAINER(timer, struct prober_target, timer);
	const struct prober_device *device;

	if (timer->fire != target_timer || target->place != PROBER_TARGET_IDLE || target->placed ||
	    !target_is_batched(target) || target->peer == batch->peer ||
	    target->peer->state != PROBER_PEER_UP ||
	    target_interval_ns(target) != batch->interval_ns ||
	    target->due_ns > batch->due_ns + target_slack_ns(target))
		return false;
	device = target->peer->device;
	if (prober_device_tokens(device, prober_target_lane_id(target), now_ns) <= device->n_queue)
		return false;
	target->due_ns = batch->due_ns;
	return true;
}

static bool
target_config_is_valid(const struct prober_target_config *config)
{
	if (config->interval_ns < NSEC_PER_MSEC || config->n_sizes == 0 ||
	    config->n_sizes > PROBER_SIZES_MAX)
		return false;
	for (uint32_t i = 0; i < config->n_sizes; i++) {
		if (config->sizes[i] == PROBER_SIZE_MTU)
			continue;
		if (config->sizes[i] < PROBE_WIRE_SIZE_MIN || config->sizes[i] > PROBER_SIZE_MAX)
			return false;
	}
	return true;
}

static struct prober_target *
target_new(const struct prober_target_config *config)
{
	size_t sizes = config->n_sizes * sizeof(config->sizes[0]);
	struct prober_target *target = calloc(1, sizeof(*target) + sizes);

	if (!target)
		return NULL;
	target->config = (struct prober_target_plan){
		.kind = config->kind,
		.fit = config->fit,
		.traffic_class = config->traffic_class,
		.service_level = config->service_level,
		.flow_label = config->flow_label,
		.n_sizes = config->n_sizes,
		.interval_ns = config->interval_ns,
		.phase_ns = config->phase_ns,
		.timeout_ns = config->timeout_ns,
		.count = config->count,
	};
	memcpy(target->sizes, config->sizes, sizes);
	return target;
}

int
prober_target_add(struct prober_peer *peer, const struct prober_target_config *config, void *user,
		  uint64_t now_ns, struct prober_target **out)
{
	struct prober_target *target;

	if (!target_config_is_valid(config))
		return -EINVAL;
	target = target_new(config);
	if (!target)
		return -ENOMEM;
	if (prober_timer_new(peer->prober, &target->timer, target_timer) < 0) {
		free(target);
		return -ENOMEM;
	}
	target->peer = peer;
	if (target->config.timeout_ns == 0)
		target->config.timeout_ns = peer->prober->timeout_ns;
	target->user = user;
	window_series_init(&target->windows, 1, target, true);
	TAILQ_INIT(&target->probes);
	TAILQ_INSERT_TAIL(&peer->targets, target, in_peer);
	peer->n_targets++;
	if (!peer->held)
		prober_target_start(target, now_ns);
	*out = target;
	return 0;
}

void
prober_target_check_done(struct prober_target *target)
{
	struct prober *prober = target->peer->prober;

	if (!target->stopped || target->done || target->in_flight > 0)
		return;
	target->done = true;
	target->done_listed = true;
	TAILQ_INSERT_TAIL(&prober->done, target, in_done);
}

void
prober_target_stop(struct prober_target *target, uint64_t now_ns)
{
	(void)now_ns;
	target_leave(target);
	target->stopped = true;
	prober_target_check_done(target);
}

void
prober_target_remove(struct prober_target *target)
{
	struct prober *prober = target->peer->prober;

	target_leave(target);
	prober_probe_forget(target);
	prober_windows_end(prober, &target->windows);
	if (target->done_listed)
		TAILQ_REMOVE(&prober->done, target, in_done);
	TAILQ_REMOVE(&target->peer->targets, target, in_peer);
	target->peer->n_targets--;
	prober_timer_free(prober, &target->timer);
	probe_recent_clear(&target->recent);
	free(target);
}

void
prober_target_info(const struct prober_target *target, struct prober_target_info *out)
{
	const struct prober_target_plan *plan = &target->config;

	*out = (struct prober_target_info){
		.config = {
			.kind = plan->kind,
			.interval_ns = plan->interval_ns,
			.phase_ns = plan->phase_ns,
			.timeout_ns = plan->timeout_ns,
			.count = plan->count,
			.n_sizes = plan->n_sizes,
			.fit = plan->fit,
			.flow_label = plan->flow_label,
			.traffic_class = plan->traffic_class,
			.service_level = plan->service_level,
		},
		.user = target->user,
		.in_flight = target->in_flight,
		.src_port = target->windows.way.src_port,
		.path = target->windows.way.path,
		.back_src_port = target->back_src_port,
		.remote_qpn = target->peer->has_session ? target->peer->session.qpn : 0,
		.routers_there = routers_number(&target->there),
		.routers_back = routers_number(&target->back),
		.totals = target->totals,
		.loss = target->loss,
		.lasting = target->lasting,
	};
	memcpy(out->config.sizes, target->sizes, plan->n_sizes * sizeof(target->sizes[0]));
}

void
prober_target_summary(const struct prober_target *target, uint64_t now_ns,
		      struct probe_summary *out)
{
	const struct probe_recent *recent = &target->recent;

	probe_recent_summary(&recent, 1, now_ns, out);
}

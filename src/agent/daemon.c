/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: daemon
 *
 * Start: names, prober, responder, then the RDMA side (rdma_cm, nics), peers, and the control
 * socket last, so that who connects finds everything. Stop in the reverse order. What is missing in
 * the kernel is not fatal: `rescan` looks again every few seconds and status says so meanwhile. It
 * never stops looking, for devices that come later.
 *
 * Timers: pump, armed for the earlier of what prober and responder want; rescan.
 */
#include "agent/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/names.h"
#include "agent/guard.h"
#include "agent/host_noise.h"
#include "agent/tell/methods.h"
#include "agent/tell/metrics.h"
#include "agent/nic/nic.h"
#include "agent/nic/nic_counters.h"
#include "agent/nic/nic_poll.h"
#include "agent/nic/nic_port.h"
#include "agent/notify.h"
#include "agent/peer/peer.h"
#include "agent/peer/ping.h"
#include "agent/reload.h"
#include "agent/peer/service.h"
#include "agent/tell/sinks.h"
#include "agent/tell/subscriptions.h"
#include "probe/prober.h"
#include "probe/responder.h"
#include "rdma/sidr.h"
#include "serve/control.h"
#include "trace/trace.h"

#define DAEMON_WALL_NS (100 * NSEC_PER_MSEC) /* between two looks at the wall clock */
#define DAEMON_RESCAN_MIN_NS NSEC_PER_SEC
#define DAEMON_RESCAN_MAX_NS (16 * NSEC_PER_SEC)
#define DAEMON_RESCAN_IDLE_NS \
	(5 * NSEC_PER_SEC) /* nothing is missing: a look at the names in sysfs */

uint64_t
daemon_random(void)
{
	uint64_t v = 0;

	while (getrandom(&v, sizeof(v), 0) != sizeof(v) && errno == EINTR)
		;
	return v;
}

/* ---- pump ---- */

static uint64_t
daemon_next_ns(const struct daemon *d)
{
	uint64_t prober = prober_next_ns(d->prober), responder = responder_next_ns(d->responder);

	return prober < responder ? prober : responder;
}

void
daemon_pump_soon(struct daemon *d)
{
	uint64_t next = daemon_next_ns(d), now;

	guard_wake(d->guard);
	if (next >= d->pump_ns)
		return;
	now = clock_mono_ns();
	d->pump_ns = next;
	d->pump_asked_ns = next > now ? next : now;
	loop_timer_set(d->pump, next > now ? next - now : 0);
}

void
daemon_look(struct daemon *d, uint64_t now_ns)
{
	host_noise_look(d->noise, d->pump_ns == UINT64_MAX ? UINT64_MAX : d->pump_asked_ns, now_ns);
}

/* Windows follow the wall clock, whoever sets it. */
static void
daemon_tell_wall(struct daemon *d, uint64_t now_ns)
{
	int64_t offset_ns;

	if (d->wall_ns && now_ns < d->wall_ns + DAEMON_WALL_NS)
		return;
	if (!clock_wall_offset(&offset_ns))
		return;
	d->wall_ns = now_ns;
	prober_set_wall_offset(d->prober, offset_ns, now_ns);
}

static void
daemon_pump(void *arg)
{
	struct daemon *d = arg;
	uint64_t now = clock_mono_ns();

	d->pump_ns = UINT64_MAX;
	host_noise_fired(d->noise, d->pump_asked_ns, now);
	daemon_tell_wall(d, now);
	prober_advance(d->prober, clock_mono_ns());
	nic_poll(d);
	responder_advance(d->responder, clock_mono_ns());
	daemon_pump_soon(d);
}

/* ---- the RDMA side ---- */

static void
daemon_say_nothing_found(struct daemon *d)
{
	if (d->rescan_said)
		return;
	d->rescan_said = true;
	log_warning(DEVICE, "no RoCE port found%s; looking again every few seconds",
		    d->config->n_devices && device_set() ? " that `devices` matches" : "");
}

static bool
daemon_has_device(const struct daemon *d)
{
	for (const struct nic *nic = d->nics; nic; nic = nic->next)
		if (nic->device)
			return true;
	return device_set() != 0;
}

/*
 * Where no device has a node, librdmacm says that there is no device: that is told of the nodes
 * already.
 */
static bool
daemon_sidr_knows_none(const struct daemon *d)
{
	return d->sidr_error == -ENODEV && d->unopened.n;
}

/*
 * rdma_cm may come later: its module, or the right to use it. Without any device its channel is not
 * kept open: it would keep the modules of the RDMA stack from being unloaded.
 */
static bool
daemon_has_sidr(struct daemon *d)
{
	int rc;

	if (!daemon_has_device(d)) {
		if (d->sidr)
			sidr_forget_gone(true);
		sidr_free(d->sidr);
		d->sidr = NULL;
		nic_drop_gone(d);
		daemon_say_nothing_found(d);
		return false;
	}
	if (d->sidr)
		return true;
	rc = sidr_new(d->loop, &d->sidr);
	d->sidr_error = rc;
	if (rc < 0 && !d->rescan_said && !daemon_sidr_knows_none(d)) {
		log_error(CM, "no rdma_cm: %s%s", strerror(-rc), sidr_cure(rc));
		d->rescan_said = true;
	}
	return rc == 0;
}

/* A scan opens each device: not without need. */
static void
daemon_scan_nics(struct daemon *d)
{
	struct device_unopened others;
	uint64_t set = device_set();

	if (set == d->device_set && !nic_any_missing(d))
		return;
	/*
	 * librdmacm opens every device, ours or not, and one that somebody has open cannot be
	 * removed.
	 */
	device_look_unopened(NULL, 0, NULL, NULL, &others);
	if (set != d->device_set && !others.n)
		sidr_forget_gone(false);
	d->device_set = set;
	nic_scan(d);
	if (!d->nics && !d->unopened.n)
		daemon_say_nothing_found(d);
}

static void
daemon_scan(void *arg)
{
	struct daemon *d = arg;

	if (nic_look_unopened(d))
		d->device_set = 0;
	if (daemon_has_sidr(d))
		daemon_scan_nics(d);
	peer_retry(d, clock_mono_ns());
	metrics_retry(d->metrics);
	nic_prune_paths(d, clock_mono_ns());
	if (nic_any_missing(d) || peer_any_unnamed(d)) {
		loop_timer_set(d->rescan, d->rescan_ns);
		d->rescan_ns = d->rescan_ns < DAEMON_RESCAN_MAX_NS ? 2 * d->rescan_ns :
								     DAEMON_RESCAN_MAX_NS;
	} else {
		loop_timer_set(d->rescan, DAEMON_RESCAN_IDLE_NS);
		d->rescan_ns = DAEMON_RESCAN_MIN_NS;
	}
	daemon_pump_soon(d);
}

void
daemon_rescan_soon(struct daemon *d)
{
	d->rescan_ns = DAEMON_RESCAN_MIN_NS;
	loop_timer_set(d->rescan, d->rescan_ns);
}

/* ---- degraded states ---- */

static void
daemon_degraded_nics(const struct daemon *d, void (*fn)(void *arg, const char *sentence), void *arg)
{
	char text[NIC_PORT_SENTENCE > NIC_COUNTERS_SENTENCE ? NIC_PORT_SENTENCE :
							      NIC_COUNTERS_SENTENCE];

	for (const struct nic *nic = d->nics; nic; nic = nic->next) {
		if (nic->down_reason) {
			snprintf(text, sizeof(text), "%s/%u is down: %s", nic->name, nic->port,
				 nic->down_reason);
			fn(arg, text);
		}
		if (nic_clock_degraded(nic)) {
			snprintf(text, sizeof(text),
				 "%s/%u: the RNIC's clock is not used for now: %s", nic->name,
				 nic->port, nic_clock_degraded(nic));
			fn(arg, text);
		}
		if (nic->deaf) {
			snprintf(text, sizeof(text),
				 "%s/%u: another daemon has an address of this port, or it cannot "
				 "be listened on (see the log): "
				 "hosts that ask there are not answered by this one",
				 nic->name, nic->port);
			fn(arg, text);
		}
		if (nic_port_flaps_text(nic, text))
			fn(arg, text);
		if (nic_counters_text(nic, text))
			fn(arg, text);
	}
}

/* What refuses sockets: EAFNOSUPPORT is systemd's answer. */
static const char *
daemon_dump_cure(int err)
{
	return err == -EPERM || err == -EACCES || err == -EAFNOSUPPORT ?
		       ": look for systemd's RestrictAddressFamilies= without AF_NETLINK, a system "
		       "call filter or a security module" :
		       "";
}

static void
daemon_degraded_trace(const struct daemon *d, void (*fn)(void *arg, const char *sentence),
		      void *arg)
{
	char text[TRACER_REASON + 64];
	struct trace_info info;

	if (!d->trace)
		return;
	trace_info(d->trace, &info);
	if (info.tracer.state != TRACER_ON && info.tracer.reason[0]) {
		snprintf(text, sizeof(text), "services are not traced: %s", info.tracer.reason);
		fn(arg, text);
	} else if (info.tracer.degraded) {
		snprintf(text, sizeof(text), "tracing lacks something: %s", info.tracer.reason);
		fn(arg, text);
	}
	if (info.tracer.state == TRACER_ON && info.dump_error) {
		snprintf(text, sizeof(text),
			 "the last dump of QPs by RDMA netlink failed: %s; QPs older than the "
			 "daemon may be missing%s",
			 strerror(-info.dump_error), daemon_dump_cure(info.dump_error));
		fn(arg, text);
	}
}

void
daemon_degraded(const struct daemon *d, void (*fn)(void *arg, const char *sentence), void *arg)
{
	char text[CONFIG_ERROR + 64];

	if (nic_unopened_text(d, text))
		fn(arg, text);
	if (!d->sidr && daemon_has_device(d) && !daemon_sidr_knows_none(d))
		fn(arg, "the kernel offers no rdma_cm (modprobe rdma_ucm), or this user may not "
			"open /dev/infiniband/rdma_cm: "
			"nothing is probed or answered");
	else if (!d->nics && !d->unopened.n)
		fn(arg, d->config->n_devices && device_set() ?
				"no RoCE port matches `devices`: nothing is probed or answered; "
				"compare it with `rdma link`" :
				"no RoCE port found: nothing is probed or answered; `rdma link` "
				"must show one: load the NIC's driver");
	daemon_degraded_nics(d, fn, arg);
	daemon_degraded_trace(d, fn, arg);
	if (guard_sentence(d->guard, text, sizeof(text)))
		fn(arg, text);
	if (metrics_sentence(d->metrics, text, sizeof(text)))
		fn(arg, text);
	if (d->config_error[0]) {
		snprintf(text, sizeof(text),
			 "the last reload was refused, the old configuration is in force: %s",
			 d->config_error);
		fn(arg, text);
	}
}

/* ---- configuration ---- */

static void
daemon_apply_log(const struct config *config)
{
	log_setup(config->log_target, config->log_level);
	for (int i = 0; i < LOG_SUB_N; i++)
		log_set_level((enum log_subsystem)i, config->log_levels[i]);
}

static struct throttle_limits
daemon_own_limits(const struct config *config)
{
	return (struct throttle_limits){
		.cpu_percent = config->limit_cpu_percent,
		.memory_bytes = (uint64_t)config->limit_memory_mb << 20,
	};
}

static void
daemon_apply_limits(struct daemon *d)
{
	struct throttle_limits own = daemon_own_limits(d->config);
	struct responder_limits limits = {
		.allow = d->config->allow,
		.n_allow = d->config->n_allow,
		.per_source = d->config->responder_per_source,
		.total = d->config->responder_total,
	};

	guard_set_limits(d->guard, &own);
	responder_set_limits(d->responder, &limits, clock_mono_ns());
	prober_set_timeout(d->prober, d->config->timeout_ms * NSEC_PER_MSEC);
	prober_set_window(d->prober, d->config->window_s * NSEC_PER_SEC, clock_mono_ns());
	for (struct nic *nic = d->nics; nic; nic = nic->next)
		prober_device_set_rate(nic->budget, d->config->max_probes_per_s);
}

static void
daemon_apply_names(struct daemon *d)
{
	if (d->config->hostname[0])
		snprintf(d->hostname, sizeof(d->hostname), "%s", d->config->hostname);
	else if (gethostname(d->hostname, sizeof(d->hostname) - 1) < 0)
		snprintf(d->hostname, sizeof(d->hostname), "?");
	snprintf(d->tor, sizeof(d->tor), "%s", d->config->tor);
}

void
daemon_adopt(struct daemon *d, struct config *config)
{
	struct config *old = d->config;

	/*
	 * Probers keep to the rate that they were told: who was told a higher one must ask again.
	 */
	if (config->responder_per_source < old->responder_per_source)
		for (struct nic *nic = d->nics; nic; nic = nic->next)
			responder_close_device(d->responder, nic);
	d->config = config;
	d->config_read_ns = clock_mono_ns();
	d->config_generation++;
	daemon_apply_log(config);
	daemon_apply_names(d);
	daemon_apply_limits(d);
	metrics_sync(d->metrics);
	d->rescan_said = false;
	d->device_set = 0;
	nic_reconfigured(d);
	daemon_scan(d);
	peer_sync(d);
	service_sync(d);
	if (d->trace)
		trace_retry(d->trace);
	config_free(old);
	daemon_pump_soon(d);
}

/* ---- what is measured ---- */

static void
daemon_tell_result(void *arg, void *target_user, const struct probe_result *r)
{
	const struct daemon *d = arg;
	struct results_item item = {.kind = RESULTS_PROBE,
				    .probe = {.stream = target_user, .result = r}};

	results_tell(d->results, &item);
}

static const struct nic *
daemon_nic_of(const struct daemon *d, const struct prober_device *device)
{
	for (const struct nic *nic = d->nics; nic; nic = nic->next)
		if (nic->budget == device)
			return nic;
	return NULL;
}

static void
daemon_tell_window(void *arg, struct prober_device *device, struct prober_target *target,
		   const struct window *w)
{
	const struct daemon *d = arg;
	struct results_item item = {.kind = RESULTS_WINDOW,
				    .window = {.by = RECORD_WINDOW_DEVICE, .window = w}};
	struct prober_target_info info;
	const struct peer_stream *stream;

	if (target) {
		prober_target_info(target, &info);
		stream = info.user;
		item.window.target = &info;
		item.window.by = stream->service ? RECORD_WINDOW_FLOW : RECORD_WINDOW_TARGET;
		/*
		 * Not from the list: one that is not configured any more is not there when its
		 * peers leave it.
		 */
		item.window.nic = stream->peer->nic;
	} else {
		item.window.nic = daemon_nic_of(d, device);
	}
	if (item.window.nic)
		results_tell(d->results, &item);
}

void
daemon_tell_event(struct daemon *d, const struct qp_event *e, const struct flow_qp *qp)
{
	struct results_item item = {.kind = RESULTS_EVENT,
				    .event = {.event = e, .qp = qp, .owners = d->owners}};

	results_tell(d->results, &item);
}

/* ---- start and stop ---- */

static int
daemon_start_results(struct daemon *d)
{
	const struct sinks_env env = {.last_probes = &d->last_probes, .metrics = d->metrics};

	return sinks_new(&env, &d->results, &d->subscriptions);
}

static int
daemon_start_rooms(struct daemon *d)
{
	static const struct prober_ops prober_ops = {
		.send = peer_send,
		.resolve = peer_resolve,
		.result = daemon_tell_result,
		.target_done = ping_target_done,
		.window = daemon_tell_window,
		.peer_state = peer_state_changed,
	};
	static const struct responder_ops responder_ops = {.send = nic_send_ack};
	struct prober_config prober = {
		.ops = &prober_ops,
		.arg = d,
		.timeout_ns = d->config->timeout_ms * NSEC_PER_MSEC,
		.window_ns = d->config->window_s * NSEC_PER_SEC,
		.epoch = (uint32_t)daemon_random(),
		.random = daemon_random(),
	};
	struct responder_config responder = {.ops = &responder_ops,
					     .arg = d,
					     .random = daemon_random()};
	struct throttle_limits own = daemon_own_limits(d->config);
	int rc = names_new(d->loop, &d->names);

	if (rc == 0)
		rc = host_noise_new(&d->noise);
	if (rc == 0) {
		prober.noise = responder.noise = host_noise_get(d->noise);
		rc = prober_new(&prober, &d->prober);
	}
	if (rc == 0)
		daemon_tell_wall(d, clock_mono_ns());
	if (rc == 0)
		rc = responder_new(&responder, &d->responder);
	if (rc == 0)
		rc = guard_new(d->loop, d->prober, &own, &d->guard);
	if (rc == 0)
		rc = metrics_new(d, &d->metrics);
	if (rc == 0)
		rc = daemon_start_results(d);
	if (rc == 0)
		rc = loop_timer_new(d->loop, "pump", daemon_pump, d, &d->pump);
	if (rc == 0)
		rc = loop_timer_new(d->loop, "rescan", daemon_scan, d, &d->rescan);
	return rc;
}

static int
daemon_start_control(struct daemon *d)
{
	struct control_config config = {
		.path = d->config->socket,
		.group = d->config->socket_group,
		.methods = methods_table,
		.n_methods = methods_count,
		.arg = d,
		.gone = methods_client_gone,
		.listen_fd = -1,
	};
	int rc = notify_socket(d->config->socket, &config.listen_fd);

	return rc < 0 ? rc : control_new(d->loop, &config, &d->control);
}

int
daemon_new(struct loop *loop, struct config *config, const char *config_path, struct daemon **out)
{
	struct daemon *d = calloc(1, sizeof(*d));
	int rc;

	if (!d) {
		config_free(config);
		return -ENOMEM;
	}
	d->loop = loop;
	d->config = config;
	d->config_path = config_path;
	d->started_ns = d->config_read_ns = clock_mono_ns();
	d->incarnation = daemon_random();
	d->qkey = (uint32_t)daemon_random() &
		  0x7fffffffu; /* the high bit would mark a privileged Q_Key */
	d->pump_ns = UINT64_MAX;
	d->rescan_ns = DAEMON_RESCAN_MIN_NS;
	daemon_apply_log(config);
	daemon_apply_names(d);
	rc = daemon_start_rooms(d);
	/* The socket is taken before anything is sent: a second daemon stops here. */
	if (rc == 0)
		rc = daemon_start_control(d);
	if (rc < 0) {
		daemon_free(d);
		return rc;
	}
	daemon_apply_limits(d);
	metrics_sync(d->metrics);
	daemon_scan(d);
	peer_sync(d);
	if (service_sync(d) < 0)
		log_error(TRACE, "services are not traced: out of memory");
	daemon_pump_soon(d);
	*out = d;
	return 0;
}

void
daemon_free(struct daemon *d)
{
	if (!d)
		return;
	control_free(d->control);
	metrics_free(d->metrics);
	d->metrics = NULL;
	ping_free_all(d);
	service_free_all(d);
	peer_free_all(d);
	loop_flush(d->loop);
	nic_free_all(d);
	loop_timer_free(d->pump);
	loop_timer_free(d->rescan);
	guard_free(d->guard);
	prober_free(d->prober);
	responder_free(d->responder);
	host_noise_free(d->noise);
	subscriptions_free(d->subscriptions);
	results_free(d->results);
	sidr_free(d->sidr);
	/* Last: turns the loop. */
	names_free(d->names);
	reload_free(d->reload);
	config_free(d->config);
	free(d);
}

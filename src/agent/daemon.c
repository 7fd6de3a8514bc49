/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: daemon
 *
 * Start: prober, responder, pump, nics, then what comes of the configuration: devices, peers,
 * services. The control socket is taken before anything is sent. Stop in the reverse order. What is
 * missing in the kernel is not fatal: nics_scan.c looks again every few seconds and status says so
 * meanwhile.
 */
#include "agent/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/names.h"
#include "agent/base/guard.h"
#include "agent/base/host_noise.h"
#include "agent/base/pump.h"
#include "agent/tell/methods.h"
#include "agent/tell/metrics.h"
#include "agent/nic/nic.h"
#include "agent/notify.h"
#include "agent/peer/peer.h"
#include "agent/peer/ping.h"
#include "agent/reload.h"
#include "agent/peer/service.h"
#include "agent/tell/sinks.h"
#include "agent/tell/subscriptions.h"
#include "probe/prober.h"
#include "probe/responder.h"
#include "serve/control.h"
#include "trace/trace.h"

/* ---- degraded states ---- */

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
	char text[CONF_ERROR + 64];

	nics_degraded(d->nics, fn, arg);
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
}

void
daemon_adopt(struct daemon *d, struct config *config)
{
	struct config *old = d->config;

	d->config = config;
	d->config_read_ns = clock_mono_ns();
	d->config_generation++;
	daemon_apply_log(config);
	self_name(&d->self, config);
	daemon_apply_limits(d);
	metrics_sync(d->metrics);
	nics_configure(d->nics, config);
	peer_sync(d);
	service_sync(d);
	if (d->trace)
		trace_retry(d->trace);
	config_free(old);
	pump_soon(d->pump);
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
	for (struct nic *nic = NULL; (nic = nics_next(d->nics, nic));)
		if (nic_budget(nic) == device)
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

/* Peers and flows are ended before the nics are: then they are not told any more. */
static void
daemon_nic_event(void *arg, struct nic *nic, enum nic_event event)
{
	peer_nic_event(arg, nic, event);
	service_nic_event(arg, nic, event);
}

static void
daemon_sign_of_life(void *arg, struct nic *nic, const struct addr *remote)
{
	(void)nic;
	peer_sign_of_life(arg, remote);
}

static bool
daemon_scanned(void *arg)
{
	struct daemon *d = arg;

	peer_retry(d, clock_mono_ns());
	metrics_retry(d->metrics);
	return peer_any_unnamed(d);
}

static void
daemon_posted(void *arg)
{
	const struct daemon *d = arg;

	nics_poll(d->nics);
}

static int
daemon_start_nics(struct daemon *d)
{
	static const struct nics_ops ops = {
		.event = daemon_nic_event,
		.sign_of_life = daemon_sign_of_life,
		.scanned = daemon_scanned,
	};
	struct pump_env pump = {
		.loop = d->loop,
		.prober = d->prober,
		.responder = d->responder,
		.guard = d->guard,
		.noise = d->noise,
		.posted = daemon_posted,
		.arg = d,
	};
	struct nics_env nics = {
		.loop = d->loop,
		.prober = d->prober,
		.responder = d->responder,
		.self = &d->self,
		.ops = &ops,
		.arg = d,
	};
	int rc = pump_new(&pump, &d->pump);

	if (rc < 0)
		return rc;
	nics.pump = d->pump;
	return nics_new(&nics, d->config, &d->nics);
}

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
	static const struct responder_ops responder_ops = {.send = nics_send_ack};
	struct prober_config prober = {
		.ops = &prober_ops,
		.arg = d,
		.timeout_ns = d->config->timeout_ms * NSEC_PER_MSEC,
		.window_ns = d->config->window_s * NSEC_PER_SEC,
		.epoch = (uint32_t)self_random(),
		.random = self_random(),
	};
	struct responder_config responder = {.ops = &responder_ops,
					     .arg = d,
					     .random = self_random()};
	struct throttle_limits own = daemon_own_limits(d->config);
	int rc = names_new(d->loop, &d->names);

	if (rc == 0)
		rc = host_noise_new(&d->noise);
	if (rc == 0) {
		prober.noise = responder.noise = host_noise_get(d->noise);
		rc = prober_new(&prober, &d->prober);
	}
	if (rc == 0)
		rc = responder_new(&responder, &d->responder);
	if (rc == 0)
		rc = guard_new(d->loop, d->prober, &own, &d->guard);
	if (rc == 0)
		rc = metrics_new(d, &d->metrics);
	if (rc == 0)
		rc = daemon_start_results(d);
	if (rc == 0)
		rc = daemon_start_nics(d);
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
	d->config_read_ns = clock_mono_ns();
	self_init(&d->self, config);
	daemon_apply_log(config);
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
	nics_configure(d->nics, config);
	peer_sync(d);
	if (service_sync(d) < 0)
		log_error(TRACE, "services are not traced: out of memory");
	pump_soon(d->pump);
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
	nics_free(d->nics);
	pump_free(d->pump);
	guard_free(d->guard);
	prober_free(d->prober);
	responder_free(d->responder);
	host_noise_free(d->noise);
	subscriptions_free(d->subscriptions);
	results_free(d->results);
	/* Last: turns the loop. */
	names_free(d->names);
	reload_free(d->reload);
	config_free(d->config);
	free(d);
}

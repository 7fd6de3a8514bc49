/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: agent
 *
 * The order of the start: the control socket, which no other daemon may have and which perhaps only
 * root can make; the tracing helper, which keeps some rights; giving up rights; prober, responder,
 * pump, nics, peers, services; the objects of the configuration. The end has the reverse order. If
 * the kernel lacks something, the daemon continues: nics_scan.c tries again every few seconds, and
 * the status shows the problem.
 */
#include "agent/agent_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/guard.h"
#include "agent/base/host_noise.h"
#include "agent/base/privileges.h"
#include "agent/base/pump.h"
#include "agent/base/seccomp.h"
#include "agent/cluster/cluster.h"
#include "agent/nic/nic.h"
#include "core/notify.h"
#include "agent/peer/peer.h"
#include "agent/peer/service.h"
#include "agent/road/road.h"
#include "agent/tell/methods.h"
#include "agent/tell/metrics.h"
#include "agent/tell/ping.h"
#include "agent/tell/reload.h"
#include "agent/tell/subscriptions.h"
#include "agent/tell/tell.h"
#include "agent/tracing.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/names.h"
#include "rpingmesh/log_subsystems.h"
#include "serve/control.h"
#include "trace/helper.h"
#include "trace/trace.h"

/* ---- configuration ---- */

static void
agent_apply_log(const struct config *config)
{
	log_setup(config->log_target, config->log_level);
	for (int i = 0; i < LOG_SUB_N; i++)
		log_set_level((unsigned int)i, config->log_levels[i]);
}

struct throttle_limits
agent_own_limits(const struct config *config)
{
	return (struct throttle_limits){
		.cpu_percent = config->limit_cpu_percent,
		.memory_bytes = (uint64_t)config->limit_memory_mb << 20,
	};
}

static void
agent_apply_limits(struct agent *a)
{
	struct throttle_limits own = agent_own_limits(a->tell.config);
	struct responder_limits limits = {
		.allow = a->tell.config->allow,
		.n_allow = a->tell.config->n_allow,
		.per_source = a->tell.config->responder_per_source,
		.total = a->tell.config->responder_total,
	};

	guard_set_limits(a->tell.guard, &own);
	responder_set_limits(a->tell.responder, &limits, clock_mono_ns());
	prober_set_keys(a->tell.prober, &a->tell.config->keys);
	responder_set_keys(a->tell.responder, &a->tell.config->keys);
	prober_set_timeout(a->tell.prober, a->tell.config->timeout_ms * NSEC_PER_MSEC);
	prober_set_window(a->tell.prober, a->tell.config->window_s * NSEC_PER_SEC, clock_mono_ns());
}

static void
agent_adopt(void *arg, struct config *config)
{
	struct agent *a = arg;
	struct config *old = a->tell.config;

	a->tell.config = config;
	a->tell.config_read_ns = clock_mono_ns();
	a->tell.config_generation++;
	agent_apply_log(config);
	self_name(&a->self, config);
	agent_apply_limits(a);
	metrics_sync(a->tell.metrics);
	nics_configure(a->tell.nics, config);
	peers_configure(a->tell.peers, config);
	services_configure(a->tell.services, config);
	if (services_trace(a->tell.services))
		trace_retry(services_trace(a->tell.services));
	roads_configure(a->tell.roads, config);
	cluster_configure(a->tell.cluster, config);
	config_free(old);
	pump_soon(a->pump);
}

int
agent_reload(struct agent *a, char error[CONF_ERROR])
{
	int rc;

	if (!a->tell.config_path) {
		snprintf(error, CONF_ERROR,
			 "started without a configuration file: nothing to reload");
		return -ENOENT;
	}
	notify_reloading();
	rc = reload_read(&a->tell, error);
	notify_ready();
	return rc;
}

static int
agent_reload_now(void *arg, char error[CONF_ERROR])
{
	return agent_reload(arg, error);
}

const struct tell *
agent_tell(const struct agent *a)
{
	return &a->tell;
}

/* ---- start and stop ---- */

static int
agent_start_control(struct agent *a)
{
	struct control_config config = {
		.path = a->tell.config->socket,
		.group = a->tell.config->socket_group,
		.methods = methods_table,
		.n_methods = methods_count,
		.arg = &a->tell,
		.gone = methods_client_gone,
		.listen_fd = -1,
	};
	int rc = notify_socket(a->tell.config->socket, &config.listen_fd);

	return rc < 0 ? rc : control_new(a->tell.loop, &config, &a->tell.control);
}

static void
agent_start_filter(struct agent *a)
{
	int rc = seccomp_start(SECCOMP_DAEMON);

	a->self.filtered = rc == 0;
	if (rc < 0)
		log_warning(MAIN, "system calls are not filtered: seccomp: %s", strerror(-rc));
	else
		log_info(MAIN, "system calls that the daemon never makes are filtered (seccomp; "
			       "-F switches it off)");
}

/*
 * The socket is taken before anything is sent: a second daemon stops here. Root may have to make
 * it; no device may be open yet when rights are given up.
 */
static int
agent_start_process(struct agent *a, const struct agent_start *start)
{
	const struct tracing_config tracing = {start->config, start->give_up, start->filter};
	int rc;

	if (start->give_up)
		privileges_prepare(start->config);
	rc = agent_start_control(a);
	if (rc == 0)
		a->tell.helper = tracing_start(a->tell.loop, &tracing);
	if (rc == 0 && start->give_up)
		rc = privileges_drop(PRIVILEGES_DAEMON, start->config);
	self_user(&a->self);
	if (rc == 0 && start->filter)
		agent_start_filter(a);
	return rc;
}

int
agent_new(struct loop *loop, const struct agent_start *start, struct agent **out)
{
	struct agent *a = calloc(1, sizeof(*a));
	struct config *config = start->config;
	int rc;

	if (!a) {
		config_free(config);
		return -ENOMEM;
	}
	a->tell.loop = loop;
	a->tell.config = config;
	a->tell.config_path = start->config_path;
	a->tell.config_read_ns = clock_mono_ns();
	a->tell.self = &a->self;
	a->tell.last_probes = &a->last_probes;
	a->tell.reload_now = agent_reload_now;
	a->tell.adopt = agent_adopt;
	a->tell.arg = a;
	self_init(&a->self, config);
	a->tell.origin = (struct record_origin){.host = a->self.hostname,
						.tor = a->self.tor,
						.incarnation = a->self.incarnation};
	agent_apply_log(config);
	rc = agent_start_process(a, start);
	if (rc == 0)
		rc = agent_start_rooms(a);
	if (rc < 0) {
		agent_free(a);
		return rc;
	}
	agent_apply_limits(a);
	metrics_sync(a->tell.metrics);
	nics_configure(a->tell.nics, config);
	peers_configure(a->tell.peers, config);
	if (services_configure(a->tell.services, config) < 0)
		log_error(TRACE, "services are not traced: out of memory");
	roads_configure(a->tell.roads, config);
	cluster_configure(a->tell.cluster, config);
	pump_soon(a->pump);
	*out = a;
	return 0;
}

void
agent_free(struct agent *a)
{
	if (!a)
		return;
	control_free(a->tell.control);
	metrics_free(a->tell.metrics);
	a->tell.metrics = NULL;
	cluster_free(a->tell.cluster);
	a->tell.cluster = NULL;
	roads_free(a->tell.roads);
	a->tell.roads = NULL;
	pings_free(a->tell.pings);
	a->tell.pings = NULL;
	services_free(a->tell.services);
	a->tell.services = NULL;
	helper_free(a->tell.helper);
	a->tell.helper = NULL;
	peers_free(a->tell.peers);
	a->tell.peers = NULL;
	loop_flush(a->tell.loop);
	nics_free(a->tell.nics);
	pump_free(a->pump);
	guard_free(a->tell.guard);
	prober_free(a->tell.prober);
	responder_free(a->tell.responder);
	host_noise_free(a->noise);
	subscriptions_free(a->tell.subscriptions);
	results_free(a->results);
	names_free(a->names);
	reload_free(a->tell.reload);
	config_free(a->tell.config);
	free(a);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tell/degraded.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/guard.h"
#include "agent/base/self.h"
#include "agent/cluster/cluster.h"
#include "agent/cluster/uplinks.h"
#include "agent/nic/nic.h"
#include "agent/peer/peer.h"
#include "agent/road/road.h"
#include "agent/peer/service.h"
#include "agent/tell/metrics.h"
#include "agent/tell/tell.h"
#include "core/clock.h"
#include "trace/trace.h"

#define DEGRADED_PEERS_NS (10 * NSEC_PER_SEC) /* a mesh that comes up is none */
#define DEGRADED_NO_KEY_NS (300 * NSEC_PER_SEC)

/* The cure if sockets are refused. systemd refuses them with EAFNOSUPPORT. */
static const char *
degraded_dump_cure(int err)
{
	return err == -EPERM || err == -EACCES || err == -EAFNOSUPPORT ?
		       ": look for systemd's RestrictAddressFamilies= without AF_NETLINK, a system "
		       "call filter or a security module" :
		       "";
}

static void
degraded_trace(const struct trace *trace, degraded_hear *fn, void *arg)
{
	char text[TRACER_REASON + 64];
	struct trace_info info;

	if (!trace)
		return;
	trace_info(trace, &info);
	if (info.tracer.state != TRACER_ON && info.tracer.reason[0]) {
		snprintf(text, sizeof(text), "services are not traced: %s", info.tracer.reason);
		fn(arg, DEGRADED_TRACING_OFF, text);
	} else if (info.tracer.degraded) {
		snprintf(text, sizeof(text), "tracing lacks something: %s", info.tracer.reason);
		fn(arg, DEGRADED_TRACING, text);
	}
	if (info.tracer.state == TRACER_ON && info.dump_error) {
		snprintf(text, sizeof(text),
			 "the last dump of QPs by RDMA netlink failed: %s; QPs older than the "
			 "daemon may be missing%s",
			 strerror(-info.dump_error), degraded_dump_cure(info.dump_error));
		fn(arg, DEGRADED_TRACING, text);
	}
	if (info.tracer.state == TRACER_ON && info.owners_hidden)
		fn(arg, DEGRADED_TRACING,
		   "/proc hides the processes of other users, so jobs and cgroups of flows are "
		   "unknown: if /proc/mounts has hidepid= for it, mount it with gid= of a group of "
		   "the daemon's user; or remove systemd's ProtectProc=");
}

/* ---- peers ---- */

struct degraded_peers {
	/* Of the configuration and the pinglist, this host itself left out. */
	unsigned int all, up, nameless;
	const char *nameless_first;
	unsigned int namesakes;
	struct peer_info namesake; /* the first */
	uint64_t changed_ns; /* the last change of any state */
};

static void
degraded_peers_count(const struct tell *t, struct degraded_peers *n)
{
	*n = (struct degraded_peers){.changed_ns = t->config_read_ns};
	for (struct peer *p = NULL; (p = peers_next(t->peers, p));) {
		struct prober_peer_info state;
		struct peer_info info;

		peer_info(p, &info);
		if (!info.meshed || info.binding == PEER_SELF)
			continue;
		n->all++;
		if (info.binding == PEER_NO_NAME && n->nameless++ == 0)
			n->nameless_first = info.address;
		if (info.namesake && n->namesakes++ == 0)
			n->namesake = info;
		if (info.binding != PEER_BOUND)
			continue;
		prober_peer_info(info.prober, &state);
		n->up += state.state == PROBER_PEER_UP && !nic_down_reason(info.nic);
		if (state.state_since_ns > n->changed_ns)
			n->changed_ns = state.state_since_ns;
	}
}

static void
degraded_peers(const struct tell *t, degraded_hear *fn, void *arg)
{
	struct degraded_peers n;
	char text[400];

	degraded_peers_count(t, &n);
	if (n.nameless) {
		snprintf(text, sizeof(text),
			 "%u of %u configured peers have a name that is not found, first %s; "
			 "/etc/hosts or DNS must know it",
			 n.nameless, n.all, n.nameless_first);
		fn(arg, DEGRADED_NO_NAME, text);
	}
	if (n.namesakes) {
		snprintf(text, sizeof(text),
			 "%u of %u configured peers report the host name of another host, such as "
			 "%s and %s (%s): give each host a name of its own (hostname)",
			 n.namesakes, n.all, n.namesake.address, n.namesake.namesake,
			 n.namesake.hostname);
		fn(arg, DEGRADED_SAME_NAME, text);
	}
	if (n.all && !n.up && clock_mono_ns() - n.changed_ns >= DEGRADED_PEERS_NS) {
		snprintf(text, sizeof(text),
			 "none of %u configured peers is up, so nothing is measured; "
			 "rpingmesh-ctl peers shows why",
			 n.all);
		fn(arg, DEGRADED_NO_PEER, text);
	}
}

/* The probes in 1000 s of the configured peers of a nic. */
static uint64_t
degraded_wanted(const struct tell *t, const struct nic *nic)
{
	uint64_t wanted = 0;

	for (struct peer *p = NULL; (p = peers_next(t->peers, p));) {
		const struct peer_stream *stream;
		struct prober_target_info target;
		struct peer_info info;

		peer_info(p, &info);
		if (info.nic != nic)
			continue;
		for (struct prober_target *g = NULL;
		     (g = prober_peer_next_target(info.prober, g));) {
			prober_target_info(g, &target);
			stream = target.user;
			if (target.config.kind == PROBE_KIND_MESH && !stream->asked)
				wanted += 1000 * NSEC_PER_SEC / target.config.interval_ns;
		}
	}
	return wanted;
}

static void
degraded_rates(const struct tell *t, degraded_hear *fn, void *arg)
{
	uint64_t max = t->config->max_probes_per_s;
	char text[400];

	for (struct nic *nic = NULL; (nic = nics_next(t->nics, nic));) {
		uint64_t wanted = degraded_wanted(t, nic);

		if (wanted <= max * 1000)
			continue;
		snprintf(text, sizeof(text),
			 "%s/%u: its peers are probed less often than configured, because they ask "
			 "for %" PRIu64 " probes a second and max_probes_per_s is %" PRIu64
			 "; raise it, or make interval_ms %" PRIu64 " times as long",
			 nic_name(nic), nic_port(nic), (wanted + 999) / 1000, max,
			 (wanted + max * 1000 - 1) / (max * 1000));
		fn(arg, DEGRADED_RATE, text);
	}
}

/* Peers without our keys, of late. */
static void
degraded_keys(const struct tell *t, degraded_hear *fn, void *arg)
{
	uint64_t now = clock_mono_ns();
	const char *first = NULL;
	char text[512];
	unsigned int n = 0;

	for (struct peer *p = NULL; (p = peers_next(t->peers, p));) {
		struct peer_info peer;

		peer_info(p, &peer);
		if (!peer.no_key_ns || now - peer.no_key_ns > DEGRADED_NO_KEY_NS)
			continue;
		first = first ? first : peer.address;
		n++;
	}
	if (!n)
		return;
	snprintf(text, sizeof(text),
		 "%u peers have no key of key_file, such as %s: give all hosts the same keys "
		 "(key_file)",
		 n, first);
	fn(arg, DEGRADED_NO_KEY, text);
}

void
degraded(const struct tell *t, degraded_hear *fn, void *arg)
{
	char text[CONF_ERROR + 64];

	nics_degraded(t->nics, fn, arg);
	degraded_peers(t, fn, arg);
	degraded_rates(t, fn, arg);
	if (t->config->keys.n)
		degraded_keys(t, fn, arg);
	degraded_trace(services_trace(t->services), fn, arg);
	roads_degraded(t->roads, fn, arg);
	cluster_degraded(t->cluster, fn, arg);
	if (cluster_uplinks(t->cluster))
		uplinks_degraded(cluster_uplinks(t->cluster), t->config, fn, arg);
	if (guard_sentence(t->guard, text, sizeof(text)))
		fn(arg, DEGRADED_BUDGET, text);
	if (metrics_sentence(t->metrics, text, sizeof(text)))
		fn(arg, DEGRADED_METRICS, text);
	if (t->config_error[0]) {
		snprintf(text, sizeof(text),
			 "the last reload was refused, the old configuration is in force: %s",
			 t->config_error);
		fn(arg, DEGRADED_RELOAD, text);
	}
}

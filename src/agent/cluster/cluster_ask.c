/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cluster/cluster_ask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/self.h"
#include "agent/cluster/cluster_apply.h"
#include "agent/config/config.h"
#include "agent/nic/nic.h"
#include "agent/peer/asked.h"
#include "agent/road/road.h"
#include "core/bucket.h"
#include "core/clock.h"
#include "core/log_limit.h"
#include "core/udp_port.h"
#include "hops/hops.h"
#include "rpingmesh/log_subsystems.h"

#define CLUSTER_ASK_LINES 10u  /* of a kind in the log; more are only counted */
#define CLUSTER_ASK_SHARE 2u   /* this part of the budget of a port is for asks */
#define CLUSTER_ASK_PER_S 20u  /* entries of asks */
#define CLUSTER_ASK_BURST (2u * (ASK_TRACES_MAX + ASK_PROBES_MAX))

struct cluster_ask {
	struct cluster_ask_env env;
	const struct config *config; /* NULL: none yet */
	struct asked *asked;
	struct bucket bucket;        /* of entries */
	struct bucket_rate rate;
	struct cluster_ask_status status;
	char error[ASK_ERROR];
};

/* ---- entries ---- */

static struct nic *
cluster_ask_nic(const struct cluster_ask *ask, const struct addr *source)
{
	struct nic *nic = nics_find_local(ask->env.nics, source);

	return nic && nic_device(nic) && device_find_gid(nic_device(nic), source) ? nic : NULL;
}

static void
cluster_ask_trace(struct cluster_ask *ask, const struct ask_tuple *t)
{
	const struct hops_tuple tuple = {.source = t->source,
					 .destination = t->destination,
					 .src_port = t->src_port,
					 .traffic_class = t->traffic_class};
	int rc = ask->env.roads ? roads_ask(ask->env.roads, &tuple) : -ENOENT;

	if (rc == -ENOENT)
		ask->status.refused_path++;
	else
		ask->status.traces++;
}

/* That of the stream, if the source port comes from it, else any that gives the source port. */
static uint32_t
cluster_ask_label(const struct ask_tuple *t)
{
	return t->flow_label && udp_port_of_label(t->flow_label) == t->src_port ?
		       t->flow_label :
		       udp_port_label(t->src_port);
}

static void
cluster_ask_give(struct cluster_ask *ask, const struct ask_probe *probe, struct nic *nic,
		 uint64_t until_ns)
{
	const struct asked_want want = {
		.nic = nic,
		.source = probe->tuple.source,
		.destination = probe->tuple.destination,
		.flow_label = cluster_ask_label(&probe->tuple),
		.traffic_class = probe->tuple.traffic_class,
		.interval_ns = probe->interval_ns,
		.until_ns = until_ns,
	};
	int rc = asked_add(ask->asked, &want, ask->config->max_probes_per_s / CLUSTER_ASK_SHARE);

	if (rc == 0)
		ask->status.probes++;
	else if (rc == -EDQUOT)
		ask->status.refused_budget++;
	else
		ask->status.refused_room++;
}

static void
cluster_ask_probe(struct cluster_ask *ask, const struct ask_probe *probe, uint64_t until_ns)
{
	struct nic *nic = cluster_ask_nic(ask, &probe->tuple.source);
	struct cluster_ask_status *status = &ask->status;

	if (!nic || !udp_port_label(probe->tuple.src_port))
		status->refused_port++;
	else if (!cluster_allows(&ask->config->cluster, &probe->tuple.destination))
		status->refused_allow++;
	else if (nics_find_local(ask->env.nics, &probe->tuple.destination))
		status->refused_own++;
	else
		cluster_ask_give(ask, probe, nic, until_ns);
}

static bool
cluster_ask_is_time(struct cluster_ask *ask)
{
	uint64_t now_ns = clock_mono_ns();

	if (!bucket_is_ready(&ask->bucket, &ask->rate, now_ns)) {
		ask->status.often++;
		return false;
	}
	bucket_take(&ask->bucket, &ask->rate, now_ns);
	return true;
}

/* ---- asks ---- */

static void
cluster_ask_refuse(struct cluster_ask *ask, uint64_t *counter, const char *why)
{
	(*counter)++;
	if (why != ask->error)
		snprintf(ask->error, sizeof(ask->error), "%s", why);
	log_some(CLUSTER_ASK_LINES, CLUSTER, WARNING, "an ask of central is refused: %s", why);
}

/* Returns for how long it is probed; 0: it is refused. */
static uint64_t
cluster_ask_lasts(struct cluster_ask *ask, const struct ask *what, bool retained)
{
	uint64_t now_ns = clock_wall_ns();
	const char *why = retained ? "it was retained" :
			  now_ns >= what->until_ns ? "its time is over, or the clocks differ" :
			  what->made_ns > now_ns + ASK_LONGEST_NS ? "it is of the future" : NULL;

	if (why) {
		cluster_ask_refuse(ask, &ask->status.late, why);
		return 0;
	}
	return what->until_ns - now_ns < ASK_LONGEST_NS ? what->until_ns - now_ns :
							  ASK_LONGEST_NS;
}

static void
cluster_ask_take(struct cluster_ask *ask, const struct ask *what, uint64_t lasts_ns)
{
	uint64_t until_ns = clock_mono_ns() + lasts_ns;
	uint64_t taken = ask->status.traces + ask->status.probes;

	for (size_t i = 0; i < what->n_traces; i++)
		if (cluster_ask_is_time(ask))
			cluster_ask_trace(ask, &what->traces[i]);
	for (size_t i = 0; i < what->n_probes; i++)
		if (cluster_ask_is_time(ask))
			cluster_ask_probe(ask, &what->probes[i], until_ns);
	ask->status.asks += ask->status.traces + ask->status.probes > taken;
}

void
cluster_ask_heard(struct cluster_ask *ask, const void *data, size_t size, bool retained)
{
	struct ask *what = NULL;
	uint64_t lasts_ns;

	if (!ask->config || (retained && size == 0))
		return;
	if (ask_unpack(data, size, &what, ask->error) < 0) {
		cluster_ask_refuse(ask, &ask->status.malformed, ask->error);
		return;
	}
	if (strcmp(what->host, ask->env.self->hostname) != 0)
		cluster_ask_refuse(ask, &ask->status.foreign, "it is for another host");
	else if ((lasts_ns = cluster_ask_lasts(ask, what, retained)))
		cluster_ask_take(ask, what, lasts_ns);
	free(what);
}

void
cluster_ask_too_long(struct cluster_ask *ask)
{
	cluster_ask_refuse(ask, &ask->status.malformed, "it is too long");
}

/* ---- life ---- */

void
cluster_ask_configure(struct cluster_ask *ask, const struct config *config)
{
	ask->config = config;
	asked_clear(ask->asked);
}

void
cluster_ask_forget(struct cluster_ask *ask)
{
	asked_clear(ask->asked);
}

void
cluster_ask_peer_event(struct cluster_ask *ask, const struct peer *peer, enum peer_event event)
{
	asked_peer_event(ask->asked, peer, event);
}

void
cluster_ask_nic_event(struct cluster_ask *ask, const struct nic *nic, enum nic_event event)
{
	asked_nic_event(ask->asked, nic, event);
}

int
cluster_ask_new(const struct cluster_ask_env *env, struct cluster_ask **out)
{
	struct cluster_ask *ask = calloc(1, sizeof(*ask));
	int rc;

	if (!ask)
		return -ENOMEM;
	ask->env = *env;
	bucket_rate_set(&ask->rate, CLUSTER_ASK_PER_S, CLUSTER_ASK_BURST);
	rc = asked_new(env->loop, env->peers, &ask->asked);
	if (rc < 0)
		free(ask);
	else
		*out = ask;
	return rc;
}

void
cluster_ask_free(struct cluster_ask *ask)
{
	if (!ask)
		return;
	asked_free(ask->asked);
	free(ask);
}

void
cluster_ask_status(const struct cluster_ask *ask, struct cluster_ask_status *out)
{
	*out = ask->status;
	out->probing = asked_count(ask->asked);
	out->error = ask->error;
}

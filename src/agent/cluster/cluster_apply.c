/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cluster/cluster_apply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config/config.h"
#include "agent/nic/nic.h"
#include "agent/peer/peer.h"
#include "core/clock.h"
#include "core/loop.h"
#include "record/pinglist.h"

#define CLUSTER_APPLY_AT_ONCE 256 /* entries in one callback */
#define CLUSTER_APPLY_MILLI 1000  /* rates are sums of probes in 1000 s */

struct cluster_apply {
	struct cluster_apply_env env;
	struct loop_timer *timer;
	const struct pinglist *list; /* NULL: none */
	const struct config *config;
	size_t port, target;         /* the next entry */
	bool waiting, begun;         /* for the first entry; peers_list_begin() has been called */
	/* Probes in 1000 s that each port sends, at its first place in the list. */
	uint64_t used[PINGLIST_PORTS_MAX];
	struct cluster_counts counts, last;
};

/* ---- one entry ---- */

static const struct nic *
cluster_apply_nic(const struct cluster_apply *apply, const struct pinglist_port *port)
{
	const struct nic *nic = nics_find(apply->env.nics, port->device, port->port);

	return nic && nic_device(nic) && device_find_gid(nic_device(nic), &port->source) ? nic :
											 NULL;
}

bool
cluster_allows(const struct config_cluster *config, const struct addr *address)
{
	for (size_t i = 0; i < config->n_allow; i++)
		if (addr_net_has(&config->allow[i], address))
			return true;
	return false;
}

/* Takes the rate of the entry from the budget of the port, if there is enough left. */
static bool
cluster_apply_fits(struct cluster_apply *apply, const struct pinglist_target *target)
{
	const struct pinglist_port *ports = apply->list->ports, *port = &ports[apply->port];
	uint64_t rate = target->tuples * CLUSTER_APPLY_MILLI * NSEC_PER_SEC / target->interval_ns;
	size_t first = 0;

	while (ports[first].port != port->port || strcmp(ports[first].device, port->device) != 0)
		first++;
	if (apply->used[first] + rate >
	    (uint64_t)apply->config->max_probes_per_s * CLUSTER_APPLY_MILLI)
		return false;
	apply->used[first] += rate;
	return true;
}

static void
cluster_apply_give(struct cluster_apply *apply, const struct nic *nic,
		   const struct pinglist_target *target)
{
	struct peer_listed entry = {
		.address = target->address,
		.nic = nic,
		.source = apply->list->ports[apply->port].source,
		.host = target->host,
		.device = target->device,
		.tor = target->tor,
		.fabric = target->fabric,
		.traffic_class = target->traffic_class,
		.interval_ns = target->interval_ns,
		.tuples = target->tuples,
		.n_labels = (uint32_t)target->n_labels,
	};

	static_assert(PEER_LIST_LABELS == PINGLIST_LABELS_MAX, "room for the labels of an entry");
	memcpy(entry.labels, target->labels, sizeof(entry.labels));
	if (apply->counts.taken < CLUSTER_TARGETS_MAX &&
	    peers_list_add(apply->env.peers, &entry) == 0)
		apply->counts.taken++;
	else
		apply->counts.refused_room++;
}

static void
cluster_apply_entry(struct cluster_apply *apply, const struct pinglist_target *target)
{
	const struct nic *nic = cluster_apply_nic(apply, &apply->list->ports[apply->port]);
	struct cluster_counts *counts = &apply->counts;

	counts->targets++;
	if (!nic)
		counts->refused_port++;
	else if (!cluster_allows(&apply->config->cluster, &target->address))
		counts->refused_allow++;
	else if (nics_find_local(apply->env.nics, &target->address))
		counts->refused_own++;
	else if (!cluster_apply_fits(apply, target))
		counts->refused_budget++;
	else
		cluster_apply_give(apply, nic, target);
}

/* ---- all entries ---- */

/* The next entry of the list, or NULL. */
static const struct pinglist_target *
cluster_apply_next(struct cluster_apply *apply)
{
	const struct pinglist *list = apply->list;

	while (list && apply->port < list->n_ports) {
		if (apply->target < list->ports[apply->port].n_targets)
			return &list->ports[apply->port].targets[apply->target++];
		apply->port++;
		apply->target = 0;
	}
	return NULL;
}

static void
cluster_apply_some(void *arg)
{
	struct cluster_apply *apply = arg;
	const struct pinglist_target *target;

	apply->waiting = false;
	if (!apply->begun)
		peers_list_begin(apply->env.peers);
	apply->begun = true;
	for (int i = 0; i < CLUSTER_APPLY_AT_ONCE; i++) {
		target = cluster_apply_next(apply);
		if (!target) {
			peers_list_end(apply->env.peers);
			apply->last = apply->counts;
			apply->env.done(apply->env.arg);
			return;
		}
		cluster_apply_entry(apply, target);
	}
	loop_timer_set(apply->timer, 0);
}

void
cluster_apply_start(struct cluster_apply *apply, const struct pinglist *list,
		    const struct config *config, uint64_t delay_ns)
{
	apply->config = config;
	if (list && list == apply->list && apply->waiting)
		return;
	apply->list = list;
	apply->port = apply->target = 0;
	apply->begun = false;
	memset(apply->used, 0, sizeof(apply->used));
	apply->counts = (struct cluster_counts){0};
	apply->waiting = list != NULL;
	if (list)
		loop_timer_set(apply->timer, delay_ns);
	else
		cluster_apply_some(apply);
}

int
cluster_apply_new(const struct cluster_apply_env *env, struct cluster_apply **out)
{
	struct cluster_apply *apply = calloc(1, sizeof(*apply));
	int rc;

	if (!apply)
		return -ENOMEM;
	apply->env = *env;
	rc = loop_timer_new(env->loop, "pinglist", cluster_apply_some, apply, &apply->timer);
	if (rc < 0)
		free(apply);
	else
		*out = apply;
	return rc;
}

void
cluster_apply_free(struct cluster_apply *apply)
{
	if (!apply)
		return;
	loop_timer_free(apply->timer);
	free(apply);
}

void
cluster_apply_counts(const struct cluster_apply *apply, struct cluster_counts *out)
{
	*out = apply->last;
}

uint32_t
cluster_counts_refused(const struct cluster_counts *counts)
{
	return counts->targets - counts->taken;
}

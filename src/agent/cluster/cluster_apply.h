/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts a pinglist into force: gives each entry that this host accepts to the peers, some at a time.
 * Whoever may publish on the broker may write anything into a list.
 */
#ifndef RPINGMESH_AGENT_CLUSTER_CLUSTER_APPLY_H
#define RPINGMESH_AGENT_CLUSTER_CLUSTER_APPLY_H

#include <stdbool.h>
#include <stdint.h>

struct addr;
struct cluster_apply;
struct config;
struct config_cluster;
struct loop;
struct nics;
struct peers;
struct pinglist;

/*
 * However rarely they are probed, each target takes 3.5 KB. More than 8 ports of a host have in the
 * largest ToR mesh, each with two addresses and all tuples.
 */
#define CLUSTER_TARGETS_MAX 16384u

/* Whether `cluster.allow` has the address. */
bool cluster_allows(const struct config_cluster *config, const struct addr *address);

/* Entries of a list. */
struct cluster_counts {
	uint32_t targets;        /* all */
	uint32_t taken;
	uint32_t refused_port;   /* for a port or source address that this host does not have */
	uint32_t refused_allow;  /* the target is outside cluster.allow */
	uint32_t refused_own;    /* the target is this host */
	uint32_t refused_budget; /* the port would send more than max_probes_per_s */
	uint32_t refused_room;   /* no memory, or too many 5-tuples to one target, or targets */
};

/* All borrowed. */
struct cluster_apply_env {
	struct loop *loop;
	const struct nics *nics;
	struct peers *peers;
	void (*done)(void *arg); /* the counts have changed */
	void *arg;
};

int cluster_apply_new(const struct cluster_apply_env *env, struct cluster_apply **out);
/* NULL is allowed. */
void cluster_apply_free(struct cluster_apply *apply);

/*
 * Begins at the first entry after delay_ns, and drops what has not been done yet. If the same list
 * already waits to begin, it begins no later. The list and the configuration must remain until the
 * next call; list NULL: none, at once.
 */
void cluster_apply_start(struct cluster_apply *apply, const struct pinglist *list,
			 const struct config *config, uint64_t delay_ns);

/* The counts of the last list that has been done completely. */
void cluster_apply_counts(const struct cluster_apply *apply, struct cluster_counts *out);
/* The entries that were refused. */
uint32_t cluster_counts_refused(const struct cluster_counts *counts);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ToR switches of the ports of this host: asks in a worker thread again and again (uplink.h),
 * and keeps what was heard last. In the order of what counts: `cluster.tors` and `tor` of the
 * configuration, LLDP, the first router, the subnet.
 */
#ifndef RPINGMESH_AGENT_CLUSTER_UPLINKS_H
#define RPINGMESH_AGENT_CLUSTER_UPLINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/cluster/uplink.h"
#include "rpingmesh/states.h"

struct config;
struct device_gid;
struct loop;
struct nic;
struct nics;
struct uplinks;

/* How long a switch counts that LLDP does not name any more. */
#define UPLINKS_KEEP_NS (300 * NSEC_PER_SEC)

/* All borrowed. */
struct uplinks_env {
	struct loop *loop;
	void (*answered)(void *arg); /* from the loop: there are new answers */
	void *arg;
};

/* Returns 0 and sets *out, or -errno. */
int uplinks_new(const struct uplinks_env *env, struct uplinks **out);
void uplinks_free(struct uplinks *uplinks); /* NULL is allowed */

/* The main address of a port of which others can probe one; NULL: it has none. */
const struct device_gid *uplinks_gid(const struct nic *nic);

/*
 * Asks about the ports of `nics` that have such an address, unless the answers are new enough. For
 * lldpd_file see struct lldp_places. Returns whether there are answers about all ports.
 */
bool uplinks_look(struct uplinks *uplinks, const struct nics *nics, const char *lldpd_file);
/* Routes or addresses have changed: the next uplinks_look() asks again. */
void uplinks_changed(struct uplinks *uplinks);

struct uplinks_tor {
	char names[REGISTRATION_TORS_MAX][REGISTRATION_NAME]; /* sorted */
	size_t n;
	enum registration_tor_by by;
	enum lldp_state lldp;
	const char *lldp_reason; /* why it failed; NULL: it did not. Borrowed */
	uint64_t speed_mbps;     /* 0: unknown */
};

/* The ports that were asked about. */
size_t uplinks_count(const struct uplinks *uplinks);
const struct uplink *uplinks_at(const struct uplinks *uplinks, size_t i);
/* The port with this name, or NULL. */
const struct uplink *uplinks_find(const struct uplinks *uplinks, const char *device, uint8_t port);
/* Its ToR switches. */
void uplinks_tor(const struct uplinks *uplinks, const struct uplink *uplink,
		 const struct config *config, struct uplinks_tor *out);

/* Calls fn with a sentence if LLDP fails for a port whose switch is not configured. */
void uplinks_degraded(const struct uplinks *uplinks, const struct config *config,
		      degraded_hear *fn, void *arg);

/* For tests: takes answers as if they had been asked for now. */
void uplinks_take(struct uplinks *uplinks, const struct uplink *answers, size_t n,
		  uint64_t now_ns);

#endif

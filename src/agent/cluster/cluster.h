/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of this host in the cluster: connects to the broker of `cluster.broker`, and registers
 * this host and its ports there (PREFIX/1/host/HOST, Map registration of rpingmesh-records(5)).
 * The registration is retained, replaced as a whole when something in it changes, and taken back
 * by the last will or by cluster_free(). In return it takes the pinglist of this host from
 * PREFIX/1/pinglist/HOST (cluster_list.h), and does what central asks of it on PREFIX/1/ask/HOST
 * (cluster_ask.h). It publishes the paths of this host, too
 * (cluster_paths.h).
 */
#ifndef RPINGMESH_AGENT_CLUSTER_CLUSTER_H
#define RPINGMESH_AGENT_CLUSTER_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/cluster/cluster_ask.h"
#include "agent/cluster/cluster_list.h"
#include "agent/cluster/cluster_report.h"
#include "bus/bus.h"
#include "rpingmesh/states.h"

struct cluster;
struct config;
struct loop;
struct names;
struct nics;
struct peers;
struct responder;
struct road;
struct roads;
struct self;
struct uplinks;

/* All borrowed. */
struct cluster_env {
	struct loop *loop;
	struct names *names;
	struct nics *nics;
	struct peers *peers;
	struct roads *roads; /* NULL: none */
	const struct self *self;
	struct responder *responder;
	/* As in struct cluster_report_env. */
	void (*state)(void *arg, struct cluster_report_state *out);
	void (*job)(void *arg, const struct peer_stream *stream, char *job);
	void *arg;
};

/* Connects to no broker before cluster_configure(). Returns 0 and sets *out, or -errno. */
int cluster_new(const struct cluster_env *env, struct cluster **out);

/* Takes the registration back, which waits for BUS_LEAVE_MS at most. NULL is allowed. */
void cluster_free(struct cluster *cluster);

/*
 * Applies a configuration, which must remain until the next call. A connection goes on if the
 * broker is still the same, and its files have not changed. Returns 0, or -errno; then there is no
 * connection.
 */
int cluster_configure(struct cluster *cluster, const struct config *config);

/* Something in the registration may have changed. It is published a moment later if it has. */
void cluster_look(struct cluster *cluster);

/*
 * For peers_ops and nics_ops. If the path of a peer of the configuration has changed, the pinglist
 * may have it twice; events of nics change the registration.
 */
void cluster_peer_event(struct cluster *cluster, const struct peer *peer, enum peer_event event);
void cluster_nic_event(struct cluster *cluster, const struct nic *nic, enum nic_event event);

/*
 * Addresses or routes of this host have changed, so the ToR switches may have. The next
 * cluster_look() asks for them, because routes may change all the time.
 */
void cluster_routes_changed(struct cluster *cluster);

/* A road has another path, which is published within a second. */
void cluster_road_changed(struct cluster *cluster, const struct road *road);

/* What is known of the other ends of the ports; NULL: there is no broker. Borrowed. */
const struct uplinks *cluster_uplinks(const struct cluster *cluster);

/* A probe has a result, or a corrected one; see cluster_report.h. */
void cluster_result(struct cluster *cluster, const struct peer_stream *stream,
		    const struct probe_result *r);
void cluster_corrected(struct cluster *cluster, const struct peer_stream *stream,
		       const struct probe_result *r);

struct cluster_status {
	struct bus_status bus;
	struct cluster_list_status list;
	struct cluster_ask_status ask;
	struct cluster_report_status report;
	const char *topic; /* of the registration */
	size_t ports;      /* that are registered */
	uint64_t changes;  /* how often the registration has changed */
	uint64_t foreign;  /* how often somebody else has changed or cleared it */
	uint64_t unheard_ns; /* CLOCK_MONOTONIC: published then, not heard since; 0: heard */
	const char *fault; /* why central refuses the registration; NULL: it does not. Borrowed */
};

/* Returns false if there is no broker. */
bool cluster_status(const struct cluster *cluster, struct cluster_status *out);

/* Reports why this host has no part in the cluster, or not the one that it should have. */
void cluster_degraded(const struct cluster *cluster, degraded_hear *fn, void *arg);

#endif

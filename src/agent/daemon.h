/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon: owns the loop's objects and wires the rooms together. What is here is shared by the
 * files of this folder only.
 */
#ifndef RPINGMESH_AGENT_DAEMON_H
#define RPINGMESH_AGENT_DAEMON_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "agent/base/self.h"
#include "agent/config/config.h"
#include "agent/peer/last_probes.h"

struct control;
struct flow_qp;
struct guard;
struct host_noise;
struct loop;
struct metrics;
struct names;
struct owners;
struct nics;
struct peer;
struct ping;
struct prober;
struct pump;
struct qp_event;
struct reload;
struct responder;
struct results;
struct subscriptions;
struct trace;

#define DAEMON_PEER_BUCKETS 4096

struct daemon {
	struct loop *loop;
	struct config *config;     /* in force */
	const char *config_path;   /* NULL: built-in defaults */
	uint64_t config_read_ns;   /* when it was read */
	uint64_t config_generation; /* how often another one came into force */
	struct reload *reload;     /* what the last reload changed; NULL: there was none */
	char config_error[CONF_ERROR]; /* why the last reload was refused; "" */
	struct self self;

	struct names *names;
	struct prober *prober;
	struct responder *responder;
	struct guard *guard;       /* of the daemon's own use of CPU and memory */
	struct host_noise *noise;  /* when this host did not run us */
	struct control *control;
	struct metrics *metrics;
	struct results *results;   /* where all that is measured goes out */
	struct subscriptions *subscriptions;

	struct pump *pump;
	struct nics *nics;
	struct peer *peers, **peers_end; /* the latter valid if there are any */
	LIST_HEAD(peer_bucket, peer)
	peers_at[DAEMON_PEER_BUCKETS]; /* those with an address, by it */
	struct ping *pings;
	struct last_probes_pool last_probes;
	uint64_t next_ping_id, next_peer_id;

	struct trace *trace;       /* NULL while tracing is switched off */
	struct owners *owners;
	uint32_t n_probed;         /* flows with a target */
	bool services_dirty;       /* a look at all flows is deferred */
	bool sources_short;        /* a flow has found no place for its source port */
};

/* 0 and *out, or -errno, logged. Takes config. */
int daemon_new(struct loop *loop, struct config *config, const char *config_path,
	       struct daemon **out);
void daemon_free(struct daemon *d);

/*
 * A configuration, taken, is in force from here on. What cannot change while the daemon runs is as
 * it was in the one before.
 */
void daemon_adopt(struct daemon *d, struct config *config);

/* Something has happened to a QP: for those who want to know. */
void daemon_tell_event(struct daemon *d, const struct qp_event *e, const struct flow_qp *qp);

/* Every degraded state as a sentence: fn is called for each. */
void daemon_degraded(const struct daemon *d, void (*fn)(void *arg, const char *sentence),
		     void *arg);

#endif

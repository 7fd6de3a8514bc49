/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What central asks of this host (record/ask.h, topic PREFIX/1/ask/HOST): traces of 5-tuples, and
 * probes for at most ASK_LONGEST_NS. Whoever may publish on the broker may write anything into an
 * ask. So only tuples of this host are traced, at the rates of all traces; only what is within
 * `cluster.allow` is probed, at no more than half of `max_probes_per_s` of a port, which also
 * limits all its probes together.
 */
#ifndef RPINGMESH_AGENT_CLUSTER_CLUSTER_ASK_H
#define RPINGMESH_AGENT_CLUSTER_CLUSTER_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/peer/peer.h"
#include "record/ask.h"

struct cluster_ask;
struct config;
struct loop;
struct nics;
struct roads;
struct self;

/* All borrowed. `roads` may be NULL: then nothing is traced. */
struct cluster_ask_env {
	struct loop *loop;
	struct nics *nics;
	struct peers *peers;
	struct roads *roads;
	const struct self *self;
};

/* Returns 0 and sets *out, or -errno. */
int cluster_ask_new(const struct cluster_ask_env *env, struct cluster_ask **out);
/* NULL is allowed. */
void cluster_ask_free(struct cluster_ask *ask);

/* A configuration is in force, which must remain until the next call: ends all probes. */
void cluster_ask_configure(struct cluster_ask *ask, const struct config *config);
/* The broker is another one, or none: ends all probes. */
void cluster_ask_forget(struct cluster_ask *ask);

/* A message on the topic. */
void cluster_ask_heard(struct cluster_ask *ask, const void *data, size_t size, bool retained);
/* The same, but longer than the bus takes. */
void cluster_ask_too_long(struct cluster_ask *ask);

/* For peers_ops and nics_ops. */
void cluster_ask_peer_event(struct cluster_ask *ask, const struct peer *peer,
			    enum peer_event event);
void cluster_ask_nic_event(struct cluster_ask *ask, const struct nic *nic, enum nic_event event);

struct cluster_ask_status {
	uint64_t asks;           /* that were taken, at least in part */
	uint64_t traces, probes; /* entries that were taken */
	uint32_t probing;        /* streams, now */
	/* Asks that were refused as a whole. */
	uint64_t malformed, foreign;
	uint64_t late;           /* their time is over, or they are of the future or retained */
	/* Entries that were refused. */
	uint64_t often;          /* there are too many in a second */
	uint64_t refused_allow, refused_port, refused_own, refused_budget, refused_room;
	uint64_t refused_path;   /* nothing with this 5-tuple is traced here */
	const char *error;       /* why the last one was refused, or "" */
};
void cluster_ask_status(const struct cluster_ask *ask, struct cluster_ask_status *out);

#endif

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

#include "core/config.h"
#include "agent/peer/last_probes.h"
#include "rdma/device.h"

struct control;
struct flow_qp;
struct guard;
struct host_noise;
struct loop;
struct loop_timer;
struct metrics;
struct names;
struct owners;
struct nic;
struct peer;
struct ping;
struct prober;
struct qp_event;
struct reload;
struct responder;
struct sidr;
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
	char config_error[CONFIG_ERROR]; /* why the last reload was refused; "" */
	char hostname[65], tor[33];
	uint64_t started_ns;
	uint64_t incarnation;      /* of this process, as prober */
	uint32_t qkey;             /* of all our QPs */

	struct names *names;
	struct sidr *sidr;         /* NULL while the kernel has no rdma_cm */
	struct prober *prober;
	struct responder *responder;
	struct guard *guard;       /* of the daemon's own use of CPU and memory */
	struct host_noise *noise;  /* when this host did not run us */
	struct control *control;
	struct metrics *metrics;
	struct results *results;   /* where all that is measured goes out */
	struct subscriptions *subscriptions;

	struct nic *nics;
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

	struct loop_timer *pump;   /* prober_advance() and responder_advance() */
	uint64_t pump_ns;          /* when it fires; UINT64_MAX: not armed */
	uint64_t pump_asked_ns;    /* the same, or when it was armed if that was later */
	uint64_t wall_ns;          /* when the prober was last told of the wall clock */
	uint32_t poll_expected;	   /* nic_poll: messages that answer what has been posted since the
				      last time */
	uint64_t poll_rest_ns;     /* no busy polling before */
	struct loop_timer *rescan; /* looks for devices that come or are missing */
	uint64_t rescan_ns; /* how long until the next look while something is missing; doubles
			       while nothing changes */
	uint64_t device_set;       /* device_set() at the last scan; 0: scan in any case */
	bool rescan_said;          /* that there is nothing, in the log */
	struct device_unopened unopened; /* of the last look for devices */
	bool unopened_said;        /* in the log */
	int sidr_error;            /* -errno of the last sidr_new(); 0 */
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

/* The prober or the responder may want to be called earlier than they said before. */
void daemon_pump_soon(struct daemon *d);

/*
 * Something has arrived, at now_ns: whether this host has kept it waiting. To be called before it
 * is looked at.
 */
void daemon_look(struct daemon *d, uint64_t now_ns);

/* Something has happened to a QP: for those who want to know. */
void daemon_tell_event(struct daemon *d, const struct qp_event *e, const struct flow_qp *qp);

/* Something that rescan looks after has just gone: look soon. */
void daemon_rescan_soon(struct daemon *d);

/* Every degraded state as a sentence: fn is called for each. */
void daemon_degraded(const struct daemon *d, void (*fn)(void *arg, const char *sentence),
		     void *arg);

/* Random bytes by getrandom(2): does not block once the kernel is up. */
uint64_t daemon_random(void);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A nic: one local RoCE port with everything that the daemon keeps on it: the device, the prober's
 * and the responder's endpoint, a SIDR listener for each of its addresses, the paths back to those
 * who probe us, and its budget in the prober. It lives on by its name when the device goes, so that
 * peers keep their history.
 */
#ifndef RPINGMESH_AGENT_NIC_NIC_H
#define RPINGMESH_AGENT_NIC_NIC_H

#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "agent/nic/nic_clock.h"
#include "agent/nic/port_fsm.h"
#include "agent/nic/port_history.h"
#include "probe/prober.h"
#include "probe/responder.h"
#include "rdma/device.h"
#include "rdma/endpoint.h"
#include "rdma/sport.h"

struct counters;
struct daemon;
struct nic_listener;
struct nic_path;
struct loop_timer;
struct sources;

#define NIC_PATH_BUCKETS 1024
#define NIC_BLAMED 160
#define NIC_UNOPENED_SENTENCE 320

struct nic {
	struct nic *next;
	struct daemon *d;
	char name[64];
	uint8_t port;
	struct port_fsm *fsm;           /* what becomes of it: nic_port.c */
	struct port_history history;
	uint64_t async_counts[DEVICE_ASYNC_N];
	struct loop_timer *timer; /* the machine's, and for what device and endpoints said that may
				     free them */
	uint64_t retry_ns;              /* when the machine wants it; UINT64_MAX: not */
	int pending; /* enum device_change: to be told to the machine from the timer */
	struct device *device;          /* NULL: not open */
	struct endpoint *prober_ep, *responder_ep; /* NULL: none yet, or failed */
	struct sources *sources; /* more QPs to probe from, each with a port of its own; NULL: not
				    on this device */
	struct prober_device *budget;
	struct nic_listener *listeners;
	struct nic_path *paths[NIC_PATH_BUCKETS]; /* back to probers, by remote address */
	uint32_t n_paths;
	enum sport_rule sport_rule;
	struct nic_clock clock;
	uint64_t incarnation; /* of the responder's QP: who knew an older one must ask again */
	const char *down_reason;        /* static; NULL: probing */
	struct counters *counters;      /* what port and interface count; NULL: no memory for it */
	uint64_t not_answered; /* probes that ended as lost or ack2_missing, since the start */
	uint64_t not_answered_sampled;  /* the same at the last round of counters */
	char risen[NIC_BLAMED];         /* what rose in the last round of counters; "" */
	char blamed[NIC_BLAMED]; /* what rose while probes were lost, at the last round where any
				    did; "" */
	uint64_t blamed_lost, blamed_ns; /* how many were lost, when that was */
	bool deaf;                      /* some address could not be listened on */
	struct endpoint_stats past[2];  /* of endpoints that were replaced: prober, responder */
};

/*
 * Makes d->nics match the configuration and the devices that exist: opens, reopens, closes. Opens
 * each device: milliseconds for hardware.
 */
void nic_scan(struct daemon *d);
/* The kernel has no device left: nics that wait to open theirs again stop waiting. */
void nic_drop_gone(struct daemon *d);
/*
 * Whether there is no nic, or one lacks something that only a scan finds: its device, a listener.
 */
bool nic_any_missing(const struct daemon *d);
void nic_free_all(struct daemon *d);

/*
 * Which devices cannot be opened, and what cures it; false: all can be. nic_look_unopened() looks,
 * and says it in the log when it is still so at the second look: udev opens a new node to others
 * only after a moment. true: what is there has changed.
 */
bool nic_look_unopened(struct daemon *d);
bool nic_unopened_text(const struct daemon *d, char text[NIC_UNOPENED_SENTENCE]);

/* The configuration has changed: endpoints that it wants otherwise are replaced, from the loop. */
void nic_reconfigured(struct daemon *d);

/* The nic whose port has this address; NULL: none. */
struct nic *nic_find_local(const struct daemon *d, const struct addr *addr);
/* An endpoint's counters since the start, replaced ones included. */
void nic_stats(const struct nic *nic, struct endpoint_stats *prober,
	       struct endpoint_stats *responder);

/* The endpoints, for the nic's machine: made with the device open; 0 or -errno. */
int nic_make_endpoints(struct nic *nic);
void nic_free_endpoints(struct nic *nic);

/* The responder's ops->send. */
int nic_send_ack(void *arg, void *device_user, const struct responder_ack *ack, bool want_sent,
		 struct responder_tx *tx);

/* Forgets return paths that have not been used for a while. */
void nic_prune_paths(struct daemon *d, uint64_t now_ns);

#endif

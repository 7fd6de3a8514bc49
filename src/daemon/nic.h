/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A nic: one local RoCE port with everything that the daemon keeps on it: the device, the prober's and the responder's
 * endpoint, a SIDR listener for each of its addresses, the paths back to those who probe us, and its budget in the prober. It
 * lives on by its name when the device goes, so that peers keep their history.
 */
#ifndef RPINGMESH_DAEMON_NIC_H
#define RPINGMESH_DAEMON_NIC_H

#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "daemon/nic_clock.h"
#include "probe/prober.h"
#include "probe/responder.h"
#include "rdma/device.h"
#include "rdma/endpoint.h"
#include "rdma/sport.h"

struct daemon;
struct nic_listener;
struct nic_path;
struct sources;

#define NIC_PATH_BUCKETS 1024

struct nic {
	struct nic *next;
	struct daemon *d;
	char name[64];
	uint8_t port;
	struct device *device;          /* NULL: gone */
	struct endpoint *prober_ep, *responder_ep; /* NULL: none yet, or failed */
	struct sources *sources;        /* more QPs to probe from, each with a port of its own; NULL: not on this device */
	struct prober_device *budget;
	struct nic_listener *listeners;
	struct nic_path *paths[NIC_PATH_BUCKETS]; /* back to probers, by remote address */
	uint32_t n_paths;
	enum sport_rule sport_rule;
	struct nic_clock clock;
	uint64_t incarnation;           /* of the responder's QP: who knew an older one must ask again */
	const char *down_reason;        /* static; NULL: probing */
	bool rebuilding;                /* endpoints are to be replaced */
	uint64_t rebuilt_ns;            /* when they last were */
	bool deaf;                      /* some address could not be listened on */
	struct endpoint_stats past[2];  /* of endpoints that were replaced: prober, responder */
};

/*
 * Makes d->nics match the configuration and the devices that exist: opens, reopens, closes. Opens each device: milliseconds
 * for hardware.
 */
void nic_scan(struct daemon *d);
/* Whether there is no nic, or one lacks something that may come later: its device, endpoints, a listener. */
bool nic_any_missing(const struct daemon *d);
void nic_free_all(struct daemon *d);

/* The configuration has changed: endpoints that it wants otherwise are replaced, from the loop. */
void nic_reconfigured(struct daemon *d);

/* The nic whose port has this address; NULL: none. */
struct nic *nic_find_local(const struct daemon *d, const struct addr *addr);
/* An endpoint's counters since the start, replaced ones included. */
void nic_stats(const struct nic *nic, struct endpoint_stats *prober, struct endpoint_stats *responder);

/* The responder's ops->send. */
int nic_send_ack(void *arg, void *device_user, const struct responder_ack *ack, bool want_sent, struct responder_tx *tx);

/* Forgets return paths that have not been used for a while. */
void nic_prune_paths(struct daemon *d, uint64_t now_ns);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nics: the local RoCE ports with everything that the daemon keeps on each: the device, the
 * prober's and the responder's endpoint, more QPs to probe from, a SIDR listener for each of its
 * addresses, the paths back to those who probe us, and its budget in the prober. A nic lives on by
 * its name when the device goes, so that peers keep their history.
 *
 * struct nics is all of them, with rdma_cm and the timer that looks for what comes or is missing.
 * It follows the configuration and the kernel by itself, and says upward, by ops, what has become
 * of a nic.
 */
#ifndef RPINGMESH_AGENT_NIC_NIC_H
#define RPINGMESH_AGENT_NIC_NIC_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/nic/port_fsm.h"
#include "agent/nic/port_history.h"
#include "core/addr.h"
#include "core/hwclock.h"
#include "probe/prober.h"
#include "probe/responder.h"
#include "rdma/device.h"
#include "rdma/endpoint.h"
#include "rdma/sources.h"
#include "rdma/sport.h"

struct config;
struct counters;
struct loop;
struct nic;
struct nics;
struct pump;
struct self;
struct sidr;

/* What has become of a nic. */
enum nic_event {
	NIC_CHANGED,        /* its device is open (again), or its addresses have changed */
	NIC_RENEWED,        /* what was resolved over the fabric is void */
	NIC_CLOSING,        /* its device goes: whatever is on it must end */
	NIC_QUEUES_MADE,    /* its QPs are there */
	NIC_QUEUES_CLOSING, /* they go: nic_want_port() is void */
	NIC_REMOVED,        /* it goes itself, and so does its budget */
};

struct nics_ops {
	void (*event)(void *arg, struct nic *nic, enum nic_event event);
	/* Somebody at this address asked us over SIDR. */
	void (*sign_of_life)(void *arg, struct nic *nic, const struct addr *remote);
	/*
	 * Devices were looked for: from the timer, or from nics_configure(). Whether something else
	 * is to be looked for again soon.
	 */
	bool (*scanned)(void *arg);
	/* Addresses or routes of this host have changed. */
	void (*routes_changed)(void *arg);
};

/* All borrowed. */
struct nics_env {
	struct loop *loop;
	struct pump *pump;
	struct prober *prober;
	struct responder *responder;
	const struct self *self;
	const struct nics_ops *ops;
	void *arg;
};

/* 0 and *out, without nics; or -errno. config is borrowed until nics_configure(). */
int nics_new(const struct nics_env *env, const struct config *config, struct nics **out);
/* Ends them all, each with NIC_REMOVED. NULL is allowed. */
void nics_free(struct nics *nics);

/*
 * Takes on a configuration, the same or another, and looks for devices: opens, closes, replaces
 * endpoints that it wants otherwise. Opens each device: milliseconds for hardware.
 */
void nics_configure(struct nics *nics, const struct config *config);
/* Something that a look at the devices finds has just gone: look soon. */
void nics_scan_soon(struct nics *nics);

/* NULL while the kernel has no rdma_cm, or no device. */
struct sidr *nics_sidr(const struct nics *nics);

/* In the order in which they came; NULL begins and ends. */
struct nic *nics_next(const struct nics *nics, const struct nic *nic);
/* The nic of that name and port, 0: any; NULL: none. */
struct nic *nics_find(const struct nics *nics, const char *name, uint8_t port);
/* The nic whose port has this address; NULL: none. */
struct nic *nics_find_local(const struct nics *nics, const struct addr *addr);

/*
 * Busy polling: after probes have been posted, the receive queues are looked at without a pause for
 * busy_poll_us at most, so that an ACK is stamped when it comes and not when the kernel has woken
 * the daemon up. Never for more than half of the time, and never while nothing was posted. The
 * queues' ops are called from within.
 */
void nics_poll(struct nics *nics);

/*
 * Marks the flaps of all nics of that name (NULL: of all) as seen, and lets those that are left
 * alone try again. How many flaps of the last hour that were; -ENODEV: no such nic.
 */
int nics_acknowledge(struct nics *nics, const char *name);

/* Every degraded state of devices as a sentence: fn is called for each. */
void nics_degraded(const struct nics *nics, void (*fn)(void *arg, const char *sentence), void *arg);

/* The responder's ops->send; arg is not used. */
int nics_send_ack(void *arg, void *device_user, const struct responder_ack *ack, bool want_sent,
		  struct responder_tx *tx);

const char *nic_name(const struct nic *nic);
uint8_t nic_port(const struct nic *nic);
/* NULL: not open. */
struct device *nic_device(const struct nic *nic);
/* Static; NULL: probing. */
const char *nic_down_reason(const struct nic *nic);
/* Since when there is one, CLOCK_MONOTONIC. */
uint64_t nic_down_ns(const struct nic *nic);
/* Never NULL. */
struct prober_device *nic_budget(const struct nic *nic);

/* A probe's result: counters that rise while probes are lost are named. */
void nic_count_result(struct nic *nic, enum probe_class c);

/* ---- where probes leave from ---- */

/* The QP that a probe leaves from. */
struct nic_source {
	struct endpoint *endpoint; /* NULL: none now */
	uint32_t qpn;              /* 0: none */
	uint16_t port;             /* UDP source port; UDP_PORT_UNKNOWN */
	enum sport_rule rule;      /* by which */
	bool found;                /* searched for, to have the flow label's port */
};
/*
 * Where the port is bound to the QP, the one whose port is the flow label's, if it has been found;
 * else the prober's. This alone decides.
 */
void nic_source(const struct nic *nic, uint32_t flow_label, struct nic_source *out);

/* Posts a probe from there. 0 or -errno; tx only then. */
int nic_send(struct nic *nic, const struct nic_source *source, const struct endpoint_send *send,
	     struct endpoint_tx *tx);

/*
 * A QP with this source port is wanted, until nic_unwant_port() or NIC_QUEUES_CLOSING. 0: it is, or
 * will be, searched for; -EALREADY: there is no need, or no way; -ENOSPC: no place for it.
 */
int nic_want_port(struct nic *nic, uint16_t port);
void nic_unwant_port(struct nic *nic, uint16_t port);

/* ---- for records ---- */

struct nic_clock {
	struct hwclock hw;     /* borrowed by the prober's device and by the responder's sessions */
	enum cq_stamps stamps; /* that the nic's endpoints are made with */
	bool software;         /* by configuration */
	const char *reason;    /* static: what there is to say although hw is used; NULL */
};

/* Pointers are borrowed until the loop runs. */
struct nic_info {
	const struct nic_clock *clock;
	const struct counters *counters;    /* NULL: no memory for it */
	const struct port_history *history;
	const uint64_t *async_counts;       /* by enum device_async */
	struct port_fsm_info port;
	struct endpoint_stats stats;        /* of all endpoints since the start */
	uint32_t qpn, responder_qpn;        /* 0: none */
	bool has_sources;                   /* QPs are searched for here */
	struct sources_stats sources;
};
void nic_info(const struct nic *nic, struct nic_info *out);

#endif

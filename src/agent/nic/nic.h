/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A nic is a local RoCE port with all objects of the daemon on it: the device, the endpoints of
 * prober and responder, more QPs to probe from, a SIDR listener for each address, the paths back to
 * remote probers, and its budget in the prober. When the device goes, the nic remains with its
 * name, so that peers keep their history.
 *
 * struct nics contains all of them, rdma_cm, and the timer that searches for devices. It follows
 * the configuration and the kernel by itself, and reports events of a nic through its ops.
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

/* Events of a nic. */
enum nic_event {
	NIC_CHANGED,        /* its device has been opened, or its addresses have changed */
	NIC_RENEWED,        /* resolve again all that was resolved over the fabric */
	NIC_CLOSING,        /* its device is about to close: end all objects on it */
	NIC_QUEUES_MADE,    /* its QPs have been made */
	NIC_QUEUES_CLOSING, /* its QPs are about to go, and all wants of nic_want_port() end */
	NIC_PORT_FREE,      /* after nic_unwant_port(): another port may have a place */
	NIC_REMOVED,        /* the nic and its budget are about to go */
};

struct nics_ops {
	void (*event)(void *arg, struct nic *nic, enum nic_event event);
	/* A host with this address has asked us over SIDR. */
	void (*sign_of_life)(void *arg, struct nic *nic, const struct addr *remote);
	/* A daemon at this address asks for a session, but has none of our keys. */
	void (*unauthenticated)(void *arg, struct nic *nic, const struct addr *remote);
	/*
	 * A search for devices is complete; called from the timer or from nics_configure(). Returns
	 * whether another object needs a search soon.
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

/*
 * Makes an empty list. config is borrowed until nics_configure(). Returns 0 and sets *out, which
 * the caller owns, or -errno.
 */
int nics_new(const struct nics_env *env, const struct config *config, struct nics **out);
/* Ends all nics, each with NIC_REMOVED. NULL is allowed. */
void nics_free(struct nics *nics);

/*
 * Applies a configuration, the same or another, and searches for devices. Opens and closes devices,
 * and replaces endpoints whose settings have changed. Blocks while it opens each device, for
 * milliseconds with hardware.
 */
void nics_configure(struct nics *nics, const struct config *config);
/* Searches for devices soon, because something that a search finds has just gone. */
void nics_scan_soon(struct nics *nics);

/* NULL while the kernel has no rdma_cm or no device. */
struct sidr *nics_sidr(const struct nics *nics);

/* Walks the nics in the order in which they came: begins with NULL, ends with NULL. */
struct nic *nics_next(const struct nics *nics, const struct nic *nic);
/* The nic with that name and port (0: any), or NULL. */
struct nic *nics_find(const struct nics *nics, const char *name, uint8_t port);
/* The nic with this address, or NULL. */
struct nic *nics_find_local(const struct nics *nics, const struct addr *addr);

/*
 * Busy polling: after probes have been posted, polls the receive queues for at most busy_poll_us,
 * so that an ACK gets its timestamp when it comes and not when the kernel has woken the daemon.
 * Takes at most half of the time, and does nothing if no probe was posted. Calls the ops of the
 * queues.
 */
void nics_poll(struct nics *nics);

/*
 * Marks the flaps of all nics with that name (NULL: of all nics) as seen, and lets nics that were
 * given up try again. Returns the number of their flaps in the last hour, or -ENODEV.
 */
int nics_acknowledge(struct nics *nics, const char *name);

/* Calls fn with a sentence for each problem of a device. */
void nics_degraded(const struct nics *nics, degraded_hear *fn, void *arg);

/* For responder_ops.send; arg is not used. */
int nics_send_ack(void *arg, void *device_user, const struct responder_ack *ack, bool want_sent,
		  struct responder_tx *tx);

const char *nic_name(const struct nic *nic);
uint8_t nic_port(const struct nic *nic);
/* NULL: it is not open. */
struct device *nic_device(const struct nic *nic);
/* Why it is down, as static text; NULL: it is up. */
const char *nic_down_reason(const struct nic *nic);
/* Since when there is a reason, CLOCK_MONOTONIC. */
uint64_t nic_down_ns(const struct nic *nic);
/* Never NULL. */
struct prober_device *nic_budget(const struct nic *nic);

/* Counts the result of a probe, to name the counters that rise while probes are lost. */
void nic_count_result(struct nic *nic, enum probe_class c);

/* ---- the QPs of probes ---- */

/* The QP that sends a probe. */
struct nic_source {
	struct endpoint *endpoint; /* NULL: none now */
	uint32_t qpn;              /* 0: none */
	uint16_t port;             /* its UDP source port, or UDP_PORT_UNKNOWN */
	enum sport_rule rule;      /* the rule of the port */
	bool found;                /* a source QP that was made for the port of the flow label */
};
/*
 * Chooses the QP for a flow label; no other function does. If each QP has one port, it is the QP
 * with the port of the flow label, once it has been found. Otherwise it is the QP of the prober.
 */
void nic_source(const struct nic *nic, uint32_t flow_label, struct nic_source *out);

/* Posts a probe from this QP. Returns 0 and sets *tx, or -errno. */
int nic_send(struct nic *nic, const struct nic_source *source, const struct endpoint_send *send,
	     struct endpoint_tx *tx);

/*
 * Adds a want for a QP with this source port, until nic_unwant_port() or NIC_QUEUES_CLOSING.
 * Returns 0 if it is searched for, -EALREADY if that is not necessary or not possible, or -ENOSPC
 * if there is no room for another one, or none for the mesh (config_mesh_qps()); try again after
 * NIC_PORT_FREE.
 */
int nic_want_port(struct nic *nic, uint16_t port, enum source_user user);
void nic_unwant_port(struct nic *nic, uint16_t port, enum source_user user);

/* ---- for records ---- */

struct nic_clock {
	struct hwclock hw;     /* borrowed by the prober's device and by the responder's sessions */
	enum cq_stamps stamps; /* of the nic's endpoints */
	bool software;         /* by configuration */
	const char *reason;    /* static: a remark although hw is used, or NULL */
};

/* Pointers are borrowed until the next return to the loop. */
struct nic_info {
	const struct nic_clock *clock;
	const struct counters *counters;    /* NULL: there was no memory */
	const struct port_history *history;
	const uint64_t *async_counts;       /* by enum device_async */
	struct port_fsm_info port;
	struct endpoint_stats stats;        /* of all endpoints since the start */
	uint32_t qpn, responder_qpn;        /* 0: none */
	bool has_sources;                   /* each of its QPs has one port */
	struct sources_stats sources;
};
void nic_info(const struct nic *nic, struct nic_info *out);

#endif

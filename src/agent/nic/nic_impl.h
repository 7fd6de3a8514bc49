/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the files of the module only: nic.c, nics_*.c and nic_*.c.
 */
#ifndef RPINGMESH_AGENT_NIC_NIC_IMPL_H
#define RPINGMESH_AGENT_NIC_NIC_IMPL_H

#include "agent/base/pump.h"
#include "agent/base/self.h"
#include "agent/nic/nic.h"
#include "agent/config/config.h"

struct loop_timer;
struct nic_listener;
struct nic_path;
struct sidr_request;
struct sidr_request_info;

#define NIC_PATH_BUCKETS 1024
#define NIC_BLAMED 160
#define NIC_SENTENCE 384

struct nics {
	struct nics_env env;
	const struct config *config; /* borrowed, in force */
	struct sidr *sidr;           /* NULL while the kernel has no rdma_cm */
	int sidr_error;              /* -errno of the last sidr_new(); 0 */
	struct loop_fd *routes;      /* says that addresses or routes have changed; NULL: nobody */
	int routes_fd;
	struct nic *first;
	struct work *counting;   /* asks drivers for their counters */
	struct loop_timer *scan; /* looks for devices that come or are missing */
	uint64_t scan_ns; /* how long until the next look while something is missing; doubles
			     while nothing changes */
	uint64_t device_set;     /* device_set() at the last scan; 0: scan in any case */
	bool scan_said;          /* that there is nothing, in the log */
	struct device_unopened unopened; /* of the last look for devices */
	bool unopened_said;      /* in the log */
	uint32_t poll_expected;  /* messages that answer what was posted since the last time */
	uint64_t poll_rest_ns;   /* no busy polling before */
};

struct nic {
	struct nic *next;
	struct nics *nics;
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
	uint64_t down_ns;               /* since when there is one, CLOCK_MONOTONIC */
	struct counters *counters;      /* what port and interface count; NULL: no memory for it */
	uint64_t not_answered; /* probes of a class that is lost, since the start */
	uint64_t not_answered_sampled;  /* the same at the last round of counters */
	char risen[NIC_BLAMED];         /* what rose in the last round of counters; "" */
	char blamed[NIC_BLAMED]; /* what rose while probes were lost, at the last round where any
				    did; "" */
	uint64_t blamed_lost, blamed_ns; /* how many were lost, when that was */
	bool deaf;                      /* some address could not be listened on */
	struct endpoint_stats past;     /* of endpoints that were replaced */
};

/* Says upward what has become of the nic. */
void nic_say(struct nic *nic, enum nic_event event);

/* nic.c: opens, closes and drops nics as device_list() and the configuration have it. */
void nics_match_devices(struct nics *nics);

/* nics_scan.c. 0 or -ENOMEM. */
int nics_scan_start(struct nics *nics);
void nics_scan_stop(struct nics *nics);
/* Looks at everything, now: the configuration may be another. */
void nics_scan_anew(struct nics *nics);
void nics_scan_degraded(const struct nics *nics, void (*fn)(void *arg, const char *sentence),
			void *arg);

/* nics_routes.c. */
void nics_routes_start(struct nics *nics);
void nics_routes_stop(struct nics *nics);

/* nics_poll.c: a probe has been posted, from a nic's own QP. */
void nics_poll_posted(struct nics *nics);

/* nic_queues.c: the endpoints, for the nic's machine, made with the device open. 0 or -errno. */
int nic_make_endpoints(struct nic *nic);
void nic_free_endpoints(struct nic *nic);
/* What all endpoints have counted since the start, replaced ones included. */
struct endpoint_stats nic_stats(const struct nic *nic);

/* nic_port.c. Makes the machine and its timer, closed. 0 or -ENOMEM. */
int nic_port_start(struct nic *nic);
/* Closes the device, without a word in the log; safe on what nic_port_start() has left behind. */
void nic_port_stop(struct nic *nic);
/* The kernel lists the device: opened if it was closed. */
void nic_port_found(struct nic *nic);
/* It has gone: closed at once. Not from within the device's or an endpoint's callbacks. */
void nic_port_gone(struct nic *nic);
/* An endpoint says that its QP is in error: replaced from the loop. From anywhere. */
void nic_port_queues_failed(struct nic *nic);
/* The configuration wants other endpoints: replaced from the loop. */
void nic_port_rebuild(struct nic *nic);
/* Marks its flaps as seen, and lets it try again: how many of the last hour. */
int nic_port_acknowledge(struct nic *nic);
/* "rxe0/1 flapped 3 times …" if it did and nobody has acknowledged it; false: nothing to say. */
bool nic_port_flaps_text(const struct nic *nic, char text[NIC_SENTENCE]);

/* nic_listen.c: one SIDR listener for each address, none for addresses that have left or for a
 * device that is not open. nic->deaf says afterwards whether one is missing. */
void nic_listen_sync(struct nic *nic);
/* None at all. */
void nic_listen_stop(struct nic *nic);

/* nic_return.c: a request that came in on one of the nic's listeners. */
void nic_return_requested(struct nic *nic, struct sidr_request *request,
			  const struct sidr_request_info *info);
/* Forgets all return paths of the nic; requests that wait are dropped: the prober asks again. */
void nic_return_drop_paths(struct nic *nic);
/* Forgets those that have not been used for a while. */
void nic_return_prune(struct nic *nic, uint64_t now_ns);

/* nic_clock.c: whether the times of its probes and answers are the RNIC's or the host's, and why.
 * The nic has been made, with its budget. */
void nic_clock_init(struct nic *nic);
/* Endpoints are about to be made on its device: which timestamps they shall ask for. */
void nic_clock_choose(struct nic *nic);
/* The device has gone. */
void nic_clock_gone(struct nic *nic);

/* nic_counters.c: what port and interface count. Makes it, stopped; without memory the nic does
 * without. */
void nic_counters_make(struct nic *nic);
/* The device is open, or its addresses have changed and with them perhaps its interface. */
void nic_counters_start(struct nic *nic);
/* "rxe0/1: in the last minute, while 3 probes were lost, …"; false: nothing to say. */
bool nic_counters_text(const struct nic *nic, char text[NIC_SENTENCE]);

#endif

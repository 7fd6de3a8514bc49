/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Only for the files of this module: nic.c, nics_*.c and nic_*.c.
 */
#ifndef RPINGMESH_AGENT_NIC_NIC_IMPL_H
#define RPINGMESH_AGENT_NIC_NIC_IMPL_H

#include <sys/queue.h>
#include <sys/types.h>

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
	const struct config *config; /* the present one, borrowed */
	struct sidr *sidr;           /* NULL while the kernel has no rdma_cm */
	int sidr_error;              /* -errno of the last sidr_new(), or 0 */
	struct loop_fd *routes;      /* reports changes of addresses or routes; NULL: it cannot */
	int routes_fd;
	struct nic *first;
	struct work *counting;   /* asks drivers for their counters */
	struct loop_timer *scan; /* searches for devices */
	uint64_t scan_ns; /* time until the next scan while something is missing; doubles while
			     nothing changes */
	uint64_t device_set;     /* device_set() at the last scan; 0: scan in any case */
	bool scan_said;          /* it has been logged that there is nothing */
	struct device_unopened unopened; /* of the last scan */
	bool unopened_said;      /* it has been logged */
	uint32_t poll_expected;  /* answers to the probes that were posted since the last poll */
	bool polling;            /* in nics_poll(): the callback is our own work */
	uint64_t poll_rest_ns;   /* no busy polling before this time */
};

struct nic {
	struct nic *next;
	struct nics *nics;
	char name[64];
	uint8_t port;
	struct port_fsm *fsm;           /* its state machine: nic_port.c */
	struct port_history history;
	uint64_t async_counts[DEVICE_ASYNC_N];
	struct loop_timer *timer; /* of the machine; also for events that may free device and
				     endpoints */
	uint64_t retry_ns;              /* the machine's next TIMER; UINT64_MAX: none */
	int pending; /* enum device_change: changes that the timer passes to the machine */
	struct device *device;          /* NULL: it is not open */
	struct endpoint *prober_ep, *responder_ep; /* NULL: none yet, or failed */
	struct sources *sources; /* more QPs to probe from, each with its own port; NULL: this
				    device does not need them */
	struct prober_device *budget;
	struct nic_listener *listeners;
	struct nic_path *paths[NIC_PATH_BUCKETS]; /* return paths, by remote address */
	TAILQ_HEAD(, nic_path) unproven; /* only claimed by a request; the oldest first */
	uint32_t n_paths, n_unproven;
	enum sport_rule sport_rule;
	struct nic_clock clock;
	uint64_t incarnation; /* of the responder's QP: peers with an older one must ask again */
	const char *down_reason;        /* static; NULL: it is up */
	uint64_t down_ns;               /* since when there is a reason, CLOCK_MONOTONIC */
	struct counters *counters;      /* of port and interface; NULL: there was no memory */
	uint64_t not_answered; /* probes of a class that is lost, since the start */
	uint64_t not_answered_sampled;  /* the same at the last round of counters */
	char risen[NIC_BLAMED];         /* counters that rose in the last round, or "" */
	char blamed[NIC_BLAMED]; /* counters that last rose while probes were lost, or "" */
	uint64_t blamed_lost, blamed_ns; /* the number of probes lost then, and the time */
	bool deaf;                      /* it cannot listen on some address */
	bool taken;                     /* because another daemon listens there */
	bool hushed;                    /* and on no other, so it does not probe */
	pid_t rival; /* the last process that wanted to listen on one of its addresses */
	uint64_t rival_ns;              /* when that was seen; 0: not in the last minute */
	struct endpoint_stats past;     /* the sum of replaced endpoints */
};

/* Reports an event of the nic. */
void nic_say(struct nic *nic, enum nic_event event);

/* nic.c: makes and removes nics so that they match device_list() and the configuration. */
void nics_match_devices(struct nics *nics);

/* nics_scan.c. 0 or -ENOMEM. */
int nics_scan_start(struct nics *nics);
void nics_scan_stop(struct nics *nics);
/* Scans now, because the configuration may have changed. */
void nics_scan_anew(struct nics *nics);
void nics_scan_degraded(const struct nics *nics, degraded_hear *fn, void *arg);

/* nics_routes.c. */
void nics_routes_start(struct nics *nics);
void nics_routes_stop(struct nics *nics);

/* nics_poll.c: a nic's own QP has posted a probe. */
void nics_poll_posted(struct nics *nics);

/* nic_queues.c: makes the endpoints on an open device, for the state machine. 0 or -errno. */
int nic_make_endpoints(struct nic *nic);
void nic_free_endpoints(struct nic *nic);
/* The sum over all endpoints since the start, including replaced ones. */
struct endpoint_stats nic_stats(const struct nic *nic);

/* nic_port.c. Makes the state machine, in state closed, and its timer. 0 or -ENOMEM. */
int nic_port_start(struct nic *nic);
/* Closes the device without logging. Also allowed after a failure of nic_port_start(). */
void nic_port_stop(struct nic *nic);
/* The kernel lists the device. Opens it if it was closed. */
void nic_port_found(struct nic *nic);
/* The device has gone. Closes it at once, so callbacks of device and endpoints must not call it. */
void nic_port_gone(struct nic *nic);
/* A QP is in error. The loop replaces the endpoints, so any callback may call this. */
void nic_port_queues_failed(struct nic *nic);
/* The configuration needs other endpoints. The loop replaces them. */
void nic_port_rebuild(struct nic *nic);
/* Marks its flaps as seen and lets it try again. Returns their number in the last hour. */
int nic_port_acknowledge(struct nic *nic);
/* "rxe0/1 flapped 3 times …". Returns false if there are no flaps that are not acknowledged. */
bool nic_port_flaps_text(const struct nic *nic, char text[NIC_SENTENCE]);

/* nic_listen_sync(); then it probes, or does not if it could listen on no address. */
void nic_port_listen(struct nic *nic);

/*
 * nic_listen.c: makes a SIDR listener for each address, and ends those of addresses that have left
 * or of a closed device. Sets nic->deaf if one is missing, and nic->taken if another daemon has it.
 */
void nic_listen_sync(struct nic *nic);
/* Looks for other daemons that want to listen on the nic's addresses. */
void nic_listen_rivals(struct nic *nic, uint64_t now_ns);
/* "rxe0/1: another daemon …". Returns false if there is none. */
bool nic_listen_sentence(const struct nic *nic, char text[NIC_SENTENCE]);
/* Ends all listeners. */
void nic_listen_stop(struct nic *nic);

/* nic_return.c: handles a request to one of the nic's listeners. */
void nic_return_requested(struct nic *nic, struct sidr_request *request,
			  const struct sidr_request_info *info);
/* Frees all return paths of the nic. Drops waiting requests; their probers will ask again. */
void nic_return_drop_paths(struct nic *nic);
/* Frees the return paths that have not been used for a while. */
void nic_return_prune(struct nic *nic, uint64_t now_ns);

/*
 * nic_clock.c: decides whether times come from the RNIC or from the host, and why. The nic already
 * has its budget.
 */
void nic_clock_init(struct nic *nic);
/* Chooses the timestamps for the endpoints that are about to be made. */
void nic_clock_choose(struct nic *nic);
/* The device has gone. */
void nic_clock_gone(struct nic *nic);

/*
 * nic_counters.c: the counters of port and interface. Makes them, but does not read yet. Without
 * memory, the nic has no counters.
 */
void nic_counters_make(struct nic *nic);
/* The device has been opened, or its addresses and perhaps its interface have changed. */
void nic_counters_start(struct nic *nic);
/* "rxe0/1: in the last minute, while 3 probes were lost, …". Returns false if there is none. */
bool nic_counters_text(const struct nic *nic, char text[NIC_SENTENCE]);

#endif

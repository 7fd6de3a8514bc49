/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the daemon may do, whoever starts it: it keeps the capabilities that it needs and gives up
 * all others for good (capabilities(7)), and started as root it becomes an ordinary user, if there
 * is one. The kernel lets nobody write to an RDMA device that was opened with other rights, so this
 * comes before the first device is opened.
 */
#ifndef RPINGMESH_AGENT_BASE_PRIVILEGES_H
#define RPINGMESH_AGENT_BASE_PRIVILEGES_H

#include <stdint.h>

struct config;

#define PRIVILEGES_USER "rpingmesh" /* where `user` says nothing */
#define PRIVILEGES_NAME 24

/* What decides which capabilities are needed, besides the configuration. */
struct privileges_facts {
	int paranoid;     /* kernel.perf_event_paranoid */
	uint64_t memlock; /* RLIMIT_MEMLOCK, bytes */
};

/* Bits of <linux/capability.h>. Pure. */
uint64_t privileges_needed(const struct config *config, const struct privileges_facts *facts);

/*
 * As root, before the control socket is made: makes the directory of the default control socket,
 * gives it to the user, and raises RLIMIT_MEMLOCK, which only root can do. What fails is left to
 * those who need it.
 */
void privileges_prepare(const struct config *config);

/*
 * Before there are threads. Looks up `user`: may block. 0, or -errno, logged: the user that the
 * configuration names does not exist, or the kernel refuses. Logs what will not work afterwards.
 */
int privileges_drop(const struct config *config);

/* The effective capabilities now; 0 if the kernel does not say. */
uint64_t privileges_held(void);

/* "CAP_BPF", or "CAP_17" for one that the daemon never keeps. */
const char *privileges_name(unsigned int capability, char buf[PRIVILEGES_NAME]);

#endif

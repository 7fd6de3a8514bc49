/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits the rights of the daemon, however it was started: it keeps the capabilities that it needs
 * and gives up all others for good (capabilities(7)). If it was started as root, it becomes an
 * ordinary user, if there is one. A process cannot write to an RDMA device that it has opened with
 * other rights, so do this before the first device is opened.
 */
#ifndef RPINGMESH_AGENT_BASE_PRIVILEGES_H
#define RPINGMESH_AGENT_BASE_PRIVILEGES_H

#include <stdint.h>

struct config;

#define PRIVILEGES_USER "rpingmesh" /* if `user` is not set */
#define PRIVILEGES_NAME 24

/* The facts that, with the configuration, decide which capabilities are needed. */
struct privileges_facts {
	int paranoid;     /* kernel.perf_event_paranoid */
	uint64_t memlock; /* RLIMIT_MEMLOCK, bytes */
};

/* The two processes of the daemon. */
enum privileges_of {
	PRIVILEGES_DAEMON,
	PRIVILEGES_HELPER, /* attaches the hooks of tracing: helper.h of src/trace */
};

/* The needed capabilities, as bits of <linux/capability.h>. Pure. */
uint64_t privileges_needed(enum privileges_of process, const struct config *config,
			   const struct privileges_facts *facts);

/*
 * Call it before the control socket is made. As root, it makes the directory of the default control
 * socket, gives it to the user, and raises RLIMIT_MEMLOCK, which only root can do. It ignores
 * failures; later steps report them.
 */
void privileges_prepare(const struct config *config);

/*
 * Gives up rights. Call it before there are threads. Looks up `user`, so it may block. The daemon
 * logs what will not work afterwards. Returns 0, or logs the error and returns -errno: the
 * configured user does not exist, or the kernel refuses.
 */
int privileges_drop(enum privileges_of process, const struct config *config);

/* The present effective capabilities; 0 if they are unknown. */
uint64_t privileges_held(void);

/* "CAP_BPF", or "CAP_17" for one that the daemon never keeps. */
const char *privileges_name(unsigned int capability, char buf[PRIVILEGES_NAME]);

#endif

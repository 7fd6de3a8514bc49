/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the statistics of an interface's driver, as in `ethtool -S` (ETHTOOL_GSTATS in
 * linux/ethtool.h). On RoCE NICs they contain the counters that are needed to debug lossless
 * fabrics: pause frames by priority (rx_prio3_pause), discards (rx_discards_phy), links that went
 * down (link_down_events_phy). No privilege is necessary.
 *
 * The kernel answers under its RTNL lock (net/ethtool/ioctl.c), which others may hold for seconds,
 * and the driver may ask its firmware. Therefore a worker thread asks.
 */
#ifndef RPINGMESH_RDMA_ETHTOOL_H
#define RPINGMESH_RDMA_ETHTOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ethtool;
struct work;

#define ETHTOOL_NAME 32  /* ETH_GSTRING_LEN, with its '\0' */
#define ETHTOOL_MAX 8192 /* statistics of one interface; if there are more, none are read */
#define ETHTOOL_KEPT 256 /* wanted statistics; more are left out */

struct ethtool_answer {
	int error;          /* 0; -EOPNOTSUPP: the driver has none; -E2BIG; else the kernel's */
	uint64_t took_ns;
	uint32_t left_out;
	size_t n;
	struct {
		char name[ETHTOOL_NAME];
		uint64_t value;
	} values[ETHTOOL_KEPT];
};

struct ethtool_question {
	const char *netdev;  /* copied */
	/* Whether to keep it. Called in the worker, but not for queues, channels and CPUs. */
	bool (*wants)(const char *name);
	/* Called once from the loop, unless cancelled; the answer is borrowed. */
	void (*answered)(void *arg, const struct ethtool_answer *answer);
	void *arg;
};

/*
 * Returns 0 and sets *out, which is for ethtool_cancel() until answered(). Returns -errno if there
 * is no memory or no thread.
 */
int ethtool_ask(struct work *work, const struct ethtool_question *question, struct ethtool **out);
/* NULL is allowed. */
void ethtool_cancel(struct ethtool *ethtool);

#endif

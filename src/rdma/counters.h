/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The counters of a port and of its network interface, which are the files of
 *   /sys/class/infiniband/DEVICE/ports/PORT/hw_counters   (the driver's: retries, out of sequence,
 *                                                         CNP, …)
 *   /sys/class/infiniband/DEVICE/ports/PORT/counters      (PMA: discards, receive errors, …;
 *                                                         soft-RoCE has none)
 *   /sys/class/net/NETDEV/statistics                      (only drops and errors, with "net_"
 *                                                         before their names)
 * and the statistics of the interface's driver (ethtool.h: only bad ones, with "ethtool_" before
 * their names). They are read at each multiple of COUNTERS_PERIOD_NS of the wall clock, with the
 * rise of each.
 *
 * Reading can block. A file of hw_counters calls the driver's get_hw_stats() under a mutex, unless
 * the last call is less than 10 ms ago (drivers/infiniband/core/sysfs.c: lifespan). A file of
 * counters calls its process_mad(). On hardware both are firmware commands, which take tens of
 * microseconds to a few milliseconds, or seconds if the firmware hangs. Therefore a wake-up reads
 * at most COUNTERS_BATCH files, and no more after COUNTERS_BATCH_NS. Then it pauses for 1 /
 * COUNTERS_SHARE of the time that it took. The longest read is kept.
 */
#ifndef RPINGMESH_RDMA_COUNTERS_H
#define RPINGMESH_RDMA_COUNTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct counters;
struct loop;
struct work;

#define COUNTERS_PERIOD_NS 10000000000ULL
#define COUNTERS_BATCH 32
#define COUNTERS_BATCH_NS 1000000ULL
#define COUNTERS_SHARE 0.01
#define COUNTERS_MAX 256     /* of one port; more are left out */
#define COUNTERS_NAME 48
#define COUNTERS_OPEN 48     /* files of one port that stay open between rounds */
#define COUNTERS_FD_MAX 512  /* no descriptor from this one on stays: half of the usual limit */
#define COUNTERS_LIST_ROUNDS 6 /* so often a new file is found */

/* A counter, after counter_judge.h has judged its readings. */
struct counter {
	char name[COUNTERS_NAME];
	uint64_t value;  /* the last accepted reading */
	uint64_t delta;  /* its rise in the last round */
	uint64_t total;  /* its rise since the first round, across wraps and resets */
	uint32_t resets; /* how often it was reset, by a driver that was loaded or by a command */
	uint32_t odd;    /* impossible readings, which were not accepted */
	bool saturated;  /* it has reached its maximum and counts no more */
	bool bad;        /* a rise means that something was dropped, failed or was slowed down */
};

struct counters_config {
	struct loop *loop;
	const char *device;      /* must outlive the counters */
	uint8_t port;
	/*
	 * A round is complete, and all deltas are of the same time span. From the loop; must not
	 * free the counters.
	 */
	void (*sampled)(void *arg);
	void *arg;
	const char *sysfs;       /* "/sys", kept; a test's copy of it */
	struct work *work;       /* asks the driver; NULL: it is not asked */
};

/* Returns 0 and sets *out, which the caller owns, or -ENOMEM. Reading has not begun. */
int counters_new(const struct counters_config *config, struct counters **out);
void counters_free(struct counters *counters);

/*
 * Begins to read; the first round is at once, and is the base of all deltas. netdev = NULL: it is
 * unknown. Idempotent.
 */
void counters_start(struct counters *counters, const char *netdev);
/* Ends reading, because the device is closed. Keeps all values; totals continue when it returns. */
void counters_stop(struct counters *counters);

/*
 * The counters of the last round, i = 0, 1, …; NULL: there are no more. Borrowed until the next
 * return to the loop.
 */
const struct counter *counters_get(const struct counters *counters, size_t i);

struct counters_info {
	uint64_t rounds;           /* complete ones */
	uint64_t sampled_ns;       /* CLOCK_MONOTONIC of the last one; 0: none */
	uint64_t span_ns;          /* time span of the deltas; 0: there are none yet */
	uint64_t read_max_ns;      /* the longest time for reading one file */
	char read_max_name[COUNTERS_NAME];
	uint32_t left_out;         /* counters beyond COUNTERS_MAX, which are not read */
	uint64_t late;             /* how often the driver answered after the end of its round */
};
void counters_info(const struct counters *counters, struct counters_info *out);

/* Whether a rise of the counter with that name is bad: see counter.bad. */
bool counters_name_is_bad(const char *name);

#endif

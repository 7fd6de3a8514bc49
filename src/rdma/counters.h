/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a port and its network interface count: the files of
 *   /sys/class/infiniband/DEVICE/ports/PORT/hw_counters   (the driver's: retries, out of sequence,
 *                                                         CNP, …)
 *   /sys/class/infiniband/DEVICE/ports/PORT/counters      (PMA: discards, receive errors, …;
 *                                                         soft-RoCE has none)
 *   /sys/class/net/NETDEV/statistics                      (drops and errors alone; "net_" is put
 *                                                         before their names)
 * read every COUNTERS_PERIOD_NS, on the wall clock's multiples of it, with what each has risen by.
 *
 * Reading can block: a file of hw_counters calls the driver's get_hw_stats() under a mutex, unless
 * the last call is less than 10 ms ago (drivers/infiniband/core/sysfs.c: lifespan), and one of
 * counters its process_mad(); on hardware both are firmware commands, tens of microseconds to a
 * few milliseconds each, seconds where the firmware hangs. Therefore a wake-up reads
 * COUNTERS_BATCH files at most, none after COUNTERS_BATCH_NS have passed, and pauses for 1 /
 * COUNTERS_SHARE of what it took; the longest read is kept.
 */
#ifndef RPINGMESH_RDMA_COUNTERS_H
#define RPINGMESH_RDMA_COUNTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct counters;
struct loop;

#define COUNTERS_PERIOD_NS 10000000000ULL
#define COUNTERS_BATCH 32
#define COUNTERS_BATCH_NS 1000000ULL
#define COUNTERS_SHARE 0.01
#define COUNTERS_MAX 192     /* of one port; more are left out */
#define COUNTERS_NAME 48

/* What is believed of one, by counter_judge.h. */
struct counter {
	char name[COUNTERS_NAME];
	uint64_t value;  /* the last reading that was taken */
	uint64_t delta;  /* risen by in the last round */
	uint64_t total;  /* risen by since the first round, through wraps and resets */
	uint32_t resets; /* times that it began anew: a driver that was loaded, a command */
	uint32_t odd;    /* readings that could not be, and were not taken */
	bool saturated;  /* it stands at its end, and does not count on */
	bool bad;        /* when it rises, something was dropped, failed or was slowed down */
};

struct counters_config {
	struct loop *loop;
	const char *device;      /* kept */
	uint8_t port;
	/* A round is complete: all deltas are of the same span. From the loop; must not free. */
	void (*sampled)(void *arg);
	void *arg;
	const char *sysfs;       /* "/sys", kept; a test's copy of it */
};

/* 0 and *out, owned by the caller, stopped; or -ENOMEM. */
int counters_new(const struct counters_config *config, struct counters **out);
void counters_free(struct counters *counters);

/*
 * Reads from now on; the first round at once, as the base of all deltas. netdev may be NULL: none
 * known. Idempotent.
 */
void counters_start(struct counters *counters, const char *netdev);
/* The device is closed: what was read stays, and totals go on when it returns. */
void counters_stop(struct counters *counters);

/*
 * Those that were there in the last round: i = 0, 1, …; NULL: no more. Borrowed until the loop runs
 * on.
 */
const struct counter *counters_get(const struct counters *counters, size_t i);

struct counters_info {
	uint64_t rounds;           /* complete ones */
	uint64_t sampled_ns;       /* when the last one was, CLOCK_MONOTONIC; 0: never */
	uint64_t span_ns;          /* what the deltas are over; 0: there are none yet */
	uint64_t read_max_ns;      /* the longest that one file has taken */
	char read_max_name[COUNTERS_NAME];
	uint32_t left_out;         /* files beyond COUNTERS_MAX */
};
void counters_info(const struct counters *counters, struct counters_info *out);

/* Whether a counter of that name tells of something bad. */
bool counters_name_is_bad(const char *name);

#endif

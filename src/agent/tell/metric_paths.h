/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What probes have brought since the start, by path: device, peer (or its ToR) and kind of probe,
 * with histograms of fixed bounds, as Prometheus wants them: cumulative, never reset. There are at
 * most `max` paths; a path that has had no result for METRIC_PATHS_IDLE_NS gives way to a new one,
 * and when none does, results are counted in the path "_other" of their device and kind, so that
 * sums over all paths stay true, and how many there were is counted. Pure.
 */
#ifndef RPINGMESH_AGENT_TELL_METRIC_PATHS_H
#define RPINGMESH_AGENT_TELL_METRIC_PATHS_H

#include <stddef.h>
#include <stdint.h>

#include "stat/result.h"

#define METRIC_PATHS_IDLE_NS (600ULL * 1000000000)
#define METRIC_PATHS_OTHER "_other"
#define METRIC_NAME_MAX 256

/* 1, 2 and 5 times each power of ten from 1 µs to 10 s. */
#define METRIC_BOUNDS 22
extern const uint64_t metric_bound_ns[METRIC_BOUNDS];

struct metric_histogram {
	uint64_t n[METRIC_BOUNDS]; /* up to each bound, and above the one before; what is above the
				      last is in count alone */
	uint64_t count, sum_ns;
};
void metric_histogram_add(struct metric_histogram *h, uint64_t value_ns);

struct metric_path {
	char device[64], peer[METRIC_NAME_MAX];
	enum probe_kind kind;
	uint64_t by_class[PROBE_CLASS_N];
	uint64_t lost_noise; /* of a class that is lost; a stall of a host may have caused it */
	uint64_t noise;            /* results under host noise */
	struct metric_histogram
		rtt; /* without software stamps under host noise, as windows have it */
	struct metric_histogram prober_delay, responder_delay; /* of all that was measured */
	uint64_t last_ns;          /* CLOCK_MONOTONIC of the last result */
};

struct metric_paths;

/* max: at least 1. 0 and *out, or -ENOMEM. */
int metric_paths_new(uint32_t max, struct metric_paths **out);
/* NULL is allowed. */
void metric_paths_free(struct metric_paths *paths);
/* From now on; what there is above it stays until it is idle. */
void metric_paths_set_max(struct metric_paths *paths, uint32_t max);

/* Longer names are cut. */
void metric_paths_add(struct metric_paths *paths, const char *device, const char *peer,
		      const struct probe_result *r, uint64_t now_ns);

size_t metric_paths_count(const struct metric_paths *paths);
/*
 * From 0 on in the order in which they came; NULL ends. While held, none gives way to another:
 * numbers stay.
 */
const struct metric_path *metric_paths_at(const struct metric_paths *paths, size_t i);
void metric_paths_hold(struct metric_paths *paths);
void metric_paths_release(struct metric_paths *paths);

/* Results that were counted in "_other", and those that were not counted for want of memory. */
uint64_t metric_paths_overflow(const struct metric_paths *paths);
uint64_t metric_paths_uncounted(const struct metric_paths *paths);

#endif

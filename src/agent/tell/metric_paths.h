/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The results of probes since the start, by path: device, peer (or its ToR) and kind of probe. The
 * histograms have fixed limits. All counts are cumulative and never reset, as Prometheus needs
 * them. There are at most `max` paths. A new path replaces one without results for
 * METRIC_PATHS_IDLE_NS. If there is none, its results count in the path "_other" of their device
 * and kind, so that sums over all paths are right; metric_paths_overflow() counts them. Beside the
 * paths there are their sums by device and kind, which never fall. Pure.
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
	uint64_t n[METRIC_BOUNDS]; /* values up to each bound and above the one before; only count
				      includes values above the last bound */
	uint64_t count, sum_ns;
};
void metric_histogram_add(struct metric_histogram *h, uint64_t value_ns);

struct metric_path {
	const char *device, *peer; /* valid as long as the path */
	enum probe_kind kind;
	uint64_t by_class[PROBE_CLASS_N];
	uint64_t lost_noise; /* of a class that is lost; a stall of a host may be the cause */
	uint64_t answered_noise; /* of a class that is answered; a stall might have lost them */
	uint64_t noise;            /* results with host noise */
	uint64_t corrected; /* results that count as unreachable and, since a correction, as lost */
	struct metric_histogram
		rtt; /* of the same results as window_rtt() */
	struct metric_histogram prober_delay, responder_delay; /* of all measured results */
	uint64_t last_ns;          /* CLOCK_MONOTONIC of the last result */
};

struct metric_paths;

/* max: at least 1. Returns 0 and sets *out, which the caller owns, or -ENOMEM. */
int metric_paths_new(uint32_t max, struct metric_paths **out);
/* NULL is allowed. */
void metric_paths_free(struct metric_paths *paths);
/* Sets the limit. Paths above it remain until they are idle. */
void metric_paths_set_max(struct metric_paths *paths, uint32_t max);

/* Adds a result. Names that are too long are cut. If there is no memory, it is only counted. */
void metric_paths_add(struct metric_paths *paths, const char *device, const char *peer,
		      const struct probe_result *r, uint64_t now_ns);

/* A result that was added as unreachable is of the class in r: counts it there, too. */
void metric_paths_correct(struct metric_paths *paths, const char *device, const char *peer,
			  const struct probe_result *r, uint64_t now_ns);

size_t metric_paths_count(const struct metric_paths *paths);
/*
 * The i-th path, from 0 on in the order in which they came, or NULL. Between hold and release no
 * path is replaced, so the numbers stay the same.
 */
const struct metric_path *metric_paths_at(const struct metric_paths *paths, size_t i);
/* The i-th sum of all paths of a device and kind; its peer is "". */
const struct metric_path *metric_paths_sum_at(const struct metric_paths *paths, size_t i);
void metric_paths_hold(struct metric_paths *paths);
void metric_paths_release(struct metric_paths *paths);

/* The number of results in "_other", and of those that were lost for lack of memory. */
uint64_t metric_paths_overflow(const struct metric_paths *paths);
uint64_t metric_paths_uncounted(const struct metric_paths *paths);

#endif

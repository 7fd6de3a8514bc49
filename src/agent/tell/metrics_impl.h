/* SPDX-License-Identifier: Apache-2.0 */
/* Only for metrics.c, metrics_family.c and metrics_page.c. */
#ifndef RPINGMESH_AGENT_TELL_METRICS_IMPL_H
#define RPINGMESH_AGENT_TELL_METRICS_IMPL_H

#include "serve/exposition.h"
#include "serve/http.h"
#include "agent/tell/metric_paths.h"
#include "trace/trace.h"

struct tell;

struct metrics {
	const struct tell *t;
	struct metric_paths *paths;
	struct http *http;     /* NULL: nothing is served */
	char listen[72];       /* the address of http, or the one that failed, or "" */
	int error;             /* -errno of the last attempt, or 0 */
	uint64_t retry_ns;     /* CLOCK_MONOTONIC of the next attempt, if error */
	uint64_t started_wall_ns; /* start of the daemon by the wall clock of that time; it does not
				     change when the clock is set */
	struct http_stats past; /* the sum of earlier servers */
	struct trace_info past_trace; /* counters of tracing before it was switched off */
};

/* A page that is being written. */
struct metrics_page {
	struct metrics *metrics;
	enum exposition_format format;
	size_t next, at;       /* the next family, and the next of its paths */
};

/* The figures of each device. */
enum metrics_device {
	METRICS_DEVICE_NONE,
	METRICS_DEVICE_UP,
	METRICS_DEVICE_POSTED,
	METRICS_DEVICE_DEFERRED,
	METRICS_DEVICE_SKIPPED,
	METRICS_DEVICE_BUDGET,
	METRICS_DEVICE_FLAPS,
	METRICS_DEVICE_SEND_ERRORS,
	METRICS_DEVICE_TOO_LONG,
	METRICS_DEVICE_QUEUE_FULL,
};

typedef void metrics_write(struct exposition *e, const struct metrics *m);
typedef void metrics_write_path(struct exposition *e, const struct exposition_label *labels,
				const struct metric_path *path);

/* One of the last three members makes its samples. */
struct metrics_family {
	struct exposition_family head;
	metrics_write *write;       /* all samples at once */
	metrics_write_path *path;   /* the samples of one path; labels have room for one more */
	enum metrics_device device; /* one sample for each device: metrics_devices() */
};
extern const struct metrics_family metrics_families[];
extern const size_t metrics_n_families;

void metrics_devices(struct exposition *e, const struct metrics *m, enum metrics_device what);

/* metrics_peers.c */
metrics_write metrics_peers, metrics_peers_not_bound, metrics_peers_up, metrics_config_refused;

extern const struct http_source metrics_source; /* without its arg */

#endif

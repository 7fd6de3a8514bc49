/* SPDX-License-Identifier: Apache-2.0 */
/* Only for the files that are called metrics*.c. */
#ifndef RPINGMESH_AGENT_TELL_METRICS_IMPL_H
#define RPINGMESH_AGENT_TELL_METRICS_IMPL_H

#include "serve/exposition.h"
#include "serve/http.h"
#include "serve/http_port.h"
#include "agent/tell/metric_paths.h"
#include "trace/trace.h"

struct peer;
struct tell;

struct metrics {
	const struct tell *t;
	struct metric_paths *paths;
	struct http_source source;
	struct http_port *port;
	uint64_t started_wall_ns; /* start of the daemon by the wall clock of that time; it does not
				     change when the clock is set */
	struct trace_info past_trace; /* counters of tracing before it was switched off */
};

/* A page that is being written. */
struct metrics_page {
	struct metrics *metrics;
	enum exposition_format format;
	bool path_histograms;  /* histograms of each path, not of their sums */
	size_t next;           /* family */
	bool begun;            /* its head is written; the rest is about its samples */
	size_t at;             /* the next of its paths, or the number of its peers so far */
	uint64_t after;        /* the id of the last of its peers */
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
typedef void metrics_write_peer(struct exposition *e, const struct exposition_label *labels,
				const struct peer *peer);

/* One of the last four members makes its samples. */
struct metrics_family {
	struct exposition_family head;
	metrics_write *write;       /* all samples at once */
	metrics_write_path *path;   /* the samples of one path; labels have room for one more */
	metrics_write_peer *peer;   /* the samples of one peer; labels have room for two more */
	enum metrics_device device; /* one sample for each device: metrics_devices() */
};
extern const struct metrics_family metrics_families[];
extern const size_t metrics_n_families;

void metrics_devices(struct exposition *e, const struct metrics *m, enum metrics_device what);

/* metrics_cluster.c */
metrics_write metrics_cluster_connected, metrics_cluster_lost, metrics_cluster_dropped,
	metrics_cluster_silent, metrics_cluster_slow, metrics_cluster_targets,
	metrics_cluster_lists_refused;

/* metrics_roads.c */
metrics_write metrics_roads, metrics_road_changes;

/* metrics_path.c */
metrics_write_path metrics_path_classes, metrics_path_corrected, metrics_path_noise,
	metrics_path_lost_noise, metrics_path_answered_noise, metrics_path_rtt, metrics_path_prober,
	metrics_path_responder;

/* metrics_peers.c */
metrics_write metrics_peers, metrics_peers_not_bound;
metrics_write_peer metrics_peer_up, metrics_peer_state, metrics_peer_verdict, metrics_peer_rtt_p50,
	metrics_peer_rtt_p99;

/* metrics_page.c */
bool metrics_has_path_histograms(const struct metrics *m);

extern const struct http_source metrics_source; /* without its arg */

#endif

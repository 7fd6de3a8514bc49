/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports what the probes of this host have met, every `cluster.report_s` (record/report.h, topic
 * PREFIX/1/report/SHARD/HOST). Reports are aligned to wall-clock time, each host at a moment of its
 * own; a stream that begins to lose, or stops, is reported within a second. Without a connection,
 * counts add up until there is one.
 */
#ifndef RPINGMESH_AGENT_CLUSTER_CLUSTER_REPORT_H
#define RPINGMESH_AGENT_CLUSTER_CLUSTER_REPORT_H

#include <stdbool.h>
#include <stdint.h>

struct bus;
struct cluster_report;
struct config;
struct loop;
struct nics;
struct peer_stream;
struct probe_result;
struct registration;
struct responder;
struct self;

/* What other rooms know. */
struct cluster_report_state {
	uint64_t since_ns; /* CLOCK_MONOTONIC: is set by who asks */
	bool throttled;
	uint32_t degraded; /* sentences */
	uint64_t stall_ns; /* the longest stall of this process since then */
};

/* All borrowed. */
struct cluster_report_env {
	struct loop *loop;
	const struct nics *nics;
	const struct self *self;
	struct responder *responder; /* nobody else takes what it has heard; NULL: none */
	void (*state)(void *arg, struct cluster_report_state *out); /* NULL is allowed */
	/* The job of the flow of a stream, into job, which has REPORT_JOB_MAX + 1 bytes. */
	void (*job)(void *arg, const struct peer_stream *stream, char *job);
	void *arg;
};

int cluster_report_new(const struct cluster_report_env *env, struct cluster_report **out);
/* NULL is allowed. */
void cluster_report_free(struct cluster_report *report);

/*
 * Reports go there, from now on, and the next one is whole; bus NULL: nowhere, and nothing is
 * counted any more. `last` is the registration of this host: its first switch is the shard.
 */
void cluster_report_to(struct cluster_report *report, struct bus *bus, const char *prefix,
		       const struct registration *last);
/* A configuration is in force, which must remain until the next call. */
void cluster_report_configure(struct cluster_report *report, const struct config *config);

/* A probe has a result; or one that was reported as unreachable is known to be lost. */
void cluster_report_result(struct cluster_report *report, const struct peer_stream *stream,
			   const struct probe_result *r);
void cluster_report_correct(struct cluster_report *report, const struct peer_stream *stream,
			    const struct probe_result *r);

struct cluster_report_status {
	uint64_t reports, bytes;  /* that the bus has taken */
	uint64_t refused;         /* that it has not: their counts are in the next one */
	uint32_t streams;         /* of the last one */
	uint64_t last_ns;         /* CLOCK_MONOTONIC; 0: never */
};
void cluster_report_status(const struct cluster_report *report, struct cluster_report_status *out);

#endif

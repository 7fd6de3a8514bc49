/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trace room as the daemon sees it: tracer, dumps and flows put together. Start-up attaches
 * first and dumps then; a dump every TRACE_DUMP_NS is heartbeat, reconciliation and self-check;
 * events that were lost bring the next dump forward to the next look.
 */
#ifndef RPINGMESH_TRACE_TRACE_H
#define RPINGMESH_TRACE_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "trace/flows.h"
#include "trace/tracer.h"

struct loop;
struct trace;

#define TRACE_DUMP_NS 30000000000ULL
#define TRACE_CHECK_NS 2000000000ULL    /* between looks whether ib_core came or went */

struct trace_ops {
	/* As in flows_ops. */
	void (*flow_began)(void *arg, struct flow *flow);
	void (*flow_ended)(void *arg, struct flow *flow);
	void (*event)(void *arg, const struct qp_event *e, const struct flow_qp *qp);
	/* Whether a device is ours to look at: QPs of others are left out. */
	bool (*wants_device)(void *arg, const char *device);
};

struct trace_config {
	struct loop *loop;
	uint32_t max_qps, max_flows;
	const struct trace_ops *ops;
	void *arg;
};

/* 0 and *out, owned by the caller, or -ENOMEM. */
int trace_new(const struct trace_config *config, struct trace **out);
/* Ends all flows. NULL is allowed. */
void trace_free(struct trace *trace);

/* Tries at once what is tried again at times only: attaching that failed, and the dump. */
void trace_retry(struct trace *trace);

/* The devices that are wanted have changed: look at all QPs anew. */
void trace_devices_changed(struct trace *trace);

const struct flows *trace_flows(const struct trace *trace);

struct trace_info {
	struct tracer_info tracer;
	struct flows_stats flows;
	uint64_t other_devices;     /* events of devices that are not wanted */
	uint64_t dumps, dumps_failed;
	uint64_t last_dump_ns;      /* CLOCK_MONOTONIC of the last complete one; 0: none */
	uint32_t last_dump_qps;
	int dump_error;             /* -errno of the last one; 0 */
	bool owners_hidden;         /* processes of other users are: see owner_hidden() */
};
void trace_info(const struct trace *trace, struct trace_info *out);

#endif

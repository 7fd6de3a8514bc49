/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interface of this room for the daemon; it combines tracer, dumps and flows. It first attaches
 * the hooks and then makes a dump. It repeats the dump every TRACE_DUMP_NS, to update the table and
 * to check that the hooks still work. If events have been lost, the next check makes a dump.
 */
#ifndef RPINGMESH_TRACE_TRACE_H
#define RPINGMESH_TRACE_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "trace/flows.h"
#include "trace/tracer.h"

struct helper;
struct loop;
struct trace;

#define TRACE_DUMP_NS 30000000000ULL
#define TRACE_CHECK_NS 2000000000ULL    /* time between checks whether ib_core is loaded */

struct trace_ops {
	/* The same as in struct flows_ops. */
	void (*flow_began)(void *arg, struct flow *flow);
	void (*flow_ended)(void *arg, struct flow *flow);
	void (*event)(void *arg, const struct qp_event *e, const struct flow_qp *qp);
	/* Whether to trace this device; QPs of other devices are dropped. */
	bool (*wants_device)(void *arg, const char *device);
};

struct trace_config {
	struct loop *loop;
	struct helper *helper; /* the same as in struct tracer_config */
	uint32_t max_qps, max_flows;
	const struct trace_ops *ops;
	void *arg;
};

/* Returns 0 and sets *out, which the caller owns, or -ENOMEM. */
int trace_new(const struct trace_config *config, struct trace **out);
/* Ends all flows. NULL is allowed. */
void trace_free(struct trace *trace);

/* Repeats a failed attachment and the dump at once, without waiting for their time. */
void trace_retry(struct trace *trace);

/* wants_device() may have other results now: examines all QPs again. */
void trace_devices_changed(struct trace *trace);

/* The table of flows, borrowed. */
const struct flows *trace_flows(const struct trace *trace);

struct trace_info {
	struct tracer_info tracer;
	struct flows_stats flows;
	uint64_t other_devices;     /* events of devices that are not traced */
	uint64_t dumps, dumps_failed;
	uint64_t last_dump_ns;      /* CLOCK_MONOTONIC of the last complete dump; 0: none */
	uint32_t last_dump_qps;
	int dump_error;             /* -errno of the last dump, or 0 */
	bool owners_hidden;         /* owner_hidden() when the last dump began */
};
void trace_info(const struct trace *trace, struct trace_info *out);
/* Whether tracing, while it is on, misses something. */
bool trace_lacks(const struct trace_info *info);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: trace
 *
 * The tracer's events of wanted devices go into the table of flows. As soon as the tracer is on, a
 * dump lists the QPs that existed before. It is repeated every TRACE_DUMP_NS, or sooner after a
 * loss of events. At the end of a dump the ring is drained first; then the table removes the QPs
 * that the dump did not list. So it knows all events that were sent before the end of the dump.
 *
 * The kernel continues a dump by position. If QPs end meanwhile, it may skip others, and does not
 * report this (observed on 6.1). So a dump that lacks QPs of the table is repeated, up to
 * TRACE_PASSES times, and the table removes only QPs that none of them lists. If very many QPs end,
 * even that may remove a living one; the next dump finds it again.
 *
 * Timer: `tick`, every TRACE_CHECK_NS, checks the tracer and begins dumps.
 */
#include "trace/trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/loop.h"
#include "rpingmesh/log_subsystems.h"
#include "trace/nldev.h"
#include "trace/owner.h"

#define TRACE_PASSES 3

struct trace {
	struct loop *loop;
	const struct trace_ops *ops;
	void *arg;
	struct tracer *tracer;
	struct flows *flows;
	struct loop_timer *tick;
	struct nldev *dump;      /* NULL: none runs */
	int passes;              /* of the present dump */
	uint64_t next_dump_ns;
	uint64_t lost_seen;      /* losses that a dump has repaired, or is going to */
	uint64_t other_devices, dumps, dumps_failed, last_dump_ns;
	uint32_t last_dump_qps;
	int dump_error;
	bool owners_hidden;      /* when the present dump began */
	bool deaf; /* no hooks are attached or being attached: events in the ring are dropped */
};

/* ---- dumps ---- */

static uint64_t
trace_lost(const struct trace *trace)
{
	struct tracer_info info;

	tracer_info(trace->tracer, &info);
	return info.kernel.lost_ring + info.kernel.lost_calls + info.kernel.missed_returns;
}

static void
trace_dumped_qp(void *arg, const struct nldev_qp *qp)
{
	struct trace *trace = arg;

	if (trace->ops->wants_device(trace->arg, qp->device))
		flows_dump_qp(trace->flows, qp->device_index, qp->qpn);
}

static void trace_dump_done(void *arg, int status, uint32_t n_qps);

static int
trace_dump_pass(struct trace *trace)
{
	static const struct nldev_ops ops = {trace_dumped_qp, trace_dump_done};
	struct nldev_config config = {trace->loop, &ops, trace};

	trace->passes++;
	return nldev_dump(&config, &trace->dump);
}

/* The only place that assigns dump_error. Logs a repeated failure only once. */
static void
trace_dump_result(struct trace *trace, int status)
{
	if (status < 0 && status != trace->dump_error)
		log_warning(TRACE, "the dump of QPs by RDMA netlink failed: %s", strerror(-status));
	else if (status == 0 && trace->dump_error)
		log_info(TRACE, "the dump of QPs by RDMA netlink works again");
	trace->dump_error = status;
	trace->dumps_failed += status < 0;
}

static void
trace_dump_end(struct trace *trace, int status, uint32_t n_qps, uint64_t now)
{
	flows_dump_end(trace->flows, status == 0, now);
	trace_dump_result(trace, status);
	if (status < 0)
		return;
	trace->dumps++;
	trace->last_dump_ns = now;
	trace->last_dump_qps = n_qps;
	tracer_check(trace->tracer, n_qps);
}

static void
trace_dump_done(void *arg, int status, uint32_t n_qps)
{
	struct trace *trace = arg;

	nldev_free(trace->dump);
	trace->dump = NULL;
	tracer_drain(trace->tracer);
	if (status == 0 && flows_dump_misses(trace->flows) && trace->passes < TRACE_PASSES) {
		status = trace_dump_pass(trace);
		if (status == 0)
			return;
	}
	trace_dump_end(trace, status, n_qps, clock_mono_ns());
}

static void
trace_dump_begin(struct trace *trace, uint64_t now)
{
	int rc;

	trace->next_dump_ns = now + TRACE_DUMP_NS;
	trace->lost_seen = trace_lost(trace);
	trace->passes = 0;
	trace->owners_hidden = owner_hidden("");
	tracer_dump_begins(trace->tracer);
	rc = trace_dump_pass(trace);
	if (rc == 0)
		flows_dump_begin(trace->flows, now);
	else
		trace_dump_result(trace, rc);
}

static void
trace_tick(void *arg)
{
	struct trace *trace = arg;
	uint64_t now = clock_mono_ns();
	struct tracer_info info;

	loop_timer_set(trace->tick, TRACE_CHECK_NS);
	tracer_check(trace->tracer, 0);
	tracer_info(trace->tracer, &info);
	if (info.state != TRACER_ON || trace->dump)
		return;
	if (now >= trace->next_dump_ns || trace_lost(trace) != trace->lost_seen)
		trace_dump_begin(trace, now);
}

void
trace_devices_changed(struct trace *trace)
{
	trace->next_dump_ns = 0;
	loop_timer_set(trace->tick, 0);
}

void
trace_retry(struct trace *trace)
{
	tracer_retry(trace->tracer);
	trace_devices_changed(trace);
}

/* ---- events ---- */

static void
trace_tracer_event(void *arg, const struct qp_event *e)
{
	struct trace *trace = arg;
	char device[QP_EVENT_DEVICE_NAME];

	if (trace->deaf)
		return;
	memcpy(device, e->device, sizeof(device));
	device[sizeof(device) - 1] = '\0';
	if (trace->ops->wants_device(trace->arg, device))
		flows_event(trace->flows, e, clock_mono_ns());
	else
		trace->other_devices++;
}

static void
trace_tracer_changed(void *arg, enum tracer_state state)
{
	struct trace *trace = arg;

	/*
	 * Nothing reports the end of QPs any more, so the table may be wrong. While hooks are
	 * detached one by one, the others still send events, and QPs that these add would stay. If
	 * the hooks are attached again, the next dump removes such QPs.
	 */
	trace->deaf = state != TRACER_ON && state != TRACER_STARTING;
	if (state != TRACER_ON)
		flows_clear(trace->flows);
	else
		trace_devices_changed(trace);
}

static void
trace_flow_began(void *arg, struct flow *flow)
{
	const struct trace *trace = arg;

	trace->ops->flow_began(trace->arg, flow);
}

static void
trace_flow_ended(void *arg, struct flow *flow)
{
	const struct trace *trace = arg;

	trace->ops->flow_ended(trace->arg, flow);
}

static void
trace_flow_event(void *arg, const struct qp_event *e, const struct flow_qp *qp)
{
	const struct trace *trace = arg;

	trace->ops->event(trace->arg, e, qp);
}

/* ---- making and freeing ---- */

static int
trace_make_flows(struct trace *trace, const struct trace_config *config)
{
	static const struct flows_ops ops = {trace_flow_began, trace_flow_ended, trace_flow_event};
	struct flows_config flows = {
		.max_qps = config->max_qps,
		.max_flows = config->max_flows,
		.ops = &ops,
		.arg = trace,
	};
	struct utsname name;

	flow_port_kernel_parse(uname(&name) == 0 ? name.release : "", &flows.kernel);
	return flows_new(&flows, &trace->flows);
}

static int
trace_make_tracer(struct trace *trace, struct helper *helper)
{
	static const struct tracer_ops ops = {trace_tracer_event, trace_tracer_changed};
	struct tracer_config config = {trace->loop, helper, &ops, trace};

	return tracer_new(&config, &trace->tracer);
}

int
trace_new(const struct trace_config *config, struct trace **out)
{
	struct trace *trace = calloc(1, sizeof(*trace));
	int rc;

	if (!trace)
		return -ENOMEM;
	trace->loop = config->loop;
	trace->ops = config->ops;
	trace->arg = config->arg;
	rc = trace_make_flows(trace, config);
	if (rc == 0)
		rc = loop_timer_new(config->loop, "trace", trace_tick, trace, &trace->tick);
	if (rc == 0)
		rc = trace_make_tracer(trace, config->helper);
	if (rc < 0) {
		trace_free(trace);
		return rc;
	}
	loop_timer_set(trace->tick, TRACE_CHECK_NS);
	*out = trace;
	return 0;
}

void
trace_free(struct trace *trace)
{
	if (!trace)
		return;
	nldev_free(trace->dump);
	tracer_free(trace->tracer);
	flows_free(trace->flows);
	loop_timer_free(trace->tick);
	free(trace);
}

const struct flows *
trace_flows(const struct trace *trace)
{
	return trace->flows;
}

void
trace_info(const struct trace *trace, struct trace_info *out)
{
	*out = (struct trace_info){
		.other_devices = trace->other_devices,
		.dumps = trace->dumps,
		.dumps_failed = trace->dumps_failed,
		.last_dump_ns = trace->last_dump_ns,
		.last_dump_qps = trace->last_dump_qps,
		.dump_error = trace->dump_error,
		.owners_hidden = trace->owners_hidden,
	};
	tracer_info(trace->tracer, &out->tracer);
	flows_stats(trace->flows, &out->flows);
}

bool
trace_lacks(const struct trace_info *info)
{
	return info->tracer.degraded || info->dump_error || info->owners_hidden;
}

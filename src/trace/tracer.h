/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tracer: loads the BPF object, attaches it to ib_core, and hands over QP events from the ring
 * buffer. The only module that knows the skeleton. What it cannot do is a state with a reason and
 * a cure, never an error that ends the daemon.
 *
 *   state      meaning                                                  leaves by
 *   off        built without BPF                                        -
 *   waiting    ib_core is not loaded                                    tracer_check(): it is now
 *                                                                       -> starting
 *   starting   loading and attaching, one step per callback of the loop all hooks attached -> on; a
 *              step failed -> failed
 *   on         events flow                                              tracer_check(): hooks dead
 *                                                                       or ib_core gone ->
 *                                                                       starting, waiting
 *   failed     a right, setting or kernel feature is missing            tracer_check() tries again,
 *                                                                       at most once a minute
 *
 * Ways to attach, tried in this order: perf kprobes; kprobe.multi by name (Linux >= 6.12 on
 * Debian, where perf_event_paranoid=3 refuses perf kprobes without CAP_SYS_ADMIN). Perf kprobes
 * let ib_core be unloaded under them; kprobe.multi holds it in memory while tracing runs. Some
 * kernels hide functions of modules from perf kprobes: of two ways that both attach something, the
 * one that attaches more is used, and only what neither finds is reported as absent.
 *
 * Blocking: loading verifies and JITs the programs (tens of milliseconds, once); each attach and
 * detach step may wait for an RCU grace period in the kernel (milliseconds to tens of them); each
 * is a callback of its own.
 */
#ifndef RPINGMESH_TRACE_TRACER_H
#define RPINGMESH_TRACE_TRACER_H

#include <stdbool.h>
#include <stdint.h>

#include "rpingmesh/qp_event.h"
#include "rpingmesh/states.h"

struct loop;
struct tracer;

const char *tracer_state_name(enum tracer_state s);

struct tracer_ops {
	/* From the loop; the event is valid during the call. */
	void (*event)(void *arg, const struct qp_event *e);
	/* The state or its reason has changed. From the loop. May not free the tracer. */
	void (*changed)(void *arg, enum tracer_state state);
};

struct tracer_config {
	struct loop *loop;
	const struct tracer_ops *ops;
	void *arg;
};

/* 0 and *out, owned by the caller, or -ENOMEM. Attaching begins from the loop. */
int tracer_new(const struct tracer_config *config, struct tracer **out);
/* Detaches and unloads. NULL is allowed. */
void tracer_free(struct tracer *tracer);

/*
 * Is everything still as it should be? Call every few seconds (ib_core that comes or goes is
 * noticed) and after each netlink dump with the number of QPs in it: QPs in the dump without one
 * call of the query hook since the call before it means that the hooks are dead, and they are
 * attached again. n_dumped 0: says nothing about the hooks.
 */
void tracer_check(struct tracer *tracer, uint32_t n_dumped);
/* What failed is tried now and not in a minute: somebody may have brought what it lacks. */
void tracer_retry(struct tracer *tracer);
/* Remember the heartbeat's counter: a dump begins. */
void tracer_dump_begins(struct tracer *tracer);
/*
 * Hands over all events that are in the ring now, without the budget per callback: at the end of a
 * dump.
 */
void tracer_drain(struct tracer *tracer);

/* Room for a reason with its cure. */
#define TRACER_REASON 512

struct tracer_info {
	enum tracer_state state;
	const char *method;            /* "perf kprobe", "kprobe.multi", or "" */
	char reason[TRACER_REASON];    /* why not on, or what is missing though on (degraded); "" */
	bool degraded;                 /* on, but fields or hooks are missing: reason names them */
	uint32_t hooks, hooks_wanted;  /* attached; how many there are */
	uint64_t attached_ns;          /* CLOCK_MONOTONIC; 0: not */
	uint64_t reattached;           /* times that dead hooks were attached again */
	uint64_t events;               /* handed over */
	struct qp_event_counters kernel; /* summed over re-loads */
};
void tracer_info(const struct tracer *tracer, struct tracer_info *out);

#endif

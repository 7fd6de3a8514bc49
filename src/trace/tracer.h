/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tracer loads the BPF object, attaches it to ib_core, and passes on the QP events of the ring
 * buffer. If it cannot work, it has a state with a reason and a cure; this never ends the daemon.
 *
 *   state      meaning                                                  leaves by
 *   off        built without BPF                                        -
 *   waiting    ib_core is not loaded                                    tracer_check(): it is now
 *                                                                       -> starting
 *   starting   the tracing helper loads and attaches                    all hooks attached -> on;
 *                                                                       refused -> failed
 *   on         events flow                                              tracer_check(): hooks dead
 *                                                                       or ib_core gone ->
 *                                                                       starting, waiting
 *   failed     a right, setting or kernel feature is missing            tracer_check() tries again,
 *                                                                       at most once a minute
 *
 * There are two ways to attach, tried in this order: perf kprobes, and kprobe.multi by name (Linux
 * >= 6.12; needed on Debian, where perf_event_paranoid=3 refuses perf kprobes without
 * CAP_SYS_ADMIN). With perf kprobes, ib_core can be unloaded while tracing runs; with kprobe.multi,
 * it cannot. Some kernels hide functions of modules from perf kprobes. If both ways attach
 * something, the one that attaches more is used. Only functions that neither finds are reported as
 * absent.
 *
 * Loading, attaching and detaching takes tens to hundreds of milliseconds. The tracing helper does
 * it (helper.h), and the loop does not wait for it.
 */
#ifndef RPINGMESH_TRACE_TRACER_H
#define RPINGMESH_TRACE_TRACER_H

#include <stdbool.h>
#include <stdint.h>

#include "rpingmesh/qp_event.h"
#include "rpingmesh/states.h"

struct helper;
struct loop;
struct tracer;

const char *tracer_state_name(enum tracer_state s);

struct tracer_ops {
	/* From the loop; the event is valid during the call. */
	void (*event)(void *arg, const struct qp_event *e);
	/* The state or its reason has changed. From the loop. Must not free the tracer. */
	void (*changed)(void *arg, enum tracer_state state);
};

struct tracer_config {
	struct loop *loop;
	struct helper *helper; /* borrowed; NULL: tracing cannot work, for lack of rights */
	const struct tracer_ops *ops;
	void *arg;
};

/* Returns 0 and sets *out, which the caller owns, or -ENOMEM. The loop then attaches the hooks. */
int tracer_new(const struct tracer_config *config, struct tracer **out);
/* Lets the helper detach and unload, without waiting for it. NULL is allowed. */
void tracer_free(struct tracer *tracer);

/*
 * Checks the state. Call it every few seconds with n_dumped = 0, to notice whether ib_core is
 * loaded. Also call it after each netlink dump with the number of QPs in the dump: if that is not 0
 * and the query hook has not been called since tracer_dump_begins(), the hooks are dead and are
 * attached again.
 */
void tracer_check(struct tracer *tracer, uint32_t n_dumped);
/* Tries again at once after a failure, because what was missing may be there now. */
void tracer_retry(struct tracer *tracer);
/* A dump begins. Remembers how often the query hook has been called. */
void tracer_dump_begins(struct tracer *tracer);
/*
 * Passes on all events that are in the ring, without the limit for one callback. For the end of a
 * dump.
 */
void tracer_drain(struct tracer *tracer);

/* Size of a reason with its cure. */
#define TRACER_REASON 512

struct tracer_info {
	enum tracer_state state;
	const char *method;            /* "perf kprobe", "kprobe.multi", or "" */
	char reason[TRACER_REASON];    /* why it is not on, or what is missing (degraded), or "" */
	bool degraded;                 /* on, but lacks fields or hooks, which reason names */
	uint32_t hooks, hooks_wanted;  /* attached; all */
	uint64_t attached_ns;          /* CLOCK_MONOTONIC; 0: not attached */
	uint64_t reattached;           /* how often dead hooks were attached again */
	uint64_t events;               /* passed on */
	struct qp_event_counters kernel; /* the sum over all loads */
};
void tracer_info(const struct tracer *tracer, struct tracer_info *out);

#endif

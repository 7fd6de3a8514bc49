/* SPDX-License-Identifier: Apache-2.0 */
/* What tracer.c and tracer_start.c share. */
#ifndef RPINGMESH_TRACE_TRACER_IMPL_H
#define RPINGMESH_TRACE_TRACER_IMPL_H

#include "trace/helper.h"
#include "trace/tracer.h"
#include "trace/tracer_reader.h"

enum tracer_work {
	TRACER_WORK_NONE,
	TRACER_WORK_LOOK,
	TRACER_WORK_START,
	TRACER_WORK_STOP, /* then work_next */
};

struct tracer {
	struct tracer_config config;
	struct loop_timer *step;
	struct tracer_reader *reader;  /* NULL: nothing is loaded */
	struct helper_message started; /* the helper's answer */
	enum tracer_state state;
	enum tracer_work work, work_next;
	enum tracer_method method;
	bool compared;         /* kprobe.multi was tried: perf kprobes did not find everything */
	uint32_t perf_hooks;   /* compared: what they did attach; 0: not enough to run */
	uint64_t module;       /* inode of ib_core's directory when attaching began */
	uint64_t retry_ns;     /* failed: the time of the next attempt */
	uint64_t heartbeat;    /* calls of the query hook when the dump began */
	bool heartbeat_known;  /* a dump has begun since all hooks were attached */
	bool heartbeat_cured;  /* attached again for lack of a heartbeat, and none since */
	bool heartbeat_blind;  /* attached again, the hooks still do not see dumps; the reason names
				  the cause */
	bool degraded;
	uint64_t attached_ns, reattached, events;
	struct qp_event_counters unloaded; /* of earlier loads */
	char reason[TRACER_REASON];
	char first[TRACER_REASON];  /* why perf kprobes do not work, while kprobe.multi is tried */
	char failed[TRACER_REASON]; /* the reason that has been logged */
};

/*
 * The only place that assigns state. Logs a repeated failure only once.
 */
void tracer_set_state(struct tracer *t, enum tracer_state state, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The only place that assigns work. */
void tracer_set_work(struct tracer *t, enum tracer_work work);
/* Detaches all hooks, then continues with `next`. */
void tracer_take_down(struct tracer *t, enum tracer_work next);
/* Takes the hooks down and waits before the next attempt. */
void tracer_fail(struct tracer *t, const char *reason);

/* Begins to load and attach, by the present method. */
void tracer_start(struct tracer *t);
/* The helper has answered: t->started. */
void tracer_started(struct tracer *t, const struct tracer_ring_maps *maps);
/* Nothing is attached any more, and nobody can attach anything. */
void tracer_helper_gone(struct tracer *t);
/* Goes on with what is attached, and finds out what is missing. */
void tracer_went_on(struct tracer *t);
/* The number of attached programs. */
uint32_t tracer_attached_n(const struct tracer *t);
/* Passes on the events that are left in the ring, which are still valid, and unloads. */
void tracer_unload(struct tracer *t);

#endif

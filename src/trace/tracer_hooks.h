/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loaded BPF object with its links. Only tracer.c uses this, and decides when to do what. Only
 * this module uses the skeleton; only it and btf_mini.c use libbpf.
 */
#ifndef RPINGMESH_TRACE_TRACER_HOOKS_H
#define RPINGMESH_TRACE_TRACER_HOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpingmesh/qp_event.h"

struct tracer_hooks;

enum tracer_method {
	TRACER_METHOD_KPROBE,
	TRACER_METHOD_KPROBE_MULTI,
	TRACER_METHOD_N
};
const char *tracer_method_name(enum tracer_method m);

#define TRACER_HOOKS_TEXT 256

struct tracer_hooks_config {
	enum tracer_method method;
	uint32_t ring_bytes; /* a power of two, at least a page; 0: the size in the object */
	bool wakeup_always;
	/* A negative result stops the reading; this event counts as read. */
	int (*event)(void *arg, void *data, size_t size);
	void *arg;
};

/*
 * Loads the programs. Returns 0 and sets *out, which the caller owns, or returns -errno and puts
 * the cause into text. -ENOENT: the kernel has no BTF; -EBADMSG: its BTF is not valid; -EPERM,
 * -EACCES: a right is missing; -EINVAL: the verifier refuses, and text contains the end of its log;
 * -ENODATA: the kernel lacks types that text names. Blocks for tens of milliseconds.
 */
int tracer_hooks_load(const struct tracer_hooks_config *config, struct tracer_hooks **out,
		      char text[TRACER_HOOKS_TEXT]);
/* Whether bpf(2) lacks ring buffers: Linux before 5.8, unless they were backported. */
bool tracer_hooks_no_ring(void);
/* Detaches all hooks and unloads. Blocks like tracer_hooks_detach(). NULL is allowed. */
void tracer_hooks_free(struct tracer_hooks *hooks);

/*
 * Attaches the next program. Returns 1 if there are more, and 0 if this was the last. Programs
 * whose function the kernel does not find this way are skipped. Or returns -errno and puts the
 * cause into text. Blocks for milliseconds, or longer if the kernel is busy.
 */
int tracer_hooks_attach(struct tracer_hooks *hooks, char text[TRACER_HOOKS_TEXT]);
/* Detaches one program. Returns true while there are more. Blocks like attaching. */
bool tracer_hooks_detach(struct tracer_hooks *hooks);

uint32_t tracer_hooks_attached(const struct tracer_hooks *hooks);
uint32_t tracer_hooks_wanted(void);
/*
 * Whether the hooks that tracing cannot do without are attached: those of modifying by processes,
 * and of destroying.
 */
bool tracer_hooks_vital(const struct tracer_hooks *hooks);
/* Whether calls of ib_query_qp() are counted. */
bool tracer_hooks_heartbeat(const struct tracer_hooks *hooks);
/* Lists the functions that this kernel did not find: "function, function", or "". */
void tracer_hooks_absent(const struct tracer_hooks *hooks, char *text, size_t size);
/* The fields that this kernel lacks: "struct.field, …", or "". Borrowed. */
const char *tracer_hooks_missing(const struct tracer_hooks *hooks);
/* Whether the daemon can distinguish its own QPs from others. */
bool tracer_hooks_knows_self(const struct tracer_hooks *hooks);

/*
 * The descriptor becomes readable at a wake-up. The first event after tracer_hooks_rest() sends
 * one, and so does a ring that fills up. Other events send none: read them now and then. `hooks`
 * owns the descriptor.
 */
int tracer_hooks_fd(const struct tracer_hooks *hooks);
/* Makes the next event send a wake-up. Read once more after this, for events that came before. */
void tracer_hooks_rest(struct tracer_hooks *hooks);
/*
 * Reads events until there are none, and returns their number. If the callback stops the reading,
 * returns its result. Does not block.
 */
int tracer_hooks_read(struct tracer_hooks *hooks);
/* Adds the object's counters to *sum. */
void tracer_hooks_count(const struct tracer_hooks *hooks, struct qp_event_counters *sum);

#endif

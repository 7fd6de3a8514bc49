/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The BPF object, loaded, with its links: for tracer.c alone, which decides what to do and when.
 * The only user of the skeleton and, beside btf_mini.c, of libbpf.
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
	uint32_t ring_bytes; /* a power of two of at least a page; 0: as the object says */
	bool wakeup_always;
	/* Returns negative to stop reading; this event counts as read. */
	int (*event)(void *arg, void *data, size_t size);
	void *arg;
};

/*
 * Loads the programs. 0 and *out, owned by the caller; or -errno and in text what failed. Blocks
 * for tens of milliseconds. -ENOENT: the kernel has no BTF; -EBADMSG: what it has is not valid;
 * -EPERM, -EACCES: not the verifier's refusal, which is -EINVAL with its last words in text;
 * -ENODATA: it has not the types that are needed, text names them.
 */
int tracer_hooks_load(const struct tracer_hooks_config *config, struct tracer_hooks **out,
		      char text[TRACER_HOOKS_TEXT]);
/* Whether bpf(2) knows no ring buffer: Linux before 5.8, unless it was brought there. */
bool tracer_hooks_no_ring(void);
/* Detaches what is attached, and unloads. NULL is allowed. */
void tracer_hooks_free(struct tracer_hooks *hooks);

/*
 * Attaches the next program. 1: there are more; 0: all are attached, or passed over because the
 * kernel found no such function this way; or -errno and in text what failed. Blocks for
 * milliseconds, for longer when the kernel is busy.
 */
int tracer_hooks_attach(struct tracer_hooks *hooks, char text[TRACER_HOOKS_TEXT]);
/* Detaches one program. True while there are more. Blocks like attaching. */
bool tracer_hooks_detach(struct tracer_hooks *hooks);

uint32_t tracer_hooks_attached(const struct tracer_hooks *hooks);
uint32_t tracer_hooks_wanted(void);
/* Without these, tracing reports nothing useful: modifying by processes, and destroying. */
bool tracer_hooks_vital(const struct tracer_hooks *hooks);
/* Whether calls of ib_query_qp() are counted. */
bool tracer_hooks_heartbeat(const struct tracer_hooks *hooks);
/* "function, function" that this kernel did not find; "" */
void tracer_hooks_absent(const struct tracer_hooks *hooks, char *text, size_t size);
/* "struct.field, …" that this kernel lacks; "" */
const char *tracer_hooks_missing(const struct tracer_hooks *hooks);
/* Whether the daemon can distinguish its own QPs from others. */
bool tracer_hooks_knows_self(const struct tracer_hooks *hooks);

/*
 * Readable when a wake-up was sent: by the first event after tracer_hooks_rest(), and when the ring
 * is filling. Other events must be looked for. Owned by hooks.
 */
int tracer_hooks_fd(const struct tracer_hooks *hooks);
/* The next event sends a wake-up, once. Those of before may not have: read once more after this. */
void tracer_hooks_rest(struct tracer_hooks *hooks);
/*
 * Reads events until there are none or the callback stops: that is returned, else the number of
 * events. Does not block.
 */
int tracer_hooks_read(struct tracer_hooks *hooks);
/* Adds the object's counters to *sum. */
void tracer_hooks_count(const struct tracer_hooks *hooks, struct qp_event_counters *sum);

#endif

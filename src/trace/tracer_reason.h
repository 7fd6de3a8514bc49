/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reason why tracing does not run, and the cure, as text for operators. Pure, except for
 * tracer_facts_read().
 */
#ifndef RPINGMESH_TRACE_TRACER_REASON_H
#define RPINGMESH_TRACE_TRACER_REASON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the kernel lets this process do. */
struct tracer_facts {
	uint64_t capabilities;       /* effective; bits of <linux/capability.h> */
	int paranoid;                /* kernel.perf_event_paranoid */
	unsigned major, minor;       /* of the kernel */
	bool btf;                    /* /sys/kernel/btf/vmlinux exists */
	bool module_btf; /* the kernel has the types of ib_core: /sys/kernel/btf/ib_core exists, or
			    ib_core is built in */
	bool modules_btf;            /* the kernel has the types of other modules */
	bool no_ring;                /* bpf(2) lacks ring buffers; the caller sets this */
	bool kprobes;                /* the kernel has perf kprobes, or tracefs offers them */
	bool kprobes_off; /* switched off in debugfs; false if this process may not read that */
	bool ftrace_off;             /* kernel.ftrace_enabled=0 */
	bool confidential;           /* lockdown: nobody may read kernel memory */
	uint64_t memlock;            /* RLIMIT_MEMLOCK, bytes */
};

/* Reads the facts from /proc and /sys, except no_ring. Does not block on a disk. */
void tracer_facts_read(struct tracer_facts *out);

/*
 * Explains a failure of tracer_hooks_load() in one line: cause; cure. err is its -errno, said its
 * text.
 */
void tracer_reason_load(const struct tracer_facts *facts, int err, const char *said, char *text,
			size_t size);
/* Explains a failure to attach perf kprobes in the same way. */
void tracer_reason_attach(const struct tracer_facts *facts, int err, const char *said, char *text,
			  size_t size);
/*
 * Whether traces may be wrong, because ib_core was built elsewhere and the types of vmlinux are
 * used instead of its own. If so, writes the reason.
 */
bool tracer_reason_foreign(const struct tracer_facts *facts, char *text, size_t size);
/* Explains why attached hooks do not see a dump of QPs. */
void tracer_reason_silent(const struct tracer_facts *facts, char *text, size_t size);

#endif

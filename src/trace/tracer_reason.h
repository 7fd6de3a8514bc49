/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reason why tracing does not run, and the cure, for operators. Pure, but
 * for tracer_facts_read().
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
	bool btf;                    /* /sys/kernel/btf/vmlinux is there */
	bool module_btf; /* ib_core's types are described: in /sys/kernel/btf/ib_core, or it is
			    built in */
	bool modules_btf;            /* those of other modules are */
	bool no_ring;                /* bpf(2) knows no ring buffer; the caller's to say */
	bool kprobes;                /* the kernel has perf kprobes, or tracefs offers them */
	bool kprobes_off; /* switched off in debugfs, as far as this process may see that */
	bool ftrace_off;             /* kernel.ftrace_enabled=0 */
	bool confidential;           /* locked down: reading kernel memory is refused to everyone */
	uint64_t memlock;            /* RLIMIT_MEMLOCK, bytes */
};

void tracer_facts_read(struct tracer_facts *out);

/*
 * err: -errno of loading (as tracer_hooks_load() has it), said: libbpf's own words. Writes one
 * line: cause; cure.
 */
void tracer_reason_load(const struct tracer_facts *facts, int err, const char *said, char *text,
			size_t size);
/* As above, of attaching perf kprobes. */
void tracer_reason_attach(const struct tracer_facts *facts, int err, const char *said, char *text,
			  size_t size);
/*
 * Whether what is traced may be wrong: ib_core was built elsewhere, and the types of vmlinux stand
 * in for its own.
 */
bool tracer_reason_foreign(const struct tracer_facts *facts, char *text, size_t size);
/* Why hooks that are attached see nothing of a dump of QPs. */
void tracer_reason_silent(const struct tracer_facts *facts, char *text, size_t size);

#endif

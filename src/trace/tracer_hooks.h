/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loaded BPF object with its links. Only the tracing helper uses this (helper.h): it has the
 * capabilities that this needs. Only this module and btf_mini.c use libbpf.
 */
#ifndef RPINGMESH_TRACE_TRACER_HOOKS_H
#define RPINGMESH_TRACE_TRACER_HOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/tracer_programs.h"

struct tracer_hooks;

#define TRACER_HOOKS_TEXT 256

struct tracer_hooks_config {
	enum tracer_method method;
	uint32_t ring_bytes; /* a power of two, at least a page; 0: the size in the object */
	bool wakeup_always;
	uint32_t own_tgid; /* the process whose QPs are not reported; 0: none */
	/* Gets what libbpf prints, line by line. NULL: nobody wants it. */
	void (*line)(const char *text);
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
/*
 * The number of the calling process in the initial pid namespace, by which kernel objects name it;
 * 0: it cannot be found out. getpid(2) does not know it inside a container.
 */
uint32_t tracer_hooks_whoami(void);
/* Detaches all hooks and unloads. Blocks like attaching. NULL is allowed. */
void tracer_hooks_free(struct tracer_hooks *hooks);

/*
 * Attaches all programs. Programs whose function the kernel does not find this way are skipped.
 * Returns 0, or -errno and puts the cause into text. Each may wait for an RCU grace period in the
 * kernel: milliseconds to tens of milliseconds, or longer if the kernel is busy.
 */
int tracer_hooks_attach(struct tracer_hooks *hooks, char text[TRACER_HOOKS_TEXT]);

/* The attached programs, as bits. */
uint32_t tracer_hooks_attached(const struct tracer_hooks *hooks);
/* The fields that this kernel lacks: "struct.field, …", or "". Borrowed. */
const char *tracer_hooks_missing(const struct tracer_hooks *hooks);
/* What tracer_ring_new() needs. The descriptors are borrowed. */
struct tracer_ring_maps {
	int ring, counters;
	uint32_t ring_bytes;
};
struct tracer_ring_maps tracer_hooks_maps(const struct tracer_hooks *hooks);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What the daemon and its tracing helper say to each other. Both run the same program. */
#ifndef RPINGMESH_TRACE_HELPER_WIRE_H
#define RPINGMESH_TRACE_HELPER_WIRE_H

#include <stdint.h>

#include "trace/btf_mini.h"
#include "trace/tracer_hooks.h"

enum helper_op {
	HELPER_START, /* load the programs and attach them in this way; nothing is loaded */
	HELPER_STOP,  /* detach and unload all */
	HELPER_OP_N
};

struct helper_request {
	uint32_t op;     /* enum helper_op */
	uint32_t number; /* is repeated in the answer */
	uint32_t method; /* enum tracer_method */
	uint32_t lines;  /* 1: send what libbpf prints */
};

enum helper_kind {
	HELPER_HELLO, /* the first message: capabilities */
	HELPER_ANSWER,
	HELPER_LINE, /* text: a line that libbpf has printed */
};

struct helper_message {
	uint32_t kind;     /* enum helper_kind */
	uint32_t number;
	int32_t err;       /* 0, or -errno of loading (loaded: 0) or attaching (loaded: 1) */
	uint32_t loaded;   /* 1: descriptors come along, of the ring and of the counters */
	uint32_t attached; /* bits, see tracer_programs.h */
	uint32_t ring_bytes;
	uint32_t no_ring;  /* 1: this kernel has no ring buffers */
	uint32_t knows_self;
	uint64_t capabilities;
	char text[TRACER_HOOKS_TEXT];   /* the cause of err, or a line */
	char missing[BTF_MINI_MISSING]; /* see tracer_hooks_missing() */
};
#define HELPER_FDS 2

#endif

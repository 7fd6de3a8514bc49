/* SPDX-License-Identifier: Apache-2.0 */
/* The programs of the BPF object and the kernel's functions that they attach to. Pure. */
#ifndef RPINGMESH_TRACE_TRACER_PROGRAMS_H
#define RPINGMESH_TRACE_TRACER_PROGRAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tracer_method {
	TRACER_METHOD_KPROBE,
	TRACER_METHOD_KPROBE_MULTI,
	TRACER_METHOD_N
};
const char *tracer_method_name(enum tracer_method m);

/*
 * Return probes come before entry probes: if only the return of a call is seen, nothing happens; if
 * only the entry is seen, the program would remember it forever. Detaching uses the reverse order.
 */
struct tracer_program {
	const char *name, *function;
	bool at_return, vital;
};
#define TRACER_PROGRAMS 9
extern const struct tracer_program tracer_programs[TRACER_PROGRAMS];

/*
 * The functions below get the attached programs as bits: bit n stands for tracer_programs[n].
 *
 * tracer_programs_vital(): whether the hooks that tracing cannot do without are attached: those of
 * modifying by processes, and of destroying.
 */
bool tracer_programs_vital(uint32_t attached);
/* Whether calls of ib_query_qp() are counted. */
bool tracer_programs_heartbeat(uint32_t attached);
/* Lists the functions that no program is attached to: "function, function", or "". */
void tracer_programs_absent(uint32_t attached, char *text, size_t size);

#endif

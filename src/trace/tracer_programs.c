/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/tracer_programs.h"

#include <stdio.h>
#include <string.h>

const struct tracer_program tracer_programs[TRACER_PROGRAMS] = {
	{"modify_user_ret", "ib_modify_qp_with_udata", true, true},
	{"modify_user", "ib_modify_qp_with_udata", false, true},
	{"modify_kernel_ret", "ib_modify_qp", true, false},
	{"modify_kernel", "ib_modify_qp", false, false},
	{"destroy_ret", "ib_destroy_qp_user", true, true},
	{"destroy", "ib_destroy_qp_user", false, true},
	{"query_ret", "ib_query_qp", true, false},
	{"query", "ib_query_qp", false, false},
	{"create", "rdma_restrack_add", false, false},
};

static const char *const method_names[] = {
	[TRACER_METHOD_KPROBE] = "perf kprobe",
	[TRACER_METHOD_KPROBE_MULTI] = "kprobe.multi",
};
_Static_assert(sizeof(method_names) / sizeof(method_names[0]) == TRACER_METHOD_N, "a name each");

const char *
tracer_method_name(enum tracer_method m)
{
	return m < TRACER_METHOD_N ? method_names[m] : "";
}

bool
tracer_programs_vital(uint32_t attached)
{
	for (size_t i = 0; i < TRACER_PROGRAMS; i++) {
		if (tracer_programs[i].vital && !(attached >> i & 1))
			return false;
	}
	return true;
}

bool
tracer_programs_heartbeat(uint32_t attached)
{
	for (size_t i = 0; i < TRACER_PROGRAMS; i++) {
		if (strcmp(tracer_programs[i].name, "query_ret") == 0)
			return attached >> i & 1;
	}
	return false;
}

void
tracer_programs_absent(uint32_t attached, char *text, size_t size)
{
	const char *last = "";

	text[0] = '\0';
	for (size_t i = 0; i < TRACER_PROGRAMS; i++) {
		size_t used = strlen(text);

		if (attached >> i & 1 || strcmp(last, tracer_programs[i].function) == 0)
			continue;
		last = tracer_programs[i].function;
		snprintf(text + used, size - used, "%s%s", used ? ", " : "", last);
	}
}

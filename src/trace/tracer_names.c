/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "trace/tracer.h"

static const char *const state_names[] = TRACER_STATE_NAMES;
_Static_assert(sizeof(state_names) / sizeof(state_names[0]) == TRACER_STATE_N, "a name each");

const char *
tracer_state_name(enum tracer_state s)
{
	return s < TRACER_STATE_N ? state_names[s] : "?";
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "rdma/counter_judge.h"

#include <stddef.h>
#include <string.h>

static bool
counter_is_all_ones(uint64_t value)
{
	return value == UINT32_MAX || value == UINT64_MAX;
}

static bool
counter_is_usual(const struct counter_past *past, uint64_t rise)
{
	return rise / COUNTER_TIMES <= past->max_rise && past->max_rise > 0;
}

static enum counter_reading
counter_take(struct counter_past *past, uint64_t value, uint64_t rise, uint64_t *risen,
	     enum counter_reading reading)
{
	past->value = value;
	past->holding = false;
	if (rise > past->max_rise)
		past->max_rise = rise;
	*risen = rise;
	return reading;
}

static enum counter_reading
counter_hold(struct counter_past *past, uint64_t value)
{
	past->held = value;
	past->holding = true;
	return COUNTER_HELD;
}

/* Judges the reading after the held one. */
static enum counter_reading
counter_resolve(struct counter_past *past, uint64_t value, uint64_t *risen)
{
	bool jumped = past->held > past->value;

	if (value >= past->value && jumped)
		return counter_take(past, value, value - past->value, risen,
				    value >= past->held ? COUNTER_TAKEN : COUNTER_ODD);
	if (value >= past->value)
		return counter_take(past, value, value - past->value, risen, COUNTER_ODD);
	if (!jumped && value >= past->held)
		return counter_take(past, value, value, risen, COUNTER_RESET);
	return counter_hold(past, value);
}

enum counter_reading
counter_judge(struct counter_past *past, uint64_t value, uint64_t *risen)
{
	const uint64_t wrap = 1ULL << 32;

	*risen = 0;
	if (counter_is_all_ones(value))
		return COUNTER_ODD;
	if (!past->begun) {
		past->begun = true;
		return counter_take(past, value, 0, risen, COUNTER_TAKEN);
	}
	if (past->holding)
		return counter_resolve(past, value, risen);
	if (value >= past->value) {
		uint64_t rise = value - past->value;

		if (rise <= COUNTER_JUMP || counter_is_usual(past, rise))
			return counter_take(past, value, rise, risen, COUNTER_TAKEN);
	} else if (past->value < wrap && counter_is_usual(past, wrap - past->value + value)) {
		return counter_take(past, value, wrap - past->value + value, risen, COUNTER_TAKEN);
	}
	return counter_hold(past, value);
}

bool
counter_is_saturated(const char *name, uint64_t value)
{
	static const struct {
		const char *name; /* in sysfs (drivers/infiniband/core/sysfs.c) */
		uint64_t end;
	} ends[] = {
		{"symbol_error", 0xffff},
		{"link_error_recovery", 0xff},
		{"link_downed", 0xff},
		{"port_rcv_errors", 0xffff},
		{"port_rcv_remote_physical_errors", 0xffff},
		{"port_rcv_switch_relay_errors", 0xffff},
		{"port_xmit_discards", 0xffff},
		{"port_xmit_constraint_errors", 0xff},
		{"port_rcv_constraint_errors", 0xff},
		{"local_link_integrity_errors", 0xf},
		{"excessive_buffer_overrun_errors", 0xf},
		{"VL15_dropped", 0xffff},
	};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (strcmp(ends[i].name, name) == 0)
			return value == ends[i].end;
	return false;
}

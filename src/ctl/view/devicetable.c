/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/view/devicetable.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "ctl/view/cell.h"
#include "ctl/view/format.h"
#include "ctl/view/state.h"
#include "ctl/view/view.h"
#include "record/read.h"

enum devices_column {
	DEVICES_DEVICE,
	DEVICES_PORT,
	DEVICES_STATE,
	DEVICES_NETDEV,
	DEVICES_DRIVER,
	DEVICES_GID,
	DEVICES_INDEX,
	DEVICES_FOREIGN,
	DEVICES_MTU,
	DEVICES_CLOCK,
	DEVICES_QPN,
	DEVICES_RESPONDER,
	DEVICES_BUDGET,
	DEVICES_SERVICES,
	DEVICES_SOURCES,
	DEVICES_POSTED,
	DEVICES_DEFERRED,
	DEVICES_SKIPPED,
	DEVICES_ERRORS,
	DEVICES_FLAPS,
	DEVICES_REASON,
	DEVICES_COLUMN_N
};

static const struct table_column devices_columns[DEVICES_COLUMN_N] = {
	[DEVICES_DEVICE] = {.title = "DEVICE", .key = "device"},
	[DEVICES_PORT] = {.title = "PORT", .key = "port", .priority = 5, .right = true},
	[DEVICES_STATE] = {.title = "STATE"},
	[DEVICES_NETDEV] = {.title = "NETDEV", .key = "netdev", .priority = 4, .optional = true},
	[DEVICES_DRIVER] = {.title = "DRIVER", .key = "driver", .priority = 8, .optional = true},
	[DEVICES_GID] = {.title = "GID", .key = "gid", .priority = 1},
	[DEVICES_INDEX] = {.title = "INDEX", .key = "gid_index", .priority = 11, .right = true},
	[DEVICES_FOREIGN] = {.title = "FOREIGN", .priority = 14, .right = true, .optional = true},
	[DEVICES_MTU] = {.title = "MTU", .key = "mtu", .priority = 3, .right = true},
	[DEVICES_CLOCK] = {.title = "CLOCK", .key = "clock", .priority = 6},
	[DEVICES_QPN] = {.title = "QPN", .key = "qpn", .priority = 10, .right = true},
	[DEVICES_RESPONDER] = {.title = "RESPONDER", .key = "responder_qpn", .priority = 12,
			       .right = true},
	[DEVICES_BUDGET] = {.title = "PROBES/S", .priority = 6, .right = true, .optional = true},
	[DEVICES_SERVICES] = {.title = "SERVICES", .key = "probes_per_s_service", .priority = 9,
			      .right = true, .optional = true},
	[DEVICES_SOURCES] = {.title = "SOURCES", .priority = 15, .optional = true},
	[DEVICES_POSTED] = {.title = "POSTED", .key = "posted", .priority = 7, .right = true},
	[DEVICES_DEFERRED] = {.title = "DEFERRED", .key = "deferred", .priority = 13,
			      .right = true},
	[DEVICES_SKIPPED] = {.title = "SKIPPED", .priority = 14, .right = true, .optional = true},
	[DEVICES_ERRORS] = {.title = "ERRORS", .priority = 2, .optional = true},
	[DEVICES_FLAPS] = {.title = "FLAPS", .priority = 2, .right = true, .optional = true},
	[DEVICES_REASON] = {.title = "REASON", .key = "state_reason", .priority = 16,
			    .optional = true},
};

/* "send 2 queue_full 7": the error counters that are not 0. */
static void
devicetable_errors(struct table *table, const msgpack_object *device)
{
	static const char *const keys[][2] = {
		{"send_errors", "send"},
		{"receive_errors", "receive"},
		{"receives_too_long", "too_long"},
		{"receive_queue_full", "queue_full"},
		{"clock_rejected", "clock"},
	};
	char text[TABLE_CELL_MAX];
	size_t at = 0;
	uint64_t n;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (read_u64(device, keys[i][0], &n) && n > 0 && at < sizeof(text))
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s %" PRIu64,
					       at ? " " : "", keys[i][1], n);
	if (at > 0)
		table_cell(table, DEVICES_ERRORS, TABLE_YELLOW, text);
}

/* "120 of 150": probes in the last whole second, and their limit. */
static void
devicetable_budget(struct table *table, const msgpack_object *device)
{
	char text[TABLE_CELL_MAX], sent[FORMAT_TEXT], max[FORMAT_TEXT];
	bool known = view_text(device, "probes_per_s", sent, sizeof(sent));

	if (view_text(device, "probes_per_s_max", max, sizeof(max)))
		snprintf(text, sizeof(text), "%s of %s", sent, max);
	else
		snprintf(text, sizeof(text), "%s", sent);
	if (known || strcmp(text, "-") != 0)
		table_cell(table, DEVICES_BUDGET, TABLE_PLAIN, text);
}

/* "3 of 5, gave up 1": the source ports that have a QP. */
static void
devicetable_sources(struct table *table, const msgpack_object *device)
{
	const msgpack_object *sources = read_map(device, "source_qps");
	char text[TABLE_CELL_MAX], found[FORMAT_TEXT], wanted[FORMAT_TEXT];
	uint64_t given_up = 0;
	size_t at;

	if (!sources)
		return;
	view_text(sources, "found", found, sizeof(found));
	view_text(sources, "wanted", wanted, sizeof(wanted));
	snprintf(text, sizeof(text), "%s of %s", found, wanted);
	at = strlen(text);
	if (read_u64(sources, "given_up", &given_up) && given_up > 0)
		snprintf(text + at, sizeof(text) - at, ", gave up %" PRIu64, given_up);
	table_cell(table, DEVICES_SOURCES, given_up ? TABLE_YELLOW : TABLE_PLAIN, text);
}

static void
devicetable_fill(struct table *table, const msgpack_object *device)
{
	char text[TABLE_CELL_MAX];
	uint64_t skipped, flaps, foreign;

	devicetable_budget(table, device);
	devicetable_sources(table, device);
	if (read_u64(device, "gids_foreign", &foreign) && foreign > 0)
		table_cell(table, DEVICES_FOREIGN, TABLE_PLAIN, format_u64(foreign, text));
	if (read_u64(device, "skipped", &skipped) && skipped > 0)
		table_cell(table, DEVICES_SKIPPED, TABLE_YELLOW, format_u64(skipped, text));
	if (read_u64(device, "flaps", &flaps) && flaps > 0)
		table_cell(table, DEVICES_FLAPS, TABLE_YELLOW, format_u64(flaps, text));
	if (view_text(device, "state", text, sizeof(text)))
		table_cell(table, DEVICES_STATE,
			   state_of_device(device) == DEVICE_UP ? TABLE_GREEN : TABLE_RED, text);
	devicetable_errors(table, device);
}

struct table *
devicetable_make(const msgpack_object *list)
{
	return cell_table(devices_columns, DEVICES_COLUMN_N, list, devicetable_fill);
}

/* ---- history ---- */

enum history_column {
	HISTORY_TIME,
	HISTORY_DEVICE,
	HISTORY_FROM,
	HISTORY_LASTED,
	HISTORY_TO,
	HISTORY_EVENT,
	HISTORY_SEEN,
	HISTORY_ERROR,
	HISTORY_COLUMN_N
};

static const struct table_column history_columns[HISTORY_COLUMN_N] = {
	[HISTORY_TIME] = {.title = "TIME (UTC)"},
	[HISTORY_DEVICE] = {.title = "DEVICE"},
	[HISTORY_FROM] = {.title = "FROM", .key = "from", .priority = 2},
	[HISTORY_LASTED] = {.title = "AFTER", .priority = 3, .right = true},
	[HISTORY_TO] = {.title = "TO"},
	[HISTORY_EVENT] = {.title = "EVENT", .key = "event", .priority = 1},
	[HISTORY_SEEN] = {.title = "SEEN", .priority = 5, .optional = true},
	[HISTORY_ERROR] = {.title = "ERROR", .key = "error", .priority = 4, .optional = true},
};

/* "rxe0/1" */
static void
devicetable_port(const msgpack_object *device, char *text, size_t size)
{
	char name[FORMAT_TEXT * 2], port[FORMAT_TEXT];

	view_text(device, "device", name, sizeof(name));
	view_text(device, "port", port, sizeof(port));
	snprintf(text, size, "%s/%s", name, port);
}

static void
devicetable_time(const msgpack_object *entry, char *text, size_t size)
{
	uint64_t ns;
	struct tm tm;
	time_t s;
	size_t at;

	snprintf(text, size, "-");
	if (!read_u64(entry, "time_ns", &ns))
		return;
	s = (time_t)(ns / NSEC_PER_SEC);
	if (!gmtime_r(&s, &tm))
		return;
	at = strftime(text, size, "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(text + at, size - at, ".%03u", (unsigned int)(ns % NSEC_PER_SEC / NSEC_PER_MSEC));
}

static void
devicetable_history_row(struct table *table, const msgpack_object *device,
			const msgpack_object *entry)
{
	char text[TABLE_CELL_MAX];
	bool seen;
	uint64_t ns;

	devicetable_time(entry, text, sizeof(text));
	table_cell(table, HISTORY_TIME, TABLE_PLAIN, text);
	devicetable_port(device, text, sizeof(text));
	table_cell(table, HISTORY_DEVICE, TABLE_PLAIN, text);
	if (read_u64(entry, "lasted_ns", &ns))
		table_cell(table, HISTORY_LASTED, TABLE_PLAIN, format_age(ns, text));
	if (view_text(entry, "to", text, sizeof(text)))
		table_cell(table, HISTORY_TO,
			   state_of_port(entry, "to") == PORT_UP ? TABLE_GREEN : TABLE_RED, text);
	if (read_bool(entry, "acknowledged", &seen) && seen)
		table_cell(table, HISTORY_SEEN, TABLE_PLAIN, "yes");
}

struct table *
devicetable_history(const msgpack_object *list)
{
	struct table *table = table_new(history_columns, HISTORY_COLUMN_N);

	for (uint32_t i = 0; table && i < list->via.array.size; i++) {
		const msgpack_object *device = &list->via.array.ptr[i],
				     *history = read_array(device, "history");

		for (uint32_t e = 0; history && e < history->via.array.size; e++) {
			if (cell_row(table, history_columns, HISTORY_COLUMN_N,
				     &history->via.array.ptr[e]) < 0) {
				table_free(table);
				return NULL;
			}
			devicetable_history_row(table, device, &history->via.array.ptr[e]);
		}
	}
	return table;
}

/* ---- counters ---- */

enum counters_column {
	COUNTERS_DEVICE,
	COUNTERS_COUNTER,
	COUNTERS_VALUE,
	COUNTERS_DELTA,
	COUNTERS_TOTAL,
	COUNTERS_NOTE,
	COUNTERS_COLUMN_N
};

static const struct table_column counters_columns[COUNTERS_COLUMN_N] = {
	[COUNTERS_DEVICE] = {.title = "DEVICE"},
	[COUNTERS_COUNTER] = {.title = "COUNTER"},
	[COUNTERS_VALUE] = {.title = "VALUE", .priority = 1, .right = true},
	[COUNTERS_DELTA] = {.title = "RISEN", .right = true},
	[COUNTERS_TOTAL] = {.title = "SINCE START", .priority = 2, .right = true},
	[COUNTERS_NOTE] = {.title = "NOTE", .priority = 3},
};

/* "at its end, 1 reset, 2 odd readings" */
static void
devicetable_counter_note(const msgpack_object *counter, char *text, size_t size)
{
	uint64_t resets = 0, odd = 0;
	bool saturated = false;
	size_t at = 0;

	text[0] = '\0';
	read_bool(counter, "saturated", &saturated);
	read_u64(counter, "resets", &resets);
	read_u64(counter, "odd", &odd);
	if (saturated)
		at += (size_t)snprintf(text, size, "at its end");
	if (resets)
		at += (size_t)snprintf(text + at, size - at, "%s%" PRIu64 " reset%s",
				       at ? ", " : "", resets, resets == 1 ? "" : "s");
	if (odd)
		snprintf(text + at, size - at, "%s%" PRIu64 " odd reading%s", at ? ", " : "", odd,
			 odd == 1 ? "" : "s");
}

static void
devicetable_counter_row(struct table *table, const msgpack_object *device,
			const msgpack_object_kv *kv)
{
	char text[TABLE_CELL_MAX];
	uint64_t n;
	bool bad = false;

	read_bool(&kv->val, "bad", &bad);
	devicetable_port(device, text, sizeof(text));
	table_cell(table, COUNTERS_DEVICE, TABLE_PLAIN, text);
	view_clean(&kv->key, text, sizeof(text));
	table_cell(table, COUNTERS_COUNTER, TABLE_PLAIN, text);
	if (read_u64(&kv->val, "value", &n))
		table_cell(table, COUNTERS_VALUE, TABLE_PLAIN, format_u64(n, text));
	if (read_u64(&kv->val, "delta", &n))
		table_cell(table, COUNTERS_DELTA, bad && n ? TABLE_YELLOW : TABLE_PLAIN,
			   format_u64(n, text));
	if (read_u64(&kv->val, "total", &n))
		table_cell(table, COUNTERS_TOTAL, TABLE_PLAIN, format_u64(n, text));
	devicetable_counter_note(&kv->val, text, sizeof(text));
	table_cell(table, COUNTERS_NOTE, TABLE_PLAIN, text);
}

static struct table *
devicetable_counters_of(const msgpack_object *list, bool all)
{
	struct table *table = table_new(counters_columns, COUNTERS_COLUMN_N);
	uint64_t value;

	for (uint32_t i = 0; table && i < list->via.array.size; i++) {
		const msgpack_object *device = &list->via.array.ptr[i],
				     *counters = read_map(device, "counters");

		for (uint32_t c = 0; counters && c < counters->via.map.size; c++) {
			const msgpack_object_kv *kv = &counters->via.map.ptr[c];

			if (!all && read_u64(&kv->val, "value", &value) && value == 0)
				continue;
			if (table_row(table) < 0) {
				table_free(table);
				return NULL;
			}
			devicetable_counter_row(table, device, kv);
		}
	}
	return table;
}

struct table *
devicetable_counters(const msgpack_object *list)
{
	return devicetable_counters_of(list, false);
}

struct table *
devicetable_counters_all(const msgpack_object *list)
{
	return devicetable_counters_of(list, true);
}

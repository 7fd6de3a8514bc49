/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two more views of the device records, and the command that acknowledges what the first of them
 * shows.
 */
#include "ctl/view/porttable.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "ctl/ctl.h"
#include "ctl/view/format.h"
#include "ctl/view/json.h"
#include "ctl/view/table.h"
#include "ctl/view/view.h"
#include "ctl/wire/client.h"

static int
porttable_write(const struct ctl *ctl, struct table *table, const char *none)
{
	size_t columns, rows;

	if (!table) {
		ctl_complain("out of memory");
		return CTL_BAD_NEWS;
	}
	table_screen(&columns, &rows);
	if (table_rows(table) == 0)
		puts(none);
	else
		table_write(table, stdout, columns, ctl->color);
	table_free(table);
	return CTL_OK;
}

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
	[HISTORY_FROM] = {.title = "FROM", .priority = 2},
	[HISTORY_LASTED] = {.title = "AFTER", .priority = 3, .right = true},
	[HISTORY_TO] = {.title = "TO"},
	[HISTORY_EVENT] = {.title = "EVENT", .priority = 1},
	[HISTORY_SEEN] = {.title = "SEEN", .priority = 5, .optional = true},
	[HISTORY_ERROR] = {.title = "ERROR", .priority = 4, .optional = true},
};

/* "rxe0/1" */
static void
porttable_port(const msgpack_object *device, char *text, size_t size)
{
	char name[FORMAT_TEXT * 2], port[FORMAT_TEXT];

	view_text(device, "device", name, sizeof(name));
	view_text(device, "port", port, sizeof(port));
	snprintf(text, size, "%s/%s", name, port);
}

static void
porttable_time(const msgpack_object *entry, char *text, size_t size)
{
	uint64_t ns;
	struct tm tm;
	time_t s;
	size_t at;

	snprintf(text, size, "-");
	if (!view_u64(entry, "time_ns", &ns))
		return;
	s = (time_t)(ns / NSEC_PER_SEC);
	if (!gmtime_r(&s, &tm))
		return;
	at = strftime(text, size, "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(text + at, size - at, ".%03u", (unsigned int)(ns % NSEC_PER_SEC / NSEC_PER_MSEC));
}

static void
porttable_history_row(struct table *table, const msgpack_object *device, const msgpack_object *entry)
{
	char text[TABLE_CELL_MAX];
	bool seen;
	uint64_t ns;

	porttable_time(entry, text, sizeof(text));
	table_cell(table, HISTORY_TIME, TABLE_PLAIN, text);
	porttable_port(device, text, sizeof(text));
	table_cell(table, HISTORY_DEVICE, TABLE_PLAIN, text);
	if (view_text(entry, "from", text, sizeof(text)))
		table_cell(table, HISTORY_FROM, TABLE_PLAIN, text);
	if (view_u64(entry, "lasted_ns", &ns))
		table_cell(table, HISTORY_LASTED, TABLE_PLAIN, format_age(ns, text));
	if (view_text(entry, "to", text, sizeof(text)))
		table_cell(table, HISTORY_TO, view_is(entry, "to", "up") ? TABLE_GREEN : TABLE_RED,
			   text);
	if (view_text(entry, "event", text, sizeof(text)))
		table_cell(table, HISTORY_EVENT, TABLE_PLAIN, text);
	if (view_bool(entry, "acknowledged", &seen) && seen)
		table_cell(table, HISTORY_SEEN, TABLE_PLAIN, "yes");
	if (view_text(entry, "error", text, sizeof(text)))
		table_cell(table, HISTORY_ERROR, TABLE_PLAIN, text);
}

int
porttable_history(const struct ctl *ctl, const msgpack_object *list)
{
	struct table *table = table_new(history_columns, HISTORY_COLUMN_N);

	for (uint32_t i = 0; table && i < list->via.array.size; i++) {
		const msgpack_object *device = &list->via.array.ptr[i],
				     *history = view_array(device, "history");

		for (uint32_t e = 0; history && e < history->via.array.size; e++) {
			if (table_row(table) < 0) {
				table_free(table);
				table = NULL;
				break;
			}
			porttable_history_row(table, device, &history->via.array.ptr[e]);
		}
		if (!table)
			break;
	}
	return porttable_write(ctl, table, "No port has changed in the last 24 hours.");
}

enum counters_column {
	COUNTERS_DEVICE,
	COUNTERS_COUNTER,
	COUNTERS_VALUE,
	COUNTERS_DELTA,
	COUNTERS_TOTAL,
	COUNTERS_COLUMN_N
};

static const struct table_column counters_columns[COUNTERS_COLUMN_N] = {
	[COUNTERS_DEVICE] = {.title = "DEVICE"},
	[COUNTERS_COUNTER] = {.title = "COUNTER"},
	[COUNTERS_VALUE] = {.title = "VALUE", .priority = 1, .right = true},
	[COUNTERS_DELTA] = {.title = "RISEN", .right = true},
	[COUNTERS_TOTAL] = {.title = "SINCE START", .priority = 2, .right = true},
};

static void
porttable_counter_row(struct table *table, const msgpack_object *device, const msgpack_object_kv *kv)
{
	char text[TABLE_CELL_MAX];
	uint64_t n;
	bool bad = false;

	view_bool(&kv->val, "bad", &bad);
	porttable_port(device, text, sizeof(text));
	table_cell(table, COUNTERS_DEVICE, TABLE_PLAIN, text);
	view_clean(&kv->key, text, sizeof(text));
	table_cell(table, COUNTERS_COUNTER, TABLE_PLAIN, text);
	if (view_u64(&kv->val, "value", &n))
		table_cell(table, COUNTERS_VALUE, TABLE_PLAIN, format_u64(n, text));
	if (view_u64(&kv->val, "delta", &n))
		table_cell(table, COUNTERS_DELTA, bad && n ? TABLE_YELLOW : TABLE_PLAIN,
			   format_u64(n, text));
	if (view_u64(&kv->val, "total", &n))
		table_cell(table, COUNTERS_TOTAL, TABLE_PLAIN, format_u64(n, text));
}

int
porttable_counters(const struct ctl *ctl, const msgpack_object *list, bool all)
{
	struct table *table = table_new(counters_columns, COUNTERS_COLUMN_N);
	uint64_t value;

	for (uint32_t i = 0; table && i < list->via.array.size; i++) {
		const msgpack_object *device = &list->via.array.ptr[i],
				     *counters = view_map(device, "counters");

		for (uint32_t c = 0; counters && c < counters->via.map.size; c++) {
			const msgpack_object_kv *kv = &counters->via.map.ptr[c];

			if (!all && view_u64(&kv->val, "value", &value) && value == 0)
				continue;
			if (table_row(table) < 0) {
				table_free(table);
				return porttable_write(ctl, NULL, NULL);
			}
			porttable_counter_row(table, device, kv);
		}
	}
	return porttable_write(ctl, table, "All counters are 0, or none can be read.");
}

/* ---- acknowledge ---- */

static int
acknowledge_call(const struct ctl *ctl, struct client *client, const char *device)
{
	const msgpack_object *result = NULL;
	msgpack_sbuffer param;
	msgpack_packer pk;
	uint64_t flaps;
	int rc;

	msgpack_sbuffer_init(&param);
	msgpack_packer_init(&pk, &param, msgpack_sbuffer_write);
	msgpack_pack_map(&pk, device ? 1 : 0);
	if (device) {
		client_pack_str(&pk, "device");
		client_pack_str(&pk, device);
	}
	rc = client_call(client, "acknowledge", &param, &result);
	msgpack_sbuffer_destroy(&param);
	if (rc != CTL_OK)
		return rc;
	if (ctl->json)
		json_line(stdout, result, NULL);
	else if (view_u64(result, "flaps", &flaps))
		printf("%s: %" PRIu64 " %s of the last hour seen\n",
		       device ? device : "all devices", flaps, flaps == 1 ? "flap" : "flaps");
	return CTL_OK;
}

static int
acknowledge_run(struct ctl *ctl, const struct ctl_command *command, int argc, char **argv)
{
	struct client *client;
	int rc = ctl_options(ctl, command, argc, argv);

	if (rc >= 0)
		return rc;
	if (argc - optind > 1)
		return ctl_usage(command, "one device at most, not \"%s\" too", argv[optind + 1]);
	rc = client_open(ctl->socket, NULL, &client);
	if (rc != CTL_OK)
		return rc;
	rc = acknowledge_call(ctl, client, optind < argc ? argv[optind] : NULL);
	client_close(client);
	return rc;
}

const struct ctl_command ctl_acknowledge = {
	.name = "acknowledge",
	.summary = "mark the flaps of devices as seen",
	.help = "Usage: rpingmesh-ctl acknowledge [DEVICE] [--json]\n"
		"Say that the flaps of a device, or of all devices, have been seen: they are not\n"
		"counted in `rpingmesh-ctl status` and `devices` any more, and a device that is\n"
		"left alone because it failed or flapped too often is tried again at once. The\n"
		"history stays, marked as seen. This changes the daemon, so only root and the\n"
		"daemon's own user may.\n"
		"\n"
		"Exit status: 0 done; 1 no such device, or no right to; 2 usage; 3 no daemon.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl acknowledge mlx5_0\n"
		"  rpingmesh-ctl acknowledge",
	.run = acknowledge_run,
};

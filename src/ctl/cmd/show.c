/* SPDX-License-Identifier: Apache-2.0 */
/* The commands that ask once and show a table: devices and targets. */
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "ctl/cmd/peers.h"
#include "ctl/ctl.h"
#include "ctl/view/cell.h"
#include "ctl/view/classes.h"
#include "ctl/view/format.h"
#include "ctl/view/json.h"
#include "ctl/view/porttable.h"
#include "ctl/view/table.h"
#include "ctl/view/view.h"
#include "ctl/wire/client.h"

struct show {
	const char *method;
	const struct table_column *columns;
	const char *const *keys; /* per column; NULL: left to fill() */
	size_t n_columns;
	const char *none;        /* said instead of an empty table */
	void (*fill)(struct table *table, const msgpack_object *record);
};

static struct table *
show_table(const struct show *show, const msgpack_object *list)
{
	struct table *table = table_new(show->columns, show->n_columns);

	for (uint32_t i = 0; table && i < list->via.array.size; i++) {
		const msgpack_object *record = &list->via.array.ptr[i];

		if (table_row(table) < 0) {
			table_free(table);
			return NULL;
		}
		for (size_t c = 0; c < show->n_columns; c++)
			if (show->keys[c])
				cell_text(table, c, record, show->keys[c]);
		show->fill(table, record);
	}
	return table;
}

static int
show_list(const struct ctl *ctl, const struct show *show, const msgpack_object *list)
{
	struct table *table;
	size_t columns, rows;

	if (ctl->json) {
		for (uint32_t i = 0; i < list->via.array.size; i++)
			json_line(stdout, &list->via.array.ptr[i], NULL);
		return CTL_OK;
	}
	if (list->via.array.size == 0) {
		puts(show->none);
		return CTL_OK;
	}
	table = show_table(show, list);
	if (!table) {
		ctl_complain("out of memory");
		return CTL_BAD_NEWS;
	}
	table_screen(&columns, &rows);
	table_write(table, stdout, columns, ctl->color);
	table_free(table);
	return CTL_OK;
}

/* Asks and shows; bad, if there, may turn a good answer into bad news. */
static int
show_run(struct ctl *ctl, const struct show *show, bool (*bad)(const msgpack_object *list))
{
	const msgpack_object *list = NULL;
	struct client *client;
	int rc = client_open(ctl->socket, NULL, &client);

	if (rc != CTL_OK)
		return rc;
	rc = client_list(client, show->method, &list);
	if (rc == CTL_OK)
		rc = show_list(ctl, show, list);
	if (rc == CTL_OK && bad && bad(list))
		rc = CTL_BAD_NEWS;
	client_close(client);
	return rc;
}

enum devices_column {
	DEVICES_DEVICE,
	DEVICES_PORT,
	DEVICES_STATE,
	DEVICES_NETDEV,
	DEVICES_DRIVER,
	DEVICES_GID,
	DEVICES_INDEX,
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
	[DEVICES_DEVICE] = {.title = "DEVICE"},
	[DEVICES_PORT] = {.title = "PORT", .priority = 5, .right = true},
	[DEVICES_STATE] = {.title = "STATE"},
	[DEVICES_NETDEV] = {.title = "NETDEV", .priority = 4, .optional = true},
	[DEVICES_DRIVER] = {.title = "DRIVER", .priority = 8, .optional = true},
	[DEVICES_GID] = {.title = "GID", .priority = 1},
	[DEVICES_INDEX] = {.title = "INDEX", .priority = 11, .right = true},
	[DEVICES_MTU] = {.title = "MTU", .priority = 3, .right = true},
	[DEVICES_CLOCK] = {.title = "CLOCK", .priority = 6},
	[DEVICES_QPN] = {.title = "QPN", .priority = 10, .right = true},
	[DEVICES_RESPONDER] = {.title = "RESPONDER", .priority = 12, .right = true},
	[DEVICES_BUDGET] = {.title = "PROBES/S", .priority = 6, .right = true, .optional = true},
	[DEVICES_SERVICES] = {.title = "SERVICES", .priority = 9, .right = true, .optional = true},
	[DEVICES_SOURCES] = {.title = "SOURCES", .priority = 15, .optional = true},
	[DEVICES_POSTED] = {.title = "POSTED", .priority = 7, .right = true},
	[DEVICES_DEFERRED] = {.title = "DEFERRED", .priority = 13, .right = true},
	[DEVICES_SKIPPED] = {.title = "SKIPPED", .priority = 14, .right = true, .optional = true},
	[DEVICES_ERRORS] = {.title = "ERRORS", .priority = 2, .optional = true},
	[DEVICES_FLAPS] = {.title = "FLAPS", .priority = 2, .right = true, .optional = true},
	[DEVICES_REASON] = {.title = "REASON", .priority = 16, .optional = true},
};

static const char *const devices_keys[DEVICES_COLUMN_N] = {
	[DEVICES_DEVICE] = "device",
	[DEVICES_PORT] = "port",
	[DEVICES_NETDEV] = "netdev",
	[DEVICES_DRIVER] = "driver",
	[DEVICES_GID] = "gid",
	[DEVICES_INDEX] = "gid_index",
	[DEVICES_MTU] = "mtu",
	[DEVICES_CLOCK] = "clock",
	[DEVICES_QPN] = "qpn",
	[DEVICES_RESPONDER] = "responder_qpn",
	[DEVICES_POSTED] = "posted",
	[DEVICES_DEFERRED] = "deferred",
	[DEVICES_SERVICES] = "probes_per_s_service",
	[DEVICES_REASON] = "state_reason",
};

/* "send 2 queue_full 7": the error counters that are not 0. */
static void
devices_errors(struct table *table, const msgpack_object *device)
{
	static const char *const keys[][2] = {
		{"send_errors", "send"}, {"receive_errors", "receive"}, {"receive_queue_full",
		 "queue_full"},
		{"clock_rejected", "clock"},
	};
	char text[TABLE_CELL_MAX];
	size_t at = 0;
	uint64_t n;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (view_u64(device, keys[i][0], &n) && n > 0 && at < sizeof(text))
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s %" PRIu64,
					       at ? " " : "", keys[i][1], n);
	if (at > 0)
		table_cell(table, DEVICES_ERRORS, TABLE_YELLOW, text);
}

/* "120 of 150": probes in the last whole second, and how many may be. */
static void
devices_budget(struct table *table, const msgpack_object *device)
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

/* "3 of 5, gave up 1": source ports that have a QP. */
static void
devices_sources(struct table *table, const msgpack_object *device)
{
	const msgpack_object *sources = view_map(device, "source_qps");
	char text[TABLE_CELL_MAX], found[FORMAT_TEXT], wanted[FORMAT_TEXT];
	uint64_t given_up = 0;
	size_t at;

	if (!sources)
		return;
	view_text(sources, "found", found, sizeof(found));
	view_text(sources, "wanted", wanted, sizeof(wanted));
	snprintf(text, sizeof(text), "%s of %s", found, wanted);
	at = strlen(text);
	if (view_u64(sources, "given_up", &given_up) && given_up > 0)
		snprintf(text + at, sizeof(text) - at, ", gave up %" PRIu64, given_up);
	table_cell(table, DEVICES_SOURCES, given_up ? TABLE_YELLOW : TABLE_PLAIN, text);
}

static void
devices_fill(struct table *table, const msgpack_object *device)
{
	char text[TABLE_CELL_MAX];
	uint64_t skipped, flaps;

	devices_budget(table, device);
	devices_sources(table, device);
	if (view_u64(device, "skipped", &skipped) && skipped > 0)
		table_cell(table, DEVICES_SKIPPED, TABLE_YELLOW, format_u64(skipped, text));
	if (view_u64(device, "flaps", &flaps) && flaps > 0)
		table_cell(table, DEVICES_FLAPS, TABLE_YELLOW, format_u64(flaps, text));
	if (view_text(device, "state", text, sizeof(text)))
		table_cell(table, DEVICES_STATE,
			   view_is(device, "state", "up") ? TABLE_GREEN : TABLE_RED, text);
	devices_errors(table, device);
}

static bool
devices_bad(const msgpack_object *list)
{
	for (uint32_t i = 0; i < list->via.array.size; i++)
		if (view_is(&list->via.array.ptr[i], "state", "up"))
			return false;
	return true;
}

/* The list with one more view of it. */
static int
devices_more(struct ctl *ctl, bool history, bool all)
{
	const msgpack_object *list = NULL;
	struct client *client;
	int rc = client_open(ctl->socket, NULL, &client);

	if (rc != CTL_OK)
		return rc;
	rc = client_list(client, "devices", &list);
	if (rc == CTL_OK)
		rc = history ? porttable_history(ctl, list) : porttable_counters(ctl, list, all);
	if (rc == CTL_OK && devices_bad(list))
		rc = CTL_BAD_NEWS;
	client_close(client);
	return rc;
}

static int
devices_run(struct ctl *ctl, const struct ctl_command *command, int argc, char **argv)
{
	static const struct show show = {
		.method = "devices",
		.columns = devices_columns,
		.keys = devices_keys,
		.n_columns = DEVICES_COLUMN_N,
		.none = "No RDMA device is in use (key \"devices\" of the daemon's configuration; "
			"rdma link).",
		.fill = devices_fill,
	};
	static const struct option longs[] = {
		{"history", no_argument, NULL, 'H'}, {"counters", no_argument, NULL, 'C'}, {"all",
		 no_argument, NULL, 'a'}, CTL_LONG,
	};
	bool history = false, counters = false, all = false;
	int c, rc;

	optind = 0;
	while ((c = getopt_long(argc, argv, ":a" CTL_SHORT, longs, NULL)) != -1) {
		history |= c == 'H';
		counters |= c == 'C';
		all |= c == 'a';
		if (c == 'H' || c == 'C' || c == 'a')
			continue;
		rc = ctl_option(ctl, command, c, argv);
		if (rc >= 0)
			return rc;
	}
	if (optind < argc)
		return ctl_usage(command, "%s takes no argument, not \"%s\"", command->name,
				 argv[optind]);
	if (history && counters)
		return ctl_usage(command, "--history or --counters, not both");
	/* The records have it all. */
	if (ctl->json || (!history && !counters))
		return show_run(ctl, &show, devices_bad);
	return devices_more(ctl, history, all);
}

const struct ctl_command ctl_devices = {
	.name = "devices",
	.summary = "the local RDMA devices that probe and answer",
	.help = "Usage: rpingmesh-ctl devices [--history | --counters [-a]] [--json]\n"
		"Show the local RDMA device ports that the daemon probes from and answers on.\n"
		"\n"
		"      --history        what each port went through in the last 24 hours, the\n"
		"                       newest first\n"
		"      --counters       what port and network interface count, how much it has\n"
		"                       risen in the last 10 seconds and since the daemon's\n"
		"                       start; those at 0 are left out\n"
		"  -a, --all            those at 0, too\n"
		"\n"
		"GID is the address that probes come from. CLOCK tells whether times are the\n"
		"RNIC's (hw) or the host's (sw). QPN is the prober's queue pair, RESPONDER the\n"
		"responder's. PROBES/S tells how much of the device's budget the last second\n"
		"took, SERVICES how much of that was along the flows of services. SOURCES is how\n"
		"many of the wanted UDP source ports have a QP, where each takes one. POSTED\n"
		"counts probes, DEFERRED the times that one had to wait for the budget, SKIPPED\n"
		"the intervals left out because the daemon or the budget was behind. FLAPS counts\n"
		"how often the port left \"up\" in the last hour, until it is acknowledged\n"
		"(rpingmesh-ctl acknowledge).\n"
		"\n"
		"Exit status: 0 a device is up; 1 none is; 2 usage; 3 no daemon.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl devices\n"
		"  rpingmesh-ctl devices --history\n"
		"  rpingmesh-ctl --json devices | jq -r '.device + \" \" + .state'",
	.run = devices_run,
};

enum targets_column {
	TARGETS_PEER,
	TARGETS_DEVICE,
	TARGETS_HOST,
	TARGETS_KIND,
	TARGETS_INTERVAL,
	TARGETS_SIZES,
	TARGETS_LABEL,
	TARGETS_TCLASS,
	TARGETS_PORT,
	TARGETS_PATH,
	TARGETS_SENT,
	TARGETS_LOSS,
	TARGETS_P50,
	TARGETS_P99,
	TARGETS_PROBER,
	TARGETS_RESPONDER,
	TARGETS_NOISE,
	TARGETS_VERDICT,
	TARGETS_NOT_OK,
	TARGETS_COLUMN_N
};

static const struct table_column targets_columns[TARGETS_COLUMN_N] = {
	[TARGETS_PEER] = {.title = "PEER"},
	[TARGETS_DEVICE] = {.title = "DEVICE", .priority = 8},
	[TARGETS_HOST] = {.title = "HOST", .priority = 10, .optional = true},
	[TARGETS_KIND] = {.title = "KIND", .priority = 7},
	[TARGETS_INTERVAL] = {.title = "EVERY", .priority = 6, .right = true},
	[TARGETS_SIZES] = {.title = "SIZES", .priority = 11},
	[TARGETS_LABEL] = {.title = "LABEL", .priority = 4, .right = true},
	[TARGETS_TCLASS] = {.title = "TOS", .priority = 12, .right = true},
	[TARGETS_PORT] = {.title = "PORT", .priority = 3, .right = true},
	[TARGETS_PATH] = {.title = "PATH", .priority = 13},
	[TARGETS_SENT] = {.title = "SENT", .priority = 14, .right = true},
	[TARGETS_LOSS] = {.title = "LOSS", .priority = 1, .right = true},
	[TARGETS_P50] = {.title = "RTT P50", .priority = 2, .right = true},
	[TARGETS_P99] = {.title = "RTT P99", .priority = 5, .right = true},
	[TARGETS_PROBER] = {.title = "PROBER", .priority = 16, .right = true},
	[TARGETS_RESPONDER] = {.title = "RESPONDER", .priority = 15, .right = true},
	[TARGETS_NOISE] = {.title = "NOISE", .priority = 14, .right = true, .optional = true},
	[TARGETS_VERDICT] = {.title = "VERDICT", .priority = 3, .optional = true},
	[TARGETS_NOT_OK] = {.title = "NOT OK", .priority = 9, .optional = true},
};

static const char *const targets_keys[TARGETS_COLUMN_N] = {
	[TARGETS_PEER] = "peer",
	[TARGETS_DEVICE] = "device",
	[TARGETS_HOST] = "hostname",
	[TARGETS_KIND] = "kind",
	[TARGETS_TCLASS] = "traffic_class",
	[TARGETS_PORT] = "src_port",
	[TARGETS_PATH] = "path",
	[TARGETS_SENT] = "sent",
};

/* "50,1024,…": as many as a column has room for. */
static void
targets_sizes(struct table *table, const msgpack_object *target)
{
	const msgpack_object *sizes = view_find(target, "sizes");
	char text[32], one[FORMAT_TEXT];
	size_t at = 0;

	if (!sizes || sizes->type != MSGPACK_OBJECT_ARRAY || sizes->via.array.size == 0)
		return;
	for (uint32_t i = 0; i < sizes->via.array.size; i++) {
		view_clean(&sizes->via.array.ptr[i], one, sizeof(one));
		if (at + strlen(one) + 6 > sizeof(text)) {
			strcpy(text + at, ",...");
			break;
		}
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", i ? "," : "", one);
	}
	table_cell(table, TARGETS_SIZES, TABLE_PLAIN, text);
}

static void
targets_fill(struct table *table, const msgpack_object *target)
{
	static const struct peers_recent_columns recent = {
		.loss = TARGETS_LOSS, .p50 = TARGETS_P50, .p99 = TARGETS_P99,
		.prober = TARGETS_PROBER,
		.responder = TARGETS_RESPONDER, .noise = TARGETS_NOISE, .verdict = TARGETS_VERDICT,
	};
	char text[TABLE_CELL_MAX];
	uint64_t n;

	if (view_u64(target, "interval_ns", &n))
		table_cell(table, TARGETS_INTERVAL, TABLE_PLAIN, format_ns(n, text));
	if (view_u64(target, "flow_label", &n)) {
		snprintf(text, sizeof(text), n ? "0x%05" PRIx64 : "%" PRIx64, n);
		table_cell(table, TARGETS_LABEL, TABLE_PLAIN, text);
	}
	targets_sizes(table, target);
	peers_recent_cells(table, target, &recent);
	if (classes_not_ok(target, text, sizeof(text)))
		table_cell(table, TARGETS_NOT_OK, TABLE_PLAIN, text);
}

static int
targets_run(struct ctl *ctl, const struct ctl_command *command, int argc, char **argv)
{
	static const struct show show = {
		.method = "targets", .columns = targets_columns, .keys = targets_keys,
		.n_columns = TARGETS_COLUMN_N,
		.none = "Nothing is probed: no peer is configured, or none has a local device.",
		.fill = targets_fill,
	};
	int rc = ctl_options_only(ctl, command, argc, argv);

	return rc >= 0 ? rc : show_run(ctl, &show, NULL);
}

const struct ctl_command ctl_targets = {
	.name = "targets",
	.summary = "each stream of probes with its path",
	.help = "Usage: rpingmesh-ctl targets [--json]\n"
		"Show each stream of probes: to whom, how often, which flow label and traffic\n"
		"class (TOS), and the UDP source port that it uses. PATH tells whether that is\n"
		"the port which the flow label asks for: exact, approximate, or unknown for\n"
		"drivers whose rule is not known.\n"
		"\n"
		"LOSS and times are of the last 10 seconds, as in `rpingmesh-ctl peers`.\n"
		"\n"
		"Exit status: 0 answered; 2 usage; 3 no daemon.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl targets\n"
		"  rpingmesh-ctl --json targets | jq -c '[.peer, .src_port, .path]'",
	.run = targets_run,
};

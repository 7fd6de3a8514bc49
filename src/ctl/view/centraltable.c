/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/view/centraltable.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "ctl/view/cell.h"
#include "ctl/view/format.h"
#include "ctl/view/lines.h"
#include "record/read.h"

#define CENTRALTABLE_TEXT 1024

/* "a, b": the strings of a list. */
static void
centraltable_join(struct table *table, size_t column, const msgpack_object *record,
		  const char *key)
{
	const msgpack_object *list = read_array(record, key);
	char text[TABLE_CELL_MAX], one[TABLE_CELL_MAX];
	size_t at = 0;

	for (uint32_t i = 0; list && i < list->via.array.size && at < sizeof(text); i++) {
		view_clean(&list->via.array.ptr[i], one, sizeof(one));
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", i ? ", " : "", one);
	}
	if (at)
		table_cell(table, column, TABLE_PLAIN, text);
}

/* How long ago a wall-clock time was. */
static void
centraltable_age(struct table *table, size_t column, const msgpack_object *record,
		 const char *key)
{
	uint64_t at, now = clock_wall_ns();
	char text[FORMAT_TEXT];

	if (!read_u64(record, key, &at))
		return;
	table_cell(table, column, TABLE_PLAIN, format_age(now > at ? now - at : 0, text));
}

/* ---- hosts ---- */

enum hosts_column {
	HOSTS_HOST,
	HOSTS_STATE,
	HOSTS_PORTS,
	HOSTS_SEEN,
	HOSTS_JOINS,
	HOSTS_VERSION,
	HOSTS_CLOCK,
	HOSTS_NOTE,
	HOSTS_COLUMN_N
};

static const struct table_column hosts_columns[HOSTS_COLUMN_N] = {
	[HOSTS_HOST] = {.title = "HOST", .key = "host"},
	[HOSTS_STATE] = {.title = "STATE", .key = "state"},
	[HOSTS_PORTS] = {.title = "PORTS", .key = "ports", .priority = 3, .right = true},
	[HOSTS_SEEN] = {.title = "FIRST SEEN", .priority = 4, .right = true},
	[HOSTS_JOINS] = {.title = "JOINS", .key = "joins", .priority = 5, .right = true},
	[HOSTS_VERSION] = {.title = "VERSION", .key = "version", .priority = 6},
	[HOSTS_CLOCK] = {.title = "CLOCK OFF", .priority = 7, .right = true},
	[HOSTS_NOTE] = {.title = "NOTE", .priority = 1, .optional = true, .least = 20},
};

static void
hosts_note(struct table *table, const msgpack_object *host)
{
	const msgpack_object *drain = read_map(host, "drain");
	char left[32], reason[TABLE_CELL_MAX], by[TABLE_CELL_MAX], text[3 * TABLE_CELL_MAX];
	bool twin = false, confirmed = false;

	read_bool(host, "twin", &twin);
	read_bool(host, "confirmed", &confirmed);
	if (drain && view_text(drain, "reason", reason, sizeof(reason)) &&
	    view_text(drain, "by", by, sizeof(by)))
		snprintf(text, sizeof(text), "drained by %s: %s", by, reason);
	else if (twin)
		snprintf(text, sizeof(text), "two hosts have this name");
	else if (view_text(host, "left", left, sizeof(left)))
		snprintf(text, sizeof(text), "left: %s%s", left,
			 confirmed ? ", confirmed" : "");
	else
		return;
	table_cell(table, HOSTS_NOTE, TABLE_PLAIN, text);
}

static void
hosts_fill(struct table *table, const msgpack_object *host)
{
	char text[FORMAT_TEXT];
	double off;

	if (read_is(host, "state", "leaving"))
		table_cell(table, HOSTS_STATE, TABLE_YELLOW, "leaving");
	else if (read_is(host, "state", "gone"))
		table_cell(table, HOSTS_STATE, TABLE_RED, "gone");
	centraltable_age(table, HOSTS_SEEN, host, "first_seen_ns");
	if (read_double(host, "clock_off_s", &off)) {
		snprintf(text, sizeof(text), "%+.1f s", off);
		table_cell(table, HOSTS_CLOCK, TABLE_PLAIN, text);
	}
	hosts_note(table, host);
}

struct table *
centraltable_hosts(const msgpack_object *list)
{
	return cell_table(hosts_columns, HOSTS_COLUMN_N, list, hosts_fill);
}

/* ---- ports ---- */

enum ports_column {
	PORTS_HOST,
	PORTS_DEVICE,
	PORTS_PORT,
	PORTS_ADDRESS,
	PORTS_TOR,
	PORTS_BY,
	PORTS_RAIL,
	PORTS_SPEED,
	PORTS_OUT,
	PORTS_IN,
	PORTS_COLUMN_N
};

static const struct table_column ports_columns[PORTS_COLUMN_N] = {
	[PORTS_HOST] = {.title = "HOST", .key = "host"},
	[PORTS_DEVICE] = {.title = "DEVICE", .key = "device"},
	[PORTS_PORT] = {.title = "PORT", .key = "port", .priority = 6, .right = true},
	[PORTS_ADDRESS] = {.title = "ADDRESSES", .priority = 1},
	[PORTS_TOR] = {.title = "TOR", .priority = 2},
	[PORTS_BY] = {.title = "BY", .key = "tor_by", .priority = 5},
	[PORTS_RAIL] = {.title = "RAIL", .key = "rail", .priority = 4, .optional = true},
	[PORTS_SPEED] = {.title = "MBIT/S", .key = "speed_mbps", .priority = 7, .right = true},
	[PORTS_OUT] = {.title = "OUT/S", .key = "out_per_s", .priority = 8, .right = true},
	[PORTS_IN] = {.title = "IN/S", .key = "in_per_s", .priority = 9, .right = true},
};

static void
ports_fill(struct table *table, const msgpack_object *port)
{
	centraltable_join(table, PORTS_ADDRESS, port, "addresses");
	centraltable_join(table, PORTS_TOR, port, "tors");
}

struct table *
centraltable_ports(const msgpack_object *list)
{
	return cell_table(ports_columns, PORTS_COLUMN_N, list, ports_fill);
}

/* ---- coverage ---- */

enum coverage_column {
	COVERAGE_TOR,
	COVERAGE_RAIL,
	COVERAGE_FAMILY,
	COVERAGE_PORTS,
	COVERAGE_PATHS,
	COVERAGE_WANTED,
	COVERAGE_OUT,
	COVERAGE_IN,
	COVERAGE_ALL,
	COVERAGE_SHARE,
	COVERAGE_RATE,
	COVERAGE_PARTNERS,
	COVERAGE_MESH,
	COVERAGE_CAPPED,
	COVERAGE_COLUMN_N
};

static const struct table_column coverage_columns[COVERAGE_COLUMN_N] = {
	[COVERAGE_TOR] = {.title = "TOR", .key = "tor"},
	[COVERAGE_RAIL] = {.title = "RAIL", .key = "rail", .priority = 3, .optional = true},
	[COVERAGE_FAMILY] = {.title = "FAMILY", .key = "family", .priority = 9},
	[COVERAGE_PORTS] = {.title = "PORTS", .key = "ports", .priority = 7, .right = true},
	[COVERAGE_PATHS] = {.title = "PATHS", .key = "paths", .priority = 4, .right = true},
	[COVERAGE_WANTED] = {.title = "WANTED", .key = "wanted", .priority = 6, .right = true},
	[COVERAGE_OUT] = {.title = "OUT", .key = "out", .priority = 5, .right = true},
	[COVERAGE_IN] = {.title = "IN", .key = "in", .priority = 5, .right = true},
	[COVERAGE_ALL] = {.title = "ALL PATHS", .priority = 2, .right = true},
	[COVERAGE_SHARE] = {.title = "OF PATHS", .priority = 1, .right = true},
	[COVERAGE_RATE] = {.title = "PATH/S", .priority = 3, .right = true},
	[COVERAGE_PARTNERS] = {.title = "TORS", .priority = 8, .right = true},
	[COVERAGE_MESH] = {.title = "IN TOR EVERY", .priority = 10, .right = true},
	[COVERAGE_CAPPED] = {.title = "CAPPED BY", .priority = 1, .optional = true, .least = 10},
};

/* The lower of the values for both directions. */
static bool
coverage_least(const msgpack_object *row, const char *out, const char *in, double *least)
{
	double a, b;

	if (!read_double(row, out, &a) || !read_double(row, in, &b))
		return false;
	*least = a < b ? a : b;
	return true;
}

static void
coverage_fill(struct table *table, const msgpack_object *row)
{
	char text[2 * FORMAT_TEXT];
	uint64_t n, all;
	double least;

	if (coverage_least(row, "all_out", "all_in", &least)) {
		snprintf(text, sizeof(text), "%.4f", least);
		table_cell(table, COVERAGE_ALL, TABLE_PLAIN, text);
	}
	if (coverage_least(row, "share_out", "share_in", &least)) {
		snprintf(text, sizeof(text), "%.1f %%", 100 * least);
		table_cell(table, COVERAGE_SHARE, TABLE_PLAIN, text);
	}
	if (coverage_least(row, "rate_out", "rate_in", &least)) {
		snprintf(text, sizeof(text), "%.1f", least);
		table_cell(table, COVERAGE_RATE, TABLE_PLAIN, text);
	}
	if (read_u64(row, "partners", &n) && read_u64(row, "others", &all)) {
		snprintf(text, sizeof(text), "%" PRIu64 " of %" PRIu64, n, all);
		table_cell(table, COVERAGE_PARTNERS, TABLE_PLAIN, text);
	}
	cell_ns(table, COVERAGE_MESH, row, "mesh_interval_ns");
	centraltable_join(table, COVERAGE_CAPPED, row, "capped");
}

struct table *
centraltable_coverage(const msgpack_object *list)
{
	return cell_table(coverage_columns, COVERAGE_COLUMN_N, list, coverage_fill);
}

/* ---- switches ---- */

enum tors_column {
	TORS_TOR,
	TORS_BY,
	TORS_HOSTS,
	TORS_PORTS,
	TORS_PROBES_OUT,
	TORS_PROBES_IN,
	TORS_PATHS,
	TORS_WANTED,
	TORS_OUT,
	TORS_IN,
	TORS_SHARE,
	TORS_PROBLEMS,
	TORS_COLUMN_N
};

static const struct table_column tors_columns[TORS_COLUMN_N] = {
	[TORS_TOR] = {.title = "TOR", .key = "tor"},
	[TORS_BY] = {.title = "BY", .priority = 5},
	[TORS_HOSTS] = {.title = "HOSTS", .key = "hosts", .priority = 2, .right = true},
	[TORS_PORTS] = {.title = "PORTS", .key = "ports", .priority = 3, .right = true},
	[TORS_PROBES_OUT] = {.title = "OUT/S", .priority = 8, .right = true},
	[TORS_PROBES_IN] = {.title = "IN/S", .priority = 9, .right = true},
	[TORS_PATHS] = {.title = "PATHS", .key = "paths", .priority = 4, .right = true},
	[TORS_WANTED] = {.title = "WANTED", .key = "wanted", .priority = 7, .right = true},
	[TORS_OUT] = {.title = "OUT", .key = "out", .priority = 6, .right = true},
	[TORS_IN] = {.title = "IN", .key = "in", .priority = 6, .right = true},
	[TORS_SHARE] = {.title = "OF PATHS", .priority = 1, .right = true},
	[TORS_PROBLEMS] = {.title = "PROBLEMS", .priority = 1, .optional = true, .least = 10},
};

static void
tors_number(struct table *table, size_t column, const msgpack_object *row, const char *key)
{
	char text[FORMAT_TEXT];
	double value;

	if (!read_double(row, key, &value))
		return;
	snprintf(text, sizeof(text), "%.0f", value);
	table_cell(table, column, TABLE_PLAIN, text);
}

static void
tors_fill(struct table *table, const msgpack_object *row)
{
	char text[FORMAT_TEXT];
	double least;
	uint64_t wanted = 0;

	centraltable_join(table, TORS_BY, row, "by");
	tors_number(table, TORS_PROBES_OUT, row, "probes_out");
	tors_number(table, TORS_PROBES_IN, row, "probes_in");
	if (read_u64(row, "wanted", &wanted) && wanted &&
	    coverage_least(row, "share_out", "share_in", &least)) {
		snprintf(text, sizeof(text), "%.1f %%", 100 * least);
		table_cell(table, TORS_SHARE, TABLE_PLAIN, text);
	}
	centraltable_join(table, TORS_PROBLEMS, row, "problems");
}

struct table *
centraltable_tors(const msgpack_object *list)
{
	return cell_table(tors_columns, TORS_COLUMN_N, list, tors_fill);
}

/* ---- links and the switches that they join ---- */

enum links_column {
	LINKS_FROM,
	LINKS_FROM_NAME,
	LINKS_FROM_BY,
	LINKS_TO,
	LINKS_TO_NAME,
	LINKS_TO_BY,
	LINKS_TUPLES,
	LINKS_SEEN,
	LINKS_COLUMN_N
};

static const struct table_column links_columns[LINKS_COLUMN_N] = {
	[LINKS_FROM] = {.title = "FROM", .key = "from"},
	[LINKS_FROM_NAME] = {.title = "FROM NAME", .key = "from_name", .priority = 1},
	[LINKS_FROM_BY] = {.title = "BY", .key = "from_by", .priority = 4},
	[LINKS_TO] = {.title = "TO", .key = "to"},
	[LINKS_TO_NAME] = {.title = "TO NAME", .key = "to_name", .priority = 1},
	[LINKS_TO_BY] = {.title = "BY", .key = "to_by", .priority = 4},
	[LINKS_TUPLES] = {.title = "TUPLES", .key = "tuples", .priority = 2, .right = true},
	[LINKS_SEEN] = {.title = "SEEN", .priority = 3, .right = true},
};

static void
links_fill(struct table *table, const msgpack_object *row)
{
	centraltable_age(table, LINKS_SEEN, row, "seen_ns");
}

struct table *
centraltable_links(const msgpack_object *list)
{
	return cell_table(links_columns, LINKS_COLUMN_N, list, links_fill);
}

enum switches_column {
	SWITCHES_NAME,
	SWITCHES_BY,
	SWITCHES_TUPLES,
	SWITCHES_ABOVE,
	SWITCHES_ADDRESSES,
	SWITCHES_COLUMN_N
};

static const struct table_column switches_columns[SWITCHES_COLUMN_N] = {
	[SWITCHES_NAME] = {.title = "SWITCH", .key = "name"},
	[SWITCHES_BY] = {.title = "BY", .key = "by", .priority = 2},
	[SWITCHES_TUPLES] = {.title = "TUPLES", .key = "tuples", .priority = 1, .right = true},
	[SWITCHES_ABOVE] = {.title = "BELOW", .priority = 4},
	[SWITCHES_ADDRESSES] = {.title = "ADDRESSES", .priority = 3, .least = 10},
};

static void
switches_fill(struct table *table, const msgpack_object *row)
{
	centraltable_join(table, SWITCHES_ABOVE, row, "above");
	centraltable_join(table, SWITCHES_ADDRESSES, row, "addresses");
}

struct table *
centraltable_switches(const msgpack_object *list)
{
	return cell_table(switches_columns, SWITCHES_COLUMN_N, list, switches_fill);
}

/* ---- pinglist ---- */

enum pinglist_column {
	PINGLIST_FROM,
	PINGLIST_SOURCE,
	PINGLIST_HOST,
	PINGLIST_DEVICE,
	PINGLIST_ADDRESS,
	PINGLIST_TOR,
	PINGLIST_KIND,
	PINGLIST_EVERY,
	PINGLIST_LABELS,
	PINGLIST_COLUMN_N
};

static const struct table_column pinglist_columns[PINGLIST_COLUMN_N] = {
	[PINGLIST_FROM] = {.title = "FROM", .key = "device", .priority = 3},
	[PINGLIST_SOURCE] = {.title = "SOURCE", .key = "source", .priority = 4},
	[PINGLIST_HOST] = {.title = "HOST"},
	[PINGLIST_DEVICE] = {.title = "DEVICE", .priority = 5},
	[PINGLIST_ADDRESS] = {.title = "ADDRESS"},
	[PINGLIST_TOR] = {.title = "TOR", .priority = 2},
	[PINGLIST_KIND] = {.title = "KIND", .priority = 1},
	[PINGLIST_EVERY] = {.title = "EVERY", .priority = 6, .right = true},
	[PINGLIST_LABELS] = {.title = "LABELS", .priority = 7},
};

static void
pinglist_target_cells(struct table *table, const msgpack_object *group,
		      const msgpack_object *target)
{
	char text[TABLE_CELL_MAX];
	uint64_t tuples;

	cell_text(table, PINGLIST_HOST, target, "host");
	cell_text(table, PINGLIST_DEVICE, target, "device");
	cell_text(table, PINGLIST_ADDRESS, target, "address");
	cell_text(table, PINGLIST_TOR, group, "tor");
	cell_text(table, PINGLIST_KIND, group, "kind");
	cell_ns(table, PINGLIST_EVERY, group, "interval_ns");
	centraltable_join(table, PINGLIST_LABELS, target, "labels");
	if (!read_u64(target, "tuples", &tuples))
		return;
	snprintf(text, sizeof(text), "any %" PRIu64, tuples);
	table_cell(table, PINGLIST_LABELS, TABLE_PLAIN, text);
}

static int
pinglist_group_rows(struct table *table, const msgpack_object *port, const msgpack_object *group)
{
	const msgpack_object *targets = read_array(group, "targets");

	for (uint32_t i = 0; targets && i < targets->via.array.size; i++) {
		if (cell_row(table, pinglist_columns, PINGLIST_COLUMN_N, port) < 0)
			return -1;
		pinglist_target_cells(table, group, &targets->via.array.ptr[i]);
	}
	return 0;
}

struct table *
centraltable_pinglist(const msgpack_object *pinglist)
{
	const msgpack_object *ports = read_array(pinglist, "ports"), *groups;
	struct table *table = table_new(pinglist_columns, PINGLIST_COLUMN_N);
	int rc = table ? 0 : -1;

	for (uint32_t i = 0; rc == 0 && ports && i < ports->via.array.size; i++) {
		groups = read_array(&ports->via.array.ptr[i], "groups");
		for (uint32_t k = 0; rc == 0 && groups && k < groups->via.array.size; k++)
			rc = pinglist_group_rows(table, &ports->via.array.ptr[i],
						 &groups->via.array.ptr[k]);
	}
	if (rc == 0)
		return table;
	table_free(table);
	return NULL;
}

/* ---- status ---- */

static void
centraltable_line(const char *label, const msgpack_object *map, const char *key)
{
	char text[CENTRALTABLE_TEXT];

	if (!view_text(map, key, text, sizeof(text)))
		return;
	lines_label(label, stdout);
	puts(text);
}

static void
centraltable_status_bus(const msgpack_object *bus)
{
	char broker[CENTRALTABLE_TEXT], state[64];

	if (!view_text(bus, "broker", broker, sizeof(broker)) ||
	    !view_text(bus, "state", state, sizeof(state)))
		return;
	lines_label("broker", stdout);
	printf("%s, %s\n", broker, state);
}

/* ", 3 incomplete", if there are any */
static void
centraltable_part(const msgpack_object *status, const char *key, const char *what)
{
	uint64_t n;

	if (read_u64(status, key, &n) && n > 0)
		printf(", %" PRIu64 " %s", n, what);
}

static void
centraltable_why(const msgpack_object *status, const char *key)
{
	char text[CENTRALTABLE_TEXT];

	if (view_text(status, key, text, sizeof(text)))
		printf(" (%s)", text);
}

static void
centraltable_status_paths(const msgpack_object *status)
{
	uint64_t n;

	if (read_u64(status, "paths", &n)) {
		lines_label("paths", stdout);
		printf("%" PRIu64, n);
		centraltable_part(status, "paths_incomplete", "incomplete");
		centraltable_part(status, "paths_unstable", "unstable");
		centraltable_part(status, "path_messages_lost", "messages lost");
		centraltable_part(status, "path_messages_old", "messages old");
		centraltable_part(status, "paths_refused", "messages refused");
		centraltable_why(status, "paths_refused_why");
		printf("\n");
	}
	if (read_u64(status, "names_asked", &n) && n > 0) {
		lines_label("names", stdout);
		printf("%" PRIu64 " asked", n);
		centraltable_part(status, "names_failed", "without answer");
		centraltable_why(status, "names_failed_why");
		centraltable_part(status, "names_refused", "refused");
		centraltable_why(status, "names_refused_why");
		printf("\n");
	}
}

void
centraltable_status(const msgpack_object *status)
{
	uint64_t present, leaving, gone, lists, ns;
	char text[FORMAT_TEXT];

	centraltable_line("version", status, "version");
	centraltable_line("host", status, "hostname");
	centraltable_line("config", status, "config_file");
	centraltable_status_bus(read_map(status, "bus"));
	if (read_u64(status, "hosts_present", &present) &&
	    read_u64(status, "hosts_leaving", &leaving) && read_u64(status, "hosts_gone", &gone)) {
		lines_label("hosts", stdout);
		printf("%" PRIu64 " present, %" PRIu64 " leaving, %" PRIu64 " gone\n", present,
		       leaving, gone);
	}
	centraltable_line("drained", status, "drains");
	if (read_u64(status, "lists_published", &lists) &&
	    read_u64(status, "plan_duration_ns", &ns)) {
		lines_label("plan", stdout);
		printf("%" PRIu64 " pinglists published, the last plan took %s\n", lists,
		       format_ns(ns, text));
	}
	centraltable_line("refused", status, "refused");
	centraltable_status_paths(status);
}

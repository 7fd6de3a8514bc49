/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "ctl/cmd/ask.h"
#include "ctl/view/centraltable.h"
#include "ctl/view/classes.h"
#include "ctl/view/format.h"
#include "ctl/view/lines.h"
#include "ctl/view/table.h"
#include "ctl/view/tracing.h"
#include "ctl/view/view.h"
#include "record/json.h"
#include "record/read.h"

#define STATUS_TEXT 1024
#define STATUS_NAME 128

/* "2, 1 up" */
static void
status_up(const struct ctl *ctl, const msgpack_object *status, const char *label,
	  const char *all_key, const char *up_key)
{
	uint64_t all, up;
	char text[FORMAT_TEXT + 16];

	lines_label(label, stdout);
	if (!read_u64(status, all_key, &all)) {
		puts("-");
		return;
	}
	if (all == 0 || !read_u64(status, up_key, &up)) {
		printf("%" PRIu64 "\n", all);
		return;
	}
	snprintf(text, sizeof(text), "%" PRIu64 " up", up);
	printf("%" PRIu64 ", ", all);
	table_paint(stdout, text,
		    up == all ? TABLE_GREEN :
		    up	      ? TABLE_YELLOW :
				TABLE_RED,
		    ctl->color);
	putchar('\n');
}

/* Prints the counters of a map that are not 0, on one line. */
static void
status_counters(const msgpack_object *status, const char *label, const char *key)
{
	const msgpack_object *map = read_map(status, key);
	char name[64];
	bool any = false;

	lines_label(label, stdout);
	for (uint32_t i = 0; map && i < map->via.map.size; i++) {
		const msgpack_object_kv *kv = &map->via.map.ptr[i];

		if (kv->val.type != MSGPACK_OBJECT_POSITIVE_INTEGER || kv->val.via.u64 == 0)
			continue;
		view_clean(&kv->key, name, sizeof(name));
		printf("%s%s %" PRIu64, any ? ", " : "", name, kv->val.via.u64);
		any = true;
	}
	puts(any ? "" : map ? "nothing yet" : "-");
}

static void
status_text(const msgpack_object *status, const char *label, const char *key)
{
	char text[STATUS_TEXT];

	view_text(status, key, text, sizeof(text));
	lines_label(label, stdout);
	puts(text);
}

static void
status_stall(const msgpack_object *status)
{
	char text[FORMAT_TEXT], who[STATUS_TEXT];
	uint64_t ns, when, now = 0;

	lines_label("loop", stdout);
	if (!read_u64(status, "loop_stall_max_ns", &ns)) {
		puts("-");
		return;
	}
	printf("longest stall %s", format_ns(ns, text));
	if (view_text(status, "loop_stall_max_who", who, sizeof(who)) && who[0])
		printf(" in \"%s\"", who);
	if (read_u64(status, "loop_stall_max_time_ns", &when) &&
	    read_u64(status, "time_ns", &now) && when > 0 && now >= when)
		printf(", %s ago", format_age(now - when, text));
	putchar('\n');
}

/* "7.3 % of a core, 1.2 % for others (at most 20 %), 9 MiB (at most 512 MiB)" */
static void
status_own_use(const msgpack_object *status)
{
	uint64_t bytes, max;
	double percent;

	lines_label("own use", stdout);
	if (read_double(status, "cpu_percent", &percent))
		printf("%.1f %% of a core", percent);
	else
		printf("almost no CPU");
	if (read_double(status, "cpu_percent_others", &percent) && percent >= 0.1)
		printf(", %.1f %% for others", percent);
	if (read_u64(status, "cpu_percent_max", &max))
		printf(" (at most %" PRIu64 " %%)", max);
	if (read_u64(status, "memory_bytes", &bytes))
		printf(", %" PRIu64 " MiB", bytes >> 20);
	if (read_u64(status, "memory_bytes_max", &max))
		printf(" (at most %" PRIu64 " MiB)", max >> 20);
	putchar('\n');
}

/* "rxe0 -> 10.0.0.2 (host-b) port 57236: 5 of 3200 probes lost, since 3 min 5 s" */
static void
status_lossy_path(const struct ctl *ctl, const msgpack_object *path, uint64_t now)
{
	char device[STATUS_NAME], peer[STATUS_NAME], host[STATUS_NAME + 3], port[FORMAT_TEXT],
		lost[FORMAT_TEXT], of[FORMAT_TEXT];
	char text[STATUS_TEXT], age[FORMAT_TEXT];
	uint64_t since;

	view_text(path, "device", device, sizeof(device));
	view_text(path, "peer", peer, sizeof(peer));
	if (!view_text(path, "hostname", text, STATUS_NAME))
		host[0] = '\0';
	else
		snprintf(host, sizeof(host), " (%.*s)", STATUS_NAME - 1, text);
	view_text(path, "src_port", port, sizeof(port));
	view_text(path, "lost", lost, sizeof(lost));
	view_text(path, "of", of, sizeof(of));
	snprintf(text, sizeof(text), "%s -> %s%s port %s: %s of %s probes lost", device, peer, host,
		 port, lost, of);
	lines_label("lossy", stdout);
	table_paint(stdout, text, TABLE_YELLOW, ctl->color);
	if (read_u64(path, "since_ns", &since) && now >= since)
		printf(", since %s", format_age(now - since, age));
	if (read_u64(path, "last_lost_ns", &since) && now >= since)
		printf(", last %s ago", format_age(now - since, age));
	putchar('\n');
}

/* Prints the paths with the verdict lossy. */
static void
status_lossy(const struct ctl *ctl, const msgpack_object *status)
{
	const msgpack_object *list = read_array(status, "lossy");
	uint64_t all = 0, now = 0;
	uint32_t n = list ? list->via.array.size : 0;

	read_u64(status, "time_ns", &now);
	for (uint32_t i = 0; i < n; i++)
		status_lossy_path(ctl, &list->via.array.ptr[i], now);
	if (!read_u64(status, "lossy_paths", &all) || all <= n)
		return;
	lines_label("lossy", stdout);
	printf("%" PRIu64 " more paths\n", all - n);
}

/* Prints the numbers of paths with other verdicts, if there are any. */
static void
status_verdicts(const struct ctl *ctl, const msgpack_object *status)
{
	static const char *const keys[][2] = {
		{"noisy", "noisy_paths"}, {"slow", "slow_paths"}, {"host_slow", "host_slow_paths"},
	};
	char text[STATUS_TEXT], count[FORMAT_TEXT];
	uint64_t n;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (!read_u64(status, keys[i][1], &n) || n == 0)
			continue;
		snprintf(text, sizeof(text), "%s; rpingmesh-ctl peers shows them",
			 format_count(n, "path", count));
		lines_label(keys[i][0], stdout);
		table_paint(stdout, text, TABLE_YELLOW, ctl->color);
		putchar('\n');
	}
}

static void
status_head(const msgpack_object *status)
{
	char version[STATUS_TEXT], host[STATUS_TEXT], pid[STATUS_TEXT], age[FORMAT_TEXT];
	double uptime;

	view_text(status, "version", version, sizeof(version));
	view_text(status, "hostname", host, sizeof(host));
	view_text(status, "pid", pid, sizeof(pid));
	printf("rpingmeshd %s on %s, pid %s", version, host, pid);
	if (read_double(status, "uptime_s", &uptime) && uptime >= 0 && uptime < 1e9)
		printf(", up %s", format_age((uint64_t)(uptime * 1e9), age));
	putchar('\n');
}

/* "CAP_BPF CAP_PERFMON", or "no capabilities" */
static void
status_capabilities(const msgpack_object *list)
{
	char text[STATUS_NAME];

	for (uint32_t i = 0; i < list->via.array.size; i++) {
		view_clean(&list->via.array.ptr[i], text, sizeof(text));
		printf("%s%s", i ? " " : "", text);
	}
	if (list->via.array.size == 0)
		printf("no capabilities");
}

/* "user rpingmesh, no capabilities, tracing helper CAP_BPF CAP_PERFMON, system calls filtered" */
static void
status_rights(const msgpack_object *status)
{
	const msgpack_object *own = read_array(status, "capabilities"),
			     *helper = read_array(status, "helper_capabilities");
	char text[STATUS_NAME];
	bool seccomp;

	if (!view_text(status, "user", text, sizeof(text)))
		return; /* an older daemon */
	lines_label("rights", stdout);
	printf("user %s", text);
	if (own) {
		printf(", ");
		status_capabilities(own);
	}
	if (helper) {
		printf(", tracing helper ");
		status_capabilities(helper);
	}
	if (read_bool(status, "seccomp", &seccomp))
		printf(", system calls %sfiltered", seccomp ? "" : "not ");
	putchar('\n');
}

/* Returns the number of problems, and prints each on a line if `show` is set. */
static uint32_t
status_degraded(const struct ctl *ctl, const msgpack_object *status, bool show)
{
	const msgpack_object *list = read_find(status, "degraded");
	char text[STATUS_TEXT];

	if (!list || list->type != MSGPACK_OBJECT_ARRAY)
		return 0;
	for (uint32_t i = 0; show && i < list->via.array.size; i++) {
		view_clean(&list->via.array.ptr[i], text, sizeof(text));
		lines_label("degraded", stdout);
		table_paint(stdout, text, TABLE_RED, ctl->color);
		putchar('\n');
	}
	return list->via.array.size;
}

/* ", heard of central 3 s ago" */
static void
status_pinglist_age(const msgpack_object *status, const msgpack_object *list, const char *key,
		    const char *what)
{
	char age[FORMAT_TEXT];
	uint64_t at, now;

	if (read_u64(list, key, &at) && read_u64(status, "time_ns", &now))
		printf(", %s %s ago", what, format_age(now > at ? now - at : 0, age));
}

/* "12 of 14 entries, generation 00c0ffee, from broker, taken 5 s ago, central heard 3 s ago" */
static void
status_pinglist(const struct ctl *ctl, const msgpack_object *status, const msgpack_object *list)
{
	char from[STATUS_NAME];
	uint64_t targets = 0, taken = 0, generation;
	bool slow = false;

	if (!list)
		return;
	lines_label("pinglist", stdout);
	if (!view_text(list, "from", from, sizeof(from))) {
		printf("none");
	} else {
		read_u64(list, "targets", &targets);
		read_u64(list, "taken", &taken);
		printf("%" PRIu64 " of %" PRIu64 " entries", taken, targets);
		if (read_u64(list, "generation", &generation))
			printf(", generation %016" PRIx64, generation);
		printf(", from %s", from);
		status_pinglist_age(status, list, "taken_ns", "taken");
	}
	status_pinglist_age(status, list, "heard_ns", "central heard");
	if (read_bool(list, "slow", &slow) && slow)
		table_paint(stdout, ", at a tenth of its rates", TABLE_YELLOW, ctl->color);
	putchar('\n');
}

/* "mlx5_0/1 leaf1, leaf2 (lldp)" */
static void
status_uplink(const struct ctl *ctl, const msgpack_object *uplink)
{
	const msgpack_object *tors = read_array(uplink, "tors");
	char device[STATUS_TEXT] = "", by[STATUS_NAME] = "", name[STATUS_TEXT];
	uint64_t port = 0;
	uint32_t n = tors ? tors->via.array.size : 0;

	view_text(uplink, "device", device, sizeof(device));
	read_u64(uplink, "port", &port);
	lines_label("tor", stdout);
	printf("%s/%" PRIu64 " ", device, port);
	for (uint32_t i = 0; i < n; i++) {
		view_clean(&tors->via.array.ptr[i], name, sizeof(name));
		printf("%s%s", i ? ", " : "", name);
	}
	if (!n)
		table_paint(stdout, "unknown", TABLE_YELLOW, ctl->color);
	else if (view_text(uplink, "tor_by", by, sizeof(by)))
		printf(" (%s)", by);
	if (read_is(uplink, "lldp", "failed"))
		table_paint(stdout, ", LLDP fails", TABLE_YELLOW, ctl->color);
	putchar('\n');
}

static void
status_uplinks(const struct ctl *ctl, const msgpack_object *list)
{
	for (uint32_t i = 0; list && i < list->via.array.size; i++)
		status_uplink(ctl, &list->via.array.ptr[i]);
}

static void
status_paths_part(const msgpack_object *paths, const char *key, const char *what)
{
	uint64_t n;

	if (read_u64(paths, key, &n) && n > 0)
		printf(", %" PRIu64 " %s", n, what);
}

static void
status_paths_reason(const msgpack_object *paths, const char *key)
{
	char text[STATUS_TEXT];

	if (view_text(paths, key, text, sizeof(text)))
		printf(" (%s)", text);
}

/* "12 traced, 1 waiting, 2 failed (REASON), 1 unstable, oldest 3 min, no room for more" */
static void
status_paths(const msgpack_object *status)
{
	const msgpack_object *paths = read_map(status, "paths");
	uint64_t traced = 0, interval = 1, refused;

	if (!paths)
		return; /* an older daemon */
	lines_label("paths", stdout);
	if (read_u64(paths, "interval_s", &interval) && interval == 0) {
		puts("not traced (cluster.trace_s)");
		return;
	}
	read_u64(paths, "traced", &traced);
	printf("%" PRIu64 " traced", traced);
	status_paths_part(paths, "waiting", "waiting");
	status_paths_part(paths, "failed", "failed");
	status_paths_reason(paths, "failed_reason");
	status_paths_part(paths, "not_traced", "not traced");
	status_paths_reason(paths, "not_traced_reason");
	status_paths_part(paths, "incomplete", "incomplete");
	status_paths_part(paths, "unstable", "unstable");
	status_pinglist_age(status, paths, "oldest_ns", "oldest");
	if (read_u64(paths, "refused", &refused) && refused > 0)
		fputs(", no room for more", stdout);
	putchar('\n');
}

/* "connected to mqtts://broker since 3 min 5 s, 2 ports registered" */
static void
status_cluster(const struct ctl *ctl, const msgpack_object *status)
{
	const msgpack_object *cluster = read_map(status, "cluster");
	char state[STATUS_NAME], broker[STATUS_TEXT], text[STATUS_TEXT], age[FORMAT_TEXT];
	uint64_t since, now;

	if (!cluster)
		return;
	view_text(cluster, "state", state, sizeof(state));
	view_text(cluster, "broker", broker, sizeof(broker));
	view_text(cluster, "ports", text, sizeof(text));
	lines_label("cluster", stdout);
	table_paint(stdout, state, strcmp(state, "connected") == 0 ? TABLE_GREEN : TABLE_YELLOW,
		    ctl->color);
	printf(", %s", broker);
	if (read_u64(cluster, "since_ns", &since) && read_u64(status, "time_ns", &now) &&
	    now >= since)
		printf(", since %s", format_age(now - since, age));
	printf(", ports %s", text);
	if (view_text(cluster, "reason", text, sizeof(text)))
		printf(": %s", text);
	putchar('\n');
	status_pinglist(ctl, status, read_map(cluster, "pinglist"));
	status_uplinks(ctl, read_array(cluster, "uplinks"));
}

static void
status_show(const struct ctl *ctl, const msgpack_object *status)
{
	char text[STATUS_TEXT];

	if (ctl->json) {
		json_line(stdout, status, "status");
		return;
	}
	if (read_is(status, "type", "central_status")) {
		centraltable_status(status);
		status_degraded(ctl, status, true);
		return;
	}
	status_head(status);
	status_text(status, "config", "config_file");
	if (view_text(status, "config_error", text, sizeof(text))) {
		lines_label("reload", stdout);
		printf("refused: %s\n", text);
	}
	if (view_text(status, "signing_key", text, sizeof(text))) {
		lines_label("key", stdout);
		printf("%s\n", text);
	}
	status_up(ctl, status, "devices", "devices", "devices_up");
	status_up(ctl, status, "peers", "peers", "peers_up");
	status_text(status, "targets", "targets");
	status_text(status, "flows", "flows");
	status_text(status, "in flight", "in_flight");
	status_counters(status, "probes", "probes");
	status_counters(status, "responder", "responder");
	status_counters(status, "control", "control");
	status_paths(status);
	status_cluster(ctl, status);
	tracing_show(status);
	status_stall(status);
	status_own_use(status);
	status_rights(status);
	status_lossy(ctl, status);
	status_verdicts(ctl, status);
	status_degraded(ctl, status, true);
}

static bool
status_bad(const struct ctl *ctl, const msgpack_object *status)
{
	uint64_t up;

	return status_degraded(ctl, status, false) > 0 ||
	       (read_u64(status, "devices_up", &up) && up == 0);
}

static int
status_run(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
{
	const msgpack_object *status = NULL;
	struct client *client;
	int rc = cmd_options_only(ctl, command, argc, argv);

	if (rc >= 0)
		return rc;
	rc = ask_open(ctl, NULL, &client);
	if (rc != CMD_OK)
		return rc;
	rc = ask_call(client, "status", NULL, &status);
	if (rc == CMD_OK)
		rc = ask_check_schema(client, status);
	if (rc == CMD_OK && status->type != MSGPACK_OBJECT_MAP) {
		cmd_complain("%s: the daemon's answer to \"status\" is not a record: its version "
			     "does not fit this program",
			     ctl->socket);
		rc = CMD_NO_DAEMON;
	}
	if (rc == CMD_OK) {
		status_show(ctl, status);
		rc = status_bad(ctl, status) ? CMD_BAD_NEWS : CMD_OK;
	}
	client_close(client);
	return rc;
}

const struct cmd_entry cmd_status = {
	.name = "status",
	.summary = "the state of the daemon: each fault, with its cure",
	.help = "Usage: rpingmesh-ctl status [--json]\n"
		"Show the state of the daemon: devices, peers, totals of probes by class, what\n"
		"it answered, and each reason why it does less than it is configured for\n"
		"(\"degraded\"), with its cure. The longest stall is the longest time that the\n"
		"daemon kept probes waiting; measured times may be wrong by as much. \"lossy\"\n"
		"lists the paths whose loss is certain, even if it is rare. \"own use\" shows "
		"what\n"
		"the daemon uses itself; above its budget it probes less. \"rights\" shows its\n"
		"user, its capabilities, those of the process that attaches the hooks of\n"
		"tracing, and whether its system calls are filtered.\n"
		"\n"
		"Exit status: 0 well; 1 something is degraded, or no device is up; 2 usage;\n"
		"3 no daemon.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl status\n"
		"  rpingmesh-ctl --json status | jq '.degraded'",
	.run = status_run,
};

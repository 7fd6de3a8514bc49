/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: windows
 *
 * Shows windows of statistics: the last one of each target, flow or device as a table or, with
 * --follow, a line for each window when it closes.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "ctl/cmd/ask.h"
#include "ctl/cmd/show.h"
#include "ctl/term/signals.h"
#include "core/utf8.h"
#include "record/json.h"
#include "ctl/view/table.h"
#include "ctl/view/trend.h"
#include "ctl/view/view.h"
#include "ctl/view/windowtable.h"
#include "record/read.h"

struct windows {
	const struct ctl *ctl;
	struct client *client;
	const char *by;           /* "target", "flow" or "device" */
	bool follow, sparklines;
	struct trends *trends;    /* of the windows so far; NULL: not shown */
	unsigned long long count; /* 0: no end */
	uint64_t seen;
	struct table *table;      /* of the windows, unless the output is JSON */
	int failed;
};

/* ---- last windows ---- */

static int
windows_take(void *arg, const msgpack_object *list)
{
	struct windows *windows = arg;

	for (uint32_t i = 0; i < list->via.array.size; i++) {
		const msgpack_object *window = &list->via.array.ptr[i];
		int rc = windows->seen ? CMD_OK : ask_check_schema(windows->client, window);

		if (rc != CMD_OK)
			return rc;
		windows->seen++;
		if (windows->ctl->json) {
			json_line(stdout, window, "window");
		} else if (windowtable_add(windows->table, window) < 0) {
			return show_no_memory();
		}
	}
	return CMD_OK;
}

static void
windows_write(const struct windows *windows)
{
	size_t columns, rows;

	if (windows->ctl->json)
		return;
	if (windows->seen == 0) {
		printf("No window of a %s has been closed yet, or nothing is probed.\n",
		       windows->by);
		return;
	}
	table_screen(&columns, &rows);
	table_write(windows->table, stdout, columns, windows->ctl->color);
}

static int
windows_show(struct windows *windows)
{
	const struct pages_query query = {
		.method = "windows", .key = "windows", .param = "by", .value = windows->by,
		.sparse = true,
	};
	struct pages pages;
	int rc;

	windows->table = windowtable_new();
	if (!windows->table)
		return show_no_memory();
	rc = ask_pages(windows->client, &query, windows_take, windows, &pages);
	if (rc == CMD_OK)
		windows_write(windows);
	table_free(windows->table);
	pages_free(&pages);
	return rc;
}

/* ---- as they come ---- */

static bool
windows_enough(const struct windows *windows)
{
	return windows->failed || (windows->count && windows->seen >= windows->count);
}

/* Prints the trend up to this window. */
static void
windows_trend(struct windows *windows, const msgpack_object *window)
{
	char rtt[TREND_TEXT], loss[TREND_TEXT];

	if (!windows->trends)
		return;
	if (trends_add(windows->trends, window, true) < 0) {
		cmd_complain("out of memory");
		windows->failed = CMD_BAD_NEWS;
	} else if (trends_spark(windows->trends, window, 0, utf8_spoken(), rtt, loss)) {
		printf(" rtt_trend=%s loss_trend=%s", rtt, loss);
	}
}

static void
windows_window(struct windows *windows, const msgpack_object *window)
{
	windows->failed = ask_check_schema(windows->client, window);
	if (windows->failed)
		return;
	if (windows->ctl->json) {
		json_line(stdout, window, "window");
	} else {
		windowtable_line(window, stdout);
		windows_trend(windows, window);
		putchar('\n');
	}
	windows->seen++;
}

static void
windows_dropped(const struct windows *windows, const msgpack_object *dropped)
{
	char text[32];

	if (windows->ctl->json) {
		json_line(stdout, dropped, "dropped");
		return;
	}
	view_text(dropped, "count", text, sizeof(text));
	printf("%s windows are missing here because they were read too slowly\n", text);
}

static void
windows_notified(void *arg, const msgpack_object *method, const msgpack_object *params)
{
	struct windows *windows = arg;

	if (params->type != MSGPACK_OBJECT_ARRAY || params->via.array.size < 1 ||
	    windows_enough(windows))
		return;
	if (read_str_is(method, "window"))
		windows_window(windows, &params->via.array.ptr[0]);
	else if (read_str_is(method, "dropped"))
		windows_dropped(windows, &params->via.array.ptr[0]);
}

static int
windows_follow(struct windows *windows)
{
	int rc;

	rc = ask_windows(windows->client, windows->by);
	while (rc == CMD_OK && !windows_enough(windows) && !signals_stop())
		rc = ask_wait(windows->client, UINT64_MAX);
	if (windows->failed)
		return windows->failed;
	return windows_enough(windows) ? CMD_OK : rc;
}

/* ---- the command ---- */

static int
windows_option(struct windows *windows, struct ctl *ctl, const struct cmd_entry *command, int c,
	       char **argv)
{
	switch (c) {
	case 'f':
		windows->follow = true;
		return -1;
	case 's':
		windows->sparklines = true;
		return -1;
	case 'b':
		return cmd_option_by(command, optarg, &windows->by);
	case 'c':
		return cmd_option_count(command, 'c', &windows->count);
	default:
		return cmd_option(ctl, command, c, argv);
	}
}

static int
windows_options(struct ctl *ctl, struct windows *windows, const struct cmd_entry *command,
		int argc, char **argv)
{
	static const struct option longs[] = {
		{"follow", no_argument, NULL, 'f'}, {"by", required_argument, NULL, 'b'}, {"count",
		 required_argument, NULL, 'c'},
		{"sparklines", no_argument, NULL, 's'}, CMD_LONG,
	};
	int c, rc = -1;

	optind = 0;
	while (rc < 0 && (c = getopt_long(argc, argv, ":fc:s" CMD_SHORT, longs, NULL)) != -1)
		rc = windows_option(windows, ctl, command, c, argv);
	if (rc < 0)
		rc = cmd_no_argument(command, argc, argv);
	if (rc < 0 && windows->count && !windows->follow)
		return cmd_usage(command, "-c is for --follow");
	if (rc < 0 && windows->sparklines && (!windows->follow || ctl->json))
		return cmd_usage(command, "-s is for --follow without --json");
	return rc;
}

static int
windows_run(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
{
	struct windows windows = {.ctl = ctl, .by = "target"};
	struct client_ops ops = {.notified = windows_notified, .arg = &windows};
	int rc = windows_options(ctl, &windows, command, argc, argv);

	if (rc >= 0)
		return rc;
	rc = ask_open(ctl, &ops, &windows.client);
	if (rc != CMD_OK)
		return rc;
	if (windows.sparklines && !(windows.trends = trends_new()))
		cmd_complain("out of memory: no sparklines");
	if (windows.follow)
		ask_signals();
	rc = windows.follow ? windows_follow(&windows) : windows_show(&windows);
	client_close(windows.client);
	trends_free(windows.trends);
	return rc;
}

const struct cmd_entry cmd_windows = {
	.name = "windows",
	.summary = "the last closed window: loss with its interval, and times",
	.help = "Usage: rpingmesh-ctl windows [--by WHAT] [-f [-c N] [-s]] [--json]\n"
		"Show statistics of the last closed window of time. Windows begin at multiples\n"
		"of their length (window_s in the configuration, by default 10 seconds) by the\n"
		"wall clock. A window is shown when each of its probes has ended.\n"
		"\n"
		"      --by WHAT        target (default: each stream of probes to a peer,\n"
		"                       including pings), flow (each flow of a service) or\n"
		"                       device (all that it sent)\n"
		"  -f, --follow         print a line for each window when it closes, until\n"
		"                       Ctrl-C\n"
		"  -c, --count N        with -f, end after N windows\n"
		"  -s, --sparklines     with -f, end each line with a mark for each earlier\n"
		"                       window (24 at most): the median RTT and the loss, as in\n"
		"                       `rpingmesh-ctl top`; '?' is not known\n"
		"\n"
		"LOSS is the share of lost probes among those answered or lost, and in brackets\n"
		"the interval that contains the true share with a confidence of 95 %. NOISE\n"
		"counts results that a stall of a host may have affected; their losses and, with\n"
		"software timestamps, their RTTs are left out. LOSS BY SIZE shows the loss of\n"
		"each size, if the sizes differ. PROBER and RESPONDER are the delays inside the\n"
		"two hosts (medians). END is the time (UTC) at which the window ended.\n"
		"\n"
		"Exit status: 0 answered, or ended by Ctrl-C or -c; 2 usage; 3 no daemon, or it\n"
		"went away.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl windows\n"
		"  rpingmesh-ctl windows --by device --follow >> /var/log/rpingmesh-windows.log\n"
		"  rpingmesh-ctl --json windows -f | jq -c 'select(.loss_low > 0.001) | .peer'",
	.run = windows_run,
};

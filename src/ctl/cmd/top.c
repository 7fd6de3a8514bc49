/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: top
 *
 * Asks for peers or targets periodically and keeps the last answer. Windows that close meanwhile
 * come as notifications and make the trends. On a terminal, toplive.c draws them; otherwise each
 * update is a table, or JSON.
 */
#include "ctl/cmd/top.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "ctl/cmd/ask.h"
#include "ctl/cmd/show.h"
#include "ctl/term/screen.h"
#include "ctl/term/signals.h"
#include "core/utf8.h"
#include "ctl/view/format.h"
#include "record/json.h"
#include "ctl/view/peer.h"
#include "ctl/view/trend.h"
#include "ctl/wire/copy.h"
#include "record/read.h"

/* ---- the daemon ---- */

static void
top_notified(void *arg, const msgpack_object *method, const msgpack_object *params)
{
	struct top *top = arg;

	if (params->type != MSGPACK_OBJECT_ARRAY || params->via.array.size < 1 ||
	    !read_str_is(method, "window"))
		return;
	if (top->trends && trends_add(top->trends, &params->via.array.ptr[0], true) < 0)
		cmd_complain("out of memory: trends have gaps");
}

static int
top_take_windows(void *arg, const msgpack_object *list)
{
	struct top *top = arg;

	for (uint32_t i = 0; i < list->via.array.size; i++) {
		int rc = ask_check_schema(top->client, &list->via.array.ptr[i]);

		if (rc != CMD_OK)
			return rc;
		if (trends_add(top->trends, &list->via.array.ptr[i], false) < 0)
			return show_no_memory();
	}
	return CMD_OK;
}

static bool
top_woken(void *arg)
{
	struct top *top = arg;

	if (top->woken)
		top->woken(top);
	return top->stopped || signals_stop();
}

/* Subscribes before it asks, so that no window is missed. A window that comes twice counts once. */
static int
top_windows(struct top *top)
{
	const struct pages_query query = {
		.method = "windows", .key = "windows", .param = "by", .value = "target",
		.sparse = true,
	};
	struct pages pages;
	int rc;

	rc = ask_windows(top->client, "target");
	if (rc != CMD_OK)
		return rc;
	rc = ask_pages(top->client, &query, top_take_windows, top, &pages);
	pages_free(&pages);
	return rc;
}

int
top_connect(struct top *top)
{
	const struct client_ops ops = {.notified = top_notified, .arg = top, .woken = top_woken};
	int rc = ask_open(top->ctl, &ops, &top->client);

	if (rc != CMD_OK)
		return rc;
	if (top->live)
		client_watch(top->client, screen_fd());
	rc = top->trends ? top_windows(top) : CMD_OK;
	if (rc != CMD_OK)
		top_disconnect(top);
	return rc;
}

void
top_disconnect(struct top *top)
{
	client_close(top->client);
	top->client = NULL;
}

int
top_fetch(struct top *top)
{
	const msgpack_object *list = NULL;
	struct copy *copy = NULL;
	struct pages pages;
	bool targets = top->targets; /* a key may change it meanwhile */
	int rc = ask_list(top->client, targets ? "targets" : "peers", &pages, &list);

	if (rc == CMD_OK)
		copy = copy_new(list);
	pages_free(&pages);
	if (rc != CMD_OK)
		return rc;
	if (!copy)
		return show_no_memory();
	copy_free(top->list);
	top->list = copy;
	top->list_targets = targets;
	top->list_wall_ns = clock_wall_ns();
	return CMD_OK;
}

/* ---- descriptions ---- */

void
top_describe(const struct top *top, size_t shown, char *buf, size_t size)
{
	const msgpack_object *list = copy_object(top->list);
	char text[FORMAT_TEXT];
	struct peer_count count;
	int n;

	peer_count(list, &count);
	if (top->list_targets)
		n = snprintf(buf, size, "%s", format_count(count.peers, "target", text));
	else
		n = snprintf(buf, size, "%s, %zu up, %zu not",
			     format_count(count.peers, "peer", text), count.up, count.down);
	if (n < 0 || (size_t)n >= size)
		return;
	n += snprintf(buf + n, size - (size_t)n, "; sorted by %s%s",
		      toptable_sort_names[top->query.sort], top->query.reverse ? ", reverse" : "");
	if (top->filter[0] && (size_t)n < size)
		snprintf(buf + n, size - (size_t)n, "; filter \"%s\": %zu of %zu", top->filter,
			 shown, count.peers);
}

void
top_describe_span(const struct top *top, char *buf, size_t size)
{
	char span[48];

	buf[0] = '\0';
	if (peer_span(copy_object(top->list), span, sizeof(span)))
		snprintf(buf, size, "LOSS and times: last %s%s", span,
			 top->trends ? "; trends: one mark per window, newest right" : "");
}

/* ---- without a screen ---- */

static void
top_title(const struct top *top, size_t shown)
{
	char text[256], span[128], stamp[32];
	time_t s = (time_t)(top->list_wall_ns / NSEC_PER_SEC);
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm);
	top_describe(top, shown, text, sizeof(text));
	top_describe_span(top, span, sizeof(span));
	printf("%s  %s%s%s\n", stamp, text, span[0] ? "; " : "", span);
}

static int
top_print(const struct top *top)
{
	const msgpack_object **rows;
	struct table *table;
	size_t n, columns, lines;
	int rc = CMD_BAD_NEWS;

	if (toptable_order(copy_object(top->list), &top->query, &rows, &n) < 0) {
		cmd_complain("out of memory");
		return rc;
	}
	table = toptable_make(rows, n, top->query.sort, top->trends, top->list_wall_ns);
	if (!table) {
		cmd_complain("out of memory");
	} else if (top->ctl->json) {
		for (size_t i = 0; i < n; i++)
			json_line(stdout, rows[i], top->list_targets ? "target" : "peer");
		rc = CMD_OK;
	} else {
		table_screen(&columns, &lines);
		top_title(top, n);
		table_write(table, stdout, columns, top->ctl->color);
		rc = CMD_OK;
	}
	fflush(stdout);
	table_free(table);
	free(rows);
	return rc;
}

/* Begins with the list that was fetched first. */
static int
top_batch(struct top *top)
{
	uint64_t next_ns = clock_mono_ns();
	int rc = CMD_OK;

	while (rc == CMD_OK && !signals_stop()) {
		rc = top_print(top);
		if (rc != CMD_OK || (++top->seen >= top->updates && top->updates))
			break;
		next_ns = cmd_next(next_ns, top->interval_ns);
		while (rc == CMD_OK && !signals_stop() && clock_mono_ns() < next_ns)
			rc = ask_wait(top->client, next_ns);
		if (rc == CMD_OK && !signals_stop())
			rc = top_fetch(top);
		if (rc == CMD_OK && !signals_stop() && !top->ctl->json)
			putchar('\n');
	}
	return signals_stop() ? CMD_OK : rc;
}

/* ---- the command ---- */

static int
top_sort(struct top *top, const struct cmd_entry *command, const char *name)
{
	for (size_t i = 0; i < TOPTABLE_SORTS; i++) {
		if (strcmp(name, toptable_sort_names[i]) != 0)
			continue;
		top->query.sort = (enum toptable_sort)i;
		return -1;
	}
	return cmd_usage(
		command,
		"--sort: expected worst, rtt, p99, loss, prober, responder or name, not \"%s\"",
		name);
}

/* The filter is shown on the terminal, so it must be printable. */
static bool
top_printable(const char *text)
{
	uint32_t code = 0;
	size_t n;

	for (; *text; text += n) {
		n = utf8_next(text, strnlen(text, 4), &code);
		if (n == 0 || utf8_is_control(code))
			return false;
	}
	return true;
}

static int
top_option(struct top *top, struct ctl *ctl, const struct cmd_entry *command, int c, char **argv)
{
	switch (c) {
	case 'd':
		return cmd_option_seconds(command, 'd', &top->interval_ns);
	case 'n':
		return cmd_option_count(command, 'n', &top->updates);
	case '1':
		top->updates = 1;
		return -1;
	case 's':
		return top_sort(top, command, optarg);
	case 'r':
		top->query.reverse = true;
		return -1;
	case 'f':
		if (strlen(optarg) >= sizeof(top->filter) || !top_printable(optarg))
			return cmd_usage(command, "-f: expected less than %d printable bytes",
					 TOP_FILTER);
		strcpy(top->filter, optarg);
		return -1;
	case 't':
		top->targets = true;
		return -1;
	default:
		return cmd_option(ctl, command, c, argv);
	}
}

static int
top_options(struct ctl *ctl, struct top *top, const struct cmd_entry *command, int argc,
	    char **argv)
{
	static const struct option longs[] = {
		{"interval", required_argument, NULL, 'd'}, {"updates", required_argument, NULL,
		 'n'}, {"once", no_argument, NULL, '1'},
		{"sort", required_argument, NULL, 's'}, {"reverse", no_argument, NULL, 'r'},
		 {"filter", required_argument, NULL, 'f'},
		{"targets", no_argument, NULL, 't'}, CMD_LONG,
	};
	int c, rc = -1;

	optind = 0;
	while (rc < 0 && (c = getopt_long(argc, argv, ":d:n:1s:rf:t" CMD_SHORT, longs, NULL)) != -1)
		rc = top_option(top, ctl, command, c, argv);
	return rc < 0 ? cmd_no_argument(command, argc, argv) : rc;
}

static int
top_go(struct top *top)
{
	int rc = top_connect(top);

	if (rc == CMD_OK)
		rc = top_fetch(top);
	if (rc != CMD_OK)
		return rc;
	if (!top->ctl->json && top->updates != 1 && top->ctl->tty && screen_start() == 0)
		return toplive_run(top);
	ask_signals();
	return top_batch(top);
}

static int
top_run(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
{
	struct top top = {.ctl = ctl, .interval_ns = NSEC_PER_SEC};
	int rc;

	top.query.filter = top.filter;
	rc = top_options(ctl, &top, command, argc, argv);
	if (rc >= 0)
		return rc;
	if (!ctl->json && top.updates != 1) {
		top.trends = trends_new();
		if (!top.trends)
			return show_no_memory();
	}
	rc = top_go(&top);
	top_disconnect(&top);
	copy_free(top.list);
	trends_free(top.trends);
	return rc;
}

const struct cmd_entry cmd_top = {
	.name = "top",
	.summary = "the peers live, sorted, with trends; ? explains the keys",
	.help = "Usage: rpingmesh-ctl top [OPTION]... [--json]\n"
		"Show peers, or with -t each stream of probes to them, sorted, again and again.\n"
		"On a terminal, top uses the screen and obeys keys; elsewhere (and with\n"
		"TERM=dumb) it prints a table for each update. If the daemon goes away, the\n"
		"screen reports it, keeps the last figures, and waits for the daemon.\n"
		"\n"
		"  -s, --sort COLUMN    worst (default: states that are not up, then loss), rtt,\n"
		"                       p99, loss, prober, responder or name; the highest value\n"
		"                       comes first, unknown values last\n"
		"  -r, --reverse        reverse the order\n"
		"  -f, --filter TEXT    show only rows with TEXT in address, device, host, state\n"
		"                       or kind\n"
		"  -t, --targets        show each stream of probes, as in `rpingmesh-ctl "
		"targets`\n"
		"  -d, --interval S     seconds between updates, 0.1 to 3600 (default 1)\n"
		"  -n, --updates N      end after N updates\n"
		"  -1, --once           print one table and end, even on a terminal\n"
		"\n"
		"Keys:\n"
		"  w r p l b d n        sort by worst, rtt, p99, loss, prober, responder, name\n"
		"  < >  R               sort by the previous or next column; reverse the order\n"
		"  /                    filter (Enter keeps it, Esc clears it)\n"
		"  space  t             pause; show peers or streams of probes\n"
		"  arrows, Page Up, Page Down, Home, End    scroll\n"
		"  ?  q                 help; quit (Ctrl-C quits, too)\n"
		"\n"
		"LOSS and times cover the last 10 seconds, as in `rpingmesh-ctl peers`. RTT\n"
		"TREND and LOSS TREND have a mark for each window (window_s, by default 10\n"
		"seconds) that closed since top began, and for the one before. Marks of the\n"
		"median RTT range from the least to the greatest of the row, or to twice the\n"
		"least if that is more. Marks of the loss mean none, and up to 0.1, 0.5, 1, 5,\n"
		"10, 50 and 100 %. '?' is a window about which nothing is known. Green: up, no\n"
		"loss. Yellow: on its way up, some loss. Red: not up, loss of 5 % or more.\n"
		"\n"
		"Exit status: 0 quit, or -n; 2 usage; 3 no daemon, or the daemon went away and\n"
		"there is no screen.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl top\n"
		"  rpingmesh-ctl top --sort p99 --filter rxe0\n"
		"  rpingmesh-ctl top --once --sort loss | head -5\n"
		"  rpingmesh-ctl --json top -1 -s rtt | jq -c '[.address, .recent.rtt_p50_ns]'",
	.run = top_run,
};

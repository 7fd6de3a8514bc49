/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: the command histogram
 *
 * A path is what has windows: a stream of probes, a flow or a device. Its windows are merged
 * exactly, count by count.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "core/clock.h"
#include "ctl/cmd/ask.h"
#include "ctl/cmd/show.h"
#include "ctl/term/signals.h"
#include "core/utf8.h"
#include "ctl/view/bars.h"
#include "ctl/view/format.h"
#include "record/json.h"
#include "ctl/view/table.h"
#include "ctl/view/view.h"
#include "ctl/wire/copy.h"
#include "record/read.h"

#define HISTCMD_KEY 256
#define HISTCMD_ROWS 20u
#define HISTCMD_COLUMNS 80u /* without a terminal */
#define HISTCMD_BAR_LEAST 8u
#define HISTCMD_BAR_MOST 60u

static const struct histcmd_metric {
	const char *name, *key, *title;
} histcmd_metrics[] = {
	{"rtt", "rtt", "RTT"}, {"prober", "prober_delay", "prober delay"}, {"responder",
	 "responder_delay", "responder delay"},
};
#define HISTCMD_METRICS (sizeof(histcmd_metrics) / sizeof(histcmd_metrics[0]))

struct histcmd_path {
	struct histcmd_path *next;
	char key[HISTCMD_KEY];
	struct copy *window;               /* the last one; it names the path */
	struct histogram times;
	uint64_t windows, start_ns, end_ns, start_mono_ns;
	uint64_t lost, of, noise, unbinned;
	bool told;                         /* the last one came as a notification */
	bool ended;                        /* the last one was the end of the stream */
	bool late; /* it began when others had windows already, so the command does not wait */
	bool bad;                          /* a window had no valid histogram */
};

struct histcmd {
	const struct ctl *ctl;
	struct client *client;
	const struct histcmd_metric *metric;
	const char *by, *target;           /* target NULL: all */
	unsigned long long windows, rows;
	uint64_t most;                     /* the most windows of any path */
	struct histcmd_path *paths;      /* owned, in the order in which they came */
	int failed;
};

/* ---- windows ---- */

static bool
histcmd_wanted(const struct histcmd *run, const msgpack_object *window)
{
	static const char *const keys[] = {"peer", "hostname", "device", "flow"};
	char text[HISTCMD_KEY];

	if (!run->target)
		return true;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (view_text(window, keys[i], text, sizeof(text)) &&
		    strcasecmp(text, run->target) == 0)
			return true;
	return false;
}

static void
histcmd_key(const msgpack_object *window, char key[HISTCMD_KEY])
{
	static const char *const keys[] = {"device",	    "peer",	    "source",
					   "kind",	    "flow",	    "flow_label",
					   "traffic_class", "service_level"};
	char text[40];
	size_t at = 0;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && at < HISTCMD_KEY; i++) {
		view_text(window, keys[i], text, i < 3 ? sizeof(text) : 16);
		at += (size_t)snprintf(key + at, HISTCMD_KEY - at, "%s\t", text);
	}
}

/* The path of the window, made if necessary. NULL: no memory. */
static struct histcmd_path *
histcmd_path(struct histcmd *run, const msgpack_object *window)
{
	struct histcmd_path **at = &run->paths, *path;
	char key[HISTCMD_KEY];

	histcmd_key(window, key);
	for (; *at; at = &(*at)->next)
		if (strcmp((*at)->key, key) == 0)
			return *at;
	path = calloc(1, sizeof(*path));
	if (path) {
		strcpy(path->key, key);
		path->late = run->most > 1;
	}
	*at = path;
	return path;
}

/* Adds all but the times. */
static void
histcmd_note(const struct histcmd *run, struct histcmd_path *path, const msgpack_object *window)
{
	uint64_t lost, of, n;

	if (read_u64(window, "loss_lost", &lost) && read_u64(window, "loss_of", &of) &&
	    lost <= of) {
		path->lost += lost;
		path->of += of;
	}
	if (strcmp(run->metric->key, "rtt") == 0 &&
	    read_u64(read_map(window, "noise"), "rtt_count", &n))
		path->noise += n;
	if (read_u64(window, "unbinned", &n))
		path->unbinned += n;
}

static int
histcmd_merge_window(const struct histcmd *run, struct histcmd_path *path,
		     const msgpack_object *window)
{
	struct histogram times = {0};
	int rc = bars_read(read_map(window, run->metric->key), &times);

	if (rc == 0)
		rc = histogram_merge(&path->times, &times);
	histogram_clear(&times);
	if (rc == -ENOMEM)
		return rc;
	path->bad |= rc < 0;
	histcmd_note(run, path, window);
	copy_free(path->window);
	path->window = copy_new(window);
	return path->window ? 0 : -ENOMEM;
}

/*
 * Concurrent pings to one host are one path, with windows that begin at the same time. The daemon
 * sends each notification once, but a page may repeat one.
 */
static int
histcmd_take(struct histcmd *run, const msgpack_object *window, bool told)
{
	struct histcmd_path *path;
	uint64_t start_ns, end_ns, mono_ns = 0;

	if (!histcmd_wanted(run, window) || !read_u64(window, "start_ns", &start_ns) ||
	    !read_u64(window, "end_ns", &end_ns))
		return 0;
	path = histcmd_path(run, window);
	if (!path)
		return -ENOMEM;
	read_u64(window, "start_mono_ns", &mono_ns);
	if (!told && path->told && mono_ns <= path->start_mono_ns)
		return 0;
	path->told = told;
	if (path->windows == 0 || mono_ns != path->start_mono_ns) {
		if (path->windows >= run->windows)
			return 0;
		path->windows++;
		run->most = path->windows > run->most ? path->windows : run->most;
		path->start_ns = path->windows == 1 ? start_ns : path->start_ns;
		path->start_mono_ns = mono_ns;
	}
	path->end_ns = end_ns;
	path->ended = false;
	read_bool(window, "ended", &path->ended);
	return histcmd_merge_window(run, path, window);
}

static int
histcmd_window(struct histcmd *run, const msgpack_object *window, bool told)
{
	int rc = ask_check_schema(run->client, window);

	if (rc == CMD_OK && histcmd_take(run, window, told) < 0) {
		rc = show_no_memory();
	}
	return rc;
}

static int
histcmd_page(void *arg, const msgpack_object *list)
{
	const struct histcmd *run = arg;
	int rc = run->failed;

	for (uint32_t i = 0; rc == CMD_OK && i < list->via.array.size; i++)
		rc = histcmd_window(arg, &list->via.array.ptr[i], false);
	return rc;
}

static void
histcmd_notified(void *arg, const msgpack_object *method, const msgpack_object *params)
{
	struct histcmd *run = arg;

	if (params->type != MSGPACK_OBJECT_ARRAY || params->via.array.size < 1 || run->failed)
		return;
	if (read_str_is(method, "window"))
		run->failed = histcmd_window(run, &params->via.array.ptr[0], true);
	else if (read_str_is(method, "dropped"))
		cmd_complain("windows are missing: they were read too slowly");
}

/*
 * Whether each path has all wanted windows, or has ended. Paths that came late do not count.
 */
static bool
histcmd_enough(const struct histcmd *run)
{
	for (const struct histcmd_path *path = run->paths; path; path = path->next)
		if (path->windows < run->windows && !path->ended && !path->late)
			return false;
	return run->paths != NULL;
}

static int
histcmd_fetch(struct histcmd *run)
{
	const struct pages_query query = {
		.method = "windows", .key = "windows", .param = "by", .value = run->by,
		.sparse = true,
	};
	struct pages pages;
	int rc = CMD_OK;

	if (run->windows > 1) {
		ask_signals();
		rc = ask_windows(run->client, run->by);
	}
	if (rc != CMD_OK)
		return rc;
	rc = ask_pages(run->client, &query, histcmd_page, run, &pages);
	pages_free(&pages);
	while (rc == CMD_OK && run->windows > 1 && !run->failed && !histcmd_enough(run) &&
	       !signals_stop())
		rc = ask_wait(run->client, UINT64_MAX);
	return run->failed ? run->failed : rc;
}

/* ---- for people ---- */

static const char *
histcmd_when(uint64_t ns, char buf[FORMAT_TEXT])
{
	time_t s = (time_t)(ns / NSEC_PER_SEC);
	struct tm tm;

	if (!gmtime_r(&s, &tm) || strftime(buf, FORMAT_TEXT, "%Y-%m-%d %H:%M:%SZ", &tm) == 0)
		strcpy(buf, "?");
	return buf;
}

static void
histcmd_title(const struct histcmd *run, const struct histcmd_path *path)
{
	static const char *const keys[][2] = {{"kind", ", "},
					      {"flow", " flow "},
					      {"src_port", ", port "}};
	const msgpack_object *window = copy_object(path->window);
	char text[TABLE_CELL_MAX], start[FORMAT_TEXT], end[FORMAT_TEXT], span[FORMAT_TEXT];

	view_text(window, "device", text, sizeof(text));
	printf("%s", text);
	if (view_text(window, "peer", text, sizeof(text)))
		printf(" -> %s", text);
	if (view_text(window, "hostname", text, sizeof(text)) && text[0])
		printf(" (%s)", text);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (view_text(window, keys[i][0], text, sizeof(text)))
			printf("%s%s", keys[i][1], text);
	printf(": %s\n", run->metric->title);
	printf("%s to %s (%s), %" PRIu64 " window%s: %" PRIu64 " measured, ",
	       histcmd_when(path->start_ns, start), histcmd_when(path->end_ns, end),
	       path->end_ns > path->start_ns ? format_age(path->end_ns - path->start_ns, span) :
					       "?",
	       path->windows, path->windows == 1 ? "" : "s", path->times.count);
	if (path->of)
		printf("%" PRIu64 " of %" PRIu64 " lost\n", path->lost, path->of);
	else
		puts("loss not known");
}

static void
histcmd_quantiles(const struct histogram *h)
{
	static const struct {
		const char *name;
		uint32_t per_million;
	} quantiles[] = {{"p50", 500000}, {"p90", 900000}, {"p99", 990000}, {"p99.9", 999000}};
	char text[FORMAT_TEXT];

	printf("min %s", format_ns(h->min_ns, text));
	for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++)
		printf("  %s %s", quantiles[i].name,
		       format_ns(histogram_quantile(h, quantiles[i].per_million), text));
	printf("  max %s\n\n", format_ns(h->max_ns, text));
}

static void
histcmd_row(const struct bars_row *row, const struct bars *bars, uint64_t count, size_t bar)
{
	char low[FORMAT_TEXT], high[FORMAT_TEXT], share[FORMAT_TEXT],
		text[3 * HISTCMD_BAR_MOST + 1];

	format_ns(row->low_ns, low);
	if (row->high_ns == UINT64_MAX)
		strcpy(high, "any");
	else
		format_ns(row->high_ns + 1, high);
	bars_text(row->count, bars->most, bar, utf8_spoken(), text);
	printf("%*s%s  %*s%s  %10" PRIu64 "  %6s%s%s\n", utf8_blanks(low, 8), "", low,
	       utf8_blanks(high, 8), "", high, row->count,
	       format_ratio((double)row->count / (double)count, share), text[0] ? "  " : "", text);
}

static void
histcmd_print(const struct histcmd *run, const struct histcmd_path *path)
{
	const size_t before = 8 + 2 + 8 + 2 + 10 + 2 + 6 + 2;
	size_t columns, lines, bar;
	struct bars bars;

	histcmd_title(run, path);
	if (path->noise)
		printf("left out: %" PRIu64 " that a stall of a host may have affected\n",
		       path->noise);
	if (path->unbinned)
		printf("left out: %" PRIu64 " results, because memory is short\n", path->unbinned);
	if (path->bad)
		puts("left out: windows whose histogram could not be read");
	if (path->times.count == 0) {
		puts("Nothing was measured.");
		return;
	}
	table_screen(&columns, &lines);
	columns = columns ? columns : HISTCMD_COLUMNS;
	bar = columns > before + HISTCMD_BAR_LEAST ? columns - before : HISTCMD_BAR_LEAST;
	bars_make(&path->times, run->rows, &bars);
	histcmd_quantiles(&path->times);
	printf("%8s  %8s  %10s  %6s\n", "FROM", "BELOW", "COUNT", "SHARE");
	for (size_t i = 0; i < bars.n; i++)
		histcmd_row(&bars.rows[i], &bars, path->times.count,
			    bar < HISTCMD_BAR_MOST ? bar : HISTCMD_BAR_MOST);
}

/* ---- JSON ---- */

static void
histcmd_json(const struct histcmd *run, const struct histcmd_path *path)
{
	static const char *const keys[] = {"device",	 "source",	  "peer",
					   "hostname",	 "kind",	  "flow",
					   "flow_label", "traffic_class", "service_level",
					   "src_port"};
	const struct histogram *h = &path->times;
	const msgpack_object nil = {.type = MSGPACK_OBJECT_NIL}, *o;
	struct bars bars;

	printf("{\"type\":\"histogram\",\"metric\":\"%s\",\"by\":\"%s\"", run->metric->name,
	       run->by);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		printf(",\"%s\":", keys[i]);
		json_write(stdout, (o = read_find(copy_object(path->window), keys[i])) ? o : &nil);
	}
	printf(",\"start_ns\":%" PRIu64 ",\"end_ns\":%" PRIu64 ",\"windows\":%" PRIu64
	       ",\"lost\":%" PRIu64 ",\"of\":%" PRIu64,
	       path->start_ns, path->end_ns, path->windows, path->lost, path->of);
	printf(",\"noise\":%" PRIu64 ",\"unbinned\":%" PRIu64 ",\"count\":%" PRIu64, path->noise,
	       path->unbinned, h->count);
	if (h->count)
		printf(",\"min_ns\":%" PRIu64 ",\"p50_ns\":%" PRIu64 ",\"p90_ns\":%" PRIu64
		       ",\"p99_ns\":%" PRIu64 ",\"p999_ns\":%" PRIu64 ",\"max_ns\":%" PRIu64,
		       h->min_ns, histogram_quantile(h, 500000), histogram_quantile(h, 900000),
		       histogram_quantile(h, 990000), histogram_quantile(h, 999000), h->max_ns);
	bars_make(h, run->rows, &bars);
	printf(",\"rows\":[");
	for (size_t i = 0; i < bars.n; i++)
		printf("%s{\"low_ns\":%" PRIu64 ",\"high_ns\":%" PRIu64 ",\"count\":%" PRIu64 "}",
		       i ? "," : "", bars.rows[i].low_ns, bars.rows[i].high_ns, bars.rows[i].count);
	puts("]}");
}

/* ---- the command ---- */

static void
histcmd_show(const struct histcmd *run)
{
	if (!run->paths && !run->ctl->json) {
		if (run->target)
			printf("No window of a %s to \"%s\" has been closed yet, or there is "
			       "none.\n",
			       run->by, run->target);
		else
			printf("No window of a %s has been closed yet, or nothing is probed.\n",
			       run->by);
	}
	for (const struct histcmd_path *path = run->paths; path; path = path->next) {
		if (run->ctl->json) {
			histcmd_json(run, path);
			continue;
		}
		if (path != run->paths)
			putchar('\n');
		histcmd_print(run, path);
	}
}

static void
histcmd_free(struct histcmd *run)
{
	while (run->paths) {
		struct histcmd_path *path = run->paths;

		run->paths = path->next;
		histogram_clear(&path->times);
		copy_free(path->window);
		free(path);
	}
}

static int
histcmd_option(struct histcmd *run, struct ctl *ctl, const struct cmd_entry *command, int c,
	       char **argv)
{
	switch (c) {
	case 'm':
		for (size_t i = 0; i < HISTCMD_METRICS; i++) {
			if (strcmp(optarg, histcmd_metrics[i].name) != 0)
				continue;
			run->metric = &histcmd_metrics[i];
			return -1;
		}
		return cmd_usage(command, "--metric: expected rtt, prober or responder, not \"%s\"",
				 optarg);
	case 'b':
		return cmd_option_by(command, optarg, &run->by);
	case 'c':
		return cmd_number(optarg, 1, 1000000, &run->windows) ?
			       -1 :
			       cmd_usage(command,
					 "-c: expected how many windows, 1 or more, not \"%s\"",
					 optarg);
	case 'r':
		return cmd_number(optarg, 2, BARS_ROWS_MAX, &run->rows) ?
			       -1 :
			       cmd_usage(command, "--rows: expected 2 to %u, not \"%s\"",
					 BARS_ROWS_MAX, optarg);
	default:
		return cmd_option(ctl, command, c, argv);
	}
}

static int
histcmd_options(struct ctl *ctl, struct histcmd *run, const struct cmd_entry *command, int argc,
		char **argv)
{
	static const struct option longs[] = {
		{"metric", required_argument, NULL, 'm'}, {"by", required_argument, NULL, 'b'},
		 {"count", required_argument, NULL, 'c'},
		{"rows", required_argument, NULL, 'r'}, CMD_LONG,
	};
	int c, rc = -1;

	optind = 0;
	while (rc < 0 && (c = getopt_long(argc, argv, ":m:c:" CMD_SHORT, longs, NULL)) != -1)
		rc = histcmd_option(run, ctl, command, c, argv);
	if (rc >= 0)
		return rc;
	if (argc - optind > 1)
		return cmd_usage(command, "histogram takes one target, not \"%s\" as well",
				 argv[optind + 1]);
	run->target = argv[optind];
	return -1;
}

static int
histcmd_run(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
{
	struct histcmd run = {
		.ctl = ctl, .metric = &histcmd_metrics[0], .by = "target", .windows = 1,
		.rows = HISTCMD_ROWS,
	};
	const struct client_ops ops = {.notified = histcmd_notified, .arg = &run};
	int rc = histcmd_options(ctl, &run, command, argc, argv);

	if (rc >= 0)
		return rc;
	rc = ask_open(ctl, &ops, &run.client);
	if (rc != CMD_OK)
		return rc;
	rc = histcmd_fetch(&run);
	if (rc == CMD_OK)
		histcmd_show(&run);
	client_close(run.client);
	histcmd_free(&run);
	return rc;
}

const struct cmd_entry cmd_histogram = {
	.name = "histogram",
	.summary = "the times of a path's last windows as bars",
	.help = "Usage: rpingmesh-ctl histogram [OPTION]... [TARGET] [--json]\n"
		"Show how the times of the last closed window are distributed, for each path, or\n"
		"for those to TARGET: an address, host name, device or number of a flow. Each\n"
		"row counts the results from FROM up to, but not including, BELOW; nothing is\n"
		"smoothed. Percentiles come from the daemon's buckets (nearest rank, within\n"
		"0.8 %); min and max are exact.\n"
		"\n"
		"  -m, --metric METRIC  rtt (default), prober or responder (the delays inside "
		"the\n"
		"                       two hosts)\n"
		"      --by WHAT        target (default: each stream of probes), flow (of\n"
		"                       services) or device\n"
		"  -c, --count N        merge N windows: the last closed one and those that\n"
		"                       follow. Ctrl-C shows the result so far\n"
		"      --rows N         print at most N rows, 2 to 64 (default 20)\n"
		"\n"
		"With --json, each path is one object: its identity, start_ns, end_ns, the\n"
		"percentiles, and rows with low_ns and high_ns (both belong to the row) and\n"
		"count.\n"
		"\n"
		"Exit status: 0 answered, or ended by Ctrl-C; 2 usage; 3 no daemon, or it went\n"
		"away.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl histogram 10.0.0.2\n"
		"  rpingmesh-ctl histogram -c 6 node7    # a minute, if windows have 10 seconds\n"
		"  rpingmesh-ctl --json histogram -m responder | jq -c '[.peer, .p99_ns]'",
	.run = histcmd_run,
};

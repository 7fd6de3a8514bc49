/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: watch
 *
 * Three ways to look at the same peers: on a terminal a table drawn over itself, elsewhere a line per peer and
 * update, with --json each probe as it ends. On a terminal the cursor is hidden, so every way out shows it again.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "ctl/client.h"
#include "ctl/ctl.h"
#include "ctl/json.h"
#include "ctl/peers.h"
#include "ctl/signals.h"
#include "ctl/table.h"
#include "ctl/view.h"

#define WATCH_SHOW_CURSOR "\033[?25h"
#define WATCH_HIDE_CURSOR "\033[?25l"
#define WATCH_CLEAR "\033[2J"
#define WATCH_HOME "\033[H"
#define WATCH_END_LINE "\033[K\r\n"
#define WATCH_END_SCREEN "\033[J"
#define WATCH_FRAME 4 /* lines around the rows: what it is, a blank, the titles, the last one */

struct watch {
	const struct ctl *ctl;
	struct client *client;
	unsigned long long interval_ns, count; /* count 0: no end */
	uint64_t seen;
	int failed;
};

static void
watch_record(struct watch *watch, const msgpack_object *record, const char *type)
{
	if (watch->failed || (watch->count && watch->seen >= watch->count))
		return;
	watch->failed = client_check_schema(watch->client, record);
	if (watch->failed)
		return;
	json_line(stdout, record, type);
	if (strcmp(type, "probe") == 0)
		watch->seen++;
}

static void
watch_notified(void *arg, const msgpack_object *method, const msgpack_object *params)
{
	static const char *const names[] = {"probe", "dropped"};

	if (method->type != MSGPACK_OBJECT_STR || params->type != MSGPACK_OBJECT_ARRAY || params->via.array.size < 1)
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (method->via.str.size == strlen(names[i]) &&
		    memcmp(method->via.str.ptr, names[i], strlen(names[i])) == 0)
			watch_record(arg, &params->via.array.ptr[0], names[i]);
}

static int
watch_stream(struct watch *watch)
{
	msgpack_sbuffer param;
	msgpack_packer pk;
	int rc;

	msgpack_sbuffer_init(&param);
	msgpack_packer_init(&pk, &param, msgpack_sbuffer_write);
	msgpack_pack_map(&pk, 0);
	rc = client_call(watch->client, "subscribe", &param, NULL);
	msgpack_sbuffer_destroy(&param);
	while (rc == CTL_OK && !watch->failed && !signals_stop() && (!watch->count || watch->seen < watch->count))
		rc = client_wait(watch->client, UINT64_MAX);
	return watch->failed ? watch->failed : rc;
}

static void
watch_lines(const msgpack_object *list)
{
	struct timespec now;
	struct tm tm;
	char stamp[32];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	for (uint32_t i = 0; i < list->via.array.size; i++) {
		printf("%s.%03ldZ ", stamp, now.tv_nsec / 1000000);
		peers_line(&list->via.array.ptr[i], stdout);
		putchar('\n');
	}
}

/* The head is cut to the width as well. */
static void
watch_head(const struct watch *watch, const msgpack_object *list, size_t columns, FILE *out)
{
	struct peers_count count;
	char text[128], clock_text[16];
	time_t now = time(NULL);
	struct tm tm;

	peers_count(list, &count);
	localtime_r(&now, &tm);
	strftime(clock_text, sizeof(clock_text), "%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s  %zu peers, %zu up, %zu not  (every %g s, Ctrl-C ends)", clock_text, count.peers, count.up,
		 count.down, (double)watch->interval_ns / 1e9);
	if (columns && columns < sizeof(text))
		text[columns] = '\0';
	table_paint(out, text, count.down ? TABLE_YELLOW : TABLE_BOLD, watch->ctl->color);
	fputs(WATCH_END_LINE WATCH_END_LINE, out);
}

static void
watch_body(const struct watch *watch, struct table *table, size_t room, size_t columns, FILE *out)
{
	size_t n = table_rows(table), shown = room < n ? room : n;
	char text[96];

	table_fit(table, columns);
	table_write_title(table, out, watch->ctl->color, WATCH_END_LINE);
	for (size_t r = 0; r < shown; r++)
		table_write_row(table, r, out, watch->ctl->color, WATCH_END_LINE);
	if (shown < n) {
		snprintf(text, sizeof(text), "%zu more, the better ones, do not fit", n - shown);
		if (columns && columns < sizeof(text))
			text[columns] = '\0';
		fputs(text, out);
	}
	fputs("\033[K" WATCH_END_SCREEN, out);
}

/* One write per update, so that the screen never shows half a table. */
static int
watch_draw(const struct watch *watch, const msgpack_object *list)
{
	size_t columns, rows, room, size = 0;
	struct table *table;
	char *screen = NULL;
	FILE *out;

	table_screen(&columns, &rows);
	room = rows == 0 ? SIZE_MAX : rows > WATCH_FRAME ? rows - WATCH_FRAME : 1;
	table = peers_table(list, clock_wall_ns(), list->via.array.size > room);
	out = table ? open_memstream(&screen, &size) : NULL;
	if (!out) {
		table_free(table);
		ctl_complain("out of memory");
		return CTL_BAD_NEWS;
	}
	fputs(WATCH_HOME, out);
	watch_head(watch, list, columns, out);
	watch_body(watch, table, room, columns, out);
	fclose(out);
	fwrite(screen, 1, size, stdout);
	fflush(stdout);
	free(screen);
	table_free(table);
	return CTL_OK;
}

static int
watch_update(const struct watch *watch)
{
	const msgpack_object *list = NULL;
	int rc = client_list(watch->client, "peers", &list);

	if (rc != CTL_OK)
		return rc;
	if (watch->ctl->tty)
		return watch_draw(watch, list);
	watch_lines(list);
	fflush(stdout);
	return CTL_OK;
}

/* Until the next update is due. A changed window is drawn at once, which counts as no update. */
static int
watch_pause(struct watch *watch, uint64_t until_ns)
{
	int rc = CTL_OK;

	while (rc == CTL_OK && !signals_stop() && clock_mono_ns() < until_ns) {
		rc = client_wait(watch->client, until_ns);
		if (rc == CTL_OK && watch->ctl->tty && !signals_stop() && clock_mono_ns() < until_ns)
			rc = watch_update(watch);
	}
	return rc;
}

static int
watch_table(struct watch *watch)
{
	uint64_t next_ns = clock_mono_ns();
	int rc = CTL_OK;

	if (watch->ctl->tty)
		fputs(WATCH_HIDE_CURSOR WATCH_CLEAR, stdout);
	while (rc == CTL_OK && !signals_stop()) {
		rc = watch_update(watch);
		if (watch->count && ++watch->seen >= watch->count)
			break;
		next_ns += watch->interval_ns;
		if (rc == CTL_OK)
			rc = watch_pause(watch, next_ns);
	}
	if (watch->ctl->tty)
		fputs("\r\n" WATCH_SHOW_CURSOR, stdout);
	fflush(stdout);
	return rc;
}

static int
watch_options(struct ctl *ctl, struct watch *watch, const struct ctl_command *command, int argc, char **argv)
{
	static const struct option longs[] = {
		{"interval", required_argument, NULL, 'n'}, {"count", required_argument, NULL, 'c'}, CTL_LONG,
	};
	int c, rc = -1;

	optind = 0;
	while (rc < 0 && (c = getopt_long(argc, argv, ":n:c:" CTL_SHORT, longs, NULL)) != -1) {
		if (c == 'n')
			rc = ctl_seconds(optarg, 0.1, 3600, &watch->interval_ns) ? -1 :
				ctl_usage(command, "-n: expected seconds, 0.1 to 3600, not \"%s\"", optarg);
		else if (c == 'c')
			rc = ctl_number(optarg, 1, UINT32_MAX, &watch->count) ? -1 :
				ctl_usage(command, "-c: expected how many, 1 or more, not \"%s\"", optarg);
		else
			rc = ctl_option(ctl, command, c, argv);
	}
	if (rc < 0 && optind < argc)
		return ctl_usage(command, "watch takes no argument, not \"%s\"", argv[optind]);
	return rc;
}

static int
watch_run(struct ctl *ctl, const struct ctl_command *command, int argc, char **argv)
{
	struct watch watch = {.ctl = ctl, .interval_ns = NSEC_PER_SEC};
	struct client_ops ops = {.notified = watch_notified, .arg = &watch};
	int rc = watch_options(ctl, &watch, command, argc, argv);

	if (rc >= 0)
		return rc;
	rc = client_open(ctl->socket, &ops, &watch.client);
	if (rc != CTL_OK)
		return rc;
	if (signals_start(ctl->tty && !ctl->json ? WATCH_SHOW_CURSOR "\r\n" : NULL) < 0)
		ctl_complain("cannot catch signals");
	rc = ctl->json ? watch_stream(&watch) : watch_table(&watch);
	client_close(watch.client);
	return rc;
}

const struct ctl_command ctl_watch = {
	.name = "watch",
	.summary = "the peers live: a table, lines, or JSON records",
	.help = "Usage: rpingmesh-ctl watch [-n SECONDS] [-c N] [--json]\n"
		"Show the table of `rpingmesh-ctl peers` again and again. When there are more peers than lines,\n"
		"the worst come first and the last line tells how many are hidden. When the output is not a\n"
		"terminal, each update is one line per peer with the time (UTC).\n"
		"\n"
		"  -n, --interval S     seconds between updates, 0.1 to 3600 (default 1)\n"
		"  -c, --count N        end after N updates, with --json after N probes\n"
		"\n"
		"With --json each probe of the daemon is printed as one line the moment it has ended; a line\n"
		"{\"type\":\"dropped\",\"count\":N} tells that N are missing because we read too slowly.\n"
		"\n"
		"Exit status: 0 ended by Ctrl-C or -c; 2 usage; 3 no daemon, or it went away.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl watch\n"
		"  rpingmesh-ctl watch -n 10 >> /var/log/rpingmesh-peers.log\n"
		"  rpingmesh-ctl --json watch | jq -c 'select(.class != \"ok\")'",
	.run = watch_run,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: watch
 *
 * Logs peers: a line for each peer and update or, with --json, each probe as it ends. `top` shows
 * them on the screen.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "ctl/cmd/ask.h"
#include "ctl/term/signals.h"
#include "ctl/view/peer.h"
#include "record/json.h"
#include "record/read.h"

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
	watch->failed = ask_check_schema(watch->client, record);
	if (watch->failed)
		return;
	json_line(stdout, record, type);
	if (strcmp(type, "probe") == 0)
		watch->seen++;
}

static void
watch_notified(void *arg, const msgpack_object *method, const msgpack_object *params)
{
	static const char *const names[] = {"probe", "correction", "dropped"};

	if (params->type != MSGPACK_OBJECT_ARRAY || params->via.array.size < 1)
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (read_str_is(method, names[i]))
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
	rc = ask_call(watch->client, "subscribe", &param, NULL);
	msgpack_sbuffer_destroy(&param);
	while (rc == CMD_OK && !watch->failed && !signals_stop() &&
	       (!watch->count || watch->seen < watch->count))
		rc = ask_wait(watch->client, UINT64_MAX);
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
		peer_line(&list->via.array.ptr[i], stdout);
		putchar('\n');
	}
}

static int
watch_log(struct watch *watch)
{
	uint64_t next_ns = clock_mono_ns();
	int rc = CMD_OK;

	while (rc == CMD_OK && !signals_stop()) {
		const msgpack_object *list = NULL;
		struct pages pages;

		rc = ask_list(watch->client, "peers", &pages, &list);
		if (rc == CMD_OK)
			watch_lines(list);
		pages_free(&pages);
		if (rc != CMD_OK)
			break;
		fflush(stdout);
		if (watch->count && ++watch->seen >= watch->count)
			break;
		next_ns = cmd_next(next_ns, watch->interval_ns);
		while (rc == CMD_OK && !signals_stop() && clock_mono_ns() < next_ns)
			rc = ask_wait(watch->client, next_ns);
	}
	return rc;
}

static int
watch_options(struct ctl *ctl, struct watch *watch, const struct cmd_entry *command, int argc,
	      char **argv)
{
	static const struct option longs[] = {
		{"interval", required_argument, NULL, 'n'}, {"count", required_argument, NULL, 'c'},
		 CMD_LONG,
	};
	int c, rc = -1;

	optind = 0;
	while (rc < 0 && (c = getopt_long(argc, argv, ":n:c:" CMD_SHORT, longs, NULL)) != -1) {
		if (c == 'n')
			rc = cmd_option_seconds(command, 'n', &watch->interval_ns);
		else if (c == 'c')
			rc = cmd_option_count(command, 'c', &watch->count);
		else
			rc = cmd_option(ctl, command, c, argv);
	}
	return rc < 0 ? cmd_no_argument(command, argc, argv) : rc;
}

static int
watch_run(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
{
	struct watch watch = {.ctl = ctl, .interval_ns = NSEC_PER_SEC};
	struct client_ops ops = {.notified = watch_notified, .arg = &watch};
	int rc = watch_options(ctl, &watch, command, argc, argv);

	if (rc >= 0)
		return rc;
	rc = ask_open(ctl, &ops, &watch.client);
	if (rc != CMD_OK)
		return rc;
	ask_signals();
	rc = ctl->json ? watch_stream(&watch) : watch_log(&watch);
	client_close(watch.client);
	return rc;
}

const struct cmd_entry cmd_watch = {
	.name = "watch",
	.summary = "the peers as lines for logs, or each probe as JSON",
	.help = "Usage: rpingmesh-ctl watch [-n SECONDS] [-c N] [--json]\n"
		"Print a line per peer again and again, with the time (UTC), for logs. For the\n"
		"screen, use `rpingmesh-ctl top`.\n"
		"\n"
		"  -n, --interval S     seconds between updates, 0.1 to 3600 (default 1)\n"
		"  -c, --count N        end after N updates, with --json after N probes\n"
		"\n"
		"With --json each probe of the daemon is one line, printed when the probe has\n"
		"ended. A line of type correction says that an earlier probe, which had been\n"
		"unreachable, was lost. A line {\"type\":\"dropped\",\"count\":N} means that N\n"
		"lines are missing because the output was read too slowly.\n"
		"\n"
		"Exit status: 0 ended by Ctrl-C or -c; 2 usage; 3 no daemon, or it went away.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl watch -n 10 >> /var/log/rpingmesh-peers.log\n"
		"  rpingmesh-ctl --json watch | jq -c 'select(.class != \"ok\")'",
	.run = watch_run,
};

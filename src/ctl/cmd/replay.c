/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: replay
 *
 * Reads a recording and prints it like the commands that follow a daemon: a line for each record,
 * or the unchanged records as JSON. It prints all at once or, with --speed, at the original times.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>

#include "core/clock.h"
#include "ctl/cmd/ask.h"
#include "ctl/term/signals.h"
#include "ctl/view/format.h"
#include "ctl/view/lines.h"
#include "ctl/view/view.h"
#include "ctl/view/windowtable.h"
#include "ctl/wire/recfile.h"
#include "record/json.h"
#include "record/read.h"

#define REPLAY_POLL_NS (200 * NSEC_PER_MSEC) /* how often a growing file is read */

enum replay_kind {
	REPLAY_PROBE,
	REPLAY_WINDOW,
	REPLAY_EVENT,
	REPLAY_CORRECTION,
	REPLAY_DROPPED,
	REPLAY_KIND_N
};

static const char *const replay_kinds[REPLAY_KIND_N] = {"probe", "window", "event",
							"correction", "dropped"};

struct replay {
	const struct ctl *ctl;
	const char *path;
	struct recfile_reader *file;
	double speed;        /* 0: at once */
	bool follow, info;
	uint64_t began_ns;   /* CLOCK_MONOTONIC */
	uint64_t start_ns;   /* of the recording, wall clock */
	uint64_t last_ns;    /* of the last entry, since start_ns */
	uint64_t n[REPLAY_KIND_N], others, missing;
	bool ended;          /* "end" has been read */
	char reason[32];
};

/* ---- entries ---- */

/* Waits until ns (CLOCK_MONOTONIC) or a signal. */
static void
replay_wait(uint64_t until_ns)
{
	uint64_t now;

	while (!signals_stop() && (now = clock_mono_ns()) < until_ns) {
		struct pollfd fd = {.fd = signals_fd(), .events = POLLIN};
		uint64_t ms = (until_ns - now + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC;

		fflush(stdout);
		if (poll(&fd, 1, ms > 1000 ? 1000 : (int)ms) > 0)
			signals_drain();
	}
}

static void
replay_print(const struct replay *r, enum replay_kind kind, const struct recfile_entry *entry)
{
	char text[32];

	if (r->ctl->json) {
		json_line(stdout, entry->record, replay_kinds[kind]);
		return;
	}
	switch (kind) {
	case REPLAY_PROBE:
	case REPLAY_CORRECTION:
		lines_probe(entry->record, stdout);
		break;
	case REPLAY_WINDOW:
		windowtable_line(entry->record, stdout);
		putchar('\n');
		break;
	case REPLAY_EVENT:
		lines_event(entry->record, stdout);
		break;
	case REPLAY_DROPPED:
	case REPLAY_KIND_N:
		lines_time(r->start_ns + entry->after_ns, stdout);
		view_text(entry->record, "count", text, sizeof(text));
		printf(" dropped %s records are missing here because they were read too slowly\n",
		       text);
	}
}

/* Limits a time of the file to some centuries, because the file may contain any number. */
static uint64_t
replay_after(const struct replay *r, uint64_t after_ns)
{
	double ns = (double)after_ns / r->speed;

	return ns < 9e18 ? (uint64_t)ns : (uint64_t)9e18;
}

static void
replay_entry(struct replay *r, const struct recfile_entry *entry)
{
	uint64_t n;
	int kind = 0;

	r->last_ns = entry->after_ns;
	if (read_str_is(entry->kind, "end")) {
		r->ended = true;
		view_text(entry->record, "reason", r->reason, sizeof(r->reason));
		return;
	}
	while (kind < REPLAY_KIND_N && !read_str_is(entry->kind, replay_kinds[kind]))
		kind++;
	if (kind == REPLAY_KIND_N) {
		r->others++;
		return;
	}
	r->n[kind]++;
	if (kind == REPLAY_DROPPED && read_u64(entry->record, "count", &n))
		r->missing += n;
	if (r->speed > 0 && !r->info)
		replay_wait(r->began_ns + replay_after(r, entry->after_ns));
	if (!r->info && !signals_stop())
		replay_print(r, (enum replay_kind)kind, entry);
}

/* ---- the recording ---- */

static int
replay_bad(const struct replay *r, const char *what)
{
	cmd_complain("%s: %s", strcmp(r->path, "-") == 0 ? "standard input" : r->path, what);
	return CMD_BAD_NEWS;
}

static void
replay_head(struct replay *r, const msgpack_object *header)
{
	char host[128], version[64];

	read_u64(header, "start_ns", &r->start_ns);
	if (r->ctl->json && r->info) {
		json_line(stdout, header, "recording");
	} else if (!r->ctl->json) {
		view_text(header, "host", host, sizeof(host));
		view_text(header, "daemon_version", version, sizeof(version));
		printf("# recorded on %s (rpingmeshd %s) from ", host, version);
		lines_time(r->start_ns, stdout);
		putchar('\n');
	}
}

/* The second part of --info, after the header. */
static void
replay_totals_json(const struct replay *r)
{
	const msgpack_object reason = {.type = MSGPACK_OBJECT_STR,
				       .via.str = {.size = (uint32_t)strlen(r->reason),
						   .ptr = r->reason}};

	printf("{\"type\":\"recording_totals\",\"probes\":%" PRIu64 ",\"windows\":%" PRIu64
	       ",\"events\":%" PRIu64 ",\"missing\":%" PRIu64 ",\"others\":%" PRIu64
	       ",\"duration_ns\":%" PRIu64 ",\"reason\":",
	       r->n[REPLAY_PROBE], r->n[REPLAY_WINDOW], r->n[REPLAY_EVENT], r->missing, r->others,
	       r->last_ns);
	if (r->ended)
		json_write(stdout, &reason);
	else
		fputs("null", stdout);
	puts("}");
}

/* Checks what follows the last entry. */
static int
replay_tail(const struct replay *r)
{
	char text[160];
	uint64_t offset;

	if (r->ctl->json && r->info)
		replay_totals_json(r);
	if (!r->ctl->json) {
		printf("# %s, ", format_count(r->n[REPLAY_PROBE], "probe", text));
		printf("%s, ", format_count(r->n[REPLAY_WINDOW], "window", text));
		printf("%s in ", format_count(r->n[REPLAY_EVENT], "event", text));
		fputs(format_age(r->last_ns, text), stdout);
		if (r->missing)
			printf(", %" PRIu64 " missing", r->missing);
		if (r->others)
			printf(", %" PRIu64 " of kinds that this version does not know", r->others);
		printf(r->ended ? ", ended by: %s\n" : "\n", r->reason);
	}
	fflush(stdout);
	if (r->ended || signals_stop())
		return CMD_OK;
	if (recfile_cut(r->file, &offset))
		snprintf(text, sizeof(text),
			 "byte %llu: the recording was cut within a record; all before it has been "
			 "read",
			 (unsigned long long)offset);
	else
		snprintf(text, sizeof(text),
			 "byte %llu: the recording has no end: its writer was killed, still "
			 "runs, or the disk was full",
			 (unsigned long long)offset);
	return replay_bad(r, text);
}

static int
replay_all(struct replay *r)
{
	struct recfile_entry entry;
	const msgpack_object *header = recfile_read_header(r->file);

	if (!header)
		return replay_bad(r, recfile_error(r->file));
	replay_head(r, header);
	r->began_ns = clock_mono_ns();
	while (!r->ended && !signals_stop()) {
		switch (recfile_next(r->file, &entry)) {
		case RECFILE_ENTRY:
			replay_entry(r, &entry);
			break;
		case RECFILE_END:
			if (!r->follow || !recfile_may_grow(r->file))
				return replay_tail(r);
			replay_wait(clock_mono_ns() + REPLAY_POLL_NS);
			break;
		case RECFILE_BAD:
			fflush(stdout);
			return replay_bad(r, recfile_error(r->file));
		}
	}
	return replay_tail(r);
}

static int
replay_options(struct ctl *ctl, struct replay *r, const struct cmd_entry *command, int argc,
	       char **argv)
{
	static const struct option longs[] = {
		{"speed", required_argument, NULL, 's'}, {"follow", no_argument, NULL, 'f'},
		 {"info", no_argument, NULL, 'i'}, CMD_LONG,
	};
	unsigned long long speed_ns;
	int c, rc = -1;

	optind = 0;
	while (rc < 0 && (c = getopt_long(argc, argv, ":fis:" CMD_SHORT, longs, NULL)) != -1) {
		r->follow |= c == 'f';
		r->info |= c == 'i';
		if (c == 's' && cmd_seconds(optarg, 0.001, 1e6, &speed_ns))
			r->speed = (double)speed_ns / (double)NSEC_PER_SEC;
		else if (c == 's')
			rc = cmd_usage(command,
				       "-s: expected a factor, 0.001 to 1000000, not \"%s\"",
				       optarg);
		else if (c != 'f' && c != 'i')
			rc = cmd_option(ctl, command, c, argv);
	}
	if (rc >= 0)
		return rc;
	if (optind + 1 != argc)
		return cmd_usage(command,
				 optind == argc ? "replay which file?" : "replay: one file");
	r->path = argv[optind];
	return -1;
}

static int
replay_run(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
{
	struct replay r = {.ctl = ctl};
	int rc = replay_options(ctl, &r, command, argc, argv);

	if (rc >= 0)
		return rc;
	rc = recfile_open(r.path, &r.file);
	if (rc < 0)
		return replay_bad(&r, strerror(-rc));
	ask_signals();
	rc = replay_all(&r);
	recfile_close(r.file);
	return rc;
}

const struct cmd_entry cmd_replay = {
	.name = "replay",
	.summary = "print what `record` wrote, at once or at its original speed",
	.help = "Usage: rpingmesh-ctl replay [-s FACTOR] [-f] [-i] FILE [--json]\n"
		"Print the contents of a file that `rpingmesh-ctl record` wrote. With --json\n"
		"each record is printed as `watch`, `windows --follow` and `events` would have\n"
		"printed it; otherwise as one line. - is standard input. No daemon is needed.\n"
		"\n"
		"  -s, --speed FACTOR   print at the speed of the recording (1) or, for example,\n"
		"                       ten times as fast (10); by default, print all at once\n"
		"  -f, --follow         if the file is still being written, wait for more, until\n"
		"                       its end\n"
		"  -i, --info           print only the host, the time and the size of the\n"
		"                       recording\n"
		"\n"
		"If a recording was cut by a crash or a full disk, it is printed up to there.\n"
		"\n"
		"Exit status: 0 replayed to its end, or ended by Ctrl-C; 1 the recording was "
		"cut,\n"
		"is damaged (the message names the byte) or cannot be read; 2 usage.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl replay --info incident.rec\n"
		"  rpingmesh-ctl replay -s 1 incident.rec\n"
		"  rpingmesh-ctl --json replay incident.rec | jq -c 'select(.class == \"lost\")'",
	.run = replay_run,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: record
 *
 * Subscribes and writes each notification as it comes. It ends when it is stopped, at a limit, when
 * the daemon goes or when the disk is full. In each case the file contains complete records. While
 * writing blocks, the daemon drops notifications and reports how many.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "ctl/cmd/ask.h"
#include "ctl/term/signals.h"
#include "ctl/view/format.h"
#include "ctl/view/view.h"
#include "ctl/wire/recfile.h"
#include "record/json.h"
#include "record/read.h"

enum recording_kind {
	RECORDING_PROBE,
	RECORDING_WINDOW,
	RECORDING_EVENT,
	RECORDING_KIND_N
};

static const char *const recording_kinds[RECORDING_KIND_N] = {"probe", "window", "event"};
static const char *const recording_methods[RECORDING_KIND_N] = {"subscribe", "subscribe_windows",
								"events"};

struct recording {
	struct ctl *ctl;
	struct client *client;
	struct recfile_writer *file;
	const char *path;
	bool force, wanted[RECORDING_KIND_N];
	unsigned long long count, duration_ns, max_size; /* 0: no limit */
	uint64_t start_ns;                               /* CLOCK_MONOTONIC */
	uint64_t added[RECORDING_KIND_N], total, dropped;
	int error;                                       /* -errno of the file */
	int failed; /* exit code; 0: nothing has failed */
};

static bool
recording_full(const struct recording *r)
{
	return (r->count && r->total >= r->count) ||
	       (r->max_size && recfile_size(r->file) >= r->max_size);
}

static void
recording_add(struct recording *r, const char *kind, const msgpack_object *record)
{
	r->error = recfile_add(r->file, clock_mono_ns() - r->start_ns, kind, record);
}

static void
recording_notified(void *arg, const msgpack_object *method, const msgpack_object *params)
{
	struct recording *r = arg;
	const msgpack_object *record;
	uint64_t n;

	if (params->type != MSGPACK_OBJECT_ARRAY || params->via.array.size < 1 || !r->file ||
	    r->error || r->failed || recording_full(r))
		return;
	record = &params->via.array.ptr[0];
	if (read_str_is(method, "dropped")) {
		r->dropped += read_u64(record, "count", &n) ? n : 0;
		recording_add(r, "dropped", record);
	}
	if (r->wanted[RECORDING_PROBE] && read_str_is(method, "correction"))
		recording_add(r, "correction", record);
	for (int kind = 0; kind < RECORDING_KIND_N; kind++) {
		if (!r->wanted[kind] || !read_str_is(method, recording_kinds[kind]))
			continue;
		r->failed = ask_check_schema(r->client, record);
		if (r->failed)
			return;
		recording_add(r, recording_kinds[kind], record);
		r->added[kind]++;
		r->total++;
	}
}

/* ---- begin and end ---- */

static int
recording_cannot(const struct recording *r, int error, const char *what)
{
	cmd_complain("%s: %s: %s%s", strcmp(r->path, "-") == 0 ? "standard output" : r->path, what,
		     strerror(-error), error == -EEXIST ? "; --force overwrites it" : "");
	return CMD_BAD_NEWS;
}

static int
recording_begin(struct recording *r)
{
	const msgpack_object *status = NULL;
	char host[128], version[64];
	const char *kinds[RECORDING_KIND_N];
	struct recfile_header header = {.host = host, .daemon_version = version, .kinds = kinds};
	int rc = ask_call(r->client, "status", NULL, &status);

	if (rc == CMD_OK)
		rc = ask_check_schema(r->client, status);
	if (rc != CMD_OK)
		return rc;
	view_text(status, "hostname", host, sizeof(host));
	view_text(status, "version", version, sizeof(version));
	read_u64(status, "incarnation", &header.incarnation);
	for (int kind = 0; kind < RECORDING_KIND_N; kind++)
		if (r->wanted[kind])
			kinds[header.n_kinds++] = recording_kinds[kind];
	header.start_ns = clock_wall_ns();
	r->start_ns = clock_mono_ns();
	rc = recfile_create(r->path, r->force, &header, &r->file);
	if (rc == 0)
		rc = r->error = recfile_flush(r->file);
	return rc < 0 ? recording_cannot(r, rc, r->file ? "cannot be written" : "cannot be made") :
			CMD_OK;
}

static int
recording_subscribe(struct recording *r)
{
	int rc = CMD_OK;

	for (int kind = 0; rc == CMD_OK && kind < RECORDING_KIND_N; kind++)
		if (r->wanted[kind])
			rc = ask_call(r->client, recording_methods[kind], NULL, NULL);
	return rc;
}

static void
recording_summary(const struct recording *r, uint64_t took_ns, uint64_t bytes, uint64_t kept,
		  const char *reason)
{
	char text[FORMAT_TEXT];
	/* The standard output may be the recording itself. */
	FILE *out = strcmp(r->path, "-") == 0 ? stderr : stdout;

	if (r->ctl->json) {
		fprintf(out,
			"{\"type\":\"recording\",\"records\":%" PRIu64 ",\"dropped\":%" PRIu64
			",\"kept\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"duration_ns\":%" PRIu64
			",\"reason\":\"%s\"}\n",
			r->total, r->dropped, kept, bytes, took_ns, reason);
		return;
	}
	fprintf(out, "%s: %s, ", r->path, format_count(r->added[RECORDING_PROBE], "probe", text));
	fprintf(out, "%s, ", format_count(r->added[RECORDING_WINDOW], "window", text));
	fprintf(out, "%s in ", format_count(r->added[RECORDING_EVENT], "event", text));
	fprintf(out, "%s, %" PRIu64 " bytes", format_age(took_ns, text), bytes);
	if (r->dropped)
		fprintf(out, "; %" PRIu64 " are missing because they were read too slowly",
			r->dropped);
	if (r->error)
		fprintf(out, "; the file contains the first %s",
			format_count(kept, "record", text));
	fputc('\n', out);
}

static int
recording_end(struct recording *r, int rc, const char *reason)
{
	uint64_t took_ns = clock_mono_ns() - r->start_ns, bytes, kept;
	int error = recfile_flush(r->file);

	if (!r->error)
		r->error = error;
	bytes = recfile_size(r->file);
	kept = recfile_written(r->file);
	error = recfile_end(r->file, took_ns, clock_wall_ns(), r->dropped, reason);
	r->file = NULL;
	recording_summary(r, took_ns, bytes, kept, error < 0 ? "disk" : reason);
	if (error < 0) {
		recording_cannot(r, error,
				 "the recording has ended, and all its records are complete");
		return CMD_BAD_NEWS;
	}
	return rc;
}

/* Why the recording has ended; NULL: it continues. */
static const char *
recording_over(const struct recording *r, int rc)
{
	if (r->error)
		return "disk";
	if (rc != CMD_OK || r->failed)
		return "daemon";
	if (r->count && r->total >= r->count)
		return "count";
	if (r->max_size && recfile_size(r->file) >= r->max_size)
		return "size";
	if (signals_stop())
		return "stopped";
	return r->duration_ns && clock_mono_ns() - r->start_ns >= r->duration_ns ? "duration" :
										   NULL;
}

static int
recording_go(struct recording *r)
{
	const char *reason;
	int rc = recording_subscribe(r);

	while (!(reason = recording_over(r, rc))) {
		uint64_t now = clock_mono_ns(), until = now + RECFILE_FLUSH_NS;

		if (r->duration_ns && until > r->start_ns + r->duration_ns)
			until = r->start_ns + r->duration_ns;
		rc = ask_wait(r->client, until);
		if (clock_mono_ns() >= until && !r->error)
			r->error = recfile_flush(r->file);
	}
	return recording_end(r, r->failed ? r->failed : rc, reason);
}

/* ---- the command ---- */

/* "probe,event" */
static bool
recording_parse_kinds(struct recording *r, const char *text)
{
	memset(r->wanted, 0, sizeof(r->wanted));
	for (;;) {
		size_t len = strcspn(text, ",");
		int kind = 0;

		while (kind < RECORDING_KIND_N && (strlen(recording_kinds[kind]) != len ||
						   strncmp(text, recording_kinds[kind], len) != 0))
			kind++;
		if (kind == RECORDING_KIND_N)
			return false;
		r->wanted[kind] = true;
		if (!text[len])
			return true;
		text += len + 1;
	}
}

/* "500", "20k", "3M", "1G": powers of 1024. */
static bool
recording_parse_size(const char *text, unsigned long long *out)
{
	static const char units[] = "kMG";
	size_t len = strlen(text);
	const char *unit = len > 1 ? strchr(units, text[len - 1]) : NULL;
	char digits[24];

	if (!unit)
		return cmd_number(text, 1, 1ULL << 50, out);
	if (len > sizeof(digits))
		return false;
	memcpy(digits, text, len - 1);
	digits[len - 1] = '\0';
	if (!cmd_number(digits, 1, 1ULL << 20, out))
		return false;
	*out <<= 10 * (unit - units + 1);
	return true;
}

static int
recording_option(struct recording *r, struct ctl *ctl, const struct cmd_entry *command, int c,
		 char **argv)
{
	switch (c) {
	case 'f':
		r->force = true;
		return -1;
	case 'k':
		return recording_parse_kinds(r, optarg) ?
			       -1 :
			       cmd_usage(command,
					 "-k: expected some of probe,window,event, not \"%s\"",
					 optarg);
	case 'c':
		return cmd_option_count(command, 'c', &r->count);
	case 'd':
		return cmd_seconds(optarg, 0.1, 1e9, &r->duration_ns) ? -1 :
			cmd_usage(command, "-d: expected seconds, 0.1 or more, not \"%s\"", optarg);
	case 'M':
		return recording_parse_size(optarg, &r->max_size) ?
			       -1 :
			       cmd_usage(command,
					 "--max-size: expected bytes as in 500, 20k, 3M or 1G, not "
					 "\"%s\"",
					 optarg);
	default:
		return cmd_option(ctl, command, c, argv);
	}
}

static int
recording_options(struct recording *r, struct ctl *ctl, const struct cmd_entry *command, int argc,
		  char **argv)
{
	static const struct option longs[] = {
		{"kinds", required_argument, NULL, 'k'}, {"count", required_argument, NULL, 'c'},
		{"duration", required_argument, NULL, 'd'}, {"max-size", required_argument, NULL,
		 'M'},
		{"force", no_argument, NULL, 'f'}, CMD_LONG,
	};
	int c, rc = -1;

	optind = 0;
	while (rc < 0 && (c = getopt_long(argc, argv, ":fk:c:d:" CMD_SHORT, longs, NULL)) != -1)
		rc = recording_option(r, ctl, command, c, argv);
	if (rc >= 0)
		return rc;
	if (optind + 1 != argc)
		return cmd_usage(command,
				 optind == argc ? "record to which file?" : "record: one file");
	r->path = argv[optind];
	if (strcmp(r->path, "-") == 0 && ctl->tty)
		return cmd_usage(command, "a recording is not text: it cannot go to a terminal");
	return -1;
}

static int
recording_run(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
{
	struct recording r = {.ctl = ctl, .wanted = {true, true, true}};
	struct client_ops ops = {.notified = recording_notified, .arg = &r};
	int rc = recording_options(&r, ctl, command, argc, argv);

	if (rc >= 0)
		return rc;
	rc = ask_open(ctl, &ops, &r.client);
	if (rc != CMD_OK)
		return rc;
	signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes counts as a full disk */
	ask_signals();
	rc = recording_begin(&r);
	if (rc == CMD_OK)
		rc = recording_go(&r);
	else if (r.file)
		recfile_end(r.file, 0, clock_wall_ns(), 0, "disk");
	client_close(r.client);
	return rc;
}

const struct cmd_entry cmd_record = {
	.name = "record",
	.summary = "write what the daemon reports to a file, for `replay`",
	.help = "Usage: rpingmesh-ctl record [OPTION]... FILE [--json]\n"
		"Write each probe, window and QP event that the daemon reports to FILE, until\n"
		"Ctrl-C, for `rpingmesh-ctl replay` here or on another machine. Other programs\n"
		"can read FILE, too: it is MessagePack, see rpingmesh-ctl(1), replay. FILE must\n"
		"not exist yet; - is standard output.\n"
		"\n"
		"  -k, --kinds KINDS    only these kinds, of probe,window,event\n"
		"  -c, --count N        end after N records\n"
		"  -d, --duration S     end after S seconds\n"
		"      --max-size SIZE  end when FILE has this size: bytes, or as in 20k, 3M, 1G\n"
		"  -f, --force          overwrite FILE\n"
		"\n"
		"The command writes at least once a second. However the recording ends, even by\n"
		"a crash, all before its end can be replayed. If the disk is full, the recording\n"
		"ends with a message and contains complete records only. If records are missed\n"
		"because they were read too slowly, FILE contains their number.\n"
		"\n"
		"Exit status: 0 ended by Ctrl-C or a limit; 1 FILE cannot be made or written, or\n"
		"the disk is full; 2 usage; 3 no daemon, or it went away (FILE contains what\n"
		"came before).\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl record -d 60 incident.rec\n"
		"  rpingmesh-ctl record -k probe --max-size 100M /var/tmp/probes.rec\n"
		"  ssh host rpingmesh-ctl record -d 10 - | rpingmesh-ctl --json replay -",
	.run = recording_run,
};

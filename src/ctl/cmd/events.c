/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: events
 *
 * Prints a line for each event as it happens, until it is stopped, like udevadm monitor(8) and
 * ip-monitor(8). The daemon sends all events, and the filter is here.
 */
#include <getopt.h>
#include <stdio.h>

#include "core/clock.h"
#include "ctl/cmd/ask.h"
#include "ctl/term/signals.h"
#include "ctl/view/lines.h"
#include "ctl/view/tracing.h"
#include "ctl/view/view.h"
#include "record/json.h"
#include "record/read.h"

#define EVENTS_TEXT 128

struct events {
	const struct ctl *ctl;
	struct client *client;
	const char *device;
	unsigned long long pid, count; /* count 0: no end */
	bool has_pid;
	uint64_t seen;
	int failed;
};

static bool
events_wants(const struct events *events, const msgpack_object *event)
{
	uint64_t pid;

	if (events->device && !read_is(event, "device", events->device))
		return false;
	return !events->has_pid || (read_u64(event, "pid", &pid) && pid == events->pid);
}

static bool
events_enough(const struct events *events)
{
	return events->failed || (events->count && events->seen >= events->count);
}

static void
events_event(struct events *events, const msgpack_object *event)
{
	events->failed = ask_check_schema(events->client, event);
	if (events->failed || !events_wants(events, event))
		return;
	if (events->ctl->json)
		json_line(stdout, event, "event");
	else
		lines_event(event, stdout);
	events->seen++;
}

/* Prints how many events are missing; these may be of any kind. */
static void
events_dropped(const struct events *events, const msgpack_object *dropped)
{
	char text[EVENTS_TEXT];

	if (events->ctl->json) {
		json_line(stdout, dropped, "dropped");
		return;
	}
	lines_time(clock_wall_ns(), stdout);
	view_text(dropped, "count", text, sizeof(text));
	printf(" dropped %s events are missing here because they were read too slowly\n", text);
}

static void
events_notified(void *arg, const msgpack_object *method, const msgpack_object *params)
{
	struct events *events = arg;

	if (params->type != MSGPACK_OBJECT_ARRAY || params->via.array.size < 1 ||
	    events_enough(events))
		return;
	if (read_str_is(method, "event"))
		events_event(events, &params->via.array.ptr[0]);
	else if (read_str_is(method, "dropped"))
		events_dropped(events, &params->via.array.ptr[0]);
}

static int
events_option(struct events *events, struct ctl *ctl, const struct cmd_entry *command, int c,
	      char **argv)
{
	switch (c) {
	case 'f':
		return -1;
	case 'd':
		events->device = optarg;
		return -1;
	case 'p':
		return cmd_option_pid(command, &events->pid, &events->has_pid);
	case 'c':
		return cmd_option_count(command, 'c', &events->count);
	default:
		return cmd_option(ctl, command, c, argv);
	}
}

static int
events_options(struct ctl *ctl, struct events *events, const struct cmd_entry *command, int argc,
	       char **argv)
{
	static const struct option longs[] = {
		{"follow", no_argument, NULL, 'f'}, {"device", required_argument, NULL, 'd'},
		{"pid", required_argument, NULL, 'p'}, {"count", required_argument, NULL, 'c'},
		 CMD_LONG,
	};
	int c, rc = -1;

	optind = 0;
	while (rc < 0 && (c = getopt_long(argc, argv, ":fp:c:" CMD_SHORT, longs, NULL)) != -1)
		rc = events_option(events, ctl, command, c, argv);
	return rc < 0 ? cmd_no_argument(command, argc, argv) : rc;
}

static int
events_run(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
{
	struct events events = {.ctl = ctl};
	struct client_ops ops = {.notified = events_notified, .arg = &events};
	int rc = events_options(ctl, &events, command, argc, argv);

	if (rc >= 0)
		return rc;
	rc = ask_open(ctl, &ops, &events.client);
	if (rc != CMD_OK)
		return rc;
	ask_signals();
	rc = ask_tracing(events.client);
	if (rc == CMD_OK)
		rc = ask_call(events.client, "events", NULL, NULL);
	while (rc == CMD_OK && !events_enough(&events) && !signals_stop())
		rc = ask_wait(events.client, UINT64_MAX);
	client_close(events.client);
	if (events.failed)
		return events.failed;
	return events_enough(&events) ? CMD_OK : rc;
}

const struct cmd_entry cmd_events = {
	.name = "events",
	.summary = "each event in the life of a queue pair of this host's services",
	.help = "Usage: rpingmesh-ctl events [-f] [-c N] [--device NAME] [-p PID] [--json]\n"
		"Print each event in the life of a queue pair (QP) when it happens, until\n"
		"Ctrl-C.\n"
		"\n"
		"  -f, --follow         changes nothing: events always goes on until stopped\n"
		"  -c, --count N        end after N events\n"
		"      --device NAME    only events of this local RDMA device\n"
		"  -p, --pid PID        only events of this process's QPs\n"
		"\n"
		"A line shows the time (UTC), the event, the device, the QPN and the remote QPN,\n"
		"the type of the QP, its owner and, as far as they are known, the addresses, the\n"
		"UDP source port (? if it is not known), the traffic class, the service level\n"
		"and the MTU. If lines are missing because they were read too slowly, a line\n"
		"\"dropped\" shows how many.\n"
		"\n"
		"Exit status: 0 ended by Ctrl-C or -c; 2 usage; 3 no daemon, or it went away.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl events\n"
		"  rpingmesh-ctl --json events | jq -c 'select(.event == \"error\")'",
	.run = events_run,
};

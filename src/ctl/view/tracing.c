/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/view/tracing.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/view/format.h"
#include "ctl/view/lines.h"
#include "ctl/view/state.h"
#include "ctl/view/view.h"
#include "record/read.h"

#define TRACING_TEXT 1024 /* a reason with its cure is long */

static void
tracing_age(const msgpack_object *status, const msgpack_object *trace, const char *key,
	    const char *before)
{
	char text[FORMAT_TEXT];
	uint64_t when, now;

	if (read_u64(trace, key, &when) && read_u64(status, "time_ns", &now) && when > 0 &&
	    now >= when)
		printf("%s%s ago", before, format_age(now - when, text));
}

/* "4 of 5", or "4" if the whole is unknown. */
static void
tracing_of(const msgpack_object *trace, const char *key, const char *whole_key)
{
	char text[FORMAT_TEXT];

	view_text(trace, key, text, sizeof(text));
	fputs(text, stdout);
	if (view_text(trace, whole_key, text, sizeof(text)))
		printf(" of %s", text);
}

/* Prints before, number and after, if the number is known and not 0. */
static void
tracing_some(const msgpack_object *trace, const char *key, const char *before, const char *after)
{
	uint64_t n;

	if (read_u64(trace, key, &n) && n > 0)
		printf("%s%" PRIu64 "%s", before, n, after);
}

static void
tracing_hooks(const msgpack_object *status, const msgpack_object *trace)
{
	char text[64];

	lines_label("hooks", stdout);
	tracing_of(trace, "hooks", "hooks_wanted");
	if (view_text(trace, "method", text, sizeof(text)) && text[0])
		printf(" by %s", text);
	if (state_of_tracer(trace) != TRACER_ON && view_text(trace, "state", text, sizeof(text)))
		printf(", %s", text);
	tracing_age(status, trace, "attached_ns", ", attached ");
	tracing_some(trace, "reattached", ", anew ", " times");
	putchar('\n');
}

static void
tracing_qps(const msgpack_object *trace)
{
	char text[FORMAT_TEXT];
	uint64_t flows;

	lines_label("QPs", stdout);
	view_text(trace, "qps", text, sizeof(text));
	fputs(text, stdout);
	printf(" in %s",
	       read_u64(trace, "flows", &flows) ? format_count(flows, "flow", text) : "- flows");
	if (view_text(trace, "flows_probed", text, sizeof(text)))
		printf(", %s of them probed", text);
	tracing_some(trace, "qps_created", ", ", " created");
	tracing_some(trace, "qps_destroyed", ", ", " destroyed");
	tracing_some(trace, "found", ", ", " found");
	tracing_some(trace, "vanished", ", ", " vanished");
	tracing_some(trace, "over_qps", ", no room for QPs ", " times");
	tracing_some(trace, "over_flows", ", no room for flows ", " times");
	putchar('\n');
}

/* Prints the number of lost events even if it is 0. */
static void
tracing_events(const msgpack_object *trace)
{
	static const char *const keys[][2] = {
		{"lost_ring", " lost (ring full)"}, {"lost_calls", " lost (calls)"},
		 {"missed_returns", " returns missed"},
	};
	char text[FORMAT_TEXT];

	lines_label("events", stdout);
	view_text(trace, "events", text, sizeof(text));
	fputs(text, stdout);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (view_text(trace, keys[i][0], text, sizeof(text)))
			printf(", %s%s", text, keys[i][1]);
	tracing_some(trace, "bad", ", ", " bad");
	putchar('\n');
}

static void
tracing_dumps(const msgpack_object *status, const msgpack_object *trace)
{
	char text[TRACING_TEXT];
	uint64_t error;

	lines_label("dumps", stdout);
	view_text(trace, "dumps", text, sizeof(text));
	fputs(text, stdout);
	tracing_age(status, trace, "last_dump_ns", ", the last ");
	if (read_find(trace, "last_dump_ns") &&
	    view_text(trace, "last_dump_qps", text, sizeof(text)))
		printf(" with %s QPs", text);
	tracing_some(trace, "dumps_failed", ", ", " failed");
	if (read_u64(trace, "dump_error", &error) && error > 0 && error < 4096)
		printf(" (%s)", strerror((int)error));
	else if (view_text(trace, "dump_error", text, sizeof(text)) && text[0])
		printf(" (%s)", text);
	putchar('\n');
}

void
tracing_show(const msgpack_object *status)
{
	const msgpack_object *trace = read_map(status, "trace");
	char text[64], reason[TRACING_TEXT];

	lines_label("tracing", stdout);
	view_text(status, "tracing", text, sizeof(text));
	fputs(text, stdout);
	if (view_text(status, "tracing_reason", reason, sizeof(reason)) && reason[0])
		printf(" (%s)", reason);
	putchar('\n');
	if (!trace)
		return;
	tracing_hooks(status, trace);
	tracing_qps(trace);
	tracing_events(trace);
	tracing_dumps(status, trace);
}

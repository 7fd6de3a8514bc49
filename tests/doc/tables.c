/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints as JSON the tables in the code that scripts compare with pages, queries and what comes
 * over the control socket: classes of probes, words that stand for states, maps of records.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>

#include "bus/bus.h"
#include "record/record_window.h"
#include "record/records.h"
#include "stat/result.h"
#include "stat/sequential.h"
#ifdef HAVE_AGENT
#include "agent/nic/port_fsm.h"
#include "agent/peer/service.h"
#include "probe/prober.h"
#include "probe/throttle.h"
#include "trace/flows.h"
#include "trace/tracer.h"
#endif

/* ---- words ---- */

/* An enum's names, the first n of them, without the first `skip`; and what comes besides. */
struct words {
	const char *(*name)(unsigned int i);
	unsigned int skip, n;
	const char *besides; /* ", \"x\"" */
};

#define NAMES(function, type) \
	static const char *words_##function(unsigned int i) \
	{ \
		return function((type)i); \
	}
NAMES(probe_class_name, enum probe_class)
NAMES(probe_kind_name, enum probe_kind)
NAMES(probe_clock_name, enum probe_clock)
NAMES(probe_path_name, enum probe_path)
NAMES(probe_noise_name, enum probe_noise)
NAMES(record_window_by_name, enum record_window_by)
NAMES(sequential_verdict_name, enum sequential_verdict)
NAMES(bus_state_name, enum bus_state)
#ifdef HAVE_AGENT
NAMES(port_state_name, enum port_state)
NAMES(prober_peer_state_name, enum prober_peer_state)
NAMES(peer_origin_name, enum peer_origin)
NAMES(service_state_name, enum service_state)
NAMES(flow_qp_state_name, uint8_t)
NAMES(tracer_state_name, enum tracer_state)
NAMES(throttle_reason_name, enum throttle_reason)
#endif

static const struct words words_table[RECORD_WORDS_N] = {
	[RECORD_WORDS_CLASS] = {words_probe_class_name, 0, PROBE_CLASS_N, ""},
	[RECORD_WORDS_KIND] = {words_probe_kind_name, 0, PROBE_KIND_N, ""},
	[RECORD_WORDS_CLOCK] = {words_probe_clock_name, 0, PROBE_CLOCK_N, ""},
	[RECORD_WORDS_PATH] = {words_probe_path_name, 0, PROBE_PATH_N, ""},
	[RECORD_WORDS_NOISE] = {words_probe_noise_name, 1, PROBE_NOISE_N, ""},
	[RECORD_WORDS_WINDOW_BY] = {words_record_window_by_name, 0, RECORD_WINDOW_BY_N, ""},
	[RECORD_WORDS_VERDICT] = {words_sequential_verdict_name, 0, SEQUENTIAL_VERDICT_N, ""},
	[RECORD_WORDS_BUS_STATE] = {words_bus_state_name, 0, BUS_STATE_N, ""},
#ifdef HAVE_AGENT
	[RECORD_WORDS_PORT_STATE] = {words_port_state_name, 0, PORT_STATE_N, ""},
	[RECORD_WORDS_PEER_STATE] = {words_prober_peer_state_name, 0, PROBER_PEER_STATE_N,
				     ", \"naming\", \"no_name\", \"no_device\", "
				     "\"unprobed\", \"self\""},
	[RECORD_WORDS_PEER_ORIGIN] = {words_peer_origin_name, 0, PEER_ORIGIN_N, ""},
	[RECORD_WORDS_SERVICE_STATE] = {words_service_state_name, 0, SERVICE_STATE_N, ""},
	[RECORD_WORDS_QP_STATE] = {words_flow_qp_state_name, 0, 7, ", \"unknown\""},
	[RECORD_WORDS_TRACE_STATE] = {words_tracer_state_name, 0, TRACER_STATE_N, ""},
	[RECORD_WORDS_THROTTLE] = {words_throttle_reason_name, 1, THROTTLE_REASON_N, ""},
#endif
};

/* A list; null where a build without the agent does not know them. */
static void
print_words(enum record_words words)
{
	const struct words *w = &words_table[words];

	if (!w->name) {
		printf("null");
		return;
	}
	for (unsigned int i = w->skip; i < w->n; i++)
		printf("%s\"%s\"", i == w->skip ? "[" : ", ", w->name(i));
	printf("%s]", w->besides);
}

/* ---- classes, maps ---- */

static void
print_classes(void)
{
	printf("\"classes\": {\n");
	for (enum probe_class c = 0; c < PROBE_CLASS_N; c++)
		printf("\t\"%s\": {\"answered\": %s, \"lost\": %s, \"meaning\": \"%s\"}%s\n",
		       probe_class_name(c), probe_class_is_answered(c) ? "true" : "false",
		       probe_class_is_lost(c) ? "true" : "false", probe_class_meaning(c),
		       c + 1 < PROBE_CLASS_N ? "," : "");
	printf("},\n");
}

static void
print_text(const char *key, const char *text)
{
	if (!text)
		return;
	printf(", \"%s\": \"", key);
	for (; *text; text++)
		printf("%s%c", *text == '"' || *text == '\\' ? "\\" : "", *text);
	printf("\"");
}

static void
print_field(const struct record_field *f)
{
	printf("\t\t{\"name\": \"%s\"", f->name ? f->name : "");
	print_text("type", f->type);
	print_text("include", f->include ? record_map_name(f->include) : NULL);
	print_text("meaning", f->meaning);
	print_text("unit", f->unit);
	print_text("one_of", f->one_of);
	print_text("only", f->only);
	print_text("since", f->since);
	if (f->max)
		printf(", \"range\": [%" PRIu64 ", %" PRIu64 "]", f->min, f->max);
	if (f->words) {
		printf(", \"words\": ");
		print_words(f->words);
	}
	printf(", \"classes\": %s}%s\n", f->classes ? "true" : "false", f[1].type ? "," : "");
}

static void
print_maps(void)
{
	printf("\"maps\": {\n");
	for (enum record_map map = RECORD_TABLE + 1; map < RECORD_MAP_N; map++) {
		printf("\t\"%s\": [\n", record_map_name(map));
		for (const struct record_field *f = record_map_fields(map); f->type; f++)
			print_field(f);
		printf("\t]%s\n", map + 1 < RECORD_MAP_N ? "," : "");
	}
	printf("}\n");
}

int
main(void)
{
	printf("{\n");
	print_classes();
	print_maps();
	printf("}\n");
	return ferror(stdout) || fflush(stdout) ? 1 : 0;
}

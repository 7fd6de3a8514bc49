/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/view/lines.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "ctl/view/format.h"
#include "ctl/view/view.h"
#include "record/read.h"

#define LINES_TEXT 128

void
lines_time(uint64_t wall_ns, FILE *out)
{
	time_t s = (time_t)(wall_ns / NSEC_PER_SEC);
	char text[32] = "-";
	struct tm tm;

	if (gmtime_r(&s, &tm))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	fprintf(out, "%s.%06" PRIu64 "Z", text, (uint64_t)(wall_ns % NSEC_PER_SEC / NSEC_PER_USEC));
}

void
lines_label(const char *label, FILE *out)
{
	fprintf(out, "  %-10s ", label);
}

static void
lines_quoted(const char *value, FILE *out)
{
	bool plain = value[0] && !strpbrk(value, " \"=");

	if (plain) {
		fputs(value, out);
		return;
	}
	putc('"', out);
	for (; *value; value++)
		fprintf(out, "%s%c", *value == '"' || *value == '\\' ? "\\" : "", *value);
	putc('"', out);
}

void
lines_value(const char *name, const char *value, FILE *out)
{
	fprintf(out, " %s=", name);
	lines_quoted(value, out);
}

void
lines_text(const msgpack_object *record, const char *key, const char *before, FILE *out)
{
	char text[LINES_TEXT];

	if (!view_text(record, key, text, sizeof(text)) || !text[0])
		return;
	fputs(before, out);
	if (before[0] && before[strlen(before) - 1] == '=')
		lines_quoted(text, out);
	else
		fputs(text, out);
}

void
lines_word(const msgpack_object *record, const char *key, const char *before, FILE *out)
{
	char text[LINES_TEXT];

	view_text(record, key, text, sizeof(text));
	fprintf(out, "%s%s", before, text);
}

void
lines_ms(const msgpack_object *record, const char *key, const char *name, FILE *out)
{
	char text[FORMAT_TEXT];
	uint64_t ns;

	if (read_u64(record, key, &ns))
		lines_value(name, format_ms(ns, text), out);
}

/*
 * Writes " 10.0.0.1 -> 10.0.0.2 port=57236 tos=104 sl=0" if there is a path, or "port=?" if the
 * source port is unknown.
 */
static void
lines_path(const msgpack_object *event, FILE *out)
{
	if (!read_find(event, "dst_gid"))
		return;
	lines_word(event, "src_gid", " ", out);
	lines_word(event, "dst_gid", " -> ", out);
	fprintf(out, " port=%s", read_find(event, "src_port") ? "" : "?");
	lines_text(event, "src_port", "", out);
	lines_text(event, "traffic_class", " tos=", out);
	lines_text(event, "service_level", " sl=", out);
}

void
lines_event(const msgpack_object *event, FILE *out)
{
	char text[LINES_TEXT];
	uint64_t when;

	if (read_u64(event, "time_ns", &when))
		lines_time(when, out);
	else
		putc('-', out);
	view_text(event, "event", text, sizeof(text));
	fprintf(out, " %-7s", text);
	lines_word(event, "device", " ", out);
	lines_word(event, "qpn", " ", out);
	lines_word(event, "remote_qpn", " -> ", out);
	lines_word(event, "qp_type", " ", out);
	view_owner(event, text, sizeof(text));
	fprintf(out, " %s", text);
	lines_path(event, out);
	lines_text(event, "path_mtu", " mtu=", out);
	lines_text(event, "job", " job=", out);
	lines_text(event, "flow", " flow=", out);
	putc('\n', out);
}

static void
lines_duration(const msgpack_object *probe, const char *key, const char *name, FILE *out)
{
	char text[FORMAT_TEXT];
	uint64_t ns;

	if (read_u64(probe, key, &ns))
		lines_value(name, format_ns(ns, text), out);
}

void
lines_probe(const msgpack_object *probe, FILE *out)
{
	char text[LINES_TEXT];
	uint64_t when;

	if (read_u64(probe, "time_ns", &when))
		lines_time(when, out);
	else
		putc('-', out);
	lines_word(probe, "device", " ", out);
	lines_word(probe, "peer", " ", out);
	if (view_text(probe, "hostname", text, sizeof(text)) && text[0])
		fprintf(out, " (%s)", text);
	lines_word(probe, "kind", " ", out);
	lines_text(probe, "seq", " seq=", out);
	lines_word(probe, "class", " ", out);
	lines_text(probe, "was", " was=", out);
	lines_duration(probe, "rtt_ns", "rtt", out);
	lines_duration(probe, "prober_delay_ns", "prober", out);
	lines_duration(probe, "responder_delay_ns", "responder", out);
	lines_text(probe, "size", " size=", out);
	lines_text(probe, "src_port", " port=", out);
	lines_text(probe, "flow", " flow=", out);
	lines_text(probe, "host_noise", " noise=", out);
	if (view_text(probe, "reason", text, sizeof(text)) && text[0])
		fprintf(out, " (%s)", text);
	putc('\n', out);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/view/windowtable.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "ctl/view/cell.h"
#include "ctl/view/classes.h"
#include "ctl/view/format.h"
#include "ctl/view/lines.h"
#include "ctl/view/peer.h"
#include "ctl/view/view.h"
#include "record/read.h"

enum windowtable_column {
	WINDOWTABLE_END,
	WINDOWTABLE_SPAN,
	WINDOWTABLE_DEVICE,
	WINDOWTABLE_PEER,
	WINDOWTABLE_HOST,
	WINDOWTABLE_KIND,
	WINDOWTABLE_FLOW,
	WINDOWTABLE_PORT,
	WINDOWTABLE_DUE,
	WINDOWTABLE_LOSS,
	WINDOWTABLE_P50,
	WINDOWTABLE_P99,
	WINDOWTABLE_PROBER,
	WINDOWTABLE_RESPONDER,
	WINDOWTABLE_NOISE,
	WINDOWTABLE_SIZES,
	WINDOWTABLE_NOT_OK,
	WINDOWTABLE_NOTE,
	WINDOWTABLE_COLUMN_N
};

static const struct table_column windowtable_columns[WINDOWTABLE_COLUMN_N] = {
	[WINDOWTABLE_END] = {.title = "END", .priority = 8},
	[WINDOWTABLE_SPAN] = {.title = "SPAN", .priority = 13, .right = true},
	[WINDOWTABLE_DEVICE] = {.title = "DEVICE", .key = "device", .priority = 9},
	[WINDOWTABLE_PEER] = {.title = "PEER", .key = "peer", .optional = true},
	[WINDOWTABLE_HOST] = {.title = "HOST", .key = "hostname", .priority = 11, .optional = true},
	[WINDOWTABLE_KIND] = {.title = "KIND", .key = "kind", .priority = 12, .optional = true},
	[WINDOWTABLE_FLOW] =
		{.title = "FLOW", .key = "flow", .priority = 3, .right = true, .optional = true},
	[WINDOWTABLE_PORT] = {.title = "PORT",
			      .key = "src_port",
			      .priority = 7,
			      .right = true,
			      .optional = true},
	[WINDOWTABLE_DUE] = {.title = "DUE", .key = "due", .priority = 6, .right = true},
	[WINDOWTABLE_LOSS] = {.title = "LOSS (95 %)"},
	[WINDOWTABLE_P50] = {.title = "RTT P50", .priority = 1, .right = true},
	[WINDOWTABLE_P99] = {.title = "RTT P99", .priority = 4, .right = true},
	[WINDOWTABLE_PROBER] = {.title = "PROBER", .priority = 15, .right = true},
	[WINDOWTABLE_RESPONDER] = {.title = "RESPONDER", .priority = 14, .right = true},
	[WINDOWTABLE_NOISE] = {.title = "NOISE", .priority = 5, .right = true, .optional = true},
	[WINDOWTABLE_SIZES] = {.title = "LOSS BY SIZE", .priority = 10, .optional = true},
	[WINDOWTABLE_NOT_OK] = {.title = "NOT OK", .priority = 16, .optional = true},
	[WINDOWTABLE_NOTE] = {.title = "NOTE", .priority = 2, .optional = true},
};

/*
 * "0.52 % (0.31..0.83)" of a window or of one of its sizes. Returns false if no probe was answered
 * or lost.
 */
static bool
windowtable_loss(const msgpack_object *map, char buf[FORMAT_TEXT], double *ratio)
{
	double low, high;

	if (!read_double(map, "loss_ratio", ratio) || !read_double(map, "loss_low", &low) ||
	    !read_double(map, "loss_high", &high))
		return false;
	return strcmp(format_loss(*ratio, low, high, buf), "-") != 0;
}

/* The number of results that a stall of a host may have affected. */
static uint64_t
windowtable_noise(const msgpack_object *window)
{
	static const char *const keys[] = {"prober", "responder", "both"};
	const msgpack_object *noise = read_map(window, "noise");
	uint64_t sum = 0, n;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (read_u64(noise, keys[i], &n))
			sum += n;
	return sum;
}

/* How the window differs from others; NULL: it does not. */
static const char *
windowtable_note(const msgpack_object *window)
{
	bool is = false;

	if (read_bool(window, "clock_stepped", &is) && is)
		return "clock was set";
	if (read_bool(window, "length_changed", &is) && is)
		return "length changed";
	if (read_bool(window, "path_changed", &is) && is)
		return "path changed";
	if (read_bool(window, "ended", &is) && is)
		return "ended";
	return NULL;
}

/*
 * Lists the sizes with loss, separated by commas, if other sizes have less loss or none.
 */
static void
windowtable_sizes(const msgpack_object *window, char *buf, size_t size)
{
	const msgpack_object *sizes = read_array(window, "sizes");
	char loss[FORMAT_TEXT], name[FORMAT_TEXT];
	size_t at = 0;
	double ratio;

	buf[0] = '\0';
	for (uint32_t i = 0; sizes && i < sizes->via.array.size && sizes->via.array.size > 1; i++) {
		const msgpack_object *one = &sizes->via.array.ptr[i];
		int n;

		if (!windowtable_loss(one, loss, &ratio) || ratio <= 0)
			continue;
		n = snprintf(buf + at, size - at, "%s%s B: %s", at ? ", " : "",
			     view_text(one, "size", name, sizeof(name)) ? name : "other", loss);
		if (n < 0 || (size_t)n >= size - at) {
			buf[at] = '\0';
			return;
		}
		at += (size_t)n;
	}
}

static void
windowtable_time(struct table *table, const msgpack_object *window)
{
	uint64_t start, end;
	char text[FORMAT_TEXT];
	struct tm tm;
	time_t s;

	if (!read_u64(window, "start_ns", &start) || !read_u64(window, "end_ns", &end))
		return;
	s = (time_t)(end / NSEC_PER_SEC);
	if (gmtime_r(&s, &tm) && strftime(text, sizeof(text), "%H:%M:%SZ", &tm) > 0)
		table_cell(table, WINDOWTABLE_END, TABLE_PLAIN, text);
	if (end >= start)
		table_cell(table, WINDOWTABLE_SPAN, TABLE_PLAIN, format_age(end - start, text));
}

static void
windowtable_verdict(struct table *table, const msgpack_object *window)
{
	char text[TABLE_CELL_MAX];
	const char *note = windowtable_note(window);
	uint64_t noise = windowtable_noise(window);
	double ratio;

	if (windowtable_loss(window, text, &ratio))
		table_cell(table, WINDOWTABLE_LOSS, peer_loss_color(ratio), text);
	if (noise > 0)
		table_cell(table, WINDOWTABLE_NOISE, TABLE_YELLOW, format_u64(noise, text));
	windowtable_sizes(window, text, sizeof(text));
	if (text[0])
		table_cell(table, WINDOWTABLE_SIZES, TABLE_YELLOW, text);
	if (classes_not_ok(window, text, sizeof(text)))
		table_cell(table, WINDOWTABLE_NOT_OK, TABLE_PLAIN, text);
	if (note)
		table_cell(table, WINDOWTABLE_NOTE, TABLE_YELLOW, note);
}

struct table *
windowtable_new(void)
{
	return table_new(windowtable_columns, WINDOWTABLE_COLUMN_N);
}

int
windowtable_add(struct table *table, const msgpack_object *window)
{
	int rc = cell_row(table, windowtable_columns, WINDOWTABLE_COLUMN_N, window);

	if (rc < 0)
		return rc;
	windowtable_time(table, window);
	cell_ns(table, WINDOWTABLE_P50, read_map(window, "rtt"), "p50_ns");
	cell_ns(table, WINDOWTABLE_P99, read_map(window, "rtt"), "p99_ns");
	cell_ns(table, WINDOWTABLE_PROBER, read_map(window, "prober_delay"), "p50_ns");
	cell_ns(table, WINDOWTABLE_RESPONDER, read_map(window, "responder_delay"), "p50_ns");
	windowtable_verdict(table, window);
	return 0;
}

/* ---- lines ---- */

static void
windowtable_line_time(const msgpack_object *window, FILE *out)
{
	char text[32] = "-";
	uint64_t start, end;
	struct tm tm;
	time_t s;

	if (read_u64(window, "end_ns", &end)) {
		s = (time_t)(end / NSEC_PER_SEC);
		if (gmtime_r(&s, &tm))
			strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	}
	fputs(text, out);
	if (read_u64(window, "start_ns", &start) && read_u64(window, "end_ns", &end) &&
	    end >= start)
		fprintf(out, " span=%.3gs", (double)(end - start) / 1e9);
}

void
windowtable_line(const msgpack_object *window, FILE *out)
{
	char text[TABLE_CELL_MAX];
	const char *note = windowtable_note(window);
	uint64_t noise = windowtable_noise(window);
	double ratio;

	windowtable_line_time(window, out);
	lines_text(window, "device", " ", out);
	lines_text(window, "peer", " ", out);
	lines_text(window, "kind", " ", out);
	lines_text(window, "flow", " flow=", out);
	lines_text(window, "src_port", " port=", out);
	lines_text(window, "due", " due=", out);
	lines_value("loss", windowtable_loss(window, text, &ratio) ? text : "-", out);
	lines_ms(read_map(window, "rtt"), "p50_ns", "rtt_p50", out);
	lines_ms(read_map(window, "rtt"), "p99_ns", "rtt_p99", out);
	lines_ms(read_map(window, "prober_delay"), "p50_ns", "prober", out);
	lines_ms(read_map(window, "responder_delay"), "p50_ns", "responder", out);
	if (noise > 0)
		fprintf(out, " noise=%" PRIu64, noise);
	windowtable_sizes(window, text, sizeof(text));
	if (text[0])
		lines_value("sizes", text, out);
	if (classes_not_ok(window, text, sizeof(text)))
		lines_value("not_ok", text, out);
	if (note)
		lines_value("note", note, out);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/view/incidenttable.h"

#include <inttypes.h>
#include <string.h>

#include "core/clock.h"
#include "ctl/view/cell.h"
#include "ctl/view/format.h"
#include "ctl/view/lines.h"
#include "record/read.h"

#define INCIDENTTABLE_TEXT 1024
#define INCIDENTTABLE_NAME 256

/* The likeliest candidate; NULL: the record has none. */
static const msgpack_object *
incidenttable_first(const msgpack_object *incident)
{
	const msgpack_object *list = read_array(incident, "culprits");

	return list && list->via.array.size ? &list->via.array.ptr[0] : NULL;
}

static uint32_t
incidenttable_count(const msgpack_object *incident, const char *key)
{
	const msgpack_object *list = read_array(incident, key);

	return list ? list->via.array.size : 0;
}

/* "leaf1 -> spine2 or 2 others". */
static const char *
incidenttable_culprit(const msgpack_object *incident, char text[INCIDENTTABLE_TEXT])
{
	uint32_t others = incidenttable_count(incident, "culprits");
	char name[INCIDENTTABLE_NAME];

	view_text(incidenttable_first(incident), "name", name, sizeof(name));
	if (others > 2)
		snprintf(text, INCIDENTTABLE_TEXT, "%s or %" PRIu32 " others", name, others - 1);
	else
		snprintf(text, INCIDENTTABLE_TEXT, "%s%s", name,
			 others == 2 ? " or another one" : "");
	return text;
}

/* "loses 25 % of messages, one way". */
static const char *
incidenttable_effect(const msgpack_object *incident, char *text, size_t size)
{
	const char *way = read_is(incident, "direction", "one_way") ? ", one way" : "";
	char figure[FORMAT_TEXT];
	double ratio = 0;
	uint64_t ns = 0;

	if (read_is(incident, "effect", "delay")) {
		if (read_u64(incident, "delay_ns", &ns) && ns)
			snprintf(text, size, "adds %s%s", format_ns(ns, figure), way);
		else
			snprintf(text, size, "delays messages%s", way);
		return text;
	}
	read_double(incident, "loss_ratio", &ratio);
	snprintf(text, size, "loses %s of %smessages%s", format_ratio(ratio, figure),
		 read_is(incident, "effect", "size") ? "large " : "", way);
	return text;
}

static const char *
incidenttable_since(const msgpack_object *incident, const char *key, char text[FORMAT_TEXT])
{
	uint64_t at, now = clock_wall_ns();

	if (!read_u64(incident, key, &at))
		return "-";
	return format_age(now > at ? now - at : 0, text);
}

/* "a, b": the strings of a list. */
static const char *
incidenttable_join(const msgpack_object *incident, const char *key, char *text, size_t size)
{
	const msgpack_object *list = read_array(incident, key);
	char one[INCIDENTTABLE_TEXT];
	size_t at = 0;

	text[0] = '\0';
	for (uint32_t i = 0; list && i < list->via.array.size && at < size; i++) {
		view_clean(&list->via.array.ptr[i], one, sizeof(one));
		at += (size_t)snprintf(text + at, size - at, "%s%s", i ? ", " : "", one);
	}
	return text;
}

/* ---- table ---- */

enum incidents_column {
	INCIDENTS_ID,
	INCIDENTS_STATE,
	INCIDENTS_PRIORITY,
	INCIDENTS_KIND,
	INCIDENTS_CULPRIT,
	INCIDENTS_EFFECT,
	INCIDENTS_SINCE,
	INCIDENTS_OPENS,
	INCIDENTS_HURTS,
	INCIDENTS_NOTE,
	INCIDENTS_COLUMN_N
};

static const struct table_column incidents_columns[INCIDENTS_COLUMN_N] = {
	[INCIDENTS_ID] = {.title = "ID", .key = "id"},
	[INCIDENTS_STATE] = {.title = "STATE", .key = "state"},
	[INCIDENTS_PRIORITY] = {.title = "PRIORITY", .key = "priority", .priority = 2},
	[INCIDENTS_KIND] = {.title = "KIND", .key = "kind", .priority = 3},
	[INCIDENTS_CULPRIT] = {.title = "CULPRIT"},
	[INCIDENTS_EFFECT] = {.title = "EFFECT", .priority = 1},
	[INCIDENTS_SINCE] = {.title = "SINCE", .priority = 4, .right = true},
	[INCIDENTS_OPENS] = {.title = "OPENS", .key = "opens", .priority = 7, .right = true},
	[INCIDENTS_HURTS] = {.title = "HURTS", .priority = 5, .optional = true},
	[INCIDENTS_NOTE] = {.title = "NOTE", .priority = 6, .optional = true, .least = 20},
};

/* Adds "WHAT by USER: REASON". */
static void
incidents_note(struct table *table, const msgpack_object *word, const char *what)
{
	char by[TABLE_CELL_MAX], reason[TABLE_CELL_MAX], text[3 * TABLE_CELL_MAX];

	if (!word || !view_text(word, "by", by, sizeof(by)) ||
	    !view_text(word, "reason", reason, sizeof(reason)))
		return;
	snprintf(text, sizeof(text), "%s by %s: %s", what, by, reason);
	table_cell(table, INCIDENTS_NOTE, TABLE_PLAIN, text);
}

static void
incidents_fill(struct table *table, const msgpack_object *incident)
{
	char text[INCIDENTTABLE_TEXT], age[FORMAT_TEXT];
	bool muted = false;

	if (read_is(incident, "state", "open"))
		table_cell(table, INCIDENTS_STATE, TABLE_RED, "open");
	table_cell(table, INCIDENTS_CULPRIT, TABLE_PLAIN,
		   incidenttable_culprit(incident, text));
	table_cell(table, INCIDENTS_EFFECT, TABLE_PLAIN,
		   incidenttable_effect(incident, text, sizeof(text)));
	table_cell(table, INCIDENTS_SINCE, TABLE_PLAIN,
		   incidenttable_since(incident, "since_ns", age));
	if (incidenttable_count(incident, "hurts"))
		table_cell(table, INCIDENTS_HURTS, TABLE_PLAIN,
			   incidenttable_join(incident, "hurts", text, sizeof(text)));
	read_bool(incident, "muted", &muted);
	if (muted && !read_map(incident, "mute"))
		table_cell(table, INCIDENTS_NOTE, TABLE_PLAIN, "its host is drained");
	else if (muted)
		incidents_note(table, read_map(incident, "mute"), "muted");
	else
		incidents_note(table, read_map(incident, "acknowledged"), "acknowledged");
}

struct table *
incidenttable_list(const msgpack_object *list)
{
	return cell_table(incidents_columns, INCIDENTS_COLUMN_N, list, incidents_fill);
}

/* ---- a line ---- */

void
incidenttable_line(const msgpack_object *incident, FILE *out)
{
	bool open = read_is(incident, "state", "open");
	char priority[16], kind[32], id[64], text[INCIDENTTABLE_TEXT], age[FORMAT_TEXT];

	view_text(incident, "priority", priority, sizeof(priority));
	view_text(incident, "kind", kind, sizeof(kind));
	view_text(incident, "id", id, sizeof(id));
	fprintf(out, "%s %s ", priority, kind);
	fputs(incidenttable_culprit(incident, text), out);
	fprintf(out, " %s", incidenttable_effect(incident, text, sizeof(text)));
	if (open)
		fprintf(out, ", since %s", incidenttable_since(incident, "since_ns", age));
	else
		fprintf(out, ", closed %s ago", incidenttable_since(incident, "closed_ns", age));
	if (incidenttable_count(incident, "hurts"))
		fprintf(out, "; hurts %s",
			incidenttable_join(incident, "hurts", text, sizeof(text)));
	fprintf(out, " (%s)\n", id);
}

/* ---- the story ---- */

static void
story_word(const msgpack_object *incident, const char *key, FILE *out)
{
	const msgpack_object *word = read_map(incident, key);
	uint64_t until;

	if (!word)
		return;
	fprintf(out, "%-14s", key);
	lines_word(word, "by", "by ", out);
	lines_word(word, "reason", ": ", out);
	if (read_u64(word, "until_ns", &until)) {
		fputs(", until ", out);
		lines_time(until, out);
	}
	fputc('\n', out);
}

static void
story_time(const msgpack_object *incident, const char *key, const char *label, FILE *out)
{
	uint64_t at;

	if (!read_u64(incident, key, &at))
		return;
	fprintf(out, "%-14s", label);
	lines_time(at, out);
	fputc('\n', out);
}

static void
story_culprits(const msgpack_object *incident, FILE *out)
{
	const msgpack_object *list = read_array(incident, "culprits");
	char kind[32], name[INCIDENTTABLE_NAME], text[INCIDENTTABLE_TEXT];

	for (uint32_t i = 0; list && i < list->via.array.size; i++) {
		const msgpack_object *culprit = &list->via.array.ptr[i];

		view_text(culprit, "kind", kind, sizeof(kind));
		view_text(culprit, "name", name, sizeof(name));
		fprintf(out, "%-14s%s %s", i ? "or" : "culprit", kind, name);
		if (incidenttable_count(culprit, "addresses"))
			fprintf(out, " (%s)",
				incidenttable_join(culprit, "addresses", text, sizeof(text)));
		fputc('\n', out);
	}
}

static void
story_jobs(const msgpack_object *incident, const char *key, FILE *out)
{
	char text[INCIDENTTABLE_TEXT];

	if (incidenttable_count(incident, key))
		fprintf(out, "%-14s%s\n", key,
			incidenttable_join(incident, key, text, sizeof(text)));
}

static void
story_events(const msgpack_object *incident, FILE *out)
{
	const msgpack_object *list = read_array(incident, "events");
	uint64_t at;

	for (uint32_t i = 0; list && i < list->via.array.size; i++) {
		if (!read_u64(&list->via.array.ptr[i], "time_ns", &at))
			continue;
		lines_time(at, out);
		lines_word(&list->via.array.ptr[i], "what", "  ", out);
		lines_text(&list->via.array.ptr[i], "text", ": ", out);
		fputc('\n', out);
	}
}

void
incidenttable_story(const msgpack_object *incident, FILE *out)
{
	char text[INCIDENTTABLE_TEXT];
	double confidence = 0;
	uint64_t opens;

	lines_word(incident, "id", "incident      ", out);
	lines_word(incident, "state", ", ", out);
	lines_word(incident, "priority", ", ", out);
	fputc('\n', out);
	story_culprits(incident, out);
	fprintf(out, "%-14s%s\n", "effect", incidenttable_effect(incident, text, sizeof(text)));
	if (read_double(incident, "confidence", &confidence))
		fprintf(out, "%-14s%.3f\n", "confidence", confidence);
	story_jobs(incident, "hurts", out);
	story_jobs(incident, "crosses", out);
	story_time(incident, "since_ns", "since", out);
	story_time(incident, "closed_ns", "closed", out);
	lines_word(incident, "opens", "opened        ", out);
	fputs(read_u64(incident, "opens", &opens) && opens == 1 ? " time\n" : " times\n", out);
	story_word(incident, "acknowledged", out);
	story_word(incident, "mute", out);
	fputc('\n', out);
	story_events(incident, out);
}

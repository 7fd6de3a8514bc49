/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: top on a screen
 *
 * The screen consists of two lines, the titles, the rows, and a line below. Each update is one
 * write, so that the screen never shows half a table. Complaints are shown above the table.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/utf8.h"
#include "ctl/cmd/ask.h"
#include "ctl/cmd/top.h"
#include "ctl/term/screen.h"
#include "ctl/term/signals.h"
#include "ctl/wire/copy.h"

#define TOPLIVE_FRAME 4 /* lines around the rows */
#define TOPLIVE_LINE 256
#define TOPLIVE_CLOCK 16

struct toplive {
	struct top *top;
	size_t first;              /* the first row on the screen */
	size_t room, n;            /* when last drawn: rows that fit, and all rows */
	size_t columns;
	bool paused, help, editing, quit;
	bool ask;                  /* ask the daemon at once */
	char trouble[TOPLIVE_LINE]; /* the complaint; "": none */
	uint64_t lost_wall_ns;     /* the time since which there is no daemon */
};

/* ---- drawing ---- */

/* Prints text, cut to the width of the screen. */
static void
toplive_text(const struct toplive *live, const char *text, enum table_color color, FILE *out)
{
	char cut[4 * TOPLIVE_LINE];
	size_t width, n = utf8_cut(text, live->columns, &width);

	snprintf(cut, sizeof(cut), "%.*s", (int)n, text);
	table_paint(out, cut, color, live->top->ctl->color);
}

static void
toplive_clock(uint64_t wall_ns, char text[TOPLIVE_CLOCK])
{
	time_t s = (time_t)(wall_ns / NSEC_PER_SEC);
	struct tm tm;

	localtime_r(&s, &tm);
	strftime(text, TOPLIVE_CLOCK, "%H:%M:%S", &tm);
}

static void
toplive_head(const struct toplive *live, FILE *out)
{
	char text[TOPLIVE_LINE], line[2 * TOPLIVE_LINE], when[TOPLIVE_CLOCK], since[TOPLIVE_CLOCK];

	toplive_clock(live->top->list_wall_ns, when);
	top_describe(live->top, live->n, text, sizeof(text));
	snprintf(line, sizeof(line), "%s  %s%s", when, live->paused ? "PAUSED; " : "", text);
	toplive_text(live, line, live->paused ? TABLE_YELLOW : TABLE_BOLD, out);
	fputs(SCREEN_END_LINE, out);
	if (!live->top->client) {
		toplive_clock(live->lost_wall_ns, since);
		snprintf(line, sizeof(line), "No daemon since %s, figures are of %s: %s", since,
			 when, live->trouble);
		toplive_text(live, line, TABLE_RED, out);
	} else if (live->trouble[0]) {
		toplive_text(live, live->trouble, TABLE_YELLOW, out);
	} else {
		top_describe_span(live->top, text, sizeof(text));
		toplive_text(live, text, TABLE_PLAIN, out);
	}
	fputs(SCREEN_END_LINE, out);
}

static void
toplive_help(const struct toplive *live, FILE *out)
{
	static const char *const lines[] = {
		"sort by    w worst, r rtt (median), p p99, l loss,",
		"           b prober delay, d responder delay, n name",
		"           < > previous or next, R reverse",
		"/          filter: Enter keeps it, Esc clears it",
		"t          peers, or each stream of probes",
		"space      pause",
		"arrows, Page Up, Page Down, Home, End   scroll",
		"q, Ctrl-C  quit",
		"",
		"green      up; no loss",
		"yellow     on its way up; some loss",
		"red        not up; loss of 5 % or more",
		"trends     one mark per window; ? is not known",
		"",
		"any key goes back",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]) && i <= live->room; i++) {
		toplive_text(live, lines[i], TABLE_PLAIN, out);
		fputs(SCREEN_END_LINE, out);
	}
}

static void
toplive_foot(const struct toplive *live, FILE *out)
{
	char text[TOPLIVE_LINE], rows[64] = "";

	if (live->n > live->room)
		snprintf(rows, sizeof(rows), "rows %zu-%zu of %zu  ", live->first + 1,
			 live->first + live->room, live->n);
	if (live->editing)
		snprintf(text, sizeof(text), "filter: %s_   (Enter keeps it, Esc clears it)",
			 live->top->filter);
	else
		snprintf(text, sizeof(text),
			 "%sq quit  ? help  r p l b d n w sort  R reverse  / filter  space pause  "
			 "t %s",
			 rows, live->top->targets ? "peers" : "targets");
	toplive_text(live, text, live->editing ? TABLE_BOLD : TABLE_PLAIN, out);
}

static void
toplive_scroll(struct toplive *live)
{
	size_t last = live->n > live->room ? live->n - live->room : 0;

	if (live->first > last)
		live->first = last;
}

/* Draws a screen that has no room for a row. */
static void
toplive_brief(const struct toplive *live, FILE *out)
{
	char text[TOPLIVE_LINE];

	top_describe(live->top, live->n, text, sizeof(text));
	fputs(SCREEN_LAST_LINE, out);
	toplive_text(live, text, TABLE_PLAIN, out);
}

/* Returns -1 if there is no memory. */
static int
toplive_write(struct toplive *live, FILE *out)
{
	const struct top *top = live->top;
	const msgpack_object **rows;
	struct table *table;
	size_t n;

	if (toptable_order(copy_object(top->list), &top->query, &rows, &n) < 0)
		return -1;
	/*
	 * The widths fit all rows, so that columns do not move when the rows scroll.
	 */
	table = toptable_make(rows, n, top->query.sort, top->trends,
			      live->paused || !top->client ? top->list_wall_ns : clock_wall_ns());
	free(rows);
	if (!table)
		return -1;
	live->n = n;
	toplive_scroll(live);
	toplive_head(live, out);
	if (live->help) {
		toplive_help(live, out);
	} else {
		table_fit(table, live->columns);
		table_write_title(table, out, top->ctl->color, SCREEN_END_LINE);
		for (size_t r = live->first; r < n && r < live->first + live->room; r++)
			table_write_row(table, r, out, top->ctl->color, SCREEN_END_LINE);
	}
	fputs(SCREEN_LAST_LINE, out);
	toplive_foot(live, out);
	table_free(table);
	return 0;
}

static void
toplive_draw(struct toplive *live)
{
	size_t rows, len = 0;
	char *text = NULL;
	FILE *out;

	table_screen(&live->columns, &rows);
	live->columns = live->columns ? live->columns : 80;
	rows = rows ? rows : 24;
	live->room = rows > TOPLIVE_FRAME ? rows - TOPLIVE_FRAME : 1;
	out = open_memstream(&text, &len);
	if (!out)
		return;
	if (rows <= TOPLIVE_FRAME)
		toplive_brief(live, out);
	else if (toplive_write(live, out) < 0)
		cmd_complain("out of memory");
	fclose(out);
	screen_draw(text, len);
	free(text);
}

/* ---- keys ---- */

static bool
toplive_key_sort(struct toplive *live, int key)
{
	static const char keys[TOPTABLE_SORTS + 1] = {
		[TOPTABLE_WORST] = 'w', [TOPTABLE_RTT] = 'r',	 [TOPTABLE_P99] = 'p',
		[TOPTABLE_LOSS] = 'l',	[TOPTABLE_PROBER] = 'b', [TOPTABLE_RESPONDER] = 'd',
		[TOPTABLE_NAME] = 'n',
	};
	struct toptable_query *query = &live->top->query;
	const char *at = key > 0 && key < 0x80 ? strchr(keys, key) : NULL;

	if (key == '<' || key == '>')
		query->sort =
			(query->sort + (key == '>' ? 1u : TOPTABLE_SORTS - 1u)) % TOPTABLE_SORTS;
	else if (at)
		query->sort = (enum toptable_sort)(at - keys);
	else
		return false;
	live->first = 0;
	return true;
}

static bool
toplive_key_scroll(struct toplive *live, int key)
{
	switch (key) {
	case SCREEN_UP:
	case 'k':
		live->first -= live->first > 0;
		return true;
	case SCREEN_DOWN:
	case 'j':
		live->first++;
		return true;
	case SCREEN_PAGE_UP:
		live->first -= live->first < live->room ? live->first : live->room;
		return true;
	case SCREEN_PAGE_DOWN:
		live->first += live->room;
		return true;
	case SCREEN_HOME:
	case SCREEN_END:
		live->first = key == SCREEN_HOME ? 0 : live->n;
		return true;
	default:
		return false;
	}
}

/* Removes the last character, which may have several bytes if it comes from --filter. */
static void
toplive_shorten(char *filter, size_t len)
{
	while (len > 0 && ((unsigned char)filter[--len] & 0xc0) == 0x80)
		;
	filter[len] = '\0';
}

static void
toplive_key_edit(struct toplive *live, int key)
{
	char *filter = live->top->filter;
	size_t len = strlen(filter);

	if (key == SCREEN_BACKSPACE)
		toplive_shorten(filter, len);
	else if (key == SCREEN_ESCAPE)
		filter[0] = '\0';
	else if (key >= 0x20 && key < 0x7f && len + 1 < TOP_FILTER)
		memcpy(filter + len, (char[]){(char)key, '\0'}, 2);
	if (key == SCREEN_ESCAPE || key == '\n' || key == '\r')
		live->editing = false;
	live->first = 0;
}

/* Handles a key. Returns true if the daemon has to be asked at once. */
static bool
toplive_key(struct toplive *live, int key)
{
	if (live->editing) {
		toplive_key_edit(live, key);
		return false;
	}
	if (live->help) {
		live->help = false;
		live->quit = key == 'q';
		return false;
	}
	if (toplive_key_sort(live, key) || toplive_key_scroll(live, key))
		return false;
	switch (key) {
	case 'q':
		live->quit = true;
		return false;
	case 'R':
		live->top->query.reverse = !live->top->query.reverse;
		return false;
	case '/':
		live->editing = true;
		return false;
	case SCREEN_ESCAPE:
		live->top->filter[0] = '\0';
		return false;
	case '?':
	case 'h':
		live->help = true;
		return false;
	case ' ':
		live->paused = !live->paused;
		return !live->paused;
	case 't':
		live->top->targets = !live->top->targets;
		live->first = 0;
		return true;
	default:
		return false;
	}
}

static void
toplive_keys(struct toplive *live)
{
	int key;

	screen_read();
	while ((key = screen_key()) >= 0)
		live->ask |= toplive_key(live, key);
	/* The terminal has hung up, but with nohup(1) there is no signal. */
	live->quit |= key == SCREEN_EOF;
}

/* ---- the loop ---- */

static void
toplive_lost(struct toplive *live)
{
	if (live->top->client || live->lost_wall_ns == 0)
		live->lost_wall_ns = clock_wall_ns();
	top_disconnect(live->top);
}

static void
toplive_update(struct toplive *live)
{
	struct top *top = live->top;
	int rc = CMD_OK;

	live->trouble[0] = '\0';
	if (!top->client)
		rc = top_connect(top);
	if (rc == CMD_OK)
		rc = top_fetch(top);
	if (rc == CMD_OK) {
		live->lost_wall_ns = 0;
		top->seen++;
	} else if (rc != CMD_STOPPED) {
		toplive_lost(live);
	}
}

static void
toplive_wait(struct toplive *live, uint64_t until_ns)
{
	struct client *client = live->top->client;

	if (client) {
		client_watch(client, screen_fd());
		if (ask_wait(client, until_ns) != CMD_OK)
			toplive_lost(live);
	} else {
		screen_wait(until_ns);
	}
}

static bool
toplive_ends(const struct toplive *live)
{
	return live->quit || signals_stop() ||
	       (live->top->updates && live->top->seen >= live->top->updates);
}

/* Handles keys while the daemon does not answer: the user can sort, suspend and leave. */
static void
toplive_woken(struct top *top)
{
	struct toplive *live = top->live;

	screen_suspend();
	toplive_keys(live);
	toplive_draw(live);
	top->stopped = live->quit;
	if (top->client)
		client_watch(top->client, screen_fd());
}

int
toplive_run(struct top *top)
{
	struct toplive live = {.top = top};
	uint64_t next_ns = clock_mono_ns() + top->interval_ns;

	top->live = &live;
	top->woken = toplive_woken;
	top->seen = 1;
	cmd_complain_into(live.trouble, sizeof(live.trouble));
	while (!toplive_ends(&live)) {
		if (live.ask || (!live.paused && clock_mono_ns() >= next_ns)) {
			live.ask = false;
			toplive_update(&live);
			next_ns = clock_mono_ns() + top->interval_ns;
		}
		toplive_draw(&live);
		if (toplive_ends(&live))
			break;
		toplive_wait(&live, live.paused ? UINT64_MAX : next_ns);
		screen_suspend();
		toplive_keys(&live);
	}
	cmd_complain_into(NULL, 0);
	screen_stop();
	return CMD_OK;
}

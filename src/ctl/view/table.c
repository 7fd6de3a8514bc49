/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/view/table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/utf8.h"

#define TABLE_GAP 2

struct table_cell {
	char text[TABLE_CELL_MAX];
	enum table_color color;
};

struct table {
	const struct table_column *columns;
	size_t n_columns, n_rows, room;
	size_t width;                        /* 0: any */
	size_t widths[TABLE_COLUMNS_MAX];
	bool shown[TABLE_COLUMNS_MAX];
	struct table_cell *cells;            /* n_columns in each row */
};

struct table *
table_new(const struct table_column *columns, size_t n_columns)
{
	struct table *table = calloc(1, sizeof(*table));

	assert(n_columns <= TABLE_COLUMNS_MAX);
	if (!table)
		return NULL;
	table->columns = columns;
	table->n_columns = n_columns;
	return table;
}

void
table_free(struct table *table)
{
	if (!table)
		return;
	free(table->cells);
	free(table);
}

static struct table_cell *
table_at(const struct table *table, size_t row, size_t column)
{
	return &table->cells[row * table->n_columns + column];
}

int
table_row(struct table *table)
{
	if (table->n_rows == table->room) {
		size_t room = table->room ? 2 * table->room : 16;
		struct table_cell *cells =
			reallocarray(table->cells, room * table->n_columns, sizeof(*cells));

		if (!cells)
			return -ENOMEM;
		table->cells = cells;
		table->room = room;
	}
	table->n_rows++;
	for (size_t c = 0; c < table->n_columns; c++)
		table_cell(table, c, TABLE_PLAIN, "-");
	return 0;
}

void
table_cell(struct table *table, size_t column, enum table_color color, const char *text)
{
	struct table_cell *cell = table_at(table, table->n_rows - 1, column);

	snprintf(cell->text, sizeof(cell->text), "%s", text);
	cell->color = color;
}

size_t
table_rows(const struct table *table)
{
	return table->n_rows;
}

static size_t
table_column_width(const struct table *table, size_t c)
{
	size_t width = utf8_width(table->columns[c].title);

	for (size_t r = 0; r < table->n_rows; r++) {
		size_t w = utf8_width(table_at(table, r, c)->text);

		if (w > width)
			width = w;
	}
	return width;
}

static bool
table_column_empty(const struct table *table, size_t c)
{
	for (size_t r = 0; r < table->n_rows; r++)
		if (strcmp(table_at(table, r, c)->text, "-") != 0)
			return false;
	return true;
}

static size_t
table_total(const struct table *table)
{
	size_t total = 0;

	for (size_t c = 0; c < table->n_columns; c++)
		if (table->shown[c])
			total += table->widths[c] + (total ? TABLE_GAP : 0);
	return total;
}

/* The least important column of those that are shown; n_columns: all must stay. */
static size_t
table_least(const struct table *table)
{
	size_t least = table->n_columns;

	for (size_t c = 0; c < table->n_columns; c++)
		if (table->shown[c] && table->columns[c].priority > 0 &&
		    (least == table->n_columns ||
		     table->columns[c].priority > table->columns[least].priority))
			least = c;
	return least;
}

/* Like table_total(), but with columns cut to their minimum. */
static size_t
table_cut_total(const struct table *table)
{
	size_t total = table_total(table);

	for (size_t c = 0; c < table->n_columns; c++)
		if (table->shown[c] && table->columns[c].least &&
		    table->widths[c] > table->columns[c].least)
			total -= table->widths[c] - table->columns[c].least;
	return total;
}

void
table_fit(struct table *table, size_t width)
{
	size_t least;

	table->width = width;
	for (size_t c = 0; c < table->n_columns; c++) {
		table->widths[c] = table_column_width(table, c);
		table->shown[c] = !(table->columns[c].optional && table_column_empty(table, c));
	}
	if (width == 0)
		return;
	while (table_cut_total(table) > width && (least = table_least(table)) < table->n_columns)
		table->shown[least] = false;
}

void
table_paint(FILE *out, const char *text, enum table_color color, bool wanted)
{
	static const char *const codes[] = {
		[TABLE_PLAIN] = "", [TABLE_GREEN] = "32", [TABLE_YELLOW] = "33",
		[TABLE_RED] = "31", [TABLE_BOLD] = "1",
	};

	if (wanted && color != TABLE_PLAIN && text[0])
		fprintf(out, "\033[%sm%s\033[0m", codes[color], text);
	else
		fputs(text, out);
}

/*
 * Writes a cell into `room` columns, at least one, and returns the columns that it has used. A cut
 * text is marked, because "204 ms" must not become "20".
 */
static size_t
table_put(FILE *out, const struct table_cell *cell, size_t room, bool color)
{
	char cut[TABLE_CELL_MAX];
	size_t width, n = utf8_cut(cell->text, room, &width);

	if (cell->text[n]) {
		n = utf8_cut(cell->text, room - 1, &width);
		width++;
	}
	memcpy(cut, cell->text, n);
	strcpy(cut + n, cell->text[n] ? "~" : "");
	table_paint(out, cut, cell->color, color);
	return width;
}

static void
table_pad(FILE *out, size_t n)
{
	fprintf(out, "%*s", (int)n, "");
}

/*
 * Writes a line with one cell for each column. It is never wider than the table, and has no blanks
 * at its end.
 */
static void
table_line(const struct table *table, const struct table_cell *cells, FILE *out, bool color)
{
	size_t at = 0, room = table->width ? table->width : (size_t)-1, pending = 0;

	for (size_t c = 0; c < table->n_columns; c++) {
		size_t blanks, used = utf8_width(cells[c].text);

		if (!table->shown[c])
			continue;
		blanks = table->widths[c] > used ? table->widths[c] - used : 0;
		if (table->columns[c].right)
			pending += blanks;
		if (at + pending >= room)
			return;
		table_pad(out, pending);
		at += pending;
		at += table_put(out, &cells[c], room - at, color);
		pending = TABLE_GAP + (table->columns[c].right ? 0 : blanks);
	}
}

void
table_write_title(const struct table *table, FILE *out, bool color, const char *end)
{
	struct table_cell cells[TABLE_COLUMNS_MAX];

	for (size_t c = 0; c < table->n_columns; c++) {
		snprintf(cells[c].text, sizeof(cells[c].text), "%s", table->columns[c].title);
		cells[c].color = TABLE_BOLD;
	}
	table_line(table, cells, out, color);
	fputs(end, out);
}

void
table_write_row(const struct table *table, size_t row, FILE *out, bool color, const char *end)
{
	table_line(table, table_at(table, row, 0), out, color);
	fputs(end, out);
}

void
table_write(struct table *table, FILE *out, size_t width, bool color)
{
	table_fit(table, width);
	table_write_title(table, out, color, "\n");
	for (size_t r = 0; r < table->n_rows; r++)
		table_write_row(table, r, out, color, "\n");
}

static size_t
table_env(const char *name)
{
	const char *text = getenv(name);
	long n = text ? strtol(text, NULL, 10) : 0;

	return n > 0 && n < 10000 ? (size_t)n : 0;
}

void
table_screen(size_t *columns, size_t *rows)
{
	struct winsize ws = {0};

	*columns = table_env("COLUMNS");
	*rows = table_env("LINES");
	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0) {
		if (*columns == 0)
			*columns = ws.ws_col;
		if (*rows == 0)
			*rows = ws.ws_row;
	}
}

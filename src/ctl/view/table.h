/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables with aligned columns. To fit a width, the least important columns are left out; if that is
 * not enough, lines are cut.
 */
#ifndef RPINGMESH_CTL_VIEW_TABLE_H
#define RPINGMESH_CTL_VIEW_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct table;

#define TABLE_COLUMNS_MAX 32
#define TABLE_CELL_MAX 128

enum table_color {
	TABLE_PLAIN,
	TABLE_GREEN,
	TABLE_YELLOW,
	TABLE_RED,
	TABLE_BOLD,
};

struct table_column {
	const char *title;
	const char *key; /* the key of a record that cell_row() shows; NULL: none */
	int priority;   /* the highest number is left out first; 0 always stays */
	bool right;     /* aligned to the right */
	bool optional;  /* left out if all its cells are "-" */
	size_t least;	/* for the last column: it is cut down to this width before others are left
			   out; 0: it is not */
};

/*
 * Makes a table of at most TABLE_COLUMNS_MAX columns; `columns` must outlive it. Returns NULL if
 * there is no memory.
 */
struct table *table_new(const struct table_column *columns, size_t n_columns);
void table_free(struct table *table);

/* Begins a row whose cells are all "-". Returns 0, or -ENOMEM. */
int table_row(struct table *table);
/* Sets a cell of the last row. The text is copied and cut at TABLE_CELL_MAX - 1 bytes. */
void table_cell(struct table *table, size_t column, enum table_color color, const char *text);

size_t table_rows(const struct table *table);

/* Chooses the columns and their widths; width = 0: any. Call it before writing lines. */
void table_fit(struct table *table, size_t width);
/* Write one line, and `end` instead of a newline. Use colours if `color` is set. */
void table_write_title(const struct table *table, FILE *out, bool color, const char *end);
void table_write_row(const struct table *table, size_t row, FILE *out, bool color, const char *end);

/* Fits the table and writes all of it. */
void table_write(struct table *table, FILE *out, size_t width, bool color);

/* Writes text in a colour, as in cells. Without `wanted`, writes it plain. */
void table_paint(FILE *out, const char *text, enum table_color color, bool wanted);

/*
 * Sets *columns and *rows from $COLUMNS and $LINES. If one is not set, takes it from the terminal;
 * 0 if stdout is no terminal.
 */
void table_screen(size_t *columns, size_t *rows);

#endif

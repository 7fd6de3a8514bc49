/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aligned columns that fit a width: the least important columns are left out, and as a last resort
 * lines are cut.
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
	const char *key; /* of a record: what cell_row() shows; NULL: nothing */
	int priority;   /* the highest number goes first; 0 stays */
	bool right;     /* aligned to the right */
	bool optional;  /* left out when no row has anything but "-" in it */
	size_t least;	/* not 0: cut to no less than this before others are left out; for the last
			   column */
};

/* columns are kept by reference, at most TABLE_COLUMNS_MAX. NULL: no memory. */
struct table *table_new(const struct table_column *columns, size_t n_columns);
void table_free(struct table *table);

/* Begins a row of cells that are all "-". -ENOMEM. */
int table_row(struct table *table);
/* Of the row begun last. text is copied, cut at TABLE_CELL_MAX - 1 bytes. */
void table_cell(struct table *table, size_t column, enum table_color color, const char *text);

size_t table_rows(const struct table *table);

/* Sets which columns and how wide: width 0 is any. To be called before the lines. */
void table_fit(struct table *table, size_t width);
/* Writes one line and `end` instead of a newline. Colours only if wanted. */
void table_write_title(const struct table *table, FILE *out, bool color, const char *end);
void table_write_row(const struct table *table, size_t row, FILE *out, bool color, const char *end);

/* Fits and writes all of it. */
void table_write(struct table *table, FILE *out, size_t width, bool color);

/* text between the sequences of a colour; what a table does for cells. */
void table_paint(FILE *out, const char *text, enum table_color color, bool wanted);

/*
 * Columns of the terminal or of $COLUMNS; 0 if stdout is neither told nor a terminal. Rows: 0
 * likewise.
 */
void table_screen(size_t *columns, size_t *rows);

#endif

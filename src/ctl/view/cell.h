/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cells of a table from records. What is not known leaves the cell as it is, "-".
 */
#ifndef RPINGMESH_CTL_VIEW_CELL_H
#define RPINGMESH_CTL_VIEW_CELL_H

#include "ctl/view/table.h"
#include "ctl/view/view.h"

/* A string, or a number in digits (view_text()). An empty one counts as not known. */
void cell_text(struct table *table, size_t column, const msgpack_object *record, const char *key);
/* Nanoseconds, for people: "42.9 ms". */
void cell_ns(struct table *table, size_t column, const msgpack_object *record, const char *key);

/* "flow_label", in hexadecimal; 0 is "0". */
void cell_label(struct table *table, size_t column, const msgpack_object *record);

/*
 * Begins a row, with the record's value of each column that has a key. -ENOMEM.
 */
int cell_row(struct table *table, const struct table_column *columns, size_t n,
	     const msgpack_object *record);

/*
 * A row for each record of an array: cell_row(), then fill() for the other cells. NULL: no memory.
 */
struct table *cell_table(const struct table_column *columns, size_t n, const msgpack_object *list,
			 void (*fill)(struct table *table, const msgpack_object *record));

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fills cells of a table from records. If a value is unknown, the cell stays "-".
 */
#ifndef RPINGMESH_CTL_VIEW_CELL_H
#define RPINGMESH_CTL_VIEW_CELL_H

#include "ctl/view/table.h"
#include "ctl/view/view.h"

/* A string, or a number in digits (view_text()). An empty string counts as unknown. */
void cell_text(struct table *table, size_t column, const msgpack_object *record, const char *key);
/* A time in nanoseconds, as "42.9 ms". */
void cell_ns(struct table *table, size_t column, const msgpack_object *record, const char *key);

/* The key "flow_label" in hexadecimal; 0 is "0". */
void cell_label(struct table *table, size_t column, const msgpack_object *record);

/*
 * The keys "routers_there" and "routers_back": "3", or "3/2" if they differ, with "-" for one that
 * is unknown.
 */
void cell_routers(struct table *table, size_t column, const msgpack_object *record);

/*
 * Begins a row and fills each column that has a key with the record's value. Returns 0, or -ENOMEM.
 */
int cell_row(struct table *table, const struct table_column *columns, size_t n,
	     const msgpack_object *record);

/*
 * Makes a table with a row for each record of an array: cell_row(), then fill() for the other
 * cells. Returns NULL if there is no memory.
 */
struct table *cell_table(const struct table_column *columns, size_t n, const msgpack_object *list,
			 void (*fill)(struct table *table, const msgpack_object *record));

#endif

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

#endif

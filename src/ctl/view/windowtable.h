/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shows window records as a table, or as a line each.
 */
#ifndef RPINGMESH_CTL_VIEW_WINDOWTABLE_H
#define RPINGMESH_CTL_VIEW_WINDOWTABLE_H

#include <msgpack.h>
#include <stdio.h>

#include "ctl/view/table.h"

/* Makes a table without rows. Returns NULL if there is no memory. */
struct table *windowtable_new(void);
/* Adds one row. Returns 0, or -ENOMEM. */
int windowtable_add(struct table *table, const msgpack_object *window);

/* Writes one line of "key=value" for logs, without a newline. */
void windowtable_line(const msgpack_object *window, FILE *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Window records for people: as a table, and as a line each.
 */
#ifndef RPINGMESH_CTL_VIEW_WINDOWTABLE_H
#define RPINGMESH_CTL_VIEW_WINDOWTABLE_H

#include <msgpack.h>
#include <stdio.h>

#include "ctl/view/table.h"

/* Without rows. NULL: no memory. */
struct table *windowtable_new(void);
/* One row. -ENOMEM. */
int windowtable_add(struct table *table, const msgpack_object *window);

/* One line of "key=value" for logs, without a newline. */
void windowtable_line(const msgpack_object *window, FILE *out);

#endif

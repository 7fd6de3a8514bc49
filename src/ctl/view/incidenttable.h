/* SPDX-License-Identifier: Apache-2.0 */
/* Incidents as a table, as one line each, and one of them as a story. */
#ifndef RPINGMESH_CTL_VIEW_INCIDENTTABLE_H
#define RPINGMESH_CTL_VIEW_INCIDENTTABLE_H

#include <msgpack.h>
#include <stdio.h>

#include "ctl/view/table.h"

/* NULL: no memory. */
struct table *incidenttable_list(const msgpack_object *list);

/*
 * "P0 link leaf1 -> spine2 loses 25 % of messages, one way, since 12 s; hurts slurm:42 (ID)" and a
 * newline.
 */
void incidenttable_line(const msgpack_object *incident, FILE *out);

/* All that is known, in lines. */
void incidenttable_story(const msgpack_object *incident, FILE *out);

#endif

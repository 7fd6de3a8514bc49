/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device records as tables. NULL: no memory.
 */
#ifndef RPINGMESH_CTL_VIEW_DEVICETABLE_H
#define RPINGMESH_CTL_VIEW_DEVICETABLE_H

#include <msgpack.h>

#include "ctl/view/table.h"

struct table *devicetable_make(const msgpack_object *list);

/* What each port went through, a row an entry. */
struct table *devicetable_history(const msgpack_object *list);

/* A row a counter: those that are not 0, or all. */
struct table *devicetable_counters(const msgpack_object *list);
struct table *devicetable_counters_all(const msgpack_object *list);

#endif

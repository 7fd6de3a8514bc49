/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shows device records as tables. The functions return NULL if there is no memory.
 */
#ifndef RPINGMESH_CTL_VIEW_DEVICETABLE_H
#define RPINGMESH_CTL_VIEW_DEVICETABLE_H

#include <msgpack.h>

#include "ctl/view/table.h"

struct table *devicetable_make(const msgpack_object *list);

/* The history of each port, with a row for each entry. */
struct table *devicetable_history(const msgpack_object *list);

/* A row for each counter that is not 0, or for each counter. */
struct table *devicetable_counters(const msgpack_object *list);
struct table *devicetable_counters_all(const msgpack_object *list);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shows target records as a table. Returns NULL if there is no memory.
 */
#ifndef RPINGMESH_CTL_VIEW_TARGETTABLE_H
#define RPINGMESH_CTL_VIEW_TARGETTABLE_H

#include <msgpack.h>

#include "ctl/view/table.h"

struct table *targettable_make(const msgpack_object *list);

#endif

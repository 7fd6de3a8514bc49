/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flow records as tables: a row per flow, or a row per QP.
 */
#ifndef RPINGMESH_CTL_VIEW_FLOWTABLE_H
#define RPINGMESH_CTL_VIEW_FLOWTABLE_H

#include "ctl/view/flowlist.h"
#include "ctl/view/table.h"

/* In the list's order. NULL: no memory. */
struct table *flowtable_flows(const struct flowlist *list);
struct table *flowtable_qps(const struct flowlist *list);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shows flow records as tables, with a row for each flow or for each QP.
 */
#ifndef RPINGMESH_CTL_VIEW_FLOWTABLE_H
#define RPINGMESH_CTL_VIEW_FLOWTABLE_H

#include "ctl/view/flowlist.h"
#include "ctl/view/table.h"

/* The rows are in the order of the list. Returns NULL if there is no memory. */
struct table *flowtable_flows(const struct flowlist *list);
struct table *flowtable_qps(const struct flowlist *list);

#endif

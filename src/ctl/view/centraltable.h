/* SPDX-License-Identifier: Apache-2.0 */
/* Records of rpingmesh-central as tables and lines. NULL: there is no memory. */
#ifndef RPINGMESH_CTL_VIEW_CENTRALTABLE_H
#define RPINGMESH_CTL_VIEW_CENTRALTABLE_H

#include <msgpack.h>
#include <stdbool.h>

#include "ctl/view/table.h"

struct table *centraltable_hosts(const msgpack_object *list);
struct table *centraltable_ports(const msgpack_object *list);
struct table *centraltable_tors(const msgpack_object *list);
struct table *centraltable_links(const msgpack_object *list);
struct table *centraltable_switches(const msgpack_object *list);
struct table *centraltable_coverage(const msgpack_object *list);
/* A row for each target of a pinglist. */
struct table *centraltable_pinglist(const msgpack_object *pinglist);

/* Prints Map central_status, without what is degraded. */
void centraltable_status(const msgpack_object *status);

#endif

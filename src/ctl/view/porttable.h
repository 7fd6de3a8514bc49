/* SPDX-License-Identifier: Apache-2.0 */
/* What `rpingmesh-ctl devices` shows beside its table: each port's history, and its counters. */
#ifndef RPINGMESH_CTL_VIEW_PORTTABLE_H
#define RPINGMESH_CTL_VIEW_PORTTABLE_H

#include <msgpack.h>
#include <stdbool.h>

struct ctl;

/* list: device records. CTL_OK, or CTL_BAD_NEWS without memory. */
int porttable_history(const struct ctl *ctl, const msgpack_object *list);
/* Those that are not 0; with `all` every one. */
int porttable_counters(const struct ctl *ctl, const msgpack_object *list, bool all);

#endif

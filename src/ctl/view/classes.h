/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The classes of probes as they stand in records, for people.
 */
#ifndef RPINGMESH_CTL_VIEW_CLASSES_H
#define RPINGMESH_CTL_VIEW_CLASSES_H

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>

#define CLASSES_N 8
#define CLASSES_OK 0
#define CLASSES_LATE 2
extern const char *const classes_names[CLASSES_N];

/* The class that the record's key "class" names; -1: none that we know. */
int classes_find(const msgpack_object *record);

/*
 * "lost 3 down 12": the counts in a map of totals that are neither 0 nor ok. "-": none. Returns
 * whether there are any.
 */
bool classes_not_ok(const msgpack_object *totals, char *buf, size_t size);

/* What it means that a probe ended in this class, in a sentence. */
const char *classes_meaning(int class);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the classes of results from records, and adds them up for users.
 */
#ifndef RPINGMESH_CTL_VIEW_CLASSES_H
#define RPINGMESH_CTL_VIEW_CLASSES_H

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stat/probe_class.h"

/* The class in the record's key "class", or PROBE_CLASS_N if it is unknown. */
enum probe_class classes_find(const msgpack_object *record);

/*
 * Writes the counts of a map TOTALS that are not 0, without ok: "lost 3 down 12", or "-". Returns
 * whether there are any.
 */
bool classes_not_ok(const msgpack_object *totals, char *buf, size_t size);

/* The number of results of each class. The last element counts unknown classes. */
struct classes_tally {
	uint64_t n[PROBE_CLASS_N + 1];
};

/* Adds one result. */
void classes_tally_add(struct classes_tally *tally, const msgpack_object *record);
/* Replaces the counts of all classes that the daemon's totals contain. */
void classes_tally_totals(struct classes_tally *tally, const msgpack_object *totals);
uint64_t classes_tally_answered(const struct classes_tally *tally);
uint64_t classes_tally_lost(const struct classes_tally *tally);
/* Prints a line of the counts that are not 0, or nothing if all are 0. */
void classes_tally_print(const struct classes_tally *tally);

#endif

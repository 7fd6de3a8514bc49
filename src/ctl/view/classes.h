/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Results by class, as a user is shown them: read out of records and added up.
 */
#ifndef RPINGMESH_CTL_VIEW_CLASSES_H
#define RPINGMESH_CTL_VIEW_CLASSES_H

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stat/probe_class.h"

/* The class that the record's key "class" names; PROBE_CLASS_N: none that we know. */
enum probe_class classes_find(const msgpack_object *record);

/* "lost 3 down 12": the counts in a map of totals that are neither 0 nor ok. "-": none. Returns
 * whether there are any. */
bool classes_not_ok(const msgpack_object *totals, char *buf, size_t size);

/* How many results of each class there were. The last place counts classes that we do not know. */
struct classes_tally {
	uint64_t n[PROBE_CLASS_N + 1];
};

/* Adds one result. */
void classes_tally_add(struct classes_tally *tally, const msgpack_object *record);
/* Takes over the daemon's totals, of those classes that it names. */
void classes_tally_totals(struct classes_tally *tally, const msgpack_object *totals);
uint64_t classes_tally_answered(const struct classes_tally *tally);
uint64_t classes_tally_lost(const struct classes_tally *tally);
/* Prints a line of what is not 0, and none if all is. */
void classes_tally_print(const struct classes_tally *tally);

#endif

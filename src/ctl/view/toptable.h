/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `top` shows: peer or target records, filtered, sorted, as a table with the trends of their
 * windows.
 */
#ifndef RPINGMESH_CTL_VIEW_TOPTABLE_H
#define RPINGMESH_CTL_VIEW_TOPTABLE_H

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctl/view/table.h"

struct trends;

enum toptable_sort {
	TOPTABLE_WORST, /* states that are red, then yellow ones, then by loss */
	TOPTABLE_RTT,
	TOPTABLE_P99,
	TOPTABLE_LOSS,
	TOPTABLE_PROBER,
	TOPTABLE_RESPONDER,
	TOPTABLE_NAME,
	TOPTABLE_SORTS
};

extern const char *const toptable_sort_names[TOPTABLE_SORTS];

struct toptable_query {
	enum toptable_sort sort;
	bool reverse;
	const char *filter; /* part of address, device, host name, state or kind, in any case; "":
			       all */
};

/*
 * Pointers into list, those that the filter lets through: figures from the highest down, names from
 * A up, the other way round if reverse; what has no such figure stands last either way, and equals
 * as in the list. *n and *out, to be free()d. -ENOMEM.
 */
int toptable_order(const msgpack_object *list, const struct toptable_query *query,
		   const msgpack_object ***out, size_t *n);

/*
 * The rows, the column that is sorted by among those that always stay. trends may be NULL. NULL: no
 * memory.
 */
struct table *toptable_make(const msgpack_object **rows, size_t n, enum toptable_sort sort,
			    const struct trends *trends, uint64_t now_wall_ns);

#endif

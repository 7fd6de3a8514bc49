/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of `top`: peer or target records, filtered and sorted, with the trends of their
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
	TOPTABLE_WORST, /* by peer_badness() */
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
	const char *filter; /* part of address, device, host name, state or kind; upper and lower
			       case are the same; "": all */
};

/*
 * Makes an array of pointers to the records of `list` that match the filter. Figures are sorted
 * from the highest down, names from A up; `reverse` reverses both. Records without the figure
 * always come last. Equal records keep their order. Returns 0 and sets *n and *out, which the
 * caller frees, or -ENOMEM.
 */
int toptable_order(const msgpack_object *list, const struct toptable_query *query,
		   const msgpack_object ***out, size_t *n);

/*
 * Makes the table of the rows. The column of `sort` always stays. trends may be NULL. Returns NULL
 * if there is no memory.
 */
struct table *toptable_make(const msgpack_object **rows, size_t n, enum toptable_sort sort,
			    const struct trends *trends, uint64_t now_wall_ns);

#endif

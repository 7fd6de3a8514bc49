/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shows histograms of records as bars. The daemon's fine buckets are joined into as many rows as
 * fit. Each fine bucket belongs to exactly one row, so all counts are exact.
 */
#ifndef RPINGMESH_CTL_VIEW_BARS_H
#define RPINGMESH_CTL_VIEW_BARS_H

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stat/histogram.h"

#define BARS_ROWS_MAX 64u

struct bars_row {
	uint64_t low_ns, high_ns; /* both inclusive */
	uint64_t count;
};

struct bars {
	struct bars_row rows[BARS_ROWS_MAX]; /* ascending, without gaps; rows between others may
						have the count 0 */
	size_t n;
	uint64_t most;                       /* the highest count */
};

/*
 * Reads the map HISTOGRAM of a record (rpingmesh-records(5)) into *out, which must be empty. The
 * caller calls histogram_clear(). Returns 0, -EINVAL if the map is no histogram or is inconsistent,
 * or -ENOMEM.
 */
int bars_read(const msgpack_object *map, struct histogram *out);

/*
 * Makes at most rows_max rows; rows_max is 2 to BARS_ROWS_MAX. An octave has 64, 32 … or 1 rows, or
 * a row has 2, 4 … octaves: the finest that fits.
 */
void bars_make(const struct histogram *h, size_t rows_max, struct bars *out);

/*
 * Writes `count` as a bar into buf, which has room for 3 * columns + 1 bytes. A bar for `most` is
 * `columns` wide. Any count except 0 is visible. Returns the width of the bar in columns.
 */
size_t bars_text(uint64_t count, uint64_t most, size_t columns, bool unicode, char *buf);

#endif

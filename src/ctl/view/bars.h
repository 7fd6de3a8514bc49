/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Histograms of records as bars: the daemon's fine buckets joined to as many rows as fit. Each fine
 * bucket lies in one row as a whole, so that counts are exact; nothing is spread or smoothed.
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
	uint64_t low_ns, high_ns; /* both belong to it */
	uint64_t count;
};

struct bars {
	struct bars_row rows[BARS_ROWS_MAX]; /* ascending and without a gap; counts of 0 between
						others are shown as such */
	size_t n;
	uint64_t most;                       /* the highest count */
};

/*
 * The histogram of a record (rpingmesh/control.h) into *out, empty before; histogram_clear() it.
 * -EINVAL: none, or one that contradicts itself; -ENOMEM.
 */
int bars_read(const msgpack_object *map, struct histogram *out);

/*
 * At most rows_max rows, 2 to BARS_ROWS_MAX: the finest of 64, 32 … 1 to an octave, or of 2, 4 …
 * octaves, that fit.
 */
void bars_make(const struct histogram *h, size_t rows_max, struct bars *out);

/*
 * count as a bar, the most being columns wide; 3 * columns + 1 bytes into buf. Whatever is not 0
 * leaves a mark. Returns its width.
 */
size_t bars_text(uint64_t count, uint64_t most, size_t columns, bool unicode, char *buf);

#endif

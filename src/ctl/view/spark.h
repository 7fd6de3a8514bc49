/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sparklines: a series of figures as one character each, the oldest first. An unknown figure is
 * '?'.
 */
#ifndef RPINGMESH_CTL_VIEW_SPARK_H
#define RPINGMESH_CTL_VIEW_SPARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPARK_LEVELS 8u
#define SPARK_UNKNOWN UINT64_MAX
/* The size of buf. */
#define SPARK_TEXT(n) (3 * (n) + 1)

/*
 * Draws values on a linear scale from the smallest known value to the largest. The scale ends at
 * twice the smallest value or above, so that small changes look small. Uses "▁▂▃▄▅▆▇█" if unicode
 * is set, otherwise "_.-:=+*#".
 */
void spark_scaled(const uint64_t *values, size_t n, bool unicode, char *buf);

/*
 * Draws loss ratios; NaN is unknown. The lowest mark is no loss; the others are up to 0.1, 0.5, 1,
 * 5, 10, 50 and 100 %.
 */
void spark_loss(const double *ratios, size_t n, bool unicode, char *buf);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sparklines: a series of figures as one character each, the oldest first. Only what was measured
 * is drawn; a figure that is not known is a '?'.
 */
#ifndef RPINGMESH_CTL_VIEW_SPARK_H
#define RPINGMESH_CTL_VIEW_SPARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPARK_LEVELS 8u
#define SPARK_UNKNOWN UINT64_MAX
/* What buf must have room for. */
#define SPARK_TEXT(n) (3 * (n) + 1)

/*
 * Between the least and the greatest of the known, in steps of equal height, but over twice the
 * least at least, so that what hardly changes looks like that. unicode: "▁▂▃▄▅▆▇█", else
 * "_.-:=+*#".
 */
void spark_scaled(const uint64_t *values, size_t n, bool unicode, char *buf);

/*
 * Shares of loss, NaN unknown, on a scale of its own: the lowest mark is no loss at all, then up to
 * 0.1, 0.5, 1, 5, 10, 50 and 100 %.
 */
void spark_loss(const double *ratios, size_t n, bool unicode, char *buf);

#endif

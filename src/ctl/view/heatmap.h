/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shows peer records as a matrix of peers and local devices, in blocks as wide as the terminal.
 */
#ifndef RPINGMESH_CTL_VIEW_HEATMAP_H
#define RPINGMESH_CTL_VIEW_HEATMAP_H

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum heatmap_metric {
	HEATMAP_BOTH, /* RTT and loss */
	HEATMAP_RTT,
	HEATMAP_LOSS,
	HEATMAP_PROBER,
	HEATMAP_RESPONDER,
	HEATMAP_METRICS
};

extern const char *const heatmap_metric_names[HEATMAP_METRICS];

#define HEATMAP_LEVELS 4u

struct heatmap;

/*
 * Makes a matrix of peer records; `list` must outlive it. The rows are the peers or the devices,
 * whichever are more. Returns 0 and sets *out, which the caller frees, or -ENOMEM, or -E2BIG if
 * there are too many for a matrix.
 */
int heatmap_new(const msgpack_object *list, enum heatmap_metric metric, struct heatmap **out);
void heatmap_free(struct heatmap *matrix);

/* Writes the matrix; width = 0: any width. Returns 0, or -ENOMEM. */
int heatmap_write(const struct heatmap *matrix, size_t width, bool unicode, bool color, FILE *out);

/*
 * Computes the levels of times. They have equal ratios from `least` to `most`, but span at least a
 * factor of two. bounds[i] is the smallest time of level i + 1.
 */
void heatmap_scale(uint64_t least, uint64_t most, uint64_t bounds[HEATMAP_LEVELS - 1]);

#endif

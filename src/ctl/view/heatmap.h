/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peer records as a matrix of peers and local devices, in blocks as wide as the terminal.
 */
#ifndef RPINGMESH_CTL_VIEW_HEATMAP_H
#define RPINGMESH_CTL_VIEW_HEATMAP_H

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum heatmap_metric {
	HEATMAP_BOTH, /* RTT, with the loss beside it */
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
 * list: peer records, kept by reference. -ENOMEM; -E2BIG: more than a matrix is good for. What has
 * more of them, peers or devices, are the rows.
 */
int heatmap_new(const msgpack_object *list, enum heatmap_metric metric, struct heatmap **out);
void heatmap_free(struct heatmap *matrix);

/* width 0: any. 0, or -ENOMEM. */
int heatmap_write(const struct heatmap *matrix, size_t width, bool unicode, bool color, FILE *out);

/*
 * The levels of times: by equal ratios from the least to the greatest, but over a factor of two at
 * least. Bounds of the levels but the first: each is the least that belongs to it.
 */
void heatmap_scale(uint64_t least, uint64_t most, uint64_t bounds[HEATMAP_LEVELS - 1]);

#endif

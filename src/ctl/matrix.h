/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peer records as a matrix of peers and local devices, in blocks as wide as the terminal.
 */
#ifndef RPINGMESH_CTL_MATRIX_H
#define RPINGMESH_CTL_MATRIX_H

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum matrix_metric {
	MATRIX_BOTH, /* RTT, with the loss beside it */
	MATRIX_RTT,
	MATRIX_LOSS,
	MATRIX_PROBER,
	MATRIX_RESPONDER,
	MATRIX_METRICS
};

extern const char *const matrix_metric_names[MATRIX_METRICS];

#define MATRIX_LEVELS 4u

struct matrix;

/*
 * list: peer records, kept by reference. -ENOMEM; -E2BIG: more than a matrix is good for. What has
 * more of them, peers or devices, are the rows.
 */
int matrix_new(const msgpack_object *list, enum matrix_metric metric, struct matrix **out);
void matrix_free(struct matrix *matrix);

/* width 0: any. 0, or -ENOMEM. */
int matrix_write(const struct matrix *matrix, size_t width, bool unicode, bool color, FILE *out);

/*
 * The levels of times: by equal ratios from the least to the greatest, but over a factor of two at
 * least. Bounds of the levels but the first: each is the least that belongs to it.
 */
void matrix_scale(uint64_t least, uint64_t most, uint64_t bounds[MATRIX_LEVELS - 1]);

#endif

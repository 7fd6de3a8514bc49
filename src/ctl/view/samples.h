/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The times that one ping has measured, for its summary. Minimum, maximum, mean and deviation are
 * those of all times; percentiles are those of the last SAMPLES_MAX.
 */
#ifndef RPINGMESH_CTL_VIEW_SAMPLES_H
#define RPINGMESH_CTL_VIEW_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

#define SAMPLES_MAX (1u << 20)

/* All zero is empty. */
struct samples {
	uint64_t n, min, max;
	double mean, m2; /* Welford's running mean and sum of squared differences */
	uint64_t *last;  /* a ring when it is full */
	size_t room, kept, next;
};

/* Adds a time. If there is no memory, the percentiles miss it. */
void samples_add(struct samples *s, uint64_t value);
uint64_t samples_mean(const struct samples *s);
/* The standard deviation, like mdev of ping(8). */
uint64_t samples_mdev(const struct samples *s);
/*
 * The percentile by nearest rank, 1 to 100 %; 0 if there are no samples. It sorts the samples, so
 * do not call samples_add() afterwards.
 */
uint64_t samples_percentile(struct samples *s, unsigned int percent);
void samples_free(struct samples *s);

#endif

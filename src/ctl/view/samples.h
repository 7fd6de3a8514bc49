/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times measured by one ping, for its summary. Extremes, mean and deviation are of all of them,
 * percentiles of the last SAMPLES_MAX.
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
	uint64_t *last;  /* a ring once it is full */
	size_t room, kept, next;
};

/* Without memory the percentiles miss samples. */
void samples_add(struct samples *s, uint64_t value);
uint64_t samples_mean(const struct samples *s);
/* Standard deviation, as ping(8)'s mdev. */
uint64_t samples_mdev(const struct samples *s);
/* Nearest rank, percent 1 to 100; sorts. 0 if there is none. No samples_add() after it. */
uint64_t samples_percentile(struct samples *s, unsigned int percent);
void samples_free(struct samples *s);

#endif

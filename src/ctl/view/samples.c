/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/view/samples.h"

#include <math.h>
#include <stdlib.h>

static void
samples_keep(struct samples *s, uint64_t value)
{
	if (s->kept == s->room && s->room < SAMPLES_MAX) {
		size_t room = s->room ? 2 * s->room : 256;
		uint64_t *last = reallocarray(s->last, room, sizeof(*last));

		if (!last)
			return;
		s->last = last;
		s->room = room;
	}
	if (s->kept < s->room)
		s->last[s->kept++] = value;
	else
		s->last[s->next++ % s->room] = value;
}

void
samples_add(struct samples *s, uint64_t value)
{
	double d = (double)value - s->mean;

	samples_keep(s, value);
	s->n++;
	s->mean += d / (double)s->n;
	s->m2 += d * ((double)value - s->mean);
	if (s->n == 1 || value < s->min)
		s->min = value;
	if (value > s->max)
		s->max = value;
}

/* Rounds. Limits the value, because converting one that does not fit is undefined. */
static uint64_t
samples_whole(double d)
{
	if (!(d > 0))
		return 0;
	return d + 0.5 < 0x1p64 ? (uint64_t)(d + 0.5) : UINT64_MAX;
}

uint64_t
samples_mean(const struct samples *s)
{
	return samples_whole(s->mean);
}

uint64_t
samples_mdev(const struct samples *s)
{
	return s->n ? samples_whole(sqrt(s->m2 / (double)s->n)) : 0;
}

static int
samples_compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

uint64_t
samples_percentile(struct samples *s, unsigned int percent)
{
	size_t rank = (s->kept * percent + 99) / 100;

	if (s->kept == 0)
		return 0;
	qsort(s->last, s->kept, sizeof(*s->last), samples_compare);
	return s->last[rank ? rank - 1 : 0];
}

void
samples_free(struct samples *s)
{
	free(s->last);
	*s = (struct samples){0};
}

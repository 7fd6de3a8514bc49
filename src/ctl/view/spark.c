/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/view/spark.h"

#include <math.h>
#include <string.h>

static char *
spark_put(char *at, unsigned int level, bool unicode)
{
	static const char plain[SPARK_LEVELS + 1] = "_.-:=+*#";

	if (!unicode) {
		*at++ = plain[level];
		return at;
	}
	memcpy(at, "\u2581", 3); /* the lower eighth; the higher blocks follow it */
	at[2] = (char)((unsigned char)at[2] + level);
	return at + 3;
}

/* span > 0. */
static unsigned int
spark_level(uint64_t above, uint64_t span)
{
	unsigned int level = (unsigned int)((double)above / (double)span * SPARK_LEVELS);

	return level < SPARK_LEVELS ? level : SPARK_LEVELS - 1;
}

void
spark_scaled(const uint64_t *values, size_t n, bool unicode, char *buf)
{
	uint64_t least = SPARK_UNKNOWN, most = 0, span;

	for (size_t i = 0; i < n; i++) {
		if (values[i] == SPARK_UNKNOWN)
			continue;
		least = values[i] < least ? values[i] : least;
		most = values[i] > most ? values[i] : most;
	}
	span = most > least ? most - least : 0;
	if (span < least)
		span = least;
	for (size_t i = 0; i < n; i++) {
		if (values[i] == SPARK_UNKNOWN)
			*buf++ = '?';
		else
			buf = spark_put(buf, span ? spark_level(values[i] - least, span) : 0,
					unicode);
	}
	*buf = '\0';
}

void
spark_loss(const double *ratios, size_t n, bool unicode, char *buf)
{
	static const double bounds[SPARK_LEVELS - 1] = {0, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5};

	for (size_t i = 0; i < n; i++) {
		unsigned int level = 0;

		while (level < SPARK_LEVELS - 1 && ratios[i] > bounds[level])
			level++;
		if (isnan(ratios[i]))
			*buf++ = '?';
		else
			buf = spark_put(buf, level, unicode);
	}
	*buf = '\0';
}

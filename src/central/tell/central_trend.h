/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the harm of open incidents went on: a sample every few seconds, for the last hour. Of more
 * than CENTRAL_TREND_INCIDENTS, those that were seen last are kept. Nothing survives a restart.
 */
#ifndef RPINGMESH_CENTRAL_TELL_CENTRAL_TREND_H
#define RPINGMESH_CENTRAL_TELL_CENTRAL_TREND_H

#include <stdint.h>
#include <stdio.h>

#define CENTRAL_TREND_INCIDENTS 64u
#define CENTRAL_TREND_SAMPLES 720u /* of each; an hour, of one every 5 s */

struct central_trend;
struct incidents;

/* Returns NULL without memory. */
struct central_trend *central_trend_new(void);
/* NULL is allowed. */
void central_trend_free(struct central_trend *trend);

/* Takes a sample of each open incident; of one that has closed, a last one without harm. */
void central_trend_look(struct central_trend *trend, const struct incidents *incidents,
			uint64_t wall_ns);
/* Writes JSON: a list of [time_s, loss_ratio, delay_ns], the oldest first. */
void central_trend_write(const struct central_trend *trend, const char *id, FILE *out);

#endif

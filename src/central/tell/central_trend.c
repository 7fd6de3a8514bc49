/* SPDX-License-Identifier: Apache-2.0 */
#include "central/tell/central_trend.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "central/incident/incidents.h"
#include "core/clock.h"

struct central_sample {
	uint32_t time_s;
	float loss_ratio;
	uint64_t delay_ns;
};

struct central_trend_of {
	char id[INCIDENT_ID];    /* "": unused */
	uint64_t n;              /* samples, ever; the place of the next one follows from it */
	uint32_t last_s;
	struct central_sample samples[CENTRAL_TREND_SAMPLES];
};

struct central_trend {
	struct central_trend_of of[CENTRAL_TREND_INCIDENTS];
};

struct central_trend *
central_trend_new(void)
{
	return calloc(1, sizeof(struct central_trend));
}

void
central_trend_free(struct central_trend *trend)
{
	free(trend);
}

static struct central_trend_of *
central_trend_find(struct central_trend *trend, const char *id)
{
	for (uint32_t i = 0; i < CENTRAL_TREND_INCIDENTS; i++)
		if (strcmp(trend->of[i].id, id) == 0)
			return &trend->of[i];
	return NULL;
}

/* The place of the one that was seen the longest time ago. */
static struct central_trend_of *
central_trend_place(struct central_trend *trend, const char *id)
{
	struct central_trend_of *oldest = &trend->of[0];

	for (uint32_t i = 1; i < CENTRAL_TREND_INCIDENTS; i++)
		if (trend->of[i].last_s < oldest->last_s)
			oldest = &trend->of[i];
	oldest->n = 0;
	snprintf(oldest->id, sizeof(oldest->id), "%s", id);
	return oldest;
}

static void
central_trend_add(struct central_trend_of *of, const struct incident *i, uint32_t time_s)
{
	bool open = i->state == INCIDENT_OPEN;

	of->samples[of->n++ % CENTRAL_TREND_SAMPLES] = (struct central_sample){
		time_s, open ? (float)i->loss_ratio : 0, open ? i->delay_ns : 0};
	of->last_s = time_s;
}

/* Whether the last sample is of a time when it was open. */
static bool
central_trend_is_open(const struct central_trend_of *of)
{
	const struct central_sample *last = &of->samples[(of->n - 1) % CENTRAL_TREND_SAMPLES];

	return last->loss_ratio > 0 || last->delay_ns > 0;
}

void
central_trend_look(struct central_trend *trend, const struct incidents *incidents,
		   uint64_t wall_ns)
{
	uint32_t time_s = (uint32_t)(wall_ns / NSEC_PER_SEC);
	const struct incident *i;
	uint64_t number = 0;

	while ((i = incidents_next(incidents, number, &number))) {
		struct central_trend_of *of = central_trend_find(trend, i->id);

		if (i->state == INCIDENT_OPEN && !of)
			of = central_trend_place(trend, i->id);
		if (of && (i->state == INCIDENT_OPEN || central_trend_is_open(of)))
			central_trend_add(of, i, time_s);
	}
}

void
central_trend_write(const struct central_trend *trend, const char *id, FILE *out)
{
	const struct central_trend_of *of =
		central_trend_find((struct central_trend *)(uintptr_t)trend, id);
	uint64_t n = of ? of->n : 0;

	fputc('[', out);
	for (uint64_t i = n > CENTRAL_TREND_SAMPLES ? n - CENTRAL_TREND_SAMPLES : 0; i < n; i++) {
		const struct central_sample *s = &of->samples[i % CENTRAL_TREND_SAMPLES];

		fprintf(out, "[%" PRIu32 ",%g,%" PRIu64 "]%s", s->time_s, (double)s->loss_ratio,
			s->delay_ns, i + 1 < n ? "," : "");
	}
	fputc(']', out);
}

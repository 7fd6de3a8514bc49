/* SPDX-License-Identifier: Apache-2.0 */
/* How incidents went on, from real incidents: samples, their order, the limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "central/incident/incidents.h"
#include "central/tell/central_trend.h"

#define SECOND 1000000000ULL
#define WALL 1700000000ULL

struct world {
	struct incidents *s;
	struct central_trend *trend;
	uint64_t now; /* seconds */
	enum incidents_health health;
};

static void
world_changed(void *arg, const struct incident *incident)
{
	(void)arg;
	(void)incident;
}

static enum incidents_health
world_health(void *arg, const struct incident *incident)
{
	const struct world *w = arg;

	(void)incident;
	return w->health;
}

static void
world_orphan(void *arg, const char *id)
{
	(void)arg;
	(void)id;
}

static int
world_begin(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	const struct incidents_ops ops = {world_changed, world_health, world_orphan, w};

	assert_non_null(w);
	w->now = 1000;
	w->health = INCIDENTS_UNKNOWN;
	assert_int_equal(incidents_new(&ops, &w->s), 0);
	w->trend = central_trend_new();
	assert_non_null(w->trend);
	*state = w;
	return 0;
}

static int
world_end(void **state)
{
	struct world *w = *state;

	central_trend_free(w->trend);
	incidents_free(w->s);
	free(w);
	return 0;
}

/* An incident opens at once, or goes on, with this loss. */
static void
lose(struct world *w, const char *name, double ratio)
{
	struct incident_culprit culprit = {.kind = INCIDENT_NIC};
	struct incidents_finding f = {.kind = INCIDENT_NIC, .culprits = &culprit, .n_culprits = 1,
				      .sure = true, .loss_ratio = ratio, .confidence = 0.9};
	const struct incidents_time now = {w->now * SECOND, (w->now + WALL) * SECOND};

	snprintf(culprit.name, sizeof(culprit.name), "%s", name);
	incidents_judge(w->s, &f, 1, &now);
}

static void
look(struct world *w)
{
	central_trend_look(w->trend, w->s, (w->now + WALL) * SECOND);
}

/* The id of the incident of this culprit. */
static const char *
id_of(const struct world *w, const char *name)
{
	const struct incident *i;
	uint64_t number = 0;

	while ((i = incidents_next(w->s, number, &number)))
		if (strcmp(i->culprits[0].name, name) == 0)
			return i->id;
	fail_msg("there is no incident of %s", name);
	return "";
}

/* What is written; the caller frees it. */
static char *
written(const struct world *w, const char *id)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	central_trend_write(w->trend, id, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void
assert_written(const struct world *w, const char *id, const char *expected)
{
	char *text = written(w, id);

	assert_string_equal(text, expected);
	free(text);
}

static void
test_goes_on(void **state)
{
	struct world *w = *state;
	const char *id;

	look(w);
	lose(w, "a", 0.25);
	id = id_of(w, "a");
	assert_written(w, id, "[]");
	look(w);
	assert_written(w, id, "[[1700001000,0.25,0]]");
	w->now += 5;
	look(w);
	assert_written(w, id, "[[1700001000,0.25,0],[1700001005,0.25,0]]");
	assert_written(w, "0123456789abcdef", "[]");
}

/* Once it has closed, there is one more sample, without harm. */
static void
test_closes(void **state)
{
	struct world *w = *state;
	char id[INCIDENT_ID];
	struct incidents_time now;

	lose(w, "a", 0.5);
	snprintf(id, sizeof(id), "%s", id_of(w, "a"));
	look(w);
	w->health = INCIDENTS_HEALTHY;
	for (int i = 0; i < 10; i++) {
		w->now += 5;
		now = (struct incidents_time){w->now * SECOND, (w->now + WALL) * SECOND};
		incidents_judge(w->s, NULL, 0, &now);
	}
	look(w);
	w->now += 5;
	look(w);
	assert_written(w, id, "[[1700001000,0.5,0],[1700001050,0,0]]");
}

/* The last hour only. */
static void
test_wraps(void **state)
{
	struct world *w = *state;
	unsigned int n = 0;
	char *text;

	lose(w, "a", 0.5);
	for (unsigned int i = 0; i < CENTRAL_TREND_SAMPLES + 3; i++, w->now += 5)
		look(w);
	text = written(w, id_of(w, "a"));
	assert_int_equal(strncmp(text, "[[1700001015,", 13), 0);
	for (const char *at = text; (at = strstr(at, ",0.5,")); at++)
		n++;
	assert_int_equal(n, CENTRAL_TREND_SAMPLES);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_goes_on, world_begin, world_end),
		cmocka_unit_test_setup_teardown(test_closes, world_begin, world_end),
		cmocka_unit_test_setup_teardown(test_wraps, world_begin, world_end),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

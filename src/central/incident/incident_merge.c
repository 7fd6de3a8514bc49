/* SPDX-License-Identifier: Apache-2.0 */
#include "central/incident/incident_merge.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/incident/incidents_finding.h"
#include "core/siphash.h"

/* ---- candidates ---- */

void
incident_key(const struct incident_culprit *c, char key[INCIDENT_KEY])
{
	static const char *const arrows[] = {" <-> ", " -> "};
	const char *at = NULL, *to = NULL;

	for (int i = 0; c->kind == INCIDENT_LINK && !at && i < 2; i++) {
		at = strstr(c->name, arrows[i]);
		to = at ? at + strlen(arrows[i]) : NULL;
	}
	if (!at)
		snprintf(key, INCIDENT_KEY, "%s %s", incident_kind_names[c->kind], c->name);
	else if (strncmp(c->name, to, (size_t)(at - c->name)) < 0)
		snprintf(key, INCIDENT_KEY, "link %.*s - %s", (int)(at - c->name), c->name, to);
	else
		snprintf(key, INCIDENT_KEY, "link %s - %.*s", to, (int)(at - c->name), c->name);
}

bool
incident_is_part(const struct incident_culprit *link, const struct incident_culprit *whole)
{
	char key[INCIDENT_KEY];
	const char *ends = key + strlen("link "), *to;

	if (link->kind != INCIDENT_LINK || whole->kind != INCIDENT_SWITCH)
		return false;
	incident_key(link, key);
	to = strstr(ends, " - ");
	return to && ((strncmp(ends, whole->name, (size_t)(to - ends)) == 0 &&
		       whole->name[to - ends] == '\0') ||
		      strcmp(to + strlen(" - "), whole->name) == 0);
}

static int
incident_compare(const struct incident_culprit *a, const struct incident_culprit *b)
{
	char x[INCIDENT_KEY], y[INCIDENT_KEY];

	if (a->kind != b->kind)
		return a->kind > b->kind ? 1 : -1;
	incident_key(a, x);
	incident_key(b, y);
	return strcmp(x, y);
}

static bool
incident_group_has(const struct incident_group *group, const struct incident_culprit *culprit)
{
	for (size_t i = 0; i < group->n; i++)
		if (incident_compare(&group->at[i], culprit) == 0)
			return true;
	return false;
}

bool
incident_shares(const struct incident_group *a, const struct incident_group *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (incident_group_has(b, &a->at[i]))
			return true;
	return false;
}

void
incident_make_id(const struct incident_group *group, unsigned int number, char id[INCIDENT_ID])
{
	/* Not secret: the same on all centrals. */
	static const uint8_t key[SIPHASH_KEY] = "rpingmesh incid";
	const struct incident_culprit *least = &group->at[0];
	char text[INCIDENT_KEY + 16];
	size_t size;

	for (size_t i = 1; i < group->n; i++)
		if (incident_compare(&group->at[i], least) < 0)
			least = &group->at[i];
	incident_key(least, text);
	size = strlen(text);
	if (number)
		size += (size_t)snprintf(text + size, 16, "\n%u", number);
	snprintf(id, INCIDENT_ID, "%016" PRIx64, siphash(key, text, size));
}

static size_t
incident_bounded(size_t n, size_t max)
{
	return n < max ? n : max;
}

/* Copies a list, at most max elements. Returns NULL without memory, or if it is empty. */
static void *
incident_copy(const void *from, size_t n, size_t size)
{
	void *copy = n ? calloc(n, size) : NULL;

	if (copy)
		memcpy(copy, from, n * size);
	return copy;
}

static bool
incident_set_culprits(struct incident *i, const struct incident_group *group)
{
	size_t n = incident_bounded(group->n, INCIDENT_CULPRITS_MAX);
	struct incident_culprit *copy = incident_copy(group->at, n, sizeof(*copy));

	if (!copy)
		return false;
	free(i->culprits);
	i->culprits = copy;
	i->n_culprits = n;
	return true;
}

/*
 * Keeps the candidates that the finding has, too, in its order. A finding with more of them has
 * weaker evidence, so it brings back none.
 */
static bool
incident_narrow(struct incident *i, const struct incident_group *group, uint64_t wall_ns)
{
	const struct incident_group had = {i->culprits, i->n_culprits};
	struct incident_culprit kept[INCIDENT_CULPRITS_MAX];
	size_t n = 0, before = i->n_culprits;

	for (size_t k = 0; k < group->n && n < INCIDENT_CULPRITS_MAX; k++)
		if (incident_group_has(&had, &group->at[k]))
			kept[n++] = group->at[k];
	if (n == 0 || (n == before && incident_compare(&kept[0], &i->culprits[0]) == 0))
		return false;
	if (!incident_set_culprits(i, &(struct incident_group){kept, n}))
		return false;
	if (n < before)
		incident_note(i, INCIDENT_NARROWED, wall_ns, "%zu of %zu candidates left: %.150s",
			      n, before, kept[0].name);
	else
		incident_note(i, INCIDENT_CHANGED, wall_ns, "now the likeliest: %.170s",
			      kept[0].name);
	return true;
}

/* ---- jobs ---- */

static bool
incident_has_job(const struct incident_job *jobs, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(jobs[i].name, name) == 0)
			return true;
	return false;
}

/* Adds the jobs that are not there. Returns whether there were any. */
static bool
incident_add_jobs(struct incident_job **jobs, size_t *n, const struct incident_job *more,
		  size_t n_more)
{
	size_t before = *n;
	struct incident_job *all;

	for (size_t i = 0; i < n_more && *n < INCIDENT_JOBS_MAX; i++) {
		if (incident_has_job(*jobs, *n, more[i].name))
			continue;
		all = reallocarray(*jobs, *n + 1, sizeof(*all));
		if (!all)
			break;
		*jobs = all;
		all[(*n)++] = more[i];
	}
	return *n > before;
}

static enum incident_priority
incident_priority_of(const struct incident *i)
{
	return i->n_hurts ? INCIDENT_P0 : i->n_crosses ? INCIDENT_P1 : INCIDENT_P2;
}

static bool
incident_meet_jobs(struct incident *i, const struct incidents_finding *f)
{
	bool hurt = incident_add_jobs(&i->hurts, &i->n_hurts, f->hurts, f->n_hurts);
	bool cross = incident_add_jobs(&i->crosses, &i->n_crosses, f->crosses, f->n_crosses);

	return hurt || cross;
}

static bool
incident_prioritize(struct incident *i, uint64_t wall_ns)
{
	enum incident_priority priority = incident_priority_of(i);

	if (priority == i->priority)
		return false;
	i->priority = priority;
	incident_note(i, INCIDENT_PRIORITIZED, wall_ns, "%s%s%.150s",
		      incident_priority_names[priority], i->n_hurts ? ": it hurts " : "",
		      i->n_hurts ? i->hurts[0].name : "");
	return true;
}

/* ---- whole ---- */

static void
incident_set_figures(struct incident *i, const struct incidents_finding *f)
{
	i->direction = f->direction;
	i->effect = f->effect;
	i->loss_ratio = f->loss_ratio;
	/* That it is not known this time is no news. */
	if (f->delay_ns || f->effect != INCIDENT_DELAY)
		i->delay_ns = f->delay_ns;
	i->confidence = f->confidence;
}

struct incident *
incident_of(const struct incidents_finding *f)
{
	const struct incident_group group = {f->culprits, f->n_culprits};
	struct incident *i = calloc(1, sizeof(*i));

	if (!i || !incident_set_culprits(i, &group)) {
		incident_free(i);
		return NULL;
	}
	incident_make_id(&group, 0, i->id);
	i->kind = f->kind;
	incident_set_figures(i, f);
	incident_meet_jobs(i, f);
	i->priority = incident_priority_of(i);
	return i;
}

bool
incident_adopt(struct incident *i, const struct incidents_finding *f, bool anew, uint64_t wall_ns)
{
	const struct incident_group group = {f->culprits, f->n_culprits};
	bool changed;

	incident_set_figures(i, f);
	if (anew) {
		i->n_hurts = i->n_crosses = 0;
		changed = incident_set_culprits(i, &group);
	} else {
		changed = incident_narrow(i, &group, wall_ns);
	}
	i->kind = f->kind == INCIDENT_UNKNOWN ? i->kind : i->culprits[0].kind;
	changed = incident_meet_jobs(i, f) || changed;
	if (anew)
		i->priority = incident_priority_of(i);
	return incident_prioritize(i, wall_ns) || changed;
}

/* The event that goes when there are too many: what was asked, rather than what people did. */
static size_t
incident_least(const struct incident *i)
{
	for (size_t k = 1; k < i->n_events; k++)
		if (i->events[k].what == INCIDENT_ASKED || i->events[k].what == INCIDENT_ANSWERED)
			return k;
	return 1;
}

void
incident_note(struct incident *i, enum incident_what what, uint64_t wall_ns, const char *fmt, ...)
{
	struct incident_event *events = i->events;
	va_list ap;

	if (i->n_events == INCIDENT_EVENTS_MAX) {
		size_t k = incident_least(i);

		i->n_events--;
		memmove(&events[k], &events[k + 1], (i->n_events - k) * sizeof(*events));
	} else {
		events = reallocarray(events, i->n_events + 1, sizeof(*events));
		if (!events)
			return;
		i->events = events;
	}
	events[i->n_events] = (struct incident_event){.time_ns = wall_ns, .what = what};
	va_start(ap, fmt);
	vsnprintf(events[i->n_events++].text, INCIDENT_TEXT, fmt, ap);
	va_end(ap);
}

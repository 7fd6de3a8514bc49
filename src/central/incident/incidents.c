/* SPDX-License-Identifier: Apache-2.0 */
#include "central/incident/incidents.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/incident/incident_merge.h"
#include "central/incident/incidents_impl.h"

/* Figures alone are told this often at most. */
#define INCIDENTS_FIGURES_NS 10000000000ULL
/* Loss that nobody is to blame for. */
#define INCIDENTS_BACKGROUND 1e-5
#define INCIDENTS_HEALTH_GAIN 7.0
/* A closed incident opens again for a group that shares a candidate with it, not only its id. */
#define INCIDENTS_FLAP_NS 3600000000000ULL
/* So many may begin with the same candidate, and open without it. */
#define INCIDENTS_IDS 8u

/* ---- the list ---- */

struct incidents_entry *
incidents_entry_of(const struct incidents *s, const char *id)
{
	struct incidents_entry *e;

	TAILQ_FOREACH(e, &s->list, link)
		if (strcmp(e->incident->id, id) == 0)
			return e;
	return NULL;
}

const struct incident *
incidents_find(const struct incidents *s, const char *id)
{
	const struct incidents_entry *e = incidents_entry_of(s, id);

	return e ? e->incident : NULL;
}

const struct incident *
incidents_next(const struct incidents *s, uint64_t after, uint64_t *number)
{
	const struct incidents_entry *e = *s->last;

	if (!e || e->number > after)
		e = TAILQ_FIRST(&s->list);
	while (e && e->number <= after)
		e = TAILQ_NEXT(e, link);
	*s->last = e;
	if (!e)
		return NULL;
	*number = e->number;
	return e->incident;
}

static void
incidents_drop(struct incidents *s, struct incidents_entry *e)
{
	TAILQ_REMOVE(&s->list, e, link);
	if (*s->last == e)
		*s->last = NULL;
	if (e->incident->state == INCIDENT_OPEN)
		s->open--;
	else
		s->kept--;
	incident_free(e->incident);
	free(e);
}

/* Makes room for a closed one. */
static void
incidents_drop_oldest(struct incidents *s)
{
	struct incidents_entry *e, *oldest = NULL;

	if (s->kept <= INCIDENTS_KEPT_MAX)
		return;
	TAILQ_FOREACH(e, &s->list, link)
		if (e->incident->state == INCIDENT_CLOSED &&
		    (!oldest || e->incident->closed_ns < oldest->incident->closed_ns))
			oldest = e;
	if (oldest)
		incidents_drop(s, oldest);
}

/* Takes the incident over if there is room. */
static struct incidents_entry *
incidents_add(struct incidents *s, struct incident *incident)
{
	bool open = incident->state == INCIDENT_OPEN;
	struct incidents_entry *e =
		open && s->open == INCIDENTS_OPEN_MAX ? NULL : calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->incident = incident;
	e->number = ++s->numbers;
	TAILQ_INSERT_TAIL(&s->list, e, link);
	s->open += open;
	s->kept += !open;
	return e;
}

void
incidents_tell(struct incidents *s, struct incidents_entry *e, const struct incidents_time *now)
{
	e->told_ns = now->mono_ns;
	e->incident->updated_ns = now->wall_ns;
	s->ops.changed(s->ops.arg, e->incident);
}

/* ---- suspicion ---- */

static void
incidents_drop_suspect(struct incidents *s, struct incidents_suspect *suspect)
{
	TAILQ_REMOVE(&s->suspects, suspect, link);
	s->n_suspects--;
	free(suspect->culprits);
	free(suspect);
}

static void
incidents_forget_suspects(struct incidents *s, uint64_t window)
{
	struct incidents_suspect *suspect, *next;

	for (suspect = TAILQ_FIRST(&s->suspects); suspect; suspect = next) {
		next = TAILQ_NEXT(suspect, link);
		if (window >= suspect->window + INCIDENTS_LOOKS)
			incidents_drop_suspect(s, suspect);
	}
}

static struct incidents_suspect *
incidents_suspect_of(const struct incidents *s, const struct incident_group *group)
{
	struct incidents_suspect *suspect;

	TAILQ_FOREACH(suspect, &s->suspects, link)
		if (incident_shares(&(struct incident_group){suspect->culprits, suspect->n}, group))
			return suspect;
	return NULL;
}

static struct incidents_suspect *
incidents_new_suspect(struct incidents *s, const struct incident_group *group, uint64_t now_ns)
{
	struct incidents_suspect *suspect =
		s->n_suspects < INCIDENTS_SUSPECTS_MAX ? calloc(1, sizeof(*suspect)) : NULL;

	if (!suspect)
		return NULL;
	suspect->culprits = calloc(group->n, sizeof(*suspect->culprits));
	if (!suspect->culprits) {
		free(suspect);
		return NULL;
	}
	memcpy(suspect->culprits, group->at, group->n * sizeof(*group->at));
	suspect->n = group->n;
	suspect->first_ns = now_ns;
	TAILQ_INSERT_TAIL(&s->suspects, suspect, link);
	s->n_suspects++;
	return suspect;
}

/* Whether the suspicion is hard with this finding; then the suspect goes. */
static bool
incidents_harden(struct incidents *s, const struct incidents_finding *f, uint64_t now_ns)
{
	uint64_t window = now_ns / INCIDENTS_WINDOW_NS;
	const struct incident_group group = {f->culprits, f->n_culprits};
	struct incidents_suspect *suspect = incidents_suspect_of(s, &group);

	if (!suspect && !f->sure)
		suspect = incidents_new_suspect(s, &group, now_ns);
	if (!suspect) {
		s->refused += !f->sure;
		return f->sure;
	}
	suspect->hits = window - suspect->window < INCIDENTS_LOOKS ?
				suspect->hits << (window - suspect->window) | 1 : 1;
	suspect->hits &= (1u << INCIDENTS_LOOKS) - 1;
	suspect->window = window;
	if (!f->sure && ((unsigned int)__builtin_popcount(suspect->hits) < INCIDENTS_HITS ||
			 now_ns - suspect->first_ns < INCIDENTS_WINDOW_NS))
		return false;
	incidents_drop_suspect(s, suspect);
	return true;
}

/* ---- opening ---- */

static void
incidents_open(struct incidents *s, struct incidents_entry *e, const struct incidents_time *now)
{
	struct incident *i = e->incident;
	bool first = i->opens == 0;

	i->state = INCIDENT_OPEN;
	i->since_ns = now->wall_ns;
	i->closed_ns = 0;
	i->opens++;
	i->acknowledged = (struct incident_word){.time_ns = 0};
	if (first)
		i->first_ns = now->wall_ns;
	s->opened += first;
	s->reopened += !first;
	e->found = true;
	e->found_ns = e->last_ns = now->mono_ns;
	e->healthy_ns = e->unseen_ns = 0;
	incident_note(i, first ? INCIDENT_OPENED : INCIDENT_REOPENED, now->wall_ns,
		      "%s, %s %.140s%s", incident_priority_names[i->priority],
		      incident_kind_names[i->kind], i->culprits[0].name,
		      i->n_culprits > 1 ? " or others" : "");
	incidents_tell(s, e, now);
}

/* Whether it may have got its id from these candidates. */
static bool
incidents_is_id_of(const struct incident *i, const struct incident_group *group)
{
	char id[INCIDENT_ID];

	for (unsigned int n = 1; n < INCIDENTS_IDS; n++) {
		incident_make_id(group, n, id);
		if (strcmp(i->id, id) == 0)
			return true;
	}
	return false;
}

/* The closed incident that this is again, or NULL. */
static struct incidents_entry *
incidents_closed_of(const struct incidents *s, const struct incident_group *group,
		    const struct incidents_time *now)
{
	struct incidents_entry *e, *found = NULL;
	char id[INCIDENT_ID];

	incident_make_id(group, 0, id);
	TAILQ_FOREACH(e, &s->list, link) {
		const struct incident *i = e->incident;
		const struct incident_group had = {i->culprits, i->n_culprits};

		if (i->state != INCIDENT_CLOSED || !incident_shares(&had, group))
			continue;
		if (strcmp(i->id, id) == 0)
			return e;
		if (now->wall_ns < i->closed_ns + INCIDENTS_FLAP_NS || incidents_is_id_of(i, group))
			found = e;
	}
	return found;
}

static void
incidents_reopen(struct incidents *s, struct incidents_entry *e, const struct incidents_finding *f,
		 const struct incidents_time *now)
{
	if (s->open == INCIDENTS_OPEN_MAX) {
		s->refused++;
		return;
	}
	s->kept--;
	s->open++;
	incident_adopt(e->incident, f, true, now->wall_ns);
	incidents_open(s, e, now);
}

/*
 * What another central has opened keeps its id, and what operators have said there. Then the closed
 * incident of that id is it, if there is one.
 */
static struct incidents_entry *
incidents_new_entry(struct incidents *s, const struct incidents_finding *f, const char *id)
{
	const struct incident_group group = {f->culprits, f->n_culprits};
	struct incident *incident = incident_of(f);
	struct incidents_entry *e;

	if (incident && id)
		memcpy(incident->id, id, sizeof(incident->id));
	/* Another one may have the id, if it has dropped this candidate. */
	for (unsigned int n = 1; incident && n < INCIDENTS_IDS && incidents_find(s, incident->id);
	     n++)
		incident_make_id(&group, n, incident->id);
	e = incident && !incidents_find(s, incident->id) ? incidents_add(s, incident) : NULL;
	if (!e)
		incident_free(incident);
	return e;
}

static void
incidents_new_incident(struct incidents *s, const struct incidents_finding *f,
		       const struct incidents_time *now)
{
	const struct incident_group group = {f->culprits, f->n_culprits};
	const struct incidents_other *other = incidents_other_of(s, &group);
	struct incidents_entry *e = other ? incidents_entry_of(s, other->incident->id) :
					    incidents_closed_of(s, &group, now);

	if (e && e->incident->state == INCIDENT_OPEN) {
		other = NULL;
		e = incidents_closed_of(s, &group, now);
	}
	if (e) {
		incidents_reopen(s, e, f, now);
	} else {
		e = incidents_new_entry(s, f, other ? other->incident->id : NULL);
		if (e)
			incidents_open(s, e, now);
		else
			s->refused++;
	}
	if (e && e->incident->state == INCIDENT_OPEN && other &&
	    incidents_join(e->incident, other->incident, now->wall_ns))
		incidents_tell(s, e, now);
}

/* ---- looking ---- */

static struct incidents_entry *
incidents_open_of(const struct incidents *s, const struct incident_group *group)
{
	struct incidents_entry *e;

	TAILQ_FOREACH(e, &s->list, link) {
		const struct incident_group had = {e->incident->culprits, e->incident->n_culprits};

		if (e->incident->state == INCIDENT_OPEN && incident_shares(&had, group))
			return e;
	}
	return NULL;
}

static void
incidents_update(struct incidents *s, struct incidents_entry *e, const struct incidents_finding *f,
		 const struct incidents_time *now)
{
	bool again = e->found, changed;

	e->found = true;
	e->found_ns = e->last_ns = now->mono_ns;
	e->healthy_ns = e->unseen_ns = 0;
	/* Of several findings of one culprit in one look, that of the loss stands first. */
	if (again && f->effect != INCIDENT_LOSS)
		return;
	changed = incident_adopt(e->incident, f, false, now->wall_ns);
	if (changed || now->mono_ns - e->told_ns >= INCIDENTS_FIGURES_NS)
		incidents_tell(s, e, now);
}

void
incidents_close(struct incidents *s, struct incidents_entry *e, const char *why,
		const struct incidents_time *now)
{
	struct incident *i = e->incident;

	i->state = INCIDENT_CLOSED;
	i->closed_ns = now->wall_ns;
	s->open--;
	s->kept++;
	s->closed++;
	incident_note(i, INCIDENT_CLOSES, now->wall_ns, "%s", why);
	incidents_tell(s, e, now);
}

/*
 * The switch that was found now, if all candidates of this incident are links of it: its first
 * losses looked like those of some of its links.
 */
static const struct incidents_entry *
incidents_whole_of(const struct incidents *s, const struct incident *part)
{
	const struct incidents_entry *e;
	size_t n;

	if (part->culprits[0].kind != INCIDENT_LINK)
		return NULL;
	TAILQ_FOREACH(e, &s->list, link) {
		if (!e->found || e->incident->state != INCIDENT_OPEN)
			continue;
		for (n = 0; n < part->n_culprits; n++)
			if (!incident_is_part(&part->culprits[n], &e->incident->culprits[0]))
				break;
		if (n == part->n_culprits)
			return e;
	}
	return NULL;
}

/* Why it is over by what was seen until now, or NULL. */
static const char *
incidents_over(const struct incidents_entry *e, uint64_t now_ns)
{
	if (e->unseen_ns && now_ns - e->unseen_ns >= INCIDENTS_GONE_NS)
		return "no longer seen: no probes cross it any more";
	if (e->healthy_ns && now_ns - e->healthy_ns >= INCIDENTS_HEAL_NS)
		return "probes cross it without loss";
	if (now_ns - e->found_ns >= INCIDENTS_STALE_NS)
		return "nothing has pointed to it for a while";
	if (now_ns - e->last_ns >= 2 * INCIDENTS_GONE_NS)
		return "hardly seen: few probes cross it";
	return NULL;
}

/* An open incident without a finding this time. */
static void
incidents_look(struct incidents *s, struct incidents_entry *e, const struct incidents_time *now)
{
	enum incidents_health health = s->ops.health(s->ops.arg, e->incident);
	const struct incidents_entry *whole;
	char text[INCIDENT_TEXT];
	const char *why;

	if (health != INCIDENTS_HEALTHY)
		e->healthy_ns = 0;
	else if (!e->healthy_ns)
		e->healthy_ns = now->mono_ns;
	if (health != INCIDENTS_UNSEEN)
		e->unseen_ns = 0;
	else if (!e->unseen_ns)
		e->unseen_ns = now->mono_ns;
	if (health == INCIDENTS_UNSEEN || health == INCIDENTS_BLIND)
		e->found_ns = now->mono_ns; /* its time has not begun */
	if (health == INCIDENTS_BLIND)
		e->last_ns = now->mono_ns;
	why = incidents_over(e, now->mono_ns);
	whole = why ? NULL : incidents_whole_of(s, e->incident);
	if (whole) {
		snprintf(text, sizeof(text), "it is a part of %.120s, incident %s",
			 whole->incident->culprits[0].name, whole->incident->id);
		why = text;
	}
	if (why)
		incidents_close(s, e, why, now);
}

void
incidents_judge(struct incidents *s, const struct incidents_finding *findings, size_t n,
		const struct incidents_time *now)
{
	uint64_t window = now->mono_ns / INCIDENTS_WINDOW_NS;
	struct incidents_entry *e, *next;

	TAILQ_FOREACH(e, &s->list, link)
		e->found = false;
	incidents_forget_suspects(s, window);
	for (size_t i = 0; i < n; i++) {
		const struct incident_group group = {findings[i].culprits, findings[i].n_culprits};

		e = incidents_open_of(s, &group);
		if (e)
			incidents_update(s, e, &findings[i], now);
		else if (incidents_other_of(s, &group) ||
			 incidents_harden(s, &findings[i], now->mono_ns))
			incidents_new_incident(s, &findings[i], now);
	}
	for (e = TAILQ_FIRST(&s->list); e; e = next) {
		next = TAILQ_NEXT(e, link);
		if (e->incident->state == INCIDENT_OPEN && !e->found)
			incidents_look(s, e, now);
	}
	incidents_forget_others(s, now);
	while (s->kept > INCIDENTS_KEPT_MAX)
		incidents_drop_oldest(s);
}

const struct incident *
incidents_of(const struct incidents *s, const struct incidents_finding *f)
{
	const struct incident_group group = {f->culprits, f->n_culprits};
	const struct incidents_entry *e = incidents_open_of(s, &group);

	return e ? e->incident : NULL;
}

void
incidents_note(struct incidents *s, const char *id, enum incident_what what, const char *text,
	       const struct incidents_time *now)
{
	struct incidents_entry *e = incidents_entry_of(s, id);

	if (!e || e->incident->state != INCIDENT_OPEN)
		return;
	incident_note(e->incident, what, now->wall_ns, "%s", text);
	incidents_tell(s, e, now);
}

bool
incidents_is_health(uint64_t sent, uint64_t lost, double ratio)
{
	double sick = ratio < 1e-4 ? 1e-4 : ratio > 0.999 ? 0.999 : ratio;
	double gain = (double)(sent - lost) * (log1p(-INCIDENTS_BACKGROUND) - log1p(-sick)) -
		      (double)lost * (log(sick) - log(INCIDENTS_BACKGROUND));

	return lost <= sent && gain >= INCIDENTS_HEALTH_GAIN;
}

/* ---- from elsewhere ---- */

int
incidents_restore(struct incidents *s, struct incident *incident, const struct incidents_time *now)
{
	struct incidents_entry *known = incidents_entry_of(s, incident->id);
	bool full = incident->state == INCIDENT_CLOSED && s->kept >= INCIDENTS_KEPT_MAX;
	struct incidents_entry *e = known || full ? NULL : incidents_add(s, incident);

	if (e) {
		e->found_ns = e->told_ns = e->last_ns = now->mono_ns;
		return 0;
	}
	if (known && known->incident->state == INCIDENT_OPEN && incident->state == INCIDENT_OPEN)
		incidents_join(known->incident, incident, now->wall_ns);
	incident_free(incident);
	return known ? -EEXIST : -ENOSPC;
}

/* ---- life ---- */

void
incidents_stats(const struct incidents *s, uint64_t wall_ns, struct incidents_stats *out)
{
	const struct incidents_entry *e;

	*out = (struct incidents_stats){.kept = s->kept, .suspects = s->n_suspects,
					.opened = s->opened, .reopened = s->reopened,
					.closed = s->closed, .refused = s->refused};
	TAILQ_FOREACH(e, &s->list, link) {
		if (e->incident->state != INCIDENT_OPEN)
			continue;
		if (incident_is_muted(e->incident, wall_ns))
			out->muted++;
		else
			out->open[e->incident->kind][e->incident->priority]++;
	}
}

int
incidents_new(const struct incidents_ops *ops, struct incidents **out)
{
	struct incidents *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->last = calloc(1, sizeof(*s->last));
	if (!s->last) {
		free(s);
		return -ENOMEM;
	}
	s->ops = *ops;
	TAILQ_INIT(&s->list);
	TAILQ_INIT(&s->suspects);
	TAILQ_INIT(&s->others);
	*out = s;
	return 0;
}

void
incidents_free(struct incidents *s)
{
	if (!s)
		return;
	while (!TAILQ_EMPTY(&s->list))
		incidents_drop(s, TAILQ_FIRST(&s->list));
	while (!TAILQ_EMPTY(&s->suspects))
		incidents_drop_suspect(s, TAILQ_FIRST(&s->suspects));
	incidents_drop_others(s);
	free(s->last);
	free(s);
}

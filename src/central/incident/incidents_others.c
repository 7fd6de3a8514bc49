/* SPDX-License-Identifier: Apache-2.0 */
/* What operators and other centrals say about incidents. Those trust nobody. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "central/incident/incident_merge.h"
#include "central/incident/incidents_impl.h"

/* A clock may be ahead by so much. */
#define INCIDENTS_AHEAD_NS 60000000000ULL
#define INCIDENTS_YEAR_NS (366 * 86400 * 1000000000ULL)

/* ---- operators ---- */

static void
incidents_set_word(struct incident *i, const struct incident_word *word, enum incident_what what)
{
	if (what == INCIDENT_ACKNOWLEDGED) {
		i->acknowledged = *word;
		return;
	}
	i->mute = i->unmuted = (struct incident_word){.time_ns = 0};
	if (what == INCIDENT_MUTED)
		i->mute = *word;
	else
		i->unmuted = *word;
}

/* Notes what an operator says, and tells it. The clocks of both are one here: that of the word. */
static int
incidents_say(struct incidents *s, const char *id, const struct incident_word *word,
	      enum incident_what what)
{
	struct incidents_entry *e = incidents_entry_of(s, id);

	if (!e)
		return -ENOENT;
	incidents_set_word(e->incident, word, what);
	e->incident->updated_ns = word->time_ns;
	incident_note(e->incident, what, word->time_ns, "by %s: %.130s", word->by, word->reason);
	s->ops.changed(s->ops.arg, e->incident);
	return 0;
}

int
incidents_acknowledge(struct incidents *s, const char *id, const struct incident_word *word)
{
	return incidents_say(s, id, word, INCIDENT_ACKNOWLEDGED);
}

int
incidents_mute(struct incidents *s, const char *id, const struct incident_word *word)
{
	return incidents_say(s, id, word, INCIDENT_MUTED);
}

int
incidents_unmute(struct incidents *s, const char *id, const struct incident_word *word)
{
	return incidents_say(s, id, word, INCIDENT_UNMUTED);
}

/* ---- other centrals ---- */

static struct incidents_other *
incidents_other_by_id(const struct incidents *s, const char *id)
{
	struct incidents_other *other;

	TAILQ_FOREACH(other, &s->others, link)
		if (strcmp(other->incident->id, id) == 0)
			return other;
	return NULL;
}

const struct incidents_other *
incidents_other_of(const struct incidents *s, const struct incident_group *group)
{
	const struct incidents_other *other;

	TAILQ_FOREACH(other, &s->others, link) {
		const struct incident_group theirs = {other->incident->culprits,
						      other->incident->n_culprits};

		if (incident_shares(&theirs, group))
			return other;
	}
	return NULL;
}

static void
incidents_drop_other(struct incidents *s, struct incidents_other *other)
{
	TAILQ_REMOVE(&s->others, other, link);
	s->n_others--;
	incident_free(other->incident);
	free(other);
}

void
incidents_drop_others(struct incidents *s)
{
	while (!TAILQ_EMPTY(&s->others))
		incidents_drop_other(s, TAILQ_FIRST(&s->others));
}

void
incidents_forget_others(struct incidents *s, const struct incidents_time *now)
{
	struct incidents_other *other, *next;

	for (other = TAILQ_FIRST(&s->others); other; other = next) {
		const struct incident *mine = incidents_find(s, other->incident->id);

		next = TAILQ_NEXT(other, link);
		if (now->mono_ns - other->heard_ns < INCIDENTS_ORPHAN_NS)
			continue;
		if (!mine || mine->state == INCIDENT_CLOSED)
			s->ops.orphan(s->ops.arg, other->incident->id);
		incidents_drop_other(s, other);
	}
}

/* Takes a word over if it is newer than ours, and of the present opening. */
static bool
incidents_join_word(struct incident *i, const struct incident_word *theirs, uint64_t ours_ns,
		    enum incident_what what, uint64_t wall_ns)
{
	if (theirs->time_ns <= ours_ns ||
	    (what == INCIDENT_ACKNOWLEDGED && theirs->time_ns < i->since_ns))
		return false;
	incidents_set_word(i, theirs, what);
	incident_note(i, what, wall_ns, "by %s, at another central: %.110s", theirs->by,
		      theirs->reason);
	return true;
}

bool
incidents_join(struct incident *i, const struct incident *theirs, uint64_t wall_ns)
{
	uint64_t mute_ns = i->mute.time_ns > i->unmuted.time_ns ? i->mute.time_ns :
								  i->unmuted.time_ns;
	bool changed = theirs->since_ns < i->since_ns;

	if (changed)
		i->since_ns = theirs->since_ns;
	if (theirs->first_ns && theirs->first_ns < i->first_ns)
		i->first_ns = theirs->first_ns;
	changed |= incidents_join_word(i, &theirs->acknowledged, i->acknowledged.time_ns,
				       INCIDENT_ACKNOWLEDGED, wall_ns);
	changed |= incidents_join_word(i, &theirs->mute, mute_ns, INCIDENT_MUTED, wall_ns);
	changed |= incidents_join_word(i, &theirs->unmuted, mute_ns, INCIDENT_UNMUTED, wall_ns);
	return changed;
}

/* Returns what is wrong with it, or NULL. */
static const char *
incidents_fault(const struct incidents *s, const struct incident *theirs, uint64_t wall_ns)
{
	const struct incidents_other *other = incidents_other_by_id(s, theirs->id);
	const struct incident *mine = incidents_find(s, theirs->id);
	uint64_t ahead_ns = wall_ns + INCIDENTS_AHEAD_NS;

	if (theirs->state != INCIDENT_OPEN)
		return "it is not open";
	if (theirs->updated_ns > ahead_ns || theirs->since_ns > ahead_ns ||
	    theirs->acknowledged.time_ns > ahead_ns || theirs->mute.time_ns > ahead_ns ||
	    theirs->unmuted.time_ns > ahead_ns ||
	    theirs->mute.until_ns > wall_ns + INCIDENTS_YEAR_NS)
		return "it is of the future";
	if (theirs->updated_ns + INCIDENTS_YEAR_NS < wall_ns)
		return "it is older than a year";
	if (other && other->incident->incarnation == theirs->incarnation &&
	    theirs->updated_ns < other->incident->updated_ns)
		return "it is older than what was heard before";
	if (mine && mine->state == INCIDENT_OPEN &&
	    !incident_shares(&(struct incident_group){mine->culprits, mine->n_culprits},
			     &(struct incident_group){theirs->culprits, theirs->n_culprits}))
		return "it accuses something else than ours of this id";
	return NULL;
}

/* Keeps it in the place of what was heard before. */
static void
incidents_keep_other(struct incidents *s, struct incident *theirs, uint64_t now_ns)
{
	struct incidents_other *other = incidents_other_by_id(s, theirs->id);

	if (other)
		incidents_drop_other(s, other);
	other = calloc(1, sizeof(*other));
	if (!other) {
		incident_free(theirs);
		return;
	}
	if (s->n_others == INCIDENTS_OPEN_MAX)
		incidents_drop_other(s, TAILQ_FIRST(&s->others));
	other->incident = theirs;
	other->heard_ns = now_ns;
	TAILQ_INSERT_TAIL(&s->others, other, link);
	s->n_others++;
}

/*
 * Of two incidents with one culprit, the elder one holds. Ours ends if it is the younger one, and
 * the next finding opens theirs.
 */
static void
incidents_yield(struct incidents *s, const struct incident *theirs,
		const struct incidents_time *now)
{
	const struct incident_group group = {theirs->culprits, theirs->n_culprits};
	struct incidents_entry *e, *next;

	for (e = TAILQ_FIRST(&s->list); e; e = next) {
		const struct incident *i = e->incident;

		next = TAILQ_NEXT(e, link);
		if (i->state != INCIDENT_OPEN || strcmp(i->id, theirs->id) == 0 ||
		    !incident_shares(&(struct incident_group){i->culprits, i->n_culprits}, &group))
			continue;
		if (theirs->since_ns < i->since_ns ||
		    (theirs->since_ns == i->since_ns && strcmp(theirs->id, i->id) < 0))
			incidents_close(s, e, "another central has an elder incident of it", now);
	}
}

const char *
incidents_heard(struct incidents *s, struct incident *theirs, const struct incidents_time *now)
{
	const char *fault = incidents_fault(s, theirs, now->wall_ns);
	struct incidents_entry *e = incidents_entry_of(s, theirs->id);

	if (fault) {
		incident_free(theirs);
		return fault;
	}
	if (e && e->incident->state == INCIDENT_OPEN &&
	    incidents_join(e->incident, theirs, now->wall_ns))
		incidents_tell(s, e, now);
	incidents_yield(s, theirs, now);
	incidents_keep_other(s, theirs, now->mono_ns);
	return NULL;
}

void
incidents_cleared(struct incidents *s, const char *id, const struct incidents_time *now)
{
	struct incidents_other *other = incidents_other_by_id(s, id);
	struct incidents_entry *e = incidents_entry_of(s, id);

	if (other)
		incidents_drop_other(s, other);
	if (e && e->incident->state == INCIDENT_OPEN)
		incidents_tell(s, e, now);
}

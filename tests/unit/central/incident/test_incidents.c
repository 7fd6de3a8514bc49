/* SPDX-License-Identifier: Apache-2.0 */
/* From findings to incidents, on a clock of this test. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "central/incident/incidents.h"

#define SECOND 1000000000ULL
#define WALL 1700000000ULL /* seconds that the wall clock is ahead */

struct world {
	struct incidents *s;
	uint64_t now;                 /* seconds */
	enum incidents_health health;
	unsigned int changes, orphans;
	char last[INCIDENT_ID];
};

static void
world_changed(void *arg, const struct incident *incident)
{
	struct world *w = arg;

	w->changes++;
	memcpy(w->last, incident->id, sizeof(w->last));
}

static enum incidents_health
world_health(void *arg, const struct incident *incident)
{
	struct world *w = arg;

	assert_int_equal(incident->state, INCIDENT_OPEN);
	return w->health;
}

static void
world_orphan(void *arg, const char *id)
{
	struct world *w = arg;

	w->orphans++;
	memcpy(w->last, id, sizeof(w->last));
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
	*state = w;
	return 0;
}

static int
world_end(void **state)
{
	struct world *w = *state;

	incidents_free(w->s);
	free(w);
	return 0;
}

static struct incidents_time
world_time(const struct world *w)
{
	return (struct incidents_time){w->now * SECOND, (w->now + WALL) * SECOND};
}

static struct incident_culprit
nic(const char *name)
{
	struct incident_culprit c = {.kind = INCIDENT_NIC};

	snprintf(c.name, sizeof(c.name), "%s", name);
	return c;
}

/* A look at the evidence that finds these candidates, with a space between them; NULL: nothing. */
static void
look_at(struct world *w, const char *names, bool sure, const char *hurt)
{
	struct incident_culprit culprits[8];
	struct incident_job job;
	struct incidents_finding f = {.kind = INCIDENT_NIC, .culprits = culprits, .sure = sure,
				      .loss_ratio = 0.3, .confidence = 0.9, .hurts = &job,
				      .n_hurts = hurt != NULL};
	const struct incidents_time now = world_time(w);
	char text[100], *save = NULL;

	snprintf(job.name, sizeof(job.name), "%s", hurt ? hurt : "");
	snprintf(text, sizeof(text), "%s", names ? names : "");
	for (char *p = strtok_r(text, " ", &save); p; p = strtok_r(NULL, " ", &save))
		culprits[f.n_culprits++] = nic(p);
	incidents_judge(w->s, &f, names != NULL, &now);
}

static uint32_t
count_open(const struct world *w)
{
	const struct incident *i;
	uint64_t number = 0;
	uint32_t n = 0;

	while ((i = incidents_next(w->s, number, &number)))
		n += i->state == INCIDENT_OPEN;
	return n;
}

static const struct incident *
first(const struct world *w)
{
	uint64_t number;

	return incidents_next(w->s, 0, &number);
}

static void
test_hardens(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 5; i++) { /* looks within one window count once */
		look_at(w, "a", false, NULL);
		assert_int_equal(count_open(w), 0);
	}
	w->now += 4;
	look_at(w, "a", false, NULL);
	w->now += 1;
	look_at(w, "a", false, NULL);
	assert_int_equal(count_open(w), 1);
	assert_int_equal(first(w)->since_ns, (1005 + WALL) * SECOND);
	assert_int_equal(first(w)->opens, 1);
	assert_int_equal(first(w)->priority, INCIDENT_P2);
	assert_int_equal(first(w)->events[0].what, INCIDENT_OPENED);
}

/* Two looks beside the end of a window are one. */
static void
test_apart(void **state)
{
	struct world *w = *state;

	w->now = 1004;
	look_at(w, "a", false, NULL);
	w->now = 1005;
	look_at(w, "a", false, NULL);
	w->now = 1008;
	look_at(w, "a", false, NULL);
	assert_int_equal(count_open(w), 0);
	w->now = 1009;
	look_at(w, "a", false, NULL);
	assert_int_equal(count_open(w), 1);
}

static void
test_two_of_three(void **state)
{
	struct world *w = *state;

	look_at(w, "a", false, NULL);
	w->now += 5;
	look_at(w, NULL, false, NULL);
	w->now += 5;
	look_at(w, "a", false, NULL);
	assert_int_equal(count_open(w), 1);
	/* Two of four are too few. */
	look_at(w, "b", false, NULL);
	w->now += 15;
	look_at(w, "b", false, NULL);
	assert_int_equal(count_open(w), 1);
	w->now += 5;
	look_at(w, "b", false, NULL);
	assert_int_equal(count_open(w), 2);
}

static void
test_sure(void **state)
{
	struct world *w = *state;

	look_at(w, "a", true, "job 7");
	assert_int_equal(count_open(w), 1);
	assert_int_equal(first(w)->priority, INCIDENT_P0);
	assert_string_equal(first(w)->hurts[0].name, "job 7");
}

/* All findings with the bad NIC among their candidates are one incident, whose group shrinks. */
static void
test_merges(void **state)
{
	struct world *w = *state;
	char id[INCIDENT_ID];

	look_at(w, "c a b", true, NULL);
	assert_int_equal(first(w)->n_culprits, 3);
	assert_string_equal(first(w)->culprits[0].name, "c");
	memcpy(id, first(w)->id, sizeof(id));
	look_at(w, "a c x", true, NULL);
	assert_int_equal(count_open(w), 1);
	assert_int_equal(first(w)->n_culprits, 2);
	look_at(w, "c", true, NULL);
	look_at(w, "a b c", true, NULL); /* weaker evidence brings none back */
	assert_int_equal(count_open(w), 1);
	assert_int_equal(first(w)->n_culprits, 1);
	assert_string_equal(first(w)->culprits[0].name, "c");
	assert_string_equal(first(w)->id, id);
	look_at(w, "d", true, NULL);
	assert_int_equal(count_open(w), 2);
}

/* Both directions of a link are one culprit, whatever its name says of the direction. */
static void
test_cable(void **state)
{
	static const char *const names[] = {"leaf1 -> spine2", "spine2 -> leaf1",
					    "leaf1 <-> spine2", "leaf1 -> spine3"};
	struct world *w = *state;
	const struct incidents_time now = world_time(w);

	for (int i = 0; i < 4; i++) {
		struct incident_culprit c = nic(names[i]);
		struct incidents_finding f = {.kind = INCIDENT_LINK, .culprits = &c,
					      .n_culprits = 1, .sure = true};

		c.kind = INCIDENT_LINK;
		incidents_judge(w->s, &f, 1, &now);
	}
	assert_int_equal(count_open(w), 2);
}

static void
test_same_id(void **state)
{
	struct world *w = *state, *other;
	void *box = NULL;

	world_begin(&box);
	other = box;
	other->now += 77;
	look_at(w, "c a b", true, NULL);
	look_at(other, "b c a", true, NULL); /* in another order, at another time */
	assert_string_equal(first(w)->id, first(other)->id);
	look_at(w, "d", true, NULL);
	assert_string_not_equal(w->last, first(w)->id);
	world_end(&box);
}

/* Two candidates at first, of which the one that gave the id is none in the end. */
static void
look_narrows(struct world *w)
{
	look_at(w, "a b", true, NULL);
	look_at(w, "b", true, NULL);
	assert_int_equal(first(w)->n_culprits, 1);
}

/* It fails itself, while the other one does. */
static void
test_id_of_open(void **state)
{
	struct world *w = *state;

	look_narrows(w);
	look_at(w, "a", true, NULL);
	assert_int_equal(count_open(w), 2);
	assert_string_not_equal(w->last, first(w)->id);
}

/* It fails itself, later: no flap of the other one. Hours after that it flaps. */
static void
test_id_of_closed(void **state)
{
	struct world *w = *state;
	const struct incident *i;

	look_narrows(w);
	w->health = INCIDENTS_HEALTHY;
	look_at(w, NULL, false, NULL);
	w->now += 10;
	look_at(w, NULL, false, NULL);
	assert_int_equal(count_open(w), 0);
	for (unsigned int opens = 1; opens <= 2; opens++, w->now += 7200) {
		look_at(w, "a", true, NULL);
		assert_int_equal(first(w)->state, INCIDENT_CLOSED);
		i = incidents_find(w->s, w->last);
		assert_string_equal(i->culprits[0].name, "a");
		assert_int_equal(i->opens, opens);
		look_at(w, NULL, false, NULL);
		w->now += 10;
		look_at(w, NULL, false, NULL);
		assert_int_equal(count_open(w), 0);
	}
}

static void
test_closes(void **state)
{
	struct world *w = *state;

	look_at(w, "a", true, NULL);
	w->health = INCIDENTS_UNSEEN; /* however long */
	for (int i = 0; i < 100; i++, w->now += 5)
		look_at(w, NULL, false, NULL);
	assert_int_equal(count_open(w), 1);
	w->health = INCIDENTS_HEALTHY;
	look_at(w, NULL, false, NULL);
	w->now += 9;
	look_at(w, NULL, false, NULL);
	assert_int_equal(count_open(w), 1);
	w->now += 1;
	look_at(w, NULL, false, NULL);
	assert_int_equal(count_open(w), 0);
	assert_int_equal(first(w)->closed_ns, (w->now + WALL) * SECOND);
}

static void
test_goes_stale(void **state)
{
	struct world *w = *state;

	look_at(w, "a", true, NULL);
	w->now += 119;
	look_at(w, NULL, false, NULL);
	assert_int_equal(count_open(w), 1);
	w->now += 1;
	look_at(w, NULL, false, NULL);
	assert_int_equal(count_open(w), 0);
}

static void
test_flaps(void **state)
{
	struct world *w = *state;
	char id[INCIDENT_ID] = "";

	for (unsigned int i = 1; i <= 40; i++) {
		w->health = INCIDENTS_HEALTHY;
		look_at(w, "a b", true, "job");
		assert_int_equal(first(w)->opens, i);
		assert_int_equal(first(w)->since_ns, (w->now + WALL) * SECOND);
		assert_int_equal(first(w)->first_ns, (1000 + WALL) * SECOND);
		assert_int_equal(first(w)->closed_ns, 0);
		if (i > 1)
			assert_string_equal(first(w)->id, id);
		memcpy(id, first(w)->id, sizeof(id));
		for (int k = 0; k < 3; k++, w->now += 10)
			look_at(w, NULL, false, NULL);
		assert_int_equal(count_open(w), 0);
		w->now += 100;
	}
	assert_null(incidents_next(w->s, 1, &w->now));
	assert_int_equal(first(w)->n_events, INCIDENT_EVENTS_MAX);
	assert_int_equal(first(w)->events[0].what, INCIDENT_OPENED);
	assert_int_equal(first(w)->events[INCIDENT_EVENTS_MAX - 1].what, INCIDENT_CLOSES);
}

static void
test_operators(void **state)
{
	struct world *w = *state;
	struct incident_word word = {.by = "ada", .reason = "known", .time_ns = 1};
	struct incidents_stats stats;
	uint64_t wall = (w->now + WALL) * SECOND;

	assert_int_equal(incidents_acknowledge(w->s, "0123456789abcdef", &word), -ENOENT);
	look_at(w, "a", true, NULL);
	assert_int_equal(incidents_acknowledge(w->s, w->last, &word), 0);
	assert_string_equal(first(w)->acknowledged.by, "ada");
	word.until_ns = wall + 60 * SECOND;
	assert_int_equal(incidents_mute(w->s, w->last, &word), 0);
	incidents_stats(w->s, wall, &stats);
	assert_int_equal(stats.muted, 1);
	assert_int_equal(stats.open[INCIDENT_NIC][INCIDENT_P2], 0);
	incidents_stats(w->s, wall + 60 * SECOND, &stats);
	assert_int_equal(stats.muted, 0);
	assert_int_equal(stats.open[INCIDENT_NIC][INCIDENT_P2], 1);
	assert_int_equal(incidents_unmute(w->s, w->last, &word), 0);
	incidents_stats(w->s, wall, &stats);
	assert_int_equal(stats.muted, 0);
	assert_int_equal(w->changes, 4);
	/* What an operator has said does not stop the measurement. */
	w->health = INCIDENTS_HEALTHY;
	look_at(w, NULL, false, NULL);
	w->now += 10;
	look_at(w, NULL, false, NULL);
	assert_int_equal(count_open(w), 0);
	look_at(w, "a", true, NULL);
	assert_int_equal(first(w)->acknowledged.time_ns, 0);
}

/* ---- other centrals ---- */

#define THEIRS "0123456789abcdef"

/* An incident of another central, with this id and one candidate. */
static struct incident *
theirs(const struct world *w, const char *id, const char *name)
{
	struct incident *i = calloc(1, sizeof(*i));

	assert_non_null(i);
	strcpy(i->id, id);
	i->incarnation = 7;
	i->opens = 1;
	i->since_ns = i->first_ns = i->updated_ns = world_time(w).wall_ns;
	i->culprits = calloc(1, sizeof(*i->culprits));
	assert_non_null(i->culprits);
	*i->culprits = nic(name);
	i->n_culprits = 1;
	return i;
}

static const char *
hear(struct world *w, struct incident *i)
{
	const struct incidents_time now = world_time(w);

	return incidents_heard(w->s, i, &now);
}

static void
clear(struct world *w, const char *id)
{
	const struct incidents_time now = world_time(w);

	incidents_cleared(w->s, id, &now);
}

static struct incident_word
word_at(uint64_t time_ns, const char *reason)
{
	struct incident_word word = {.by = "eva", .time_ns = time_ns};

	snprintf(word.reason, sizeof(word.reason), "%s", reason);
	return word;
}

/* One finding opens what another central has opened, with its id, its since and its words. */
static void
test_heard(void **state)
{
	struct world *w = *state;
	struct incident *other = theirs(w, THEIRS, "a");
	uint64_t since_ns = other->since_ns;

	other->acknowledged = word_at(since_ns + 1, "ticket");
	assert_null(hear(w, other));
	w->now += 20;
	look_at(w, "b", false, NULL);
	assert_int_equal(count_open(w), 0);
	look_at(w, "a", false, NULL);
	assert_int_equal(count_open(w), 1);
	assert_string_equal(first(w)->id, THEIRS);
	assert_int_equal(first(w)->since_ns, since_ns);
	assert_string_equal(first(w)->acknowledged.reason, "ticket");
	/* Its topic is cleared there, or by anybody: it is told again. */
	w->changes = 0;
	clear(w, THEIRS);
	assert_int_equal(w->changes, 1);
	assert_string_equal(w->last, THEIRS);
	clear(w, "fedcba9876543210");
	assert_int_equal(w->changes, 1);
	/* Another culprit does not get that id. */
	look_at(w, "z", true, NULL);
	assert_string_not_equal(w->last, THEIRS);
}

/* Words go from one to the other; the newest one holds, whoever is heard when. */
static void
test_words(void **state)
{
	struct world *w = *state;
	char id[INCIDENT_ID];
	struct incident *other;
	struct incident_word word;
	uint64_t ns;

	look_at(w, "a", true, NULL);
	strcpy(id, w->last);
	w->now += 5;
	ns = world_time(w).wall_ns;
	other = theirs(w, id, "a");
	other->acknowledged = word_at(ns, "first");
	other->mute = word_at(ns, "cable");
	other->mute.until_ns = ns + 100 * SECOND;
	w->changes = 0;
	assert_null(hear(w, other));
	assert_int_equal(w->changes, 1);
	assert_string_equal(first(w)->acknowledged.reason, "first");
	assert_true(incident_is_muted(first(w), ns + 1));
	/* The same again changes nothing, so two centrals do not answer each other for ever. */
	other = theirs(w, id, "a");
	other->acknowledged = word_at(ns, "first");
	assert_null(hear(w, other));
	assert_int_equal(w->changes, 1);
	/* Here the mute is ended. What is heard late does not bring it back. */
	word = word_at(ns + 5, "done");
	assert_int_equal(incidents_unmute(w->s, id, &word), 0);
	other = theirs(w, id, "a");
	other->mute = word_at(ns, "cable");
	other->mute.until_ns = ns + 100 * SECOND;
	assert_null(hear(w, other));
	assert_false(incident_is_muted(first(w), ns + 6));
	/* It is ended there. */
	word = word_at(ns + 10, "again");
	word.until_ns = ns + 100 * SECOND;
	assert_int_equal(incidents_mute(w->s, id, &word), 0);
	other = theirs(w, id, "a");
	other->unmuted = word_at(ns + 11, "done");
	assert_null(hear(w, other));
	assert_false(incident_is_muted(first(w), ns + 12));
	/* A word about an earlier opening. */
	other = theirs(w, id, "a");
	other->acknowledged = word_at(first(w)->since_ns - 1, "before");
	assert_null(hear(w, other));
	assert_string_equal(first(w)->acknowledged.reason, "first");
}

/* Two have opened the same under two ids: the elder one holds, here and there. */
static void
test_elder(void **state)
{
	struct world *w = *state;
	struct incident *other;
	char id[INCIDENT_ID];

	look_at(w, "a", true, NULL);
	strcpy(id, w->last);
	w->now += 1;
	assert_null(hear(w, theirs(w, THEIRS, "a"))); /* younger */
	assert_int_equal(count_open(w), 1);
	assert_string_equal(first(w)->id, id);
	w->now += 1;
	other = theirs(w, THEIRS, "a");
	other->since_ns -= 100 * SECOND;
	assert_null(hear(w, other));
	assert_int_equal(count_open(w), 0);
	look_at(w, "a", false, NULL);
	assert_int_equal(count_open(w), 1);
	assert_string_equal(w->last, THEIRS);
}

static void
test_refused(void **state)
{
	struct world *w = *state;
	struct incident *other;
	char id[INCIDENT_ID];

	look_at(w, "a", true, NULL);
	strcpy(id, w->last);
	w->changes = 0;
	assert_string_equal(hear(w, theirs(w, id, "b")),
			    "it accuses something else than ours of this id");
	other = theirs(w, id, "a");
	other->state = INCIDENT_CLOSED;
	assert_string_equal(hear(w, other), "it is not open");
	other = theirs(w, id, "a");
	other->acknowledged = word_at(world_time(w).wall_ns + 3600 * SECOND, "for ever");
	assert_string_equal(hear(w, other), "it is of the future");
	other = theirs(w, id, "a");
	other->mute = word_at(world_time(w).wall_ns, "for ever");
	other->mute.until_ns = UINT64_MAX / 2;
	assert_string_equal(hear(w, other), "it is of the future");
	assert_null(hear(w, theirs(w, id, "a")));
	other = theirs(w, id, "a");
	other->updated_ns -= 1;
	assert_string_equal(hear(w, other), "it is older than what was heard before");
	assert_int_equal(w->changes, 0);
}

/* Of many that are heard, a bounded number is kept, and an ended central leaves nothing behind. */
static void
test_orphans(void **state)
{
	struct world *w = *state;
	char id[INCIDENT_ID], mine[INCIDENT_ID];

	look_at(w, "a", true, NULL);
	strcpy(mine, w->last);
	for (unsigned int i = 0; i < INCIDENTS_OPEN_MAX + 10; i++) {
		snprintf(id, sizeof(id), "%016x", i);
		assert_null(hear(w, theirs(w, id, id)));
	}
	assert_null(hear(w, theirs(w, mine, "a")));
	w->now += INCIDENTS_ORPHAN_NS / SECOND - 1;
	look_at(w, "a", false, NULL);
	assert_int_equal(w->orphans, 0);
	assert_null(hear(w, theirs(w, id, id)));
	w->now += 1;
	look_at(w, "a", false, NULL);
	/* Not that which is heard still, and not that which is open here. */
	assert_int_equal(w->orphans, INCIDENTS_OPEN_MAX - 2);
	w->now += INCIDENTS_ORPHAN_NS / SECOND;
	look_at(w, "a", false, NULL);
	assert_int_equal(w->orphans, INCIDENTS_OPEN_MAX - 1);
	assert_string_equal(w->last, id);
}

/* What nothing crosses any more is closed, but not as healthy; not if nothing is seen at all. */
static void
test_gone(void **state)
{
	struct world *w = *state;
	const struct incident *i;

	look_at(w, "a", true, NULL);
	w->health = INCIDENTS_BLIND;
	for (unsigned int n = 0; n < 2; n++) {
		for (uint64_t end = w->now + 900; w->now < end; w->now += 10)
			look_at(w, NULL, false, NULL);
		assert_int_equal(count_open(w), 1);
		w->health = INCIDENTS_UNSEEN;
		for (uint64_t end = w->now + 590; w->now < end; w->now += 10)
			look_at(w, NULL, false, NULL);
		assert_int_equal(count_open(w), 1);
		w->health = INCIDENTS_BLIND;
	}
	w->health = INCIDENTS_UNSEEN;
	for (uint64_t end = w->now + 610; w->now < end; w->now += 10)
		look_at(w, NULL, false, NULL);
	i = first(w);
	assert_int_equal(i->state, INCIDENT_CLOSED);
	assert_string_equal(i->events[i->n_events - 1].text,
			    "no longer seen: no probes cross it any more");
}

static void
test_restored(void **state)
{
	struct world *w = *state;
	struct incident *i = calloc(1, sizeof(*i)), *again = calloc(1, sizeof(*i));
	const struct incidents_time now = world_time(w);

	assert_non_null(i);
	assert_non_null(again);
	strcpy(i->id, "0123456789abcdef");
	strcpy(again->id, i->id);
	i->culprits = calloc(1, sizeof(*i->culprits));
	assert_non_null(i->culprits);
	*i->culprits = nic("a");
	i->n_culprits = 1;
	i->opens = 3;
	assert_int_equal(incidents_restore(w->s, i, &now), 0);
	assert_int_equal(incidents_restore(w->s, again, &now), -EEXIST);
	look_at(w, "a", false, NULL);
	assert_int_equal(count_open(w), 1);
	assert_int_equal(first(w)->opens, 3);
}

static void
test_bounds(void **state)
{
	struct world *w = *state;
	struct incidents_stats stats;
	char name[32];

	for (unsigned int i = 0; i < INCIDENTS_OPEN_MAX + 5; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		look_at(w, name, true, NULL);
		snprintf(name, sizeof(name), "s%u", i);
		look_at(w, name, false, NULL);
	}
	incidents_stats(w->s, 0, &stats);
	assert_int_equal(stats.open[INCIDENT_NIC][INCIDENT_P2], INCIDENTS_OPEN_MAX);
	assert_int_equal(stats.suspects, INCIDENTS_SUSPECTS_MAX);
	assert_int_equal(stats.refused, 10);
}

/* What was asked for an open incident is in its story; a closed one has no more of it. */
static void
test_note(void **state)
{
	struct world *w = *state;
	struct incident_culprit culprit = nic("a");
	const struct incidents_finding f = {.culprits = &culprit, .n_culprits = 1};
	struct incidents_time now = world_time(w);
	const struct incident *i;

	assert_null(incidents_of(w->s, &f));
	look_at(w, "a b", true, NULL);
	i = incidents_of(w->s, &f);
	assert_ptr_equal(i, first(w));
	culprit = nic("c");
	assert_null(incidents_of(w->s, &f));
	incidents_note(w->s, i->id, INCIDENT_ASKED, "h1 to probe", &now);
	assert_int_equal(w->changes, 2);
	assert_int_equal(i->n_events, 2);
	assert_int_equal(i->events[1].what, INCIDENT_ASKED);
	assert_string_equal(i->events[1].text, "h1 to probe");
	incidents_note(w->s, "none", INCIDENT_ASKED, "", &now);
	w->health = INCIDENTS_HEALTHY;
	look_at(w, NULL, false, NULL);
	w->now += 11;
	look_at(w, NULL, false, NULL);
	assert_int_equal(i->state, INCIDENT_CLOSED);
	incidents_note(w->s, i->id, INCIDENT_ANSWERED, "", &now);
	assert_int_equal(i->events[i->n_events - 1].what, INCIDENT_CLOSES);
}

/* By ln(1 - p): 20 probes without loss are e^7 times likelier without a fault of 30 %. */
static void
test_health(void **state)
{
	(void)state;
	assert_false(incidents_is_health(0, 0, 0.3));
	assert_false(incidents_is_health(19, 0, 0.3));
	assert_true(incidents_is_health(20, 0, 0.3));
	assert_false(incidents_is_health(20, 1, 0.3));
	assert_false(incidents_is_health(600, 0, 0.01));
	assert_true(incidents_is_health(700, 0, 0.01));
	assert_true(incidents_is_health(10, 0, 1));
	assert_false(incidents_is_health(1, 2, 0.5));
}

/* A look that finds this culprit for certain. */
static void
look_for(struct world *w, enum incident_kind kind, const char *name)
{
	struct incident_culprit culprit = {.kind = kind};
	const struct incidents_finding f = {.kind = kind, .culprits = &culprit, .n_culprits = 1,
					    .sure = true, .loss_ratio = 0.3, .confidence = 1};
	const struct incidents_time now = world_time(w);

	snprintf(culprit.name, sizeof(culprit.name), "%s", name);
	incidents_judge(w->s, &f, name[0] != '\0', &now);
	w->now++;
}

/* First some links of a switch are found, then the switch: they are one trouble. */
static void
test_parts(void **state)
{
	struct world *w = *state;
	const struct incident *i;
	uint64_t number = 0;

	look_for(w, INCIDENT_LINK, "spine0 <-> leaf1");
	look_for(w, INCIDENT_LINK, "leaf2 -> spine0");
	look_for(w, INCIDENT_LINK, "leaf2 -> spine01");
	look_for(w, INCIDENT_NIC, "spine0");
	assert_int_equal(count_open(w), 4);
	look_for(w, INCIDENT_SWITCH, "spine0");
	assert_int_equal(count_open(w), 3);
	i = first(w);
	assert_int_equal(i->state, INCIDENT_CLOSED);
	assert_non_null(strstr(i->events[i->n_events - 1].text, "a part of spine0, incident "));
	i = incidents_next(w->s, 2, &number);
	assert_string_equal(i->culprits[0].name, "leaf2 -> spine01");
	assert_int_equal(i->state, INCIDENT_OPEN);
	/* Found on its own again, it is a trouble of its own. */
	look_for(w, INCIDENT_LINK, "spine0 <-> leaf1");
	assert_int_equal(first(w)->state, INCIDENT_OPEN);
}

/* A culprit that is crossed now and then is neither healthy nor gone, and closes all the same. */
static void
test_hardly(void **state)
{
	struct world *w = *state;

	look_for(w, INCIDENT_NIC, "n1");
	for (int i = 0; i < 1199; i++) {
		w->health = i % 2 ? INCIDENTS_UNSEEN : INCIDENTS_UNKNOWN;
		look_for(w, INCIDENT_NIC, "");
	}
	assert_int_equal(count_open(w), 1);
	look_for(w, INCIDENT_NIC, "");
	assert_int_equal(count_open(w), 0);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)
	const struct CMUnitTest tests[] = {
		CASE(test_apart), CASE(test_hardens),   CASE(test_two_of_three), CASE(test_sure),
		CASE(test_merges),    CASE(test_same_id),      CASE(test_closes),
		CASE(test_id_of_open), CASE(test_id_of_closed),
		CASE(test_goes_stale), CASE(test_flaps),       CASE(test_operators),
		CASE(test_heard),     CASE(test_words),        CASE(test_elder),
		CASE(test_refused),   CASE(test_orphans),      CASE(test_gone),
		CASE(test_restored),     CASE(test_bounds),
		CASE(test_health),   CASE(test_cable),         CASE(test_note),
		cmocka_unit_test_setup_teardown(test_parts, world_begin, world_end),
		cmocka_unit_test_setup_teardown(test_hardly, world_begin, world_end),
	};

	return cmocka_run_group_tests_name("incidents", tests, NULL, NULL);
}

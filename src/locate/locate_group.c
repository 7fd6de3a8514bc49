/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the set to findings. For each member: which other part could take its place nearly as well?
 * These are its group. Then what kind of trouble it is: brief, of some tuples only.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "locate/locate_impl.h"

#define LEFT 5               /* a fifth of the heaviest moment must be left in others */
#define MOSTLY 3             /* all but a third */

/* A link, its reverse and its cable are one place, and so are all directions of a NIC. */
static uint64_t
locate_group_place(const struct locate_work *work, const struct locate_part *part)
{
	uint64_t kind = part->kind, id = part->id;

	if (part->kind == LOCATE_LINK) {
		uint32_t reverse = work->evidence->links[part->id].reverse;

		kind = LOCATE_CABLE;
		if (reverse != LOCATE_NONE && reverse < part->id)
			id = reverse;
	}
	return kind << 32 | id;
}

/* ---- candidates ---- */

/* Puts a candidate into its place in the order; drops the last if there are too many. */
static void
locate_group_insert(struct locate_chosen *group, uint32_t slot, double rate, double net)
{
	size_t i = group->n < LOCATE_GROUP ? group->n++ : LOCATE_GROUP - 1;

	if (i == LOCATE_GROUP - 1 && group->n == LOCATE_GROUP && group->net[i] > net)
		return;
	for (; i > 0 && group->net[i - 1] < net; i--) {
		group->slot[i] = group->slot[i - 1];
		group->rate[i] = group->rate[i - 1];
		group->net[i] = group->net[i - 1];
	}
	group->slot[i] = slot;
	group->rate[i] = rate;
	group->net[i] = net;
}

static bool
locate_group_overlaps(const struct locate_work *work, const struct locate_part *part,
		      const bool *marked)
{
	for (uint32_t i = part->first; i < part->first + part->n; i++)
		if (marked[work->pair[i].lossy])
			return true;
	return false;
}

/* All parts that could take the place of a member; `more` of its rows is without it. */
static void
locate_group_search(const struct locate_work *work, const struct locate_member *member,
		    const bool *marked, struct locate_chosen *group)
{
	double rate, best, net, least;

	rate = member->rate;
	net = best = locate_fit_exact(work, &work->part[member->part], &rate);
	group->n = 0;
	locate_group_insert(group, member->part, rate, net);
	for (uint32_t i = 0; i < work->n_part; i++) {
		const struct locate_part *part = &work->part[i];

		if (i == member->part || !locate_group_overlaps(work, part, marked))
			continue;
		/* The score may be that far off: its grid is coarse. */
		least = best - work->options.delta - 0.05 * fabs(best);
		if (locate_fit_score(work, part, least, &rate) < least)
			continue;
		net = locate_fit_exact(work, part, &rate);
		if (net >= best - work->options.delta)
			locate_group_insert(group, i, rate, net);
		best = fmax(best, net);
	}
}

/* The same for a member that takes all of some tuples: what these have in common. */
static void
locate_group_search_some(const struct locate_work *work, const struct locate_member *member,
			 const bool *marked, struct locate_chosen *group)
{
	double best = locate_fit_some(work, member);

	group->n = 0;
	locate_group_insert(group, member->part, member->rate, best);
	for (uint32_t i = 0; i < work->n_part; i++) {
		const struct locate_member other = {i, member->rate, true};
		double net;

		if (i == member->part || !locate_group_overlaps(work, &work->part[i], marked))
			continue;
		net = locate_fit_some(work, &other);
		if (net >= best - work->options.delta)
			locate_group_insert(group, i, other.rate, net);
		best = fmax(best, net);
	}
}

static void
locate_group_candidates(const struct locate_work *work, struct locate_chosen *group,
			struct locate_finding *finding)
{
	uint64_t places[LOCATE_CANDIDATES];

	for (size_t i = 0; i < group->n; i++) {
		const struct locate_part *part = &work->part[group->slot[i]];
		uint64_t place = locate_group_place(work, part);
		size_t k = 0;
		uint32_t id;

		if (group->net[i] < group->net[0] - work->options.delta)
			break;
		while (k < finding->n_candidates && places[k] != place)
			k++;
		if (k < finding->n_candidates) {
			if (finding->candidates[k].direction != part->direction)
				finding->candidates[k].direction = LOCATE_EITHER;
			continue;
		}
		if (k == LOCATE_CANDIDATES)
			break;
		places[k] = place;
		group->slot[k] = group->slot[i];
		id = part->kind == LOCATE_TUPLES ?
		     work->lossy[work->pair[part->first].lossy].row : part->id;
		finding->candidates[finding->n_candidates++] = (struct locate_candidate){
			part->kind, id, part->direction, group->rate[i],
			group->net[0] - group->net[i]};
	}
	group->n = finding->n_candidates;
}

static bool
locate_group_same_kind(enum locate_kind a, enum locate_kind b)
{
	return a == b || (a == LOCATE_LINK && b == LOCATE_CABLE) ||
	       (a == LOCATE_CABLE && b == LOCATE_LINK);
}

/* ---- what kind of trouble ---- */

/* Whether the losses of a row are rather the part's than anybody else's. */
static bool
locate_group_its(const struct locate_work *work, const struct locate_pair *pair, bool sure,
		   double rate)
{
	const struct locate_lossy *lossy = &work->lossy[pair->lossy];
	const struct locate_more more = {pair->mask, sure || pair->mask & LOCATE_SURE,
					 log1p(-rate)};
	double with = locate_row_loglik(work, lossy, &more);

	/* Seven times as likely with it. */
	return with > lossy->now + 2;
}

/*
 * In how many rows it has lost something, by part of the window. Rows that cross other culprits
 * have lost something at other times, so they count only if there are no others.
 */
static void
locate_group_times(const struct locate_work *work, const struct locate_part *part, double rate,
		   unsigned int *times, struct locate_finding *finding)
{
	unsigned int shared[64] = {0}, alone = 0;

	for (uint32_t i = part->first; i < part->first + part->n; i++) {
		const struct locate_pair *pair = &work->pair[i];
		const struct locate_lossy *lossy = &work->lossy[pair->lossy];
		const struct locate_row *row = &work->evidence->rows[lossy->row];
		uint64_t when = work->slow ? row->slow_when : row->lost_when;
		bool other = lossy->there < 0 || lossy->back < 0;

		if (!locate_group_its(work, pair, part->sure, rate))
			continue;
		finding->losses += locate_row_count(work, row).k;
		alone += !other;
		for (; when; when &= when - 1)
			(other ? shared : times)[__builtin_ctzll(when)]++;
	}
	if (!alone)
		memcpy(times, shared, sizeof(shared));
}

/*
 * Whether it is over after one moment. Of a link the heaviest part of the window does not count, of
 * others, which a stall may look like, the two heaviest: it may lie in two. What is left must be
 * more than chance adds.
 */
static bool
locate_group_brief(const unsigned int *times, unsigned int moments)
{
	unsigned int most[2] = {0, 0}, rest = 0;

	for (unsigned int i = 0; i < 64; i++) {
		unsigned int n = times[i];

		if (n > most[0]) {
			rest += most[1];
			most[1] = most[0];
			most[0] = n;
		} else if (n > most[1]) {
			rest += most[1];
			most[1] = n;
		} else {
			rest += n;
		}
	}
	if (moments == 1)
		rest += most[1];
	return rest == 0 || LEFT * rest < most[0];
}

/* How long ago those of the candidates that are hosts, or NICs of hosts, have said something. */
static uint32_t
locate_group_said(const struct locate_evidence *e, const struct locate_finding *finding)
{
	uint32_t said = 0;

	for (size_t i = 0; i < finding->n_candidates; i++) {
		const struct locate_candidate *c = &finding->candidates[i];
		uint32_t host = c->kind == LOCATE_NIC ? e->nics[c->id].host : c->id;

		if ((c->kind == LOCATE_NIC || c->kind == LOCATE_HOST) && e->hosts[host].said > said)
			said = e->hosts[host].said;
	}
	return said;
}

/*
 * In how many rows it has lost something, by the second. Returns false if that is not known of all
 * of them. What a host has not yet said a word about may be its own stall.
 */
static bool
locate_group_seconds(const struct locate_work *work, const struct locate_part *part,
		     const struct locate_finding *finding, unsigned int *times)
{
	const struct locate_evidence *e = work->evidence;
	uint32_t said = locate_group_said(e, finding);

	if (work->slow || said > 31)
		return false;
	for (uint32_t i = part->first; i < part->first + part->n; i++) {
		const struct locate_pair *pair = &work->pair[i];
		const struct locate_lossy *lossy = &work->lossy[pair->lossy];
		uint32_t due = e->rows[lossy->row].lost_due;

		/* Rows that cross other culprits may have lost something because of these. */
		if (lossy->there < 0 || lossy->back < 0 ||
		    !locate_group_its(work, pair, part->sure, finding->candidates[0].rate))
			continue;
		if (!due)
			return false;
		for (due &= UINT32_MAX << said; due; due &= due - 1)
			times[__builtin_ctz(due)]++;
	}
	return true;
}

/* A tuple is named only if its path has been traced since it began to lose. */
static bool
locate_group_fresh(const struct locate_work *work, uint32_t row)
{
	const struct locate_evidence *e = work->evidence;
	uint32_t there = e->rows[row].there, back = e->rows[row].back;

	return there != LOCATE_NONE && back != LOCATE_NONE &&
	       e->paths[there].flags & e->paths[back].flags & LOCATE_PATH_FRESH;
}

/* When the rows of a member have lost something: how many in each part, and in each second. */
struct locate_times {
	unsigned int parts[64], seconds[64];
	bool known;             /* the seconds are */
	unsigned int moments;
};

static bool
locate_times_are_brief(const struct locate_times *t)
{
	return locate_group_brief(t->parts, t->moments) &&
	       (!t->known || locate_group_brief(t->seconds, t->moments));
}

static void
locate_group_judge(const struct locate_work *work, const struct locate_chosen *group,
		   struct locate_times *times, struct locate_finding *finding)
{
	const struct locate_candidate *first = &finding->candidates[0];
	const struct locate_part *part = &work->part[group->slot[0]];
	bool link = first->kind == LOCATE_LINK || first->kind == LOCATE_CABLE ||
		    first->kind == LOCATE_TUPLES;

	times->moments = link && !work->slow ? 1 : 2;
	locate_group_times(work, part, first->rate, times->parts, finding);
	times->known = locate_group_seconds(work, part, finding, times->seconds);
	finding->brief = locate_times_are_brief(times);
	finding->kind = first->kind;
	finding->effect = work->slow ? LOCATE_DELAY : LOCATE_LOSS;
	finding->rate = first->rate;
	finding->net = group->net[0];
	finding->gain = group->net[0] + part->price;
	for (size_t i = 1; i < finding->n_candidates; i++)
		if (!locate_group_same_kind(finding->candidates[i].kind, first->kind))
			finding->kind = LOCATE_UNKNOWN;
	finding->suspect = finding->net < work->options.finding || finding->brief ||
			   (first->kind == LOCATE_TUPLES && !locate_group_fresh(work, first->id));
}

static void
locate_group_mark(const struct locate_work *work, uint32_t slot, bool *marked, bool value)
{
	const struct locate_part *part = &work->part[slot];

	for (uint32_t i = part->first; i < part->first + part->n; i++)
		marked[work->pair[i].lossy] = value;
}

static void
locate_group_member(struct locate_work *work, size_t i, bool *marked,
		    struct locate_chosen *group, struct locate_times *times,
		    struct locate_finding *finding)
{
	const struct locate_member *member = &work->set[i];

	locate_fit_apply(work, i);
	locate_fit_fill(work);
	locate_group_mark(work, member->part, marked, true);
	finding->some_tuples = member->some;
	if (member->some)
		locate_group_search_some(work, member, marked, group);
	else
		locate_group_search(work, member, marked, group);
	locate_group_candidates(work, group, finding);
	group->net[0] -= locate_fit_refund(work, member);
	locate_group_judge(work, group, times, finding);
	locate_group_mark(work, member->part, marked, false);
}

/* ---- one host ---- */

/* The host of a finding about a host or a NIC, or LOCATE_NONE. */
static uint32_t
locate_group_host(const struct locate_work *work, const struct locate_finding *finding)
{
	const struct locate_candidate *first = &finding->candidates[0];

	return first->kind == LOCATE_HOST ? first->id :
	       first->kind == LOCATE_NIC ? work->evidence->nics[first->id].host : LOCATE_NONE;
}

static void
locate_times_add(struct locate_times *sum, const struct locate_times *more)
{
	sum->known &= more->known;
	for (unsigned int i = 0; i < 64; i++) {
		sum->parts[i] += more->parts[i];
		sum->seconds[i] += more->seconds[i];
	}
}

/* Whether most of a member's own lie in the two heaviest moments of the sum. */
static bool
locate_group_within(const unsigned int *own, const unsigned int *sum)
{
	unsigned int most = 0, next = 1, all = 0;

	for (unsigned int i = 0; i < 64; i++) {
		all += own[i];
		if (sum[i] > sum[most]) {
			next = most;
			most = i;
		} else if (i != most && (sum[i] > sum[next] || next == most)) {
			next = i;
		}
	}
	return MOSTLY * (all - own[most] - own[next]) <= all;
}

static bool
locate_times_are_within(const struct locate_times *own, const struct locate_times *sum)
{
	return locate_group_within(own->parts, sum->parts) &&
	       (!sum->known || locate_group_within(own->seconds, sum->seconds));
}

/*
 * A stall does not hit all probes of a host alike, so it may take two members to explain one. If
 * what they explain together was over after a moment, so was each member that has most of its
 * losses in this moment, whatever else its few rows lost. A NIC that loses something all the time
 * is another matter.
 */
static void
locate_group_same_moment(const struct locate_work *work, const struct locate_times *times,
			 struct locate_finding *findings)
{
	for (size_t i = 0; i < work->n_set; i++) {
		uint32_t host = locate_group_host(work, &findings[i]);
		struct locate_times sum = times[i];

		for (size_t k = 0; k < work->n_set; k++)
			if (k != i && host != LOCATE_NONE &&
			    locate_group_host(work, &findings[k]) == host)
				locate_times_add(&sum, &times[k]);
		if (!findings[i].brief && locate_times_are_brief(&sum) &&
		    locate_times_are_within(&times[i], &sum))
			findings[i].brief = findings[i].suspect = true;
	}
}

/* ---- all ---- */

static int
locate_group_order(const void *a, const void *b)
{
	const struct locate_finding *left = a, *right = b;

	return left->net < right->net ? 1 : left->net > right->net ? -1 : 0;
}

int
locate_group(struct locate_work *work, struct locate_result *result)
{
	struct locate_finding *findings = &result->findings[result->n_findings];
	struct locate_chosen *groups = calloc(work->n_set + 1, sizeof(*groups));
	struct locate_times *times = calloc(work->n_set + 1, sizeof(*times));
	bool *marked = calloc(work->n_lossy, sizeof(*marked));
	int error = groups && times && marked ? 0 : -ENOMEM;

	for (size_t i = 0; !error && i < work->n_set; i++)
		locate_group_member(work, i, marked, &groups[i], &times[i], &findings[i]);
	if (!error)
		locate_group_same_moment(work, times, findings);
	locate_fit_apply(work, LOCATE_NONE);
	if (!error)
		error = locate_survey(work, findings, groups, work->n_set);
	free(groups);
	free(times);
	free(marked);
	if (error)
		return error;
	for (size_t i = 0; i < work->n_lossy && !work->slow; i++)
		result->unexplained += (uint64_t)(locate_row_unexplained(work, &work->lossy[i]) *
			locate_row_count(work, &work->evidence->rows[work->lossy[i].row]).k + 0.5);
	qsort(findings, work->n_set, sizeof(*findings), locate_group_order);
	result->n_findings += work->n_set;
	return 0;
}

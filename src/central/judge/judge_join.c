/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which links are one cable: its two directions, and what only differs by the address that a router
 * has answered from. A router answers from the interface at which a packet comes in, or from
 * another one, and has other addresses for IPv6. So the first address of a link says nothing of the
 * cable, and the second may tell parallel cables apart. What is one cable must be one link, because
 * each link has to be found by its own evidence, and the rest would look like another culprit.
 *
 * Links that only rows of before have crossed lead nowhere: a cable that is plugged in elsewhere
 * would look like one of two, and its NIC as if it were at the switch of before.
 */
#include <errno.h>
#include <stdlib.h>

#include "central/judge/judge_case_impl.h"

/* The links from one switch to another. */
struct judge_bundle {
	uint32_t v4;    /* the first one with IPv4 */
	bool parallel;  /* IPv4 tells cables apart */
};

/* Links that cannot be told apart. */
struct judge_strand {
	uint32_t bundle;
	struct addr to;
};

/* The two ends of a link: switches, or a NIC and its switch. */
struct judge_ends {
	uint32_t from, to, nic;
};

static bool
judge_is_between_switches(const struct locate_link *l)
{
	return l->nic == LOCATE_NONE && l->from != LOCATE_NONE && l->to != LOCATE_NONE;
}

/* Puts the links into their bundles: bundle_of[link]. Returns 0 or -ENOMEM. */
static int
judge_bundle_links(const struct judge_case *c, struct judge_bundle *bundles, uint32_t *bundle_of)
{
	struct judge_index by_ends = {.n = 0};
	struct judge_bundle *b;
	uint32_t n = 0;
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < c->n_links; i++) {
		const struct locate_link *l = &c->llinks[i];
		const struct judge_ends key = {l->from, l->to, LOCATE_NONE};

		bundle_of[i] = JUDGE_NONE;
		if (!judge_is_between_switches(l))
			continue;
		bundle_of[i] = judge_index_get(&by_ends, &key, sizeof(key));
		if (bundle_of[i] == JUDGE_NONE) {
			bundles[n] = (struct judge_bundle){JUDGE_NONE, false};
			bundle_of[i] = n;
			rc = judge_index_put(&by_ends, &key, sizeof(key), n++);
		}
		b = &bundles[bundle_of[i]];
		if (addr_is_v4(&c->links[i].to) && b->v4 == JUDGE_NONE)
			b->v4 = i;
		else if (addr_is_v4(&c->links[i].to))
			b->parallel |= !addr_equal(&c->links[b->v4].to, &c->links[i].to);
	}
	judge_index_clear(&by_ends);
	return rc;
}

/* bundle_of[link] becomes the link that stands for all of its cable. Returns 0 or -ENOMEM. */
static int
judge_choose_links(const struct judge_case *c, const struct judge_bundle *bundles,
		   uint32_t *bundle_of)
{
	struct judge_index strands = {.n = 0};
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < c->n_links; i++) {
		struct judge_strand key = {.bundle = bundle_of[i]};
		const struct judge_bundle *b;

		if (key.bundle == JUDGE_NONE) {
			bundle_of[i] = i;
			continue;
		}
		b = &bundles[key.bundle];
		key.to = c->links[b->v4 != JUDGE_NONE && !b->parallel ? b->v4 : i].to;
		bundle_of[i] = judge_index_get(&strands, &key, sizeof(key));
		if (bundle_of[i] == JUDGE_NONE) {
			bundle_of[i] = i;
			rc = judge_index_put(&strands, &key, sizeof(key), i);
		}
	}
	judge_index_clear(&strands);
	return rc;
}

/* The links that are not chosen lead nowhere, so that none is the reverse of anything. */
static void
judge_use_links(struct judge_case *c)
{
	for (uint32_t i = 0; i < c->n_links; i++)
		if (c->chosen[i] != i)
			c->llinks[i].from = c->llinks[i].to = LOCATE_NONE;
}

/* Links become as they were before they were joined. Returns 0 or -ENOMEM. */
static int
judge_unjoin(struct judge_case *c)
{
	while (c->room_chosen < c->n_links)
		if (judge_room((void **)&c->chosen, &c->room_chosen, c->room_chosen,
			       sizeof(*c->chosen)) < 0)
			return -ENOMEM;
	while (c->room_unjoined < c->n_links)
		if (JUDGE_LROOM(c, unjoined, c->room_unjoined) < 0)
			return -ENOMEM;
	for (size_t i = 0; i < c->n_links; i++)
		if (i < c->n_chosen)
			c->llinks[i] = c->unjoined[i];
		else
			c->unjoined[i] = c->llinks[i];
	return 0;
}

/* Notes which links rows cross; the others lead nowhere. Returns 0 or -ENOMEM. */
static int
judge_leave_unused(struct judge_case *c)
{
	while (c->room_used < c->n_links)
		if (JUDGE_LROOM(c, used, c->room_used) < 0)
			return -ENOMEM;
	for (size_t i = 0; i < c->n_links; i++) {
		c->used[i] = c->uses[i] > 0;
		if (!c->used[i])
			c->llinks[i].from = c->llinks[i].to = c->llinks[i].nic = LOCATE_NONE;
	}
	return 0;
}

/*
 * The switch at the other end of a NIC, by its name. One that only has an address is worth less
 * than what the host says: the switch has others, by which other links know it.
 */
static void
judge_see_tors(struct judge_case *c)
{
	for (size_t i = 0; i < c->n_nics; i++)
		c->lnics[i].tor = c->nics[i].tor;
	for (size_t i = 0; i < c->n_links; i++) {
		const struct locate_link *l = &c->llinks[i];
		uint32_t seen = l->from != LOCATE_NONE ? l->from : l->to;

		if (l->nic != LOCATE_NONE && seen != LOCATE_NONE &&
		    (c->switches[seen].named || c->lnics[l->nic].tor == LOCATE_NONE))
			c->lnics[l->nic].tor = seen;
	}
}

/* Steps from `first` on, and asks, are those of the chosen links. Returns 0 or -ENOMEM. */
static int
judge_join_steps(struct judge_case *c, size_t first)
{
	while (c->room_unjoined_steps < c->n_steps)
		if (JUDGE_LROOM(c, unjoined_steps, c->room_unjoined_steps) < 0)
			return -ENOMEM;
	for (size_t i = c->n_joined; i < c->n_steps; i++)
		c->unjoined_steps[i] = c->steps[i];
	c->n_joined = c->n_steps;
	for (size_t i = first; i < c->n_steps; i++)
		c->steps[i] = c->chosen[c->unjoined_steps[i]];
	for (size_t i = 0; i < c->n_asks; i++)
		if (c->asks[i].what != JUDGE_NONE &&
		    (c->asks[i].kind == LOCATE_LINK || c->asks[i].kind == LOCATE_CABLE))
			c->asks[i].what = c->chosen[c->asks[i].what];
	return 0;
}

static int
judge_join_cables(struct judge_case *c)
{
	struct judge_bundle *bundles = calloc(c->n_links + 1, sizeof(*bundles));
	int rc = bundles ? judge_unjoin(c) : -ENOMEM;

	if (rc == 0)
		rc = judge_leave_unused(c);
	if (rc == 0)
		judge_see_tors(c);
	if (rc == 0)
		rc = judge_bundle_links(c, bundles, c->chosen);
	if (rc == 0)
		rc = judge_choose_links(c, bundles, c->chosen);
	if (rc == 0)
		judge_use_links(c);
	c->n_chosen = rc == 0 ? c->n_links : 0;
	c->renewed = false;
	free(bundles);
	return rc;
}

static int
judge_join_ways(struct judge_case *c)
{
	struct judge_index ends = {.n = 0};
	struct locate_link *l;
	uint32_t other;
	int rc = 0;

	/* A pair of ends with more than one link, as of parallel cables, has no reverse. */
	for (uint32_t i = 0; rc == 0 && i < c->n_links; i++) {
		const struct judge_ends key = {c->llinks[i].from, c->llinks[i].to,
					       c->llinks[i].nic};

		other = judge_index_get(&ends, &key, sizeof(key));
		if (other == JUDGE_NONE)
			rc = judge_index_put(&ends, &key, sizeof(key), i);
		else
			c->llinks[i].reverse = c->llinks[other].reverse = i; /* marks both */
	}
	for (uint32_t i = 0; rc == 0 && i < c->n_links; i++) {
		const struct judge_ends key = {c->llinks[i].to, c->llinks[i].from,
					       c->llinks[i].nic};

		l = &c->llinks[i];
		other = judge_index_get(&ends, &key, sizeof(key));
		if (l->reverse != LOCATE_NONE || other == JUDGE_NONE || other <= i ||
		    c->llinks[other].reverse != LOCATE_NONE)
			continue;
		l->reverse = other;
		c->llinks[other].reverse = i;
	}
	judge_index_clear(&ends);
	/* The marks go. */
	for (uint32_t i = 0; i < c->n_links; i++) {
		l = &c->llinks[i];
		other = l->reverse;
		if (other != LOCATE_NONE && (other == i || c->llinks[other].from != l->to ||
					     c->llinks[other].to != l->from))
			l->reverse = LOCATE_NONE;
	}
	return rc;
}

/* Whether rows cross the links that they crossed when these were joined. */
static bool
judge_is_joined(const struct judge_case *c)
{
	bool same = c->n_chosen == c->n_links && !c->renewed;

	for (size_t i = 0; same && i < c->n_links; i++)
		same = c->used[i] == (c->uses[i] > 0);
	return same;
}

int
judge_join(struct judge_case *c)
{
	bool known = judge_is_joined(c);
	int rc = known ? 0 : judge_join_cables(c);

	if (rc == 0 && !known)
		rc = judge_join_ways(c);
	return rc == 0 ? judge_join_steps(c, known ? c->n_joined : 0) : rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Culprits that are put into a small Clos are named, and nothing else is. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clos.h"

static struct locate_result *
run(struct clos *c)
{
	struct locate_result *result = NULL;

	assert_int_equal(locate(&c->e, NULL, &result), 0);
	return result;
}

/* Exactly one culprit, and this one. */
static void
only(struct clos *c, enum locate_kind kind, uint32_t id, enum locate_direction direction)
{
	struct locate_result *result = run(c);
	const struct locate_finding *f = &result->findings[0];

	assert_int_equal(result->n_findings, 1);
	assert_false(f->suspect);
	assert_int_equal(f->n_candidates, 1);
	assert_int_equal(f->kind, kind);
	assert_int_equal(f->effect, LOCATE_LOSS);
	assert_int_equal(f->candidates[0].kind, kind);
	assert_int_equal(f->candidates[0].id, id);
	assert_int_equal(f->candidates[0].direction, direction);
	locate_free(result);
	free(c);
}

static void
test_clean(void **state)
{
	struct clos *c = clos_new();
	struct locate_result *result = run(c);

	(void)state;
	assert_int_equal(result->n_findings, 0);
	assert_int_equal(result->losses, 0);
	assert_int_equal(result->probes, SENT * c->e.n_rows);
	locate_free(result);
	/* Single losses here and there. */
	clos_lose(c, 3, 1, 0);
	clos_lose(c, 50, 0, 1);
	clos_lose(c, 161, 1, 0);
	result = run(c);
	for (size_t i = 0; i < result->n_findings; i++)
		assert_true(result->findings[i].suspect);
	assert_int_equal(result->losses, 3);
	locate_free(result);
	free(c);
}

/*
 * Five losses of one NIC, and no others: of 16 NICs, that happens to one in every 2,000 times that
 * there are five losses (16 (2 / 16)^5). In small fabrics that is no finding.
 */
static void
test_few(void **state)
{
	struct clos *c = clos_new();
	struct locate_result *result;
	unsigned int n = 0;

	(void)state;
	for (size_t i = 0; i < c->e.n_rows && n < 5; i += 4)
		if (c->rows[i].from == 5 || c->rows[i].to == 5) {
			clos_lose(c, i, n % 2, 1 - n % 2);
			n++;
		}
	assert_int_equal(n, 5);
	result = run(c);
	for (size_t i = 0; i < result->n_findings; i++)
		assert_true(result->findings[i].suspect && result->findings[i].net < 8);
	locate_free(result);
	free(c);
}

static void
test_link(void **state)
{
	(void)state;
	for (uint32_t lost = 2; lost <= SENT; lost += 38) {
		struct clos *c = clos_new();

		clos_lose_link(c, UP(1, 2), lost);
		only(c, LOCATE_LINK, UP(1, 2), LOCATE_FORTH);
	}
}

static void
test_cable(void **state)
{
	struct clos *c = clos_new();

	(void)state;
	clos_lose_link(c, UP(1, 2), 4);
	clos_lose_link(c, DOWN(2, 1), 4);
	only(c, LOCATE_CABLE, UP(1, 2), LOCATE_BOTH);
}

static void
test_nic(void **state)
{
	struct clos *c = clos_new();
	struct locate_result *result;

	(void)state;
	clos_lose_nic(c, 5, 3);
	only(c, LOCATE_NIC, 5, LOCATE_BOTH);
	/* All at one moment may be a stall. */
	c = clos_new();
	clos_lose_nic(c, 5, 3);
	for (size_t i = 0; i < c->e.n_rows; i++)
		c->rows[i].lost_when = c->rows[i].lost_when ? 3 : 0;
	result = run(c);
	assert_int_equal(result->n_findings, 1);
	assert_true(result->findings[0].suspect);
	assert_true(result->findings[0].brief);
	locate_free(result);
	free(c);
}

/* Only what the NIC sends. */
static void
test_nic_one_way(void **state)
{
	struct clos *c = clos_new();

	(void)state;
	for (size_t i = 0; i < c->e.n_rows; i++)
		clos_lose(c, i, c->rows[i].from == 5 ? 4 : 0, c->rows[i].to == 5 ? 8 : 0);
	only(c, LOCATE_NIC, 5, LOCATE_FORTH);
}

static void
test_switch(void **state)
{
	struct clos *c = clos_new();

	(void)state;
	for (uint32_t leaf = 0; leaf < LEAVES; leaf++)
		clos_lose_link(c, UP(leaf, 3), 2);
	only(c, LOCATE_SWITCH, SPINE(3), LOCATE_BOTH);
	c = clos_new();
	for (size_t i = 0; i < c->e.n_rows; i++)
		if (c->rows[i].from / PER == 2 || c->rows[i].to / PER == 2)
			clos_lose(c, i, 2, 4);
	only(c, LOCATE_SWITCH, 2, LOCATE_BOTH);
}

/* All that leaves the ToR or comes to it, while its mesh is healthy. */
static void
test_above(void **state)
{
	struct clos *c = clos_new();

	(void)state;
	for (size_t i = 0; i < c->e.n_rows; i++)
		if ((c->rows[i].from / PER == 2) != (c->rows[i].to / PER == 2))
			clos_lose(c, i, SENT, 0);
	only(c, LOCATE_ABOVE, 2, LOCATE_BOTH);
}

/* Both NICs of a host with two. */
static void
test_host(void **state)
{
	struct clos *c = clos_new();

	(void)state;
	c->nics[5].host = 4;
	clos_lose_nic(c, 4, 4);
	clos_lose_nic(c, 5, 4);
	only(c, LOCATE_HOST, 4, LOCATE_BOTH);
	/* A host with one NIC that neither reports nor answers is rather the host. */
	c = clos_new();
	c->hosts[9].silent = true;
	for (size_t i = 0; i < c->e.n_rows; i++)
		clos_lose(c, i, c->rows[i].to == 9 ? SENT : 0, 0);
	only(c, LOCATE_HOST, 9, LOCATE_BACK);
}

static void
test_two(void **state)
{
	struct clos *c = clos_new();
	struct locate_result *result;

	(void)state;
	clos_lose_link(c, UP(0, 1), 8);
	clos_lose_link(c, DOWN(1, 3), 2);
	result = run(c);
	assert_int_equal(result->n_findings, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_false(result->findings[i].suspect);
		assert_int_equal(result->findings[i].kind, LOCATE_LINK);
		assert_int_equal(result->findings[i].candidates[0].id, i ? DOWN(1, 3) : UP(0, 1));
	}
	/* 8 of 40 packets, 2 of 40. */
	assert_true(result->findings[0].rate > 0.15 && result->findings[0].rate < 0.25);
	assert_true(result->findings[1].rate > 0.03 && result->findings[1].rate < 0.07);
	locate_free(result);
	free(c);
}

static void
test_excused(void **state)
{
	struct clos *c = clos_new();
	struct locate_result *result;

	(void)state;
	c->hosts[7].excuses = LOCATE_STALLED;
	clos_lose_nic(c, 7, 10);
	result = run(c);
	assert_int_equal(result->n_findings, 0);
	assert_int_equal(result->losses, 0);
	assert_int_equal(result->n_excused, 1);
	assert_true(result->excused[0].is_host);
	assert_int_equal(result->excused[0].id, 7);
	assert_int_equal(result->excused[0].excuses, LOCATE_STALLED);
	/* It probes 3 + 12 and is probed by as many; 10 of 40 and 20 halves. */
	assert_int_equal(result->excused[0].losses, 30 * 30);
	assert_int_equal(result->excused[0].probes, 30 * SENT);
	locate_free(result);
	free(c);
}

/* One tuple is a suspect, with an ask to trace it, and a finding once that has been done. */
static void
test_tuple(void **state)
{
	struct clos *c = clos_new();
	struct locate_result *result;
	size_t row = 100;

	(void)state;
	assert_true(c->rows[row].from / PER != c->rows[row].to / PER);
	for (unsigned int fresh = 0; fresh < 2; fresh++) {
		c->rows[row].lost = c->rows[row].half = 0;
		clos_lose(c, row, SENT, 0);
		c->rows[row].lost_when = 0xff;
		if (fresh) {
			c->paths[c->rows[row].there].flags |= LOCATE_PATH_FRESH;
			c->paths[c->rows[row].back].flags |= LOCATE_PATH_FRESH;
		}
		result = run(c);
		assert_int_equal(result->n_findings, 1);
		assert_int_equal(result->findings[0].kind, LOCATE_TUPLES);
		assert_int_equal(result->findings[0].candidates[0].id, row);
		assert_int_equal(result->findings[0].suspect, !fresh);
		if (!fresh) {
			bool asked = false;

			for (size_t i = 0; i < result->findings[0].n_asks; i++)
				asked |= result->findings[0].asks[i].row == row &&
					 result->findings[0].asks[i].retrace;
			assert_true(asked);
		}
		locate_free(result);
	}
	free(c);
}

/* Every tenth path over a dead link is told wrongly, and so are others as being on it. */
/* Some of the tuples over a link lose all, the others nothing: it is the link that they share. */
static void
test_some_tuples(void **state)
{
	struct clos *c = clos_new();
	struct locate_result *result;

	(void)state;
	/* Two of twelve, of different NICs and to different leaves. */
	for (size_t i = 0; i < c->e.n_rows; i++) {
		struct locate_row *r = &c->rows[i];
		bool on = clos_on(c, r->there, UP(1, 2));

		if (on && r->from <= PER + 1 && r->to / PER == 3 * (r->from - PER))
			clos_lose(c, i, SENT, 0);
		else if (!on && clos_on(c, r->back, UP(1, 2)))
			r->sent = 0;
	}
	result = run(c);
	assert_int_equal(result->n_findings, 1);
	assert_false(result->findings[0].suspect);
	assert_true(result->findings[0].some_tuples);
	assert_int_equal(result->findings[0].kind, LOCATE_LINK);
	assert_int_equal(result->findings[0].candidates[0].id, UP(1, 2));
	locate_free(result);
	free(c);
}

/*
 * All probes over UP(1, 2) lose all, and come back over DOWN(3, 1), and nothing else crosses these
 * two. Only the responder knows on which way they are lost.
 */
static void
lost_there_or_back(bool heard, bool arrived, uint32_t *links, size_t *n)
{
	struct clos *c = clos_new();
	struct locate_result *result;

	for (size_t i = 0; i < c->e.n_rows; i++) {
		struct locate_row *r = &c->rows[i];

		r->heard = heard;
		if (clos_on(c, r->there, UP(1, 2)))
			clos_lose(c, i, arrived ? 0 : SENT, arrived ? 2 * SENT : 0);
		else if (clos_on(c, r->back, UP(1, 2)) || clos_on(c, r->there, DOWN(3, 1)))
			r->sent = 0;
	}
	result = run(c);
	assert_int_equal(result->n_findings, 1);
	*n = result->findings[0].n_candidates;
	for (size_t k = 0; k < *n && k < 2; k++)
		links[k] = result->findings[0].candidates[k].id;
	locate_free(result);
	free(c);
}

static void
test_arrived(void **state)
{
	uint32_t links[2] = {0, 0};
	size_t n;

	(void)state;
	lost_there_or_back(false, false, links, &n);
	assert_int_equal(n, 2);
	assert_true(links[0] + links[1] == UP(1, 2) + DOWN(3, 1));
	lost_there_or_back(true, false, links, &n);
	assert_int_equal(n, 1);
	assert_int_equal(links[0], UP(1, 2));
	lost_there_or_back(true, true, links, &n);
	assert_int_equal(n, 1);
	assert_int_equal(links[0], DOWN(3, 1));
}

static void
test_wrong_paths(void **state)
{
	struct clos *c = clos_new();

	(void)state;
	clos_lose_link(c, UP(1, 2), SENT);
	for (size_t i = 0; i < c->e.n_rows; i++) {
		struct locate_row *row = &c->rows[i];
		uint32_t a = row->from / PER, b = row->to / PER;

		if (a != b && i % 10 == 0)
			row->there = clos_path(a, b, (uint32_t)(i / 10) % SPINES);
	}
	only(c, LOCATE_LINK, UP(1, 2), LOCATE_FORTH);
}

static void
test_size(void **state)
{
	struct clos *c = clos_new();
	struct locate_result *result;
	size_t n = c->e.n_rows;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		c->rows[c->e.n_rows] = c->rows[i];
		c->rows[c->e.n_rows].large = true;
		c->rows[c->e.n_rows].sent = 8;
		if (clos_on(c, c->rows[i].there, UP(1, 2)))
			clos_lose(c, c->e.n_rows, 4, 0);
		c->e.n_rows++;
	}
	result = run(c);
	assert_int_equal(result->n_findings, 1);
	assert_int_equal(result->findings[0].effect, LOCATE_SIZE);
	assert_int_equal(result->findings[0].kind, LOCATE_LINK);
	assert_int_equal(result->findings[0].candidates[0].id, UP(1, 2));
	locate_free(result);
	free(c);
}

/* A link that slows a quarter of what crosses it; everywhere, one probe of 40 is slow. */
static void
test_slow(void **state)
{
	struct clos *c = clos_new();
	struct locate_result *result;

	(void)state;
	for (size_t i = 0; i < c->e.n_rows; i++) {
		struct locate_row *row = &c->rows[i];

		row->slow = 1;
		if (clos_on(c, row->there, UP(1, 2)) || clos_on(c, row->back, UP(1, 2)))
			row->slow += 10;
		row->slow_when = 1ull << i % 20;
	}
	result = run(c);
	assert_int_equal(result->n_findings, 1);
	assert_false(result->findings[0].suspect);
	assert_int_equal(result->findings[0].effect, LOCATE_DELAY);
	assert_int_equal(result->findings[0].candidates[0].kind, LOCATE_LINK);
	assert_int_equal(result->findings[0].candidates[0].id, UP(1, 2));
	locate_free(result);
	free(c);
}

/* Without a path, no link is named; but that it is not the NICs is clear. */
static void
test_unknown_paths(void **state)
{
	struct clos *c = clos_new();
	struct locate_result *result;

	(void)state;
	clos_lose_link(c, UP(1, 2), 20);
	for (size_t i = 0; i < c->e.n_rows; i++)
		c->rows[i].there = c->rows[i].back = LOCATE_NONE;
	result = run(c);
	for (size_t i = 0; i < result->n_findings; i++) {
		assert_int_not_equal(result->findings[i].kind, LOCATE_LINK);
		assert_int_not_equal(result->findings[i].kind, LOCATE_NIC);
		assert_int_not_equal(result->findings[i].kind, LOCATE_HOST);
	}
	locate_free(result);
	free(c);
}

/* Two links that the same rows cross cannot be told apart. */
static void
test_group(void **state)
{
	struct clos *c = clos_new();
	struct locate_result *result;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < c->e.n_rows; i++) {
		const struct locate_row *row = &c->rows[i];

		/* Only leaf 3 is reached over spine 2 from leaf 1. */
		if ((clos_on(c, row->there, UP(1, 2)) != clos_on(c, row->there, DOWN(2, 3))) ||
		    (clos_on(c, row->back, UP(1, 2)) != clos_on(c, row->back, DOWN(2, 3))))
			continue;
		c->rows[n] = *row;
		c->rows[n].tuple = (uint32_t)n;
		n++;
	}
	c->e.n_rows = n;
	clos_lose_link(c, UP(1, 2), 20);
	result = run(c);
	assert_int_equal(result->n_findings, 1);
	assert_int_equal(result->findings[0].n_candidates, 2);
	for (size_t i = 0; i < 2; i++)
		assert_true(result->findings[0].candidates[i].id == UP(1, 2) ||
			    result->findings[0].candidates[i].id == DOWN(2, 3));
	assert_true(result->findings[0].n_asks > 0);
	locate_free(result);
	free(c);
}

static void
test_unsound(void **state)
{
	struct clos *c = clos_new();
	struct locate_result *result = NULL;

	(void)state;
	c->rows[7].lost = SENT + 1;
	assert_int_equal(locate(&c->e, NULL, &result), -EINVAL);
	c->rows[7].lost = 0;
	c->rows[7].there = 1000000;
	assert_int_equal(locate(&c->e, NULL, &result), -EINVAL);
	c->rows[7].there = LOCATE_NONE;
	c->nics[3].host = NICS;
	assert_int_equal(locate(&c->e, NULL, &result), -EINVAL);
	assert_null(result);
	free(c);
}

/* A stall that lies in two seconds, and one more loss, are no bad NIC. */
static void
test_stall(void **state)
{
	struct clos *c = clos_new();
	struct locate_result *result;

	(void)state;
	clos_lose_nic(c, 5, 3);
	for (size_t i = 0; i < c->e.n_rows; i++)
		if (c->rows[i].lost_when)
			c->rows[i].lost_when = i == 7 ? 8 : 1 + i % 2;
	result = run(c);
	for (size_t i = 0; i < result->n_findings; i++)
		assert_true(result->findings[i].suspect);
	assert_true(result->n_findings > 0);
	locate_free(result);
	free(c);
}

/*
 * By the second: a NIC that loses for three seconds of which its host has said that it did not
 * stall; or has not yet.
 */
static void
test_seconds(void **state)
{
	/* Losses of the last three seconds; of the host, when it has spoken last. */
	static const struct {
		uint32_t due, said;
		bool brief, vague; /* vague: the times of one row are not known */
	} cases[] = {{7, 0, false, false}, {7, 1, true, false}, {7, 31, true, false},
		     {7, LOCATE_NONE, true, false}, {7 << 4, 4, false, false},
		     {3, 0, true, false}, {0, 0, true, false}, {7, 0, true, true}};

	(void)state;
	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		struct clos *c = clos_new();
		struct locate_result *result;
		bool vague = cases[k].vague;

		clos_lose_nic(c, 5, 3);
		c->hosts[c->nics[5].host].said = cases[k].said;
		for (size_t i = 0; i < c->e.n_rows; i++) {
			if (!c->rows[i].lost_when)
				continue;
			c->rows[i].lost_when = 8; /* all in one slot */
			c->rows[i].lost_due = vague ? 0 : cases[k].due;
			vague = false;
		}
		result = run(c);
		assert_int_equal(result->n_findings, 1);
		assert_int_equal(result->findings[0].candidates[0].kind, LOCATE_NIC);
		assert_int_equal(result->findings[0].brief, cases[k].brief);
		assert_int_equal(result->findings[0].suspect, cases[k].brief);
		locate_free(result);
		free(c);
	}
}

/* A link that came in for its cable goes out when the cable is there: it is said once. */
static void
test_prune(void **state)
{
	static const struct {
		uint32_t id, lost;
	} links[] = {{UP(1, 0), 3}, {UP(1, 3), 3}, {DOWN(3, 1), 6}, {DOWN(2, 1), 6}};
	struct clos *c = clos_new();
	struct locate_result *result;
	bool seen[LINKS] = {false};

	(void)state;
	for (size_t i = 0; i < 4; i++)
		clos_lose_link(c, links[i].id, links[i].lost);
	result = run(c);
	for (size_t i = 0; i < result->n_findings; i++)
		seen[result->findings[i].candidates[0].id % LINKS] = true;
	assert_int_equal(result->n_findings, 3);
	assert_true(seen[UP(1, 0)] && seen[UP(1, 3)] && seen[DOWN(2, 1)]);
	for (size_t i = 0; i < 3; i++)
		if (result->findings[i].candidates[0].id == UP(1, 3))
			assert_int_equal(result->findings[i].kind, LOCATE_CABLE);
		else
			assert_int_equal(result->findings[i].kind, LOCATE_LINK);
	locate_free(result);
	free(c);
}

/*
 * A host stalls in one second, which takes more of some probes to it. That is explained by two
 * members, and two rows have lost something in two other seconds. Both members are of one moment.
 */
static void
test_same_moment(void **state)
{
	(void)state;
	for (unsigned int lasting = 0; lasting < 2; lasting++) {
		struct clos *c = clos_new();
		struct locate_result *result;
		unsigned int worse = 0;

		for (size_t i = 0; i < c->e.n_rows; i++) {
			struct locate_row *r = &c->rows[i];

			r->heard = false;
			if (r->from != 5 && r->to != 5)
				continue;
			r->lost = 1;
			r->lost_when = 1;
			r->lost_due = 1 << 15;
			if (r->to != 5 || r->from / PER == 1 || worse == 2)
				continue;
			r->lost = 9;
			r->lost_when = worse ? 9 : 3;
			r->lost_due = 1 << 15 | (worse ? 1 : 1 << 12);
			worse++;
		}
		for (size_t i = 0; lasting && i < c->e.n_rows; i++)
			if (c->rows[i].lost) {
				c->rows[i].lost_when = 15;
				c->rows[i].lost_due = 1 << 15 | 1 << 10 | 1 << 5 | 1;
			}
		result = run(c);
		assert_int_equal(result->n_findings, 2);
		for (size_t i = 0; i < 2; i++) {
			assert_int_equal(result->findings[i].brief, !lasting);
			assert_int_equal(result->findings[i].suspect, !lasting);
		}
		locate_free(result);
		free(c);
	}
}

/*
 * One NIC of a host loses something all the time, another one much in one second. The host may have
 * stalled then, which does not explain the former.
 */
static void
test_same_host(void **state)
{
	struct clos *c = clos_new();
	struct locate_result *result;
	unsigned int turn = 0, found = 0;

	(void)state;
	c->nics[9].host = 5;
	for (size_t i = 0; i < c->e.n_rows; i++) {
		struct locate_row *r = &c->rows[i];

		r->heard = false;
		if (r->from == 9 || r->to == 9) {
			r->lost = 20;
			r->lost_when = 1;
			r->lost_due = 1 << 15;
		} else if ((r->from == 5 || r->to == 5) && i % 5 == 0) {
			r->lost = 4;
			r->lost_when = 1 << turn % 4;
			r->lost_due = 1 << 5 * (turn % 4);
			turn++;
		}
	}
	result = run(c);
	for (size_t i = 0; i < result->n_findings; i++) {
		const struct locate_finding *f = &result->findings[i];

		assert_true(f->suspect || f->candidates[0].id == 5);
		found += !f->suspect;
	}
	assert_true(found > 0);
	locate_free(result);
	free(c);
}

static uint32_t
below(uint64_t *state, uint32_t n)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33) % n;
}

/* Any evidence that is sound gives an answer that is sound, and the same one twice. */
static void
test_random(void **state)
{
	uint64_t random = 1;

	(void)state;
	for (unsigned int round = 0; round < 8; round++) {
		struct clos *c = clos_new();
		struct locate_result *one, *two;
		uint32_t much = 1 + below(&random, 30);

		for (size_t i = 0; i < c->e.n_rows; i++) {
			struct locate_row *row = &c->rows[i];
			uint32_t answered;

			row->sent = below(&random, 8) ? below(&random, 100000) : 0;
			if (below(&random, much) == 0 && row->sent)
				row->lost = below(&random, row->sent + 1);
			row->arrived = below(&random, row->lost + 1);
			answered = row->sent - row->lost;
			row->half = below(&random, 4) ? 0 : below(&random, answered + 1);
			row->slow = below(&random, 4) ? 0 : below(&random, answered + 1);
			row->heard = below(&random, 2);
			row->large = below(&random, 2);
			row->to = (row->from + 1 + below(&random, NICS - 1)) % NICS;
			row->tuple = below(&random, (uint32_t)c->e.n_rows);
			row->there = below(&random, 5) ? below(&random, (uint32_t)c->e.n_paths) :
				     LOCATE_NONE;
			row->lost_when = below(&random, 3) ? (uint64_t)random : 0;
			row->slow_when = (uint64_t)random;
		}
		for (size_t i = 0; i < c->e.n_nics; i++)
			c->nics[i] = (struct locate_nic){below(&random, NICS),
				below(&random, 6) ? below(&random, LEAVES) : LOCATE_NONE,
				below(&random, 9) ? 0 : LOCATE_LOCAL_ERROR};
		for (size_t i = 0; i < c->e.n_paths; i++)
			c->paths[i].flags = below(&random, 8);
		assert_int_equal(locate(&c->e, NULL, &one), 0);
		assert_int_equal(locate(&c->e, NULL, &two), 0);
		assert_int_equal(one->n_findings, two->n_findings);
		for (size_t i = 0; i < one->n_findings; i++) {
			const struct locate_finding *f = &one->findings[i];

			assert_true(f->n_candidates >= 1 && f->n_candidates <= LOCATE_CANDIDATES);
			assert_true(f->n_asks <= LOCATE_ASKS);
			assert_true(f->rate >= 0 && f->rate <= 1);
			assert_true(f->candidates[0].id == two->findings[i].candidates[0].id);
			for (size_t k = 0; k < f->n_asks; k++)
				assert_true(f->asks[k].row == LOCATE_NONE ||
					    f->asks[k].row < c->e.n_rows);
		}
		locate_free(one);
		locate_free(two);
		free(c);
	}
}

static void
test_empty(void **state)
{
	struct locate_evidence e = {0};
	struct locate_result *result = NULL;

	(void)state;
	assert_int_equal(locate(&e, NULL, &result), 0);
	assert_int_equal(result->n_findings, 0);
	locate_free(result);
	locate_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_few),
		cmocka_unit_test(test_link),
		cmocka_unit_test(test_cable),
		cmocka_unit_test(test_nic),
		cmocka_unit_test(test_nic_one_way),
		cmocka_unit_test(test_switch),
		cmocka_unit_test(test_above),
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_two),
		cmocka_unit_test(test_excused),
		cmocka_unit_test(test_tuple),
		cmocka_unit_test(test_some_tuples),
		cmocka_unit_test(test_arrived),
		cmocka_unit_test(test_wrong_paths),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_unknown_paths),
		cmocka_unit_test(test_group),
		cmocka_unit_test(test_unsound),
		cmocka_unit_test(test_stall),
		cmocka_unit_test(test_seconds),
		cmocka_unit_test(test_prune),
		cmocka_unit_test(test_same_moment),
		cmocka_unit_test(test_same_host),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

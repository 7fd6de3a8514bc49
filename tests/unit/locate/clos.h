/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Clos of LEAVES leaves, SPINES spines and PER hosts a leaf with one NIC each, as evidence for
 * locate(). Every NIC probes all others under its leaf, and one NIC of each other leaf over every
 * spine; the way back is over the next spine. Tests change counts of rows by what they cross.
 */
#ifndef RPINGMESH_TESTS_LOCATE_CLOS_H
#define RPINGMESH_TESTS_LOCATE_CLOS_H

#include <stdlib.h>
#include <string.h>

#include "locate/locate.h"

#define LEAVES 4u
#define SPINES 4u
#define PER 4u
#define NICS (LEAVES * PER)
#define SENT 40u
#define UP(leaf, spine) ((leaf) * SPINES + (spine))
#define DOWN(spine, leaf) (LEAVES * SPINES + UP(leaf, spine))
#define LINKS (2 * LEAVES * SPINES)
#define SPINE(spine) (LEAVES + (spine))

struct clos {
	struct locate_host hosts[NICS];
	struct locate_nic nics[NICS];
	struct locate_link links[LINKS];
	uint32_t hops[LEAVES * LEAVES * SPINES][2];
	struct locate_path paths[LEAVES * LEAVES * SPINES + 1]; /* the last: within a leaf */
	struct locate_row rows[4096];
	struct locate_evidence e;
};

static inline uint32_t
clos_path(uint32_t from, uint32_t to, uint32_t spine)
{
	return from == to ? LEAVES * LEAVES * SPINES : (from * LEAVES + to) * SPINES + spine;
}

static inline void
clos_row(struct clos *c, uint32_t from, uint32_t to, uint32_t spine)
{
	uint32_t n = (uint32_t)c->e.n_rows++;

	c->rows[n] = (struct locate_row){
		.from = from, .to = to, .sent = SENT, .heard = true, .tuple = n,
		.there = clos_path(from / PER, to / PER, spine),
		.back = clos_path(to / PER, from / PER, (spine + 1) % SPINES)};
}

static inline struct clos *
clos_new(void)
{
	struct clos *c = calloc(1, sizeof(*c));

	c->e = (struct locate_evidence){c->hosts, c->nics, c->links, c->paths, c->rows, NICS, NICS,
					LEAVES + SPINES, LINKS, LEAVES * LEAVES * SPINES + 1, 0};
	for (uint32_t l = 0; l < LEAVES; l++)
		for (uint32_t s = 0; s < SPINES; s++) {
			c->links[UP(l, s)] = (struct locate_link){l, SPINE(s), LOCATE_NONE,
								  DOWN(s, l)};
			c->links[DOWN(s, l)] = (struct locate_link){SPINE(s), l, LOCATE_NONE,
								    UP(l, s)};
			for (uint32_t to = 0; to < LEAVES; to++) {
				uint32_t p = clos_path(l, to, s);

				if (l == to)
					continue;
				c->hops[p][0] = UP(l, s);
				c->hops[p][1] = DOWN(s, to);
				c->paths[p] = (struct locate_path){
					c->hops[p], 2,
					LOCATE_PATH_COMPLETE | LOCATE_PATH_STABLE};
			}
		}
	c->paths[clos_path(0, 0, 0)].flags = LOCATE_PATH_COMPLETE | LOCATE_PATH_STABLE;
	for (uint32_t n = 0; n < NICS; n++) {
		c->nics[n] = (struct locate_nic){n, n / PER, 0};
		for (uint32_t to = 0; to < NICS; to++)
			if (to != n && to / PER == n / PER)
				clos_row(c, n, to, 0);
		for (uint32_t leaf = 0; leaf < LEAVES; leaf++)
			for (uint32_t s = 0; leaf != n / PER && s < SPINES; s++)
				clos_row(c, n, leaf * PER + (n + s) % PER, s);
	}
	return c;
}

static inline bool
clos_on(const struct clos *c, uint32_t path, uint32_t link)
{
	for (uint32_t i = 0; i < c->paths[path].n_links; i++)
		if (c->paths[path].links[i] == link)
			return true;
	return false;
}

/*
 * So many packets on the way there, so many ACKs on the way back, in different seconds. If all ACKs
 * are lost, nothing is answered.
 */
static inline void
clos_lose(struct clos *c, size_t row, uint32_t there, uint32_t back)
{
	struct locate_row *r = &c->rows[row];
	uint32_t left = r->sent - r->lost - r->half;

	if (there > left)
		there = left;
	left -= there;
	r->lost += there;
	if (back >= 2 * SENT) {
		r->lost += left;
		r->arrived += left;
	} else {
		r->half += back < left ? back : left;
	}
	if (there || back)
		r->lost_when |= 1ull << row % 20;
}

static inline void
clos_lose_link(struct clos *c, uint32_t link, uint32_t lost)
{
	for (size_t i = 0; i < c->e.n_rows; i++)
		clos_lose(c, i, clos_on(c, c->rows[i].there, link) ? lost : 0,
			  clos_on(c, c->rows[i].back, link) ? 2 * lost : 0);
}

static inline void
clos_lose_nic(struct clos *c, uint32_t nic, uint32_t lost)
{
	for (size_t i = 0; i < c->e.n_rows; i++)
		if (c->rows[i].from == nic || c->rows[i].to == nic)
			clos_lose(c, i, lost, 2 * lost);
}

#endif

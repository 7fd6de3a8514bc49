/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One window of 20 s of a large fabric, made at once: TOR_NICS NICs under each ToR, eight a host,
 * SPINES spines. What locate() takes for it, by the clock of the processor.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "fabric.h"

#define TOR_NICS 40u
#define SPINES 32u
#define TUPLES 255u          /* of a ToR: coupon_tuples(32, 0.99) */
#define BACKGROUND 1e-5

struct large {
	struct locate_evidence e;
	struct locate_host *hosts;
	struct locate_nic *nics;
	struct locate_link *links;
	struct locate_path *paths;
	uint32_t (*hops)[2];
	struct locate_row *rows;
	uint32_t tors;
	uint64_t random;
	uint32_t bad_nic, bad_tor, bad_link;
	double rate, everywhere;
};

static uint32_t
large_link(uint32_t tor, uint32_t spine, bool down)
{
	return 2 * (tor * SPINES + spine) + down;
}

static void
large_new(struct large *l, uint32_t nics)
{
	l->tors = (nics + TOR_NICS - 1) / TOR_NICS;
	nics = l->tors * TOR_NICS;
	l->e = (struct locate_evidence){.n_hosts = nics / 8, .n_nics = nics,
					.n_switches = l->tors + SPINES,
					.n_links = 2 * (size_t)l->tors * SPINES};
	l->hosts = calloc(l->e.n_hosts, sizeof(*l->hosts));
	l->nics = calloc(nics, sizeof(*l->nics));
	l->links = calloc(l->e.n_links, sizeof(*l->links));
	l->rows = calloc(nics * (size_t)TOR_NICS + l->tors * (size_t)TUPLES, sizeof(*l->rows));
	l->paths = calloc(2 * (size_t)l->tors * TUPLES + 1, sizeof(*l->paths));
	l->hops = calloc(2 * (size_t)l->tors * TUPLES + 1, sizeof(*l->hops));
	for (uint32_t n = 0; n < nics; n++)
		l->nics[n] = (struct locate_nic){n / 8, n / TOR_NICS, 0};
	for (uint32_t t = 0; t < l->tors; t++)
		for (uint32_t s = 0; s < SPINES; s++) {
			uint32_t up = large_link(t, s, false), down = up + 1;

			l->links[up] = (struct locate_link){t, l->tors + s, LOCATE_NONE, down};
			l->links[down] = (struct locate_link){l->tors + s, t, LOCATE_NONE, up};
		}
	l->e.hosts = l->hosts;
	l->e.nics = l->nics;
	l->e.links = l->links;
	l->e.paths = l->paths;
	l->e.rows = l->rows;
	l->paths[l->e.n_paths++].flags = LOCATE_PATH_COMPLETE | LOCATE_PATH_STABLE;
}

static void
large_free(struct large *l)
{
	free(l->hosts);
	free(l->nics);
	free(l->links);
	free(l->rows);
	free(l->paths);
	free(l->hops);
}

static uint32_t
large_path(struct large *l, uint32_t from, uint32_t to)
{
	uint32_t path = (uint32_t)l->e.n_paths++, spine = fabric_below(&l->random, SPINES);

	l->hops[path][0] = large_link(from, spine, false);
	l->hops[path][1] = large_link(to, spine, true);
	l->paths[path] = (struct locate_path){l->hops[path], 2,
					      LOCATE_PATH_COMPLETE | LOCATE_PATH_STABLE};
	return path;
}

static double
large_rate(const struct large *l, uint32_t from, uint32_t to, uint32_t path)
{
	double rate = 0;

	if (from == l->bad_nic || to == l->bad_nic || from / TOR_NICS == l->bad_tor ||
	    to / TOR_NICS == l->bad_tor)
		rate = l->rate;
	for (uint32_t i = 0; i < l->paths[path].n_links; i++)
		if (l->paths[path].links[i] == l->bad_link)
			rate = l->rate;
	return 1 - (1 - rate) * (1 - BACKGROUND - l->everywhere);
}

static void
large_row(struct large *l, uint32_t from, uint32_t to, uint32_t there, uint32_t back, uint32_t sent)
{
	struct locate_row *row = &l->rows[l->e.n_rows];
	double f = large_rate(l, from, to, there), r = large_rate(l, to, from, back);

	*row = (struct locate_row){.from = from, .to = to, .there = there, .back = back,
				   .tuple = (uint32_t)l->e.n_rows, .sent = sent};
	for (uint32_t i = 0; i < sent; i++) {
		bool there_ok = fabric_uniform(&l->random) >= f;
		bool first = fabric_uniform(&l->random) >= r;
		bool second = fabric_uniform(&l->random) >= r;

		row->lost += !there_ok || (!first && !second);
		row->half += there_ok && first != second;
		if (!there_ok || !first || !second)
			row->lost_when |= 1ull << i * 20 / sent;
		else if (fabric_uniform(&l->random) < 0.005)
			row->slow++;
	}
	l->e.n_rows++;
}

static void
large_fill(struct large *l)
{
	for (uint32_t n = 0; n < l->e.n_nics; n++)
		for (uint32_t i = 0; i < TOR_NICS; i++) {
			uint32_t to = n / TOR_NICS * TOR_NICS + i;

			if (to / 8 != n / 8)
				large_row(l, n, to, 0, 0, 5 + fabric_below(&l->random, 2));
		}
	for (uint32_t t = 0; t < l->tors; t++)
		for (uint32_t i = 0; i < TUPLES; i++) {
			uint32_t from = t * TOR_NICS + i % TOR_NICS, to;

			do
				to = fabric_below(&l->random, (uint32_t)l->e.n_nics);
			while (to / TOR_NICS == t);
			large_row(l, from, to, large_path(l, t, to / TOR_NICS),
				  large_path(l, to / TOR_NICS, t), 25);
		}
}

static void
large_time(uint32_t nics, const char *name, struct large l)
{
	struct locate_result *result;
	clock_t begin;

	l.random = 7;
	large_new(&l, nics);
	large_fill(&l);
	begin = clock();
	if (locate(&l.e, NULL, &result))
		abort();
	printf("%zu NICs, %zu rows, %s: %.2f s of the processor, %zu findings", l.e.n_nics,
	       l.e.n_rows, name, (double)(clock() - begin) / CLOCKS_PER_SEC, result->n_findings);
	for (size_t i = 0; i < result->n_findings && i < 3; i++)
		printf(", %s %s %u%s", locate_effect_name(result->findings[i].effect),
		       locate_kind_name(result->findings[i].kind),
		       result->findings[i].candidates[0].id,
		       result->findings[i].suspect ? " (suspect)" : "");
	printf("\n");
	locate_free(result);
	large_free(&l);
}

void
fabric_large(uint32_t nics)
{
	struct large none = {.bad_nic = LOCATE_NONE, .bad_tor = LOCATE_NONE,
			     .bad_link = LOCATE_NONE};
	struct large l = none;

	large_time(nics, "clean", l);
	l.rate = 0.01;
	l.bad_link = 17;
	large_time(nics, "link 1 %", l);
	l = none;
	l.rate = 0.02;
	l.bad_nic = 5;
	large_time(nics, "NIC 2 %", l);
	l = none;
	l.rate = 0.3;
	l.bad_tor = 3;
	large_time(nics, "leaf 30 %", l);
	l.bad_tor = LOCATE_NONE;
	l.everywhere = 0.05;
	large_time(nics, "5 % everywhere", l);
}

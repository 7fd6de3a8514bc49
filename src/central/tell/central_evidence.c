/* SPDX-License-Identifier: Apache-2.0 */
/* central_evidence.h explains the object. */
#include "central/tell/central_evidence.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "central/tell/central_suspects.h"
#include "core/siphash.h"

#define CENTRAL_EVIDENCE_ROWS 4096u /* in one step, and what one host has more */
#define CENTRAL_EVIDENCE_PLACES (4 * CENTRAL_EVIDENCE_LINKS)

enum central_evidence_phase {
	CENTRAL_EVIDENCE_SUSPECT, /* which links the candidates are */
	CENTRAL_EVIDENCE_FIND,
	CENTRAL_EVIDENCE_COUNT,
	CENTRAL_EVIDENCE_END
};

struct central_evidence {
	const struct intake *intake;
	const struct roads *roads;
	struct central_suspects *suspects;
	bool slow;                   /* what is bad: slow answers, not lost ones */
	enum central_evidence_phase phase;
	char host[REPORT_NAME_MAX + 1]; /* the last one; "": none */
	uint32_t rows;               /* in this step */
	struct central_evidence_link links[CENTRAL_EVIDENCE_LINKS];
	uint16_t places[CENTRAL_EVIDENCE_PLACES]; /* a hash table of links: 1 + its index */
	struct central_evidence_tuple tuples[CENTRAL_EVIDENCE_TUPLES];
	struct central_evidence_info info;
	uint8_t key[SIPHASH_KEY];
};

/* ---- links ---- */

/* The place of a link in the table; it is 0 if the link is not there. */
static uint16_t *
central_evidence_place(struct central_evidence *e, const struct addr *from, const struct addr *to)
{
	const struct addr ends[2] = {*from, *to};
	uint64_t hash = siphash(e->key, ends, sizeof(ends));

	for (uint32_t i = (uint32_t)(hash % CENTRAL_EVIDENCE_PLACES);;
	     i = (i + 1) % CENTRAL_EVIDENCE_PLACES) {
		uint16_t *place = &e->places[i];

		if (!*place || (addr_equal(&e->links[*place - 1].from, from) &&
				addr_equal(&e->links[*place - 1].to, to)))
			return place;
	}
}

static void
central_evidence_add_link(struct central_evidence *e, uint32_t id, const struct roads_link *link)
{
	uint16_t *place = central_evidence_place(e, &link->from, &link->to);

	if (*place) {
		e->links[*place - 1].id = id;
		return;
	}
	if (e->info.n_links == CENTRAL_EVIDENCE_LINKS) {
		e->info.links_full = true;
		return;
	}
	e->links[e->info.n_links++] = (struct central_evidence_link){
		.from = link->from, .to = link->to, .id = id,
		.culprit = central_suspects_link(e->suspects, &link->from, &link->to)};
	*place = (uint16_t)e->info.n_links;
}

/* ---- rows ---- */

/* Both ways of a 5-tuple. */
struct central_ways {
	struct roads_path way[2];
	bool known[2];
};

/* The path that was complete last, if that of now is not. */
static const uint32_t *
central_ways_links(const struct roads_path *path, size_t *n)
{
	*n = path->n_before ? path->n_before : path->n_links;
	return path->n_before ? path->before : path->links;
}

static struct roads_tuple
central_evidence_there(const struct report_stream *s)
{
	return (struct roads_tuple){s->source, s->destination, s->src_port, s->traffic_class};
}

static void
central_evidence_ways(const struct central_evidence *e, const struct report_stream *s,
		      struct central_ways *out)
{
	const struct roads_tuple there = central_evidence_there(s);
	const struct roads_tuple back = {s->destination, s->source, s->back_port,
					 s->traffic_class};

	out->known[0] = roads_find(e->roads, &there, &out->way[0]);
	out->known[1] = roads_find(e->roads, &back, &out->way[1]);
}

/* Calls fn for each known link of both ways, until it returns false. */
static bool
central_evidence_each(const struct central_evidence *e, const struct central_ways *ways,
		      bool (*fn)(void *arg, uint32_t id, const struct roads_link *link), void *arg)
{
	struct roads_link link;
	size_t n;

	for (int k = 0; k < 2; k++) {
		const uint32_t *ids = central_ways_links(&ways->way[k], &n);

		for (size_t i = 0; ways->known[k] && i < n; i++)
			if (roads_link(e->roads, ids[i], &link) && !fn(arg, ids[i], &link))
				return false;
	}
	return true;
}

static bool
central_evidence_not_culprit(void *arg, uint32_t id, const struct roads_link *link)
{
	const struct central_evidence *e = arg;

	(void)id;
	return !central_suspects_link(e->suspects, &link->from, &link->to);
}

static bool
central_evidence_crosses(struct central_evidence *e, const struct report_stream *s,
			 const struct central_ways *ways)
{
	const struct roads_tuple there = central_evidence_there(s);

	return central_suspects_tuple(e->suspects, &there) ||
	       !central_evidence_each(e, ways, central_evidence_not_culprit, e);
}

static uint64_t
central_evidence_bad(const struct central_evidence *e, const struct intake_counts *c)
{
	return e->slow ? c->slow : (uint64_t)c->lost + c->back_lost + c->unreachable;
}

static bool
central_evidence_keep(void *arg, uint32_t id, const struct roads_link *link)
{
	central_evidence_add_link(arg, id, link);
	return true;
}

/* Keeps the worst. */
static void
central_evidence_tell_worst(struct central_evidence *e, const struct intake_row *row,
			    uint64_t bad)
{
	struct central_evidence_tuple *at = &e->tuples[0];

	if (e->info.n_tuples < CENTRAL_EVIDENCE_TUPLES)
		at = &e->tuples[e->info.n_tuples++];
	else
		for (uint32_t i = 1; i < CENTRAL_EVIDENCE_TUPLES; i++)
			at = e->tuples[i].bad < at->bad ? &e->tuples[i] : at;
	if (at->sent && at->bad >= bad)
		return;
	*at = (struct central_evidence_tuple){central_evidence_there(row->stream),
					      row->stream->back_port, row->counts.sent, bad};
}

/* The first walk: a row that loses. */
static void
central_evidence_find(void *arg, const struct intake_host *host, const struct intake_row *row)
{
	struct central_evidence *e = arg;
	uint64_t bad = central_evidence_bad(e, &row->counts);
	struct central_ways ways;

	(void)host;
	e->rows++;
	if (!bad)
		return;
	central_evidence_ways(e, row->stream, &ways);
	if (!ways.known[0] && !ways.known[1])
		e->info.untraced++;
	if (!central_evidence_crosses(e, row->stream, &ways))
		return;
	central_evidence_tell_worst(e, row, bad);
	central_evidence_each(e, &ways, central_evidence_keep, e);
}

struct central_evidence_sum {
	struct central_evidence *e;
	uint64_t sent, bad;
};

static bool
central_evidence_add(void *arg, uint32_t id, const struct roads_link *link)
{
	const struct central_evidence_sum *sum = arg;
	uint16_t place = *central_evidence_place(sum->e, &link->from, &link->to);

	(void)id;
	if (place) {
		struct central_evidence_link *at = &sum->e->links[place - 1];

		at->tuples++;
		at->losing += sum->bad > 0;
		at->sent += sum->sent;
		at->bad += sum->bad;
	}
	return true;
}

/* The second walk. */
static void
central_evidence_count(void *arg, const struct intake_host *host, const struct intake_row *row)
{
	struct central_evidence *e = arg;
	struct central_evidence_sum sum = {e, row->counts.sent,
					   central_evidence_bad(e, &row->counts)};
	struct central_ways ways;

	(void)host;
	e->rows++;
	if (!sum.sent)
		return;
	central_evidence_ways(e, row->stream, &ways);
	if (central_evidence_crosses(e, row->stream, &ways)) {
		e->info.losing += sum.bad > 0;
		e->info.clean += sum.bad == 0;
		e->info.sent += sum.sent;
		e->info.bad += sum.bad;
	}
	central_evidence_each(e, &ways, central_evidence_add, &sum);
}

/* ---- steps ---- */

/* Returns whether there are more hosts. If the last one is gone, the walk ends. */
static bool
central_evidence_walk(struct central_evidence *e, uint64_t now_ns, intake_hear *fn)
{
	const struct intake_host *host = e->host[0] ? intake_find(e->intake, e->host) : NULL;
	struct intake_host_info info;

	if (e->host[0] && !host)
		return false;
	e->rows = 0;
	while ((host = intake_next(e->intake, host))) {
		intake_rows(host, CENTRAL_EVIDENCE_WINDOW, now_ns, fn, e);
		intake_host_info(host, now_ns, &info);
		snprintf(e->host, sizeof(e->host), "%s", info.name);
		if (e->rows >= CENTRAL_EVIDENCE_ROWS)
			return true;
	}
	return false;
}

static int
central_evidence_compare_links(const void *a, const void *b)
{
	const struct central_evidence_link *x = a, *y = b;

	if (x->culprit != y->culprit)
		return x->culprit ? -1 : 1;
	if (x->losing != y->losing)
		return x->losing > y->losing ? -1 : 1;
	return x->bad == y->bad ? 0 : x->bad > y->bad ? -1 : 1;
}

static int
central_evidence_compare_tuples(const void *a, const void *b)
{
	const struct central_evidence_tuple *x = a, *y = b;

	return x->bad == y->bad ? 0 : x->bad > y->bad ? -1 : 1;
}

/* A link that has healed is drawn, too. Its id is not known. */
static void
central_evidence_add_named(struct central_evidence *e)
{
	struct roads_link link = {.from_switch = 0};

	for (size_t i = 0; central_suspects_named(e->suspects, i, &link.from, &link.to); i++)
		central_evidence_add_link(e, 0, &link);
}

bool
central_evidence_step(struct central_evidence *e, uint64_t now_ns)
{
	switch (e->phase) {
	case CENTRAL_EVIDENCE_SUSPECT:
		if (!central_suspects_step(e->suspects, e->roads)) {
			central_evidence_add_named(e);
			e->phase = CENTRAL_EVIDENCE_FIND;
		}
		return true;
	case CENTRAL_EVIDENCE_FIND:
		if (central_evidence_walk(e, now_ns, central_evidence_find))
			return true;
		e->phase = CENTRAL_EVIDENCE_COUNT;
		e->host[0] = '\0';
		return true;
	case CENTRAL_EVIDENCE_COUNT:
		if (central_evidence_walk(e, now_ns, central_evidence_count))
			return true;
		qsort(e->links, e->info.n_links, sizeof(e->links[0]),
		      central_evidence_compare_links);
		qsort(e->tuples, e->info.n_tuples, sizeof(e->tuples[0]),
		      central_evidence_compare_tuples);
		e->phase = CENTRAL_EVIDENCE_END;
		break;
	case CENTRAL_EVIDENCE_END:
		break;
	}
	return false;
}

int
central_evidence_new(const struct intake *intake, const struct roads *roads,
		     const struct incident *incident, struct central_evidence **out)
{
	struct central_evidence *e = calloc(1, sizeof(*e));
	int rc = -ENOMEM;

	if (!e)
		return -ENOMEM;
	if (getrandom(e->key, sizeof(e->key), 0) == (ssize_t)sizeof(e->key))
		rc = central_suspects_new(incident, e->key, &e->suspects);
	if (rc < 0) {
		free(e);
		return rc;
	}
	e->intake = intake;
	e->roads = roads;
	e->slow = incident->effect == INCIDENT_DELAY;
	*out = e;
	return 0;
}

void
central_evidence_free(struct central_evidence *e)
{
	if (!e)
		return;
	central_suspects_free(e->suspects);
	free(e);
}

void
central_evidence_info(const struct central_evidence *e, struct central_evidence_info *out)
{
	*out = e->info;
}

const struct central_evidence_link *
central_evidence_link(const struct central_evidence *e, uint32_t i)
{
	return &e->links[i];
}

const struct central_evidence_tuple *
central_evidence_tuple(const struct central_evidence *e, uint32_t i)
{
	return &e->tuples[i];
}

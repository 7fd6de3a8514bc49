/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a case that a worker thread does: culprits, and how those asked for do. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "central/judge/judge_case_impl.h"
#include "core/clock.h"

/* Of messages that a delay has not to do with, so many are slow at most. */
#define JUDGE_SLOW_SHARE 0.05
#define JUDGE_SLOW_LEAST 20u

void
judge_case_evidence(const struct judge_case *c, struct locate_evidence *out)
{
	*out = (struct locate_evidence){
		.hosts = c->lhosts, .n_hosts = c->n_hosts, .nics = c->lnics, .n_nics = c->n_nics,
		.links = c->llinks, .n_links = c->n_links, .n_switches = c->n_switches,
		.paths = c->paths, .n_paths = c->n_paths, .rows = c->lrows, .n_rows = c->n_rows};
}

/* ---- who crosses what ---- */

static bool
judge_path_crosses(const struct judge_case *c, uint32_t path, enum locate_kind kind, uint32_t id)
{
	const struct locate_path *p = path == LOCATE_NONE ? NULL : &c->paths[path];

	for (uint32_t i = 0; p && i < p->n_links; i++) {
		const struct locate_link *l = &c->llinks[p->links[i]];

		if (kind == LOCATE_SWITCH ? l->from == id || l->to == id :
					    p->links[i] == id ||
						    (kind == LOCATE_CABLE && l->reverse == id))
			return true;
	}
	return false;
}

bool
judge_case_leads(const struct judge_case *c, size_t row, enum locate_kind kind, uint32_t id)
{
	const struct locate_row *r = &c->lrows[row];
	const struct locate_nic *from = &c->lnics[r->from], *to = &c->lnics[r->to];

	switch (kind) {
	case LOCATE_NIC:
		return r->from == id || r->to == id;
	case LOCATE_HOST:
		return from->host == id || to->host == id;
	case LOCATE_LINK:
	case LOCATE_CABLE:
	case LOCATE_SWITCH:
		return judge_path_crosses(c, r->there, kind, id);
	case LOCATE_TUPLES:
		return c->rows[row].tuple == c->rows[id].tuple;
	case LOCATE_ABOVE:
		return (from->tor == id) != (to->tor == id);
	case LOCATE_UNKNOWN:
		break;
	}
	return false;
}

bool
judge_case_crosses(const struct judge_case *c, size_t row, enum locate_kind kind, uint32_t id)
{
	bool by_path = kind == LOCATE_LINK || kind == LOCATE_CABLE || kind == LOCATE_SWITCH;

	return judge_case_leads(c, row, kind, id) ||
	       (by_path && judge_path_crosses(c, c->lrows[row].back, kind, id));
}

/* ---- health ---- */

static bool
judge_is_fast(uint64_t answered, uint64_t slow)
{
	return answered >= JUDGE_SLOW_LEAST && (double)slow < JUDGE_SLOW_SHARE * (double)answered;
}

static void
judge_look_at(const struct judge_case *c, struct judge_ask *ask)
{
	uint64_t sent = 0, lost = 0, slow = 0;
	bool good;

	for (size_t i = 0; ask->what != JUDGE_NONE && i < c->n_rows; i++) {
		if (!judge_case_crosses(c, i, ask->kind, ask->what))
			continue;
		sent += c->lrows[i].sent;
		lost += c->lrows[i].lost + c->lrows[i].half;
		slow += c->lrows[i].slow;
	}
	good = ask->effect == INCIDENT_DELAY ? judge_is_fast(sent - lost, slow) :
					       incidents_is_health(sent, lost, ask->loss_ratio);
	ask->health = !sent ? INCIDENTS_UNSEEN : good ? INCIDENTS_HEALTHY : INCIDENTS_UNKNOWN;
}

int
judge_case_ask(struct judge_case *c, const struct judge_question *q)
{
	struct judge_ask *ask;

	if (judge_room((void **)&c->asks, &c->room_asks, c->n_asks, sizeof(*c->asks)) < 0)
		return -ENOMEM;
	ask = &c->asks[c->n_asks++];
	*ask = (struct judge_ask){.effect = q->effect, .loss_ratio = q->loss_ratio,
				  .explains = q->explains, .what = JUDGE_NONE};
	snprintf(ask->id, sizeof(ask->id), "%s", q->id);
	if (!judge_find_back(c, q->culprit, &ask->kind, &ask->what))
		ask->what = JUDGE_NONE;
	return 0;
}

size_t
judge_case_rows(const struct judge_case *c)
{
	return c->stats.rows;
}

enum incidents_health
judge_case_health(const struct judge_case *c, const char *id)
{
	for (size_t i = 0; i < c->n_asks; i++)
		if (strcmp(c->asks[i].id, id) == 0)
			return c->asks[i].health;
	return INCIDENTS_UNKNOWN;
}

/* ---- all ---- */

/* Paths that have been there keep their links, unless these have moved. */
static void
judge_link_paths(struct judge_case *c)
{
	if (c->linked != c->steps)
		c->n_linked = 0;
	for (size_t i = c->n_linked; i < c->n_paths; i++)
		c->paths[i].links = c->steps + c->firsts[i];
	c->linked = c->steps;
	c->n_linked = c->n_paths;
}

int
judge_case_run(struct judge_case *c)
{
	uint64_t began_ns = clock_thread_ns();
	struct locate_evidence evidence;
	int rc = judge_join(c);

	judge_link_paths(c);
	judge_case_evidence(c, &evidence);
	if (rc == 0)
		rc = locate(&evidence, NULL, &c->result);
	if (rc == 0)
		rc = judge_find(c);
	if (rc == 0)
		rc = judge_want(c);
	for (size_t i = 0; i < c->n_asks; i++)
		judge_look_at(c, &c->asks[i]);
	c->stats.run_ns = clock_thread_ns() - began_ns;
	return rc;
}

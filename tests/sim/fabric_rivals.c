/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Others' methods on the same evidence, written after what is published of them, with the rules
 * that this leaves open chosen in their favour:
 *
 * - votes (R-Pingmesh): NICs that lose over 10 % under their ToR; then each loss of others votes
 *   for the links of its path; the top one if it stands out, and again without its rows.
 * - 007: each loss gives 1/h to each of the h links of its path; the top link is taken and what it
 *   explains goes out, until too little is left.
 * - NetBouncer: least squares on links' success rates, with its regulariser.
 * - fixed rates (as Flock): the greatest likelihood, with given loss rates of bad and good parts.
 *
 * For all: access links are the NIC; if half of a switch's links (three or more) are named, it is
 * the switch; if all NICs of a host with several, the host. A loss that is known to be of the
 * way back counts for that way only. Rows without a path count for NICs only.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fabric.h"

#define ROUNDS 48

const char *const rival_names[RIVALS] = {"votes", "007", "NetBouncer", "fixed"};

/* A row's losses: on either way, or on the way back for certain. */
struct rival_row {
	const uint32_t *there, *back;
	uint32_t n_there, n_back;
	double sent, any, behind;
	bool gone;
};

struct rival {
	const struct locate_evidence *e;
	struct rival_row *rows;
	double *value;          /* by link */
	bool *named;            /* links */
	struct fabric_answers *out;
};

void
fabric_say(struct fabric_answers *out, enum locate_kind kind, uint32_t id)
{
	if (out->n < FABRIC_ANSWERS)
		out->all[out->n++] = (struct fabric_answer){{{kind, id}}, 1};
}

static void
rival_rows(struct rival *r)
{
	const struct locate_evidence *e = r->e;

	for (size_t i = 0; i < e->n_rows; i++) {
		const struct locate_row *row = &e->rows[i];
		struct rival_row *to = &r->rows[i];

		/* Excuses are known to all. */
		to->gone = !row->sent || e->hosts[e->nics[row->from].host].excuses ||
			   e->hosts[e->nics[row->to].host].excuses;
		to->sent = row->sent;
		to->behind = row->half + row->arrived;
		to->any = row->lost - row->arrived;
		if (row->there == LOCATE_NONE)
			continue;
		to->there = e->paths[row->there].links;
		to->n_there = e->paths[row->there].n_links;
		to->back = e->paths[row->back].links;
		to->n_back = e->paths[row->back].n_links;
	}
}

static bool
rival_crosses(const struct rival_row *row, uint32_t link)
{
	for (uint32_t k = 0; k < row->n_there; k++)
		if (row->there[k] == link)
			return true;
	for (uint32_t k = 0; k < row->n_back; k++)
		if (row->back[k] == link)
			return true;
	return false;
}

/* ---- from links to answers ---- */

static bool
rival_switch(const struct rival *r, uint32_t s)
{
	uint32_t all = 0, named = 0;

	for (size_t l = 0; l < r->e->n_links; l++)
		if (r->e->links[l].from == s || r->e->links[l].to == s) {
			all++;
			named += r->named[l];
		}
	return named >= 3 && 4 * named >= all; /* one direction of half of its cables */
}

static void
rival_hosts(struct rival *r, bool *nics)
{
	for (uint32_t h = 0; h < r->e->n_hosts; h++) {
		uint32_t all = 0, named = 0;

		for (uint32_t n = 0; n < r->e->n_nics; n++)
			if (r->e->nics[n].host == h) {
				all++;
				named += nics[n];
			}
		if (all < 2 || named < all)
			continue;
		fabric_say(r->out, LOCATE_HOST, h);
		for (uint32_t n = 0; n < r->e->n_nics; n++)
			nics[n] &= r->e->nics[n].host != h;
	}
}

static void
rival_say(struct rival *r)
{
	const struct locate_evidence *e = r->e;
	bool nics[FABRIC_NICS] = {false};

	for (uint32_t s = 0; s < e->n_switches; s++)
		if (rival_switch(r, s)) {
			fabric_say(r->out, LOCATE_SWITCH, s);
			for (size_t l = 0; l < e->n_links; l++)
				r->named[l] &= e->links[l].from != s && e->links[l].to != s;
		}
	for (uint32_t l = 0; l < e->n_links; l++) {
		uint32_t reverse = e->links[l].reverse;

		if (r->named[l] && e->links[l].nic != LOCATE_NONE)
			nics[e->links[l].nic] = true;
		else if (r->named[l] && r->named[reverse] && l < reverse)
			fabric_say(r->out, LOCATE_CABLE, l);
		else if (r->named[l] && !r->named[reverse])
			fabric_say(r->out, LOCATE_LINK, l);
	}
	rival_hosts(r, nics);
	for (uint32_t n = 0; n < e->n_nics; n++)
		if (nics[n])
			fabric_say(r->out, LOCATE_NIC, n);
}

static uint32_t
rival_top(const struct rival *r, bool fabric_only, double *second)
{
	uint32_t top = LOCATE_NONE;

	*second = 0;
	for (uint32_t l = 0; l < r->e->n_links; l++) {
		if (fabric_only && r->e->links[l].nic != LOCATE_NONE)
			continue;
		if (top == LOCATE_NONE || r->value[l] > r->value[top]) {
			*second = top == LOCATE_NONE ? 0 : r->value[top];
			top = l;
		} else if (r->value[l] > *second) {
			*second = r->value[l];
		}
	}
	return top;
}

static void
rival_take(struct rival *r, uint32_t link)
{
	r->named[link] = true;
	for (size_t i = 0; i < r->e->n_rows; i++)
		r->rows[i].gone |= rival_crosses(&r->rows[i], link);
}

/* ---- votes ---- */

/* Out of the NICs that lose too much under their ToR, the worst; LOCATE_NONE if there is none. */
static uint32_t
votes_nic(const struct rival *r)
{
	double sent[FABRIC_NICS] = {0}, lost[FABRIC_NICS] = {0};
	uint32_t worst = LOCATE_NONE;

	for (size_t i = 0; i < r->e->n_rows; i++) {
		const struct locate_row *row = &r->e->rows[i];

		if (r->rows[i].gone || r->e->nics[row->from].tor != r->e->nics[row->to].tor)
			continue;
		for (int end = 0; end < 2; end++) {
			uint32_t nic = end ? row->to : row->from;

			sent[nic] += r->rows[i].sent;
			lost[nic] += r->rows[i].any + r->rows[i].behind;
		}
	}
	for (uint32_t n = 0; n < r->e->n_nics; n++)
		if (sent[n] >= 5 && lost[n] > 0.1 * sent[n] &&
		    (worst == LOCATE_NONE || lost[n] / sent[n] > lost[worst] / sent[worst]))
			worst = n;
	return worst;
}

static void
votes_nics(struct rival *r)
{
	uint32_t nic;

	while ((nic = votes_nic(r)) != LOCATE_NONE) {
		for (uint32_t l = 0; l < r->e->n_links; l++)
			r->named[l] |= r->e->links[l].nic == nic;
		for (size_t i = 0; i < r->e->n_rows; i++)
			r->rows[i].gone |= r->e->rows[i].from == nic || r->e->rows[i].to == nic;
	}
}

static void
rival_count(struct rival *r, double there, double back)
{
	memset(r->value, 0, r->e->n_links * sizeof(*r->value));
	for (size_t i = 0; i < r->e->n_rows; i++) {
		const struct rival_row *row = &r->rows[i];
		uint32_t h = row->n_there + row->n_back;

		for (uint32_t k = 0; !row->gone && k < row->n_there; k++)
			r->value[row->there[k]] += row->any * (there > 0 ? there : 1.0 / h);
		for (uint32_t k = 0; !row->gone && k < row->n_back; k++)
			r->value[row->back[k]] += row->any * (there > 0 ? there : 1.0 / h) +
				row->behind * (back > 0 ? back : 1.0 / row->n_back);
	}
}

static void
rival_votes(struct rival *r)
{
	votes_nics(r);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		double second;
		uint32_t top;

		rival_count(r, 1, 1);
		top = rival_top(r, true, &second);
		if (top == LOCATE_NONE || r->value[top] < 3 || r->value[top] < 2 * second)
			break;
		rival_take(r, top);
	}
}

/* ---- 007 ---- */

static bool
rival_at(const struct rival *r, const struct rival_row *row, uint32_t s)
{
	const struct locate_link *links = r->e->links;

	for (uint32_t k = 0; k < row->n_there; k++)
		if (links[row->there[k]].from == s || links[row->there[k]].to == s)
			return true;
	for (uint32_t k = 0; k < row->n_back; k++)
		if (links[row->back[k]].from == s || links[row->back[k]].to == s)
			return true;
	return false;
}

/*
 * It votes for links only. If a switch at the top link has far more losses than that link, and
 * loses nearly as large a part of its probes, it is the switch.
 */
static bool
rival_007_switch(struct rival *r, uint32_t top, uint32_t s)
{
	double link = 0, all = 0, sent_link = 0, sent_all = 0;

	if (s == LOCATE_NONE)
		return false;
	for (size_t i = 0; i < r->e->n_rows; i++) {
		const struct rival_row *row = &r->rows[i];
		double lost = row->any + row->behind;

		if (row->gone || !rival_at(r, row, s))
			continue;
		all += lost;
		sent_all += row->sent;
		if (rival_crosses(row, top)) {
			link += lost;
			sent_link += row->sent;
		}
	}
	if (all < 2.5 * link || all / sent_all < 0.4 * link / sent_link)
		return false;
	fabric_say(r->out, LOCATE_SWITCH, s);
	for (size_t i = 0; i < r->e->n_rows; i++)
		r->rows[i].gone |= rival_at(r, &r->rows[i], s);
	return true;
}

static void
rival_007(struct rival *r)
{
	double all = 0, second;

	for (size_t i = 0; i < r->e->n_rows; i++)
		all += r->rows[i].gone ? 0 : r->rows[i].any + r->rows[i].behind;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		uint32_t top;

		rival_count(r, 0, 0);
		top = rival_top(r, false, &second);
		if (top == LOCATE_NONE || r->value[top] < 0.02 * all || r->value[top] < 0.7)
			break;
		if (!rival_007_switch(r, top, r->e->links[top].from) &&
		    !rival_007_switch(r, top, r->e->links[top].to))
			rival_take(r, top);
	}
}

/* ---- NetBouncer ---- */

static void
bouncer_links(const struct rival *r, const struct rival_row *row, const double *x, uint32_t link,
	      double *product)
{
	(void)r;
	*product = 1;
	for (uint32_t k = 0; k < row->n_there; k++)
		*product *= row->there[k] == link ? 1 : x[row->there[k]];
	for (uint32_t k = 0; k < row->n_back; k++)
		*product *= row->back[k] == link ? 1 : x[row->back[k]];
}

static double
bouncer_step(const struct rival *r, const double *x, uint32_t link)
{
	const double lambda = 1;
	double a = 0, b = 0, v;

	for (size_t i = 0; i < r->e->n_rows; i++) {
		const struct rival_row *row = &r->rows[i];
		double t;

		if (row->gone || !rival_crosses(row, link))
			continue;
		bouncer_links(r, row, x, link, &t);
		a += row->sent * t * t;
		b += t * (row->sent - row->any - row->behind);
	}
	v = a > lambda ? (b - lambda / 2) / (a - lambda) : 1;
	return v < 0 ? 0 : v > 1 ? 1 : v;
}

static void
rival_netbouncer(struct rival *r)
{
	double *x = malloc((r->e->n_links + 1) * sizeof(*x));

	rival_count(r, 1, 1);
	for (uint32_t l = 0; x && l < r->e->n_links; l++)
		x[l] = 1;
	for (unsigned int sweep = 0; x && sweep < 6; sweep++)
		for (uint32_t l = 0; l < r->e->n_links; l++)
			if (r->value[l] >= 2)
				x[l] = bouncer_step(r, x, l);
	for (uint32_t l = 0; x && l < r->e->n_links; l++)
		r->named[l] = r->value[l] >= 3 && x[l] < 1 - 0.005;
	free(x);
}

/* ---- fixed rates ---- */

/* Parts: links between switches, then NICs, then switches. */
static bool
fixed_on(const struct rival *r, size_t i, uint32_t part)
{
	const struct locate_evidence *e = r->e;
	const struct rival_row *row = &r->rows[i];
	uint32_t s;

	if (part < e->n_links)
		return e->links[part].nic == LOCATE_NONE && rival_crosses(row, part);
	part -= (uint32_t)e->n_links;
	if (part < e->n_nics)
		return e->rows[i].from == part || e->rows[i].to == part;
	s = part - (uint32_t)e->n_nics;
	for (uint32_t k = 0; k < row->n_there; k++)
		if (e->links[row->there[k]].to == s)
			return true;
	for (uint32_t k = 0; k < row->n_back; k++)
		if (e->links[row->back[k]].to == s)
			return true;
	return false;
}

static double
fixed_gain(const struct rival *r, uint32_t part)
{
	const double bad = 0.02, good = 1e-4;
	double gain = -(7 + (part >= r->e->n_links + r->e->n_nics ? 1 : 0));

	for (size_t i = 0; i < r->e->n_rows; i++) {
		const struct rival_row *row = &r->rows[i];
		double lost = row->any + row->behind;

		if (!row->gone && fixed_on(r, i, part))
			gain += lost * log(bad / good) +
				(row->sent - lost) * log((1 - bad) / (1 - good));
	}
	return gain;
}

static bool
fixed_lost(const struct rival *r, uint32_t part)
{
	for (size_t i = 0; i < r->e->n_rows; i++)
		if (!r->rows[i].gone && r->rows[i].any + r->rows[i].behind > 0 &&
		    fixed_on(r, i, part))
			return true;
	return false;
}

static void
fixed_take(struct rival *r, uint32_t part)
{
	const struct locate_evidence *e = r->e;

	for (size_t i = 0; i < e->n_rows; i++)
		r->rows[i].gone |= fixed_on(r, i, part);
	if (part >= e->n_links + e->n_nics)
		fabric_say(r->out, LOCATE_SWITCH, part - (uint32_t)(e->n_links + e->n_nics));
	else if (part < e->n_links)
		r->named[part] = true;
	for (uint32_t l = 0; part >= e->n_links && l < e->n_links; l++)
		r->named[l] |= e->links[l].nic == part - e->n_links;
}

static void
rival_fixed(struct rival *r)
{
	uint32_t n = (uint32_t)(r->e->n_links + r->e->n_nics + r->e->n_switches);

	for (unsigned int round = 0; round < ROUNDS; round++) {
		uint32_t best = LOCATE_NONE;
		double most = 0;

		for (uint32_t part = 0; part < n; part++) {
			double gain = fixed_lost(r, part) ? fixed_gain(r, part) : 0;

			if (gain > most) {
				most = gain;
				best = part;
			}
		}
		if (best == LOCATE_NONE)
			break;
		fixed_take(r, best);
	}
}

void
rival(const struct locate_evidence *e, enum rival_kind which, struct fabric_answers *out)
{
	static void (*const run[RIVALS])(struct rival *) = {rival_votes, rival_007,
							   rival_netbouncer, rival_fixed};
	struct rival r = {.e = e, .out = out, .rows = calloc(e->n_rows + 1, sizeof(*r.rows)),
			  .value = calloc(e->n_links + 1, sizeof(*r.value)),
			  .named = calloc(e->n_links + 1, sizeof(*r.named))};

	out->n = 0;
	if (r.rows && r.value && r.named) {
		rival_rows(&r);
		run[which](&r);
		rival_say(&r);
	}
	free(r.rows);
	free(r.value);
	free(r.named);
}

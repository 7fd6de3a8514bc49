/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One look at all rows on behalf of all findings: how many probes cross the culprit, large and
 * small ones, and which tuples to ask for.
 *
 * Asked for are tuples that some candidates lie on and others do not, a few for each such
 * combination; if there are none, new tuples between the same NICs, which take other paths. Of a
 * suspect with one candidate, more probes over it. Some of the tuples that lose are to be traced
 * anew if that has not been done.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "locate/locate_impl.h"

#define ALIKE 3              /* asks for one combination of candidates */
#define RETRACE 4            /* of one finding */
#define SIZE_GAIN 5

/* That a part is a candidate of a finding; a list for each part. */
struct survey_role {
	uint32_t finding, candidate, next;
};

struct survey_counts {
	uint64_t n[2], k[2];    /* small, large rows over the first candidate */
	uint32_t seen;          /* candidates on the row that is looked at */
	uint32_t combination[LOCATE_ASKS];
};

struct survey {
	const struct locate_work *work;
	struct locate_finding *findings;
	size_t n;
	uint32_t *head;         /* by slot */
	struct survey_role *roles;
	struct survey_counts *counts;
};

static bool
survey_alike(const struct locate_finding *finding, const struct survey_counts *counts,
	     const struct locate_row *row)
{
	unsigned int alike = 0;

	for (size_t i = 0; i < finding->n_asks; i++) {
		if (counts->combination[i] == counts->seen)
			alike++;
		if (finding->asks[i].from == row->from && finding->asks[i].to == row->to)
			return true;
	}
	return alike >= ALIKE;
}

static void
survey_ask(struct survey *s, size_t f, uint32_t index)
{
	const struct locate_row *row = &s->work->evidence->rows[index];
	struct locate_finding *finding = &s->findings[f];
	struct survey_counts *counts = &s->counts[f];
	uint32_t all = (1u << finding->n_candidates) - 1;

	if (finding->n_asks + 2 * RETRACE >= LOCATE_ASKS || !counts->seen ||
	    (finding->n_candidates > 1 ? counts->seen == all : !finding->suspect) ||
	    survey_alike(finding, counts, row))
		return;
	counts->combination[finding->n_asks] = counts->seen;
	finding->asks[finding->n_asks++] =
		(struct locate_ask){.row = index, .from = row->from, .to = row->to};
}

static void
survey_row(struct survey *s, uint32_t index)
{
	const struct locate_row *row = &s->work->evidence->rows[index];
	struct locate_count count = locate_row_count(s->work, row);
	struct locate_row_parts of;

	locate_parts_of(s->work, index, &of);
	for (size_t f = 0; f < s->n; f++)
		s->counts[f].seen = 0;
	for (size_t i = 0; i < of.n; i++) {
		uint32_t slot = s->work->slot[of.part[i]];

		for (uint32_t r = s->head[slot]; r != LOCATE_NONE; r = s->roles[r].next) {
			struct survey_counts *counts = &s->counts[s->roles[r].finding];

			counts->seen |= 1u << s->roles[r].candidate;
			if (s->roles[r].candidate)
				continue;
			counts->n[row->large] += count.n;
			counts->k[row->large] += count.k;
		}
	}
	for (size_t f = 0; f < s->n; f++)
		survey_ask(s, f, index);
}

/* ---- after all rows ---- */

static double
survey_loglik(double k, double n, double rate)
{
	return k > 0 ? k * log(rate) + (n - k) * log1p(-fmin(rate, 1 - 1e-9)) :
		       n * log1p(-fmin(rate, 1 - 1e-9));
}

/* Whether only large packets are lost. */
static bool
survey_size(const struct survey_counts *c)
{
	double ns = (double)c->n[0], nl = (double)c->n[1], ks = (double)c->k[0];
	double kl = (double)c->k[1];
	double both = (ks + kl) / (ns + nl + 1e-9);

	if (nl < 1 || ns < 1 || kl < 3 || ks / ns > 0.1 * kl / nl)
		return false;
	return survey_loglik(ks, ns, ks / ns) + survey_loglik(kl, nl, kl / nl) -
	       survey_loglik(ks, ns, both) - survey_loglik(kl, nl, both) > SIZE_GAIN;
}

static bool
survey_fresh(const struct locate_work *work, const struct locate_row *row)
{
	const struct locate_path *paths = work->evidence->paths;

	return row->there != LOCATE_NONE && row->back != LOCATE_NONE &&
	       paths[row->there].flags & paths[row->back].flags & LOCATE_PATH_FRESH;
}

static void
survey_retrace_row(const struct survey *s, struct locate_finding *finding, uint32_t index)
{
	const struct locate_row *row = &s->work->evidence->rows[index];

	if (finding->n_asks < LOCATE_ASKS && !survey_fresh(s->work, row))
		finding->asks[finding->n_asks++] =
			(struct locate_ask){index, row->from, row->to, true};
}

/* Rows that lose, first those of the culprit, then those that lose although not on its path. */
static void
survey_retrace(const struct survey *s, struct locate_finding *finding,
	       const struct locate_part *part)
{
	const struct locate_work *work = s->work;
	size_t most = finding->n_asks + RETRACE;

	for (uint32_t i = part->first; i < part->first + part->n && finding->n_asks < most; i++)
		survey_retrace_row(s, finding, work->lossy[work->pair[i].lossy].row);
	if (part->sure || finding->n_asks >= LOCATE_ASKS)
		return;
	most += RETRACE;
	for (size_t i = 0; i < work->n_lossy && finding->n_asks < most; i++)
		if (locate_row_is_stray(work, &work->lossy[i]))
			survey_retrace_row(s, finding, work->lossy[i].row);
}

/* New tuples of NICs whose tuples do not part the candidates. */
static void
survey_new_tuples(const struct survey *s, struct locate_finding *finding,
		  const struct locate_part *part)
{
	const struct locate_work *work = s->work;

	for (uint32_t i = 0; i < part->n && i < ALIKE; i++) {
		const struct locate_lossy *lossy = &work->lossy[work->pair[part->first + i].lossy];
		const struct locate_row *row = &work->evidence->rows[lossy->row];

		finding->asks[finding->n_asks++] =
			(struct locate_ask){LOCATE_NONE, row->from, row->to, false};
	}
}

static void
survey_finish(struct survey *s, size_t f, const struct locate_chosen *group)
{
	struct locate_finding *finding = &s->findings[f];
	const struct survey_counts *counts = &s->counts[f];
	const struct locate_part *part = &s->work->part[group->slot[0]];

	finding->probes = counts->n[0] + counts->n[1];
	if (!s->work->slow && survey_size(counts)) {
		finding->effect = LOCATE_SIZE;
		finding->rate = (double)counts->k[1] / (double)counts->n[1];
	}
	if (finding->n_candidates > 1 && !finding->n_asks)
		survey_new_tuples(s, finding, part);
	survey_retrace(s, finding, part);
}

static void
survey_roles(struct survey *s, const struct locate_chosen *groups)
{
	uint32_t role = 0;

	for (size_t i = 0; i < s->work->n_part; i++)
		s->head[i] = LOCATE_NONE;
	for (size_t f = 0; f < s->n; f++)
		for (size_t c = 0; c < groups[f].n; c++, role++) {
			uint32_t slot = groups[f].slot[c];

			s->roles[role] = (struct survey_role){(uint32_t)f, (uint32_t)c,
							      s->head[slot]};
			s->head[slot] = role;
		}
}

int
locate_survey(const struct locate_work *work, struct locate_finding *findings,
	      const struct locate_chosen *groups, size_t n)
{
	struct survey s = {.work = work, .findings = findings, .n = n};
	const struct locate_evidence *e = work->evidence;
	int error = -ENOMEM;

	if (!n)
		return 0;
	s.head = malloc(work->n_part * sizeof(*s.head));
	s.roles = calloc(n * LOCATE_CANDIDATES, sizeof(*s.roles));
	s.counts = calloc(n, sizeof(*s.counts));
	if (s.head && s.roles && s.counts) {
		survey_roles(&s, groups);
		for (size_t i = 0; i < e->n_rows; i++)
			if (locate_row_used(work, &e->rows[i]))
				survey_row(&s, (uint32_t)i);
		for (size_t f = 0; f < n; f++)
			survey_finish(&s, f, &groups[f]);
		error = 0;
	}
	free(s.head);
	free(s.roles);
	free(s.counts);
	return error;
}

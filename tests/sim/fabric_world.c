/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens in a fabric, second by second, and what agents count of it. Rates are those of the
 * plan: each NIC sends 10 probes a second under its ToR; the tuples of a ToR send 10 a second for
 * each of its parallel paths; as many tuples as the coupon collector asks for. One probe of five is
 * large. The probe and its two ACKs are lost independently of each other.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fabric.h"
#include "plan/coupon.h"

#define MESH_RATE 10.0
#define LINK_RATE 10.0
#define LARGE 5
#define STOP 8               /* seconds that a stopped host stands still */
#define STALLED_SHARE 0.6    /* of the second in which a host stalls */
#define ASKED_RATE 5.0

static uint32_t
world_rows(const struct world *w)
{
	return 2 * w->n_tuples;
}

/* ---- whom agents probe ---- */

static void
world_told(struct world *w, struct fabric_tuple *t)
{
	t->told_there = t->there;
	t->told_back = t->back;
	if (w->f.nics[t->from].tor == w->f.nics[t->to].tor)
		return;
	if (fabric_uniform(&w->random) < w->options.wrong)
		fabric_route(&w->f, t->from, t->to, &w->random, &t->told_there);
	if (fabric_uniform(&w->random) < w->options.wrong)
		fabric_route(&w->f, t->to, t->from, &w->random, &t->told_back);
	t->unknown = fabric_uniform(&w->random) < w->options.unknown;
}

static bool
world_tuple(struct world *w, uint32_t from, uint32_t to, double rate)
{
	struct fabric_tuple *t = &w->tuples[w->n_tuples];

	*t = (struct fabric_tuple){.from = from, .to = to, .rate = rate,
				   .phase = fabric_uniform(&w->random)};
	if (w->n_tuples == FABRIC_TUPLES ||
	    !fabric_route(&w->f, from, to, &w->random, &t->there) ||
	    !fabric_route(&w->f, to, from, &w->random, &t->back))
		return false;
	world_told(w, t);
	w->n_tuples++;
	return true;
}

static uint32_t
world_mesh(struct world *w, uint32_t from, bool count)
{
	const struct locate_nic *nics = w->f.nics;
	uint32_t n = count ? 0 : world_mesh(w, from, true), found = 0;

	for (uint32_t to = 0; to < w->f.n_nics; to++)
		if (nics[to].tor == nics[from].tor && nics[to].host != nics[from].host) {
			found++;
			if (!count)
				world_tuple(w, from, to, MESH_RATE / n);
		}
	return found;
}

static void
world_plan(struct world *w)
{
	const struct fabric *f = &w->f;
	uint32_t k = f->width > 1 ? coupon_tuples(f->width, 0.99) : 0;

	for (uint32_t nic = 0; nic < f->n_nics; nic++)
		world_mesh(w, nic, false);
	for (uint32_t tor = 0; tor < f->n_tors; tor++) {
		uint32_t under[FABRIC_NICS], n = 0;

		for (uint32_t nic = 0; nic < f->n_nics; nic++)
			if (f->nics[nic].tor == tor)
				under[n++] = nic;
		for (uint32_t i = 0, tries = 0; i < k && tries < 100 * k; tries++) {
			uint32_t from = under[i % n], to = fabric_below(&w->random, f->n_nics);

			if (f->nics[to].tor != tor && f->rail[to] == f->rail[from] &&
			    f->nics[to].host != f->nics[from].host)
				i += world_tuple(w, from, to, LINK_RATE * f->width / k);
		}
	}
}

/* ---- windows ---- */

static void
window_new(struct world *w, struct fabric_window *window, uint32_t parts)
{
	window->parts = parts;
	window->ring = calloc((size_t)parts * world_rows(w), sizeof(*window->ring));
	window->rows = calloc(world_rows(w), sizeof(*window->rows));
	window->lost = calloc(world_rows(w), sizeof(*window->lost));
	window->stalled = calloc(w->f.n_hosts, sizeof(*window->stalled));
	window->hosts = calloc(w->f.n_hosts, sizeof(*window->hosts));
}

static void
window_free(struct fabric_window *window)
{
	free(window->ring);
	free(window->rows);
	free(window->lost);
	free(window->stalled);
	free(window->hosts);
}

static void
window_when(uint64_t *when, uint32_t part, bool set)
{
	if (set)
		*when |= 1ull << part;
	else
		*when &= ~(1ull << part);
}

/* The cells of this second go into a part; `fresh`: it begins, and what it had goes out. */
static void
window_add(struct world *w, struct fabric_window *window, uint32_t part, bool fresh)
{
	for (uint32_t i = 0; i < world_rows(w); i++) {
		struct fabric_cell *old = &window->ring[(size_t)part * world_rows(w) + i];
		const struct fabric_cell *now = &w->now[i];
		struct locate_row *row = &window->rows[i];

		if (fresh) {
			row->sent -= old->sent;
			row->lost -= old->lost;
			row->arrived -= old->arrived;
			row->half -= old->half;
			row->slow -= old->slow;
			*old = (struct fabric_cell){0};
		}
		row->sent += now->sent;
		row->lost += now->lost;
		row->arrived += now->arrived;
		row->half += now->half;
		row->slow += now->slow;
		old->sent += now->sent;
		old->lost += now->lost;
		old->arrived += now->arrived;
		old->half += now->half;
		old->slow += now->slow;
		window_when(&window->lost[i], part, old->lost || old->half);
		window_when(&row->slow_when, part, old->slow);
	}
	for (uint32_t h = 0; h < w->f.n_hosts; h++) {
		window_when(&window->stalled[h], part, w->flagged[h] ||
			    (!fresh && window->stalled[h] >> part & 1));
	}
}

/* ---- */

void
world_new(struct world *w, enum fabric_shape shape, uint64_t seed,
	  const struct fabric_options *options)
{
	memset(w, 0, sizeof(*w));
	w->random = seed * 0x2545f4914f6cdd1du;
	w->options = *options;
	fabric_build(&w->f, shape);
	world_plan(w);
	w->paths = calloc(4 * (size_t)w->n_tuples + 1, sizeof(*w->paths));
	w->now = calloc(world_rows(w), sizeof(*w->now));
	window_new(w, &w->near, FABRIC_SHORT);
	window_new(w, &w->far, FABRIC_LONG);
}

void
world_free(struct world *w)
{
	window_free(&w->near);
	window_free(&w->far);
	free(w->paths);
	free(w->now);
}

/* ---- faults ---- */

static void
world_truth(struct world *w, enum locate_kind kind, uint32_t id)
{
	if (w->n_truth < FABRIC_TRUTHS)
		w->truth[w->n_truth++] = (struct fabric_truth){kind, id};
}

static void
world_drop(struct world *w, uint32_t link, double rate)
{
	w->drop[link] = w->drop_large[link] = rate;
}

/* A link between switches that has no fault yet; LOCATE_NONE if there is none. */
static uint32_t
world_link(struct world *w)
{
	for (unsigned int tries = 0; tries < 1000; tries++) {
		uint32_t link = fabric_below(&w->random, w->f.n_links);

		if (fabric_is_fabric(&w->f, link) && w->drop[link] <= 0 &&
		    w->drop[w->f.links[link].reverse] <= 0)
			return link;
	}
	return LOCATE_NONE;
}

static void
world_switch(struct world *w, uint32_t s, double rate)
{
	/* A packet that crosses it is lost once: on the way out. */
	for (uint32_t i = 0; i < w->f.n_links; i++)
		if (w->f.links[i].from == s)
			world_drop(w, i, rate);
	world_truth(w, LOCATE_SWITCH, s);
}

static void
world_nic(struct world *w, uint32_t nic, double rate)
{
	world_drop(w, w->f.up[nic], rate);
	world_drop(w, w->f.down[nic], rate);
	world_truth(w, LOCATE_NIC, nic);
}

static bool
path_has(const struct fabric_path *path, uint32_t link)
{
	for (uint32_t i = 0; i < path->n; i++)
		if (path->link[i] == link)
			return true;
	return false;
}

static bool
world_hole(struct world *w)
{
	for (unsigned int tries = 0; tries < 10000; tries++) {
		uint32_t i = fabric_below(&w->random, w->n_tuples);

		if (w->tuples[i].there.n < 4)
			continue;
		w->tuples[i].hole = true;
		world_truth(w, LOCATE_TUPLES, i);
		return true;
	}
	return false;
}

/* A third of the tuples over a link. */
static bool
world_some(struct world *w)
{
	uint32_t link = world_link(w), n = 0;

	for (uint32_t i = 0; link != LOCATE_NONE && i < w->n_tuples; i++)
		if (path_has(&w->tuples[i].there, link) && n++ % 3 == 0)
			w->tuples[i].hole = true;
	if (n < 6)
		return false;
	world_truth(w, LOCATE_LINK, link);
	return true;
}

static bool
world_fault_link(struct world *w, enum fault_kind kind, double rate)
{
	uint32_t link = world_link(w);

	if (link == LOCATE_NONE)
		return false;
	world_truth(w, kind == FAULT_CABLE ? LOCATE_CABLE : LOCATE_LINK, link);
	if (kind == FAULT_DELAY) {
		w->slow[link] = rate;
	} else if (kind == FAULT_SIZE) {
		w->drop_large[link] = rate;
	} else if (kind == FAULT_FLAP) {
		w->flap[link] = rate;
	} else {
		world_drop(w, link, rate);
		if (kind == FAULT_CABLE) {
			world_drop(w, w->f.links[link].reverse, rate);
			w->truth[w->n_truth - 1].id &= ~1u; /* the lower of the two */
		}
	}
	return true;
}

static bool
world_cut(struct world *w)
{
	uint32_t tor = fabric_below(&w->random, w->f.n_tors);

	for (uint32_t i = 0; i < w->f.n_links; i++)
		if (fabric_is_fabric(&w->f, i) &&
		    (w->f.links[i].from == tor || w->f.links[i].to == tor))
			world_drop(w, i, 1);
	world_truth(w, LOCATE_ABOVE, tor);
	return w->f.n_tors > 1;
}

/* Links and NICs, rates from 0.5 to 20 %. */
static bool
world_several(struct world *w, unsigned int n, double low, double high)
{
	for (unsigned int i = 0; i < n; i++) {
		double rate = low * pow(high / low, fabric_uniform(&w->random));

		if (i % 2) {
			uint32_t nic;

			do
				nic = fabric_below(&w->random, w->f.n_nics);
			while (w->drop[w->f.up[nic]] > 0);
			world_nic(w, nic, rate);
		} else if (!world_fault_link(w, FAULT_LINK, rate)) {
			return false;
		}
	}
	return true;
}

bool
world_fault(struct world *w, enum fault_kind kind, double rate)
{
	const struct fabric *f = &w->f;
	uint32_t nic = fabric_below(&w->random, f->n_nics);
	uint32_t host = fabric_below(&w->random, f->n_hosts);

	switch (kind) {
	case FAULT_NONE: case FAULT_KINDS: return true;
	case FAULT_LINK: case FAULT_CABLE: case FAULT_SIZE: case FAULT_DELAY: case FAULT_FLAP:
		return world_fault_link(w, kind, rate);
	case FAULT_NIC: world_nic(w, nic, rate); return true;
	case FAULT_NIC_OUT:
		world_drop(w, f->up[nic], rate);
		world_truth(w, LOCATE_NIC, nic);
		return true;
	case FAULT_LEAF: world_switch(w, fabric_below(&w->random, f->n_tors), rate); return true;
	case FAULT_SPINE:
		if (f->n_switches == f->n_tors)
			return false;
		world_switch(w, f->n_tors + fabric_below(&w->random, f->n_switches - f->n_tors),
			     rate);
		return true;
	case FAULT_DEAD: w->dead[host] = true; world_truth(w, LOCATE_HOST, host); return true;
	case FAULT_STALL: w->starved[host] = true; world_truth(w, LOCATE_HOST, host); return true;
	case FAULT_STOP: w->stopped[host] = STOP; world_truth(w, LOCATE_HOST, host); return true;
	case FAULT_CUT: return world_cut(w);
	case FAULT_HOLE: return world_hole(w);
	case FAULT_SOME: return world_some(w);
	case FAULT_CONGESTION:
		w->slow[f->down[nic]] = rate;
		world_truth(w, LOCATE_NIC, nic);
		return true;
	case FAULT_TWO_LINKS:
		return world_fault_link(w, FAULT_LINK, rate) &&
		       world_fault_link(w, FAULT_LINK, rate);
	case FAULT_MIXED: return world_several(w, 2, rate, rate);
	case FAULT_EIGHT: return world_several(w, 8, 0.005, 0.2);
	}
	return false;
}

/* ---- a second ---- */

static bool
world_passes(struct world *w, const struct fabric_path *path, bool large, bool *slow)
{
	const double *drop = large ? w->drop_large : w->drop;

	for (uint32_t i = 0; i < path->n; i++) {
		uint32_t link = path->link[i];

		if (drop[link] > 0 && fabric_uniform(&w->random) < drop[link])
			return false;
		/* Down in one second of five. */
		if (w->flap[link] > 0 && w->second % 5 == 0 &&
		    fabric_uniform(&w->random) < w->flap[link])
			return false;
		if (w->slow[link] > 0 && fabric_uniform(&w->random) < w->slow[link])
			*slow = true;
	}
	return fabric_uniform(&w->random) >= w->options.background;
}

/* Whether the probe is evidence at all, and if so, whether a host's stall ate it. */
static bool
world_stall(struct world *w, const struct fabric_tuple *t, bool *eaten)
{
	uint32_t from = w->f.nics[t->from].host, to = w->f.nics[t->to].host;

	*eaten = w->dead[to] || w->stopped[to];
	for (int i = 0; i < 2; i++) {
		uint32_t host = i ? to : from;

		if (!w->stall[host] || fabric_uniform(&w->random) > STALLED_SHARE)
			continue;
		if (w->flagged[host])
			return false;
		*eaten = true;
	}
	return true;
}

/* Half of the responders' counts are known. */
static bool
world_heard(uint32_t tuple)
{
	return tuple % 2;
}

static void
world_probe(struct world *w, uint32_t i)
{
	struct fabric_tuple *t = &w->tuples[i];
	bool large = t->probes++ % LARGE == LARGE - 1, slow = false, eaten, first, second;
	struct fabric_cell *cell = &w->now[2 * i + large];

	if (!world_stall(w, t, &eaten))
		return;
	cell->sent++;
	if (eaten || t->hole || !world_passes(w, &t->there, large, &slow)) {
		cell->lost++;
		return;
	}
	first = world_passes(w, &t->back, large, &slow);
	second = world_passes(w, &t->back, large, &slow);
	if (first || second) {
		cell->half += first != second;
		cell->slow += slow || fabric_uniform(&w->random) < w->options.slow;
	} else {
		cell->lost++;
		cell->arrived += world_heard(i);
	}
}

static void
world_hosts(struct world *w)
{
	double share = w->options.stalls;

	for (uint32_t h = 0; h < w->f.n_hosts; h++) {
		w->stall[h] = fabric_uniform(&w->random) < (w->starved[h] ? 0.5 : share);
		w->flagged[h] = w->stall[h] && fabric_uniform(&w->random) < w->options.flagged;
		if (w->second % FABRIC_PART == 0)
			w->unreported[h] = fabric_uniform(&w->random) < w->options.reports_lost;
		w->silent[h] = w->unreported[h] || w->dead[h] || w->stopped[h] ? w->silent[h] + 1 :
										 0;
	}
}

void
world_second(struct world *w)
{
	memset(w->now, 0, world_rows(w) * sizeof(*w->now));
	world_hosts(w);
	for (uint32_t i = 0; i < w->n_tuples; i++) {
		struct fabric_tuple *t = &w->tuples[i];
		uint32_t host = w->f.nics[t->from].host;

		for (t->phase += t->rate; t->phase >= 1; t->phase--)
			if (!w->dead[host] && !w->stopped[host])
				world_probe(w, i);
		if (w->unreported[host])
			w->now[2 * i] = w->now[2 * i + 1] = (struct fabric_cell){0};
	}
	window_add(w, &w->near, w->second % FABRIC_SHORT, true);
	window_add(w, &w->far, w->second / FABRIC_PART % FABRIC_LONG,
		   w->second % FABRIC_PART == 0);
	w->second++;
	for (uint32_t h = 0; h < w->f.n_hosts; h++)
		if (w->stopped[h] && --w->stopped[h] == 0) /* then it says so */
			w->near.stalled[h] = UINT64_MAX;
}

/* ---- evidence ---- */

/* The short window as rpingmesh-central has it: losses by slots, and by the second. */
static void
world_when(const struct world *w, struct locate_row *row, uint64_t lost)
{
	row->lost_when = row->lost_due = 0;
	for (uint32_t ago = 0; ago < FABRIC_SHORT; ago++) {
		uint32_t second = w->second - 1 - ago;

		if (second >= w->second || !(lost >> second % FABRIC_SHORT & 1))
			continue;
		row->lost_when |= 1ull << second / FABRIC_PART % (FABRIC_SHORT / FABRIC_PART);
		row->lost_due |= 1u << ago;
	}
}

static void
world_path(const struct fabric_tuple *t, const struct fabric_path *path, struct locate_path *out)
{
	*out = (struct locate_path){path->link, path->n,
				    LOCATE_PATH_COMPLETE | LOCATE_PATH_STABLE |
				    (t->fresh ? LOCATE_PATH_FRESH : 0)};
}

struct locate_evidence
world_evidence(struct world *w, const struct fabric_window *window)
{
	for (uint32_t i = 0; i < w->n_tuples; i++) {
		const struct fabric_tuple *t = &w->tuples[i];

		world_path(t, &t->told_there, &w->paths[2 * i]);
		world_path(t, &t->told_back, &w->paths[2 * i + 1]);
		for (uint32_t k = 0; k < 2; k++) {
			struct locate_row *row = &window->rows[2 * i + k];

			row->from = t->from;
			row->to = t->to;
			row->tuple = i;
			row->there = t->unknown ? LOCATE_NONE : 2 * i;
			row->back = t->unknown ? LOCATE_NONE : 2 * i + 1;
			row->large = k;
			row->heard = world_heard(i);
			row->lost_when = window->lost[2 * i + k];
			if (window == &w->near)
				world_when(w, row, row->lost_when);
		}
	}
	for (uint32_t h = 0; h < w->f.n_hosts; h++) {
		/* In three parts or more: more than what was left out anyway. */
		bool stalled = __builtin_popcountll(window->stalled[h]) >= 3;
		window->hosts[h].excuses = stalled && window == &w->near ? LOCATE_STALLED : 0;
		window->hosts[h].said = window == &w->near ? w->silent[h] : LOCATE_NONE;
		window->hosts[h].silent = w->silent[h] > 2 * FABRIC_PART;
	}
	return (struct locate_evidence){window->hosts, w->f.nics, w->f.links, w->paths,
					window->rows, w->f.n_hosts, w->f.n_nics, w->f.n_switches,
					w->f.n_links, 2 * (size_t)w->n_tuples, world_rows(w)};
}

void
world_ask(struct world *w, const struct locate_result *result)
{
	for (size_t i = 0; i < result->n_findings; i++)
		for (size_t k = 0; k < result->findings[i].n_asks; k++) {
			const struct locate_ask *ask = &result->findings[i].asks[k];
			struct fabric_tuple *t;

			if (ask->row == LOCATE_NONE)
				continue;
			t = &w->tuples[ask->row / 2];
			if (t->rate < ASKED_RATE)
				t->rate = ASKED_RATE;
			if (!ask->retrace)
				continue;
			t->told_there = t->there;
			t->told_back = t->back;
			t->unknown = false;
			t->fresh = true;
		}
}

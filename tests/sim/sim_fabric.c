/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults of every kind in fabrics of several shapes: does locate() name them, how fast, and does it
 * accuse anything else? The same evidence goes to others' methods (fabric_rivals.c).
 *
 *     sim_fabric                         the short run of `make check`: TAP
 *     sim_fabric table [RUNS [SEED]]     all cases, all methods, side by side
 *     sim_fabric clean WINDOWS [SEED]    how large the net gain of clean windows gets
 *     sim_fabric time [NICS]             how long one window of a large fabric takes
 *
 * The world of fabric_world.c is not the model of locate(): hosts stall, a twentieth of the paths
 * is told wrongly, some are unknown, reports are lost. Evidence has times as rpingmesh-central has
 * them: slots of 5 s, and seconds. Nevertheless losses are independent of each
 * other there, which real ones often are not. Thresholds were chosen with seeds below 1000; tables
 * begin at 1000.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fabric.h"

enum { METHODS = RIVALS + 1, OURS = RIVALS };

static const char *const method_names[METHODS] = {"votes", "007", "NetBouncer", "fixed", "locate"};
static const struct fabric_options usual = {
	.background = 1e-5, .stalls = 0.001, .flagged = 0.9, .wrong = 0.05, .unknown = 0.03,
	.reports_lost = 0.02, .slow = 0.005,
};

struct sim_case {
	const char *name;
	enum fault_kind kind;
	double rate;
	unsigned int seconds;
	double background;      /* 0: usual */
	double goal;            /* median seconds; 0: none */
};

static const struct sim_case cases[] = {
	{"none", FAULT_NONE, 0, 30, 0, 0},
	{"none, background 1e-4", FAULT_NONE, 0, 30, 1e-4, 0},
	{"link 100 %", FAULT_LINK, 1, 30, 0, 3},
	{"link 30 %", FAULT_LINK, 0.3, 30, 0, 3},
	{"link 5 %", FAULT_LINK, 0.05, 30, 0, 10},
	{"link 1 %", FAULT_LINK, 0.01, 60, 0, 30},
	{"link 0.2 %", FAULT_LINK, 0.002, 400, 0, 360},
	{"link 2 %, bg 1e-4", FAULT_LINK, 0.02, 40, 1e-4, 0},
	{"cable 30 %", FAULT_CABLE, 0.3, 30, 0, 3},
	{"cable 5 %", FAULT_CABLE, 0.05, 30, 0, 10},
	{"NIC 100 %", FAULT_NIC, 1, 30, 0, 3},
	{"NIC 30 %", FAULT_NIC, 0.3, 30, 0, 3},
	{"NIC 5 %", FAULT_NIC, 0.05, 30, 0, 10},
	{"NIC 2 %", FAULT_NIC, 0.02, 40, 0, 0},
	{"NIC 1 %", FAULT_NIC, 0.01, 40, 0, 30},
	{"NIC out 5 %", FAULT_NIC_OUT, 0.05, 30, 0, 10},
	{"leaf 30 %", FAULT_LEAF, 0.3, 30, 0, 3},
	{"leaf 5 %", FAULT_LEAF, 0.05, 30, 0, 10},
	{"leaf 1 %", FAULT_LEAF, 0.01, 40, 0, 30},
	{"spine 30 %", FAULT_SPINE, 0.3, 30, 0, 3},
	{"spine 5 %", FAULT_SPINE, 0.05, 30, 0, 10},
	{"spine 1 %", FAULT_SPINE, 0.01, 40, 0, 30},
	{"ToR cut off", FAULT_CUT, 1, 30, 0, 3},
	{"host dead", FAULT_DEAD, 1, 40, 0, 0},
	{"host stalls", FAULT_STALL, 1, 40, 0, 0},
	{"host stops for 8 s", FAULT_STOP, 1, 12, 0, 0},
	{"one tuple", FAULT_HOLE, 1, 60, 0, 0},
	{"a third of tuples", FAULT_SOME, 1, 40, 0, 0},
	{"large only, 30 %", FAULT_SIZE, 0.3, 40, 0, 0},
	{"link flaps", FAULT_FLAP, 1, 40, 0, 0},
	{"link slow, 30 %", FAULT_DELAY, 0.3, 40, 0, 0},
	{"NIC congested, 50 %", FAULT_CONGESTION, 0.5, 40, 0, 0},
	{"two links 30 %", FAULT_TWO_LINKS, 0.3, 30, 0, 3},
	{"two links 5 %", FAULT_TWO_LINKS, 0.05, 30, 0, 10},
	{"link and NIC 5 %", FAULT_MIXED, 0.05, 30, 0, 10},
	{"eight, 0.5-20 %", FAULT_EIGHT, 0, 60, 0, 0},
};
#define CASES (sizeof(cases) / sizeof(cases[0]))

/* What a method has shown in one case. */
struct sim_score {
	unsigned int runs, exact, faults, found, right, wrong, named;
	double group;
	unsigned int seconds[4096];
};

/* ---- is an answer right? ---- */

static bool
sim_single(const struct world *w, uint32_t host)
{
	unsigned int n = 0;

	for (uint32_t i = 0; i < w->f.n_nics; i++)
		n += w->f.nics[i].host == host;
	return n == 1;
}

/* 2: it is that; 1: it is part of it, or contains it; 0: it has nothing to do with it. */
static int
sim_match(const struct world *w, const struct fabric_truth *said, const struct fabric_truth *truth)
{
	const struct fabric *f = &w->f;

	if (said->kind == truth->kind && said->id == truth->id)
		return 2;
	/* A dead host with one NIC looks like its NIC to all who do not look at reports. */
	if (truth->kind == LOCATE_HOST && w->dead[truth->id] && said->kind == LOCATE_NIC &&
	    f->nics[said->id].host == truth->id && sim_single(w, truth->id))
		return 2;
	if ((said->kind == LOCATE_LINK || said->kind == LOCATE_CABLE) &&
	    (truth->kind == LOCATE_LINK || truth->kind == LOCATE_CABLE))
		return said->id == truth->id || said->id == f->links[truth->id].reverse;
	if (truth->kind == LOCATE_ABOVE)
		return said->kind == LOCATE_SWITCH && said->id == truth->id;
	return 0;
}

/* The best match of one answer: with its first candidate 2 counts, with others at most 1. */
static int
sim_answer(const struct world *w, const struct fabric_answer *answer, uint32_t truth)
{
	int best = 0;

	for (size_t i = 0; i < answer->n; i++) {
		int match = sim_match(w, &answer->one[i], &w->truth[truth]);

		if (i && match == 2)
			match = 1;
		if (match > best)
			best = match;
	}
	return best;
}

struct sim_verdict {
	unsigned int found, exact, right, wrong;
	double group;
};

static struct sim_verdict
sim_judge(const struct world *w, const struct fabric_answers *answers)
{
	struct sim_verdict v = {0};
	bool found[FABRIC_TRUTHS] = {false}, exact[FABRIC_TRUTHS] = {false};

	for (size_t i = 0; i < answers->n; i++) {
		int best = 0;

		for (uint32_t t = 0; t < w->n_truth; t++) {
			int match = sim_answer(w, &answers->all[i], t);

			found[t] |= match > 0;
			exact[t] |= match == 2;
			if (match > best)
				best = match;
		}
		v.right += best > 0;
		v.wrong += best == 0;
		v.group += best > 0 ? (double)answers->all[i].n : 0;
	}
	for (uint32_t t = 0; t < w->n_truth; t++) {
		v.found += found[t];
		v.exact += exact[t];
	}
	return v;
}

/* ---- one run ---- */

static void
sim_ours(struct world *w, const struct fabric_window *window, bool ask, struct fabric_answers *out)
{
	struct locate_evidence e = world_evidence(w, window);
	struct locate_result *result;

	if (locate(&e, NULL, &result))
		abort();
	for (size_t i = 0; i < result->n_findings && out->n < FABRIC_ANSWERS; i++) {
		const struct locate_finding *f = &result->findings[i];
		struct fabric_answer *answer = &out->all[out->n];

		if (f->suspect)
			continue;
		answer->n = f->n_candidates;
		for (size_t k = 0; k < f->n_candidates; k++) {
			uint32_t id = f->candidates[k].id;

			answer->one[k] = (struct fabric_truth){
				f->candidates[k].kind,
				f->candidates[k].kind == LOCATE_TUPLES ? id / 2 : id};
		}
		out->n++;
	}
	/* That a host stalls is said as an excuse. */
	for (size_t i = 0; i < result->n_excused && w->n_truth; i++)
		if (result->excused[i].is_host && w->truth[0].kind == LOCATE_HOST &&
		    w->truth[0].id == result->excused[i].id)
			fabric_say(out, LOCATE_HOST, w->truth[0].id);
	if (ask)
		world_ask(w, result);
	locate_free(result);
}

/* What both windows say; for ours, the long one only adds. */
static void
sim_look(struct world *w, int method, bool far, struct fabric_answers *out)
{
	const struct fabric_window *window = far ? &w->far : &w->near;
	struct locate_evidence e = world_evidence(w, window);

	out->n = 0;
	if (method == OURS)
		sim_ours(w, window, !far, out);
	else
		rival(&e, (enum rival_kind)method, out);
}

static void
sim_named(struct sim_score *score, const struct sim_verdict *v, uint32_t truths,
	  unsigned int second, bool *done)
{
	if (*done || !truths || v->found < truths)
		return;
	*done = true;
	if (score->named < 4096)
		score->seconds[score->named++] = second;
}

static void
sim_count(struct sim_score *score, const struct sim_verdict *v, uint32_t truths)
{
	score->runs++;
	score->exact += v->exact == truths && !v->wrong;
	score->faults += truths;
	score->found += v->found;
	score->right += v->right;
	score->wrong += v->wrong;
	score->group += v->group;
}

/* The methods that are wanted look each second until they have named all, and at the end. */
static bool
sim_run(const struct sim_case *c, enum fabric_shape shape, uint64_t seed, unsigned int methods,
	struct sim_score *scores)
{
	struct world *w = malloc(sizeof(*w));
	struct fabric_options options = usual;
	struct fabric_answers *answers = malloc(sizeof(*answers));
	bool done[METHODS] = {false}, there, far = c->seconds > 100;

	if (!w || !answers)
		abort();
	if (c->background > 0)
		options.background = c->background;
	world_new(w, shape, seed, &options);
	for (unsigned int t = 0; t < FABRIC_SHORT + (far ? 60 : 0); t++)
		world_second(w);
	there = world_fault(w, c->kind, c->rate);
	for (unsigned int t = 1; there && t <= c->seconds; t++) {
		world_second(w);
		for (int m = 0; m < METHODS; m++) {
			bool last = t == c->seconds, look = !far || t % 5 == 0;
			struct sim_verdict v;

			look |= c->kind == FAULT_STOP;
			if (!(methods >> m & 1) || !(last || (look && !done[m])))
				continue;
			sim_look(w, m, far, answers);
			v = sim_judge(w, answers);
			sim_named(&scores[m], &v, w->n_truth, t, &done[m]);
			if (c->kind == FAULT_STOP && !last) /* nobody may be accused meanwhile */
				scores[m].wrong += v.wrong;
			if (last)
				sim_count(&scores[m], &v, w->n_truth);
		}
	}
	world_free(w);
	free(w);
	free(answers);
	return there;
}

/* ---- the table ---- */

static int
sim_order(const void *a, const void *b)
{
	unsigned int x = *(const unsigned int *)a, y = *(const unsigned int *)b;

	return x < y ? -1 : x > y;
}

static unsigned int
sim_median(struct sim_score *score)
{
	qsort(score->seconds, score->named, sizeof(score->seconds[0]), sim_order);
	/* Of all runs: those that never named it come last. */
	return score->runs / 2 < score->named ? score->seconds[score->runs / 2] : 0;
}

static void
sim_print(const struct sim_case *c, struct sim_score *scores, unsigned int methods)
{
	for (int m = 0; m < METHODS; m++) {
		struct sim_score *s = &scores[m];
		unsigned int median;

		if (!(methods >> m & 1) || !s->runs)
			continue;
		median = sim_median(s);
		printf("%-22s %-10s %5u", c->name, method_names[m], s->runs);
		if (s->faults) {
			printf(" %6.3f %6.3f %6.3f %6.2f", (double)s->found / s->faults,
			       s->right + s->wrong ? (double)s->right / (s->right + s->wrong) : 1,
			       (double)s->exact / s->runs, s->right ? s->group / s->right : 0);
			if (median)
				printf(" %5u", median);
			else
				printf(" never");
		} else {
			printf("      -      -      -      -     -");
		}
		printf(" %8.4f%s\n", (double)s->wrong / s->runs,
		       m == OURS && c->goal > 0 && (!median || median > c->goal) ?
		       "  MISSED: seconds" : "");
	}
	fflush(stdout);
}

static void
sim_table(unsigned int runs, uint64_t seed, unsigned int methods, const char *only)
{
	struct sim_score *scores = malloc(METHODS * sizeof(*scores));

	printf("%-22s %-10s %5s %6s %6s %6s %6s %5s %8s\n", "fault", "method", "runs", "recall",
	       "precis", "exact", "group", "p50 s", "wrong/w");
	for (size_t i = 0; scores && i < CASES; i++) {
		if (only && strcmp(only, cases[i].name) != 0)
			continue;
		memset(scores, 0, METHODS * sizeof(*scores));
		for (unsigned int run = 0; run < runs; run++)
			sim_run(&cases[i], (enum fabric_shape)(run % FABRIC_SHAPES), seed + run,
				methods, scores);
		sim_print(&cases[i], scores, methods);
	}
	free(scores);
}

/* ---- clean windows ---- */

/* Of one window, the greatest net gain of what would be a finding if it were enough. */
static double
sim_clean_window(struct world *w)
{
	const struct locate_options options = {.suspect = 2, .finding = 2};
	struct locate_evidence e = world_evidence(w, &w->near);
	struct locate_result *result;
	double most = 0;

	if (locate(&e, &options, &result))
		abort();
	for (size_t i = 0; i < result->n_findings; i++) {
		const struct locate_finding *f = &result->findings[i];

		if (f->suspect)
			continue;
		most = fmax(most, f->net);
		if (f->net >= LOCATE_FINDING)
			printf("a finding: %s %u, effect %s, net gain %.1f, %llu of %llu probes\n",
			       locate_kind_name(f->kind), f->candidates[0].id,
			       locate_effect_name(f->effect), f->net,
			       (unsigned long long)f->losses, (unsigned long long)f->probes);
	}
	locate_free(result);
	return most;
}

/* Half of the fabrics at ten times the background. Every window is 20 new seconds. */
static void
sim_clean_shape(unsigned int windows, uint64_t seed, unsigned int *above)
{
	struct world *w = malloc(sizeof(*w));
	struct fabric_options options = usual;

	if (!w)
		abort();
	if (seed / FABRIC_SHAPES % 2)
		options.background *= 10;
	world_new(w, (enum fabric_shape)(seed % FABRIC_SHAPES), seed, &options);
	for (unsigned int i = 0; i < windows; i++) {
		double net;

		for (unsigned int t = 0; t < FABRIC_SHORT; t++)
			world_second(w);
		net = sim_clean_window(w);
		for (unsigned int x = 0; x < 32 && x <= net; x++)
			above[x]++;
	}
	world_free(w);
	free(w);
}

/*
 * The slope of log P(net >= x) between 3 and the last x that a window has reached, and what that
 * says of the threshold. The budget: one wrong finding a month in windows of 20 s.
 */
static void
sim_clean(unsigned int windows, uint64_t seed)
{
	unsigned int above[32] = {0}, done = 0, x = 3;

	for (; done < windows; done += 500, seed++) {
		unsigned int before = above[12];

		sim_clean_shape(500, seed, above);
		if (above[12] > before)
			printf("of seed %llu\n", (unsigned long long)seed);
	}
	for (unsigned int i = 2; i < 32 && (i < 13 || above[i]); i++)
		printf("net gain >= %2u: %6u of %u windows\n", i, above[i], done);
	while (x < 31 && above[x + 1] >= 5)
		x++;
	if (x > 3) {
		double slope = log((double)above[3] / above[x]) / (x - 3);
		double month = 30 * 86400 / FABRIC_SHORT;

		printf("extrapolated from 3 to %u: falls as exp(-%.2f x); at the threshold of %g: "
		       "%.2g wrong findings a month\n", x, slope, LOCATE_FINDING,
		       month * above[x] / done * exp(-slope * (LOCATE_FINDING - x)));
	}
}

/* ---- make check ---- */

/* Of 6 runs, one in each shape that has such a part; fixed seeds, with room for other libms. */
static const struct {
	const char *name;
	double recall, exact;
} checks[] = {
	{"none", 0, 0}, {"none, background 1e-4", 0, 0}, {"link 100 %", 0.8, 0.8},
	{"link 5 %", 0.8, 0.8}, {"cable 5 %", 0.8, 0.6}, {"NIC 30 %", 0.8, 0.8},
	{"NIC 2 %", 0.8, 0.8}, {"leaf 5 %", 0.8, 0.8}, {"spine 5 %", 0.8, 0.6},
	{"ToR cut off", 0.8, 0.8}, {"host dead", 0.8, 0.8}, {"host stalls", 0.8, 0.8},
	{"host stops for 8 s", 0, 0},
	{"large only, 30 %", 0.8, 0.8}, {"link slow, 30 %", 0.8, 0.8},
	{"two links 30 %", 0.8, 0.8}, {"link and NIC 5 %", 0.8, 0.8},
};
#define CHECKS (sizeof(checks) / sizeof(checks[0]))

static bool
sim_check(size_t i, struct sim_score *scores)
{
	const struct sim_score *s = &scores[OURS];
	bool ok;

	memset(scores, 0, METHODS * sizeof(*scores));
	for (size_t c = 0; c < CASES; c++)
		for (unsigned int run = 0; !strcmp(cases[c].name, checks[i].name) && run < 6; run++)
			sim_run(&cases[c], (enum fabric_shape)run, run + 1, 1u << OURS, scores);
	ok = s->runs >= 4 && s->found >= checks[i].recall * s->faults &&
	     s->exact >= checks[i].exact * s->runs && s->wrong <= 1;
	printf("%sok %zu - %s: %u of %u found, %u of %u exact, %u wrong\n", ok ? "" : "not ", i + 1,
	       checks[i].name, s->found, s->faults, s->exact, s->runs, s->wrong);
	fflush(stdout);
	return ok;
}

static int
sim_checks(void)
{
	struct sim_score *scores = malloc(METHODS * sizeof(*scores));
	bool ok = scores;

	printf("1..%zu\n", CHECKS);
	for (size_t i = 0; scores && i < CHECKS; i++)
		ok &= sim_check(i, scores);
	free(scores);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "check";
	unsigned int n = argc > 2 ? (unsigned int)strtoul(argv[2], NULL, 10) : 60;
	uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 1000;

	if (!strcmp(what, "check"))
		return sim_checks();
	if (!strcmp(what, "clean"))
		sim_clean(n, seed);
	if (!strcmp(what, "time"))
		fabric_large(argc > 2 ? n : 10000);
	if (!strcmp(what, "table"))
		sim_table(n, seed, argc > 4 ? (unsigned int)atoi(argv[4]) : (1u << METHODS) - 1,
			  argc > 5 ? argv[5] : NULL);
	return 0;
}

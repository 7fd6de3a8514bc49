/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: case
 *
 * The evidence of one window: what hosts have reported (central/intake), with the paths of all
 * 5-tuples (central/roads), as the indices that src/locate wants, and their names, which people
 * want. It is collected from the loop, a few hosts at a time; then a worker thread judges it, which
 * needs nothing else; then the loop takes the findings out.
 */
#ifndef RPINGMESH_CENTRAL_JUDGE_JUDGE_CASE_H
#define RPINGMESH_CENTRAL_JUDGE_JUDGE_CASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "central/incident/incidents.h"
#include "central/intake/intake.h"
#include "record/ask.h"

struct judge_case;
struct mesh;
struct roads;

/* Borrowed. */
struct judge_sources {
	const struct mesh *mesh;
	const struct intake *intake;
	const struct roads *roads;
	uint64_t rows_max;    /* of a case; 0: the default (judge_share.c) */
};

/* Returns 0 and sets *out, which the caller owns, or -ENOMEM. */
int judge_case_new(const struct judge_sources *sources, enum intake_window window,
		   uint64_t now_ns, struct judge_case **out);
/* NULL is allowed. */
void judge_case_free(struct judge_case *c);

/*
 * Once nobody will call judge_case_tuple() or judge_case_wants() any more: takes out what nothing
 * else needs, which is most of a case. Returns it as a case of its own, for judge_case_begin() or
 * judge_case_free(), which takes long, but may be called in any thread; or NULL: no memory.
 */
struct judge_case *judge_case_strip(struct judge_case *c);
/*
 * Begins the next window with what judge_case_strip() has returned. Rows, NICs, paths and links
 * that have not changed since cost little then. The result is that of a new case.
 */
void judge_case_begin(struct judge_case *c, enum intake_window window, uint64_t now_ns);

enum intake_window judge_case_window(const struct judge_case *c);

/*
 * Adds what the next host has reported. Returns 1 if there are more hosts, 0 if that was the last
 * one, or -ENOMEM.
 */
int judge_case_more(struct judge_case *c);

#define JUDGE_QUESTION_ID 32

/* Whether a culprit is healthy by this window, if it has this effect. Borrowed. */
struct judge_question {
	const char *id;               /* for judge_case_health() */
	const struct incident_culprit *culprit;
	enum incident_effect effect;
	double loss_ratio;
	bool explains;        /* it is an incident: what crosses its culprit needs no other one */
};

/* Asks that, after the last host was added. Returns 0 or -ENOMEM. */
int judge_case_ask(struct judge_case *c, const struct judge_question *question);

/*
 * Judges. Blocks as long as that takes; may run in another thread, alone with the case. Returns 0,
 * or what locate() returns.
 */
int judge_case_run(struct judge_case *c);

/* ---- after that ---- */

/* The findings; borrowed from the case. Suspects are left out. Returns how many there are. */
size_t judge_case_findings(const struct judge_case *c, const struct incidents_finding **out);
/* Writes what was found and suspected, and why, at the level debug. */
void judge_case_log(const struct judge_case *c);
/* How many streams of probes the case has seen. */
size_t judge_case_rows(const struct judge_case *c);

/* That a host is to probe, or to trace a 5-tuple. */
struct judge_want {
	const char *host;        /* borrowed from the case */
	bool trace;
	struct ask_tuple tuple;
	size_t finding;          /* its number; JUDGE_SUSPECT: there is only a suspicion */
};
#define JUDGE_SUSPECT SIZE_MAX

/* What would make findings and suspicions sure, or part their candidates. Returns how many. */
size_t judge_case_wants(const struct judge_case *c, const struct judge_want **out);
/* The probes of a 5-tuple. Returns false if none was reported. */
bool judge_case_tuple(const struct judge_case *c, const struct ask_tuple *tuple, uint64_t *sent,
		      uint64_t *lost);

/* The answer to judge_case_ask(); INCIDENTS_UNKNOWN if that was not asked. */
enum incidents_health judge_case_health(const struct judge_case *c, const char *id);

/* What was seen, for people. */
struct judge_case_stats {
	size_t hosts, nics, switches, links, paths, rows;
	size_t left_out;         /* rows, for lack of room */
	uint64_t probes, losses; /* that are evidence */
	size_t suspects;
	uint64_t run_ns;         /* processor time of judge_case_run() */
};
void judge_case_stats(const struct judge_case *c, struct judge_case_stats *out);

#endif

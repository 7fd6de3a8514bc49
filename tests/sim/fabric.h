/* SPDX-License-Identifier: Apache-2.0 */
/* Fabrics, what breaks in them, what agents count, and others' methods. See sim_fabric.c. */
#ifndef RPINGMESH_TESTS_SIM_FABRIC_H
#define RPINGMESH_TESTS_SIM_FABRIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "locate/locate.h"

#define FABRIC_NICS 256
#define FABRIC_SWITCHES 96
#define FABRIC_LINKS 4096
#define FABRIC_TUPLES 8192
#define FABRIC_HOPS 8
#define FABRIC_SHORT 20      /* seconds of the short window */
#define FABRIC_LONG 60       /* parts of the long one */
#define FABRIC_PART 5        /* seconds of such a part */
#define FABRIC_ANSWERS 64
#define FABRIC_TRUTHS 8

/* Random numbers of one seed. */
uint64_t fabric_random(uint64_t *state);
double fabric_uniform(uint64_t *state);
uint32_t fabric_below(uint64_t *state, uint32_t n);

/* ---- the fabric ---- */

enum fabric_shape {
	FABRIC_TWO_TIERS, FABRIC_THREE_TIERS, FABRIC_RAILS, FABRIC_UNEQUAL, FABRIC_ONE_TOR,
	FABRIC_TWO_NICS, FABRIC_SHAPES,
};
extern const char *const fabric_shape_names[FABRIC_SHAPES];

struct fabric_path {
	uint32_t link[FABRIC_HOPS];
	uint32_t n;
};

struct fabric {
	enum fabric_shape shape;
	struct locate_host hosts[FABRIC_NICS];
	struct locate_nic nics[FABRIC_NICS];
	struct locate_link links[FABRIC_LINKS];
	uint32_t rail[FABRIC_NICS], up[FABRIC_NICS], down[FABRIC_NICS]; /* links of a NIC */
	uint32_t n_hosts, n_nics, n_switches, n_links, n_tors;
	uint32_t width;         /* parallel paths of a ToR upwards */
	uint32_t between[FABRIC_SWITCHES][FABRIC_SWITCHES]; /* link, or LOCATE_NONE */
};

void fabric_build(struct fabric *f, enum fabric_shape shape);
/* One of the equal-cost paths, by chance. False if there is none. */
bool fabric_route(const struct fabric *f, uint32_t from, uint32_t to, uint64_t *random,
		  struct fabric_path *path);
bool fabric_is_fabric(const struct fabric *f, uint32_t link);

/* ---- what happens in it ---- */

enum fault_kind {
	FAULT_NONE, FAULT_LINK, FAULT_CABLE, FAULT_NIC, FAULT_NIC_OUT, FAULT_LEAF, FAULT_SPINE,
	FAULT_DEAD, FAULT_STALL, FAULT_CUT, FAULT_HOLE, FAULT_SOME, FAULT_SIZE, FAULT_DELAY,
	FAULT_CONGESTION, FAULT_FLAP, FAULT_TWO_LINKS, FAULT_MIXED, FAULT_EIGHT,
	FAULT_STOP, FAULT_KINDS,
};

struct fabric_cell {
	uint16_t sent, lost, arrived, half, slow;
};

struct fabric_tuple {
	uint32_t from, to;
	struct fabric_path there, back;           /* true */
	struct fabric_path told_there, told_back; /* as traced */
	bool unknown, fresh, hole;
	double rate, phase;
	uint32_t probes;
};

struct fabric_truth {
	enum locate_kind kind;
	uint32_t id;            /* LOCATE_TUPLES: the tuple */
};

struct fabric_options {
	double background, stalls, flagged, wrong, unknown, reports_lost, slow;
};

/* Sums over one window, and the evidence that locate() gets. */
struct fabric_window {
	struct fabric_cell *ring;
	uint32_t parts;
	struct locate_row *rows;
	uint64_t *lost;         /* by row: parts in which it has lost something */
	uint64_t *stalled;      /* by host: parts in which it says that it stalled */
	struct locate_host *hosts;
};

struct world {
	struct fabric f;
	struct fabric_options options;
	uint64_t random;
	struct fabric_tuple tuples[FABRIC_TUPLES];
	uint32_t n_tuples;
	struct locate_path *paths; /* four a tuple */
	double drop[FABRIC_LINKS], drop_large[FABRIC_LINKS], slow[FABRIC_LINKS];
	double flap[FABRIC_LINKS];
	bool dead[FABRIC_NICS], starved[FABRIC_NICS]; /* hosts */
	uint32_t silent[FABRIC_NICS]; /* seconds without a report */
	uint32_t stopped[FABRIC_NICS]; /* hosts: for so many seconds to come */
	bool stall[FABRIC_NICS], flagged[FABRIC_NICS], unreported[FABRIC_NICS];
	struct fabric_truth truth[FABRIC_TRUTHS];
	uint32_t n_truth;
	uint32_t second;
	struct fabric_window near, far;
	struct fabric_cell *now; /* of this second */
};

void world_new(struct world *w, enum fabric_shape shape, uint64_t seed,
	       const struct fabric_options *options);
void world_free(struct world *w);
/* False if this fabric has no such part. */
bool world_fault(struct world *w, enum fault_kind kind, double rate);
void world_second(struct world *w);
struct locate_evidence world_evidence(struct world *w, const struct fabric_window *window);
/* Traces and probes what was asked for. */
void world_ask(struct world *w, const struct locate_result *result);

/* ---- answers ---- */

struct fabric_answer {
	struct fabric_truth one[LOCATE_CANDIDATES];
	size_t n;
};

struct fabric_answers {
	struct fabric_answer all[FABRIC_ANSWERS];
	size_t n;
};

void fabric_say(struct fabric_answers *out, enum locate_kind kind, uint32_t id);

enum rival_kind { RIVAL_VOTES, RIVAL_007, RIVAL_NETBOUNCER, RIVAL_FIXED, RIVALS };
extern const char *const rival_names[RIVALS];
void rival(const struct locate_evidence *e, enum rival_kind which, struct fabric_answers *out);

/* Prints how long locate() takes for one window of a fabric with so many NICs. */
void fabric_large(uint32_t nics);

#endif

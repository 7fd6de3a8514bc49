/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share. locate_parts.c explains parts, locate_fit.c the search. */
#ifndef RPINGMESH_LOCATE_LOCATE_IMPL_H
#define RPINGMESH_LOCATE_LOCATE_IMPL_H

#include "locate/locate.h"

#define LOCATE_GRID 14       /* rates that are tried first */
#define LOCATE_BINS 64       /* of numbers of packets of rows without loss */
#define LOCATE_STRAY (1.0 / 8) /* probability that a path that is not known crosses a culprit */
#define LOCATE_MASKS 6       /* there, back, both ways; of a part that is certain or not */

/* On which of the ways of a row a part lies, and whether it does whatever the path is. */
enum { LOCATE_THERE = 1, LOCATE_WAY_BACK = 2, LOCATE_SURE = 4 };
#define LOCATE_WAYS (LOCATE_THERE | LOCATE_WAY_BACK)

/* The first number of each kind of part. */
struct locate_parts {
	uint32_t nic, nic_out, nic_in, host, responder, swtch, above, above_out, above_in;
	uint32_t link, cable, tuple, n;
};

/* A row in which something was lost (or slow), and what the current set says of it. */
struct locate_lossy {
	uint32_t row;
	double wrong;           /* probability that its path is not what it says */
	/* Logarithms of the survival on the two ways: as the path says, and of the certain parts */
	double there, back, sure_there, sure_back;
	double now;             /* log likelihood under the current set */
	/*
	 * What one part more would add to it, by its rate: stray, if the part is not certain and
	 * not on the path as told; more, if it is on it (if not certain, in addition to stray).
	 */
	float stray[LOCATE_GRID];
	float more[LOCATE_MASKS][LOCATE_GRID];
};

struct locate_pair {
	uint32_t lossy;
	uint8_t mask;
};

/* A part over which something was lost. */
struct locate_part {
	uint32_t part;
	enum locate_kind kind;
	uint32_t id;
	enum locate_direction direction;
	bool sure;              /* all rows that cross it do so whatever their path */
	double price;
	uint32_t first, n;      /* of the pairs */
	uint64_t losses;
	/* Rows without loss by packets over this part; packets of those that are certain. */
	uint32_t bins[LOCATE_BINS];
	double sure_packets;
};

struct locate_member {
	uint32_t part;          /* index of struct locate_part */
	double rate;
	bool some;              /* it takes all of some rows that cross it, and spares the others */
};

struct locate_work {
	const struct locate_evidence *evidence;
	struct locate_options options;
	bool slow;              /* probes that are slow, not lost ones */
	uint32_t sample;        /* one row of so many is looked at */
	bool *excused;          /* NICs whose rows are left out */
	uint32_t *nics_of;      /* number of NICs of each host */
	struct locate_parts parts;
	double price[LOCATE_UNKNOWN];
	uint32_t *slot;         /* by part: index in `part`, or LOCATE_NONE */
	uint64_t *losses_of;    /* by part, while parts are chosen */
	struct locate_part *part;
	struct locate_pair *pair;
	struct locate_lossy *lossy;
	size_t n_part, n_pair, n_lossy;
	struct locate_member set[LOCATE_FINDINGS];
	size_t n_set;
	size_t looks;           /* at all parts, that are left */
	uint32_t barred;        /* index of a part that may not come in */
	double background, background_ok; /* locate_set_background(); the log of its survival */
	double unexplained;     /* losses without a cause in the set, and what was known before */
	double worst;           /* the greatest rate of a member that is not certain */
	double stray[LOCATE_GRID]; /* sums of all lossy rows */
	/* Probability that a path that is wrong crosses a given part; rows without loss whose path
	 * may be wrong, by probes. */
	double odds, quiet_wrong[LOCATE_BINS];
	double packets;         /* of all rows */
	double quiet_losses;    /* slow probes in rows that count as quiet */
	uint64_t probes, losses;
};

/* What a row counts as: n tries, k of them lost (or slow). */
struct locate_count {
	uint32_t n, k;
};

struct locate_count locate_row_count(const struct locate_work *work, const struct locate_row *row);
bool locate_row_used(const struct locate_work *work, const struct locate_row *row);
/* Most rows with a loss, and times that all of them are looked at; both bound the time. */
#define LOCATE_LOSSY 4096
#define LOCATE_LOOKS 32768
/* How wrong its path may be; 0 if it crosses no link between switches, 1 if it is not known. */
double locate_row_wrong(const struct locate_work *work, const struct locate_row *row);

/* All parts that a row crosses, each once; once there are slots, those that have one. */
#define LOCATE_ROW_PARTS 512
struct locate_row_parts {
	const uint32_t *chosen;
	uint32_t part[LOCATE_ROW_PARTS];
	uint8_t mask[LOCATE_ROW_PARTS];
	size_t n;
};
void locate_parts_number(struct locate_work *work);
void locate_parts_of(const struct locate_work *work, uint32_t row, struct locate_row_parts *out);
/* Sets kind, id, direction, sure and price of a part. */
void locate_parts_describe(const struct locate_work *work, struct locate_part *part);

/* How probably a row that says so does not cross the part. */
double locate_parts_wrong(const struct locate_work *work, const struct locate_part *part);

/* Chooses lossy rows and parts. Returns 0 or -ENOMEM. */
int locate_gather(struct locate_work *work);
void locate_gather_free(struct locate_work *work);

/* locate_row.c: likelihood. */
void locate_set_background(struct locate_work *work, double background);
extern const double locate_grid[LOCATE_GRID];
/* One part more on the ways of mask, with this log survival. */
struct locate_more {
	unsigned int mask;
	bool sure;
	double ok;
};
double locate_row_loglik(const struct locate_work *work, const struct locate_lossy *lossy,
			 const struct locate_more *more);
/* Probability that a loss of this row has no cause in the set. */
double locate_row_unexplained(const struct locate_work *work, const struct locate_lossy *lossy);
/* Whether its losses are rather those of a culprit that its path, as told, does not cross. */
bool locate_row_is_stray(const struct locate_work *work, const struct locate_lossy *lossy);
void locate_row_fill(const struct locate_work *work, struct locate_lossy *lossy);
/* A row of n probes without loss crosses a part. */
void locate_quiet_add(const struct locate_work *work, struct locate_part *part, uint32_t n,
		      unsigned int mask);
/* A row of n probes without loss whose path may be wrong. */
void locate_quiet_wrong(struct locate_work *work, uint32_t n, double wrong);
/* What rows without loss say against strays over a culprit with this rate; ≤ 0. */
double locate_quiet_stray(const struct locate_work *work, double rate);
/* What rows without loss say of a part with this rate; ≤ 0. */
double locate_quiet(const struct locate_work *work, const struct locate_part *part, double rate);

/* locate_fit.c */
void locate_fit(struct locate_work *work);
/* Computes what the set says of all lossy rows; member `without` left out unless LOCATE_NONE. */
void locate_fit_apply(struct locate_work *work, size_t without);
/* Computes what one part more would add, for all lossy rows. */
void locate_fit_fill(struct locate_work *work);
/*
 * Net gain of a part on top of what has been applied and filled, and its best rate. Below `least`
 * it may be anything below.
 */
double locate_fit_score(const struct locate_work *work, const struct locate_part *part,
			double least, double *rate);
/* The same, but exact: from the rate that was found so, which is near enough. */
double locate_fit_exact(const struct locate_work *work, const struct locate_part *part,
			double *rate);

/* Net gain of a part as what takes all of some tuples; -INFINITY if there are no two such rows. */
double locate_fit_some(const struct locate_work *work, const struct locate_member *member);
/* See there; applied is the set without the member. */
double locate_fit_refund(const struct locate_work *work, const struct locate_member *member);

/* A member of the set and what could take its place, the likeliest first. */
#define LOCATE_GROUP (3 * LOCATE_CANDIDATES)
struct locate_chosen {
	uint32_t slot[LOCATE_GROUP];
	double rate[LOCATE_GROUP], net[LOCATE_GROUP];
	size_t n;
};

/* locate_group.c: the findings of the set, to the end of the result. Returns 0 or -ENOMEM. */
int locate_group(struct locate_work *work, struct locate_result *result);
/* locate_survey.c: probes, effect and asks of n findings. Returns 0 or -ENOMEM. */
int locate_survey(const struct locate_work *work, struct locate_finding *findings,
		  const struct locate_chosen *groups, size_t n);

#endif

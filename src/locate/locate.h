/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is to blame: what all agents have counted in one window in, culprits out. Pure: no input or
 * output, no clock, no state between calls. The same evidence gives the same result.
 *
 * Method. Each row (one 5-tuple over the window) has a probability of each outcome, which follows
 * from the loss rates of what its packets cross, and from a background rate of all paths. A set of
 * hypotheses with fitted rates is grown greedily: the one that adds most to the log likelihood
 * comes in, all rates are fitted again, and what is no longer needed goes out. A hypothesis must
 * pay for itself: its gain counts less the logarithm of how many of its kind there are (`net`).
 * So, if the model holds, the probability that a window without any fault has a culprit of a net
 * gain of x or more falls as exp(-x).
 *
 * The direction is evidence. An answered probe of which one ACK is missing, and a lost one that
 * the peer has received, were lost on the way back. A lost one that the peer has not received was
 * lost on the way there.
 *
 * Paths may be wrong. Any row has some probability that it took another path than it says, so that
 * no single row condemns or acquits much, and losses of a row that was traced wrongly do not need a
 * culprit of their own beside the true one. NICs and hosts of a row are certain. A single tuple is
 * at most a suspect before its path has been traced anew (LOCATE_PATH_FRESH).
 *
 * What is no fault of the network comes out first: rows of hosts and NICs with flags are left out
 * and counted in `excused`.
 *
 * Everything is an index: NICs, hosts, switches, links, paths and rows are numbered from 0 in the
 * arrays of the evidence. LOCATE_NONE stands for none or unknown.
 */
#ifndef RPINGMESH_LOCATE_LOCATE_H
#define RPINGMESH_LOCATE_LOCATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOCATE_NONE UINT32_MAX

/* Why a host or NIC is no evidence about the network, in the order in which it is told. */
enum locate_excuse {
	LOCATE_GONE = 1,        /* host: it has left, or its agent has */
	LOCATE_RESTARTED = 2,   /* host: its agent began anew within the window */
	LOCATE_STALLED = 4,     /* host: it says that it has stalled */
	LOCATE_THROTTLED = 8,   /* host: it says that it does not measure as it should */
	LOCATE_LOCAL_ERROR = 16, /* NIC: its port is down, or sends fail locally */
};

struct locate_host {
	unsigned int excuses;   /* enum locate_excuse */
	bool silent;            /* more reports are missing than get lost: rather it than its NIC */
	/*
	 * So many seconds ago ended what its last report is about, which says that it has not
	 * stalled; LOCATE_NONE: it has said nothing. Only with locate_row.lost_due.
	 */
	uint32_t said;
};

struct locate_nic {
	uint32_t host;
	uint32_t tor;           /* the switch that it is connected to, if known */
	unsigned int excuses;
};

/* A directed link. One end may be a NIC: such a link counts as the NIC with its cable. */
struct locate_link {
	uint32_t from, to;      /* switches; LOCATE_NONE where the NIC is */
	uint32_t nic;           /* LOCATE_NONE between switches */
	uint32_t reverse;       /* the same cable, other way; LOCATE_NONE if not known */
};

enum locate_path_flag {
	LOCATE_PATH_COMPLETE = 1, /* every hop answered; else `links` are those that are known */
	LOCATE_PATH_STABLE = 2,   /* it did not change within the window */
	LOCATE_PATH_FRESH = 4,    /* traced since the row began to lose, with the same result */
};

/* The links between the two NICs in order; those to and from the NICs may be left out. */
struct locate_path {
	const uint32_t *links;
	uint32_t n_links;
	unsigned int flags;
};

/*
 * One stream of probes. `sent` has only probes whose fate is known and that are evidence: not what
 * was marked as host noise, not local errors, not what a restarted peer has forgotten. Of these,
 * `lost` had no answer; `half` had one of the two ACKs. A row without a loss may be left out only
 * if it has no probe.
 */
struct locate_row {
	uint32_t from, to;      /* NICs */
	uint32_t there, back;   /* paths; LOCATE_NONE: unknown */
	uint32_t tuple;         /* below n_rows: rows of one 5-tuple (of other sizes) share it */
	uint32_t sent;
	uint32_t lost;
	uint32_t arrived;       /* of `lost`: the peer has received them, for certain */
	uint32_t half;
	uint32_t slow;          /* of sent - lost: slower than the usual of this tuple */
	bool heard;             /* the peer's count is known: lost - arrived never got there */
	bool large;             /* of the large size class */
	/*
	 * In which parts of the window losses (or slow probes) lie: bit i for part i of up to 64
	 * of equal length, a second if possible. 0: not known, which proves nothing.
	 */
	uint64_t lost_when, slow_when;
	/*
	 * The same of losses by the second, if all their times are known: bit i for the second
	 * that began i seconds before that of now. 0: not known.
	 */
	uint32_t lost_due;
};

/* All is borrowed during locate(). */
struct locate_evidence {
	const struct locate_host *hosts;
	const struct locate_nic *nics;
	const struct locate_link *links;
	const struct locate_path *paths;
	const struct locate_row *rows;
	size_t n_hosts, n_nics, n_switches, n_links, n_paths, n_rows;
};

struct locate_options {
	double wrong;           /* probability that a path is wrong; 0: the default, 0.05 */
	double suspect, finding; /* least net gain; 0: the defaults */
	double delta;           /* how far behind the likeliest a candidate may be; 0: default */
};

/* LOCATE_FINDING: see locate.c. */
#define LOCATE_WRONG 0.05
#define LOCATE_SUSPECT 5.0
#define LOCATE_FINDING 12.0
#define LOCATE_DELTA 3.0
#define LOCATE_CANDIDATES 16 /* at most, of one finding */
#define LOCATE_ASKS 16       /* at most, of one finding */
#define LOCATE_FINDINGS 64   /* at most, of one result and effect */

enum locate_kind {
	LOCATE_NIC,     /* with its cable and the port of its switch; id: NIC */
	LOCATE_LINK,    /* one direction; id: link */
	LOCATE_CABLE,   /* a link, both ways; id: the lower of its two links */
	LOCATE_SWITCH,  /* id: switch */
	LOCATE_HOST,    /* id: host */
	LOCATE_TUPLES,  /* a single 5-tuple; id: one of its rows */
	LOCATE_ABOVE,   /* above this ToR: all its uplinks, or paths are unknown; id: switch */
	LOCATE_UNKNOWN, /* a finding whose candidates are of several kinds */
};

enum locate_direction {
	LOCATE_BOTH,
	LOCATE_FORTH,   /* NIC: outgoing. Link: this direction only. Tuple: on the way there */
	LOCATE_BACK,    /* NIC: incoming. Host: it does not answer. Tuple: on the way back */
	LOCATE_EITHER,  /* the evidence does not part one way from both */
};

enum locate_effect {
	LOCATE_LOSS,
	LOCATE_SIZE,    /* only large packets are lost */
	LOCATE_DELAY,
};

struct locate_candidate {
	enum locate_kind kind;
	uint32_t id;
	enum locate_direction direction;
	double rate;    /* fitted: of its packets; LOCATE_DELAY: of the probes that cross it */
	double behind;  /* log likelihood, penalties included, that it is behind the first; ≥ 0 */
};

/* A 5-tuple whose probing (or tracing) would part the candidates or prove the suspicion. */
struct locate_ask {
	uint32_t row;           /* probe this tuple more often; LOCATE_NONE: a new tuple */
	uint32_t from, to;      /* NICs */
	bool retrace;           /* trace its paths, both ways, anew */
};

struct locate_finding {
	enum locate_kind kind;
	enum locate_effect effect;
	bool suspect;           /* not (yet) a finding: say so, do not alarm */
	/*
	 * It was over after a moment: the losses of a host, NIC or switch (or slow probes) do not
	 * go on beside the two parts of the window that have most of them, those of a link or a
	 * tuple not beside one. A host may have stalled, a link had a burst. It explains these
	 * losses, but is a suspect. Seconds are such parts, too (lost_due), but a host or NIC is
	 * accused by those only of which the host has said that it did not stall in them. What
	 * several findings say of one host and its NICs is looked at together.
	 */
	bool brief;
	bool some_tuples;       /* it loses all of some tuples and nothing of others */
	double gain;            /* log likelihood ratio against its absence */
	double net;             /* gain less the price of its kind */
	double rate;            /* of the first candidate */
	uint64_t losses;        /* (or slow probes) that it explains, of `probes` that cross it */
	uint64_t probes;
	struct locate_candidate candidates[LOCATE_CANDIDATES]; /* the likeliest first */
	size_t n_candidates;
	struct locate_ask asks[LOCATE_ASKS];
	size_t n_asks;
};

/* What was left out because of a host or NIC, if it would have been a loss. */
struct locate_excused {
	bool is_host;           /* else a NIC */
	uint32_t id;
	unsigned int excuses;
	uint64_t losses, probes;
};

struct locate_result {
	struct locate_finding *findings; /* the greatest net gain first; each effect by itself */
	size_t n_findings;
	struct locate_excused *excused;  /* hosts first, then NICs, by index */
	size_t n_excused;
	double background;               /* fitted: loss of a packet that nothing explains */
	double background_slow;          /* fitted: probes that are slow without a culprit */
	uint64_t probes, losses;         /* that are evidence; a half-answered probe is a loss */
	uint64_t unexplained;            /* losses of which no culprit is the likely cause */
};

/*
 * Finds the culprits. options may be NULL. Returns 0 and sets *out, which the caller frees with
 * locate_free(); -EINVAL if an index is out of range or counts contradict each other (arrived >
 * lost, lost + half > sent, slow > sent - lost); -ENOMEM. Takes time proportional to rows and
 * their links, and to the number of culprits; does not block. If more than 4096 rows have a loss,
 * a sample of the rows is looked at, which bounds the time.
 */
int locate(const struct locate_evidence *evidence, const struct locate_options *options,
	   struct locate_result **out);
/* NULL is allowed. */
void locate_free(struct locate_result *result);

const char *locate_kind_name(enum locate_kind kind);
const char *locate_direction_name(enum locate_direction direction);
const char *locate_effect_name(enum locate_effect effect);

#endif

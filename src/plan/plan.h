/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom each port of a cluster probes: the registry of hosts in, a list of targets for each host
 * out. Pure: no input or output, no clock. Planners that know the same hosts and options in the
 * same hour make the same lists, byte for byte, in whatever order they learned of them.
 *
 * ToR mesh. Each port probes all others under its ToR, PLAN_TOR_RATE probes a second in all. Under
 * a ToR with more than PLAN_MESH ports, the ports are divided into groups of at most about so many,
 * and each probes its own group only; coverage says so.
 *
 * Fabric. For each ToR with N parallel paths upwards, at least k tuples leave it and at least k
 * arrive, where k is the smallest number that covers all N with probability 0.99 if each tuple
 * falls on a path at random (coupon.h). Together they send PLAN_LINK_RATE probes a second for each
 * path, in either direction, so on average each link carries that rate. A ToR that is paired with
 * another probes it and is probed by it. If there are too many ToRs to be paired with all at once,
 * each pair takes its turn of PLAN_TURN hours; within plan_coverage.hours all pairs have had one.
 * Every hour a fifth of the tuples makes room for others.
 *
 * Never: two ports of one host, two address families, a host that is gone or drained, two rails if
 * rails are isolated, in the fabric two ports that share a ToR. No list asks for more probes than
 * the budget of the port allows, and all lists together do not ask more answers of a port than its
 * budget allows. If a budget is too small, probes become rarer first (by powers of two) and
 * then tuples are left out. Coverage says what is reached.
 *
 * Stable. Choices are by rendezvous hashing: if a host comes or goes under a ToR that has others,
 * then lists change under its ToRs, on those few hosts that are to probe it, or did, and on fewer
 * still that make room, as no port is to have much more than its even share: they probe other
 * ports under its ToRs. Only when a ToR comes or goes may all hosts that are paired with it get a
 * new list.
 *
 * The hash has a fixed key. Somebody who chooses names can attract or avoid tuples; budgets and the
 * rules above hold nevertheless.
 */
#ifndef RPINGMESH_PLAN_PLAN_H
#define RPINGMESH_PLAN_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"

#define PLAN_TOR_RATE 10    /* probes a second of a port in its ToR mesh */
#define PLAN_LINK_RATE 10   /* probes a second for each path of a ToR, in each direction */
#define PLAN_PROBABILITY 0.99
#define PLAN_TURN 5         /* hours */
#define PLAN_MESH 256       /* ports that probe each other under one ToR */
#define PLAN_LABELS 4       /* tuples of one target */
#define PLAN_INTERVAL_MAX_US 3600000000ull /* nothing is probed more rarely */
#define PLAN_CLASSES 8
/* What a port may have. plan_put() refuses more. */
#define PLAN_ADDRESSES 16
#define PLAN_TORS 8
#define PLAN_PORTS 64       /* of a host */
#define PLAN_PLACES 512     /* addresses of a host, each counted for each of its port's ToRs */

struct plan;

struct plan_options {
	unsigned int paths;     /* parallel paths of a ToR upwards if none have been seen, from 1 */
	/*
	 * How many parallel paths of `tor` have been seen upwards on the way to `other`; 0: not
	 * known. May be NULL. If an answer changes, call plan_paths_changed().
	 */
	unsigned int (*paths_seen)(void *arg, const char *tor, const char *other);
	void *arg;
	bool rails_isolated;    /* ports of different rails cannot reach each other */
	unsigned int n_classes; /* of `classes`; 0: traffic class 0 */
	uint8_t classes[PLAN_CLASSES];
};

/* All strings and arrays are borrowed during plan_put() only. */
struct plan_port {
	const char *device;
	unsigned int port;
	const struct addr *addresses;
	size_t n_addresses;
	const char *const *tors;  /* several: a bond over two switches, or planes */
	size_t n_tors;
	const char *rail;         /* "" if it has none */
	/*
	 * Probes a second that it may send, and answer, in all. The plan takes no more; it should
	 * not be given what services and pings need.
	 */
	uint32_t budget_out, budget_in;
	/* Source ports that it has; 0: any, by flow label. Else which they are is not known. */
	uint32_t source_ports;
};

struct plan_host {
	const char *name;
	const struct plan_port *ports;
	size_t n_ports;
	uint64_t drained_until_s; /* wall time; it takes no part before. 0: not drained */
};

/* Returns 0 and sets *out, which the caller owns; -EINVAL if an option is out of range; -ENOMEM. */
int plan_new(const struct plan_options *options, struct plan **out);
/* NULL is allowed. */
void plan_free(struct plan *plan);

/*
 * Adds a host, or replaces all that is known of it. It counts from the next plan_run(). Returns 0,
 * -EINVAL if it has too much of something, no name, or two ports of one name, -E2BIG if it would
 * have more than PLAN_PLACES, because the work of a run grows with their square; -ENOMEM.
 */
int plan_put(struct plan *plan, const struct plan_host *host);
/* Removes a host; an unknown one is ignored. */
void plan_remove(struct plan *plan, const char *host);
/* An answer of options.paths_seen has changed. */
void plan_paths_changed(struct plan *plan);

/*
 * Brings all lists up to date. Calls `changed` for each host whose list is not what it was after
 * the last run, in the order of names; it may call plan_list(), but must not change the plan.
 * Returns 0; or -ENOMEM, then the lists are incomplete until a later run returns 0.
 */
int plan_run(struct plan *plan, uint64_t now_s, void (*changed)(void *arg, const char *host),
	     void *arg);

/*
 * The same in steps: plan_begin() makes the plan, and each call of plan_next() compares the list of
 * one host. Before it has returned false, which it does when there are no more, the plan must not
 * be changed. plan_begin() returns 0 or -ENOMEM; then there is nothing to compare.
 */
int plan_begin(struct plan *plan, uint64_t now_s);
bool plan_next(struct plan *plan, void (*changed)(void *arg, const char *host), void *arg);

enum plan_kind { PLAN_TOR, PLAN_FABRIC };

/* Who probes. */
struct plan_source {
	const char *device;
	unsigned int port;
	const struct addr *address;
};

struct plan_target {
	const struct addr *address;
	const char *host, *device;
	unsigned int port;
	const char *tor;          /* that it is probed under, PLAN_FABRIC: of the target */
	const char *rail;
	enum plan_kind kind;
	uint8_t traffic_class;
	unsigned int tuples;      /* 1 to PLAN_LABELS */
	unsigned int n_labels;    /* 0: any `tuples` source ports that the port has */
	uint32_t labels[PLAN_LABELS]; /* flow labels, whose source ports differ */
	uint64_t interval_us;     /* between two probes of one tuple */
};

typedef void plan_target_fn(void *arg, const struct plan_source *, const struct plan_target *);

/*
 * Calls `each` for all targets of a host, always in the same order. What it gets is borrowed until
 * it returns. Returns the generation of the list: a hash of all that `each` gets. The list of an
 * unknown host is empty.
 */
uint64_t plan_list(const struct plan *plan, const char *host, plan_target_fn *each, void *arg);
/* A hash of all hosts and their generations. */
uint64_t plan_digest(const struct plan *plan);

/* Why a ToR is covered less than the rules above want. */
enum plan_cap {
	PLAN_CAP_RATE = 1,         /* budgets: probes are rarer, see `rate` */
	PLAN_CAP_BUDGET_OUT = 2,   /* no port under it may send more: tuples were left out */
	PLAN_CAP_BUDGET_IN = 4,    /* a partner could not answer more: the same */
	PLAN_CAP_SOURCE_PORTS = 8, /* a port has too few source ports: the same */
	PLAN_CAP_NO_PORT = 16,     /* all ports there are of one host or share a ToR: the same */
	PLAN_CAP_MESH = 32,        /* the ToR mesh is divided into groups */
};

/* One ToR, for each of its address families and, if they are isolated, its rails. */
struct plan_coverage {
	const char *tor, *rail;   /* rail: "" if rails are not isolated */
	bool v6;
	size_t ports;             /* addresses that take part */
	unsigned int paths;       /* N */
	unsigned int wanted;      /* k */
	unsigned int partners;    /* ToRs that it is paired with now */
	unsigned int others;      /* ToRs that it could be paired with */
	unsigned int hours;       /* within which it is paired with each; 0: it is with all now */
	unsigned int out, in;     /* tuples from it and to it */
	double all_out, all_in;   /* probability that these cover all N paths */
	double share_out, share_in; /* of the N paths that these cover on average */
	double rate_out, rate_in; /* probes a second of a path, on average */
	uint64_t mesh_interval_us; /* of two ports under this ToR, the longest; 0: no pair */
	unsigned int capped;      /* enum plan_cap */
};

/* A ToR pair in one direction. */
struct plan_coverage_pair {
	const char *tor, *other, *rail;
	bool v6;
	unsigned int paths, tuples;
	double share;             /* of the paths that these cover on average */
	double rate;              /* probes a second of all these tuples */
	unsigned int capped;
};

void plan_coverage(const struct plan *plan,
		   void (*each)(void *arg, const struct plan_coverage *coverage), void *arg);
void plan_coverage_pairs(const struct plan *plan,
			 void (*each)(void *arg, const struct plan_coverage_pair *pair), void *arg);

enum plan_problem_kind {
	PLAN_DUPLICATE, /* `holder` has the address, too, and keeps it */
	PLAN_UNUSABLE,  /* an address that nobody can probe: zero, or link-local */
	PLAN_NO_TOR,    /* the port has no ToR, so it takes no part */
	PLAN_NO_ADDRESS,
};

struct plan_problem {
	enum plan_problem_kind kind;
	const char *host, *device;
	unsigned int port;
	const struct addr *address;  /* NULL if the problem is the port's */
	const char *holder, *holder_device; /* PLAN_DUPLICATE */
};

/* In the order of hosts, ports and addresses. */
void plan_problems(const struct plan *plan,
		   void (*each)(void *arg, const struct plan_problem *problem), void *arg);

#endif

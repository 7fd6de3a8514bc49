/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a case, for the files of this folder. */
#ifndef RPINGMESH_CENTRAL_JUDGE_JUDGE_CASE_IMPL_H
#define RPINGMESH_CENTRAL_JUDGE_JUDGE_CASE_IMPL_H

#include "central/judge/judge_case.h"
#include "central/intake/intake.h"
#include "central/judge/judge_index.h"
#include "core/addr.h"
#include "locate/locate.h"
#include "record/registration.h"

struct judge_host {
	char name[REGISTRATION_HOST];
	bool clock_known;
	int64_t clock_off_ns;
	uint64_t reported_ns; /* its last report; 0: none, or it is no witness that it is well */
	uint64_t id;          /* in the registry */
	uint32_t first_nic;
	size_t first_row, n_rows, left_out;
	/* what the rows were made of: */
	uint64_t serial;      /* of the host's reports; 0: there are no rows */
	uint64_t roads;       /* roads_changed() */
	size_t nics;          /* how many there were */
	bool vague;           /* where a path of them leads is no matter of roads_changed() alone */
	bool strangers;       /* to or from no NIC that is known; they are left out */
};

struct judge_nic {
	char device[REGISTRATION_DEVICE];
	uint8_t port;
	uint8_t n_addrs;
	uint32_t src_ports; /* that it can have; 0: any */
	uint32_t tor;       /* as the host says; LOCATE_NONE: it does not */
	struct addr addrs[REGISTRATION_ADDRS_MAX];
};

struct judge_switch {
	char name[REGISTRATION_NAME];
	uint8_t n_addrs;
	bool named; /* paths know it by more than an address */
	struct addr addrs[INCIDENT_ADDRS_MAX];
};

struct judge_link {
	struct addr from, to;
};

/* The key of a 5-tuple. */
struct judge_tuple {
	struct addr source, destination;
	uint32_t ports; /* the source port, and the traffic class in the lowest byte */
};

/* A row's own things that locate() does not need. */
struct judge_row {
	uint32_t place; /* in the reports of its host */
	uint16_t src_port, back_port;
	uint8_t traffic_class;
	struct addr source, destination;
	uint32_t job; /* JUDGE_NONE: none */
	uint32_t tuple; /* the first row of this 5-tuple: the other ones are of other sizes */
	uint64_t extra_ns;  /* that slow answers take longer; 0: unknown, or none is slow */
	uint64_t losing_ns; /* that it loses since, CLOCK_MONOTONIC; 0: it does not */
	uint32_t other; /* probes that are no evidence, but may have arrived */
	bool burst;     /* central has asked for them, for a while */
};

struct judge_ask {
	char id[JUDGE_QUESTION_ID];
	enum incident_effect effect;
	double loss_ratio;
	bool explains;        /* it is an incident, not what a longer window has found */
	enum locate_kind kind;
	uint32_t what;        /* its id; JUDGE_NONE: it is not in this window */
	enum incidents_health health;
};

/* A growing array: `n` elements of `at`, and room for `room`. */
#define JUDGE_ARRAY(type, name) \
	type *name; \
	size_t n_##name, room_##name

struct judge_case {
	struct judge_sources sources;
	enum intake_window window;
	uint64_t now_ns;
	uint64_t wall_ns;     /* the wall clock at now_ns */
	/* collecting */
	uint64_t after;       /* the last host of the registry, */
	uint32_t at;          /* and how many there were; they may be known already */
	size_t next;          /* of `hosts`, whose rows are to be added; */
	bool registered;      /* when all hosts are there */
	uint32_t one_of;      /* so many 5-tuples is taken; 1: all */
	bool doubles;         /* two NICs have one address */
	int failed;           /* -errno inside a callback */
	struct judge_index hosts_by_name, nics_by_addr, nics_by_name, switches_by_name;
	struct judge_index links_by_addrs, jobs_by_name;
	/* of the host whose rows are added: the first row of each 5-tuple, by its hash */
	JUDGE_ARRAY(uint32_t, slots); /* JUDGE_NONE: free; a power of two */
	/* links by their ids in roads, plus 1; as long as these stay */
	JUDGE_ARRAY(uint32_t, by_id);
	uint64_t forgotten;
	uint64_t renamed;     /* roads_renamed() of what the links are named by */
	size_t buried;        /* rows that are there no more */
	JUDGE_ARRAY(struct judge_host, hosts);
	JUDGE_ARRAY(struct judge_nic, nics);
	JUDGE_ARRAY(struct judge_switch, switches);
	JUDGE_ARRAY(struct judge_link, links);
	JUDGE_ARRAY(struct judge_row, rows);
	JUDGE_ARRAY(struct incident_job, jobs);
	/* of locate, with the same numbers */
	size_t room_lhosts, room_lnics, room_llinks, room_lrows, room_clean, room_sums;
	unsigned char *clean;                   /* rows that have nothing but `sent` */
	uint32_t *sums;                         /* of the rows of one host */
	JUDGE_ARRAY(uint32_t, fresh);           /* paths with LOCATE_PATH_FRESH */
	struct locate_host *lhosts;
	struct locate_nic *lnics;
	struct locate_link *llinks;
	struct locate_row *lrows;
	JUDGE_ARRAY(struct locate_path, paths); /* `links` is set by judge_case_run() */
	JUDGE_ARRAY(size_t, firsts);            /* of each path: its first one of: */
	JUDGE_ARRAY(uint32_t, steps);
	/* judge_join.c: for each link, which one stands for it; and links and steps before that */
	JUDGE_ARRAY(uint32_t, chosen);
	size_t n_joined, n_linked;              /* steps that are joined, paths that have `links` */
	size_t room_unjoined, room_unjoined_steps;
	struct locate_link *unjoined;
	uint32_t *unjoined_steps;
	size_t room_uses, room_used;
	uint32_t *uses;       /* of each link: steps of rows that are there */
	unsigned char *used;  /* whether it had any when links were joined */
	bool renewed;         /* a link of before has other ends now */
	const uint32_t *linked;                 /* `steps` of these paths */
	/* results */
	JUDGE_ARRAY(struct judge_ask, asks);
	struct locate_result *result;
	struct incidents_finding *findings;
	size_t *found_in;     /* of each: its index in `result` */
	size_t n_findings;
	JUDGE_ARRAY(struct judge_want, wants);
	uint64_t random;      /* state of what chooses new tuples */
	struct judge_case_stats stats;
};

#define JUDGE_ROOM(c, name) \
	judge_room((void **)&(c)->name, &(c)->room_##name, (c)->n_##name, sizeof(*(c)->name))
#define JUDGE_LROOM(c, name, n) \
	judge_room((void **)&(c)->name, &(c)->room_##name, n, sizeof(*(c)->name))

struct roads_tuple;
struct roads_way_links;

/* judge_case.c: another link may have got an id since the last host. */
void judge_check_ids(struct judge_case *c);
/* The number of a path; LOCATE_NONE: it is not known. */
uint32_t judge_add_path(struct judge_case *c, const struct roads_way_links *path);
/* The row with this path is there no more; LOCATE_NONE is allowed. */
void judge_drop_path(struct judge_case *c, uint32_t path);
/* The path of a tuple from the NIC may hold for what is lost since `losing_ns`. */
void judge_add_fresh(struct judge_case *c, uint32_t path, const struct roads_tuple *tuple,
		     uint32_t nic, uint64_t losing_ns);

/* judge_rows.c: the rows of the next host; NULL: it has not reported. Returns 0 or -ENOMEM. */
int judge_take_rows(struct judge_case *c, const struct intake_host *reports);
/* Whether a row has had any probes in this window. */
static inline bool
judge_has_probes(const struct judge_case *c, size_t row)
{
	return c->lrows[row].sent || c->rows[row].other;
}

/*
 * judge_join.c: joins the links that are one cable, in steps, asks and `reverse`, once all are
 * there. Returns 0 or -ENOMEM.
 */
int judge_join(struct judge_case *c);
/* The evidence; paths are complete. */
void judge_case_evidence(const struct judge_case *c, struct locate_evidence *out);
/* The first row of a 5-tuple, or JUDGE_NONE. */
uint32_t judge_find_row(const struct judge_case *c, const struct judge_tuple *tuple);
/* Whether the row crosses the candidate; on the way of the probes, or of what answers them. */
bool judge_case_crosses(const struct judge_case *c, size_t row, enum locate_kind kind, uint32_t id);

/* The same, but not by the way of the ACKs, which is not that of a flow that is probed. */
bool judge_case_leads(const struct judge_case *c, size_t row, enum locate_kind kind, uint32_t id);

/*
 * judge_heard.c: asks the peers of `n` rows from `first` on, which are all of one host, in the
 * window INTAKE_MIDDLE. Returns 0 or -ENOMEM.
 */
int judge_hear_peers(struct judge_case *c, size_t first, size_t n);

/* judge_unreachable.c: how many of the unreachable probes of a row are lost. */
uint32_t judge_unreachable(const struct judge_case *c, const struct intake_row *row, uint32_t from,
			   uint32_t to);

/* judge_share.c: which rows there is room for: chooses the share; whether a stream is in it. */
void judge_share_begin(struct judge_case *c);
bool judge_share_has(struct judge_case *c, const struct report_stream *s);

/* judge_find.c: makes findings of the result. Returns 0 or -ENOMEM. */
int judge_find(struct judge_case *c);
void judge_find_free(struct judge_case *c);
/* judge_want.c: what to ask for the result. Returns 0 or -ENOMEM. */
int judge_want(struct judge_case *c);
/* Finds the candidate that a culprit was made of. Returns false if it is not in this case. */
bool judge_find_back(const struct judge_case *c, const struct incident_culprit *culprit,
		     enum locate_kind *kind, uint32_t *id);

#endif

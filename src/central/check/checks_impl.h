/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a check, for the files of this folder. */
#ifndef RPINGMESH_CENTRAL_CHECK_CHECKS_IMPL_H
#define RPINGMESH_CENTRAL_CHECK_CHECKS_IMPL_H

#include "central/check/checks.h"
#include "core/addr.h"
#include "core/clock.h"
#include "record/registration.h"

struct intake_host;

/*
 * So long a check waits for reports of hosts, before it begins. A host that reports at all does so
 * more often (report_s is 15 at most).
 */
#define CHECK_WAIT_NS (17 * NSEC_PER_SEC)

struct check_member {
	char asked[REGISTRATION_HOST];       /* the name, as it was asked for */
	char name[REGISTRATION_HOST];        /* of the host */
	const struct registration *ports;    /* while the check is made; NULL: it takes no part */
	size_t first, n;                     /* of its tuples */
	bool any_port;                       /* it cannot choose the source port */
	bool read;                           /* once at least */
	uint64_t reports;                    /* of the host, when it was read last */
	bool old;                            /* it probed some of its 5-tuples before */
	bool ready;                          /* what it reports from now on is no older than the
						check */
	uint64_t sent;                       /* all of it, once the check is done */
	char error[CHECKS_ERROR];            /* "": none */
};

struct check_sum {
	uint32_t sent, answered, noise;
	uint64_t rtt_us;
};

/* What rows have counted. */
struct check_seen {
	struct check_sum now;                /* all that there is */
	struct check_sum base;               /* what of it does not count */
	struct check_sum best;               /* the most that has counted so far */
};

enum check_by {
	CHECK_PLANNED, /* rows with the source port that was asked for */
	CHECK_OTHER,   /* those with another one, or of which it is unknown */
	CHECK_BY_N
};

struct check_tuple {
	struct addr source, destination;
	uint16_t src_port;
	uint32_t to;                         /* the member */
	uint32_t round;
	struct check_seen seen[CHECK_BY_N];
};

struct check {
	struct check *next;
	uint64_t id;
	uint32_t count;
	uint8_t traffic_class;
	uint64_t interval_ns, round_ns;
	uint32_t rounds, begun;              /* in all; that have been asked for */
	/* CLOCK_MONOTONIC: it was made; the first round is due; it is over then at the latest. */
	uint64_t made_ns, began_ns, end_ns;
	uint64_t lasts_ns;                   /* from began_ns on, at most */
	uint64_t sweep_ns;                   /* when the sweep began */
	size_t sweep_at;                     /* the member that is next */
	bool based;                          /* rounds may begin */
	bool done;
	size_t n_members, n_tuples;
	struct check_tuple *tuples;          /* by member, then source, then destination */
	struct check_member members[];
};

/*
 * Makes the tuples and rounds of the members that take part. Returns 0, or -EINVAL with a reason,
 * or -ENOMEM.
 */
int check_plan(struct check *check, uint64_t random, char error[CHECKS_ERROR]);

/*
 * Reads what a member has reported, unless it has reported nothing since it was read last. NULL: it
 * has never reported. Returns whether it had to read.
 */
bool check_read(struct check *check, size_t member, const struct intake_host *host,
		uint64_t now_ns);
/* All have been read. Whether rounds may begin: nothing that was sent before the check counts. */
bool check_is_ready(const struct check *check, uint64_t now_ns);
/* Whether all has come that was wanted. */
bool check_has_all(const struct check *check, uint64_t now_ns);
/* Says of those who have not reported all that was wanted that they have not. */
void check_finish(struct check *check);

#endif

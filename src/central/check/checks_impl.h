/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a check, for the files of this folder. */
#ifndef RPINGMESH_CENTRAL_CHECK_CHECKS_IMPL_H
#define RPINGMESH_CENTRAL_CHECK_CHECKS_IMPL_H

#include "central/check/checks.h"
#include "core/addr.h"
#include "record/registration.h"

struct intake_host;
struct registry_host;

#define CHECK_NONE SIZE_MAX

struct check_member {
	char asked[REGISTRATION_HOST];       /* the name, as it was asked for */
	char name[REGISTRATION_HOST];        /* of the host */
	const struct registration *ports;    /* while the check is made; NULL: it takes no part */
	size_t first, n;                     /* of its tuples */
	bool any_port;                       /* it cannot choose the source port */
	char error[CHECKS_ERROR];            /* "": none */
};

struct check_tuple {
	struct addr source, destination;
	uint16_t src_port;
	uint32_t to;                         /* the member */
	uint32_t round;
	struct check_counts base;            /* what there was before, of the same 5-tuple */
	struct check_counts now, best;       /* of this sweep; of the one that has seen the most */
	uint64_t base_rtt_us, now_rtt_us, rtt_us; /* sums, of the same */
};

struct check {
	struct check *next;
	uint64_t id;
	uint32_t count;
	uint8_t traffic_class;
	uint64_t interval_ns, round_ns;
	uint32_t rounds, begun;              /* in all; that have been asked for */
	uint64_t began_ns, end_ns;           /* CLOCK_MONOTONIC; it is over then at the latest */
	uint64_t sweep_ns;                   /* when the sweep began */
	size_t sweep_at;                     /* the member that is next */
	bool based;                          /* the sweep before the first round is over */
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

/* Reads what a member has reported; before the first round, what does not count. NULL: nothing. */
void check_read(struct check *check, size_t member, const struct intake_host *host,
		uint64_t now_ns);
/* Whether all has come that was wanted. */
bool check_has_all(const struct check *check);
/* Says of those who have reported nothing that they have not. */
void check_finish(struct check *check);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One trace: which TTL to send next, and what the answers mean. Pure; all times are of
 * CLOCK_MONOTONIC.
 *
 * Rounds: at first all TTLs are sent, later those that are not answered. A router that answers each
 * host once a second is heard by the third round. An answer whose quote is too short to tell its
 * TTL (RFC 792 asks routers for 8 bytes only) makes the trace go on with one TTL at a time.
 */
#ifndef RPINGMESH_HOPS_TRACE_H
#define RPINGMESH_HOPS_TRACE_H

#include "hops/hops_path.h"

#define TRACE_ROUNDS 3u
#define TRACE_WAIT_NS 500000000ULL        /* for answers, after the first round */
#define TRACE_WAIT_LIMITED_NS 1200000000ULL /* after later ones: once a second is usual */

struct trace {
	struct hops_path *path;  /* what it fills */
	uint8_t routers, asks;
	uint8_t round;           /* that is being sent or waited for, from 0 */
	uint8_t next;            /* TTL that the round goes on with; > routers: all are sent */
	bool one_by_one;
	uint8_t flying;          /* one by one: the last TTL that was sent; 0: none yet */
	uint8_t heard[HOPS_MAX]; /* answers of each TTL */
	uint64_t sent_ns[HOPS_MAX];
	uint64_t deadline_ns;    /* of the wait; 0: it does not wait */
	bool cut;                /* a router says that the path ends there */
	bool done;
};

/* path->tuple is set; the rest is reset. */
void trace_begin(struct trace *trace, struct hops_path *path, uint8_t routers, uint8_t asks);

/*
 * The TTL to send now, or 0: it waits until trace->deadline_ns, or is done. After a TTL was sent,
 * or could not be sent, call trace_sent().
 */
uint8_t trace_next(struct trace *trace, uint64_t now_ns);
void trace_sent(struct trace *trace, uint8_t ttl, uint64_t now_ns);

/* An ICMP error. */
struct trace_answer {
	struct addr from;
	uint8_t ttl; /* 0: its quote does not tell */
	uint8_t type, code;
};
/* Returns whether it belongs to this trace. */
bool trace_answered(struct trace *trace, const struct trace_answer *answer, uint64_t now_ns);

#endif

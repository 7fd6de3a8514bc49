/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks hosts for more evidence (record/ask.h, topic PREFIX/1/ask/HOST, QoS 1, not retained): while
 * the candidates of a finding cannot be parted, or it is only a suspicion, to probe 5-tuples for
 * JUDGE_ASK_NS, which is repeated as long as it is needed; and to trace tuples that lose. Bounded
 * for each host, for each incident, for all suspicions together, and for the whole cluster.
 */
#ifndef RPINGMESH_CENTRAL_JUDGE_JUDGE_ASKS_H
#define RPINGMESH_CENTRAL_JUDGE_JUDGE_ASKS_H

#include <stdint.h>

struct incidents;
struct incidents_time;
struct judge_asks;
struct judge_case;
struct mesh;
struct roads;

#define JUDGE_ASK_NS 20000000000ULL
#define JUDGE_ASK_AGAIN_NS 5000000000ULL /* between two rounds for one incident */
/* The same trace again: the one before may have been made before the losses began. */
#define JUDGE_TRACE_AGAIN_NS 5000000000ULL
#define JUDGE_ASK_INTERVAL_NS 200000000ULL
#define JUDGE_ASKS_MAX 512u      /* 5-tuples at a time, */
#define JUDGE_ASKS_HOST 16u      /* of one host, */
#define JUDGE_ASKS_ABOUT 32u     /* for one incident, or for all suspicions */
#define JUDGE_ASKS_ROUNDS 30u    /* for one incident, while it has several candidates; */
#define JUDGE_ASKS_SURE 3u       /* else only traces, so often */
#define JUDGE_ASKS_PER_S 50u     /* 5-tuples of the cluster, in the long run */

struct judge_asks_stats {
	uint64_t messages;       /* to hosts */
	uint64_t probes, traces; /* 5-tuples that were asked for */
	uint64_t limited;        /* that were not, because of a limit; each time */
	uint32_t live;           /* that are probed, or have just been traced */
};

/* All borrowed. The roads know flow labels. Returns 0 and sets *out, or -ENOMEM. */
int judge_asks_new(struct mesh *mesh, struct incidents *incidents, const struct roads *roads,
		   struct judge_asks **out);
/* NULL is allowed. */
void judge_asks_free(struct judge_asks *asks);

/* A case was judged, and the incidents know its findings: asks what is wanted and not yet asked. */
void judge_asks_do(struct judge_asks *asks, const struct judge_case *c,
		   const struct incidents_time *now);

void judge_asks_stats(const struct judge_asks *asks, struct judge_asks_stats *out);

#endif

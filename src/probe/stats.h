/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a stream of probes added up to: totals since the start, and the last few results from which
 * the live table is drawn. Pure: no clock of its own.
 */
#ifndef RPINGMESH_PROBE_STATS_H
#define RPINGMESH_PROBE_STATS_H

#include <stdint.h>

#include "probe/result.h"

/* Invariant: due == the sum of by_class + probes still in flight. */
struct probe_totals {
	uint64_t due;    /* probes that came due; shown as "sent" */
	uint64_t posted; /* of these, handed to the RNIC */
	uint64_t by_class[PROBE_CLASS_N];
};

void probe_totals_add(struct probe_totals *sum, const struct probe_totals *add);

/* The last results of one target, at most PROBE_RECENT_N and at most PROBE_RECENT_SPAN_NS old. */
#define PROBE_RECENT_N 128
#define PROBE_RECENT_SPAN_NS 10000000000ULL

struct probe_recent_sample {
	uint64_t end_ns; /* when the result was known, CLOCK_MONOTONIC */
	uint64_t rtt_ns, prober_delay_ns, responder_delay_ns; /* valid if measured */
	uint8_t class;
	uint8_t measured;
};

struct probe_recent {
	uint32_t n, head; /* n samples, the newest just before head */
	struct probe_recent_sample sample[PROBE_RECENT_N];
};

void probe_recent_add(struct probe_recent *recent, const struct probe_result *r, uint64_t now_ns);

/* Events of the whole seconds of CLOCK_MONOTONIC: how many there were in the last one that is over. All zero: none yet. */
struct probe_rate {
	uint64_t second;     /* that n counts; last counts the one before it */
	uint32_t n, last;
};

void probe_rate_add(struct probe_rate *rate, uint64_t now_ns);
/* now_ns: not before that of the last probe_rate_add(). */
uint32_t probe_rate_last(const struct probe_rate *rate, uint64_t now_ns);

/* One or more targets' recent results as figures. */
struct probe_summary {
	uint64_t span_ns;  /* from the oldest sample that counted until now */
	uint32_t results;  /* samples that counted */
	uint32_t answered; /* ok and late */
	uint32_t lost;     /* lost and ack2_missing: what a loss ratio is made of, of answered + lost */
	uint32_t measured; /* samples behind the figures below; 0: they are not known */
	uint64_t rtt_min_ns, rtt_p50_ns, rtt_p99_ns, rtt_max_ns;
	uint64_t prober_delay_p50_ns, responder_delay_p50_ns;
};

/* Percentiles are samples that occurred (nearest rank), never interpolated. */
void probe_recent_summary(const struct probe_recent *const recents[], uint32_t n_recents, uint64_t now_ns,
			  struct probe_summary *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a stream of probes added up to: totals since the start, and the last few results from which
 * the live table is drawn. Pure: no clock of its own.
 */
#ifndef RPINGMESH_STAT_STATS_H
#define RPINGMESH_STAT_STATS_H

#include <stdint.h>

#include "stat/result.h"

/* Invariant: due == the sum of by_class + probes still in flight. */
struct probe_totals {
	uint64_t due;    /* probes that came due; shown as "sent" */
	uint64_t posted; /* of these, handed to the RNIC */
	uint64_t by_class[PROBE_CLASS_N];
};

void probe_totals_add(struct probe_totals *sum, const struct probe_totals *add);

/*
 * The last results of one target, at most PROBE_RECENT_N and at most PROBE_RECENT_SPAN_NS old, 8
 * bytes each: times as buckets of stat/histogram.h, so within 1 %, and when they came to the
 * millisecond. All zeroes: none, and valid.
 */
#define PROBE_RECENT_N 128
#define PROBE_RECENT_SPAN_NS 10000000000ULL

struct probe_recent_sample {
	uint64_t rtt : 12, prober_delay : 12, responder_delay : 12; /* buckets; valid if measured */
	uint64_t class : 4, measured : 1, noise : 1;
	uint64_t after_ms : 22; /* after the one before it; the most that fits: that or more */
};

/* One owner: the struct that holds it. */
struct probe_recent {
	struct probe_recent_sample *sample; /* owned ring of `room`, the newest just before head */
	uint8_t n, head, room;
	uint64_t newest_ms, oldest_ms; /* when they came, CLOCK_MONOTONIC; valid if there are any */
};

/* Without memory, older results give way to this one. */
void probe_recent_add(struct probe_recent *recent, const struct probe_result *r, uint64_t now_ns);
/* Forgets all, and frees their memory. */
void probe_recent_clear(struct probe_recent *recent);

/*
 * Events of the whole seconds of CLOCK_MONOTONIC: how many there were in the last one that is over.
 * All zero: none yet.
 */
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
	uint32_t answered; /* of a class that is answered */
	uint32_t lost; /* of a class that is lost, without host noise: what a loss ratio is made of,
			  of answered + lost */
	uint32_t noise;    /* results with host noise: neither lost nor in the figures below */
	uint32_t measured; /* samples behind the figures below; 0: they are not known */
	uint64_t rtt_min_ns, rtt_p50_ns, rtt_p99_ns, rtt_max_ns;
	uint64_t prober_delay_p50_ns, responder_delay_p50_ns;
};

/*
 * Percentiles are samples that occurred (nearest rank), never interpolated. All figures within 1 %.
 */
void probe_recent_summary(const struct probe_recent *const recents[], uint32_t n_recents,
			  uint64_t now_ns, struct probe_summary *out);

#endif

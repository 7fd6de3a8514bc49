/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The figures of a stream of probes: totals since the start, and the last few results, which the
 * live table shows. Pure: it has no clock.
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
 * The last results of one target: at most PROBE_RECENT_N, and at most PROBE_RECENT_SPAN_NS old.
 * Each takes 8 bytes: durations as buckets of stat/histogram.h, so within 1 %, and its time in
 * milliseconds. All zeros are valid and contain no result.
 */
#define PROBE_RECENT_N 128
#define PROBE_RECENT_SPAN_NS 10000000000ULL

struct probe_recent_sample {
	uint64_t rtt : 12, prober_delay : 12, responder_delay : 12; /* buckets; valid if measured */
	uint64_t class : 4, measured : 1, noise : 1, stalled : 1;
	uint64_t after_ms : 21; /* since the sample before it; the maximum: so much or more */
};

/* The struct that contains it owns it. */
struct probe_recent {
	struct probe_recent_sample *sample; /* owned ring of `room`, the newest just before head */
	uint8_t n, head, room;
	uint64_t newest_ms, oldest_ms; /* CLOCK_MONOTONIC; valid if n > 0 */
};

/* Adds a result. If there is no memory, it replaces the oldest one. */
void probe_recent_add(struct probe_recent *recent, const struct probe_result *r, uint64_t now_ns);
/* Forgets all results and frees the memory. */
void probe_recent_clear(struct probe_recent *recent);

/*
 * Counts events for each whole second of CLOCK_MONOTONIC, and reports the count of the last
 * complete second. All zero: no events yet.
 */
struct probe_rate {
	uint64_t second;     /* n is the count of this second, last that of the second before */
	uint32_t n, last;
};

void probe_rate_add(struct probe_rate *rate, uint64_t now_ns);
/* now_ns must not be before that of the last probe_rate_add(). */
uint32_t probe_rate_last(const struct probe_rate *rate, uint64_t now_ns);

/* The figures of the recent results of one or more targets. */
struct probe_summary {
	uint64_t span_ns;  /* from the oldest sample in the figures until now */
	uint32_t results;  /* samples in the figures */
	uint32_t answered; /* of a class that is answered, unless a stall might have lost them */
	uint32_t lost; /* of a class that is lost, without host noise; the loss ratio is
			  lost / (answered + lost) */
	uint32_t noise;    /* results with host noise, which do not count as lost nor below */
	uint32_t measured; /* samples for the figures below; 0: these are unknown */
	uint64_t rtt_min_ns, rtt_p50_ns, rtt_p99_ns, rtt_max_ns;
	uint64_t prober_delay_p50_ns, responder_delay_p50_ns;
};

/*
 * Computes the figures. Percentiles are samples that occurred (nearest rank), never interpolated.
 * The error of all figures is within 1 %.
 */
void probe_recent_summary(const struct probe_recent *const recents[], uint32_t n_recents,
			  uint64_t now_ns, struct probe_summary *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics of windows of wall-clock time: each window begins at a multiple of its length since
 * the Unix epoch, so those of all hosts can be laid beside each other, and windows of 10 s add up
 * to those of a minute exactly.
 *
 * A probe belongs to the window of the time at which it was posted (T1), or at which it ended if it
 * was not. A window is closed once, when its time is over and none of its probes is in flight, so
 * by_class adds up to due; the windows of a series are closed in their order. A series is what
 * belongs together: a target's or a device's probes. It owns its windows: those that are open, and
 * the last few that were closed.
 *
 * When the wall clock is set, when the length is changed, when the probes of a series take another
 * way and when a series ends, the window that runs is cut: it ends there and says so in `cut`, and
 * the next one begins there. No probe is in two windows of a series, and none in no window; after
 * the clock was set back, windows may have a wall-clock time that others had before: start_mono_ns
 * tells them apart.
 *
 * Pure: times in and out are CLOCK_MONOTONIC unless called wall clock.
 */
#ifndef RPINGMESH_STAT_WINDOW_H
#define RPINGMESH_STAT_WINDOW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "stat/histogram.h"
#include "stat/interval.h"
#include "stat/result.h"

#define WINDOW_LEN_NS 10000000000ULL       /* unless told otherwise */
#define WINDOW_LEN_MIN_NS 1000000000ULL
#define WINDOW_LEN_MAX_NS 3600000000000ULL
#define WINDOW_SIZES 4                     /* sizes of probes that are told apart in a window */

enum window_cut {
	WINDOW_CUT_CLOCK = 1,  /* the wall clock was set at its start or at its end */
	WINDOW_CUT_LENGTH = 2, /* the length of windows was changed at its start or at its end */
	WINDOW_CUT_GONE = 4,   /* the target or the device went away at its end */
	WINDOW_CUT_WAY = 8,    /* its probes took another way from its end on, or from its start */
};

/* Which way probes take. All zero: none was posted yet. */
struct window_way {
	struct addr source;
	uint16_t src_port; /* PROBE_PORT_UNKNOWN */
	enum probe_path path;
};

/* Probes of one size. */
struct window_size {
	uint32_t size;   /* bytes; 0: of more sizes than are told apart */
	uint64_t due;
	uint64_t answered, lost, lost_noise; /* as in struct window */
	struct histogram rtt; /* as window_rtt() says */
};

struct window {
	TAILQ_ENTRY(window) in_series, in_clock;
	struct window_series *series;
	uint64_t start_ns,
		end_ns; /* wall clock; end_ns is the first moment that does not belong to it */
	uint64_t start_mono_ns, end_mono_ns;
	uint32_t merged;                     /* of how many windows it was merged; 1: of itself */
	uint8_t cut;                         /* enum window_cut, or-ed; of any of those merged */
	struct window_way way;               /* of all its probes; of a device's windows: zero */
	bool over, ready;                    /* its time is; it can be closed */
	uint32_t in_flight;                  /* 0 once it is closed */

	uint64_t due, posted;
	uint64_t by_class[PROBE_CLASS_N];    /* adds up to due - in_flight */
	uint64_t answered;                   /* of a class that is answered */
	uint64_t lost;                       /* of a class that is lost, but for lost_noise */
	uint64_t lost_noise; /* of a class that is lost; a stall of a host may have caused it */
	uint64_t noise[PROBE_NOISE_N];       /* results by host_noise */
	uint64_t clock[PROBE_CLOCK_N];       /* measured results by clock */
	uint64_t noise_rtt_n, noise_rtt_sum_ns,
		noise_rtt_max_ns; /* RTTs that are not in the histograms for host noise */
	uint64_t unbinned;	  /* results that the histograms lack for want of memory */
	struct window_size *size;            /* owned; in the order in which they first came due */
	uint32_t n_sizes; /* at most WINDOW_SIZES + 1, the last of which is then size 0 */
	struct histogram prober_delay, responder_delay; /* of all that was measured, noise or not */
};
TAILQ_HEAD(window_list, window);

/*
 * Loss as a proportion: lost of answered + lost, and its interval. What a stall of a host may have
 * caused is in neither, nor what no packet was sent for or answered by whom it was sent to (the
 * other classes).
 */
void window_loss(const struct window *w, double level, struct interval *out);
void window_size_loss(const struct window_size *size, double level, struct interval *out);

/*
 * Network RTT of all sizes: adds it to *out, which the caller clears. Measured results, without
 * those whose software stamps a stall of a host may have touched. 0 or -ENOMEM.
 */
int window_rtt(const struct window *w, struct histogram *out);

/*
 * Adds a closed window to another: of the same series for figures that mean something. w may be all
 * zeroes. The merge of N windows equals one window of their time, field by field, as long as each
 * has at most WINDOW_SIZES sizes. 0, or -ENOMEM: *w is good for window_clear() only.
 */
int window_merge(struct window *w, const struct window *from);
/* Frees what a window that the caller has merged holds. */
void window_clear(struct window *w);

/* ---- what follows is for the prober ---- */

struct window_series {
	struct window_list open;
	struct window_list closed;   /* the newest first */
	uint32_t n_closed, keep;     /* closed windows that there are; that are kept (≥ 1) */
	uint64_t covered_ns; /* where the newest window ends: the next one begins there or later */
	void *owner;	     /* borrowed, for who closes windows: the target or the device */
	bool target;                 /* it is a target */
	uint8_t cut;                 /* why its newest window was cut, for the next */
	struct window_way way;       /* of its newest probe */
};

/*
 * Where windows begin and end, and those of all series that are open: shared by all series of a
 * prober.
 */
struct window_clock {
	uint64_t len_ns;
	int64_t offset_ns;           /* wall clock - CLOCK_MONOTONIC */
	uint64_t since_ns;           /* of the last cut: windows begin there at the earliest */
	uint8_t cut;                 /* why there was one */
	struct window_list running;  /* not over, the one that ends first at the head */
	struct window_list ready;    /* can be closed; in the order in which they could */
};

void window_clock_init(struct window_clock *clock, uint64_t len_ns);
void window_series_init(struct window_series *series, uint32_t keep, void *owner, bool target);
/* Frees all windows, without a word. */
void window_series_clear(struct window_series *series, struct window_clock *clock);

/* From now on windows have this length and lie in this wall clock; those that are open are cut. */
void window_clock_set(struct window_clock *clock, uint64_t len_ns, int64_t offset_ns, uint8_t why,
		      uint64_t now_ns);
/* Cuts the series' window that runs: it has come to its end. */
void window_series_cut(struct window_series *series, struct window_clock *clock, uint8_t why,
		       uint64_t now_ns);

/*
 * From now on probes of this series take this way: the window that runs is cut if any of its probes
 * took another.
 */
void window_series_way(struct window_series *series, struct window_clock *clock,
		       const struct window_way *way, uint64_t now_ns);

/* The series' window that t_ns belongs to, made if need be; NULL: no memory. */
struct window *window_at(struct window_series *series, struct window_clock *clock, uint64_t t_ns);
/* A probe has come due; it is in flight until one of the following. */
void window_due(struct window *w, uint32_t size, bool posted);
void window_result(struct window *w, struct window_clock *clock, const struct probe_result *r);
/* It has gone without a result: as if it had not come due. */
void window_forget(struct window *w, struct window_clock *clock, uint32_t size, bool posted);

/* Looks which windows' time is over. */
void window_clock_advance(struct window_clock *clock, uint64_t now_ns);
/* When that should be done next; 0: a window can be closed; UINT64_MAX: none is open. */
uint64_t window_clock_next_ns(const struct window_clock *clock);
/*
 * Closes a window that can be: it is then the first of its series' closed ones. NULL: none can be.
 */
struct window *window_clock_close(struct window_clock *clock);
struct window *window_series_close(struct window_series *series, struct window_clock *clock);

#endif

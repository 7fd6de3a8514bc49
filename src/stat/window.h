/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics of windows of wall-clock time. Each window begins at a multiple of its length since
 * the Unix epoch. So the windows of all hosts have the same limits, and windows of 10 s add up
 * exactly to those of a minute.
 *
 * The time at which a probe is posted (T1) decides in which window it counts; if it is not posted,
 * the time at which it ends decides. A window closes once: when its time is over and none of its
 * probes is in flight. Then by_class adds up to due. A series contains the windows of one target or
 * one device; they close in their order. A series owns its open windows and the last few closed
 * ones.
 *
 * The current window is cut when the wall clock is set, when the length changes, when the probes of
 * the series take another way, and when the series ends. A cut window ends at that moment and has
 * the reason in `cut`; the next one begins there. Each probe is in exactly one window of its
 * series. After the clock is set back, two windows may have the same wall-clock time; start_mono_ns
 * distinguishes them.
 *
 * Pure: all times are CLOCK_MONOTONIC unless they are called wall clock.
 */
#ifndef RPINGMESH_STAT_WINDOW_H
#define RPINGMESH_STAT_WINDOW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "stat/histogram.h"
#include "stat/interval.h"
#include "stat/result.h"

#define WINDOW_LEN_NS 10000000000ULL       /* the default */
#define WINDOW_LEN_MIN_NS 1000000000ULL
#define WINDOW_LEN_MAX_NS 3600000000000ULL
#define WINDOW_SIZES 4                     /* sizes of probes that a window counts separately */

enum window_cut {
	WINDOW_CUT_CLOCK = 1,  /* the wall clock was set at its start or at its end */
	WINDOW_CUT_LENGTH = 2, /* the length of windows was changed at its start or at its end */
	WINDOW_CUT_GONE = 4,   /* the target or the device went away at its end */
	WINDOW_CUT_WAY = 8,    /* probes took another way from its start or from its end on */
};

/* The way of probes through the network. All zero: none has been posted yet. */
struct window_way {
	struct addr source;
	uint16_t src_port; /* PROBE_PORT_UNKNOWN */
	enum probe_path path;
	uint32_t road;     /* grows when a trace finds the 5-tuple on another path */
};

/* Probes of one size. */
struct window_size {
	uint32_t size;   /* bytes; 0: all sizes beyond the first WINDOW_SIZES */
	uint32_t due;
	uint32_t answered, answered_noise, lost, lost_noise; /* as in struct window */
	struct histogram rtt; /* of the results that window_rtt() describes */
};

struct window {
	TAILQ_ENTRY(window) in_series, in_clock;
	struct window_series *series;
	uint64_t start_ns,
		end_ns; /* wall clock; end_ns is the first moment after the window */
	uint64_t start_mono_ns, end_mono_ns;
	uint8_t cut;                         /* enum window_cut, or-ed */
	struct window_way way;               /* of all its probes; zero in windows of a device */
	bool over, ready;                    /* its time is over; it can be closed */
	uint32_t in_flight;                  /* 0 once it is closed */

	/* Thousands of paths have windows. No port sends 2^32 probes in WINDOW_LEN_MAX_NS. */
	uint32_t due, posted;
	uint32_t by_class[PROBE_CLASS_N];    /* adds up to due - in_flight */
	uint32_t answered;                   /* of a class that is answered, without the next */
	uint32_t answered_noise; /* of a class that is answered, and that a stall might have lost */
	uint32_t lost;                       /* of a class that is lost, without lost_noise */
	uint32_t lost_noise; /* of a class that is lost; a stall of a host may be the cause */
	uint32_t noise[PROBE_NOISE_N];       /* results by host_noise */
	uint32_t clock[PROBE_CLOCK_N];       /* measured results by clock */
	uint32_t unbinned; /* results that are not in the histograms for lack of memory */
	uint32_t noise_rtt_n; /* RTTs that host noise keeps out of the histograms */
	uint64_t noise_rtt_sum_ns, noise_rtt_max_ns;
	struct window_size *size;            /* owned; in the order in which they first came due */
	uint32_t n_sizes; /* at most WINDOW_SIZES + 1; then the last one is size 0 */
	struct histogram prober_delay, responder_delay; /* of all measured results, with noise */
};
TAILQ_HEAD(window_list, window);

/*
 * Computes the loss ratio, lost / (answered + lost), and its interval. Probes that were in flight
 * while a host stalled do not count, answered or lost, nor do probes of the other classes.
 */
void window_loss(const struct window *w, double level, struct interval *out);
void window_size_loss(const struct window_size *size, double level, struct interval *out);

/*
 * The time (CLOCK_MONOTONIC) until which a closed window is the best that is known of its series,
 * whose probes are interval_ns apart. By then the next one should have closed. It is
 * WINDOW_STANDS_NS after its end or later.
 */
#define WINDOW_STANDS_NS 300000000000ULL
uint64_t window_stands_ns(const struct window *w, uint64_t interval_ns);

/*
 * Adds the network RTTs of all sizes to *out, which the caller clears. These are the measured
 * results, except those with software timestamps that a stall of a host may have affected. Returns
 * 0 or -ENOMEM.
 */
int window_rtt(const struct window *w, struct histogram *out);

/* ---- the rest is for the prober ---- */

struct window_series {
	struct window_list open;
	struct window_list closed;   /* the newest first */
	uint32_t n_closed, keep;     /* closed windows; the most of them to keep (≥ 1) */
	uint64_t covered_ns; /* end of the newest window: the next one begins there or later */
	void *owner;	     /* the target or the device, borrowed; for window_clock_close() */
	bool target;                 /* the owner is a target */
	uint8_t cut;                 /* why the newest window was cut; the next one gets it, too */
	struct window_way way;       /* of its newest probe */
};

/*
 * The limits of windows, and the open windows of all series. All series of a prober share it.
 */
struct window_clock {
	uint64_t len_ns;
	int64_t offset_ns;           /* wall clock - CLOCK_MONOTONIC */
	uint64_t since_ns;           /* time of the last cut: windows begin there or later */
	uint8_t cut;                 /* its reason */
	struct window_list running;  /* not over yet; the one that ends first is the head */
	struct window_list ready;    /* can be closed; in the order in which they became ready */
};

void window_clock_init(struct window_clock *clock, uint64_t len_ns);
void window_series_init(struct window_series *series, uint32_t keep, void *owner, bool target);
/* Frees all windows without closing them. */
void window_series_clear(struct window_series *series, struct window_clock *clock);

/* From now on, windows have this length and this wall clock. Cuts the open windows. */
void window_clock_set(struct window_clock *clock, uint64_t len_ns, int64_t offset_ns, uint8_t why,
		      uint64_t now_ns);
/* Cuts the current window of the series. */
void window_series_cut(struct window_series *series, struct window_clock *clock, uint8_t why,
		       uint64_t now_ns);

/*
 * From now on, probes of this series take this way. Cuts the current window if any of its probes
 * took another way.
 */
void window_series_way(struct window_series *series, struct window_clock *clock,
		       const struct window_way *way, uint64_t now_ns);

/* Returns the series' window of the time t_ns. Makes it if necessary. NULL: no memory. */
struct window *window_at(struct window_series *series, struct window_clock *clock, uint64_t t_ns);
/* A probe has come due. It is in flight until one of the next two calls. */
void window_due(struct window *w, uint32_t size, bool posted);
void window_result(struct window *w, struct window_clock *clock, const struct probe_result *r);
/* The probe has ended without a result. Counts as if it had not come due. */
void window_forget(struct window *w, struct window_clock *clock, uint32_t size, bool posted);

/* Finds the windows whose time is over. */
void window_clock_advance(struct window_clock *clock, uint64_t now_ns);
/* The time of the next call; 0: a window can be closed now; UINT64_MAX: no window is open. */
uint64_t window_clock_next_ns(const struct window_clock *clock);
/*
 * Each closes the next window that is ready, and returns it, or NULL if there is none. It is then
 * the first of the closed windows of its series.
 */
struct window *window_clock_close(struct window_clock *clock);
struct window *window_series_close(struct window_series *series, struct window_clock *clock);

#endif

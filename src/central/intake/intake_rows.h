/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of one host, and their windows. Pure. */
#ifndef RPINGMESH_CENTRAL_INTAKE_INTAKE_ROWS_H
#define RPINGMESH_CENTRAL_INTAKE_INTAKE_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "record/report.h"

#define INTAKE_SLOTS 13 /* of all windows */

enum intake_window {
	INTAKE_SHORT,  /* 20 s: 4 slots of 5 s, the last of which still goes on */
	INTAKE_MIDDLE, /* 5 min: 5 slots of a minute */
	INTAKE_LONG,   /* 1 h: 4 slots of a quarter */
	INTAKE_WINDOWS
};
#define INTAKE_EIGHTH_NS 125000000u /* a bit of report_row.lost_when */
#define INTAKE_SECONDS 20 /* that INTAKE_SHORT has */
/* What has lost nothing for so long loses anew. */
#define INTAKE_LOSING_NS 30000000000ULL
/* The length of a window, and of its slots. */
uint64_t intake_window_ns(enum intake_window window);
uint64_t intake_slot_ns(enum intake_window window);

/* Probes of a row that have a result. Those of other classes are only in `sent`. */
struct intake_counts {
	uint32_t sent;
	uint32_t answered;    /* so the way there and back was good; without noise */
	uint32_t lost;        /* on the way there or back; without noise */
	uint32_t back_lost;   /* on the way back, because the probe has arrived; without noise */
	uint32_t unreachable; /* nobody has answered, and nobody has said why */
	uint32_t noise;       /* answered or lost, while a host stalled */
	uint32_t slow;        /* of those that were answered, by what is usual for the row */
	uint32_t rtt_us;      /* the sum of the RTTs of those that were answered */
};

/* What a slot has of every row. All of these probes were answered, but those of intake_rare. */
struct intake_usual {
	uint32_t sent, rtt_us;
};

/* The rest of struct intake_counts, of a slot in which it is not zero. */
struct intake_rare {
	uint32_t slot;                /* its place in intake_stored.slots */
	uint32_t unanswered;          /* sent, less answered */
	uint32_t lost, back_lost, unreachable, noise, slow;
};

/*
 * Numbers that those who collect rows have found for a row, so that they find them sooner next
 * time. Only they know what these mean, and check them. All zero at the start.
 */
struct intake_hints {
	uint32_t ways[2], nics[2];
};

/* Thousands of hosts have hundreds of them. */
struct intake_stored {
	struct report_stream stream;  /* device: borrowed from the port */
	char *job;                    /* owned: that of the stream; NULL: it has none */
	struct intake_rare *rare;     /* owned */
	uint32_t n_rare;              /* at most one for each slot */
	uint32_t times;               /* the part of the times of the table that is its own */
	uint16_t n_times;
	uint16_t rare_in;             /* bit i: slot i is in `rare` */
	/*
	 * When a report said that it loses: the last time, and the first one since which no
	 * INTAKE_LOSING_NS have gone by without. Seconds, 0: never.
	 */
	uint32_t lost_s, losing_s;
	/*
	 * The seconds in which what was lost was due: the newest one, and bit i for the one i
	 * seconds before that. vague_s: the last report that had losses and did not say when.
	 */
	uint32_t due_s, due_when, vague_s;
	uint32_t newest[INTAKE_WINDOWS]; /* the number of the newest slot that is in use */
	struct intake_usual slots[INTAKE_SLOTS];
	struct intake_hints hints;
};

struct intake_table {
	struct intake_stored *rows;
	uint32_t n;
	uint64_t named;               /* the sequence of the report that named them; 0: none */
	uint64_t serial;              /* another one after rows have come, gone or moved */
	struct report_bucket *times;  /* of all rows, of the last report that had them */
	size_t n_times;
	size_t n_rare;                /* of all rows */
};

/* Whether the table has exactly the streams of a whole report. */
bool intake_table_same(const struct intake_table *table, const struct report *report);
/*
 * Takes the streams of a whole report over. Rows that are in both go on. `devices` has the names
 * of the ports of the report, which outlive the table. Returns 0, or -ENOMEM; then the table is
 * as it was.
 */
int intake_table_name(struct intake_table *table, const struct report *report,
		      const char *const *devices);
void intake_table_clear(struct intake_table *table);

/* When a report came, and when its time ended; CLOCK_MONOTONIC. */
struct intake_span {
	uint64_t now_ns, end_ns;
};

/*
 * Adds a report that has as many streams as the table, to the windows from `first` on. What a row
 * has no memory for does not count.
 */
void intake_table_add(struct intake_table *table, const struct report *report,
		      enum intake_window first, const struct intake_span *span);

/* Takes over the times of the report, if it has any. Without memory, there are none. */
void intake_table_times(struct intake_table *table, const struct report *report);

/*
 * The mean RTT that is usual for the row: the median of the slots of the longest window, so that it
 * follows a rise slowly. 0: unknown.
 */
uint32_t intake_stored_usual_ns(const struct intake_stored *row, uint64_t now_ns);
/*
 * How much later slow answers of the row come than the others, by all slots of the last hour: the
 * more of the answers of a slot are slow, the greater is their mean. 0: unknown, as if all of them
 * have been slow all the time.
 */
uint64_t intake_stored_extra_ns(const struct intake_stored *row, uint64_t now_ns);
/*
 * The seconds of the shortest window in which what it has lost was due: bit i for the one that
 * began i seconds before that of now_ns. Returns false if some of its losses have no time.
 */
bool intake_stored_seconds(const struct intake_stored *row, uint64_t now_ns, uint32_t *seconds);
/* The sum of a row over a window. */
void intake_stored_sum(const struct intake_stored *row, enum intake_window window, uint64_t now_ns,
		       struct intake_counts *out);
/*
 * The probes of a row in a window if all of them were answered, none was slow, and none was marked
 * as noise; if not, or if that has not been looked up, INTAKE_LOOK.
 */
#define INTAKE_LOOK UINT32_MAX
uint32_t intake_stored_usual(const struct intake_stored *row, enum intake_window window,
			     uint64_t now_ns);
/*
 * One slot of a window. *begin_ns is when it begins, CLOCK_MONOTONIC. Returns false if there is no
 * such slot.
 */
struct intake_slot {
	enum intake_window window;
	uint32_t age; /* 0: the one that goes on */
};
bool intake_stored_slot(const struct intake_stored *row, struct intake_slot slot, uint64_t now_ns,
			struct intake_counts *out, uint64_t *begin_ns);

#endif

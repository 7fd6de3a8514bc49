/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: intake
 *
 * What the probes of all hosts have met, by the reports of their agents (record/report.h). Pure:
 * reports and times come in, sums over windows of time go out.
 *
 * A host owns the rows of its last whole report, one for each stream, in its order. A row adds up
 * what its reports say over three windows at once. Rows that the next whole report has, too, go on,
 * even if the agent was restarted meanwhile. The time of a report is that of its arrival, so the
 * clocks of hosts do not matter. But a report that covers more time than a window has slots for, or
 * that comes late, counts only in the windows that are long enough.
 *
 * Whoever may publish may write any report. A host has at most REPORT_STREAMS_MAX rows, all hosts
 * together at most INTAKE_ROWS_A_HOST for each of max_hosts; and it is heard INTAKE_PER_S times a
 * second at most.
 */
#ifndef RPINGMESH_CENTRAL_INTAKE_INTAKE_H
#define RPINGMESH_CENTRAL_INTAKE_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "central/intake/intake_heard.h"
#include "central/intake/intake_rows.h"
#include "record/report.h"

#define INTAKE_ROWS_A_HOST 512u
#define INTAKE_PER_S 4u
#define INTAKE_BURST 20u
/* More lost reports at once are not counted: somebody has forged a number. */
#define INTAKE_LOST_MAX 1000u
/* So many reports in a row whose numbers had been there, but ascend, begin anew. */
#define INTAKE_ANEW 3u
/* A host that has not reported for so long is silent: three reports are missing. */
#define INTAKE_SILENT_NS 16000000000ULL
/* Then it is forgotten. No window is longer. */
#define INTAKE_FORGET_NS 3600000000000ULL
#define INTAKE_COUNTERS 16u /* of a port */

struct intake;
struct intake_host;

struct intake_row {
	const struct report_stream *stream; /* borrowed, valid during the call */
	uint32_t place;
	struct intake_counts counts;
	uint64_t losing_ns;          /* it has been losing at this time, and has not ceased for
					INTAKE_LOSING_NS since; 0: it has never lost anything */
	struct report_times times;   /* the last ones that were reported; borrowed as well */
	const struct intake_stored *stored; /* for intake_stored_usual_ns(); borrowed as well */
	struct intake_hints *hints;  /* may be changed; borrowed as well */
};

/* A counter that has risen at a port since central knows it. */
struct intake_counter {
	char name[REPORT_NAME_MAX + 1];
	uint64_t total, last;        /* in all reports; in the last report in which it rose */
	uint64_t risen_ns;           /* when that came, CLOCK_MONOTONIC */
};

struct intake_port {
	char device[REPORT_NAME_MAX + 1];
	uint8_t port;
	bool up;
	uint64_t up_ns;              /* when `up` has changed last, CLOCK_MONOTONIC */
	struct intake_counter *counters;
	size_t n_counters;
};

/* Times are CLOCK_MONOTONIC of central. */
struct intake_host_info {
	const char *name;
	uint64_t incarnation;
	uint64_t first_ns, last_ns;  /* when its first and its last report came */
	uint64_t until_ns;           /* when the time of its last report ended, within the time of
					a message; 0: before central's machine booted */
	uint64_t started_ns;         /* when its incarnation was first seen */
	uint32_t restarts;           /* how often the incarnation has changed */
	bool silent;
	uint64_t reports;            /* that were taken */
	uint64_t lost;               /* numbers that are missing between these */
	uint64_t lost_ns;            /* when the last one was found missing; 0: never */
	uint64_t repeated;           /* reports with a number that had been there; not taken */
	uint64_t refused;            /* because they came too often, or for lack of room */
	uint64_t unplaced;           /* without rows, because no whole report names its streams */
	uint64_t late;               /* too late, or too long, for the shortest window */
	int64_t clock_off_ns;        /* its wall clock minus ours, less the time of the message */
	bool throttled;              /* these four by the last report */
	uint32_t degraded, dropped;
	bool has_delays;
	struct report_delays delays; /* the last ones that it has reported */
	uint64_t stalled_ns;         /* when it last reported a second in which it stalled; or 0 */
	const struct intake_port *ports; /* borrowed until the next report of the host */
	size_t n_ports;
	uint32_t n_rows;
	uint64_t serial;             /* another one after its rows have come, gone or moved */
};

struct intake_stats {
	uint32_t hosts, silent;
	uint64_t rows, ports;
	uint64_t reports, lost, repeated, late, unplaced;
	uint64_t refused;            /* reports that were not taken, and malformed ones */
	char refused_why[256];       /* the last of these; "": there was none */
	uint64_t refused_ns;         /* when it came, CLOCK_MONOTONIC; 0: never */
	uint64_t bytes;              /* memory of rows */
};

struct intake_time {
	uint64_t mono_ns, wall_ns;
};

/* Returns 0 and sets *out, which the caller owns, or -ENOMEM. */
int intake_new(uint32_t max_hosts, struct intake **out);
/* NULL is allowed. */
void intake_free(struct intake *intake);

/*
 * A report has come on the topic of this host. Borrowed. Returns 0 if it counts; -EINVAL if the
 * report is of another host; -EALREADY if its number had been there (but see INTAKE_ANEW); -EBUSY
 * if the host reports too often; -ENOSPC if there are too many hosts or rows; -ENOMEM. All but the
 * third count as refused.
 */
int intake_take(struct intake *intake, const char *host, const struct report *report,
		const struct intake_time *now);
/* Something could not be read: counts it as refused. */
void intake_refuse(struct intake *intake, const char *why, uint64_t now_ns);

/* Forgets hosts that are silent for INTAKE_FORGET_NS. Call it now and then. */
void intake_tick(struct intake *intake, uint64_t now_ns);

/* Walks the hosts in the order in which they came: begins with NULL, ends with NULL. */
const struct intake_host *intake_next(const struct intake *intake, const struct intake_host *host);
/* NULL: it has not reported. */
const struct intake_host *intake_find(const struct intake *intake, const char *name);
void intake_host_info(const struct intake_host *host, uint64_t now_ns,
		      struct intake_host_info *out);
void intake_stats(const struct intake *intake, uint64_t now_ns, struct intake_stats *out);

/*
 * For how many seconds the host has stalled, by its reports, in the minutes of this time. What may
 * lie in one or another minute counts in both.
 */
uint32_t intake_stalled_s(const struct intake_host *host, uint64_t begin_ns, uint64_t end_ns);

/*
 * How many probes of this stream the host has received in INTAKE_MIDDLE, as it says in every fifth
 * report: so the time that is meant may begin and end INTAKE_HEARD_LATE_NS earlier than that of
 * rows. Returns false if that is unknown: the host has not said so all the time, is silent, was
 * restarted or has lost a report meanwhile, or has not heard the stream for INTAKE_HEARD_KEEP_NS.
 */
#define INTAKE_HEARD_LATE_NS 30000000000ULL
bool intake_received(const struct intake_host *host, const struct report_heard *stream,
		     uint64_t now_ns, uint64_t *received);

/* Calls fn for each row of the host that has something in this window. */
typedef void intake_hear(void *arg, const struct intake_host *host, const struct intake_row *row);
void intake_rows(const struct intake_host *host, enum intake_window window, uint64_t now_ns,
		 intake_hear *fn, void *arg);
/* The row at this place, with its sums over the window, even if they are zero. */
void intake_row_at(const struct intake_host *host, uint32_t place, enum intake_window window,
		   uint64_t now_ns, struct intake_row *out);
/* intake_stored_usual() of all rows, by their places: n_rows of intake_host_info(). */
void intake_usual(const struct intake_host *host, enum intake_window window, uint64_t now_ns,
		  uint32_t *out);
/* The same of all hosts. */
void intake_walk(const struct intake *intake, enum intake_window window, uint64_t now_ns,
		 intake_hear *fn, void *arg);

#endif

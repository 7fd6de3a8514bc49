/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of one host, and their windows. Pure. */
#ifndef RPINGMESH_CENTRAL_INTAKE_INTAKE_ROWS_H
#define RPINGMESH_CENTRAL_INTAKE_INTAKE_ROWS_H

#include "central/intake/intake.h"

#define INTAKE_SLOTS 13 /* of all windows */

/* Thousands of hosts have hundreds of them. */
struct intake_stored {
	struct report_stream stream;  /* device: borrowed from the port */
	char *job;                    /* owned: that of the stream; NULL: it has none */
	uint32_t newest[INTAKE_WINDOWS]; /* the number of the newest slot that is in use */
	struct intake_counts slots[INTAKE_SLOTS];
};

struct intake_table {
	struct intake_stored *rows;
	uint32_t n;
	uint64_t named;               /* the sequence of the report that named them; 0: none */
};

/* Whether the table has exactly the streams of a whole report. */
bool intake_table_same(const struct intake_table *table, const struct report *report);
/*
 * Takes the streams of a whole report over. Rows that are in both go on. `ports` are those of the
 * report, and outlive the table. Returns 0, or -ENOMEM; then the table is as it was.
 */
int intake_table_name(struct intake_table *table, const struct report *report,
		      const struct intake_port *ports);
void intake_table_clear(struct intake_table *table);

/* Adds a report that has as many streams as the table, to the windows from `first` on. */
void intake_table_add(struct intake_table *table, const struct report *report,
		      enum intake_window first, uint64_t now_ns);

/* The sum of a row over a window. */
void intake_stored_sum(const struct intake_stored *row, enum intake_window window, uint64_t now_ns,
		       struct intake_counts *out);

#endif

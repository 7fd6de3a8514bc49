/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the report share. */
#ifndef RPINGMESH_RECORD_REPORT_IMPL_H
#define RPINGMESH_RECORD_REPORT_IMPL_H

#include "record/report.h"
#include "record/strict.h"

struct record;

struct report_reader {
	struct strict in;
	struct report *report;
};

/* Zeroed memory of the report, or NULL after a mistake. n may be 0. */
void *report_memory(struct report_reader *r, size_t n, size_t size);

/* An array of numbers up to max; sets *n. NULL after a mistake. */
uint32_t *report_numbers(struct report_reader *r, const msgpack_object *map, const char *key,
			 uint64_t max, size_t *n);

/* ---- report_heard.c ---- */

/* report->heard is there. */
void report_pack_heard(struct record *r, const struct report *report);
/* "heard" is there. */
void report_heard_read(struct report_reader *r, const msgpack_object *map);

/* ---- report_delays.c ---- */

/* "delays" is there. */
void report_delays_read(struct report_reader *r, const msgpack_object *map);

/* ---- report_times.c ---- */

/* report->times is there. */
void report_pack_times(struct record *r, const struct report *report);
/* "times" is there, and n_streams is known. */
void report_times_read(struct report_reader *r, const msgpack_object *map);

#endif

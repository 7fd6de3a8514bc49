/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes metrics as text in one of two formats: Prometheus' text format 0.0.4, and OpenMetrics 1.0.
 * They differ in the names of counter families, in units, and in the last line. Pure: writes into a
 * buffer.
 *
 * Begin each family once; then write its samples. Names are not checked and must be valid by the
 * specification. The value of a label may be any text: it is escaped if necessary, and bytes that
 * are not UTF-8 become '?'.
 */
#ifndef RPINGMESH_SERVE_EXPOSITION_H
#define RPINGMESH_SERVE_EXPOSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "serve/buffer.h"

enum exposition_format {
	EXPOSITION_PROMETHEUS,
	EXPOSITION_OPENMETRICS,
	EXPOSITION_FORMAT_N
};
/* The value of the Content-Type header. */
const char *exposition_content_type(enum exposition_format format);
/*
 * Chooses the format for a client by its Accept header (RFC 9110 section 12.5.1); NULL: it sends
 * none. The format is OpenMetrics only if the header names it, in version 0.0.1 or 1.0.0, with at
 * least the weight of text. Otherwise it is text, even if the client accepts neither.
 */
enum exposition_format exposition_negotiate(const char *accept);

enum exposition_type {
	EXPOSITION_COUNTER,   /* the name ends in _total */
	EXPOSITION_GAUGE,
	EXPOSITION_HISTOGRAM,
	EXPOSITION_TYPE_N
};

struct exposition_family {
	const char *name;     /* in Prometheus' format: with unit and _total */
	enum exposition_type type;
	const char *unit; /* NULL: none; otherwise the last part of the name (before _total) */
	const char *help;     /* one line */
};

struct exposition_label {
	const char *name, *value; /* value = NULL means "" */
};
#define EXPOSITION_LABELS_MAX 6

struct exposition {
	struct buffer *out;   /* borrowed */
	enum exposition_format format;
	const struct exposition_family *family; /* the present one */
	bool failed;          /* there was no memory, so `out` is not complete */
};

/* Begins a family. */
void exposition_family(struct exposition *e, const struct exposition_family *family);
/*
 * Write a sample of a counter or gauge. labels end at the first one without a name, or at
 * EXPOSITION_LABELS_MAX; NULL: none.
 */
void exposition_u64(struct exposition *e, const struct exposition_label *labels, uint64_t value);
void exposition_double(struct exposition *e, const struct exposition_label *labels, double value);
/* Writes nanoseconds as seconds, without rounding. */
void exposition_ns(struct exposition *e, const struct exposition_label *labels, uint64_t ns);

/*
 * Writes the samples of a histogram. bound_ns are the upper limits of its buckets, n their counts;
 * `count` includes the values above the last limit.
 */
void exposition_histogram(struct exposition *e, const struct exposition_label *labels,
			  const uint64_t *bound_ns, const uint64_t *n, size_t n_bounds,
			  uint64_t count, uint64_t sum_ns);

/* Writes the last line, which shows that the page is complete. */
void exposition_end(struct exposition *e);

#endif

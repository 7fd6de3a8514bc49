/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text of metrics, in either of two formats: Prometheus' text format 0.0.4, and OpenMetrics 1.0
 * (the specification of that name), which differ in the names of counters' families, in units, and
 * in the line at the end. Pure: writes to a buffer.
 *
 * A family is begun once and its samples follow. Names must be valid by the specification and are
 * not checked. Values of labels may be any text: they are escaped where necessary, and bytes that
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
/* For the Content-Type header. */
const char *exposition_content_type(enum exposition_format format);
/*
 * The format for a client that sends this Accept header (RFC 9110 section 12.5.1); NULL: it sends
 * none. OpenMetrics only if the header names it, in version 0.0.1 or 1.0.0, and prefers it at least
 * as much as text. Otherwise text, also if the client accepts neither.
 */
enum exposition_format exposition_negotiate(const char *accept);

enum exposition_type {
	EXPOSITION_COUNTER,   /* name ends in _total */
	EXPOSITION_GAUGE,
	EXPOSITION_HISTOGRAM,
	EXPOSITION_TYPE_N
};

struct exposition_family {
	const char *name;     /* as in Prometheus' format: with unit and _total */
	enum exposition_type type;
	const char *unit; /* NULL: none; else the name has it behind its last '_' (before _total) */
	const char *help;     /* one line */
};

struct exposition_label {
	const char *name, *value; /* value NULL: as "" */
};
#define EXPOSITION_LABELS_MAX 6

struct exposition {
	struct buffer *out;   /* borrowed */
	enum exposition_format format;
	const struct exposition_family *family; /* the one whose samples are being written */
	bool failed;          /* no memory: what is in `out` is not whole */
};

void exposition_family(struct exposition *e, const struct exposition_family *family);
/*
 * Samples of a counter or gauge. labels end at the first without a name, or at
 * EXPOSITION_LABELS_MAX. NULL: none.
 */
void exposition_u64(struct exposition *e, const struct exposition_label *labels, uint64_t value);
void exposition_double(struct exposition *e, const struct exposition_label *labels, double value);
/* Nanoseconds as seconds, to the nanosecond. */
void exposition_ns(struct exposition *e, const struct exposition_label *labels, uint64_t ns);

/*
 * A histogram's samples: counts below each bound, which add up to `count` with those above the
 * last. Bounds in ns.
 */
void exposition_histogram(struct exposition *e, const struct exposition_label *labels,
			  const uint64_t *bound_ns, const uint64_t *n, size_t n_bounds,
			  uint64_t count, uint64_t sum_ns);

/* The last line, which shows that the page is complete. */
void exposition_end(struct exposition *e);

#endif

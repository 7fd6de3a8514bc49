/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/view/classes.h"

#include <inttypes.h>
#include <stdio.h>

#include "record/read.h"

enum probe_class
classes_find(const msgpack_object *record)
{
	enum probe_class c = PROBE_OK;

	while (c < PROBE_CLASS_N && !read_is(record, "class", probe_class_name(c)))
		c++;
	return c;
}

bool
classes_not_ok(const msgpack_object *totals, char *buf, size_t size)
{
	size_t at = 0;
	uint64_t n;

	snprintf(buf, size, "-");
	for (enum probe_class c = PROBE_OK + 1; c < PROBE_CLASS_N; c++) {
		int len;

		if (!read_u64(totals, probe_class_name(c), &n) || n == 0)
			continue;
		len = snprintf(buf + at, size - at, "%s%s %" PRIu64, at ? " " : "",
			       probe_class_short(c), n);
		if (len < 0 || (size_t)len >= size - at)
			return true;
		at += (size_t)len;
	}
	return at > 0;
}

void
classes_tally_add(struct classes_tally *tally, const msgpack_object *record)
{
	tally->n[classes_find(record)]++;
}

void
classes_tally_totals(struct classes_tally *tally, const msgpack_object *totals)
{
	uint64_t n;

	for (enum probe_class c = 0; c < PROBE_CLASS_N; c++)
		if (read_u64(totals, probe_class_name(c), &n))
			tally->n[c] = n;
}

static uint64_t
classes_tally_of(const struct classes_tally *tally, bool (*counts)(enum probe_class c))
{
	uint64_t sum = 0;

	for (enum probe_class c = 0; c < PROBE_CLASS_N; c++)
		sum += counts(c) ? tally->n[c] : 0;
	return sum;
}

uint64_t
classes_tally_answered(const struct classes_tally *tally)
{
	return classes_tally_of(tally, probe_class_is_answered);
}

uint64_t
classes_tally_lost(const struct classes_tally *tally)
{
	return classes_tally_of(tally, probe_class_is_lost);
}

void
classes_tally_print(const struct classes_tally *tally)
{
	const char *between = "";

	for (enum probe_class c = 0; c <= PROBE_CLASS_N; c++) {
		const char *name = c < PROBE_CLASS_N ? probe_class_name(c) : "unknown class";

		if (tally->n[c] == 0)
			continue;
		printf("%s%s %" PRIu64, between, name, tally->n[c]);
		between = ", ";
	}
	if (*between)
		putchar('\n');
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/view/pathtree.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/view/format.h"
#include "ctl/view/view.h"
#include "record/read.h"

#define PATHTREE_HOPS 32u
#define PATHTREE_TEXT 72u
#define PATHTREE_WIDTH 48 /* of a router with its indent */

/* ---- one path ---- */

/* The name of a hop; else its address; else "?". */
static void
pathtree_hop(const msgpack_object *hop, char text[PATHTREE_TEXT])
{
	if (!view_text(hop, "name", text, PATHTREE_TEXT) &&
	    !view_text(hop, "address", text, PATHTREE_TEXT))
		strcpy(text, "?");
}

const char *
pathtree_line(const msgpack_object *hops, char *buf, size_t size)
{
	char text[PATHTREE_TEXT];
	size_t at = 0;

	buf[0] = '\0';
	for (uint32_t i = 0; hops && i < hops->via.array.size && at < size; i++) {
		const msgpack_object *hop = &hops->via.array.ptr[i];

		if (hop->type == MSGPACK_OBJECT_MAP)
			pathtree_hop(hop, text);
		else
			view_clean(hop, text, sizeof(text));
		at += (size_t)snprintf(buf + at, size - at, "%s%s", i ? " > " : "", text);
	}
	return buf;
}

/* "10.0.0.1 -> 10.0.1.1 (host-b), UDP port 57236, TOS 104, rxe0, mesh" */
static void
pathtree_head(const msgpack_object *path, FILE *out)
{
	char a[PATHTREE_TEXT], b[PATHTREE_TEXT];

	view_text(path, "source", a, sizeof(a));
	view_text(path, "destination", b, sizeof(b));
	fprintf(out, "%s -> %s", a, b);
	if (view_text(path, "hostname", a, sizeof(a)))
		fprintf(out, " (%s)", a);
	view_text(path, "src_port", a, sizeof(a));
	view_text(path, "traffic_class", b, sizeof(b));
	fprintf(out, ", UDP port %s, TOS %s", a, b);
	if (view_text(path, "device", a, sizeof(a)))
		fprintf(out, ", %s", a);
	if (view_text(path, "kind", a, sizeof(a)))
		fprintf(out, ", %s", a);
	fputc('\n', out);
}

static void
pathtree_line_of_hop(const msgpack_object *hop, FILE *out)
{
	char ttl[FORMAT_TEXT], address[PATHTREE_TEXT], name[PATHTREE_TEXT], rtt[FORMAT_TEXT];
	uint64_t ns;

	view_text(hop, "ttl", ttl, sizeof(ttl));
	if (!view_text(hop, "address", address, sizeof(address))) {
		fprintf(out, "  %2s  no answer\n", ttl);
		return;
	}
	fprintf(out, "  %2s  %-15s", ttl, address);
	if (read_u64(hop, "rtt_ns", &ns))
		fprintf(out, "  %8s", format_ns(ns, rtt));
	if (view_text(hop, "name", name, sizeof(name)))
		fprintf(out, "  %s", name);
	fputc('\n', out);
}

static void
pathtree_ago(const msgpack_object *path, const char *key, uint64_t now_ns, FILE *out)
{
	char text[FORMAT_TEXT];
	uint64_t at;

	if (read_u64(path, key, &at))
		fprintf(out, ", %s ago", format_age(now_ns > at ? now_ns - at : 0, text));
}

static void
pathtree_remarks(const msgpack_object *path, uint64_t now_ns, FILE *out)
{
	const msgpack_object *hops = read_array(path, "hops"), *before = read_array(path, "before");
	char text[PATHTREE_HOPS * PATHTREE_TEXT];
	bool stable = true, losing = false;
	uint64_t changes = 0;

	read_bool(path, "stable", &stable);
	read_bool(path, "losing", &losing);
	read_u64(path, "changes", &changes);
	if (hops && hops->via.array.size > 0) {
		fprintf(out, "  traced");
		pathtree_ago(path, "time_ns", now_ns, out);
		fprintf(out, "%s%s\n", stable ? "" : "; not stable: answers disagree",
			losing ? "; it loses probes" : "");
	} else if (view_text(path, "state_reason", text, sizeof(text))) {
		fprintf(out, "  not known: %s\n", text);
	} else {
		fprintf(out, "  not known: it waits to be traced\n");
	}
	if (changes > 0) {
		fprintf(out, "  changed %" PRIu64 " time%s", changes, changes == 1 ? "" : "s");
		pathtree_ago(path, "changed_ns", now_ns, out);
		fputc('\n', out);
	}
	if (before && before->via.array.size > 0)
		fprintf(out, "  before: %s\n", pathtree_line(before, text, sizeof(text)));
}

void
pathtree_list(const msgpack_object *path, uint64_t now_ns, FILE *out)
{
	const msgpack_object *hops = read_array(path, "hops");

	pathtree_head(path, out);
	for (uint32_t i = 0; hops && i < hops->via.array.size; i++)
		pathtree_line_of_hop(&hops->via.array.ptr[i], out);
	pathtree_remarks(path, now_ns, out);
}

/* ---- the tree ---- */

struct pathtree_row {
	uint32_t n;
	char hop[PATHTREE_HOPS][PATHTREE_TEXT]; /* the source, then the routers, the destination */
};

static int
pathtree_order(const void *a, const void *b)
{
	const struct pathtree_row *x = a, *y = b;

	for (uint32_t i = 0; i < x->n && i < y->n; i++) {
		int order = strcmp(x->hop[i], y->hop[i]);

		if (order)
			return order;
	}
	return x->n < y->n ? -1 : x->n > y->n;
}

/* Returns whether its routers are known. */
static bool
pathtree_fill(struct pathtree_row *row, const msgpack_object *path)
{
	const msgpack_object *hops = read_array(path, "hops");
	uint32_t n = hops ? hops->via.array.size : 0;
	bool stable = true;

	if (n == 0)
		return false;
	read_bool(path, "stable", &stable);
	row->n = 0;
	view_text(path, "source", row->hop[row->n++], PATHTREE_TEXT);
	for (uint32_t i = 0; i < n && row->n < PATHTREE_HOPS - 1; i++)
		pathtree_hop(&hops->via.array.ptr[i], row->hop[row->n++]);
	view_text(path, "destination", row->hop[row->n], PATHTREE_TEXT);
	if (!stable)
		strncat(row->hop[row->n], " (not stable)",
			PATHTREE_TEXT - strlen(row->hop[row->n]) - 1);
	row->n++;
	return true;
}

/* The number of hops from the source on that two rows share. */
static uint32_t
pathtree_shared(const struct pathtree_row *a, const struct pathtree_row *b)
{
	uint32_t n = 0;

	while (n < a->n && n < b->n && strcmp(a->hop[n], b->hop[n]) == 0)
		n++;
	return n;
}

/* Rows of one branch come one after another: writes what this row does not share with the last. */
static void
pathtree_branch(const struct pathtree_row *rows, size_t at, size_t n, FILE *out)
{
	uint32_t depth = at > 0 ? pathtree_shared(&rows[at], &rows[at - 1]) : 0;

	for (; depth < rows[at].n; depth++) {
		size_t end = at + 1;

		while (end < n && pathtree_shared(&rows[at], &rows[end]) > depth)
			end++;
		fprintf(out, "%*s%-*s %4zu  %5.1f %%\n", 2 * (int)depth, "",
			PATHTREE_WIDTH - 2 * (int)depth, rows[at].hop[depth], end - at,
			100.0 * (double)(end - at) / (double)n);
	}
}

/* Writes how many paths are not known, and the reason of the first. */
static void
pathtree_rest(const msgpack_object *paths, FILE *out)
{
	char reason[256] = "", text[FORMAT_TEXT];
	uint64_t n = 0;

	for (uint32_t i = 0; i < paths->via.array.size; i++) {
		const msgpack_object *path = &paths->via.array.ptr[i],
				     *hops = read_array(path, "hops");

		if (hops && hops->via.array.size > 0)
			continue;
		n++;
		if (!reason[0] && !view_text(path, "state_reason", reason, sizeof(reason)))
			strcpy(reason, "");
	}
	if (n)
		fprintf(out, "%s not known%s%s\n", format_count(n, "path", text),
			reason[0] ? ": " : "", reason);
}

int
pathtree_write(const msgpack_object *paths, FILE *out)
{
	struct pathtree_row *rows = calloc(paths->via.array.size + 1u, sizeof(*rows));
	size_t n = 0;

	if (!rows)
		return -ENOMEM;
	for (uint32_t i = 0; i < paths->via.array.size; i++)
		n += pathtree_fill(&rows[n], &paths->via.array.ptr[i]);
	qsort(rows, n, sizeof(*rows), pathtree_order);
	for (size_t i = 0; i < n; i++)
		pathtree_branch(rows, i, n, out);
	free(rows);
	pathtree_rest(paths, out);
	return 0;
}

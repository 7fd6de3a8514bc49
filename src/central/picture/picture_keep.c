/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packed names are texts, each with its '\0'. Packed cells begin with PICTURE_PACKED, the length of
 * the window in seconds, what was unknown, what was left out, and the number of cells; then come
 * the cells. Numbers are little endian, 7 bits a byte, the last one below 128. A cell has its
 * flags; if it begins another row, how many rows further it is; how many columns further it is than
 * the cell before; and what the flags say. An RTT is a byte. Whoever adds something takes a new
 * flag, and a new PICTURE_PACKED.
 */
#include "central/picture/picture_keep.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "central/picture/picture_impl.h"

#define PICTURE_PACKED 1
#define PICTURE_SECOND_NS 1000000000ULL

enum {
	PICTURE_ROW = 1,         /* another row than the cell before */
	PICTURE_SENT = 2,        /* not sent as much as in the cell before */
	PICTURE_LOST = 4,
	PICTURE_NOISE = 8,
	PICTURE_ANSWERED = 16,   /* not all the rest is answered */
	PICTURE_RTT = 32,
	PICTURE_QUANTILES = 64,  /* the median, the 99th percentile and what is usual */
	PICTURE_FLAGS = 127
};

/* ---- merging ---- */

struct picture_name_of {
	const char *name;
	uint32_t i;
};

static int
picture_name_compare(const void *a, const void *b)
{
	return strcmp(((const struct picture_name_of *)a)->name,
		      ((const struct picture_name_of *)b)->name);
}

int
picture_add_name(struct picture_ports *p, const char *name)
{
	char **names;

	if (p->n_names == p->room_names) {
		names = reallocarray(p->names, p->room_names ? 2 * p->room_names : 64,
				     sizeof(*names));
		if (!names)
			return -ENOMEM;
		p->names = names;
		p->room_names = p->room_names ? 2 * p->room_names : 64;
	}
	p->names[p->n_names] = strdup(name);
	if (!p->names[p->n_names])
		return -ENOMEM;
	p->n_names++;
	return 0;
}

/* Sets index[i] to the name in `into` of each name i of `from`; adds those that are missing. */
static int
picture_map_names(struct picture_ports *into, const struct picture_ports *from, uint32_t *index)
{
	uint32_t n = into->n_names;
	struct picture_name_of *sorted = calloc(n + 1, sizeof(*sorted)), *found;
	int rc = sorted ? 0 : -ENOMEM;

	for (uint32_t i = 0; rc == 0 && i < n; i++)
		sorted[i] = (struct picture_name_of){into->names[i], i};
	if (rc == 0)
		qsort(sorted, n, sizeof(*sorted), picture_name_compare);
	for (uint32_t i = 0; rc == 0 && i < from->n_names; i++) {
		const struct picture_name_of key = {from->names[i], 0};

		found = bsearch(&key, sorted, n, sizeof(*sorted), picture_name_compare);
		index[i] = found ? found->i : into->n_names;
		if (!found)
			rc = picture_add_name(into, from->names[i]);
	}
	free(sorted);
	return rc;
}

static int
picture_merge_one(struct picture_view *into, const struct picture_view *from)
{
	uint32_t *index = calloc(from->ports.n_names + 1, sizeof(*index));
	int rc = index ? picture_map_names(&into->ports, &from->ports, index) : -ENOMEM;

	for (uint32_t i = 0; rc == 0 && i < from->cells.used; i++) {
		struct picture_cell cell = from->cells.table[i];

		cell.from = index[cell.from];
		cell.to = index[cell.to];
		rc = picture_cells_merge(&into->cells, &cell);
	}
	into->time_ns = from->time_ns;
	into->window_ns += from->window_ns;
	into->unknown += from->unknown;
	into->cells.left_out += from->cells.left_out;
	free(index);
	return rc;
}

int
picture_merge(struct picture_view *const *views, size_t n, struct picture_view **out)
{
	static const uint8_t no_key[16]; /* it has no ports */
	struct picture_view *view = picture_view_new(no_key);
	int rc = view ? 0 : -ENOMEM;

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = picture_merge_one(view, views[i]);
	if (rc < 0) {
		picture_release(view);
		return rc;
	}
	picture_cells_sort(&view->cells);
	*out = view;
	return 0;
}

/* ---- packing ---- */

static int
picture_reserve(struct picture_bytes *b, size_t n)
{
	size_t room = b->room ? b->room : 256;
	uint8_t *data;

	while (room - b->n < n)
		room *= 2;
	if (room == b->room)
		return 0;
	data = realloc(b->data, room);
	if (!data)
		return -ENOMEM;
	b->data = data;
	b->room = room;
	return 0;
}

/* There is room for 10 bytes. */
static void
picture_put(struct picture_bytes *b, uint64_t value)
{
	for (; value >= 128; value >>= 7)
		b->data[b->n++] = (uint8_t)(value | 128);
	b->data[b->n++] = (uint8_t)value;
}

int
picture_pack_names(const struct picture_view *view, struct picture_bytes *out)
{
	struct picture_bytes b = {NULL, 0, 0};
	int rc = picture_reserve(&b, 1);

	for (uint32_t i = 0; rc == 0 && i < view->ports.n_names; i++) {
		size_t n = strlen(view->ports.names[i]) + 1;

		rc = picture_reserve(&b, n);
		if (rc < 0)
			break;
		memcpy(b.data + b.n, view->ports.names[i], n);
		b.n += n;
	}
	if (rc < 0)
		free(b.data);
	else
		*out = b;
	return rc;
}

/* 12 steps an octave from 100 ns on; 0: there is none. */
static uint8_t
picture_rtt_code(double ns)
{
	double code = ns > 0 ? 1 + round(12 * log2(ns / 100)) : 0;

	return code <= 0 ? ns > 0 : code > 255 ? 255 : (uint8_t)code;
}

static double
picture_rtt_ns(uint8_t code)
{
	return code ? 100 * exp2(((double)code - 1) / 12) : 0;
}

static uint64_t
picture_rest(const struct picture_cell *cell)
{
	uint64_t gone = cell->lost + cell->noise;

	return cell->sent > gone ? cell->sent - gone : 0;
}

static void
picture_pack_cell(struct picture_bytes *b, const struct picture_cell *last,
		  const struct picture_cell *cell)
{
	bool row = cell->from != last->from;
	double mean_ns =
		cell->answered ? (double)cell->rtt_us * 1000 / (double)cell->answered : 0;
	bool quantiles = cell->rtt_p50_ns || cell->rtt_p99_ns || cell->baseline_ns;
	unsigned int flags = (row ? PICTURE_ROW : 0) | (mean_ns > 0 ? PICTURE_RTT : 0) |
			     (quantiles ? PICTURE_QUANTILES : 0) |
			     (cell->sent != last->sent ? PICTURE_SENT : 0) |
			     (cell->lost ? PICTURE_LOST : 0) | (cell->noise ? PICTURE_NOISE : 0) |
			     (cell->answered != picture_rest(cell) ? PICTURE_ANSWERED : 0);

	picture_put(b, flags);
	if (row)
		picture_put(b, cell->from - last->from);
	picture_put(b, row ? cell->to : cell->to - last->to);
	if (flags & PICTURE_SENT)
		picture_put(b, cell->sent);
	if (flags & PICTURE_LOST)
		picture_put(b, cell->lost);
	if (flags & PICTURE_NOISE)
		picture_put(b, cell->noise);
	if (flags & PICTURE_ANSWERED)
		picture_put(b, cell->answered);
	if (flags & PICTURE_RTT)
		b->data[b->n++] = picture_rtt_code(mean_ns);
	if (quantiles) {
		b->data[b->n++] = picture_rtt_code(cell->rtt_p50_ns);
		b->data[b->n++] = picture_rtt_code(cell->rtt_p99_ns);
		b->data[b->n++] = picture_rtt_code(cell->baseline_ns);
	}
}

int
picture_pack_cells(const struct picture_view *view, struct picture_bytes *out)
{
	const struct picture_cell none = {0}, *last = &none;
	struct picture_bytes b = {NULL, 0, 0};
	int rc = picture_reserve(&b, 64);

	if (rc < 0)
		return rc;
	picture_put(&b, PICTURE_PACKED);
	picture_put(&b, view->window_ns / PICTURE_SECOND_NS);
	picture_put(&b, view->unknown);
	picture_put(&b, view->cells.left_out);
	picture_put(&b, view->cells.used);
	for (uint32_t i = 0; i < view->cells.used; i++) {
		if (picture_reserve(&b, 80) < 0) {
			free(b.data);
			return -ENOMEM;
		}
		picture_pack_cell(&b, last, &view->cells.table[i]);
		last = &view->cells.table[i];
	}
	*out = b;
	return 0;
}

/* ---- unpacking ---- */

struct picture_reader {
	const uint8_t *at, *end;
	bool bad;
};

static uint64_t
picture_get(struct picture_reader *r)
{
	uint64_t value = 0;

	for (unsigned int shift = 0; r->at < r->end && shift < 64; shift += 7) {
		uint8_t byte = *r->at++;

		value |= (uint64_t)(byte & 127) << shift;
		if (byte < 128)
			return value;
	}
	r->bad = true;
	return 0;
}

static uint8_t
picture_get_byte(struct picture_reader *r)
{
	if (r->at < r->end)
		return *r->at++;
	r->bad = true;
	return 0;
}

static int
picture_get_names(struct picture_view *view, const struct picture_packed *packed)
{
	const uint8_t *at = packed->names, *end = at + packed->n_names;
	int rc = 0;

	while (rc == 0 && at < end) {
		size_t n = strnlen((const char *)at, (size_t)(end - at));

		if (at + n == end || n >= PICTURE_NAME)
			return -EPROTO;
		rc = picture_add_name(&view->ports, (const char *)at);
		at += n + 1;
	}
	return rc;
}

static void
picture_get_cell(struct picture_reader *r, const struct picture_cell *last,
		 struct picture_cell *cell)
{
	uint64_t flags = picture_get(r), row = flags & PICTURE_ROW ? picture_get(r) : 0;
	uint64_t column = picture_get(r);

	r->bad |= flags > PICTURE_FLAGS || row > UINT32_MAX - last->from ||
		  column > UINT32_MAX - last->to;
	*cell = (struct picture_cell){.from = last->from + (uint32_t)row,
				      .to = (uint32_t)column + (row ? 0 : last->to),
				      .sent = last->sent};
	if (flags & PICTURE_SENT)
		cell->sent = picture_get(r);
	if (flags & PICTURE_LOST)
		cell->lost = picture_get(r);
	if (flags & PICTURE_NOISE)
		cell->noise = picture_get(r);
	cell->answered = flags & PICTURE_ANSWERED ? picture_get(r) : picture_rest(cell);
	if (flags & PICTURE_RTT)
		cell->rtt_us = (uint64_t)round(picture_rtt_ns(picture_get_byte(r)) *
					       (double)cell->answered / 1000);
	if (flags & PICTURE_QUANTILES) {
		cell->rtt_p50_ns = (uint32_t)picture_rtt_ns(picture_get_byte(r));
		cell->rtt_p99_ns = (uint32_t)picture_rtt_ns(picture_get_byte(r));
		cell->baseline_ns = (uint32_t)picture_rtt_ns(picture_get_byte(r));
	}
	r->bad |= cell->sent == 0;
}

/* Cells are in order, so that a page can show them as they come. */
static int
picture_get_cells(struct picture_view *view, struct picture_reader *r)
{
	struct picture_cell last = {0}, cell;
	uint64_t n;

	r->bad |= picture_get(r) != PICTURE_PACKED;
	view->window_ns = picture_get(r) * PICTURE_SECOND_NS;
	view->unknown = picture_get(r);
	view->cells.left_out = picture_get(r);
	n = picture_get(r);
	if (r->bad || n > PICTURE_CELLS_MAX || n > (uint64_t)(r->end - r->at))
		return -EPROTO;
	view->cells.table = calloc(n + 1, sizeof(*view->cells.table));
	if (!view->cells.table)
		return -ENOMEM;
	for (uint64_t i = 0; i < n && !r->bad; i++) {
		picture_get_cell(r, &last, &cell);
		r->bad |= cell.from >= view->ports.n_names || cell.to >= view->ports.n_names ||
			  (i > 0 && cell.from == last.from && cell.to <= last.to);
		view->cells.table[view->cells.used++] = cell;
		last = cell;
	}
	return r->bad || r->at != r->end ? -EPROTO : 0;
}

int
picture_unpack(const struct picture_packed *packed, struct picture_view **out)
{
	static const uint8_t no_key[16];
	struct picture_reader r = {packed->cells, packed->cells + packed->n_cells, false};
	struct picture_view *view = picture_view_new(no_key);
	int rc = view ? picture_get_names(view, packed) : -ENOMEM;

	if (rc == 0)
		rc = picture_get_cells(view, &r);
	if (rc < 0) {
		picture_release(view);
		return rc;
	}
	view->time_ns = packed->time_ns;
	*out = view;
	return 0;
}

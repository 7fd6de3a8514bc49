/* SPDX-License-Identifier: Apache-2.0 */
#include "central/picture/picture_impl.h"

#include <errno.h>
#include <stdlib.h>

#define PICTURE_CELLS_FIRST 256u

/* Indices are ours, so the hash needs no key. */
static struct picture_cell *
picture_cells_place(const struct picture_cells *c, uint32_t from, uint32_t to)
{
	uint64_t hash = ((uint64_t)from << 32 | to) * 0x9e3779b97f4a7c15u;
	uint32_t mask = c->size - 1;

	for (uint32_t i = (uint32_t)(hash >> 32) & mask;; i = (i + 1) & mask) {
		struct picture_cell *cell = &c->table[i];

		if (cell->sent == 0 || (cell->from == from && cell->to == to))
			return cell;
	}
}

/* At most half of the places are in use. */
static int
picture_cells_grow(struct picture_cells *c)
{
	struct picture_cells more = {.size = c->size ? 2 * c->size : PICTURE_CELLS_FIRST,
				     .used = c->used,
				     .left_out = c->left_out};

	more.table = calloc(more.size, sizeof(*more.table));
	if (!more.table)
		return -ENOMEM;
	for (uint32_t i = 0; i < c->size; i++)
		if (c->table[i].sent > 0)
			*picture_cells_place(&more, c->table[i].from, c->table[i].to) =
				c->table[i];
	free(c->table);
	*c = more;
	return 0;
}

int
picture_cells_merge(struct picture_cells *c, const struct picture_cell *more)
{
	struct picture_cell *cell;

	if (2 * c->used >= c->size && c->used < PICTURE_CELLS_MAX && picture_cells_grow(c) < 0)
		return -ENOMEM;
	cell = picture_cells_place(c, more->from, more->to);
	if (cell->sent == 0) {
		if (c->used >= PICTURE_CELLS_MAX) {
			c->left_out++;
			return 0;
		}
		c->used++;
		cell->from = more->from;
		cell->to = more->to;
	}
	cell->sent += more->sent;
	cell->answered += more->answered;
	cell->lost += more->lost;
	cell->noise += more->noise;
	cell->rtt_us += more->rtt_us;
	return 0;
}

int
picture_cells_add(struct picture_cells *c, uint32_t from, uint32_t to,
		  const struct intake_counts *counts)
{
	const struct picture_cell cell = {.from = from,
					  .to = to,
					  .sent = counts->sent,
					  .answered = counts->answered,
					  .lost = counts->lost + counts->unreachable,
					  .noise = counts->noise,
					  .rtt_us = counts->rtt_us};

	return picture_cells_merge(c, &cell);
}

static int
picture_cells_compare(const void *a, const void *b)
{
	const struct picture_cell *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return x->to == y->to ? 0 : x->to < y->to ? -1 : 1;
}

void
picture_cells_sort(struct picture_cells *c)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < c->size; i++)
		if (c->table[i].sent > 0)
			c->table[n++] = c->table[i];
	if (n > 0)
		qsort(c->table, n, sizeof(*c->table), picture_cells_compare);
}

void
picture_cells_clear(struct picture_cells *c)
{
	free(c->table);
	*c = (struct picture_cells){0};
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "central/picture/picture_impl.h"

#include <stdlib.h>
#include <string.h>

static bool
picture_far(uint64_t a, uint64_t b, uint64_t part)
{
	uint64_t most = a > b ? a : b;

	return (a > b ? a - b : b - a) > most / part;
}

static uint64_t
picture_rtt(const struct picture_cell *cell)
{
	return cell->answered ? cell->rtt_us * 1000 / cell->answered : 0;
}

static bool
picture_cell_differs(const struct picture_cell *a, const struct picture_cell *b)
{
	return a->lost != b->lost || a->noise != b->noise || picture_far(a->sent, b->sent, 4) ||
	       !a->answered != !b->answered || picture_far(picture_rtt(a), picture_rtt(b), 10) ||
	       picture_far(a->rtt_p50_ns, b->rtt_p50_ns, 10) ||
	       picture_far(a->rtt_p99_ns, b->rtt_p99_ns, 10) ||
	       picture_far(a->baseline_ns, b->baseline_ns, 10);
}

static int
picture_order(const struct picture_cell *a, const struct picture_cell *b)
{
	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	return a->to == b->to ? 0 : a->to < b->to ? -1 : 1;
}

static void
picture_add_gone(struct picture_changes *out, uint32_t from, uint32_t to, uint64_t time_ns)
{
	if (out->n_gone < PICTURE_GONE_MAX)
		out->gone[out->n_gone++] = (struct picture_gone){from, to, time_ns};
	else
		out->base_ns = time_ns;
}

/* Those of before that are not too old; a cell that is there again is told as changed. */
static void
picture_keep_gone(struct picture_changes *out, const struct picture_step_from *from)
{
	for (uint32_t i = 0; i < from->told->n_gone; i++) {
		const struct picture_gone *gone = &from->told->gone[i];

		if (from->time_ns < gone->gone_ns + PICTURE_GONE_NS)
			picture_add_gone(out, gone->from, gone->to, gone->gone_ns);
		else if (out->base_ns < gone->gone_ns)
			out->base_ns = gone->gone_ns;
	}
}

/* Walks the cells of both pictures, which have the same order. */
static void
picture_compare(struct picture_changes *out, const struct picture_step_from *from)
{
	const struct picture_cell *before = from->before->table, *now = from->now->table;
	uint32_t b = 0;

	for (uint32_t i = 0; i < from->now->used; i++) {
		for (; b < from->before->used && picture_order(&before[b], &now[i]) < 0; b++)
			picture_add_gone(out, before[b].from, before[b].to, from->time_ns);
		out->told[i] = (struct picture_told){now[i], from->time_ns};
		if (b == from->before->used || picture_order(&before[b], &now[i]) != 0)
			continue;
		if (!picture_cell_differs(&from->told->told[b].cell, &now[i]))
			out->told[i] = from->told->told[b];
		b++;
	}
	for (; b < from->before->used; b++)
		picture_add_gone(out, before[b].from, before[b].to, from->time_ns);
}

void
picture_changes_make(struct picture_changes *out, const struct picture_step_from *from)
{
	bool goes_on = from->same_names && from->told->told;

	*out = (struct picture_changes){.base_ns = goes_on ? from->told->base_ns : from->time_ns};
	out->told = calloc(from->now->used + 1, sizeof(*out->told));
	out->gone = calloc(PICTURE_GONE_MAX, sizeof(*out->gone));
	if (!out->told || !out->gone) {
		picture_changes_clear(out);
		return;
	}
	if (goes_on) {
		picture_keep_gone(out, from);
		picture_compare(out, from);
		return;
	}
	for (uint32_t i = 0; i < from->now->used; i++)
		out->told[i] = (struct picture_told){from->now->table[i], from->time_ns};
}

void
picture_changes_clear(struct picture_changes *changes)
{
	free(changes->told);
	free(changes->gone);
	*changes = (struct picture_changes){.base_ns = UINT64_MAX};
}

bool
picture_same_names(const struct picture_ports *a, const struct picture_ports *b)
{
	if (a->n_names != b->n_names)
		return false;
	for (uint32_t i = 0; i < a->n_names; i++)
		if (strcmp(a->names[i], b->names[i]) != 0)
			return false;
	return true;
}

bool
picture_knows_since(const struct picture_view *view, uint64_t since_ns)
{
	return view->changes.told && since_ns >= view->changes.base_ns &&
	       since_ns <= view->time_ns;
}

bool
picture_cell_since(const struct picture_view *view, uint32_t i, uint64_t since_ns)
{
	return view->changes.told[i].changed_ns > since_ns;
}

bool
picture_gone(const struct picture_view *view, uint64_t since_ns, uint32_t *i,
	     struct picture_cell *out)
{
	while (*i < view->changes.n_gone) {
		const struct picture_gone *gone = &view->changes.gone[(*i)++];

		if (gone->gone_ns <= since_ns)
			continue;
		*out = (struct picture_cell){.from = gone->from, .to = gone->to};
		return true;
	}
	return false;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From rows to what the search needs: the rows with a loss, the parts that at least two losses
 * cross, which of these rows cross which of these parts, and how many rows without a loss do.
 * All else has nothing to be accused of. If very many rows have a loss, a sample of all rows will
 * do.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "locate/locate_impl.h"

#define LOSSES 2

bool
locate_row_used(const struct locate_work *work, const struct locate_row *row)
{
	uint32_t index = (uint32_t)(row - work->evidence->rows);

	return row->sent && !work->excused[row->from] && !work->excused[row->to] &&
	       (work->sample == 1 || (index * 2654435761u >> 8) % work->sample == 0);
}

struct locate_count
locate_row_count(const struct locate_work *work, const struct locate_row *row)
{
	if (work->slow)
		return (struct locate_count){row->sent - row->lost, row->slow};
	return (struct locate_count){row->sent, row->lost + row->half};
}

/* Every row has slow probes now and then. Those that have no more than usual count as quiet. */
static bool
locate_gather_lossy(const struct locate_work *work, const struct locate_row *row)
{
	struct locate_count count = locate_row_count(work, row);
	double usual = count.n * work->background;

	return work->slow ? count.k > usual + 2 * sqrt(usual) + 1 : count.k > 0;
}

static void
locate_gather_totals(struct locate_work *work)
{
	const struct locate_evidence *e = work->evidence;

	for (size_t i = 0; i < e->n_rows; i++) {
		struct locate_count count = locate_row_count(work, &e->rows[i]);

		if (!locate_row_used(work, &e->rows[i]))
			continue;
		work->probes += count.n;
		work->losses += count.k;
		work->packets += (work->slow ? 1.0 : 3.0) * count.n;
	}
}

static int
locate_gather_rows(struct locate_work *work)
{
	const struct locate_evidence *e = work->evidence;
	size_t n = 0;

	for (size_t i = 0; i < e->n_rows; i++)
		n += locate_row_used(work, &e->rows[i]) && locate_gather_lossy(work, &e->rows[i]);
	if (n > LOCATE_LOSSY) {
		work->sample = (uint32_t)(n / LOCATE_LOSSY) + 1;
		work->packets /= work->sample;
	}
	work->lossy = calloc(n ? n : 1, sizeof(*work->lossy));
	if (!work->lossy)
		return -ENOMEM;
	for (size_t i = 0; i < e->n_rows; i++) {
		if (!locate_row_used(work, &e->rows[i]))
			continue;
		if (!locate_gather_lossy(work, &e->rows[i])) {
			work->quiet_losses += locate_row_count(work, &e->rows[i]).k;
			continue;
		}
		work->lossy[work->n_lossy++] = (struct locate_lossy){
			.row = (uint32_t)i, .wrong = locate_row_wrong(work, &e->rows[i])};
	}
	return 0;
}

/* Counts the losses of each part; `pairs` becomes the number of pairs that the chosen have. */
static size_t
locate_gather_count(struct locate_work *work, uint32_t *rows_of, uint32_t *slot)
{
	struct locate_row_parts of;
	size_t pairs = 0;

	for (size_t i = 0; i < work->n_lossy; i++) {
		const struct locate_row *row = &work->evidence->rows[work->lossy[i].row];

		locate_parts_of(work, work->lossy[i].row, &of);
		for (size_t k = 0; k < of.n; k++) {
			work->losses_of[of.part[k]] += locate_row_count(work, row).k;
			rows_of[of.part[k]]++;
		}
	}
	for (uint32_t part = 0; part < work->parts.n; part++)
		if (work->losses_of[part] >= LOSSES) {
			slot[part] = (uint32_t)work->n_part++;
			pairs += rows_of[part];
		} else {
			slot[part] = LOCATE_NONE;
		}
	work->slot = slot;
	return pairs;
}

static int
locate_gather_parts(struct locate_work *work, const uint32_t *rows_of, size_t pairs)
{
	uint32_t first = 0;

	work->part = calloc(work->n_part ? work->n_part : 1, sizeof(*work->part));
	work->pair = calloc(pairs ? pairs : 1, sizeof(*work->pair));
	if (!work->part || !work->pair)
		return -ENOMEM;
	for (uint32_t part = 0; part < work->parts.n; part++) {
		struct locate_part *p;

		if (work->slot[part] == LOCATE_NONE)
			continue;
		p = &work->part[work->slot[part]];
		p->part = part;
		p->losses = work->losses_of[part];
		p->first = first;
		first += rows_of[part];
		locate_parts_describe(work, p);
	}
	work->n_pair = pairs;
	return 0;
}

static void
locate_gather_pairs(struct locate_work *work)
{
	struct locate_row_parts of;

	for (size_t i = 0; i < work->n_lossy; i++) {
		locate_parts_of(work, work->lossy[i].row, &of);
		for (size_t k = 0; k < of.n; k++) {
			struct locate_part *p = &work->part[work->slot[of.part[k]]];

			work->pair[p->first + p->n++] =
				(struct locate_pair){(uint32_t)i, of.mask[k]};
		}
	}
}

/* Rows without a loss, which are nearly all. */
static void
locate_gather_quiet(struct locate_work *work)
{
	const struct locate_evidence *e = work->evidence;
	struct locate_row_parts of;

	for (size_t i = 0; i < e->n_rows; i++) {
		const struct locate_row *row = &e->rows[i];
		uint32_t n = locate_row_count(work, row).n;

		if (!n || !locate_row_used(work, row) || locate_gather_lossy(work, row))
			continue;
		locate_quiet_wrong(work, n, locate_row_wrong(work, row));
		locate_parts_of(work, (uint32_t)i, &of);
		for (size_t k = 0; k < of.n; k++)
			locate_quiet_add(work, &work->part[work->slot[of.part[k]]], n, of.mask[k]);
	}
}

static int
locate_gather_chosen(struct locate_work *work)
{
	uint32_t *slot = malloc(work->parts.n * sizeof(*slot));
	uint32_t *rows_of = calloc(work->parts.n, sizeof(*rows_of));
	int error = -ENOMEM;

	work->losses_of = calloc(work->parts.n, sizeof(*work->losses_of));
	if (slot && rows_of && work->losses_of)
		error = locate_gather_parts(work, rows_of,
					    locate_gather_count(work, rows_of, slot));
	else
		free(slot);
	free(rows_of);
	return error;
}

int
locate_gather(struct locate_work *work)
{
	int error;

	locate_gather_totals(work);
	locate_set_background(work, work->slow && work->probes ?
			      fmin((double)work->losses / (double)work->probes, 0.05) : 0);
	error = locate_gather_rows(work);
	if (error || !work->n_lossy)
		return error;
	error = locate_gather_chosen(work);
	if (error)
		return error;
	locate_gather_pairs(work);
	locate_gather_quiet(work);
	return 0;
}

void
locate_gather_free(struct locate_work *work)
{
	free(work->slot);
	free(work->losses_of);
	free(work->part);
	free(work->pair);
	free(work->lossy);
}

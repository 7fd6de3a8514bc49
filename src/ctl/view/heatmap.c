/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/view/heatmap.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/utf8.h"
#include "ctl/view/format.h"
#include "ctl/view/peer.h"
#include "ctl/view/state.h"
#include "ctl/view/table.h"
#include "ctl/view/view.h"
#include "record/read.h"

#define HEATMAP_CELLS_MAX (1u << 20)
#define HEATMAP_GAP 2
#define HEATMAP_TEXT 64
#define HEATMAP_BLOCK (TABLE_COLUMNS_MAX - 1)

const char *const heatmap_metric_names[HEATMAP_METRICS] = {
	[HEATMAP_BOTH] = "both",		  [HEATMAP_RTT] = "rtt",
	[HEATMAP_LOSS] = "loss",		  [HEATMAP_PROBER] = "prober",
	[HEATMAP_RESPONDER] = "responder",
};

struct heatmap_cell {
	const msgpack_object *peer; /* the worst peer of this cell; NULL: none */
	uint32_t more;              /* other peers of this cell */
};

struct heatmap_names {
	char (*names)[HEATMAP_TEXT];
	size_t n;
};

struct heatmap {
	enum heatmap_metric metric;
	struct heatmap_names rows, columns;
	struct heatmap_cell *cells; /* columns.n in each row */
	uint64_t bounds[HEATMAP_LEVELS - 1];
	bool scaled, more;         /* a time is known; a cell has more than one peer */
};

/* ---- rows and columns ---- */

static int
heatmap_compare(const void *a, const void *b)
{
	return strverscmp(a, b);
}

/* The name, or "-" if the record has none. */
static const char *
heatmap_name(const msgpack_object *peer, const char *key, char buf[HEATMAP_TEXT])
{
	if (!view_text(peer, key, buf, HEATMAP_TEXT) || !buf[0])
		strcpy(buf, "-");
	return buf;
}

/* Collects the names, sorted, each once. */
static int
heatmap_names_make(const msgpack_object_array *list, const char *key, struct heatmap_names *out)
{
	char (*names)[HEATMAP_TEXT] = calloc(list->size + 1, sizeof(*names));
	size_t n = 0;

	if (!names)
		return -ENOMEM;
	for (uint32_t i = 0; i < list->size; i++)
		heatmap_name(&list->ptr[i], key, names[i]);
	qsort(names, list->size, sizeof(*names), heatmap_compare);
	for (uint32_t i = 0; i < list->size; i++)
		if (i == 0 || strcmp(names[n - 1], names[i]) != 0)
			memmove(names[n++], names[i], sizeof(*names));
	out->names = names;
	out->n = n;
	return 0;
}

static size_t
heatmap_index(const struct heatmap_names *names, const char *name)
{
	const char(*found)[HEATMAP_TEXT] =
		bsearch(name, names->names, names->n, sizeof(*names->names), heatmap_compare);

	return (size_t)(found - (const char (*)[HEATMAP_TEXT])names->names);
}

static void
heatmap_put(struct heatmap *matrix, const msgpack_object *peer, const char *row_key,
	    const char *column_key)
{
	char row[HEATMAP_TEXT], column[HEATMAP_TEXT];
	struct heatmap_cell *cell;
	size_t at;

	at = heatmap_index(&matrix->rows, heatmap_name(peer, row_key, row)) * matrix->columns.n;
	cell = &matrix->cells[at + heatmap_index(&matrix->columns,
						 heatmap_name(peer, column_key, column))];
	if (cell->peer) {
		cell->more++;
		matrix->more = true;
	}
	if (!cell->peer || peer_badness(peer) > peer_badness(cell->peer))
		cell->peer = peer;
}

/* ---- levels ---- */

/* The metric's key in the map "recent"; NULL: the metric is no time. */
static const char *
heatmap_key(enum heatmap_metric metric)
{
	static const char *const keys[HEATMAP_METRICS] = {
		[HEATMAP_BOTH] = "rtt_p50_ns",
		[HEATMAP_RTT] = "rtt_p50_ns",
		[HEATMAP_PROBER] = "prober_delay_p50_ns",
		[HEATMAP_RESPONDER] = "responder_delay_p50_ns",
	};

	return keys[metric];
}

void
heatmap_scale(uint64_t least, uint64_t most, uint64_t bounds[HEATMAP_LEVELS - 1])
{
	double low = least ? (double)least : 1, ratio = (double)most / low;

	if (ratio < 2)
		ratio = 2;
	for (unsigned int i = 1; i < HEATMAP_LEVELS; i++) {
		double bound = ceil(low * pow(ratio, (double)i / HEATMAP_LEVELS));

		bounds[i - 1] = bound < 0x1p64 ? (uint64_t)bound : UINT64_MAX;
	}
}

static void
heatmap_scale_all(struct heatmap *matrix)
{
	const char *key = heatmap_key(matrix->metric);
	uint64_t least = UINT64_MAX, most = 0, ns;

	for (size_t i = 0; key && i < matrix->rows.n * matrix->columns.n; i++) {
		if (state_of_peer(matrix->cells[i].peer) != STATE_PEER_UP ||
		    !read_u64(read_map(matrix->cells[i].peer, "recent"), key, &ns))
			continue;
		least = ns < least ? ns : least;
		most = ns > most ? ns : most;
		matrix->scaled = true;
	}
	if (matrix->scaled)
		heatmap_scale(least, most, matrix->bounds);
}

static unsigned int
heatmap_level(const struct heatmap *matrix, uint64_t ns)
{
	unsigned int level = 0;

	while (level < HEATMAP_LEVELS - 1 && ns >= matrix->bounds[level])
		level++;
	return level;
}

/* The levels of loss: none, below 1 %, below 5 %, more. */
static unsigned int
heatmap_loss_level(double ratio)
{
	return ratio >= 0.05 ? 3 : ratio >= 0.01 ? 2 : ratio > 0 ? 1 : 0;
}

static const char *
heatmap_mark(unsigned int level, bool unicode)
{
	static const char *const blocks[HEATMAP_LEVELS] = {"\u2591", "\u2592", "\u2593", "\u2588"};
	static const char *const letters[HEATMAP_LEVELS] = {"a", "b", "c", "d"};

	return unicode ? blocks[level] : letters[level];
}

/* ---- cells ---- */

/* "▒ 20.4 ms 0.3%" */
static void
heatmap_text(const struct heatmap *matrix, const struct heatmap_cell *cell, bool unicode,
	     char buf[TABLE_CELL_MAX], enum table_color *color)
{
	const msgpack_object *recent = read_map(cell->peer, "recent");
	const char *key = heatmap_key(matrix->metric), *mark = "?";
	char value[FORMAT_TEXT] = "?", loss[FORMAT_TEXT] = "?", state[32];
	bool lossy = matrix->metric == HEATMAP_LOSS, known;
	double ratio;
	uint64_t ns;

	*color = TABLE_PLAIN;
	if (!cell->peer) {
		strcpy(buf, ".");
		return;
	}
	if (state_of_peer(cell->peer) != STATE_PEER_UP) {
		*color = peer_state_color(cell->peer);
		snprintf(buf, TABLE_CELL_MAX, "%s",
			 view_text(cell->peer, "state", state, sizeof(state)) ? state : "?");
		return;
	}
	known = read_double(recent, "lost_ratio", &ratio) && ratio >= 0 && ratio <= 1;
	if (known) {
		*color = peer_loss_color(ratio);
		format_ratio(ratio, loss);
	}
	if (lossy && known)
		mark = heatmap_mark(heatmap_loss_level(ratio), unicode);
	if (key && read_u64(recent, key, &ns)) {
		mark = heatmap_mark(heatmap_level(matrix, ns), unicode);
		format_ns(ns, value);
	}
	if (matrix->metric == HEATMAP_BOTH)
		snprintf(buf, TABLE_CELL_MAX, "%s %s %s%s", mark, value, loss,
			 cell->more ? " +" : "");
	else
		snprintf(buf, TABLE_CELL_MAX, "%s %s%s", mark, lossy ? loss : value,
			 cell->more ? " +" : "");
}

int
heatmap_new(const msgpack_object *list, enum heatmap_metric metric, struct heatmap **out)
{
	const msgpack_object_array *a = &list->via.array;
	const char *row_key = "address", *column_key = "device";
	struct heatmap *matrix = calloc(1, sizeof(*matrix));
	int rc = -ENOMEM;

	if (!matrix)
		return rc;
	matrix->metric = metric;
	if (heatmap_names_make(a, row_key, &matrix->rows) < 0 ||
	    heatmap_names_make(a, column_key, &matrix->columns) < 0)
		goto fail;
	if (matrix->columns.n > matrix->rows.n) {
		struct heatmap_names rows = matrix->rows;

		matrix->rows = matrix->columns;
		matrix->columns = rows;
		row_key = "device";
		column_key = "address";
	}
	rc = -E2BIG;
	if (matrix->rows.n * matrix->columns.n > HEATMAP_CELLS_MAX)
		goto fail;
	rc = -ENOMEM;
	matrix->cells = calloc(matrix->rows.n * matrix->columns.n + 1, sizeof(*matrix->cells));
	if (!matrix->cells)
		goto fail;
	for (uint32_t i = 0; i < a->size; i++)
		heatmap_put(matrix, &a->ptr[i], row_key, column_key);
	heatmap_scale_all(matrix);
	*out = matrix;
	return 0;
fail:
	heatmap_free(matrix);
	return rc;
}

void
heatmap_free(struct heatmap *matrix)
{
	if (!matrix)
		return;
	free(matrix->rows.names);
	free(matrix->columns.names);
	free(matrix->cells);
	free(matrix);
}

/* ---- blocks ---- */

static size_t
heatmap_widest(const struct heatmap_names *names)
{
	size_t widest = 0;

	for (size_t i = 0; i < names->n; i++) {
		size_t w = utf8_width(names->names[i]);

		widest = w > widest ? w : widest;
	}
	return widest;
}

static size_t
heatmap_column_width(const struct heatmap *matrix, size_t column, bool unicode)
{
	size_t width = utf8_width(matrix->columns.names[column]);
	char text[TABLE_CELL_MAX];
	enum table_color color;

	for (size_t r = 0; r < matrix->rows.n; r++) {
		size_t w;

		heatmap_text(matrix, &matrix->cells[r * matrix->columns.n + column], unicode, text,
			     &color);
		w = utf8_width(text);
		width = w > width ? w : width;
	}
	return width;
}

/* The number of columns from `first` on that fit side by side, at least one. */
static size_t
heatmap_block(const struct heatmap *matrix, size_t first, size_t head, size_t width, bool unicode)
{
	size_t n = 0, at = head;

	while (first + n < matrix->columns.n && n < HEATMAP_BLOCK) {
		at += HEATMAP_GAP + heatmap_column_width(matrix, first + n, unicode);
		if (n > 0 && width && at > width)
			break;
		n++;
	}
	return n;
}

/* Cuts a name to half of the width. */
static void
heatmap_head(const char *name, size_t room, char buf[HEATMAP_TEXT])
{
	size_t width, n = utf8_cut(name, room, &width);

	if (!name[n]) {
		strcpy(buf, name);
		return;
	}
	n = utf8_cut(name, room - 1, &width);
	memcpy(buf, name, n);
	strcpy(buf + n, "~");
}

static int
heatmap_write_block(const struct heatmap *matrix, size_t first, size_t n, size_t head, size_t width,
		    bool unicode, bool color, FILE *out)
{
	struct table_column columns[TABLE_COLUMNS_MAX] = {{.title = ""}};
	char text[TABLE_CELL_MAX];
	enum table_color paint;
	struct table *table;

	for (size_t c = 0; c < n; c++)
		columns[c + 1].title = matrix->columns.names[first + c];
	table = table_new(columns, n + 1);
	for (size_t r = 0; table && r < matrix->rows.n; r++) {
		if (table_row(table) < 0) {
			table_free(table);
			return -ENOMEM;
		}
		heatmap_head(matrix->rows.names[r], head, text);
		table_cell(table, 0, TABLE_PLAIN, text);
		for (size_t c = 0; c < n; c++) {
			heatmap_text(matrix, &matrix->cells[r * matrix->columns.n + first + c],
				     unicode, text, &paint);
			table_cell(table, c + 1, paint, text);
		}
	}
	if (!table)
		return -ENOMEM;
	table_write(table, out, width, color);
	table_free(table);
	return 0;
}

static void
heatmap_legend(const struct heatmap *matrix, bool unicode, FILE *out)
{
	static const char *const loss[HEATMAP_LEVELS] = {"no loss", "below 1 %", "below 5 %",
							"more"};
	char text[FORMAT_TEXT];

	fputc('\n', out);
	for (unsigned int i = 0; matrix->metric == HEATMAP_LOSS && i < HEATMAP_LEVELS; i++)
		fprintf(out, "%s%s %s", i ? "   " : "", heatmap_mark(i, unicode), loss[i]);
	for (unsigned int i = 0; matrix->scaled && i < HEATMAP_LEVELS; i++) {
		uint64_t bound = matrix->bounds[i ? i - 1 : 0];

		fprintf(out, "%s%s %s %s", i ? "   " : "", heatmap_mark(i, unicode),
			i ? "from" : "below", format_ns(bound, text));
	}
	fputs(matrix->metric == HEATMAP_LOSS || matrix->scaled ? "\n" : "", out);
	fprintf(out, "? not known   . not probed%s\n",
		matrix->more ? "   + other peers there as well, this is the worst" : "");
}

int
heatmap_write(const struct heatmap *matrix, size_t width, bool unicode, bool color, FILE *out)
{
	size_t head = heatmap_widest(&matrix->rows), n;

	if (width && head > width / 2)
		head = width / 2 > 1 ? width / 2 : 2;
	for (size_t first = 0; first < matrix->columns.n; first += n) {
		int rc;

		if (first)
			fputc('\n', out);
		n = heatmap_block(matrix, first, head, width, unicode);
		rc = heatmap_write_block(matrix, first, n, head, width, unicode, color, out);
		if (rc < 0)
			return rc;
	}
	heatmap_legend(matrix, unicode, out);
	return 0;
}

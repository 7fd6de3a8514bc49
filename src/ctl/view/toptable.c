/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/view/toptable.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/utf8.h"
#include "ctl/view/cell.h"
#include "ctl/view/classes.h"
#include "ctl/view/format.h"
#include "ctl/view/peer.h"
#include "ctl/view/trend.h"
#include "ctl/view/view.h"
#include "record/read.h"

const char *const toptable_sort_names[TOPTABLE_SORTS] = {
	[TOPTABLE_WORST] = "worst",   [TOPTABLE_RTT] = "rtt",
	[TOPTABLE_P99] = "p99",	      [TOPTABLE_LOSS] = "loss",
	[TOPTABLE_PROBER] = "prober", [TOPTABLE_RESPONDER] = "responder",
	[TOPTABLE_NAME] = "name",
};

/* ---- order ---- */

struct toptable_entry {
	const msgpack_object *record;
	uint32_t index;
	bool known;
	double badness; /* for ratios and weights */
	uint64_t ns;
	char name[64];
};

/* The key "address" of a peer record, or "peer" of a target record. */
static bool
toptable_name(const msgpack_object *record, char *buf, size_t size)
{
	return view_text(record, "address", buf, size) || view_text(record, "peer", buf, size);
}

static void
toptable_key(struct toptable_entry *entry, enum toptable_sort sort)
{
	static const char *const keys[TOPTABLE_SORTS] = {
		[TOPTABLE_RTT] = "rtt_p50_ns",
		[TOPTABLE_P99] = "rtt_p99_ns",
		[TOPTABLE_PROBER] = "prober_delay_p50_ns",
		[TOPTABLE_RESPONDER] = "responder_delay_p50_ns",
	};
	const msgpack_object *recent = read_map(entry->record, "recent");

	if (sort == TOPTABLE_NAME) {
		entry->known = toptable_name(entry->record, entry->name, sizeof(entry->name));
	} else if (sort == TOPTABLE_WORST) {
		entry->known = true;
		entry->badness = peer_badness(entry->record);
	} else if (sort == TOPTABLE_LOSS) {
		entry->known = read_double(recent, "lost_ratio", &entry->badness);
	} else {
		entry->known = read_u64(recent, keys[sort], &entry->ns);
	}
}

static int
toptable_compare(const void *a, const void *b, void *arg)
{
	const struct toptable_entry *x = a, *y = b;
	const bool *reverse = arg;
	int by;

	if (x->known != y->known)
		return x->known ? -1 : 1;
	by = (x->badness < y->badness) - (x->badness > y->badness);
	if (by == 0)
		by = (x->ns < y->ns) - (x->ns > y->ns);
	if (by == 0)
		by = strverscmp(x->name, y->name); /* 10.0.0.9 comes before 10.0.0.10 */
	if (by)
		return *reverse ? -by : by;
	return x->index < y->index ? -1 : x->index > y->index;
}

static bool
toptable_passes(const msgpack_object *record, const char *filter)
{
	static const char *const keys[] = {"address",  "peer",	"device",
					   "hostname", "state", "kind"};
	char text[TABLE_CELL_MAX];

	if (!filter[0])
		return true;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (view_text(record, keys[i], text, sizeof(text)) && strcasestr(text, filter))
			return true;
	return false;
}

int
toptable_order(const msgpack_object *list, const struct toptable_query *query,
	       const msgpack_object ***out, size_t *n)
{
	uint32_t size = list->via.array.size;
	struct toptable_entry *entries = calloc(size + 1, sizeof(*entries));
	const msgpack_object **rows = calloc(size + 1, sizeof(const msgpack_object *));
	bool reverse = query->reverse;
	size_t shown = 0;

	if (!entries || !rows) {
		free(entries);
		free(rows);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < size; i++) {
		if (!toptable_passes(&list->via.array.ptr[i], query->filter))
			continue;
		entries[shown] =
			(struct toptable_entry){.record = &list->via.array.ptr[i], .index = i};
		toptable_key(&entries[shown++], query->sort);
	}
	qsort_r(entries, shown, sizeof(*entries), toptable_compare, &reverse);
	for (size_t i = 0; i < shown; i++)
		rows[i] = entries[i].record;
	free(entries);
	*out = rows;
	*n = shown;
	return 0;
}

/* ---- table ---- */

enum toptable_column {
	TOPTABLE_COLUMN_PEER,
	TOPTABLE_COLUMN_DEVICE,
	TOPTABLE_COLUMN_HOST,
	TOPTABLE_COLUMN_STATE,
	TOPTABLE_COLUMN_KIND,
	TOPTABLE_COLUMN_PORT,
	TOPTABLE_COLUMN_LOSS,
	TOPTABLE_COLUMN_P50,
	TOPTABLE_COLUMN_P99,
	TOPTABLE_COLUMN_PROBER,
	TOPTABLE_COLUMN_RESPONDER,
	TOPTABLE_COLUMN_NOISE,
	TOPTABLE_COLUMN_VERDICT,
	TOPTABLE_COLUMN_RTT_TREND,
	TOPTABLE_COLUMN_LOSS_TREND,
	TOPTABLE_COLUMN_NOT_OK,
	TOPTABLE_COLUMN_REASON,
	TOPTABLE_COLUMN_N
};

/* The column of the order has priority 0, so it stays. */
#define TOPTABLE_COLUMNS(p50, p99, loss, prober, responder) \
	{ \
		[TOPTABLE_COLUMN_PEER] = {.title = "PEER"}, \
		[TOPTABLE_COLUMN_DEVICE] = {.title = "DEVICE", .key = "device", .priority = 9}, \
		[TOPTABLE_COLUMN_HOST] = {.title = "HOST", \
					  .key = "hostname", \
					  .priority = 8, \
					  .optional = true}, \
		[TOPTABLE_COLUMN_STATE] = {.title = "STATE", .optional = true}, \
		[TOPTABLE_COLUMN_KIND] = {.title = "KIND", \
					  .key = "kind", \
					  .priority = 10, \
					  .optional = true}, \
		[TOPTABLE_COLUMN_PORT] = {.title = "PORT", \
					  .key = "src_port", \
					  .priority = 4, \
					  .right = true, \
					  .optional = true}, \
		[TOPTABLE_COLUMN_LOSS] = {.title = "LOSS", .priority = loss, .right = true}, \
		[TOPTABLE_COLUMN_P50] = {.title = "RTT P50", .priority = p50, .right = true}, \
		[TOPTABLE_COLUMN_P99] = {.title = "RTT P99", .priority = p99, .right = true}, \
		[TOPTABLE_COLUMN_PROBER] = {.title = "PROBER", .priority = prober, .right = true}, \
		[TOPTABLE_COLUMN_RESPONDER] = {.title = "RESPONDER", \
					       .priority = responder, \
					       .right = true}, \
		[TOPTABLE_COLUMN_NOISE] = {.title = "NOISE", \
					   .priority = 10, \
					   .right = true, \
					   .optional = true}, \
		[TOPTABLE_COLUMN_VERDICT] = {.title = "VERDICT", .priority = 5, .optional = true}, \
		[TOPTABLE_COLUMN_RTT_TREND] = {.title = "RTT TREND", \
					       .priority = 6, \
					       .right = true, \
					       .optional = true}, \
		[TOPTABLE_COLUMN_LOSS_TREND] = {.title = "LOSS TREND", \
						.priority = 11, \
						.right = true, \
						.optional = true}, \
		[TOPTABLE_COLUMN_NOT_OK] = {.title = "NOT OK", .priority = 13, .optional = true}, \
		[TOPTABLE_COLUMN_REASON] = {.title = "REASON", \
					    .key = "state_reason", \
					    .priority = 12, \
					    .optional = true}, \
	}

static const struct table_column toptable_columns[TOPTABLE_SORTS][TOPTABLE_COLUMN_N] = {
	[TOPTABLE_WORST] = TOPTABLE_COLUMNS(2, 3, 1, 8, 7),
	[TOPTABLE_RTT] = TOPTABLE_COLUMNS(0, 3, 1, 8, 7),
	[TOPTABLE_P99] = TOPTABLE_COLUMNS(2, 0, 1, 8, 7),
	[TOPTABLE_LOSS] = TOPTABLE_COLUMNS(2, 3, 0, 8, 7),
	[TOPTABLE_PROBER] = TOPTABLE_COLUMNS(2, 3, 1, 0, 7),
	[TOPTABLE_RESPONDER] = TOPTABLE_COLUMNS(2, 3, 1, 8, 0),
	[TOPTABLE_NAME] = TOPTABLE_COLUMNS(2, 3, 1, 8, 7),
};
static_assert(TABLE_CELL_MAX >= TREND_TEXT, "a sparkline fits into a cell");

static int
toptable_row(struct table *table, const msgpack_object *record, const struct trends *trends,
	     uint64_t now_wall_ns)
{
	static const struct peer_recent_columns recent = {
		.loss = TOPTABLE_COLUMN_LOSS, .p50 = TOPTABLE_COLUMN_P50,
		.p99 = TOPTABLE_COLUMN_P99, .prober = TOPTABLE_COLUMN_PROBER,
		.responder = TOPTABLE_COLUMN_RESPONDER, .noise = TOPTABLE_COLUMN_NOISE,
		.verdict = TOPTABLE_COLUMN_VERDICT,
	};
	char text[TABLE_CELL_MAX], loss[TREND_TEXT];

	if (cell_row(table, toptable_columns[0], TOPTABLE_COLUMN_N, record) < 0)
		return -ENOMEM;
	if (toptable_name(record, text, sizeof(text)))
		table_cell(table, TOPTABLE_COLUMN_PEER, TABLE_PLAIN, text);
	if (view_text(record, "state", text, sizeof(text)))
		table_cell(table, TOPTABLE_COLUMN_STATE, peer_state_color(record), text);
	peer_recent_cells(table, record, &recent);
	if (trends && trends_spark(trends, record, now_wall_ns, utf8_spoken(), text, loss)) {
		table_cell(table, TOPTABLE_COLUMN_RTT_TREND, TABLE_PLAIN, text);
		table_cell(table, TOPTABLE_COLUMN_LOSS_TREND, TABLE_PLAIN, loss);
	}
	if (classes_not_ok(record, text, sizeof(text)))
		table_cell(table, TOPTABLE_COLUMN_NOT_OK, TABLE_PLAIN, text);
	return 0;
}

struct table *
toptable_make(const msgpack_object **rows, size_t n, enum toptable_sort sort,
	      const struct trends *trends, uint64_t now_wall_ns)
{
	struct table *table = table_new(toptable_columns[sort], TOPTABLE_COLUMN_N);

	for (size_t i = 0; table && i < n; i++) {
		if (toptable_row(table, rows[i], trends, now_wall_ns) == 0)
			continue;
		table_free(table);
		table = NULL;
	}
	return table;
}

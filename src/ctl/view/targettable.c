/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/view/targettable.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/view/cell.h"
#include "ctl/view/classes.h"
#include "ctl/view/format.h"
#include "ctl/view/peer.h"
#include "ctl/view/view.h"
#include "record/read.h"

enum targets_column {
	TARGETS_PEER,
	TARGETS_DEVICE,
	TARGETS_HOST,
	TARGETS_KIND,
	TARGETS_INTERVAL,
	TARGETS_SIZES,
	TARGETS_LABEL,
	TARGETS_TCLASS,
	TARGETS_PORT,
	TARGETS_PATH,
	TARGETS_SENT,
	TARGETS_LOSS,
	TARGETS_P50,
	TARGETS_P99,
	TARGETS_PROBER,
	TARGETS_RESPONDER,
	TARGETS_NOISE,
	TARGETS_VERDICT,
	TARGETS_ROUTERS,
	TARGETS_NOT_OK,
	TARGETS_COLUMN_N
};

static const struct table_column targets_columns[TARGETS_COLUMN_N] = {
	[TARGETS_PEER] = {.title = "PEER", .key = "peer"},
	[TARGETS_DEVICE] = {.title = "DEVICE", .key = "device", .priority = 8},
	[TARGETS_HOST] = {.title = "HOST", .key = "hostname", .priority = 10, .optional = true},
	[TARGETS_KIND] = {.title = "KIND", .key = "kind", .priority = 7},
	[TARGETS_INTERVAL] = {.title = "EVERY", .priority = 6, .right = true},
	[TARGETS_SIZES] = {.title = "SIZES", .priority = 11},
	[TARGETS_LABEL] = {.title = "LABEL", .priority = 4, .right = true},
	[TARGETS_TCLASS] = {.title = "TOS", .key = "traffic_class", .priority = 12, .right = true},
	[TARGETS_PORT] = {.title = "PORT", .key = "src_port", .priority = 3, .right = true},
	[TARGETS_PATH] = {.title = "PATH", .key = "path", .priority = 13},
	[TARGETS_SENT] = {.title = "SENT", .key = "posted", .priority = 14, .right = true},
	[TARGETS_LOSS] = {.title = "LOSS", .priority = 1, .right = true},
	[TARGETS_P50] = {.title = "RTT P50", .priority = 2, .right = true},
	[TARGETS_P99] = {.title = "RTT P99", .priority = 5, .right = true},
	[TARGETS_PROBER] = {.title = "PROBER", .priority = 16, .right = true},
	[TARGETS_RESPONDER] = {.title = "RESPONDER", .priority = 15, .right = true},
	[TARGETS_NOISE] = {.title = "NOISE", .priority = 14, .right = true, .optional = true},
	[TARGETS_VERDICT] = {.title = "VERDICT", .priority = 3, .optional = true},
	[TARGETS_ROUTERS] = {.title = "ROUTERS", .priority = 13, .right = true,
			    .optional = true},
	[TARGETS_NOT_OK] = {.title = "NOT OK", .priority = 9, .optional = true},
};

/* "50,1024,…": as many sizes as fit into a column. */
static void
targettable_sizes(struct table *table, const msgpack_object *target)
{
	const msgpack_object *sizes = read_find(target, "sizes");
	char text[32], one[FORMAT_TEXT];
	size_t at = 0;

	if (!sizes || sizes->type != MSGPACK_OBJECT_ARRAY || sizes->via.array.size == 0)
		return;
	for (uint32_t i = 0; i < sizes->via.array.size; i++) {
		view_clean(&sizes->via.array.ptr[i], one, sizeof(one));
		if (at + strlen(one) + 6 > sizeof(text)) {
			strcpy(text + at, ",...");
			break;
		}
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", i ? "," : "", one);
	}
	table_cell(table, TARGETS_SIZES, TABLE_PLAIN, text);
}

static void
targettable_fill(struct table *table, const msgpack_object *target)
{
	static const struct peer_recent_columns recent = {
		.loss = TARGETS_LOSS, .p50 = TARGETS_P50, .p99 = TARGETS_P99,
		.prober = TARGETS_PROBER,
		.responder = TARGETS_RESPONDER, .noise = TARGETS_NOISE, .verdict = TARGETS_VERDICT,
	};
	char text[TABLE_CELL_MAX];
	uint64_t n;

	if (read_u64(target, "interval_ns", &n))
		table_cell(table, TARGETS_INTERVAL, TABLE_PLAIN, format_ns(n, text));
	cell_label(table, TARGETS_LABEL, target);
	targettable_sizes(table, target);
	cell_routers(table, TARGETS_ROUTERS, target);
	peer_recent_cells(table, target, &recent);
	if (classes_not_ok(target, text, sizeof(text)))
		table_cell(table, TARGETS_NOT_OK, TABLE_PLAIN, text);
}

struct table *
targettable_make(const msgpack_object *list)
{
	return cell_table(targets_columns, TARGETS_COLUMN_N, list, targettable_fill);
}

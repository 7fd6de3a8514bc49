/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/view/cell.h"

#include <inttypes.h>
#include <string.h>

#include "ctl/view/format.h"
#include "record/read.h"

void
cell_text(struct table *table, size_t column, const msgpack_object *record, const char *key)
{
	char text[TABLE_CELL_MAX];

	if (view_text(record, key, text, sizeof(text)) && text[0])
		table_cell(table, column, TABLE_PLAIN, text);
}

void
cell_ns(struct table *table, size_t column, const msgpack_object *record, const char *key)
{
	char text[FORMAT_TEXT];
	uint64_t ns;

	if (read_u64(record, key, &ns))
		table_cell(table, column, TABLE_PLAIN, format_ns(ns, text));
}

void
cell_label(struct table *table, size_t column, const msgpack_object *record)
{
	char text[FORMAT_TEXT];
	uint64_t n;

	if (!read_u64(record, "flow_label", &n))
		return;
	snprintf(text, sizeof(text), n ? "0x%05" PRIx64 : "%" PRIx64, n);
	table_cell(table, column, TABLE_PLAIN, text);
}

void
cell_routers(struct table *table, size_t column, const msgpack_object *record)
{
	char there[FORMAT_TEXT] = "-", back[FORMAT_TEXT] = "-", text[2 * FORMAT_TEXT];
	uint64_t n;

	if (read_u64(record, "routers_there", &n))
		format_u64(n, there);
	if (read_u64(record, "routers_back", &n))
		format_u64(n, back);
	if (strcmp(there, back) == 0)
		table_cell(table, column, TABLE_PLAIN, there);
	else {
		snprintf(text, sizeof(text), "%s/%s", there, back);
		table_cell(table, column, TABLE_PLAIN, text);
	}
}

int
cell_row(struct table *table, const struct table_column *columns, size_t n,
	 const msgpack_object *record)
{
	int rc = table_row(table);

	for (size_t c = 0; rc == 0 && c < n; c++)
		if (columns[c].key)
			cell_text(table, c, record, columns[c].key);
	return rc;
}

struct table *
cell_table(const struct table_column *columns, size_t n, const msgpack_object *list,
	   void (*fill)(struct table *table, const msgpack_object *record))
{
	struct table *table = table_new(columns, n);

	for (uint32_t i = 0; table && i < list->via.array.size; i++) {
		if (cell_row(table, columns, n, &list->via.array.ptr[i]) < 0) {
			table_free(table);
			return NULL;
		}
		fill(table, &list->via.array.ptr[i]);
	}
	return table;
}

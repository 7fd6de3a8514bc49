/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/view/cell.h"

#include "ctl/view/format.h"

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

	if (view_u64(record, key, &ns))
		table_cell(table, column, TABLE_PLAIN, format_ns(ns, text));
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/cmd/show.h"

#include "ctl/cmd/ask.h"
#include "record/json.h"

int
show_no_memory(void)
{
	cmd_complain("out of memory");
	return CMD_BAD_NEWS;
}

int
show_table(const struct ctl *ctl, struct table *table)
{
	size_t columns, rows;

	if (!table)
		return show_no_memory();
	table_screen(&columns, &rows);
	table_write(table, stdout, columns, ctl->color);
	table_free(table);
	return CMD_OK;
}

static int
show_list(const struct ctl *ctl, const struct show *show, const msgpack_object *list)
{
	struct table *table;

	for (uint32_t i = 0; ctl->json && i < list->via.array.size; i++)
		json_line(stdout, &list->via.array.ptr[i], NULL);
	if (ctl->json)
		return CMD_OK;
	table = show->table(list);
	if (!table || table_rows(table) > 0)
		return show_table(ctl, table);
	table_free(table);
	puts(show->none);
	return CMD_OK;
}

int
show_run(const struct ctl *ctl, const struct show *show)
{
	const msgpack_object *list = NULL;
	struct client *client;
	struct pages pages;
	int rc = ask_open(ctl, NULL, &client);

	if (rc != CMD_OK)
		return rc;
	rc = ask_list(client, show->method, &pages, &list);
	if (rc == CMD_OK)
		rc = show_list(ctl, show, list);
	if (rc == CMD_OK && show->bad && show->bad(list))
		rc = CMD_BAD_NEWS;
	pages_free(&pages);
	client_close(client);
	return rc;
}

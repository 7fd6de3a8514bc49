/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <stdio.h>

#include "ctl/cmd/ask.h"
#include "ctl/cmd/show.h"
#include "ctl/view/centraltable.h"
#include "record/json.h"
#include "record/record.h"

static int
pinglist_call(const struct ctl *ctl, struct client *client, const char *host)
{
	const msgpack_object *result = NULL;
	msgpack_sbuffer param;
	msgpack_packer pk;
	struct table *table;
	int rc;

	msgpack_sbuffer_init(&param);
	msgpack_packer_init(&pk, &param, msgpack_sbuffer_write);
	msgpack_pack_map(&pk, 1);
	record_pack_str(&pk, "host");
	record_pack_str(&pk, host);
	rc = ask_call(client, "pinglist", &param, &result);
	msgpack_sbuffer_destroy(&param);
	if (rc != CMD_OK)
		return rc;
	if (ctl->json) {
		json_line(stdout, result, NULL);
		return CMD_OK;
	}
	table = centraltable_pinglist(result);
	if (!table || table_rows(table) > 0)
		return show_table(ctl, table);
	table_free(table);
	printf("%s probes nobody.\n", host);
	return CMD_OK;
}

static int
pinglist_run(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
{
	struct client *client;
	int rc = cmd_options(ctl, command, argc, argv);

	if (rc >= 0)
		return rc;
	if (argc - optind != 1)
		return cmd_usage(command, "which host? one name");
	rc = ask_open(ctl, NULL, &client);
	if (rc != CMD_OK)
		return rc;
	rc = pinglist_call(ctl, client, argv[optind]);
	client_close(client);
	return rc;
}

const struct cmd_entry cmd_pinglist = {
	.name = "pinglist",
	.summary = "central: whom a host probes",
	.central = true,
	.help = "Usage: rpingmesh-ctl pinglist HOST [--json]\n"
		"Ask rpingmesh-central whom the ports of a host probe: the targets, why (in its\n"
		"ToR, or across the fabric), the time between two probes of one 5-tuple, and the\n"
		"flow labels of the 5-tuples; any N: N source ports that the host chooses.\n"
		"\n"
		"Exit status: 0 answered; 1 no such host; 2 usage; 3 no central.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl pinglist gpu-17",
	.run = pinglist_run,
};

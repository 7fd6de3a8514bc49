/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <stdio.h>

#include "ctl/cmd/ask.h"
#include "record/record.h"

static int
undrain_call(struct client *client, const char *host)
{
	const msgpack_object *result = NULL;
	msgpack_sbuffer param;
	msgpack_packer pk;
	int rc;

	msgpack_sbuffer_init(&param);
	msgpack_packer_init(&pk, &param, msgpack_sbuffer_write);
	msgpack_pack_map(&pk, 1);
	record_pack_str(&pk, "host");
	record_pack_str(&pk, host);
	rc = ask_call(client, "undrain", &param, &result);
	msgpack_sbuffer_destroy(&param);
	return rc;
}

static int
undrain_run(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
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
	rc = undrain_call(client, argv[optind]);
	if (rc == CMD_OK && !ctl->json)
		printf("%s takes part in the mesh again\n", argv[optind]);
	client_close(client);
	return rc;
}

const struct cmd_entry cmd_undrain = {
	.name = "undrain",
	.summary = "central: end the drain of a host",
	.central = true,
	.help = "Usage: rpingmesh-ctl undrain HOST\n"
		"End the drain of a host before its time: it takes part in the mesh again. Only\n"
		"root and central's own user may do this.\n"
		"\n"
		"Exit status: 0 done; 1 it is not drained, or refused; 2 usage; 3 no central.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl undrain gpu-17",
	.run = undrain_run,
};

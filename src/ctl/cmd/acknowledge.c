/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

#include "ctl/cmd/ask.h"
#include "record/json.h"
#include "record/read.h"
#include "record/record.h"

static int
acknowledge_call(const struct ctl *ctl, struct client *client, const char *device)
{
	const msgpack_object *result = NULL;
	msgpack_sbuffer param;
	msgpack_packer pk;
	uint64_t flaps;
	int rc;

	msgpack_sbuffer_init(&param);
	msgpack_packer_init(&pk, &param, msgpack_sbuffer_write);
	msgpack_pack_map(&pk, device ? 1 : 0);
	if (device) {
		record_pack_str(&pk, "device");
		record_pack_str(&pk, device);
	}
	rc = ask_call(client, "acknowledge", &param, &result);
	msgpack_sbuffer_destroy(&param);
	if (rc != CMD_OK)
		return rc;
	if (ctl->json)
		json_line(stdout, result, NULL);
	else if (read_u64(result, "flaps", &flaps))
		printf("%s: %" PRIu64 " %s of the last hour marked as seen\n",
		       device ? device : "all devices", flaps, flaps == 1 ? "flap" : "flaps");
	return CMD_OK;
}

static int
acknowledge_run(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
{
	struct client *client;
	int rc = cmd_options(ctl, command, argc, argv);

	if (rc >= 0)
		return rc;
	if (argc - optind > 1)
		return cmd_usage(command, "one device at most, not \"%s\" too", argv[optind + 1]);
	rc = ask_open(ctl, NULL, &client);
	if (rc != CMD_OK)
		return rc;
	rc = acknowledge_call(ctl, client, optind < argc ? argv[optind] : NULL);
	client_close(client);
	return rc;
}

const struct cmd_entry cmd_acknowledge = {
	.name = "acknowledge",
	.summary = "mark the flaps of devices as seen",
	.help = "Usage: rpingmesh-ctl acknowledge [DEVICE] [--json]\n"
		"Mark the flaps of a device, or of all devices, as seen. `rpingmesh-ctl status`\n"
		"and `devices` then do not count them any more. If the daemon leaves a device\n"
		"alone because it failed or flapped too often, it tries the device again at\n"
		"once. The history stays, marked as seen. Only root and the daemon's own user\n"
		"may do this.\n"
		"\n"
		"Exit status: 0 done; 1 no such device, or no right to; 2 usage; 3 no daemon.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl acknowledge mlx5_0\n"
		"  rpingmesh-ctl acknowledge",
	.run = acknowledge_run,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "ctl/cmd/ask.h"
#include "record/read.h"

static int
confirm_run(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
{
	const msgpack_object *result = NULL;
	struct client *client;
	uint64_t n;
	int rc = cmd_options_only(ctl, command, argc, argv);

	if (rc >= 0)
		return rc;
	rc = ask_open(ctl, NULL, &client);
	if (rc != CMD_OK)
		return rc;
	rc = ask_call(client, "confirm", NULL, &result);
	if (rc == CMD_OK && !ctl->json && read_u64(result, "hosts", &n))
		printf("%" PRIu64 " %s left the plan\n", n, n == 1 ? "host has" : "hosts have");
	client_close(client);
	return rc;
}

const struct cmd_entry cmd_confirm = {
	.name = "confirm",
	.summary = "central: hosts that have left at once are gone",
	.central = true,
	.help = "Usage: rpingmesh-ctl confirm\n"
		"If many hosts leave at once, rpingmesh-central keeps them in the plan, because\n"
		"the network or the broker may be broken (`rpingmesh-ctl --central status`). This\n"
		"confirms that all hosts that are leaving are gone. Only root and central's own\n"
		"user may do this.\n"
		"\n"
		"Exit status: 0 done; 1 refused; 2 usage; 3 no central.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl confirm",
	.run = confirm_run,
};

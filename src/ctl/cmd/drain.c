/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

#include "ctl/cmd/ask.h"
#include "ctl/cmd/when.h"
#include "ctl/view/lines.h"
#include "record/json.h"
#include "record/record.h"

struct drain_args {
	const char *host, *reason;
	uint64_t until_ns;
	char by[WHEN_USER];
};

static int
drain_options(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv,
	      struct drain_args *args)
{
	static const struct option longs[] = {{"until", required_argument, NULL, 'u'},
					      {"reason", required_argument, NULL, 'r'},
					      CMD_LONG};
	int c, rc;

	optind = 0;
	while ((c = getopt_long(argc, argv, ":u:r:" CMD_SHORT, longs, NULL)) != -1) {
		if (c == 'r') {
			args->reason = optarg;
			continue;
		}
		if (c == 'u' && when_until(optarg, &args->until_ns))
			continue;
		if (c == 'u')
			return cmd_usage(command,
					 "--until: expected " WHEN_EXPECTED ", not \"%s\"",
					 optarg);
		rc = cmd_option(ctl, command, c, argv);
		if (rc >= 0)
			return rc;
	}
	if (argc - optind != 1)
		return cmd_usage(command, "which host? one name");
	if (!args->until_ns || !args->reason)
		return cmd_usage(command, "%s is missing", args->until_ns ? "--reason" : "--until");
	args->host = argv[optind];
	return -1;
}

static int
drain_call(const struct ctl *ctl, struct client *client, const struct drain_args *args)
{
	const msgpack_object *result = NULL;
	msgpack_sbuffer param;
	msgpack_packer pk;
	struct record r;
	int rc;

	msgpack_sbuffer_init(&param);
	msgpack_packer_init(&pk, &param, msgpack_sbuffer_write);
	record_begin(&r, RECORD_TABLE);
	record_str(&r, "host", args->host);
	record_str(&r, "reason", args->reason);
	record_str(&r, "by", args->by);
	record_u64(&r, "until_ns", args->until_ns);
	record_end(&r, &pk);
	rc = ask_call(client, "drain", &param, &result);
	msgpack_sbuffer_destroy(&param);
	if (rc != CMD_OK)
		return rc;
	if (ctl->json) {
		json_line(stdout, result, NULL);
		return CMD_OK;
	}
	printf("%s is drained until ", args->host);
	lines_time(args->until_ns, stdout);
	putchar('\n');
	return CMD_OK;
}

static int
drain_run(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
{
	struct drain_args args = {.host = NULL};
	struct client *client;
	int rc = drain_options(ctl, command, argc, argv, &args);

	if (rc >= 0)
		return rc;
	when_user(args.by);
	rc = ask_open(ctl, NULL, &client);
	if (rc != CMD_OK)
		return rc;
	rc = drain_call(ctl, client, &args);
	client_close(client);
	return rc;
}

const struct cmd_entry cmd_drain = {
	.name = "drain",
	.summary = "central: take a host out of the mesh for a while",
	.central = true,
	.help = "Usage: rpingmesh-ctl drain HOST --until TIME --reason TEXT [--json]\n"
		"Take a host out of the mesh, such as for the exchange of a NIC: it neither\n"
		"probes nor is probed. This ends by itself. All centrals of the cluster know of\n"
		"it, and `rpingmesh-ctl hosts` shows it. Only root and central's own user may do\n"
		"this.\n"
		"\n"
		"  -u, --until TIME    90m, 2h or 3d from now on, or \"YYYY-MM-DD HH:MM\" by the\n"
		"                      local clock\n"
		"  -r, --reason TEXT   why, for others to read\n"
		"\n"
		"Exit status: 0 done; 1 refused; 2 usage; 3 no central.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl drain gpu-17 --until 2h --reason 'new NIC, ticket 4711'",
	.run = drain_run,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

#include "core/clock.h"
#include "ctl/cmd/ask.h"
#include "ctl/cmd/show.h"
#include "ctl/view/pathtree.h"
#include "record/json.h"
#include "record/read.h"
#include "record/record.h"

static int
path_show(const struct ctl *ctl, const msgpack_object *answer, const char *what)
{
	const msgpack_object *paths = read_array(answer, "paths");
	uint32_t n = paths ? paths->via.array.size : 0;
	uint64_t all = n;

	read_u64(answer, "paths_total", &all);
	for (uint32_t i = 0; ctl->json && i < n; i++)
		json_line(stdout, &paths->via.array.ptr[i], "path");
	if (ctl->json)
		return CMD_OK;
	if (n == 0)
		printf("No packets to %s are known yet.\n", what);
	else if (n == 1)
		pathtree_list(&paths->via.array.ptr[0], clock_wall_ns(), stdout);
	else if (pathtree_write(paths, stdout) < 0)
		return show_no_memory();
	if (all > n)
		printf("%" PRIu64 " more paths\n", all - n);
	return CMD_OK;
}

static int
path_ask(struct client *client, const char *what, const char *device,
	 const msgpack_object **answer)
{
	msgpack_sbuffer param;
	int rc;

	ask_pack_target(&param, what, device);
	rc = ask_call(client, "path", &param, answer);
	msgpack_sbuffer_destroy(&param);
	return rc;
}

static int
path_run(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
{
	static const struct option longs[] = {{"device", required_argument, NULL, 'd'}, CMD_LONG};
	const msgpack_object *answer = NULL;
	const char *device = NULL;
	struct client *client;
	int c, rc = -1;

	optind = 0;
	while (rc < 0 && (c = getopt_long(argc, argv, ":" CMD_SHORT, longs, NULL)) != -1) {
		if (c == 'd')
			device = optarg;
		else
			rc = cmd_option(ctl, command, c, argv);
	}
	if (rc >= 0)
		return rc;
	if (optind + 1 != argc)
		return cmd_usage(command, optind == argc ? "the paths to which peer or flow?" :
							   "path: one peer or flow");
	rc = ask_open(ctl, NULL, &client);
	if (rc != CMD_OK)
		return rc;
	rc = path_ask(client, argv[optind], device, &answer);
	if (rc == CMD_OK)
		rc = path_show(ctl, answer, argv[optind]);
	client_close(client);
	return rc;
}

const struct cmd_entry cmd_path = {
	.name = "path",
	.summary = "the routers on the paths to a peer, or of a flow",
	.help = "Usage: rpingmesh-ctl path [--device NAME] TARGET [--json]\n"
		"Show which routers the packets of this host to a peer cross: those of its\n"
		"probes, of flows, and of its answers to the peer's probes. One path is a list\n"
		"of routers; several are a tree, with the number and the share of the paths\n"
		"across each router. A router without a name in the DNS has its address, and one\n"
		"that did not answer is \"?\".\n"
		"\n"
		"TARGET is an address, the configured name or the host name of a peer,\n"
		"HOST/DEVICE with a device that the pinglist names, or the number of a flow (17\n"
		"or flow:17, see `rpingmesh-ctl --json flows`).\n"
		"\n"
		"      --device NAME    only paths from this local device\n"
		"\n"
		"The times are those of the routers' answers, which routers send slowly; they\n"
		"are no delays of the path.\n"
		"\n"
		"Exit status: 0 shown; 1 there is no such peer or flow; 2 usage; 3 no daemon.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl path 10.0.0.2\n"
		"  rpingmesh-ctl path flow:17\n"
		"  rpingmesh-ctl --json path node7 | jq -c '[.src_port, .hops[].address]'",
	.run = path_run,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "core/clock.h"
#include "ctl/cmd/ask.h"
#include "ctl/cmd/show.h"
#include "ctl/view/pathtree.h"
#include "record/json.h"
#include "record/read.h"
#include "record/record.h"

struct path_asked {
	const char *target, *peer, *device; /* peer, device: NULL: any */
};

static int
path_none(const struct path_asked *asked, bool central)
{
	if (!central)
		printf("No packets to %s are known yet.\n", asked->target);
	else if (asked->peer)
		printf("No host has reported a path from %s to %s.\n", asked->target,
		       asked->peer);
	else
		printf("No host has reported a path from %s.\n", asked->target);
	return CMD_OK;
}

/* all: how many there are; those that are not in the list are counted only. */
static int
path_show(const struct ctl *ctl, const struct path_asked *asked, const msgpack_object *paths,
	  uint64_t all, bool central)
{
	uint32_t n = paths ? paths->via.array.size : 0;

	for (uint32_t i = 0; ctl->json && i < n; i++)
		json_line(stdout, &paths->via.array.ptr[i], "path");
	if (ctl->json)
		return CMD_OK;
	if (n == 0)
		return path_none(asked, central);
	if (n == 1)
		pathtree_list(&paths->via.array.ptr[0], clock_wall_ns(), stdout);
	else if (pathtree_write(paths, stdout) < 0)
		return show_no_memory();
	if (all > n)
		printf("%" PRIu64 " more paths\n", all - n);
	return CMD_OK;
}

/* The answer of central had room for some only. */
static int
path_all(const struct ctl *ctl, struct client *client, const struct path_asked *asked)
{
	const struct pages_param more[] = {{"peer", asked->peer}, {"device", asked->device},
					   {NULL, NULL}};
	const struct pages_query query = {.method = "path", .key = "paths", .param = "target",
					  .value = asked->target, .more = more};
	const msgpack_object *list = NULL;
	struct pages pages;
	int rc = ask_told(client, pages_fetch(client, &query, &pages));

	if (rc == CMD_OK)
		rc = ask_told(client, pages_join(client, &pages, &list));
	if (rc == CMD_OK)
		rc = path_show(ctl, asked, list, list->via.array.size, true);
	pages_free(&pages);
	return rc;
}

static void
path_pack(msgpack_sbuffer *param, const struct path_asked *asked)
{
	msgpack_packer pk;

	msgpack_sbuffer_init(param);
	msgpack_packer_init(&pk, param, msgpack_sbuffer_write);
	msgpack_pack_map(&pk, 1 + (asked->peer ? 1 : 0) + (asked->device ? 1 : 0));
	record_pack_str(&pk, "target");
	record_pack_str(&pk, asked->target);
	if (asked->peer) {
		record_pack_str(&pk, "peer");
		record_pack_str(&pk, asked->peer);
	}
	if (asked->device) {
		record_pack_str(&pk, "device");
		record_pack_str(&pk, asked->device);
	}
}

/* Whether it is central's: only that one packs `next`, which is nil at the end. */
static bool
path_is_central(const msgpack_object *answer)
{
	for (uint32_t i = 0; answer->type == MSGPACK_OBJECT_MAP && i < answer->via.map.size; i++)
		if (read_str_is(&answer->via.map.ptr[i].key, "next"))
			return true;
	return false;
}

static int
path_call(const struct ctl *ctl, struct client *client, const struct path_asked *asked)
{
	const msgpack_object *answer = NULL, *paths;
	msgpack_sbuffer param;
	uint64_t all, next;
	int rc;

	path_pack(&param, asked);
	rc = ask_call(client, "path", &param, &answer);
	msgpack_sbuffer_destroy(&param);
	if (rc != CMD_OK)
		return rc;
	if (read_u64(answer, "next", &next))
		return path_all(ctl, client, asked);
	paths = read_array(answer, "paths");
	all = paths ? paths->via.array.size : 0;
	read_u64(answer, "paths_total", &all);
	return path_show(ctl, asked, paths, all, path_is_central(answer));
}

static int
path_run(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
{
	static const struct option longs[] = {{"device", required_argument, NULL, 'd'}, CMD_LONG};
	struct path_asked asked = {.device = NULL};
	struct client *client;
	int c, n, rc = -1;

	optind = 0;
	while (rc < 0 && (c = getopt_long(argc, argv, ":" CMD_SHORT, longs, NULL)) != -1) {
		if (c == 'd')
			asked.device = optarg;
		else
			rc = cmd_option(ctl, command, c, argv);
	}
	if (rc >= 0)
		return rc;
	n = argc - optind;
	if (n == 0)
		return cmd_usage(command, "the paths to which peer or flow?");
	if (n > 2 || (n == 2 && !ctl->socket_given))
		return cmd_usage(command, "path: one peer or flow; with --central, from one host "
					  "to another");
	asked.target = argv[optind];
	asked.peer = n == 2 ? argv[optind + 1] : NULL;
	rc = ask_open(ctl, NULL, &client);
	if (rc != CMD_OK)
		return rc;
	rc = path_call(ctl, client, &asked);
	client_close(client);
	return rc;
}

const struct cmd_entry cmd_path = {
	.name = "path",
	.summary = "the routers on the paths to a peer, or of a flow",
	.help = "Usage: rpingmesh-ctl path [--device NAME] TARGET [--json]\n"
		"       rpingmesh-ctl --central path [--device NAME] HOST [PEER] [--json]\n"
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
		"With --central: the paths that HOST has reported, all or those to PEER, with the\n"
		"names of switches that `switches` has. Both are a host, HOST/DEVICE or an\n"
		"address; HOST may be a flow, as ADDRESS:PORT with its UDP source port. For the\n"
		"way back, exchange HOST and PEER.\n"
		"\n"
		"      --device NAME    only paths from this device of the host\n"
		"\n"
		"The times are those of the routers' answers, which routers send slowly; they\n"
		"are no delays of the path.\n"
		"\n"
		"Exit status: 0 shown; 1 there is no such host, peer or flow; 2 usage; 3 no\n"
		"daemon, or no central.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl path 10.0.0.2\n"
		"  rpingmesh-ctl path flow:17\n"
		"  rpingmesh-ctl --central path node7 node9\n"
		"  rpingmesh-ctl --central path 10.0.0.2:57236 node9\n"
		"  rpingmesh-ctl --json path node7 | jq -c '[.src_port, .hops[].address]'",
	.run = path_run,
};

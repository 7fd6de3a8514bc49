/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/cmd/ask.h"
#include "ctl/cmd/show.h"
#include "ctl/view/flowgroup.h"
#include "ctl/view/flowlist.h"
#include "ctl/view/flowtable.h"
#include "record/json.h"

struct flows_options {
	struct flowlist_filter filter;
	enum flowgroup_by by; /* FLOWGROUP_N: no groups */
	bool qps;
};

static int
flows_show_groups(const struct ctl *ctl, const struct flows_options *options,
		  const struct flowlist *list)
{
	struct flowgroup *groups;
	int rc = CMD_OK;
	size_t n;

	if (flowgroup_make(list, options->by, &groups, &n) < 0)
		return show_no_memory();
	if (ctl->json)
		flowgroup_json(groups, n, options->by, stdout);
	else
		rc = show_table(ctl, flowgroup_table(groups, n, options->by));
	free(groups);
	return rc;
}

static int
flows_show(const struct ctl *ctl, const struct flows_options *options, const struct flowlist *list)
{
	if (list->n == 0 && !ctl->json) {
		puts(list->all ? "No flow matches." :
				 "No flows: no connected RoCE v2 queue pair is known on the "
				 "devices in use.");
		return CMD_OK;
	}
	if (options->by != FLOWGROUP_N)
		return flows_show_groups(ctl, options, list);
	if (!ctl->json)
		return show_table(ctl, options->qps ? flowtable_qps(list) : flowtable_flows(list));
	for (size_t i = 0; i < list->n; i++)
		json_line(stdout, list->flows[i], "flow");
	return CMD_OK;
}

static int
flows_by(struct flows_options *options, const struct cmd_entry *command, const char *name)
{
	for (int by = 0; by < FLOWGROUP_N; by++) {
		if (strcmp(name, flowgroup_names[by]) == 0) {
			options->by = (enum flowgroup_by)by;
			return -1;
		}
	}
	return cmd_usage(command, "--by: expected job, process, device or remote, not \"%s\"",
			 name);
}

static int
flows_option(struct flows_options *options, struct ctl *ctl, const struct cmd_entry *command,
	     int c, char **argv)
{
	switch (c) {
	case 'b':
		return flows_by(options, command, optarg);
	case 'q':
		options->qps = true;
		return -1;
	case 'd':
		options->filter.device = optarg;
		return -1;
	case 'j':
		options->filter.job = optarg;
		return -1;
	case 'r':
		options->filter.remote = optarg;
		return -1;
	case 'p':
		return cmd_option_pid(command, &options->filter.pid, &options->filter.has_pid);
	default:
		return cmd_option(ctl, command, c, argv);
	}
}

static int
flows_options(struct ctl *ctl, struct flows_options *options, const struct cmd_entry *command,
	      int argc, char **argv)
{
	static const struct option longs[] = {
		{"by", required_argument, NULL, 'b'}, {"qps", no_argument, NULL, 'q'}, {"device",
		 required_argument, NULL, 'd'},
		{"pid", required_argument, NULL, 'p'}, {"job", required_argument, NULL, 'j'},
		{"remote", required_argument, NULL, 'r'}, CMD_LONG,
	};
	int c, rc = -1;

	optind = 0;
	while (rc < 0 && (c = getopt_long(argc, argv, ":p:" CMD_SHORT, longs, NULL)) != -1)
		rc = flows_option(options, ctl, command, c, argv);
	if (rc < 0)
		rc = cmd_no_argument(command, argc, argv);
	if (rc < 0 && options->qps && options->by != FLOWGROUP_N)
		return cmd_usage(command,
				 "--qps shows single queue pairs, --by sums flows up: choose one");
	return rc;
}

static int
flows_run(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
{
	static const struct pages_query query = {.method = "flows", .key = "flows"};
	struct flows_options options = {.by = FLOWGROUP_N};
	struct flowlist list = {.filter = &options.filter};
	struct client *client;
	struct pages pages;
	int rc = flows_options(ctl, &options, command, argc, argv);

	if (rc >= 0)
		return rc;
	rc = ask_open(ctl, NULL, &client);
	if (rc != CMD_OK)
		return rc;
	rc = ask_told(client, pages_fetch(client, &query, &pages));
	if (rc == CMD_OK &&
	    (pages_each(&pages, flowlist_add, &list) < 0 || flowlist_sort(&list) < 0))
		rc = show_no_memory();
	if (rc == CMD_OK)
		rc = ask_tracing(client);
	if (rc == CMD_OK)
		rc = flows_show(ctl, &options, &list);
	flowlist_free(&list);
	pages_free(&pages);
	client_close(client);
	return rc;
}

const struct cmd_entry cmd_flows = {
	.name = "flows",
	.summary = "RDMA connections of this host, and the loss on their paths",
	.help = "Usage: rpingmesh-ctl flows [--by WHAT | --qps] [FILTER]... [--json]\n"
		"Show the RoCE v2 connections of this host, and the results of probes on the\n"
		"same paths. A flow consists of all connected queue pairs (QPs) with the same\n"
		"device, addresses, UDP source port, traffic class (TOS) and service level. The\n"
		"worst flows come first, by loss, then by RTT P99; flows without a measurement\n"
		"come last.\n"
		"\n"
		"      --by WHAT        sum up by job, process, device or remote (host)\n"
		"      --qps            print a line for each QP\n"
		"      --device NAME    only flows of this local RDMA device\n"
		"  -p, --pid PID        only flows of this process\n"
		"      --job JOB        only flows of this job, written as in the column JOB\n"
		"      --remote HOST    only flows to this address or host name\n"
		"\n"
		"PORT ? means that the source port is not known. PATH shows whether the probes\n"
		"take the path of the flow: exact, approximate (another source port), or\n"
		"unknown. LOSS and times cover the last 10 seconds, as in `rpingmesh-ctl peers`.\n"
		"\n"
		"Exit status: 0 answered; 2 usage; 3 no daemon.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl flows\n"
		"  rpingmesh-ctl flows --by job\n"
		"  rpingmesh-ctl flows --qps --pid 4711\n"
		"  rpingmesh-ctl --json flows | jq -c 'select(.recent.lost_ratio > 0) | .owners'",
	.run = flows_run,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* The command matrix. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "ctl/cmd/ask.h"
#include "core/utf8.h"
#include "ctl/view/heatmap.h"
#include "record/json.h"
#include "ctl/view/peer.h"
#include "ctl/view/table.h"
#include "record/read.h"

static void
matrix_json(const msgpack_object *peer)
{
	static const char *const keys[] = {"address", "device", "hostname", "state"};
	static const char *const figures[] = {
		"span_s",
		"answered",
		"lost",
		"lost_ratio",
		"rtt_p50_ns",
		"prober_delay_p50_ns",
		"responder_delay_p50_ns",
	};
	const msgpack_object nil = {.type = MSGPACK_OBJECT_NIL}, *o;

	printf("{\"type\":\"matrix_cell\"");
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		printf(",\"%s\":", keys[i]);
		json_write(stdout, (o = read_find(peer, keys[i])) ? o : &nil);
	}
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
		printf(",\"%s\":", figures[i]);
		json_write(stdout,
			   (o = read_find(read_map(peer, "recent"), figures[i])) ? o : &nil);
	}
	puts("}");
}

static void
matrix_title(const msgpack_object *list, enum heatmap_metric metric)
{
	static const char *const titles[HEATMAP_METRICS] = {
		[HEATMAP_BOTH] = "RTT p50 and loss",
		[HEATMAP_RTT] = "RTT p50",
		[HEATMAP_LOSS] = "Loss",
		[HEATMAP_PROBER] = "Prober delay p50",
		[HEATMAP_RESPONDER] = "Responder delay p50",
	};
	char span[48];

	printf("%s", titles[metric]);
	if (peer_span(list, span, sizeof(span)))
		printf(", last %s", span);
	printf("\n\n");
}

static int
matrix_show(const struct ctl *ctl, const msgpack_object *list, enum heatmap_metric metric)
{
	struct heatmap *matrix;
	size_t columns, rows;
	int rc;

	if (ctl->json) {
		for (uint32_t i = 0; i < list->via.array.size; i++)
			matrix_json(&list->via.array.ptr[i]);
		return CMD_OK;
	}
	if (list->via.array.size == 0) {
		puts("No peers are configured (key \"peers\" of the daemon's configuration).");
		return CMD_OK;
	}
	rc = heatmap_new(list, metric, &matrix);
	if (rc < 0) {
		cmd_complain(rc == -E2BIG ? "too many peers on too many devices for a matrix; see "
					    "rpingmesh-ctl peers" :
					    "out of memory");
		return CMD_BAD_NEWS;
	}
	table_screen(&columns, &rows);
	matrix_title(list, metric);
	rc = heatmap_write(matrix, columns, utf8_spoken(), ctl->color, stdout);
	heatmap_free(matrix);
	if (rc < 0)
		cmd_complain("out of memory");
	return rc < 0 ? CMD_BAD_NEWS : CMD_OK;
}

static int
matrix_metric(const struct cmd_entry *command, const char *name, enum heatmap_metric *out)
{
	for (size_t i = 0; i < HEATMAP_METRICS; i++) {
		if (strcmp(name, heatmap_metric_names[i]) != 0)
			continue;
		*out = (enum heatmap_metric)i;
		return -1;
	}
	return cmd_usage(command,
			 "--metric: expected both, rtt, loss, prober or responder, not \"%s\"",
			 name);
}

static int
matrix_run(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
{
	static const struct option longs[] = {{"metric", required_argument, NULL, 'm'}, CMD_LONG};
	enum heatmap_metric metric = HEATMAP_BOTH;
	const msgpack_object *list = NULL;
	struct client *client;
	struct pages pages;
	int c, rc = -1;

	optind = 0;
	while (rc < 0 && (c = getopt_long(argc, argv, ":m:" CMD_SHORT, longs, NULL)) != -1)
		rc = c == 'm' ? matrix_metric(command, optarg, &metric) :
				cmd_option(ctl, command, c, argv);
	if (rc < 0)
		rc = cmd_no_argument(command, argc, argv);
	if (rc >= 0)
		return rc;
	rc = ask_open(ctl, NULL, &client);
	if (rc != CMD_OK)
		return rc;
	rc = ask_list(client, "peers", &pages, &list);
	if (rc == CMD_OK)
		rc = matrix_show(ctl, list, metric);
	pages_free(&pages);
	client_close(client);
	return rc;
}

const struct cmd_entry cmd_matrix = {
	.name = "matrix",
	.summary = "peers by local devices, with RTT and loss in each cell",
	.help = "Usage: rpingmesh-ctl matrix [-m METRIC] [--json]\n"
		"Show a table of peers by local devices; the rows are whichever are more. A cell\n"
		"shows the median RTT and the loss of the last 10 seconds. A mark shows where\n"
		"the figure lies among all cells; the last lines explain the marks (letters if\n"
		"the locale has no blocks). The colour shows the loss: green none, yellow some,\n"
		"red 5 % or more. If a peer is not up, its cell shows the state. Columns that do\n"
		"not fit the width follow below in further blocks.\n"
		"\n"
		"  -m, --metric METRIC  both (default: RTT and loss), rtt, loss, prober or\n"
		"                       responder (the delays inside the two hosts)\n"
		"\n"
		"With --json, each cell is one object: address, device, hostname, state and the\n"
		"figures; an unknown figure is null.\n"
		"\n"
		"Exit status: 0 answered; 2 usage; 3 no daemon.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl matrix\n"
		"  rpingmesh-ctl --color=always matrix --metric loss | less -R\n"
		"  rpingmesh-ctl --json matrix | jq -r 'select(.lost_ratio > 0.01) | .address'",
	.run = matrix_run,
};

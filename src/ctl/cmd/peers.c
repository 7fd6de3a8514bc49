/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/cmd/peers.h"

#include <getopt.h>
#include <inttypes.h>

#include "core/clock.h"
#include "ctl/ctl.h"
#include "ctl/view/cell.h"
#include "ctl/view/classes.h"
#include "ctl/view/format.h"
#include "ctl/view/json.h"
#include "ctl/view/view.h"
#include "ctl/wire/client.h"

#define PEERS_LOSS_RED 0.05

enum peers_column {
	PEERS_PEER,
	PEERS_DEVICE,
	PEERS_HOST,
	PEERS_STATE,
	PEERS_SENT,
	PEERS_LOSS,
	PEERS_P50,
	PEERS_P99,
	PEERS_PROBER,
	PEERS_RESPONDER,
	PEERS_NOISE,
	PEERS_VERDICT,
	PEERS_LAST_OK,
	PEERS_NOT_OK,
	PEERS_REASON,
	PEERS_COLUMN_N
};

static const struct table_column peers_columns[PEERS_COLUMN_N] = {
	[PEERS_PEER] = {.title = "PEER"},
	[PEERS_DEVICE] = {.title = "DEVICE", .priority = 9},
	[PEERS_HOST] = {.title = "HOST", .priority = 6, .optional = true},
	[PEERS_STATE] = {.title = "STATE"},
	[PEERS_SENT] = {.title = "SENT", .priority = 11, .right = true},
	[PEERS_LOSS] = {.title = "LOSS", .priority = 1, .right = true},
	[PEERS_P50] = {.title = "RTT P50", .priority = 2, .right = true},
	[PEERS_P99] = {.title = "RTT P99", .priority = 4, .right = true},
	[PEERS_PROBER] = {.title = "PROBER", .priority = 8, .right = true},
	[PEERS_RESPONDER] = {.title = "RESPONDER", .priority = 7, .right = true},
	[PEERS_NOISE] = {.title = "NOISE", .priority = 6, .right = true, .optional = true},
	[PEERS_VERDICT] = {.title = "VERDICT", .priority = 3, .optional = true},
	[PEERS_LAST_OK] = {.title = "LAST OK", .priority = 10, .right = true},
	[PEERS_NOT_OK] = {.title = "NOT OK", .priority = 5, .optional = true},
	[PEERS_REASON] = {.title = "REASON", .priority = 12, .optional = true},
};

enum table_color
peers_loss_color(double ratio)
{
	return ratio >= PEERS_LOSS_RED ? TABLE_RED : ratio > 0 ? TABLE_YELLOW : TABLE_GREEN;
}

void
peers_recent_cells(struct table *table, const msgpack_object *record,
		   const struct peers_recent_columns *at)
{
	const msgpack_object *recent = view_map(record, "recent");
	char text[FORMAT_TEXT];
	uint64_t noise;
	double ratio;

	if (view_double(recent, "lost_ratio", &ratio))
		table_cell(table, at->loss, peers_loss_color(ratio), format_ratio(ratio, text));
	if (at->noise && view_u64(recent, "noise", &noise) && noise > 0)
		table_cell(table, at->noise, TABLE_YELLOW, format_u64(noise, text));
	if (at->verdict && view_is(record, "loss_verdict", "lossy"))
		table_cell(table, at->verdict, TABLE_YELLOW, "lossy");
	cell_ns(table, at->p50, recent, "rtt_p50_ns");
	cell_ns(table, at->p99, recent, "rtt_p99_ns");
	cell_ns(table, at->prober, recent, "prober_delay_p50_ns");
	cell_ns(table, at->responder, recent, "responder_delay_p50_ns");
}

enum table_color
peers_state_color(const msgpack_object *peer)
{
	if (view_is(peer, "state", "up"))
		return TABLE_GREEN;
	if (view_is(peer, "state", "resolving") || view_is(peer, "state", "checking") ||
	    view_is(peer, "state", "naming"))
		return TABLE_YELLOW;
	return view_is(peer, "state", "self") ? TABLE_PLAIN : TABLE_RED;
}

double
peers_badness(const msgpack_object *record)
{
	static const int weight[] = {[TABLE_PLAIN] = 0,
				     [TABLE_GREEN] = 0,
				     [TABLE_YELLOW] = 2,
				     [TABLE_RED] = 4,
				     [TABLE_BOLD] = 0};
	double ratio = 0;

	view_double(view_map(record, "recent"), "lost_ratio", &ratio);
	return (view_find(record, "state") ? weight[peers_state_color(record)] : 0) + ratio;
}

static void
peers_cell_age(struct table *table, const msgpack_object *peer, uint64_t now_wall_ns)
{
	char text[FORMAT_TEXT];
	uint64_t last;

	if (view_u64(peer, "last_ok_ns", &last) && last > 0)
		table_cell(table, PEERS_LAST_OK, TABLE_PLAIN,
			   format_age(now_wall_ns > last ? now_wall_ns - last : 0, text));
}

static int
peers_row(struct table *table, const msgpack_object *peer, uint64_t now_wall_ns)
{
	static const struct peers_recent_columns recent = {
		.loss = PEERS_LOSS, .p50 = PEERS_P50, .p99 = PEERS_P99, .prober = PEERS_PROBER,
		.responder = PEERS_RESPONDER,
		.noise = PEERS_NOISE, .verdict = PEERS_VERDICT,
	};
	char text[TABLE_CELL_MAX];
	int rc = table_row(table);

	if (rc < 0)
		return rc;
	cell_text(table, PEERS_PEER, peer, "address");
	cell_text(table, PEERS_DEVICE, peer, "device");
	cell_text(table, PEERS_HOST, peer, "hostname");
	if (view_text(peer, "state", text, sizeof(text)))
		table_cell(table, PEERS_STATE, peers_state_color(peer), text);
	cell_text(table, PEERS_SENT, peer, "sent");
	peers_recent_cells(table, peer, &recent);
	peers_cell_age(table, peer, now_wall_ns);
	if (classes_not_ok(peer, text, sizeof(text)))
		table_cell(table, PEERS_NOT_OK, TABLE_PLAIN, text);
	cell_text(table, PEERS_REASON, peer, "state_reason");
	return 0;
}

struct table *
peers_table(const msgpack_object *list, uint64_t now_wall_ns)
{
	struct table *table = table_new(peers_columns, PEERS_COLUMN_N);

	for (uint32_t i = 0; table && i < list->via.array.size; i++) {
		if (peers_row(table, &list->via.array.ptr[i], now_wall_ns) == 0)
			continue;
		table_free(table);
		table = NULL;
	}
	return table;
}

void
peers_count(const msgpack_object *list, struct peers_count *out)
{
	*out = (struct peers_count){.peers = list->via.array.size};
	for (uint32_t i = 0; i < list->via.array.size; i++) {
		const msgpack_object *peer = &list->via.array.ptr[i];

		if (view_is(peer, "state", "up"))
			out->up++;
		else if (!view_is(peer, "state", "self"))
			out->down++;
	}
}

bool
peers_span(const msgpack_object *list, char *buf, size_t size)
{
	double least = 0, most = 0, s;

	for (uint32_t i = 0; i < list->via.array.size; i++) {
		if (!view_double(view_map(&list->via.array.ptr[i], "recent"), "span_s", &s) ||
		    s <= 0)
			continue;
		least = most > 0 && least < s ? least : s;
		most = s > most ? s : most;
	}
	if (most <= 0)
		return false;
	if (least < 0.9 * most)
		snprintf(buf, size, "%.3g to %.3g s", least, most);
	else
		snprintf(buf, size, "%.3g s", most);
	return true;
}

static void
peers_line_ns(const msgpack_object *recent, const char *name, const char *key, FILE *out)
{
	char text[FORMAT_TEXT];
	uint64_t ns;

	if (view_u64(recent, key, &ns))
		fprintf(out, " %s=%s", name, format_ms(ns, text));
}

void
peers_line(const msgpack_object *peer, FILE *out)
{
	const msgpack_object *recent = view_map(peer, "recent");
	char text[TABLE_CELL_MAX], ratio_text[FORMAT_TEXT];
	uint64_t noise;
	double ratio;

	view_text(peer, "address", text, sizeof(text));
	fputs(text, out);
	view_text(peer, "device", text, sizeof(text));
	fprintf(out, " %s", text);
	view_text(peer, "state", text, sizeof(text));
	fprintf(out, " %s", text);
	view_text(peer, "sent", text, sizeof(text));
	fprintf(out, " sent=%s", text);
	fprintf(out, " loss=%s",
		view_double(recent, "lost_ratio", &ratio) ? format_ratio(ratio, ratio_text) : "-");
	peers_line_ns(recent, "rtt_p50", "rtt_p50_ns", out);
	peers_line_ns(recent, "rtt_p99", "rtt_p99_ns", out);
	peers_line_ns(recent, "prober", "prober_delay_p50_ns", out);
	peers_line_ns(recent, "responder", "responder_delay_p50_ns", out);
	if (view_u64(recent, "noise", &noise) && noise > 0)
		fprintf(out, " noise=%" PRIu64, noise);
	if (view_is(peer, "loss_verdict", "lossy"))
		fputs(" verdict=lossy", out);
	if (classes_not_ok(peer, text, sizeof(text)))
		fprintf(out, " not_ok=(%s)", text);
}

static const char peers_help[] =
	"Usage: rpingmesh-ctl peers [--json]\n"
	"Show each peer: its state, how many probes it was sent, and what they measured.\n"
	"\n"
	"LOSS and the times are of the last 10 seconds: loss as a share of the probes\n"
	"that were answered or lost, RTT of the network alone, PROBER and RESPONDER the\n"
	"delays inside the two hosts (medians). NOISE counts results of them that a stall\n"
	"of a host may have touched, which are left out of LOSS and times. VERDICT lossy:\n"
	"a test over as many probes as it takes is sure that the path loses some of them,\n"
	"however rarely. SENT and NOT OK count since the daemon started. Columns that do\n"
	"not fit the terminal are left out, the least important first.\n"
	"\n"
	"Exit status: 0 all peers are up (or this host itself); 1 one is not; 2 usage;\n"
	"3 no daemon.\n"
	"\n"
	"Examples:\n"
	"  rpingmesh-ctl peers\n"
	"  rpingmesh-ctl --json peers | jq -c '[.address, .state, .recent.rtt_p99_ns]'";

static int
peers_show(const struct ctl *ctl, const msgpack_object *list)
{
	struct table *table;
	size_t columns, rows;

	if (ctl->json) {
		for (uint32_t i = 0; i < list->via.array.size; i++)
			json_line(stdout, &list->via.array.ptr[i], NULL);
		return 0;
	}
	if (list->via.array.size == 0) {
		puts("No peers are configured (key \"peers\" of the daemon's configuration).");
		return 0;
	}
	table = peers_table(list, clock_wall_ns());
	if (!table) {
		ctl_complain("out of memory");
		return -1;
	}
	table_screen(&columns, &rows);
	table_write(table, stdout, columns, ctl->color);
	table_free(table);
	return 0;
}

/* Peers that a ping made, not the configuration, are nobody's worry. */
static bool
peers_bad(const msgpack_object *list)
{
	for (uint32_t i = 0; i < list->via.array.size; i++) {
		const msgpack_object *peer = &list->via.array.ptr[i];
		bool configured = true;

		view_bool(peer, "configured", &configured);
		if (configured && !view_is(peer, "state", "up") && !view_is(peer, "state", "self"))
			return true;
	}
	return false;
}

static int
peers_run(struct ctl *ctl, const struct ctl_command *command, int argc, char **argv)
{
	const msgpack_object *list = NULL;
	struct client *client;
	int rc = ctl_options_only(ctl, command, argc, argv);

	if (rc >= 0)
		return rc;
	rc = client_open(ctl->socket, NULL, &client);
	if (rc != CTL_OK)
		return rc;
	rc = client_list(client, "peers", &list);
	if (rc == CTL_OK)
		rc = peers_show(ctl, list) < 0 || peers_bad(list) ? CTL_BAD_NEWS : CTL_OK;
	client_close(client);
	return rc;
}

const struct ctl_command ctl_peers = {
	.name = "peers", .summary = "each peer with its state, loss and times", .help = peers_help,
	.run = peers_run,
};

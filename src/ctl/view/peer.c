/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/view/peer.h"

#include <inttypes.h>
#include <string.h>

#include "core/clock.h"
#include "ctl/view/cell.h"
#include "ctl/view/classes.h"
#include "ctl/view/format.h"
#include "ctl/view/lines.h"
#include "ctl/view/state.h"
#include "ctl/view/view.h"
#include "record/read.h"
#include "stat/lasting.h"
#include "stat/sequential.h"

#define PEER_LOSS_RED 0.05
#define PEER_ORIGIN_TEXT 16

enum peer_column {
	PEER_PEER,
	PEER_DEVICE,
	PEER_HOST,
	PEER_TOR,
	PEER_ORIGIN,
	PEER_SAME_NAME,
	PEER_STATE,
	PEER_SENT,
	PEER_LOSS,
	PEER_P50,
	PEER_P99,
	PEER_PROBER,
	PEER_RESPONDER,
	PEER_NOISE,
	PEER_VERDICT,
	PEER_LAST_OK,
	PEER_ROUTERS,
	PEER_NOT_OK,
	PEER_REASON,
	PEER_COLUMN_N
};

static const struct table_column peer_columns[PEER_COLUMN_N] = {
	[PEER_PEER] = {.title = "PEER", .key = "address"},
	[PEER_DEVICE] = {.title = "DEVICE", .key = "device", .priority = 9},
	[PEER_HOST] = {.title = "HOST", .key = "hostname", .priority = 6, .optional = true},
	[PEER_TOR] = {.title = "TOR", .key = "listed_tor", .priority = 7, .optional = true},
	[PEER_ORIGIN] = {.title = "ORIGIN", .priority = 8, .optional = true},
	[PEER_SAME_NAME] = {.title = "SAME NAME", .key = "same_name", .priority = 6,
			    .optional = true},
	[PEER_STATE] = {.title = "STATE"},
	[PEER_SENT] = {.title = "SENT", .key = "posted", .priority = 11, .right = true},
	[PEER_LOSS] = {.title = "LOSS", .priority = 1, .right = true},
	[PEER_P50] = {.title = "RTT P50", .priority = 2, .right = true},
	[PEER_P99] = {.title = "RTT P99", .priority = 4, .right = true},
	[PEER_PROBER] = {.title = "PROBER", .priority = 8, .right = true},
	[PEER_RESPONDER] = {.title = "RESPONDER", .priority = 7, .right = true},
	[PEER_NOISE] = {.title = "NOISE", .priority = 6, .right = true, .optional = true},
	[PEER_VERDICT] = {.title = "VERDICT", .priority = 3, .optional = true},
	[PEER_LAST_OK] = {.title = "LAST OK", .priority = 10, .right = true},
	[PEER_ROUTERS] = {.title = "ROUTERS", .priority = 12, .right = true,
			 .optional = true},
	[PEER_NOT_OK] = {.title = "NOT OK", .priority = 5, .optional = true},
	[PEER_REASON] = {.title = "REASON", .key = "state_reason", .priority = 12,
			  .optional = true},
};

enum table_color
peer_loss_color(double ratio)
{
	return ratio >= PEER_LOSS_RED ? TABLE_RED : ratio > 0 ? TABLE_YELLOW : TABLE_GREEN;
}

void
peer_recent_cells(struct table *table, const msgpack_object *record,
		  const struct peer_recent_columns *at)
{
	const msgpack_object *recent = read_map(record, "recent");
	char text[FORMAT_TEXT], words[TABLE_CELL_MAX];
	uint64_t noise;
	double ratio;

	if (read_double(recent, "lost_ratio", &ratio))
		table_cell(table, at->loss, peer_loss_color(ratio), format_ratio(ratio, text));
	if (at->noise && read_u64(recent, "noise", &noise) && noise > 0)
		table_cell(table, at->noise, TABLE_YELLOW, format_u64(noise, text));
	if (at->verdict && peer_verdicts(record, clock_wall_ns(), words, sizeof(words)))
		table_cell(table, at->verdict, TABLE_YELLOW, words);
	cell_ns(table, at->p50, recent, "rtt_p50_ns");
	cell_ns(table, at->p99, recent, "rtt_p99_ns");
	cell_ns(table, at->prober, recent, "prober_delay_p50_ns");
	cell_ns(table, at->responder, recent, "responder_delay_p50_ns");
}

enum table_color
peer_state_color(const msgpack_object *peer)
{
	switch (state_of_peer(peer)) {
	case STATE_PEER_UP:
		return TABLE_GREEN;
	case STATE_PEER_COMING:
		return TABLE_YELLOW;
	case STATE_PEER_UNPROBED:
	case STATE_PEER_SELF:
		return TABLE_PLAIN;
	case STATE_PEER_BAD:
		break;
	}
	return TABLE_RED;
}

static void
peer_verdict_lossy(const msgpack_object *record, uint64_t now_wall_ns, char *buf, size_t size)
{
	const char *lossy = sequential_verdict_name(SEQUENTIAL_LOSSY);
	char age[FORMAT_TEXT];
	uint64_t last;

	if (!read_is(record, "loss_verdict", lossy))
		return;
	if (now_wall_ns && read_u64(record, "last_lost_ns", &last))
		snprintf(buf, size, "%s %s ago", lossy,
			 format_age(now_wall_ns > last ? now_wall_ns - last : 0, age));
	else
		snprintf(buf, size, "%s", lossy);
}

bool
peer_verdicts(const msgpack_object *record, uint64_t now_wall_ns, char *buf, size_t size)
{
	static const char *const since[LASTING_N] = {
		[LASTING_NOISY] = "noisy_since_ns",
		[LASTING_SLOW] = "slow_since_ns",
		[LASTING_HOST_SLOW] = "host_slow_since_ns",
	};
	uint64_t since_ns;

	buf[0] = '\0';
	peer_verdict_lossy(record, now_wall_ns, buf, size);
	for (int v = 0; v < LASTING_N; v++) {
		size_t len = strlen(buf);

		if (read_u64(record, since[v], &since_ns))
			snprintf(buf + len, size - len, "%s%s", len ? ", " : "",
				 lasting_name((enum lasting_verdict)v));
	}
	return buf[0] != '\0';
}

bool
peer_is_noisy(const msgpack_object *record)
{
	uint64_t since_ns;

	return read_u64(record, "noisy_since_ns", &since_ns);
}

double
peer_badness(const msgpack_object *record)
{
	static const int weight[] = {[TABLE_PLAIN] = 0,
				     [TABLE_GREEN] = 0,
				     [TABLE_YELLOW] = 2,
				     [TABLE_RED] = 4,
				     [TABLE_BOLD] = 0};
	double ratio = 0;

	read_double(read_map(record, "recent"), "lost_ratio", &ratio);
	return (read_find(record, "state") ? weight[peer_state_color(record)] : 0) + ratio;
}

static void
peer_cell_age(struct table *table, const msgpack_object *peer)
{
	char text[FORMAT_TEXT];
	uint64_t last, now_wall_ns = clock_wall_ns();

	if (read_u64(peer, "last_ok_ns", &last) && last > 0)
		table_cell(table, PEER_LAST_OK, TABLE_PLAIN,
			   format_age(now_wall_ns > last ? now_wall_ns - last : 0, text));
}

/* "file, pinglist"; nothing if only the configuration wants it, as with older daemons. */
static bool
peer_origins(const msgpack_object *peer, char *buf, size_t size)
{
	const msgpack_object *list = read_array(peer, "origins");
	char word[PEER_ORIGIN_TEXT];

	buf[0] = '\0';
	for (uint32_t i = 0; list && i < list->via.array.size; i++) {
		size_t len = strlen(buf);

		view_clean(&list->via.array.ptr[i], word, sizeof(word));
		snprintf(buf + len, size - len, "%s%s", len ? "," : "", word);
	}
	return buf[0] && strcmp(buf, "file") != 0;
}

/* "gpu-7/mlx5_0" */
static void
peer_host(struct table *table, const msgpack_object *peer)
{
	char host[TABLE_CELL_MAX], device[TABLE_CELL_MAX], text[2 * TABLE_CELL_MAX];

	if (!view_text(peer, "hostname", host, sizeof(host)) &&
	    !view_text(peer, "listed_host", host, sizeof(host)))
		return;
	if (!view_text(peer, "listed_device", device, sizeof(device)))
		return;
	snprintf(text, sizeof(text), "%s/%s", host, device);
	table_cell(table, PEER_HOST, TABLE_PLAIN, text);
}

static void
peer_fill(struct table *table, const msgpack_object *peer)
{
	static const struct peer_recent_columns recent = {
		.loss = PEER_LOSS, .p50 = PEER_P50, .p99 = PEER_P99, .prober = PEER_PROBER,
		.responder = PEER_RESPONDER,
		.noise = PEER_NOISE, .verdict = PEER_VERDICT,
	};
	char text[TABLE_CELL_MAX];

	if (view_text(peer, "state", text, sizeof(text)))
		table_cell(table, PEER_STATE, peer_state_color(peer), text);
	if (peer_origins(peer, text, sizeof(text)))
		table_cell(table, PEER_ORIGIN, TABLE_PLAIN, text);
	peer_host(table, peer);
	peer_recent_cells(table, peer, &recent);
	peer_cell_age(table, peer);
	cell_routers(table, PEER_ROUTERS, peer);
	if (classes_not_ok(peer, text, sizeof(text)))
		table_cell(table, PEER_NOT_OK, TABLE_PLAIN, text);
}

struct table *
peer_table(const msgpack_object *list)
{
	return cell_table(peer_columns, PEER_COLUMN_N, list, peer_fill);
}

void
peer_count(const msgpack_object *list, struct peer_count *out)
{
	*out = (struct peer_count){.peers = list->via.array.size};
	for (uint32_t i = 0; i < list->via.array.size; i++) {
		enum state_peer state = state_of_peer(&list->via.array.ptr[i]);

		out->up += state == STATE_PEER_UP;
		out->down += state != STATE_PEER_UP && state != STATE_PEER_SELF;
	}
}

bool
peer_span(const msgpack_object *list, char *buf, size_t size)
{
	double least = 0, most = 0, s;

	for (uint32_t i = 0; i < list->via.array.size; i++) {
		if (!read_double(read_map(&list->via.array.ptr[i], "recent"), "span_s", &s) ||
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

void
peer_line(const msgpack_object *peer, FILE *out)
{
	const msgpack_object *recent = read_map(peer, "recent");
	char text[TABLE_CELL_MAX], ratio_text[FORMAT_TEXT];
	uint64_t noise;
	double ratio;

	lines_word(peer, "address", "", out);
	lines_word(peer, "device", " ", out);
	lines_word(peer, "state", " ", out);
	lines_word(peer, "posted", " sent=", out);
	fprintf(out, " loss=%s",
		read_double(recent, "lost_ratio", &ratio) ? format_ratio(ratio, ratio_text) : "-");
	lines_ms(recent, "rtt_p50_ns", "rtt_p50", out);
	lines_ms(recent, "rtt_p99_ns", "rtt_p99", out);
	lines_ms(recent, "prober_delay_p50_ns", "prober", out);
	lines_ms(recent, "responder_delay_p50_ns", "responder", out);
	if (read_u64(recent, "noise", &noise) && noise > 0)
		fprintf(out, " noise=%" PRIu64, noise);
	if (peer_verdicts(peer, 0, text, sizeof(text)))
		lines_value("verdict", text, out);
	if (classes_not_ok(peer, text, sizeof(text)))
		lines_value("not_ok", text, out);
}

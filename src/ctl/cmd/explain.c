/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: explain
 *
 * Prints one answer of the daemon in paragraphs of 80 columns. In addition, it asks the kernel for
 * the present route of the path (route.c).
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "core/clock.h"
#include "ctl/cmd/ask.h"
#include "ctl/cmd/explain_lines.h"
#include "core/utf8.h"
#include "ctl/view/classes.h"
#include "ctl/view/format.h"
#include "record/json.h"
#include "ctl/view/near.h"
#include "ctl/view/pathtree.h"
#include "ctl/view/peer.h"
#include "ctl/view/view.h"
#include "ctl/wire/route.h"
#include "record/read.h"
#include "record/record.h"
#include "stat/sequential.h"

#define EXPLAIN_ERROR 1024

/* ---- peer and path ---- */

static void
explain_peer(const msgpack_object *answer, uint64_t now_ns)
{
	const msgpack_object *peer = read_map(answer, "peer");
	char a[EXPLAIN_TEXT];
	uint64_t matches;

	if (!peer)
		return;
	printf("Peer %s", explain_text(peer, "address", a));
	if (view_text(peer, "hostname", a, sizeof(a)))
		printf(", host %s", a);
	if (view_text(peer, "tor", a, sizeof(a)))
		printf(", ToR %s", a);
	printf(": %s", explain_text(peer, "state", a));
	explain_when(" for ", peer, "state_since_ns", now_ns, "");
	putchar('\n');
	if (view_text(peer, "state_reason", a, sizeof(a)))
		explain_wrap("reason", a);
	explain_label("resolved");
	if (!read_find(peer, "resolves"))
		fputs("no: no local device is bound to it", stdout);
	explain_count("asked ", peer, "resolves", "time", " over SIDR");
	explain_count(", restarted ", peer, "restarts", "time", "");
	explain_when(", last answer ", peer, "last_ok_ns", now_ns, " ago");
	putchar('\n');
	if (read_u64(answer, "matches", &matches) && matches > 1) {
		explain_label("note");
		printf("%" PRIu64 " peers have this name; --device NAME selects one\n", matches);
	}
}

/* Prints the kernel's present routes. */
static void
explain_route(const msgpack_object *path)
{
	char source[EXPLAIN_TEXT], destination[EXPLAIN_TEXT], netdev[EXPLAIN_TEXT],
		text[ROUTE_TEXT];
	int rc;

	if (!view_text(path, "source", source, sizeof(source)) ||
	    !view_text(path, "destination", destination, sizeof(destination)))
		return;
	rc = route_text(source, destination,
			view_text(path, "netdev", netdev, sizeof(netdev)) ? netdev : NULL, text);
	explain_label("route");
	if (rc < 0)
		printf("not known: %s\n", strerror(-rc));
	else
		puts(text);
}

static void
explain_path(const msgpack_object *answer, uint64_t now_ns)
{
	const msgpack_object *path = read_map(answer, "path");
	char a[EXPLAIN_TEXT], b[EXPLAIN_TEXT], c[EXPLAIN_TEXT];
	bool known = false;

	if (!path)
		return;
	puts("\nPath");
	explain_label("from");
	printf("%s of %s port %s", explain_text(path, "source", a), explain_text(path, "device", b),
	       explain_text(path, "port", c));
	if (view_text(path, "netdev", a, sizeof(a)))
		printf(" (%s)", a);
	printf(", GID index %s\n", explain_text(path, "gid_index", a));
	explain_wrap("chosen by", explain_text(path, "source_rule", a));
	explain_label("to");
	printf("%s, QP %s", explain_text(path, "destination", a), explain_text(path, "qpn", b));
	printf(", by SIDR on service %s", explain_text(path, "service_port", a));
	explain_when(" ", path, "asked_ns", now_ns, " ago");
	putchar('\n');
	explain_label("it takes");
	printf("messages up to %s bytes, probes per second: %s\n",
	       explain_text(path, "max_size", a), explain_text(path, "max_per_s", b));
	explain_route(path);
	read_bool(path, "neighbour_known", &known);
	explain_label("neighbour");
	fputs(known ? "known" : "looked up before the next AH", stdout);
	explain_when(", seen ", path, "neighbour_seen_ns", now_ns, " ago");
	putchar('\n');
	explain_label("AH");
	printf("%s made, GID index %s, ", explain_text(path, "ahs", a),
	       explain_text(path, "gid_index", b));
	printf("hop limit %s\n", explain_text(path, "hop_limit", a));
}

/* ---- streams ---- */

static const char *
explain_clock(const msgpack_object *record, const char *key)
{
	return read_is(record, key, probe_clock_name(PROBE_CLOCK_HW)) ? "the RNIC's" :
	       read_is(record, key, probe_clock_name(PROBE_CLOCK_SW)) ? "the host's" :
									"not known yet";
}

static void
explain_clocks(const msgpack_object *stream, const msgpack_object *device)
{
	char why[EXPLAIN_TEXT], line[2 * EXPLAIN_TEXT];
	bool reason = view_text(device, "clock_reason", why, sizeof(why));

	snprintf(line, sizeof(line), "here %s%s%s%s, there %s",
		 explain_clock(device, "clock"), reason ? " (" : "", reason ? why : "",
		 reason ? ")" : "", explain_clock(stream, "responder_clock"));
	explain_wrap("clocks", line);
}

/* "leaf1 > spine2 > leaf3", or why it is not known. */
static void
explain_road(const msgpack_object *stream)
{
	const msgpack_object *road = read_map(stream, "road");
	char text[EXPLAIN_ERROR];
	bool stable = true;

	if (pathtree_line(read_array(road, "hops"), text, sizeof(text))[0]) {
		read_bool(road, "stable", &stable);
		explain_wrap(stable ? "routers" : "routers (not stable)", text);
	} else if (view_text(road, "state_reason", text, sizeof(text))) {
		explain_wrap("routers", text);
	}
}

static void
explain_recent(const msgpack_object *target)
{
	const msgpack_object *recent = read_map(target, "recent");
	char text[EXPLAIN_TEXT], p50[FORMAT_TEXT], p99[FORMAT_TEXT];
	double ratio;
	uint64_t a, b;

	explain_label("10 seconds");
	if (!read_double(recent, "lost_ratio", &ratio)) {
		if (read_u64(recent, "results", &a) && a > 0)
			printf("%s, none of them answered or lost\n",
			       format_count(a, "result", text));
		else
			puts("no result");
		return;
	}
	printf("loss %s", format_ratio(ratio, text));
	if (read_u64(recent, "rtt_p50_ns", &a) && read_u64(recent, "rtt_p99_ns", &b))
		printf(", RTT p50 %s, p99 %s", format_ns(a, p50), format_ns(b, p99));
	if (peer_verdicts(target, clock_wall_ns(), text, sizeof(text)) ||
	    (!read_is(target, "loss_verdict", sequential_verdict_name(SEQUENTIAL_NONE)) &&
	     view_text(target, "loss_verdict", text, sizeof(text))))
		printf("; verdict: %s", text);
	if (read_u64(target, "usual_rtt_ns", &a))
		printf("; usual RTT %s", format_ns(a, p50));
	putchar('\n');
}

static void
explain_window(const msgpack_object *stream)
{
	const msgpack_object *window = read_map(stream, "window"), *rtt = read_map(window, "rtt");
	char text[FORMAT_TEXT], p50[FORMAT_TEXT], p99[FORMAT_TEXT];
	double ratio, low, high;
	char line[EXPLAIN_TEXT];
	uint64_t start, end, a, b;
	size_t at;

	if (!window || !read_u64(window, "start_ns", &start) || !read_u64(window, "end_ns", &end))
		return;
	at = (size_t)snprintf(line, sizeof(line), "%s",
			      format_age(end > start ? end - start : 0, text));
	if (read_u64(window, "due", &a))
		at += (size_t)snprintf(line + at, sizeof(line) - at, ", %s",
				       format_count(a, "probe", text));
	if (read_double(window, "loss_ratio", &ratio) && read_double(window, "loss_low", &low) &&
	    read_double(window, "loss_high", &high))
		at += (size_t)snprintf(line + at, sizeof(line) - at, ", loss %s",
				       format_loss(ratio, low, high, text));
	if (read_u64(rtt, "p50_ns", &a) && read_u64(rtt, "p99_ns", &b))
		snprintf(line + at, sizeof(line) - at, ", RTT p50 %s, p99 %s", format_ns(a, p50),
			 format_ns(b, p99));
	explain_wrap("last window", line);
}

/* Prints each class that has occurred, with its meaning. */
static void
explain_losses(const msgpack_object *target)
{
	uint64_t n;

	for (int c = 0; c < PROBE_CLASS_N; c++) {
		const char *name = probe_class_name((enum probe_class)c);

		if (!read_u64(target, name, &n) || (n == 0 && c != PROBE_OK))
			continue;
		explain_label(name);
		printf("%" PRIu64 ": %s\n", n, probe_class_meaning((enum probe_class)c));
	}
}

/* Prints T2, T5 and T6 as times since T1, and T4 as time since T3. */
static void
explain_times(const msgpack_object *probe)
{
	static const char *const keys[] = {"t1_ns", "t2_ns", "t5_ns", "t6_ns"};
	static const char *const names[] = {"T1", "T2", "T5", "T6"};
	char text[FORMAT_TEXT];
	uint64_t t1, t, t3, t4;

	if (!read_u64(probe, "t1_ns", &t1))
		return;
	for (int i = 1; i < 4; i++)
		if (read_u64(probe, keys[i], &t))
			printf(" %s+%s", names[i], format_ns(t > t1 ? t - t1 : 0, text));
	if (read_u64(probe, "t3_ns", &t3) && read_u64(probe, "t4_ns", &t4))
		printf("  T4=T3+%s", format_ns(t4 > t3 ? t4 - t3 : 0, text));
}

/* The width of the longest age. */
static size_t
explain_ago_width(const msgpack_object *probes, uint64_t now_ns)
{
	char text[FORMAT_TEXT];
	size_t width = 1;

	for (uint32_t i = 0; i < probes->via.array.size; i++) {
		const char *ago = explain_ago(&probes->via.array.ptr[i], "time_ns", now_ns, text);

		if (ago && utf8_width(ago) > width)
			width = utf8_width(ago);
	}
	return width;
}

/* Prints a probe in columns; the first has the given width. */
static void
explain_probe(const msgpack_object *probe, uint64_t now_ns, size_t width)
{
	char a[EXPLAIN_TEXT], text[FORMAT_TEXT];
	const char *ago = explain_ago(probe, "time_ns", now_ns, text);
	uint64_t rtt;

	ago = ago ? ago : "-";
	printf("    %*s%s ago", utf8_blanks(ago, width), "", ago);
	printf(" %-4s", explain_text(probe, "class", a));
	if (read_u64(probe, "rtt_ns", &rtt))
		printf(" %*s%s", utf8_blanks(format_ns(rtt, text), 8), "", text);
	else if (view_text(probe, "reason", a, sizeof(a)))
		printf(" (%.40s)", a);
	explain_times(probe);
	putchar('\n');
}

static void
explain_last(const msgpack_object *stream, uint64_t now_ns)
{
	const msgpack_object *last = read_array(stream, "last");
	bool kept = true;
	size_t width;

	read_bool(stream, "kept", &kept);
	if (!last || last->via.array.size == 0) {
		explain_wrap("last probes", kept ? "none yet" :
						   "not kept for this stream; from now on they "
						   "are, if there is memory");
		return;
	}
	explain_label("last probes");
	puts("class, RTT; since T1 (posted): T2 sent, T5 answered, T6 read");
	width = explain_ago_width(last, now_ns);
	for (uint32_t i = 0; i < last->via.array.size; i++)
		explain_probe(&last->via.array.ptr[i], now_ns, width);
}

static void
explain_stream(const msgpack_object *stream, const msgpack_object *device, uint64_t now_ns)
{
	const msgpack_object *target = read_map(stream, "target");
	char a[EXPLAIN_TEXT], b[EXPLAIN_TEXT], c[EXPLAIN_TEXT], text[FORMAT_TEXT];
	uint64_t interval, label = 0;

	read_u64(target, "flow_label", &label);
	printf("\nProbes (%s", explain_text(target, "kind", a));
	if (view_text(stream, "flow", a, sizeof(a)))
		printf(" of flow %s", a);
	if (read_u64(target, "interval_ns", &interval))
		printf(", every %s", format_ns(interval, text));
	puts(")");
	explain_label("headers");
	printf("flow label 0x%05" PRIx64 ", traffic class %s, service level %s\n", label,
	       explain_text(target, "traffic_class", a), explain_text(target, "service_level", b));
	explain_label("UDP port");
	printf("%s from QP %s: path %s\n", explain_text(target, "src_port", a),
	       explain_text(stream, "qpn", b), explain_text(target, "path", c));
	explain_wrap("", explain_text(stream, "port_rule", a));
	explain_clocks(stream, device);
	explain_road(stream);
	explain_recent(target);
	explain_window(stream);
	explain_losses(target);
	explain_last(stream, now_ns);
}

static void
explain_streams(const msgpack_object *answer, uint64_t now_ns)
{
	const msgpack_object *streams = read_array(answer, "streams"),
			     *device = read_map(answer, "device");
	char text[FORMAT_TEXT];
	uint64_t total;

	for (uint32_t i = 0; streams && i < streams->via.array.size; i++)
		explain_stream(&streams->via.array.ptr[i], device, now_ns);
	if (!streams || streams->via.array.size == 0)
		puts("\nProbes: none are sent there now");
	else if (read_u64(answer, "streams_total", &total) && total > streams->via.array.size)
		printf("\nAnd %s not shown here: `rpingmesh-ctl targets` lists all\n",
		       format_count(total - streams->via.array.size, "more stream", text));
}

/* ---- flows and device ---- */

static void
explain_flow(const msgpack_object *flow)
{
	const msgpack_object *owners = read_array(flow, "owners");
	char a[EXPLAIN_TEXT], b[EXPLAIN_TEXT];
	size_t width;

	printf("  %s ", explain_text(flow, "id", a));
	if (owners && owners->via.array.size) {
		view_owner(&owners->via.array.ptr[0], a, sizeof(a));
		printf("%.*s ", (int)utf8_cut(a, 24, &width), a);
	}
	printf("%s -> ", explain_text(flow, "src_gid", a));
	printf("%s port %s, ", explain_text(flow, "dst_gid", a), explain_text(flow, "src_port", b));
	explain_count("", flow, "qps_total", "QP", ", ");
	printf("%s", explain_text(flow, "probing", b));
	printf(", path %s\n", explain_text(flow, "path", a));
	if (view_text(flow, "probing_reason", a, sizeof(a)))
		explain_wrap("", a);
}

static void
explain_flows(const msgpack_object *answer)
{
	const msgpack_object *flows = read_array(answer, "flows");
	uint64_t total = 0;

	read_u64(answer, "flows_total", &total);
	printf("\nFlows of services on this path: %" PRIu64 "\n", total);
	for (uint32_t i = 0; flows && i < flows->via.array.size; i++)
		explain_flow(&flows->via.array.ptr[i]);
	if (flows && total > flows->via.array.size)
		printf("  and %" PRIu64 " more: `rpingmesh-ctl flows --remote ADDRESS` lists all\n",
		       total - flows->via.array.size);
}

/* Prints the counters of trouble that are not 0. */
static void
explain_counters(const msgpack_object *device)
{
	const msgpack_object *counters = read_map(device, "counters");
	char name[EXPLAIN_TEXT];
	bool some = false;

	for (uint32_t i = 0; counters && i < counters->via.map.size; i++) {
		const msgpack_object *value = &counters->via.map.ptr[i].val;
		uint64_t total = 0;
		bool bad = false;

		if (!read_bool(value, "bad", &bad) || !bad || !read_u64(value, "total", &total) ||
		    total == 0)
			continue;
		explain_label(some ? "" : "counters");
		view_clean(&counters->via.map.ptr[i].key, name, sizeof(name));
		printf("%s rose by %" PRIu64 " since the daemon's start\n", name, total);
		some = true;
	}
	if (!some) {
		explain_label("counters");
		puts(counters && counters->via.map.size ?
			     "no counter of errors or drops has risen" :
			     "not known: none has been read");
	}
}

static void
explain_device(const msgpack_object *answer, uint64_t now_ns)
{
	const msgpack_object *device = read_map(answer, "device"),
			     *history = read_array(device, "history");
	char a[EXPLAIN_TEXT], b[EXPLAIN_TEXT], c[EXPLAIN_TEXT], age[FORMAT_TEXT];

	if (!device)
		return;
	printf("\nDevice %s port %s: %s", explain_text(device, "device", a),
	       explain_text(device, "port", b), explain_text(device, "state", c));
	if (view_text(device, "state_reason", a, sizeof(a)))
		printf(" (%s)", a);
	putchar('\n');
	explain_label("is");
	printf("%s on %s, MTU %s, node GUID ", explain_text(device, "driver", a),
	       explain_text(device, "netdev", b), explain_text(device, "mtu", c));
	puts(explain_text(device, "node_guid", a));
	explain_counters(device);
	for (uint32_t i = 0; history && i < history->via.array.size && i < 5; i++) {
		const msgpack_object *e = &history->via.array.ptr[i];
		const char *ago = explain_ago(e, "time_ns", now_ns, age);

		explain_label(i ? "" : "history");
		printf("%s ago: %s -> %s", ago ? ago : "-", explain_text(e, "from", a),
		       explain_text(e, "to", b));
		printf(" by %s\n", explain_text(e, "event", c));
	}
}

static void
explain_print(const msgpack_object *answer)
{
	uint64_t now_ns = clock_wall_ns();

	read_u64(answer, "time_ns", &now_ns);
	explain_peer(answer, now_ns);
	if (!read_map(answer, "peer"))
		puts("Flow without a peer: it is not probed");
	explain_path(answer, now_ns);
	explain_streams(answer, now_ns);
	explain_flows(answer);
	explain_device(answer, now_ns);
}

/* ---- the command ---- */

static enum client_rc
explain_ask(struct client *client, const char *what, const char *device,
	    const msgpack_object **answer)
{
	msgpack_sbuffer param;
	enum client_rc rc;

	ask_pack_target(&param, what, device);
	rc = client_call(client, "explain", &param, answer);
	msgpack_sbuffer_destroy(&param);
	return rc;
}

/* Complains with the daemon's reason and the names that were perhaps meant. */
static void
explain_unknown(struct client *client, const char *what)
{
	const msgpack_object *peers = NULL;
	struct pages pages;
	char names[NEAR_MAX * NEAR_TEXT] = "", error[EXPLAIN_ERROR];

	view_clean_text(client_reason(client), error, sizeof(error));
	if (pages_list(client, "peers", &pages, &peers) == CLIENT_OK)
		near_peers(peers, what, names);
	pages_free(&pages);
	if (names[0])
		cmd_complain("%s; did you mean %s?", error, names);
	else
		cmd_complain("%s; `rpingmesh-ctl peers` lists the peers, `rpingmesh-ctl --json "
			     "flows | jq .id` the flows",
			     error);
}

static int
explain_run(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
{
	static const struct option longs[] = {{"device", required_argument, NULL, 'd'}, CMD_LONG};
	const msgpack_object *answer = NULL;
	const char *device = NULL;
	struct client *client;
	enum client_rc asked;
	int c, rc;

	optind = 0;
	while ((c = getopt_long(argc, argv, ":" CMD_SHORT, longs, NULL)) != -1) {
		if (c == 'd') {
			device = optarg;
			continue;
		}
		rc = cmd_option(ctl, command, c, argv);
		if (rc >= 0)
			return rc;
	}
	if (optind + 1 != argc)
		return cmd_usage(command, optind == argc ? "explain which peer or flow?" :
							   "explain: one peer or flow");
	rc = ask_open(ctl, NULL, &client);
	if (rc != CMD_OK)
		return rc;
	asked = explain_ask(client, argv[optind], device, &answer);
	if (asked == CLIENT_OK)
		asked = client_check_schema(client, answer);
	/* With a device, the name may be right. */
	if (asked == CLIENT_REFUSED && !device && client_code(client) == ENOENT) {
		explain_unknown(client, argv[optind]);
		rc = CMD_BAD_NEWS;
	} else {
		rc = ask_told(client, asked);
	}
	if (rc == CMD_OK && ctl->json)
		json_line(stdout, answer, "explain");
	else if (rc == CMD_OK)
		explain_print(answer);
	client_close(client);
	return rc;
}

const struct cmd_entry cmd_explain = {
	.name = "explain",
	.summary = "all that is known about the path to one peer, or of one flow",
	.help = "Usage: rpingmesh-ctl explain [--device NAME] TARGET [--json]\n"
		"Show everything that is known about one path: how the peer was found, the\n"
		"address and the route that probes use, their headers, their UDP source port and\n"
		"its rule, the clocks of both ends, loss and times, each class of results with\n"
		"its meaning, the last 16 probes with their six times, the flows of services on\n"
		"the path, and the device.\n"
		"\n"
		"TARGET is the address, the configured name or the host name of a peer,\n"
		"HOST/DEVICE with a device that the pinglist names, or the number of a flow (17\n"
		"or flow:17, see `rpingmesh-ctl --json flows`).\n"
		"\n"
		"      --device NAME    if several peers have this name, explain the one that\n"
		"                       this local device probes\n"
		"\n"
		"Times of a probe: T1 posted, T2 sent, T3 received by the peer, T4 answered, T5\n"
		"answer received, T6 answer read. RTT is (T5-T2)-(T4-T3). The daemon keeps the\n"
		"last probes of 2048 streams, and of other streams after an explain.\n"
		"\n"
		"Exit status: 0 shown; 1 there is no such peer or flow; 2 usage; 3 no daemon.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl explain 10.0.0.2\n"
		"  rpingmesh-ctl explain flow:17\n"
		"  rpingmesh-ctl --json explain node7 | jq '.streams[].last[] | .rtt_ns'",
	.run = explain_run,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: ping
 *
 * The daemon probes and sends each result; this prints the results and adds them up. The daemon may
 * have to drop results. Therefore the totals in its "ping_done" replace ours, but times come only
 * from the results that were received.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "ctl/cmd/ask.h"
#include "ctl/term/signals.h"
#include "ctl/view/classes.h"
#include "ctl/view/format.h"
#include "ctl/view/samples.h"
#include "ctl/view/view.h"
#include "record/json.h"
#include "record/read.h"
#include "record/record.h"
#include "rpingmesh/control.h"

#define PING_STOP_NS (2 * NSEC_PER_SEC)
#define PING_TEXT 128

struct ping_options {
	const char *host, *device, *source;
	unsigned long long count, interval_ns, size, flow_label, tos, timeout_ns;
	bool has_count, has_interval, has_size, has_flow_label, has_tos, has_timeout;
	bool quiet;
};

struct ping {
	const struct ctl *ctl;
	struct ping_options options;
	struct client *client;
	uint64_t id;
	bool started;             /* id is valid */
	bool done;
	int failed;               /* CMD_NO_DAEMON: the records are not valid */
	uint64_t timeout_ns;      /* 0: unknown */
	uint64_t sent, dropped;
	struct classes_tally tally;
	uint64_t noise, answered_noise, lost_noise; /* results that host noise may have affected */
	struct samples rtt, prober, responder;
	char error[256];          /* why the daemon ended it */
};

static void
ping_pack_u64(msgpack_packer *pk, const char *key, bool has, uint64_t value)
{
	if (!has)
		return;
	record_pack_str(pk, key);
	msgpack_pack_uint64(pk, value);
}

static void
ping_pack_text(msgpack_packer *pk, const char *key, const char *value)
{
	if (!value)
		return;
	record_pack_str(pk, key);
	record_pack_str(pk, value);
}

static void
ping_pack(const struct ping_options *o, msgpack_packer *pk)
{
	msgpack_pack_map(pk, 1u + o->has_count + o->has_interval + o->has_size + o->has_flow_label +
				     o->has_tos + o->has_timeout + !!o->device + !!o->source);
	ping_pack_text(pk, "host", o->host);
	ping_pack_u64(pk, "count", o->has_count, o->count);
	ping_pack_u64(pk, "interval_ns", o->has_interval, o->interval_ns);
	ping_pack_u64(pk, "size", o->has_size, o->size);
	ping_pack_u64(pk, "flow_label", o->has_flow_label, o->flow_label);
	ping_pack_u64(pk, "traffic_class", o->has_tos, o->tos);
	ping_pack_u64(pk, "timeout_ns", o->has_timeout, o->timeout_ns);
	ping_pack_text(pk, "device", o->device);
	ping_pack_text(pk, "source", o->source);
}

static void
ping_print_times(const msgpack_object *record)
{
	static const char *const keys[][2] = {{"prober_delay_ns", "prober"},
					      {"responder_delay_ns", "responder"}};
	char text[FORMAT_TEXT];
	uint64_t ns;

	if (read_u64(record, "rtt_ns", &ns))
		printf(" rtt=%s", format_ms(ns, text));
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (read_u64(record, keys[i][0], &ns))
			printf(" %s=%s", keys[i][1], format_ns(ns, text));
}

/* "50 bytes from 10.0.1.1 (host): seq=0 rtt=… path=exact clock=sw noise=prober" */
static void
ping_print_answer(const msgpack_object *record, enum probe_class class)
{
	static const char *const keys[][2] = {
		{"src_port", "port"}, {"path", "path"}, {"clock", "clock"}, {"host_noise", "noise"},
	};
	char text[PING_TEXT];

	view_text(record, "size", text, sizeof(text));
	printf("%s bytes from ", text);
	view_text(record, "peer", text, sizeof(text));
	fputs(text, stdout);
	if (view_text(record, "hostname", text, sizeof(text)))
		printf(" (%s)", text);
	view_text(record, "seq", text, sizeof(text));
	printf(": seq=%s", text);
	ping_print_times(record);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (view_text(record, keys[i][0], text, sizeof(text)))
			printf(" %s=%s", keys[i][1], text);
	puts(class == PROBE_LATE ? " late" : "");
}

/* "seq=3 lost (500 ms)", "seq=4 local_error (port is down)" */
static void
ping_print_failure(const struct ping *ping, const msgpack_object *record, enum probe_class class)
{
	char text[PING_TEXT], time[FORMAT_TEXT];

	view_text(record, "seq", text, sizeof(text));
	printf("seq=%s ", text);
	view_text(record, "class", text, sizeof(text));
	fputs(text, stdout);
	if (view_text(record, "host_noise", text, sizeof(text)))
		printf(" noise=%s", text);
	if (view_text(record, "reason", text, sizeof(text)))
		printf(" (%s)\n", text);
	else if (ping->timeout_ns && probe_class_is_lost(class))
		printf(" (%s)\n", format_ns(ping->timeout_ns, time));
	else
		putchar('\n');
}

/*
 * As in windows, loss leaves out probes for which a host stalled, whether they were answered or
 * not. Older daemons report only the noise.
 */
static void
ping_count_noise(struct ping *ping, const msgpack_object *record, enum probe_class class)
{
	char text[PING_TEXT];
	bool stalled;

	if (!read_bool(record, "stalled", &stalled))
		stalled = view_text(record, "host_noise", text, sizeof(text));
	if (!stalled)
		return;
	ping->noise++;
	ping->answered_noise += probe_class_is_answered(class);
	ping->lost_noise += probe_class_is_lost(class);
}

/* Whether the RTT is not that of the network: software measured it during host noise. */
static bool
ping_rtt_is_noise(const msgpack_object *record)
{
	char text[PING_TEXT];

	return view_text(record, "host_noise", text, sizeof(text)) &&
	       view_text(record, "clock", text, sizeof(text)) && strcmp(text, "sw") == 0;
}

static void
ping_measure(struct samples *s, const msgpack_object *record, const char *key)
{
	uint64_t ns;

	if (read_u64(record, key, &ns))
		samples_add(s, ns);
}

static void
ping_record(struct ping *ping, const msgpack_object *record)
{
	enum probe_class class = classes_find(record);

	if (ask_check_schema(ping->client, record) != CMD_OK) {
		ping->failed = CMD_NO_DAEMON;
		return;
	}
	ping->sent++;
	classes_tally_add(&ping->tally, record);
	ping_count_noise(ping, record, class);
	if (!ping_rtt_is_noise(record))
		ping_measure(&ping->rtt, record, "rtt_ns");
	ping_measure(&ping->prober, record, "prober_delay_ns");
	ping_measure(&ping->responder, record, "responder_delay_ns");
	if (ping->options.quiet)
		return;
	if (ping->ctl->json)
		json_line(stdout, record, "probe");
	else if (probe_class_is_answered(class))
		ping_print_answer(record, class);
	else
		ping_print_failure(ping, record, class);
}

static void
ping_over(struct ping *ping, const msgpack_object *totals)
{
	uint64_t n;

	ping->done = true;
	if (read_u64(totals, "sent", &n))
		ping->sent = n;
	classes_tally_totals(&ping->tally, totals);
	if (!view_text(totals, "error", ping->error, sizeof(ping->error)))
		ping->error[0] = '\0';
	if (ping->ctl->json)
		json_line(stdout, totals, "ping_done");
}

static bool
ping_method_is(const msgpack_object *method, const char *name)
{
	return method->type == MSGPACK_OBJECT_STR && method->via.str.size == strlen(name) &&
	       memcmp(method->via.str.ptr, name, strlen(name)) == 0;
}

static void
ping_notified(void *arg, const msgpack_object *method, const msgpack_object *params)
{
	struct ping *ping = arg;
	const msgpack_object *record;
	uint64_t id = 0, count;

	if (params->type != MSGPACK_OBJECT_ARRAY || params->via.array.size < 1 || ping->done ||
	    ping->failed)
		return;
	record = &params->via.array.ptr[0];
	if (ping_method_is(method, "dropped") && read_u64(record, "count", &count)) {
		ping->dropped += count;
		if (ping->ctl->json)
			json_line(stdout, record, "dropped");
		return;
	}
	if (ping->started && read_u64(record, "ping", &id) && id != ping->id)
		return;
	if (ping_method_is(method, "ping"))
		ping_record(ping, record);
	else if (ping_method_is(method, "ping_done"))
		ping_over(ping, record);
}

static void
ping_print_delays(struct samples *s, const char *name)
{
	char min[FORMAT_TEXT], avg[FORMAT_TEXT], max[FORMAT_TEXT];

	if (s->n)
		printf("%s delay min/avg/max = %s / %s / %s\n", name, format_ns(s->min, min),
		       format_ns(samples_mean(s), avg), format_ns(s->max, max));
}

static void
ping_print_rtt(struct samples *s)
{
	char text[6][FORMAT_TEXT];

	if (s->n)
		printf("rtt min/avg/p50/p99/max/mdev = %s / %s / %s / %s / %s / %s\n",
		       format_ns(s->min, text[0]), format_ns(samples_mean(s), text[1]),
		       format_ns(samples_percentile(s, 50), text[2]),
		       format_ns(samples_percentile(s, 99), text[3]), format_ns(s->max, text[4]),
		       format_ns(samples_mdev(s), text[5]));
}

static void
ping_summary(struct ping *ping)
{
	uint64_t answered = classes_tally_answered(&ping->tally);
	uint64_t lost = classes_tally_lost(&ping->tally) - ping->lost_noise;
	uint64_t measured = answered - ping->answered_noise + lost;
	char text[FORMAT_TEXT];

	if (ping->ctl->json)
		return;
	printf("\n--- %s ping statistics ---\n", ping->options.host);
	printf("%" PRIu64 " sent, %" PRIu64 " answered, loss ", ping->sent, answered);
	puts(measured ? format_ratio((double)lost / (double)measured, text) : "not known");
	classes_tally_print(&ping->tally);
	if (ping->noise)
		printf("%" PRIu64 " left out because of host noise\n", ping->noise);
	if (ping->dropped)
		printf("%" PRIu64 " results are missing because this program read too slowly\n",
		       ping->dropped);
	ping_print_rtt(&ping->rtt);
	ping_print_delays(&ping->prober, "prober");
	ping_print_delays(&ping->responder, "responder");
}

static int
ping_start(struct ping *ping)
{
	const msgpack_object *result = NULL;
	char text[PING_TEXT];
	msgpack_sbuffer param;
	msgpack_packer pk;
	int rc;

	msgpack_sbuffer_init(&param);
	msgpack_packer_init(&pk, &param, msgpack_sbuffer_write);
	ping_pack(&ping->options, &pk);
	rc = ask_call(ping->client, "ping", &param, &result);
	msgpack_sbuffer_destroy(&param);
	if (rc != CMD_OK)
		return rc;
	ping->started = read_u64(result, "ping", &ping->id);
	if (!read_u64(result, "timeout_ns", &ping->timeout_ns))
		ping->timeout_ns = ping->options.has_timeout ? ping->options.timeout_ns : 0;
	if (ping->ctl->json)
		return CMD_OK;
	printf("PING %s", ping->options.host);
	if (view_text(result, "address", text, sizeof(text)) &&
	    strcmp(text, ping->options.host) != 0)
		printf(" (%s)", text);
	if (!view_text(result, "address", text, sizeof(text)))
		fputs(": looking up the name", stdout);
	if (view_text(result, "device", text, sizeof(text)))
		printf(" from %s", text);
	if (view_text(result, "size", text, sizeof(text)))
		printf(": %s bytes", text);
	putchar('\n');
	fflush(stdout); /* the name server may take a while */
	return CMD_OK;
}

/* After Ctrl-C: stops probing and waits for the results of probes in flight. */
static int
ping_stop(struct ping *ping)
{
	uint64_t until_ns = clock_mono_ns() + PING_STOP_NS;
	msgpack_sbuffer param;
	msgpack_packer pk;
	int rc = CMD_OK;

	msgpack_sbuffer_init(&param);
	msgpack_packer_init(&pk, &param, msgpack_sbuffer_write);
	msgpack_pack_map(&pk, 1);
	ping_pack_u64(&pk, "ping", true, ping->id);
	if (ping->started)
		rc = ask_call(ping->client, "ping_stop", &param, NULL);
	if (rc == CMD_BAD_NEWS && ping->done) /* the ping ended just before */
		rc = CMD_OK;
	msgpack_sbuffer_destroy(&param);
	while (rc == CMD_OK && !ping->done && clock_mono_ns() < until_ns)
		rc = ask_wait(ping->client, until_ns);
	return rc;
}

static int
ping_go(struct ping *ping)
{
	int rc = ping_start(ping);

	if (rc != CMD_OK)
		return rc;
	while (rc == CMD_OK && !ping->done && !ping->failed && !signals_stop())
		rc = ask_wait(ping->client, UINT64_MAX);
	if (rc == CMD_OK && !ping->done && !ping->failed)
		rc = ping_stop(ping);
	if (ping->failed)
		return ping->failed;
	ping_summary(ping);
	if (ping->error[0]) {
		cmd_complain("ping: %s: %s", ping->options.host, ping->error);
		return rc != CMD_OK ? rc : CMD_BAD_NEWS;
	}
	return rc != CMD_OK || classes_tally_answered(&ping->tally) ? rc : CMD_BAD_NEWS;
}

struct ping_option {
	int c;
	const char *expected;
	unsigned long long min, max;
	unsigned long long *value;
	bool *has;
};

/* Parses an option that is a whole number. Returns -1, or CMD_USAGE. */
static int
ping_number(const struct cmd_entry *command, const char *name, const struct ping_option *o)
{
	*o->has = true;
	if (cmd_number(optarg, o->min, o->max, o->value))
		return -1;
	return cmd_usage(command, "%s: expected %s, not \"%s\"", name, o->expected, optarg);
}

static int
ping_seconds(const struct cmd_entry *command, const char *name, bool *has, unsigned long long *ns)
{
	*has = true;
	if (cmd_seconds(optarg, 0.001, 3600, ns))
		return -1;
	return cmd_usage(command, "%s: expected seconds, 0.001 to 3600, not \"%s\"", name, optarg);
}

/* Parses one of ping's own options. Returns -2 if it is not one. */
static int
ping_option(struct ping_options *o, const struct cmd_entry *command, int c)
{
	switch (c) {
	case 'c':
		return ping_number(command, "-c",
				   &(struct ping_option){.expected = "how many probes, 1 or more",
							 .min = 1,
							 .max = UINT32_MAX,
							 .value = &o->count,
							 .has = &o->has_count});
	case 's':
		return ping_number(command, "-s",
				   &(struct ping_option){.expected = "bytes, 50 to 4096",
							 .min = 50,
							 .max = 4096,
							 .value = &o->size,
							 .has = &o->has_size});
	case 'F':
		return ping_number(command, "--flow-label",
				   &(struct ping_option){.expected = "0 to 0xfffff",
							 .max = 0xfffff,
							 .value = &o->flow_label,
							 .has = &o->has_flow_label});
	case 'T':
		return ping_number(command, "--tos",
				   &(struct ping_option){.expected = "0 to 255",
							 .max = 255,
							 .value = &o->tos,
							 .has = &o->has_tos});
	case 'i':
		return ping_seconds(command, "-i", &o->has_interval, &o->interval_ns);
	case 'W':
		return ping_seconds(command, "-W", &o->has_timeout, &o->timeout_ns);
	case 'D':
		o->device = optarg;
		return -1;
	case 'A':
		o->source = optarg;
		return -1;
	case 'q':
		o->quiet = true;
		return -1;
	default:
		return -2;
	}
}

static int
ping_options(struct ctl *ctl, struct ping_options *o, const struct cmd_entry *command, int argc,
	     char **argv)
{
	static const struct option longs[] = {
		{"count", required_argument, NULL, 'c'}, {"interval", required_argument, NULL, 'i'},
		{"size", required_argument, NULL, 's'}, {"flow-label", required_argument, NULL,
		 'F'},
		{"tos", required_argument, NULL, 'T'}, {"timeout", required_argument, NULL, 'W'},
		{"device", required_argument, NULL, 'D'}, {"source", required_argument, NULL, 'A'},
		{"quiet", no_argument, NULL, 'q'}, CMD_LONG,
	};
	int c, rc;

	optind = 0;
	while ((c = getopt_long(argc, argv, ":c:i:s:W:q" CMD_SHORT, longs, NULL)) != -1) {
		rc = ping_option(o, command, c);
		if (rc == -2)
			rc = cmd_option(ctl, command, c, argv);
		if (rc >= 0)
			return rc;
	}
	if (argc - optind != 1)
		return cmd_usage(command, optind == argc ? "ping whom?" : "ping takes one host");
	o->host = argv[optind];
	return -1;
}

static int
ping_run(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
{
	struct ping ping = {.ctl = ctl};
	struct client_ops ops = {.notified = ping_notified, .arg = &ping};
	int rc = ping_options(ctl, &ping.options, command, argc, argv);

	if (rc >= 0)
		return rc;
	rc = ask_open(ctl, &ops, &ping.client);
	if (rc != CMD_OK)
		return rc;
	if (signals_start(NULL) < 0)
		cmd_complain("cannot catch signals: Ctrl-C will show no summary");
	rc = ping_go(&ping);
	client_close(ping.client);
	samples_free(&ping.rtt);
	samples_free(&ping.prober);
	samples_free(&ping.responder);
	return rc;
}

const struct cmd_entry cmd_ping = {
	.name = "ping",
	.summary = "probe a host now, as ping(8) does",
	.help = "Usage: rpingmesh-ctl ping [OPTION]... HOST [--json]\n"
		"Make the daemon probe HOST over RoCE, and print each result, until Ctrl-C or\n"
		"COUNT. HOST is an address, a name, or a host name or HOST/DEVICE that\n"
		"`rpingmesh-ctl peers` shows. It must run rpingmeshd; neither side needs any\n"
		"configuration.\n"
		"\n"
		"  -c, --count N        stop after N probes\n"
		"  -i, --interval S     seconds between probes, 0.001 to 3600 (default 1); only\n"
		"                       root and the daemon's own user may go below 0.1\n"
		"  -s, --size BYTES     size of the payload, 50 to 4096 (default 50)\n"
		"  -W, --timeout S      seconds after which a probe is late (default: the\n"
		"                       daemon's timeout_ms)\n"
		"      --flow-label N   choose a path: the flow label, which determines the UDP\n"
		"                       source port, 0 to 0xfffff\n"
		"      --tos N          traffic class, 0 to 255\n"
		"      --device NAME    local RDMA device to probe from\n"
		"      --source ADDR    local address to probe from\n"
		"  -q, --quiet          print only the summary\n"
		"\n"
		"rtt is that of the network alone; prober and responder are the delays inside\n"
		"the two hosts. A host that stalls shows there, not in rtt. Loss is the share of\n"
		"lost probes among those answered or lost; probes that never left (unresolved,\n"
		"peer_down, local_error) do not count. With --json each result is one line, and\n"
		"the last line has type \"ping_done\".\n"
		"\n"
		"Exit status: 0 a probe was answered; 1 none was; 2 usage; 3 no daemon.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl ping 10.0.0.2\n"
		"  rpingmesh-ctl ping -c 100 -i 0.1 -s 2000 node7    # large packets, too?\n"
		"  for l in 1 2 3 4; do rpingmesh-ctl ping -q -c 50 --flow-label $l node7; done",
	.run = ping_run,
};

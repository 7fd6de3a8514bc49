/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: check
 *
 * A few pings to each of several hosts at once, and a line for each: is the network from here to
 * there well? The daemon runs the pings; so many run at a time as one client may have. With
 * --central, rpingmesh-central lets the hosts probe each other: check_central.c.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "ctl/cmd/ask.h"
#include "ctl/cmd/check_central.h"
#include "ctl/view/classes.h"
#include "ctl/view/format.h"
#include "ctl/view/samples.h"
#include "ctl/view/view.h"
#include "record/json.h"
#include "record/read.h"
#include "record/record.h"

#define CHECK_AT_ONCE 16     /* the daemon allows 32 pings of a client */
#define CHECK_MAX 4096
#define CHECK_TEXT 256
#define CHECK_INTERVAL_NS (100 * NSEC_PER_MSEC) /* what all users may do */
#define CHECK_GRACE_NS (60 * NSEC_PER_SEC)      /* names and SIDR may take a while */

struct check_host {
	const char *name;
	bool known, done;         /* id is valid; it has ended */
	uint64_t id, sent, stalled; /* stalled: not answered, because a host stalled */
	struct classes_tally tally;
	struct samples rtt;
	char error[CHECK_TEXT];
};

struct check {
	const struct ctl *ctl;
	struct client *client;
	unsigned long long count;
	struct check_host *hosts;
	size_t n, begun, shown;   /* hosts; those whose ping has begun; whose line is printed */
	uint64_t due_ns;          /* until then, the daemon must say something of a ping */
	bool bad;
	int failed;               /* CMD_NO_DAEMON: the records are not valid */
};

/* ---- results ---- */

/* A notification may overtake the answer, so who is asked about may have no number yet. */
static struct check_host *
check_host_of(struct check *c, uint64_t id)
{
	struct check_host *last = c->begun ? &c->hosts[c->begun - 1] : NULL;

	for (size_t i = 0; i < c->begun; i++)
		if (c->hosts[i].known && !c->hosts[i].done && c->hosts[i].id == id)
			return &c->hosts[i];
	if (!last || last->known || last->done)
		return NULL;
	last->known = true;
	last->id = id;
	return last;
}

static void
check_probe(struct check *c, struct check_host *host, const msgpack_object *record)
{
	enum probe_class class = classes_find(record);
	bool stalled = false;
	uint64_t ns;

	if (ask_check_schema(c->client, record) != CMD_OK) {
		c->failed = CMD_NO_DAEMON;
		return;
	}
	host->sent++;
	classes_tally_add(&host->tally, record);
	read_bool(record, "stalled", &stalled);
	host->stalled += stalled && !probe_class_is_answered(class);
	if (read_u64(record, "rtt_ns", &ns))
		samples_add(&host->rtt, ns);
}

static void
check_over(struct check_host *host, const msgpack_object *totals)
{
	uint64_t n;

	host->done = true;
	if (read_u64(totals, "sent", &n))
		host->sent = n;
	classes_tally_totals(&host->tally, totals);
	if (!view_text(totals, "error", host->error, sizeof(host->error)))
		host->error[0] = '\0';
}

static void
check_notified(void *arg, const msgpack_object *method, const msgpack_object *params)
{
	struct check *c = arg;
	const msgpack_object *record;
	struct check_host *host;
	uint64_t id;

	if (params->type != MSGPACK_OBJECT_ARRAY || params->via.array.size < 1)
		return;
	record = &params->via.array.ptr[0];
	host = read_u64(record, "ping", &id) ? check_host_of(c, id) : NULL;
	if (!host || method->type != MSGPACK_OBJECT_STR)
		return;
	/* The daemon may send less often than it is asked: only silence ends it. */
	c->due_ns = clock_mono_ns() + CHECK_GRACE_NS;
	if (method->via.str.size == 4 && memcmp(method->via.str.ptr, "ping", 4) == 0)
		check_probe(c, host, record);
	else if (method->via.str.size == 9 && memcmp(method->via.str.ptr, "ping_done", 9) == 0)
		check_over(host, record);
}

/* ---- lines ---- */

static bool
check_is_well(const struct check_host *host)
{
	uint64_t answered = classes_tally_answered(&host->tally);

	return !host->error[0] && answered > 0 && answered + host->stalled >= host->sent;
}

static void
check_json(struct check_host *host, uint64_t answered)
{
	msgpack_unpacked out;
	msgpack_sbuffer buffer;
	msgpack_packer pk;
	struct record r;

	record_begin(&r, RECORD_CHECK);
	record_str(&r, "target", host->name);
	record_bool(&r, "well", check_is_well(host));
	record_u64(&r, "sent", host->sent);
	record_u64(&r, "answered", answered);
	record_u64_if(&r, "rtt_p50_ns", samples_percentile(&host->rtt, 50), host->rtt.n > 0);
	record_u64_if(&r, "rtt_max_ns", host->rtt.max, host->rtt.n > 0);
	record_str(&r, "error", host->error[0] ? host->error : NULL);
	msgpack_sbuffer_init(&buffer);
	msgpack_packer_init(&pk, &buffer, msgpack_sbuffer_write);
	record_end(&r, &pk);
	msgpack_unpacked_init(&out);
	if (msgpack_unpack_next(&out, buffer.data, buffer.size, NULL) == MSGPACK_UNPACK_SUCCESS)
		json_line(stdout, &out.data, NULL);
	msgpack_unpacked_destroy(&out);
	msgpack_sbuffer_destroy(&buffer);
}

static void
check_show(struct check *c, struct check_host *host)
{
	uint64_t answered = classes_tally_answered(&host->tally);
	char p50[FORMAT_TEXT], max[FORMAT_TEXT];

	c->bad |= !check_is_well(host);
	if (c->ctl->json) {
		check_json(host, answered);
		return;
	}
	printf("%-24s %-4s %" PRIu64 " of %" PRIu64 " answered", host->name,
	       check_is_well(host) ? "ok" : "BAD", answered, host->sent);
	if (host->rtt.n)
		printf(", rtt p50/max %s / %s",
		       format_ns(samples_percentile(&host->rtt, 50), p50),
		       format_ns(host->rtt.max, max));
	printf("%s%s\n", host->error[0] ? ": " : "", host->error);
}

/* ---- asking ---- */

static int
check_begin(struct check *c, struct check_host *host)
{
	const msgpack_object *result = NULL;
	msgpack_sbuffer param;
	msgpack_packer pk;
	int rc;

	msgpack_sbuffer_init(&param);
	msgpack_packer_init(&pk, &param, msgpack_sbuffer_write);
	msgpack_pack_map(&pk, 3);
	record_pack_str(&pk, "host");
	record_pack_str(&pk, host->name);
	record_pack_str(&pk, "count");
	msgpack_pack_uint64(&pk, c->count);
	record_pack_str(&pk, "interval_ns");
	msgpack_pack_uint64(&pk, CHECK_INTERVAL_NS);
	c->begun++;
	c->due_ns = clock_mono_ns() + CHECK_GRACE_NS;
	rc = ask_call(c->client, "ping", &param, &result);
	msgpack_sbuffer_destroy(&param);
	if (rc == CMD_BAD_NEWS) {
		const char *why = client_reason(c->client);

		view_clean_text(why ? why : "rpingmeshd refuses", host->error, sizeof(host->error));
		host->done = true;
		return CMD_OK;
	}
	if (rc == CMD_OK && !host->known)
		host->known = read_u64(result, "ping", &host->id);
	return rc;
}

static size_t
check_running(const struct check *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->begun; i++)
		n += !c->hosts[i].done;
	return n;
}

static int
check_wait(struct check *c)
{
	int rc = ask_wait(c->client, c->due_ns);

	if (rc != CMD_OK || c->failed)
		return rc != CMD_OK ? rc : c->failed;
	if (clock_mono_ns() < c->due_ns)
		return CMD_OK;
	cmd_complain("check: rpingmeshd has said nothing of its pings for a minute: see "
		     "rpingmesh-ctl status");
	return CMD_NO_DAEMON;
}

static int
check_all(struct check *c)
{
	int rc = CMD_OK;

	while (rc == CMD_OK && c->shown < c->n) {
		if (c->hosts[c->shown].done)
			check_show(c, &c->hosts[c->shown++]);
		else if (c->begun < c->n && check_running(c) < CHECK_AT_ONCE)
			rc = check_begin(c, &c->hosts[c->begun]);
		else
			rc = check_wait(c);
	}
	return rc == CMD_OK && c->bad ? CMD_BAD_NEWS : rc;
}

static int
check_central_fits(const struct check *c, const struct cmd_entry *command, char *const *hosts)
{
	size_t same = 1;

	while (same < c->n && strcmp(hosts[same], hosts[0]) == 0)
		same++;
	if (same == c->n || c->n > CHECK_CENTRAL_HOSTS)
		return cmd_usage(command, "--central: expected 2 to %u hosts", CHECK_CENTRAL_HOSTS);
	if (c->count > CHECK_CENTRAL_COUNT)
		return cmd_usage(command, "--central: -c: expected 1 to %u probes",
				 CHECK_CENTRAL_COUNT);
	return -1;
}

static int
check_options(struct ctl *ctl, struct check *c, const struct cmd_entry *command, int argc,
	      char **argv)
{
	static const struct option longs[] = {{"count", required_argument, NULL, 'c'}, CMD_LONG};
	int o, rc;

	optind = 0;
	while ((o = getopt_long(argc, argv, ":c:" CMD_SHORT, longs, NULL)) != -1) {
		if (o != 'c') {
			rc = cmd_option(ctl, command, o, argv);
			if (rc >= 0)
				return rc;
		} else if (!cmd_number(optarg, 1, 1000, &c->count)) {
			return cmd_usage(command, "-c: expected 1 to 1000 probes, not \"%s\"",
					 optarg);
		}
	}
	if (optind == argc)
		return cmd_usage(command, "check whom?");
	c->n = (size_t)(argc - optind);
	if (ctl->to_central)
		return check_central_fits(c, command, argv + optind);
	return c->n > CHECK_MAX ? cmd_usage(command, "at most %d hosts", CHECK_MAX) : -1;
}

static int
check_run(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
{
	struct check c = {.ctl = ctl, .count = 10};
	const struct client_ops ops = {.notified = check_notified, .arg = &c};
	int rc = check_options(ctl, &c, command, argc, argv);

	if (rc >= 0)
		return rc;
	c.hosts = calloc(c.n, sizeof(*c.hosts));
	if (!c.hosts) {
		cmd_complain("no memory");
		return CMD_NO_DAEMON;
	}
	for (size_t i = 0; i < c.n; i++)
		c.hosts[i].name = argv[optind + (int)i];
	rc = ask_open(ctl, &ops, &c.client);
	if (rc == CMD_OK && ctl->to_central)
		rc = check_central(&(struct check_central){ctl, c.client, argv + optind, c.n,
							   c.count});
	else if (rc == CMD_OK)
		rc = check_all(&c);
	client_close(c.client);
	for (size_t i = 0; i < c.n; i++)
		samples_free(&c.hosts[i].rtt);
	free(c.hosts);
	return rc;
}

const struct cmd_entry cmd_check = {
	.name = "check",
	.summary = "probe some hosts now: is the network to each of them well?",
	.help = "Usage: rpingmesh-ctl check [-c N] HOST... [--json]\n"
		"       rpingmesh-ctl --central check [-c N] HOST HOST... [--json]\n"
		"Make the daemon probe each HOST over RoCE, some at a time, and print a line for\n"
		"each. HOST is what `rpingmesh-ctl ping` takes. A host is well if all probes\n"
		"are answered; those that a stall of a host may have affected do not count.\n"
		"\n"
		"With --central, rpingmesh-central asks 2 to 64 hosts to probe each other from\n"
		"all their RDMA ports, and says what they report. HOST is a name of\n"
		"`rpingmesh-ctl hosts`, or its first part. A host that does not answer, or does\n"
		"not probe all that it is asked for, is not well, and its line says why. If one\n"
		"of the hosts is being checked already, it waits for up to a minute.\n"
		"\n"
		"  -c, --count N   probes to each host, at least 0.1 s apart, 1 to 1000\n"
		"                  (with --central 0.2 s, to each port, and 100; default 10)\n"
		"\n"
		"With --json each host is one line of type \"check\", with --central\n"
		"\"check_host\".\n"
		"\n"
		"Exit status: 0 all hosts are well; 1 one is not; 2 usage; 3 no daemon, or with\n"
		"--central no check could be made, or its result is lost.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl check node7 node8\n"
		"  rpingmesh-ctl --central check node7 node8 node9\n"
		"  rpingmesh-ctl check -c 100 $(scontrol show hostnames \"$SLURM_JOB_NODELIST\")",
	.run = check_run,
};

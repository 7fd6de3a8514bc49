/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: selfcheck
 *
 * Holds what the daemon claims about each RDMA port against what this program sees for itself: the
 * kernel's files, and the packets that leave. For owners of hardware that nobody has tested
 * (rpingmesh-hardware(7)).
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "config.h"
#include "core/clock.h"
#include "ctl/cmd/ask.h"
#include "ctl/cmd/show.h"
#include "ctl/term/signals.h"
#include "ctl/view/view.h"
#include "ctl/wire/capture.h"
#include "ctl/wire/claims.h"
#include "ctl/wire/kernelnic.h"
#include "record/json.h"
#include "record/read.h"

#define SELFCHECK_DEVICES 16u
#define SELFCHECK_COUNTERS 512
#define SELFCHECK_STEP_NS (50 * NSEC_PER_MSEC) /* how often captures are emptied */
#define SELFCHECK_REREAD_NS (10 * NSEC_PER_SEC) /* the daemon reads counters every 5 s */

struct selfcheck_port {
	char device[64], netdev[64], driver[64], clock[16], clock_reason[128];
	uint64_t port, mtu, gid_index, khz;
	char gid[ADDR_TEXT];
	bool has_gid, has_khz;
	struct kernelnic nic;
	struct claims *claims;
	int capture; /* descriptor, or -errno */
	uint64_t counters[SELFCHECK_COUNTERS]; /* before, in the record's order; UINT64_MAX: none */
};

struct selfcheck {
	const struct ctl *ctl;
	const char *only; /* the device that was asked for; NULL: all */
	struct client *client;
	struct selfcheck_port ports[SELFCHECK_DEVICES];
	size_t n;
	uint64_t since_ns; /* wall clock */
	bool differs;
};

/* ---- telling ---- */

static void
selfcheck_pack(msgpack_packer *pk, const char *key, const char *value)
{
	msgpack_pack_str(pk, strlen(key));
	msgpack_pack_str_body(pk, key, strlen(key));
	msgpack_pack_str(pk, strlen(value));
	msgpack_pack_str_body(pk, value, strlen(value));
}

static void
selfcheck_json(const struct selfcheck_port *port, const char *check, const char *result,
	       const char *detail)
{
	msgpack_unpacked record;
	msgpack_sbuffer buffer;
	msgpack_packer pk;

	msgpack_sbuffer_init(&buffer);
	msgpack_packer_init(&pk, &buffer, msgpack_sbuffer_write);
	msgpack_pack_map(&pk, 6);
	selfcheck_pack(&pk, "type", "selfcheck");
	selfcheck_pack(&pk, "device", port->device);
	selfcheck_pack(&pk, "driver", port->driver);
	selfcheck_pack(&pk, "check", check);
	selfcheck_pack(&pk, "result", result);
	selfcheck_pack(&pk, "detail", detail);
	msgpack_unpacked_init(&record);
	if (msgpack_unpack_next(&record, buffer.data, buffer.size, NULL) == MSGPACK_UNPACK_SUCCESS)
		json_line(stdout, &record.data, NULL);
	msgpack_unpacked_destroy(&record);
	msgpack_sbuffer_destroy(&buffer);
}

static void
selfcheck_tell(struct selfcheck *s, const struct selfcheck_port *port, const char *check,
	       enum claims_verdict verdict, const char *detail)
{
	const char *result = claims_verdict_name(verdict);

	s->differs |= verdict == CLAIMS_DIFFERS;
	if (s->ctl->json)
		selfcheck_json(port, check, result, detail);
	else
		printf("%-12s %-9s %-11s  %s\n", port->device, check, result, detail);
}

/* ---- what the daemon says ---- */

static bool
selfcheck_wanted(const struct selfcheck *s, const msgpack_object *device)
{
	return !s->only || read_is(device, "device", s->only);
}

static void
selfcheck_counters_before(struct selfcheck_port *port, const msgpack_object *device)
{
	const msgpack_object *counters = read_map(device, "counters");
	char name[KERNELNIC_TEXT];

	for (uint32_t i = 0; counters && i < counters->via.map.size && i < SELFCHECK_COUNTERS;
	     i++) {
		view_clean(&counters->via.map.ptr[i].key, name, sizeof(name));
		if (kernelnic_counter(&port->nic, name, &port->counters[i]) < 0)
			port->counters[i] = UINT64_MAX;
	}
}

static int
selfcheck_take(void *arg, const msgpack_object *list)
{
	struct selfcheck *s = arg;

	for (uint32_t i = 0; i < list->via.array.size; i++) {
		const msgpack_object *device = &list->via.array.ptr[i];
		struct selfcheck_port *p = &s->ports[s->n];
		uint64_t wrap_ns;

		if (!selfcheck_wanted(s, device))
			continue;
		if (s->n == SELFCHECK_DEVICES) {
			cmd_complain("more than %u ports: name a device to check the others",
				     SELFCHECK_DEVICES);
			break;
		}
		if (!view_text(device, "device", p->device, sizeof(p->device)))
			continue;
		view_text(device, "netdev", p->netdev, sizeof(p->netdev));
		view_text(device, "driver", p->driver, sizeof(p->driver));
		view_text(device, "clock", p->clock, sizeof(p->clock));
		view_text(device, "clock_reason", p->clock_reason, sizeof(p->clock_reason));
		p->has_gid = view_text(device, "gid", p->gid, sizeof(p->gid)) &&
			     read_u64(device, "gid_index", &p->gid_index);
		p->has_khz = read_u64(device, "clock_khz", &p->khz);
		read_u64(device, "port", &p->port);
		read_u64(device, "mtu", &p->mtu);
		p->nic = (struct kernelnic){.root = "", .device = p->device, .netdev = p->netdev,
					    .port = (uint8_t)p->port};
		p->claims = claims_new();
		if (!p->claims)
			return show_no_memory();
		if (read_u64(device, "clock_wrap_ns", &wrap_ns))
			claims_wraps(p->claims, wrap_ns);
		p->capture = capture_open(p->netdev);
		selfcheck_counters_before(p, device);
		s->n++;
	}
	return CMD_OK;
}

static void
selfcheck_notified(void *arg, const msgpack_object *method, const msgpack_object *params)
{
	struct selfcheck *s = arg;
	const msgpack_object *probe;

	if (!read_str_is(method, "probe") || params->type != MSGPACK_OBJECT_ARRAY ||
	    params->via.array.size < 1)
		return;
	probe = &params->via.array.ptr[0];
	for (size_t i = 0; i < s->n; i++)
		if (read_is(probe, "device", s->ports[i].device))
			claims_said(s->ports[i].claims, probe, s->since_ns);
}

static void
selfcheck_capture(struct selfcheck *s)
{
	struct capture_packet packet;

	for (size_t i = 0; i < s->n; i++)
		for (unsigned int n = 0; n < CAPTURE_AT_ONCE && s->ports[i].capture >= 0 &&
					 capture_next(s->ports[i].capture, &packet); n++)
			claims_seen(s->ports[i].claims, &packet);
}

/* ---- the checks ---- */

static void
selfcheck_gid(struct selfcheck *s, const struct selfcheck_port *p)
{
	char type[KERNELNIC_TEXT], netdev[KERNELNIC_TEXT], text[CLAIMS_TEXT], is[ADDR_TEXT];
	enum claims_verdict verdict;
	struct addr seen, said;
	int rc;

	if (!p->has_gid || addr_parse(p->gid, &said) < 0) {
		selfcheck_tell(s, p, "gid", CLAIMS_UNKNOWN, "the port has no RoCE v2 address");
		return;
	}
	rc = kernelnic_gid(&p->nic, (unsigned int)p->gid_index, &seen, type, netdev);
	if (rc < 0) {
		snprintf(text, sizeof(text), "the kernel's entry %" PRIu64 " cannot be read: %s",
			 p->gid_index, strerror(-rc));
		selfcheck_tell(s, p, "gid", CLAIMS_UNKNOWN, text);
		return;
	}
	verdict = addr_equal(&said, &seen) && strcmp(type, "RoCE v2") == 0 &&
				  strcmp(netdev, p->netdev) == 0 ? CLAIMS_HOLDS : CLAIMS_DIFFERS;
	snprintf(text, sizeof(text), "said %s of %s; entry %" PRIu64 " is %s, %.16s, of %.16s",
		 p->gid, p->netdev, p->gid_index, addr_text(&seen, is), type, netdev);
	selfcheck_tell(s, p, "gid", verdict, text);
}

static void
selfcheck_mtu(struct selfcheck *s, const struct selfcheck_port *p)
{
	char text[CLAIMS_TEXT];
	uint64_t mtu;
	int rc = kernelnic_mtu(&p->nic, &mtu);

	if (rc < 0) {
		snprintf(text, sizeof(text), "the MTU of %s cannot be read: %s", p->netdev,
			 strerror(-rc));
		selfcheck_tell(s, p, "mtu", CLAIMS_UNKNOWN, text);
		return;
	}
	snprintf(text, sizeof(text), "said %" PRIu64 " bytes; an MTU of %" PRIu64
		 " has room for %u", p->mtu, mtu, kernelnic_path_mtu(mtu));
	selfcheck_tell(s, p, "mtu",
		       p->mtu == kernelnic_path_mtu(mtu) ? CLAIMS_HOLDS : CLAIMS_DIFFERS, text);
}

/* Some kernels count things that come and go among the counters: bnxt_re's active_qps. */
static bool
selfcheck_is_gauge(const char *name)
{
	return strncmp(name, "active_", 7) == 0;
}

static void
selfcheck_counters(struct selfcheck *s, const struct selfcheck_port *p,
		   const msgpack_object *device)
{
	const msgpack_object *counters = read_map(device, "counters");
	char name[KERNELNIC_TEXT], text[CLAIMS_TEXT] = "";
	uint64_t read_ns = 0, said, after, n = 0, wrong = 0;

	read_u64(device, "counters_time_ns", &read_ns);
	for (uint32_t i = 0; counters && read_ns > s->since_ns && i < counters->via.map.size &&
			     i < SELFCHECK_COUNTERS; i++) {
		view_clean(&counters->via.map.ptr[i].key, name, sizeof(name));
		if (selfcheck_is_gauge(name) || p->counters[i] == UINT64_MAX ||
		    !read_u64(&counters->via.map.ptr[i].val, "value", &said) ||
		    kernelnic_counter(&p->nic, name, &after) < 0 || after < p->counters[i])
			continue;
		n++;
		if (said >= p->counters[i] && said <= after)
			continue;
		if (!wrong++)
			snprintf(text, sizeof(text), "%.40s: said %" PRIu64 ", between %" PRIu64
				 " and %" PRIu64 " in the file", name, said, p->counters[i], after);
	}
	if (!wrong && n)
		snprintf(text, sizeof(text), "%" PRIu64 " are what the kernel's files say", n);
	else if (!n)
		snprintf(text, sizeof(text), "%s", counters && read_ns <= s->since_ns ?
			 "the daemon has not read them again meanwhile" : "there are none");
	selfcheck_tell(s, p, "counters",
		       wrong ? CLAIMS_DIFFERS : n ? CLAIMS_HOLDS : CLAIMS_UNKNOWN, text);
}

static void
selfcheck_clock(struct selfcheck *s, const struct selfcheck_port *p)
{
	char text[CLAIMS_TEXT], line[2 * CLAIMS_TEXT];
	enum claims_verdict verdict = claims_clock(p->claims, text);

	if (strcmp(p->clock, "hw") != 0)
		snprintf(line, sizeof(line), "%s: the host's clock is used (%s)", text,
			 p->clock_reason);
	else if (p->has_khz)
		snprintf(line, sizeof(line), "%" PRIu64 " kHz; %s", p->khz, text);
	else
		snprintf(line, sizeof(line), "%s", text);
	selfcheck_tell(s, p, "clock", verdict, line);
}

static void
selfcheck_port(struct selfcheck *s, const struct selfcheck_port *p)
{
	char text[CLAIMS_TEXT];
	enum claims_verdict verdict;

	if (p->capture == -EPERM || p->capture == -EACCES) {
		selfcheck_tell(s, p, "port", CLAIMS_UNKNOWN,
			       "capturing needs CAP_NET_RAW: run it as root");
		return;
	}
	if (p->capture < 0) {
		snprintf(text, sizeof(text), "%s cannot be captured: %s", p->netdev,
			 strerror(-p->capture));
		selfcheck_tell(s, p, "port", CLAIMS_UNKNOWN, text);
		return;
	}
	verdict = claims_ports(p->claims, text);
	selfcheck_tell(s, p, "port", verdict, text);
}

static const msgpack_object *
selfcheck_find(const msgpack_object *list, const struct selfcheck_port *p)
{
	uint64_t port;

	for (uint32_t i = 0; list && i < list->via.array.size; i++)
		if (read_is(&list->via.array.ptr[i], "device", p->device) &&
		    read_u64(&list->via.array.ptr[i], "port", &port) && port == p->port)
			return &list->via.array.ptr[i];
	return NULL;
}

static void
selfcheck_all(struct selfcheck *s, const msgpack_object *list)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct selfcheck_port *p = &s->ports[i];

		selfcheck_gid(s, p);
		selfcheck_mtu(s, p);
		selfcheck_counters(s, p, selfcheck_find(list, p));
		selfcheck_clock(s, p);
		selfcheck_port(s, p);
	}
}

/* ---- the command ---- */

static int
selfcheck_begin(struct selfcheck *s)
{
	const msgpack_object *list = NULL;
	msgpack_sbuffer param;
	msgpack_packer pk;
	struct pages pages;
	int rc = ask_list(s->client, "devices", &pages, &list);

	s->since_ns = clock_wall_ns();
	if (rc == CMD_OK)
		rc = selfcheck_take(s, list);
	pages_free(&pages);
	if (rc == CMD_OK && s->n == 0) {
		cmd_complain(s->only ? "the daemon does not use a device %s: see rpingmesh-ctl "
				       "devices" : "the daemon uses no RDMA device%s", s->only ?
				       s->only : "");
		return CMD_BAD_NEWS;
	}
	if (rc != CMD_OK)
		return rc;
	msgpack_sbuffer_init(&param);
	msgpack_packer_init(&pk, &param, msgpack_sbuffer_write);
	msgpack_pack_map(&pk, 0);
	rc = ask_call(s->client, "subscribe", &param, NULL);
	msgpack_sbuffer_destroy(&param);
	return rc;
}

static int
selfcheck_watch(struct selfcheck *s, uint64_t for_ns)
{
	uint64_t now = clock_mono_ns(), end = now + for_ns;
	int rc = CMD_OK;

	while (rc == CMD_OK && !signals_stop() && (now = clock_mono_ns()) < end) {
		uint64_t next = now + SELFCHECK_STEP_NS;

		rc = ask_wait(s->client, next < end ? next : end);
		selfcheck_capture(s);
	}
	return rc;
}

static void
selfcheck_head(const struct selfcheck *s)
{
	struct utsname os;

	if (s->ctl->json || uname(&os) < 0)
		return;
	printf("rpingmesh %s, %s %s %s\n", PACKAGE_VERSION, os.sysname, os.release, os.machine);
	for (size_t i = 0; i < s->n; i++)
		printf("%s: driver %s, port %" PRIu64 ", interface %s\n", s->ports[i].device,
		       s->ports[i].driver, s->ports[i].port, s->ports[i].netdev);
	printf("\n%-12s %-9s %-11s  %s\n", "DEVICE", "CHECK", "RESULT", "DETAIL");
}

static int
selfcheck_do(struct selfcheck *s, uint64_t for_ns)
{
	const msgpack_object *list = NULL;
	struct pages pages = {0};
	int rc = selfcheck_begin(s);

	if (rc == CMD_OK)
		selfcheck_head(s);
	if (rc == CMD_OK)
		rc = selfcheck_watch(s, for_ns);
	if (rc == CMD_OK)
		rc = ask_list(s->client, "devices", &pages, &list);
	if (rc == CMD_OK) {
		selfcheck_all(s, list);
		rc = s->differs ? CMD_BAD_NEWS : CMD_OK;
	}
	pages_free(&pages);
	return rc;
}

static void
selfcheck_free(struct selfcheck *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->ports[i].capture >= 0)
			close(s->ports[i].capture);
		claims_free(s->ports[i].claims);
	}
	client_close(s->client);
	free(s);
}

static int
selfcheck_run(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
{
	static const struct option longs[] = {
		{"time", required_argument, NULL, 't'}, CMD_LONG,
	};
	unsigned long long for_ns = SELFCHECK_REREAD_NS;
	struct selfcheck *s;
	struct client_ops ops = {.notified = selfcheck_notified};
	int c, rc = -1;

	optind = 0;
	while (rc < 0 && (c = getopt_long(argc, argv, ":t:" CMD_SHORT, longs, NULL)) != -1)
		rc = c == 't' ? cmd_option_seconds(command, 't', &for_ns) :
				cmd_option(ctl, command, c, argv);
	if (rc >= 0)
		return rc;
	if (argc - optind > 1)
		return cmd_usage(command, "one device at most");
	s = calloc(1, sizeof(*s));
	if (!s)
		return show_no_memory();
	s->ctl = ctl;
	s->only = argv[optind];
	ops.arg = s;
	ask_signals();
	rc = ask_open(ctl, &ops, &s->client);
	if (rc == CMD_OK)
		rc = selfcheck_do(s, for_ns);
	selfcheck_free(s);
	return rc;
}

const struct cmd_entry cmd_selfcheck = {
	.name = "selfcheck",
	.summary = "compare what the daemon says about its NICs with what is seen",
	.help = "Usage: rpingmesh-ctl selfcheck [OPTION]... [DEVICE]\n"
		"Compare what the daemon claims about each RDMA port with what this program sees\n"
		"for itself. Report the output if nobody has tested your NIC, as\n"
		"rpingmesh-hardware(7) says, or if something differs. It takes 10 seconds, and\n"
		"sends and changes nothing.\n"
		"\n"
		"  -t, --time SECONDS   watch for so long; default: 10\n"
		"\n"
		"CHECK    gid: the kernel's GID table has the source address of probes\n"
		"         mtu: the path MTU is the largest that fits the interface's\n"
		"         counters: they are what the kernel's files say\n"
		"         clock: the RNIC's clock runs as fast as the host's, also when it\n"
		"         begins anew\n"
		"         port: probes leave with the UDP source port that the daemon says;\n"
		"         this needs root, a NIC that sends through the kernel, and peers\n"
		"RESULT   holds, differs, or cannot tell\n"
		"\n"
		"Exit status: 0 nothing differs; 1 something does, or there is no such device; 2\n"
		"usage; 3 no daemon.\n"
		"\n"
		"Examples:\n"
		"  sudo rpingmesh-ctl selfcheck\n"
		"  sudo rpingmesh-ctl --json selfcheck -t 30 mlx5_0",
	.run = selfcheck_run,
};

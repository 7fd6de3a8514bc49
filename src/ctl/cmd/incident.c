/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <stdio.h>

#include "ctl/cmd/ask.h"
#include "ctl/cmd/when.h"
#include "ctl/view/incidenttable.h"
#include "record/json.h"
#include "record/record.h"

struct incident_args {
	const char *id, *reason;
	const char *method; /* what to do; "incident": show it */
	uint64_t until_ns;
};

/* Takes an option of its own. Returns whether it was one; *rc is -1, or the exit code. */
static bool
incident_option(const struct cmd_entry *command, int c, struct incident_args *args, int *rc)
{
	static const char *const methods[] = {"incident_acknowledge", "incident_mute",
					      "incident_unmute"};

	*rc = -1;
	switch (c) {
	case 'r':
		args->reason = optarg;
		return true;
	case 'u':
		if (!when_until(optarg, &args->until_ns))
			*rc = cmd_usage(command, "--until: expected " WHEN_EXPECTED
						 ", not \"%s\"", optarg);
		return true;
	case 'a':
	case 'm':
	case 'n':
		if (args->method[8])
			*rc = cmd_usage(command, "one of --ack, --mute and --unmute at most");
		args->method = methods[c == 'a' ? 0 : c == 'm' ? 1 : 2];
		return true;
	default:
		return false;
	}
}

static int
incident_check(const struct cmd_entry *command, int argc, char **argv, struct incident_args *args)
{
	bool change = args->method[8] != '\0', mute = change && args->method[9] == 'm';

	if (argc - optind != 1)
		return cmd_usage(command, "which incident? one id");
	args->id = argv[optind];
	if (change && !args->reason)
		return cmd_usage(command, "--reason is missing");
	if (mute && !args->until_ns)
		return cmd_usage(command, "--until is missing");
	if (!mute && args->until_ns)
		return cmd_usage(command, "--until is for --mute");
	if (!change && args->reason)
		return cmd_usage(command, "--reason is for --ack, --mute and --unmute");
	return -1;
}

static int
incident_options(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv,
		 struct incident_args *args)
{
	static const struct option longs[] = {{"ack", no_argument, NULL, 'a'},
					      {"mute", no_argument, NULL, 'm'},
					      {"unmute", no_argument, NULL, 'n'},
					      {"until", required_argument, NULL, 'u'},
					      {"reason", required_argument, NULL, 'r'},
					      CMD_LONG};
	int c, rc;

	optind = 0;
	while ((c = getopt_long(argc, argv, ":u:r:" CMD_SHORT, longs, NULL)) != -1) {
		if (!incident_option(command, c, args, &rc))
			rc = cmd_option(ctl, command, c, argv);
		if (rc >= 0)
			return rc;
	}
	return incident_check(command, argc, argv, args);
}

static int
incident_call(const struct ctl *ctl, struct client *client, const struct incident_args *args)
{
	const msgpack_object *result = NULL;
	msgpack_sbuffer param;
	msgpack_packer pk;
	char by[WHEN_USER];
	struct record r;
	int rc;

	when_user(by);
	msgpack_sbuffer_init(&param);
	msgpack_packer_init(&pk, &param, msgpack_sbuffer_write);
	record_begin(&r, RECORD_TABLE);
	record_str(&r, "id", args->id);
	if (args->reason) {
		record_str(&r, "reason", args->reason);
		record_str(&r, "by", by);
	}
	if (args->until_ns)
		record_u64(&r, "until_ns", args->until_ns);
	record_end(&r, &pk);
	rc = ask_call(client, args->method, &param, &result);
	msgpack_sbuffer_destroy(&param);
	if (rc != CMD_OK)
		return rc;
	if (ctl->json)
		json_line(stdout, result, NULL);
	else if (args->reason)
		incidenttable_line(result, stdout);
	else
		incidenttable_story(result, stdout);
	return CMD_OK;
}

static int
incident_run(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
{
	struct incident_args args = {.method = "incident"};
	struct client *client;
	int rc = incident_options(ctl, command, argc, argv, &args);

	if (rc >= 0)
		return rc;
	rc = ask_open(ctl, NULL, &client);
	if (rc != CMD_OK)
		return rc;
	rc = incident_call(ctl, client, &args);
	client_close(client);
	return rc;
}

const struct cmd_entry cmd_incident = {
	.name = "incident",
	.summary = "central: the story of an incident; acknowledge or mute it",
	.central = true,
	.help = "Usage: rpingmesh-ctl incident ID [--json]\n"
		"       rpingmesh-ctl incident ID --ack --reason TEXT\n"
		"       rpingmesh-ctl incident ID --mute --until TIME --reason TEXT\n"
		"       rpingmesh-ctl incident ID --unmute --reason TEXT\n"
		"Show all that is known about an incident: the candidates, what they do, whom it\n"
		"hurts, and what happened to it. The first letters of an id are enough. To\n"
		"acknowledge an incident says that somebody works on it. One that is muted is\n"
		"not counted by blame and metrics. Neither stops the measurement. Only root and\n"
		"central's own user may do this.\n"
		"\n"
		"      --ack           acknowledge it, until it opens again\n"
		"      --mute          mute it, also if it opens again\n"
		"      --unmute        end that\n"
		"  -u, --until TIME    90m, 2h or 3d from now on, or \"YYYY-MM-DD HH:MM\" by the\n"
		"                      local clock\n"
		"  -r, --reason TEXT   why, for others to read\n"
		"\n"
		"Exit status: 0 done; 1 no such incident, or refused; 2 usage; 3 no central.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl incident 00f1e2\n"
		"  rpingmesh-ctl incident 00f1e2 --mute --until 2h --reason 'cable, ticket 4711'",
	.run = incident_run,
};

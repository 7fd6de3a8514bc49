/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/log.h"
#include "ctl/cmd/ask.h"
#include "ctl/view/view.h"
#include "record/json.h"
#include "record/read.h"
#include "record/record.h"
#include "rpingmesh/log_subsystems.h"

/* Lists the names of levels or subsystems, for the complaint about a wrong one. */
static void
loglevel_names(bool levels, char *buf, size_t size)
{
	size_t at = 0;
	int n = levels ? LOG_LEVEL_N : LOG_SUB_N;

	for (int i = 0; i < n && at < size; i++)
		at += (size_t)snprintf(buf + at, size - at, "%s%s",
				       i ? (i + 1 < n ? ", " : " or ") : "",
				       levels ? log_level_name((enum log_level)i) :
						log_subsystem_name((unsigned int)i));
}

/* Checks the names. Returns -1 if all are right, otherwise the exit code. */
static int
loglevel_check(const struct cmd_entry *command, int n, char **words)
{
	unsigned int sub;
	enum log_level level;
	char names[160];

	loglevel_names(true, names, sizeof(names));
	if (n > 0 && log_level_parse(words[0], &level) < 0)
		return cmd_usage(command, "log-level: expected %s, not \"%s\"", names, words[0]);
	loglevel_names(false, names, sizeof(names));
	for (int i = 1; i < n; i++)
		if (log_subsystem_parse(words[i], &sub) < 0)
			return cmd_usage(command, "log-level: expected a subsystem, %s, not \"%s\"",
					 names, words[i]);
	return -1;
}

static int
loglevel_set(struct client *client, int n, char **words, const msgpack_object **answer)
{
	msgpack_sbuffer param;
	msgpack_packer pk;
	int rc;

	msgpack_sbuffer_init(&param);
	msgpack_packer_init(&pk, &param, msgpack_sbuffer_write);
	msgpack_pack_map(&pk, n > 1 ? 2 : 1);
	record_pack_str(&pk, "level");
	record_pack_str(&pk, words[0]);
	if (n > 1) {
		record_pack_str(&pk, "subsystems");
		msgpack_pack_array(&pk, (size_t)n - 1);
		for (int i = 1; i < n; i++)
			record_pack_str(&pk, words[i]);
	}
	rc = ask_call(client, "log_level_set", &param, answer);
	msgpack_sbuffer_destroy(&param);
	return rc;
}

static void
loglevel_print(const msgpack_object *answer)
{
	const msgpack_object *levels = read_map(answer, "levels"),
			     *configured = read_map(answer, "configured");
	char name[64], level[32], wanted[32];
	bool differs = false;

	for (uint32_t i = 0; levels && i < levels->via.map.size; i++) {
		view_clean(&levels->via.map.ptr[i].key, name, sizeof(name));
		view_clean(&levels->via.map.ptr[i].val, level, sizeof(level));
		printf("%-10s %s", name, level);
		if (view_text(configured, name, wanted, sizeof(wanted)) &&
		    strcmp(level, wanted) != 0) {
			printf(" (configured: %s)", wanted);
			differs = true;
		}
		putchar('\n');
	}
	if (differs)
		puts("Levels that differ from the configuration last until the next reload or "
		     "restart of the daemon.");
}

static int
loglevel_run(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
{
	const msgpack_object *answer = NULL;
	struct client *client;
	int rc = cmd_options(ctl, command, argc, argv);

	if (rc >= 0)
		return rc;
	argc -= optind;
	argv += optind;
	rc = loglevel_check(command, argc, argv);
	if (rc >= 0)
		return rc;
	rc = ask_open(ctl, NULL, &client);
	if (rc != CMD_OK)
		return rc;
	rc = argc ? loglevel_set(client, argc, argv, &answer) :
		    ask_call(client, "log_level", NULL, &answer);
	if (rc == CMD_OK && ctl->json)
		json_line(stdout, answer, "log_level");
	else if (rc == CMD_OK)
		loglevel_print(answer);
	client_close(client);
	return rc;
}

const struct cmd_entry cmd_log_level = {
	.name = "log-level",
	.summary = "show how much the daemon logs, or set it until the next reload",
	.help = "Usage: rpingmesh-ctl log-level [LEVEL [SUBSYSTEM]...] [--json]\n"
		"Show the least urgent level that each subsystem of the daemon logs. With LEVEL,\n"
		"set it for all subsystems or for those named. The new level lasts until the\n"
		"daemon reads its configuration again (`rpingmesh-ctl config reload`, SIGHUP) or\n"
		"restarts. To keep it, set the group `log` in the configuration.\n"
		"\n"
		"Levels: error, warning, info, debug.\n"
		"Subsystems: main, config, device, cm, peer, responder, trace, control, cluster.\n"
		"\n"
		"Exit status: 0 shown or set; 2 usage; 3 no daemon, or no permission: only root\n"
		"and the daemon's own user may set it.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl log-level\n"
		"  rpingmesh-ctl log-level debug peer cm    # why is a peer not found?\n"
		"  rpingmesh-ctl log-level info",
	.run = loglevel_run,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/ctl.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "core/log.h"
#include "ctl/cmd/cmd.h"
#include "ctl/view/near.h"
#include "rpingmesh/control.h"
#include "rpingmesh/log_subsystems.h"

static const struct cmd_entry *const ctl_commands[] = {
	&cmd_status,	  &cmd_top,	&cmd_peers,	&cmd_matrix, &cmd_explain, &cmd_path,
	&cmd_ping,
	&cmd_check,
	&cmd_targets,	  &cmd_windows, &cmd_histogram, &cmd_flows,  &cmd_events,  &cmd_devices,
	&cmd_selfcheck,
	&cmd_acknowledge, &cmd_watch,	&cmd_record,	&cmd_replay, &cmd_config,  &cmd_log_level,
	&cmd_blame,	  &cmd_incidents, &cmd_incident,
	&cmd_hosts,	  &cmd_ports,	&cmd_tors,	&cmd_coverage, &cmd_pinglist, &cmd_drain,
	&cmd_undrain,	  &cmd_confirm, &cmd_links,	&cmd_switches,
};
#define CTL_COMMANDS (sizeof(ctl_commands) / sizeof(ctl_commands[0]))

static const char ctl_help_head[] =
	"Usage: rpingmesh-ctl [OPTION]... COMMAND [ARGUMENT]...\n"
	"Show what the rpingmeshd of this host knows about the RoCE network.\n"
	"\n"
	"Commands:\n";

static const char ctl_help_tail[] =
	"\n"
	"Options, before or after the command:\n"
	"      --json           print records as JSON, one object per line\n"
	"      --color[=WHEN]   colours: auto (on a terminal that has some, unless\n"
	"                       $NO_COLOR is set), always or never\n"
	"  -S, --socket SOCKET  the daemon's control socket; default: $RPINGMESH_SOCKET,\n"
	"                       else " CONTROL_SOCKET_DEFAULT "\n"
	"      --central        ask the rpingmesh-central of this host, by its default\n"
	"                       socket; commands marked \"central\" do so anyway\n"
	"  -h, --help           print this; after a command, the text of that command\n"
	"  -V, --version        print the version\n"
	"\n"
	"Examples:\n"
	"  rpingmesh-ctl status                 # is the daemon well?\n"
	"  rpingmesh-ctl top                    # the network, live\n"
	"  rpingmesh-ctl explain 10.0.0.2       # why is this peer bad?\n"
	"  rpingmesh-ctl ping -c 10 10.0.0.2    # try it now\n"
	"  rpingmesh-ctl --json peers | jq -r 'select(.state != \"up\") | .address'\n"
	"\n"
	"Exit status: 0 success; 1 the answer is bad news (see --help of each command);\n"
	"2 wrong usage; 3 no daemon, no permission, or a daemon that is too old.\n"
	"\n"
	"`rpingmesh-ctl COMMAND --help` explains each command. Manual: rpingmesh-ctl(1);\n"
	"rpingmesh(7) explains what is measured, and how to find a fault.\n";

static int
ctl_help(void)
{
	fputs(ctl_help_head, stdout);
	for (size_t i = 0; i < CTL_COMMANDS; i++)
		printf("  %-11s %s\n", ctl_commands[i]->name, ctl_commands[i]->summary);
	fputs(ctl_help_tail, stdout);
	return CMD_OK;
}

static const struct cmd_entry *
ctl_find(const char *name)
{
	for (size_t i = 0; i < CTL_COMMANDS; i++)
		if (strcmp(ctl_commands[i]->name, name) == 0)
			return ctl_commands[i];
	return NULL;
}

static int
ctl_no_command(const char *name)
{
	const struct cmd_entry *meant = NULL;
	size_t least = 3, d; /* at most two letters may differ, and not all of them */

	for (size_t i = 0; i < CTL_COMMANDS; i++) {
		const struct cmd_entry *command = ctl_commands[i];

		d = strlen(name) > 1 && strncmp(name, command->name, strlen(name)) == 0 ?
			    0 :
			    near_distance(name, command->name);
		if (d >= least || d >= strlen(name))
			continue;
		least = d;
		meant = command;
	}
	if (meant)
		return cmd_usage(NULL, "there is no command \"%s\"; did you mean \"%s\"?", name,
				 meant->name);
	return cmd_usage(NULL, "there is no command \"%s\"", name);
}

/* Parses the options before the command. Returns the same as cmd_option(). */
static int
ctl_options_front(struct ctl *ctl, int argc, char **argv)
{
	static const struct option longs[] = {{"version", no_argument, NULL, 'V'}, CMD_LONG};
	int c, rc;

	optind = 0;
	while ((c = getopt_long(argc, argv, "+:V" CMD_SHORT, longs, NULL)) != -1) {
		if (c == 'V') {
			puts("rpingmesh-ctl " PACKAGE_VERSION);
			return CMD_OK;
		}
		if (c == 'h')
			return ctl_help();
		rc = cmd_option(ctl, NULL, c, argv);
		if (rc >= 0)
			return rc;
	}
	return -1;
}

int
ctl_run(struct ctl *ctl, int argc, char **argv)
{
	static const char *const subsystems[LOG_SUB_N] = LOG_SUBSYSTEM_NAMES;
	const struct cmd_entry *command;
	int first, rc;

	log_init(subsystems, LOG_SUB_N);
	rc = ctl_options_front(ctl, argc, argv);
	first = optind;
	if (rc >= 0)
		return rc;
	if (first == argc)
		return cmd_usage(NULL, "which command?");
	command = ctl_find(argv[first]);
	if (!command)
		return ctl_no_command(argv[first]);
	ctl->central = command->central;
	if (command->central && !ctl->socket_given)
		ctl->socket = CONTROL_SOCKET_CENTRAL;
	return command->run(ctl, command, argc - first, argv + first);
}

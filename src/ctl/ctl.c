/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "ctl/ctl.h"
#include "ctl/view/near.h"
#include "rpingmesh/control.h"

static const struct ctl_command *const ctl_commands[] = {
	&ctl_status,	  &ctl_top,	&ctl_peers,	&ctl_matrix, &ctl_explain, &ctl_ping,
	&ctl_targets,	  &ctl_windows, &ctl_histogram, &ctl_flows,  &ctl_events,  &ctl_devices,
	&ctl_acknowledge, &ctl_watch,	&ctl_record,	&ctl_replay, &ctl_config,  &ctl_log_level,
};
#define CTL_COMMANDS (sizeof(ctl_commands) / sizeof(ctl_commands[0]))

static const char ctl_help_head[] =
	"Usage: rpingmesh-ctl [OPTION]... COMMAND [ARGUMENT]...\n"
	"Ask the rpingmeshd of this host what it knows about the RoCE network.\n"
	"\n"
	"Commands:\n";

static const char ctl_help_tail[] =
	"\n"
	"Options, before or after the command:\n"
	"      --json           print records as JSON, one object a line\n"
	"      --color[=WHEN]   colours: auto (on a terminal that has some, unless\n"
	"                       $NO_COLOR is set), always or never\n"
	"  -S, --socket SOCKET  the daemon's control socket; default: $RPINGMESH_SOCKET,\n"
	"                       else " CONTROL_SOCKET_DEFAULT "\n"
	"  -h, --help           this text; after a command, the command's own\n"
	"  -V, --version        print the version\n"
	"\n"
	"Examples:\n"
	"  rpingmesh-ctl status                 # is the daemon well?\n"
	"  rpingmesh-ctl top                    # the network, live\n"
	"  rpingmesh-ctl explain 10.0.0.2       # why is this peer bad?\n"
	"  rpingmesh-ctl ping -c 10 10.0.0.2    # try it now\n"
	"  rpingmesh-ctl --json peers | jq -r 'select(.state != \"up\") | .address'\n"
	"\n"
	"Exit status: 0 fine; 1 the answer is bad news (each command's --help tells\n"
	"which); 2 wrong usage; 3 no daemon, no permission, or a daemon that is too old.\n"
	"\n"
	"`rpingmesh-ctl COMMAND --help` explains each command. Manual: rpingmesh-ctl(1);\n"
	"what is measured, and how to find a fault: rpingmesh(7).\n";

static struct {
	char *buf;
	size_t size;
} ctl_kept;

void
ctl_complain_into(char *buf, size_t size)
{
	ctl_kept.buf = buf;
	ctl_kept.size = size;
}

void
ctl_complain(const char *fmt, ...)
{
	va_list ap;

	if (ctl_kept.buf) {
		va_start(ap, fmt);
		vsnprintf(ctl_kept.buf, ctl_kept.size, fmt, ap);
		va_end(ap);
		return;
	}
	fflush(stdout);
	fputs("rpingmesh-ctl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

int
ctl_usage(const struct ctl_command *command, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ctl_complain("%s (see rpingmesh-ctl%s%s --help)", text, command ? " " : "",
		     command ? command->name : "");
	return CTL_USAGE;
}

void
ctl_label(const char *label)
{
	printf("  %-10s ", label);
}

bool
ctl_color(struct ctl *ctl, const char *when)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (!when || strcmp(when, "always") == 0)
		ctl->color = true;
	else if (strcmp(when, "never") == 0)
		ctl->color = false;
	else if (strcmp(when, "auto") == 0)
		ctl->color = ctl->tty && !(no_color && *no_color) && term && *term &&
			     strcmp(term, "dumb") != 0;
	else
		return false;
	return true;
}

static int
ctl_help(void)
{
	fputs(ctl_help_head, stdout);
	for (size_t i = 0; i < CTL_COMMANDS; i++)
		printf("  %-11s %s\n", ctl_commands[i]->name, ctl_commands[i]->summary);
	fputs(ctl_help_tail, stdout);
	return CTL_OK;
}

/*
 * What getopt_long(3) did not like: an option nobody knows, or --name=value of one that takes none.
 */
static int
ctl_option_unknown(const struct ctl_command *command, char **argv)
{
	const char *word = argv[optind - 1], *next = argv[optind];
	/* Of letters behind one dash those before the last leave optind where they stand. */
	bool within =
		next && next[0] == '-' && next[1] != '-' && optopt && strchr(next, (char)optopt);

	if (optopt > ' ' && optopt < 0x7f && (within || word[1] != '-'))
		return ctl_usage(command, "unknown option -%c", optopt);
	if (optopt > 0 && !within && word[1] == '-')
		return ctl_usage(command, "option %.*s takes no value", (int)strcspn(word, "="),
				 word);
	return ctl_usage(command, "unknown option %s", within ? next : word);
}

int
ctl_option(struct ctl *ctl, const struct ctl_command *command, int c, char **argv)
{
	switch (c) {
	case 'J':
		ctl->json = true;
		return -1;
	case 'K':
		return ctl_color(ctl, optarg) ?
			       -1 :
			       ctl_usage(command,
					 "--color: expected auto, always or never, not \"%s\"",
					 optarg);
	case 'S':
		ctl->socket = optarg;
		return -1;
	case 'h':
		if (!command)
			return ctl_help();
		puts(command->help);
		return CTL_OK;
	case ':':
		return ctl_usage(command, "option %s needs a value", argv[optind - 1]);
	default:
		return ctl_option_unknown(command, argv);
	}
}

int
ctl_options(struct ctl *ctl, const struct ctl_command *command, int argc, char **argv)
{
	static const struct option longs[] = {CTL_LONG};
	int c, rc;

	optind = 0;
	while ((c = getopt_long(argc, argv, ":" CTL_SHORT, longs, NULL)) != -1) {
		rc = ctl_option(ctl, command, c, argv);
		if (rc >= 0)
			return rc;
	}
	return -1;
}

int
ctl_options_only(struct ctl *ctl, const struct ctl_command *command, int argc, char **argv)
{
	int rc = ctl_options(ctl, command, argc, argv);

	if (rc >= 0)
		return rc;
	if (optind < argc)
		return ctl_usage(command, "%s takes no argument, not \"%s\"", command->name,
				 argv[optind]);
	return -1;
}

int
ctl_option_by(const struct ctl_command *command, const char *text, const char **by)
{
	static const char *const names[] = {"target", "flow", "device"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			*by = names[i];
			return -1;
		}
	}
	return ctl_usage(command, "--by: expected target, flow or device, not \"%s\"", text);
}

bool
ctl_number(const char *text, unsigned long long min, unsigned long long max,
	   unsigned long long *out)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10);
	if (errno || end == text || *end || text[0] < '0' || text[0] > '9' || n < min || n > max)
		return false;
	*out = n;
	return true;
}

bool
ctl_seconds(const char *text, double min, double max, unsigned long long *out_ns)
{
	char *end;
	double s = strtod(text, &end);

	if (end == text || *end || !isfinite(s) || s < min || s > max)
		return false;
	*out_ns = (unsigned long long)(s * (double)NSEC_PER_SEC + 0.5);
	return true;
}

uint64_t
ctl_next(uint64_t last_ns, uint64_t interval_ns)
{
	uint64_t now_ns = clock_mono_ns();

	return last_ns + interval_ns > now_ns ? last_ns + interval_ns : now_ns;
}

static const struct ctl_command *
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
	const struct ctl_command *meant = NULL;
	size_t least = 3, d; /* two letters at most, and not all */

	for (size_t i = 0; i < CTL_COMMANDS; i++) {
		const struct ctl_command *command = ctl_commands[i];

		d = strlen(name) > 1 && strncmp(name, command->name, strlen(name)) == 0 ?
			    0 :
			    near_distance(name, command->name);
		if (d >= least || d >= strlen(name))
			continue;
		least = d;
		meant = command;
	}
	if (meant)
		return ctl_usage(NULL, "there is no command \"%s\"; did you mean \"%s\"?", name,
				 meant->name);
	return ctl_usage(NULL, "there is no command \"%s\"", name);
}

/* The options in front of the command. As ctl_option(). */
static int
ctl_options_front(struct ctl *ctl, int argc, char **argv)
{
	static const struct option longs[] = {{"version", no_argument, NULL, 'V'}, CTL_LONG};
	int c, rc;

	optind = 0;
	while ((c = getopt_long(argc, argv, "+:V" CTL_SHORT, longs, NULL)) != -1) {
		if (c == 'V') {
			puts("rpingmesh-ctl " PACKAGE_VERSION);
			return CTL_OK;
		}
		rc = ctl_option(ctl, NULL, c, argv);
		if (rc >= 0)
			return rc;
	}
	return -1;
}

int
ctl_run(struct ctl *ctl, int argc, char **argv)
{
	const struct ctl_command *command;
	int rc = ctl_options_front(ctl, argc, argv);
	int first = optind;

	if (rc >= 0)
		return rc;
	if (first == argc)
		return ctl_usage(NULL, "which command?");
	command = ctl_find(argv[first]);
	if (!command)
		return ctl_no_command(argv[first]);
	return command->run(ctl, command, argc - first, argv + first);
}

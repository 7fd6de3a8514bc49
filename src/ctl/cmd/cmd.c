/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/cmd/cmd.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "rpingmesh/control.h"

static struct {
	char *buf;
	size_t size;
} cmd_kept;

void
cmd_complain_into(char *buf, size_t size)
{
	cmd_kept.buf = buf;
	cmd_kept.size = size;
}

void
cmd_complain(const char *fmt, ...)
{
	va_list ap;

	if (cmd_kept.buf) {
		va_start(ap, fmt);
		vsnprintf(cmd_kept.buf, cmd_kept.size, fmt, ap);
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
cmd_usage(const struct cmd_entry *command, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cmd_complain("%s (see rpingmesh-ctl%s%s --help)", text, command ? " " : "",
		     command ? command->name : "");
	return CMD_USAGE;
}

bool
cmd_color(struct ctl *ctl, const char *when)
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

/*
 * Complains about an option that getopt_long(3) refused: an unknown one, or --name=value for an
 * option without a value.
 */
static int
cmd_option_unknown(const struct cmd_entry *command, char **argv)
{
	const char *word = argv[optind - 1], *next = argv[optind];
	/* With several letters after one dash, only the last one moves optind. */
	bool within =
		next && next[0] == '-' && next[1] != '-' && optopt && strchr(next, (char)optopt);

	if (optopt > ' ' && optopt < 0x7f && (within || word[1] != '-'))
		return cmd_usage(command, "unknown option -%c", optopt);
	if (optopt > 0 && !within && word[1] == '-')
		return cmd_usage(command, "option %.*s takes no value", (int)strcspn(word, "="),
				 word);
	return cmd_usage(command, "unknown option %s", within ? next : word);
}

int
cmd_option(struct ctl *ctl, const struct cmd_entry *command, int c, char **argv)
{
	switch (c) {
	case 'J':
		ctl->json = true;
		return -1;
	case 'K':
		return cmd_color(ctl, optarg) ?
			       -1 :
			       cmd_usage(command,
					 "--color: expected auto, always or never, not \"%s\"",
					 optarg);
	case 'S':
		ctl->socket = optarg;
		ctl->socket_given = true;
		return -1;
	case 'C':
		if (!ctl->socket_given)
			ctl->socket = CONTROL_SOCKET_CENTRAL;
		ctl->socket_given = true;
		ctl->to_central = true;
		return -1;
	case 'h':
		puts(command->help);
		return CMD_OK;
	case ':':
		return cmd_usage(command, "option %s needs a value", argv[optind - 1]);
	default:
		return cmd_option_unknown(command, argv);
	}
}

int
cmd_options(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
{
	static const struct option longs[] = {CMD_LONG};
	int c, rc;

	optind = 0;
	while ((c = getopt_long(argc, argv, ":" CMD_SHORT, longs, NULL)) != -1) {
		rc = cmd_option(ctl, command, c, argv);
		if (rc >= 0)
			return rc;
	}
	return -1;
}

int
cmd_no_argument(const struct cmd_entry *command, int argc, char **argv)
{
	if (optind == argc)
		return -1;
	return cmd_usage(command, "%s takes no argument, not \"%s\"", command->name, argv[optind]);
}

int
cmd_options_only(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
{
	int rc = cmd_options(ctl, command, argc, argv);

	return rc < 0 ? cmd_no_argument(command, argc, argv) : rc;
}

int
cmd_option_count(const struct cmd_entry *command, char letter, unsigned long long *out)
{
	if (cmd_number(optarg, 1, UINT32_MAX, out))
		return -1;
	return cmd_usage(command, "-%c: expected how many, 1 or more, not \"%s\"", letter, optarg);
}

int
cmd_option_seconds(const struct cmd_entry *command, char letter, unsigned long long *out_ns)
{
	if (cmd_seconds(optarg, 0.1, 3600, out_ns))
		return -1;
	return cmd_usage(command, "-%c: expected seconds, 0.1 to 3600, not \"%s\"", letter, optarg);
}

int
cmd_option_pid(const struct cmd_entry *command, unsigned long long *out, bool *has)
{
	*has = cmd_number(optarg, 1, UINT32_MAX, out);
	return *has ? -1 : cmd_usage(command, "--pid: expected a process id, not \"%s\"", optarg);
}

int
cmd_option_by(const struct cmd_entry *command, const char *text, const char **by)
{
	static const char *const names[] = {"target", "flow", "device"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			*by = names[i];
			return -1;
		}
	}
	return cmd_usage(command, "--by: expected target, flow or device, not \"%s\"", text);
}

bool
cmd_number(const char *text, unsigned long long min, unsigned long long max,
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
cmd_seconds(const char *text, double min, double max, unsigned long long *out_ns)
{
	char *end;
	double s = strtod(text, &end);

	if (end == text || *end || !isfinite(s) || s < min || s > max)
		return false;
	*out_ns = (unsigned long long)(s * (double)NSEC_PER_SEC + 0.5);
	return true;
}

uint64_t
cmd_next(uint64_t last_ns, uint64_t interval_ns)
{
	uint64_t now_ns = clock_mono_ns();

	return last_ns + interval_ns > now_ns ? last_ns + interval_ns : now_ns;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all commands of rpingmesh-ctl share: the options in front of or behind the command, the exit
 * codes, and how to complain. Every failure is one line on stderr.
 */
#ifndef RPINGMESH_CTL_CTL_H
#define RPINGMESH_CTL_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct option;

enum ctl_exit {
	CTL_OK = 0,
	CTL_BAD_NEWS = 1,  /* the answer came, and it is bad, or an error */
	CTL_USAGE = 2,
	CTL_NO_DAEMON = 3, /* none, no permission, or one that does not understand us */
	CTL_STOPPED = 130, /* a second Ctrl-C */
};

struct ctl {
	const char *socket;
	bool json;
	bool tty;    /* stdout is a terminal */
	bool color;  /* on it, and wanted */
};

struct ctl_command {
	const char *name;
	const char *summary; /* one line, for the list of commands */
	const char *help;    /* the whole text of `rpingmesh-ctl NAME --help`, without a trailing
				newline */
	/* argv[0] is the command's name. Returns what to exit with. */
	int (*run)(struct ctl *ctl, const struct ctl_command *command, int argc, char **argv);
};

extern const struct ctl_command ctl_status, ctl_devices, ctl_acknowledge, ctl_peers, ctl_targets,
	ctl_flows, ctl_events, ctl_ping, ctl_config, ctl_explain, ctl_histogram, ctl_log_level,
	ctl_matrix, ctl_record, ctl_replay, ctl_top, ctl_watch, ctl_windows;

/* The whole program but for what is said and done once a process. Returns what to exit with. */
int ctl_run(struct ctl *ctl, int argc, char **argv);

/* "rpingmesh-ctl: " and the text as one line on stderr. */
void ctl_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * From now on the text alone goes to buf, the last one; NULL: to stderr again. For those that own
 * the screen.
 */
void ctl_complain_into(char *buf, size_t size);

/* The same with a hint at --help; CTL_USAGE. */
int ctl_usage(const struct ctl_command *command, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* What a line of `status` begins with. */
void ctl_label(const char *label);

/* Short options that every command takes, and long ones; end both of a command's own with them. */
#define CTL_SHORT "S:h"
#define CTL_LONG \
	{"json", no_argument, NULL, 'J'}, {"socket", required_argument, NULL, 'S'}, \
		{"color", optional_argument, NULL, 'K'}, {"help", no_argument, NULL, 'h'}, \
	{ \
		NULL, 0, NULL, 0 \
	}

/*
 * Whether to use colours: "auto", "always" (NULL as well) or "never". False: none of these.
 * ctl->tty must be set.
 */
bool ctl_color(struct ctl *ctl, const char *when);

/*
 * What getopt_long() gave that is none of the command's own: -1 when it was a common option and
 * parsing goes on, else what to exit with (help was shown: CTL_OK).
 */
int ctl_option(struct ctl *ctl, const struct ctl_command *command, int c, char **argv);

/*
 * Parses the options of a command that has none of its own; its arguments are behind optind. As
 * ctl_option().
 */
int ctl_options(struct ctl *ctl, const struct ctl_command *command, int argc, char **argv);

/* Parses a command that has no option of its own and no argument. As ctl_option(). */
int ctl_options_only(struct ctl *ctl, const struct ctl_command *command, int argc, char **argv);

/*
 * --by of those that show windows: *by is "target", "flow" or "device", static text. As
 * ctl_option().
 */
int ctl_option_by(const struct ctl_command *command, const char *text, const char **by);

/*
 * Numbers in options: decimal or 0x…; seconds may have a fraction. False: not one, or out of range.
 */
bool ctl_number(const char *text, unsigned long long min, unsigned long long max,
		unsigned long long *out);
bool ctl_seconds(const char *text, double min, double max, unsigned long long *out_ns);

/*
 * When to do again what was due at last_ns (CLOCK_MONOTONIC): what a program missed that was
 * stopped, it does not make up for.
 */
uint64_t ctl_next(uint64_t last_ns, uint64_t interval_ns);

#endif

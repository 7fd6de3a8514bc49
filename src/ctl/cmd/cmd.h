/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all commands of rpingmesh-ctl share: the options in front of or behind the command, the exit
 * codes, and how to complain. Every failure is one line on stderr.
 */
#ifndef RPINGMESH_CTL_CMD_CMD_H
#define RPINGMESH_CTL_CMD_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct option;

enum cmd_exit {
	CMD_OK = 0,
	CMD_BAD_NEWS = 1,  /* the answer came, and it is bad, or an error */
	CMD_USAGE = 2,
	CMD_NO_DAEMON = 3, /* none, no permission, or one that does not understand us */
	CMD_STOPPED = 130, /* by a signal: SIGNALS_EXIT */
};

/* How the program was called. */
struct ctl {
	const char *socket;
	bool json;
	bool tty;    /* stdout is a terminal */
	bool color;  /* on it, and wanted */
};

struct cmd_entry {
	const char *name;
	const char *summary; /* one line, for the list of commands */
	const char *help;    /* the whole text of `rpingmesh-ctl NAME --help`, without a trailing
				newline */
	/* argv[0] is the command's name. Returns what to exit with. */
	int (*run)(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv);
};

extern const struct cmd_entry cmd_status, cmd_devices, cmd_acknowledge, cmd_peers, cmd_targets,
	cmd_flows, cmd_events, cmd_ping, cmd_config, cmd_explain, cmd_histogram, cmd_log_level,
	cmd_matrix, cmd_record, cmd_replay, cmd_top, cmd_watch, cmd_windows;

/* "rpingmesh-ctl: " and the text as one line on stderr. */
void cmd_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * From now on the text alone goes to buf, the last one; NULL: to stderr again. For those that own
 * the screen.
 */
void cmd_complain_into(char *buf, size_t size);

/* The same with a hint at --help; CMD_USAGE. */
int cmd_usage(const struct cmd_entry *command, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Short options that every command takes, and long ones; end both of a command's own with them. */
#define CMD_SHORT "S:h"
#define CMD_LONG \
	{"json", no_argument, NULL, 'J'}, {"socket", required_argument, NULL, 'S'}, \
		{"color", optional_argument, NULL, 'K'}, {"help", no_argument, NULL, 'h'}, \
	{ \
		NULL, 0, NULL, 0 \
	}

/*
 * Whether to use colours: "auto", "always" (NULL as well) or "never". False: none of these.
 * ctl->tty must be set.
 */
bool cmd_color(struct ctl *ctl, const char *when);

/*
 * What getopt_long() gave that is none of the command's own: -1 when it was a common option and
 * parsing goes on, else what to exit with (help was shown: CMD_OK). command NULL: none yet, and
 * 'h' is the caller's.
 */
int cmd_option(struct ctl *ctl, const struct cmd_entry *command, int c, char **argv);

/*
 * Parses the options of a command that has none of its own; its arguments are behind optind. As
 * cmd_option().
 */
int cmd_options(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv);

/* Parses a command that has no option of its own and no argument. As cmd_option(). */
int cmd_options_only(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv);

/*
 * --by of those that show windows: *by is "target", "flow" or "device", static text. As
 * cmd_option().
 */
int cmd_option_by(const struct cmd_entry *command, const char *text, const char **by);

/*
 * Numbers in options: decimal or 0x…; seconds may have a fraction. False: not one, or out of range.
 */
bool cmd_number(const char *text, unsigned long long min, unsigned long long max,
		unsigned long long *out);
bool cmd_seconds(const char *text, double min, double max, unsigned long long *out_ns);

/*
 * When to do again what was due at last_ns (CLOCK_MONOTONIC): what a program missed that was
 * stopped, it does not make up for.
 */
uint64_t cmd_next(uint64_t last_ns, uint64_t interval_ns);

#endif

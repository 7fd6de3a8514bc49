/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by all commands of rpingmesh-ctl: common options, exit codes and complaints. Each failure
 * is one line on stderr. rpingmesh-ctl(1) describes the commands.
 */
#ifndef RPINGMESH_CTL_CMD_CMD_H
#define RPINGMESH_CTL_CMD_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct option;

enum cmd_exit {
	CMD_OK = 0,
	CMD_BAD_NEWS = 1,  /* the daemon reports a problem or an error */
	CMD_USAGE = 2,
	CMD_NO_DAEMON = 3, /* no daemon, no permission, or an incompatible daemon */
	CMD_STOPPED = 130, /* by a signal: SIGNALS_EXIT */
};

/* How the program was called. */
struct ctl {
	const char *socket;
	bool socket_given; /* by an option */
	bool to_central; /* --central was given */
	bool central; /* the command is one for rpingmesh-central only */
	bool json;
	bool tty;    /* stdout is a terminal */
	bool color;  /* use colours */
};

struct cmd_entry {
	const char *name;
	const char *summary; /* one line, for the list of commands */
	bool central;        /* it asks rpingmesh-central unless told otherwise */
	const char *help;    /* the text of `rpingmesh-ctl NAME --help`, without the last newline */
	/* argv[0] is the command's name. Returns the exit code. */
	int (*run)(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv);
};

extern const struct cmd_entry cmd_status, cmd_devices, cmd_acknowledge, cmd_peers, cmd_targets,
	cmd_flows, cmd_events, cmd_ping, cmd_config, cmd_explain, cmd_histogram, cmd_log_level,
	cmd_matrix, cmd_record, cmd_replay, cmd_top, cmd_watch, cmd_windows, cmd_hosts, cmd_ports,
	cmd_path, cmd_tors, cmd_coverage, cmd_pinglist, cmd_drain, cmd_undrain, cmd_confirm,
	cmd_blame, cmd_incident, cmd_incidents, cmd_links, cmd_switches,
	cmd_selfcheck, cmd_check;

/* Prints "rpingmesh-ctl: " and the text as one line on stderr. */
void cmd_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * For commands that use the whole screen: from now on, complaints go into buf, which keeps the last
 * one, without the program's name. buf = NULL: they go to stderr again.
 */
void cmd_complain_into(char *buf, size_t size);

/* Like cmd_complain(), with a hint at --help. Returns CMD_USAGE. */
int cmd_usage(const struct cmd_entry *command, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The short and long options of every command. Put them at the end of a command's own options. */
#define CMD_SHORT "S:h"
#define CMD_LONG \
	{"json", no_argument, NULL, 'J'}, {"socket", required_argument, NULL, 'S'}, \
		{"color", optional_argument, NULL, 'K'}, {"help", no_argument, NULL, 'h'}, \
		{"central", no_argument, NULL, 'C'}, \
	{ \
		NULL, 0, NULL, 0 \
	}

/*
 * Sets ctl->color from "auto", "always" (or NULL) or "never". Returns false for any other text.
 * ctl->tty must be set before.
 */
bool cmd_color(struct ctl *ctl, const char *when);

/*
 * Handles a result of getopt_long() that is not one of the command's own options. Returns -1 if it
 * was a common option and parsing continues. Otherwise returns the exit code; after --help that is
 * CMD_OK. command = NULL: there is no command yet, and the caller handles 'h'.
 */
int cmd_option(struct ctl *ctl, const struct cmd_entry *command, int c, char **argv);

/*
 * Parses the options of a command that has none of its own. Its arguments begin at optind. Returns
 * the same as cmd_option().
 */
int cmd_options(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv);

/* Complains if there are arguments after the options. Returns the same as cmd_option(). */
int cmd_no_argument(const struct cmd_entry *command, int argc, char **argv);
/* Like cmd_options(), for a command that has no arguments either. */
int cmd_options_only(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv);

/*
 * Parses the value of --by of commands that show windows. *by becomes "target", "flow" or "device",
 * as static text. Returns the same as cmd_option().
 */
int cmd_option_by(const struct cmd_entry *command, const char *text, const char **by);

/*
 * Parse the values of options that several commands have: a number of something, seconds from 0.1
 * to 3600, and a process id. `letter` is that of the option. Return the same as cmd_option().
 */
int cmd_option_count(const struct cmd_entry *command, char letter, unsigned long long *out);
int cmd_option_seconds(const struct cmd_entry *command, char letter, unsigned long long *out_ns);
int cmd_option_pid(const struct cmd_entry *command, unsigned long long *out, bool *has);
/*
 * Parse numbers in options: decimal or 0x…; seconds may have a fraction. Return false if the text
 * is no number, or out of range.
 */
bool cmd_number(const char *text, unsigned long long min, unsigned long long max,
		unsigned long long *out);
bool cmd_seconds(const char *text, double min, double max, unsigned long long *out_ns);

/*
 * The time of the next turn after the one at last_ns (CLOCK_MONOTONIC). Turns that the program has
 * missed while it was stopped are skipped.
 */
uint64_t cmd_next(uint64_t last_ns, uint64_t interval_ns);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log lines for the operator: a level, a subsystem, one line of text. Lines go to stderr, with
 * systemd's <N> priority prefix when stderr is the journal (sd-daemon(3)), or to syslog(3).
 * The log is the one process-wide object: every room writes to it and none may fail for it.
 */
#ifndef RPINGMESH_CORE_LOG_H
#define RPINGMESH_CORE_LOG_H

#include <stdbool.h>

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_N
};

enum log_subsystem {
	LOG_SUB_MAIN,
	LOG_SUB_CONFIG,
	LOG_SUB_DEVICE,
	LOG_SUB_CM,
	LOG_SUB_PEER,
	LOG_SUB_RESPONDER,
	LOG_SUB_TRACE,
	LOG_SUB_CONTROL,
	LOG_SUB_N
};

enum log_target {
	LOG_TARGET_STDERR,
	LOG_TARGET_SYSLOG,
};

/*
 * Where lines go and from which level on; syslog(3) names the program by its own name. Before the
 * first call: stderr, info. Does not fail.
 */
void log_setup(enum log_target target, enum log_level level);

/* The level of one subsystem alone; it wins over the general one until the next log_setup(). */
void log_set_level(enum log_subsystem sub, enum log_level level);

enum log_level log_get_level(enum log_subsystem sub);

bool log_enabled(enum log_subsystem sub, enum log_level level);

/*
 * Writes one line. May block for as long as writing to stderr does: a daemon's stderr is the
 * journal or a file. Control characters are shown as '?',
 * so that a host name out of the network cannot write control characters to a terminal.
 */
void log_write(enum log_subsystem sub, enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define log_error(sub, ...) log_write(LOG_SUB_##sub, LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(sub, ...) log_write(LOG_SUB_##sub, LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(sub, ...) log_write(LOG_SUB_##sub, LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(sub, ...) \
	do { \
		if (log_enabled(LOG_SUB_##sub, LOG_LEVEL_DEBUG)) \
			log_write(LOG_SUB_##sub, LOG_LEVEL_DEBUG, __VA_ARGS__); \
	} while (0)

/* Names as they stand in the configuration; NULL is behind the last. */
extern const char *const log_level_names[LOG_LEVEL_N + 1];

/* NULL for a value out of range. */
const char *log_level_name(enum log_level level);
const char *log_subsystem_name(enum log_subsystem sub);

/* 0 and *out set, or -EINVAL for a name that is none. */
int log_level_parse(const char *name, enum log_level *out);
int log_subsystem_parse(const char *name, enum log_subsystem *out);

#endif

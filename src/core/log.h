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

#define LOG_SUBSYSTEMS 32 /* that a program may have */

enum log_target {
	LOG_TARGET_STDERR,
	LOG_TARGET_SYSLOG,
};

/*
 * The names of the program's subsystems: n, LOG_SUBSYSTEMS at most, kept. Their numbers are those
 * of an enum of the program, with a LOG_SUB_ before each name
 * (include/rpingmesh/log_subsystems.h). Before this call, a line names no subsystem.
 */
void log_init(const char *const *names, unsigned int n);

/*
 * Where lines go and from which level on; syslog(3) names the program by its own name. Before the
 * first call: stderr, info. Does not fail.
 */
void log_setup(enum log_target target, enum log_level level);

/* The level of one subsystem alone; it wins over the general one until the next log_setup(). */
void log_set_level(unsigned int sub, enum log_level level);

enum log_level log_get_level(unsigned int sub);

bool log_enabled(unsigned int sub, enum log_level level);

/*
 * Writes one line. May block for as long as writing to stderr does: a daemon's stderr is the
 * journal or a file. Control characters are shown as '?',
 * so that a host name out of the network cannot write control characters to a terminal.
 */
void log_write(unsigned int sub, enum log_level level, const char *fmt, ...)
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
const char *log_subsystem_name(unsigned int sub);

/* 0 and *out set, or -EINVAL for a name that is none. */
int log_level_parse(const char *name, enum log_level *out);
int log_subsystem_parse(const char *name, unsigned int *out);

#endif
